"""How often the report's 95% interval of the delivered labels holds the truth, on recorded sets.

    python benchmarks/coverage.py DIR... [--trials 400] [--json]

A model learns from some recorded answers and the rest is a batch. Each trial draws an audit, makes
the product's certificate, delivers what it accepts and the recorded answers for all else, and asks
`review.report.hybrid` for its interval, which sees only what people were asked. The truth counts
every delivered label of the batch. Targets are set where an oracle would accept a half, or four
fifths, of the frame. `--json` prints one object a line.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load
from numpy.typing import NDArray

from judges.trust.certificate import Frame, certify, draw_audit
from judges.trust.label_model import LabelModel
from judges.trust.vote_matrix import MISSING, TIE, A, B
from review.report.hybrid import agreement, count

FITS = 3
AUDITS = (30, 60, 150, 400)
SHARES = (0.5, 0.8)
ANSWERS = 200


@dataclass(frozen=True)
class Batch:
    """Pairs with a recorded answer that the model did not see: its labels, and the frame of those
    it delivers as a or b. row: of a frame's pair in the batch, by rank.
    """

    truth_P: NDArray[np.int8]
    choice_P: NDArray[np.int8]
    frame: Frame
    rank: NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """What the report is shown of one trial."""

    truth_P: NDArray[np.int8]
    delivered_P: NDArray[np.int8]
    by_human_P: NDArray[np.bool_]
    apart_P: NDArray[np.bool_]
    machine_P: NDArray[np.int8]
    drawn_P: NDArray[np.bool_]
    zone_P: NDArray[np.int64]


def batches(folder: Folder) -> Iterator[Batch]:
    """One batch a fit."""
    known = np.flatnonzero(folder.truth_P != MISSING)
    answers = min(ANSWERS, len(known) // 4)
    for seed in range(FITS):
        shuffled = np.random.default_rng(seed).permutation(known)
        labels = np.full(len(folder.vote_matrix), MISSING, np.int8)
        labels[shuffled[:answers]] = folder.truth_P[shuffled[:answers]]
        said = LabelModel().fit(folder.vote_matrix, labels).predict(folder.vote_matrix)
        rest = np.sort(shuffled[answers:])
        choice, truth = said.choice_P[rest], folder.truth_P[rest]
        inside = np.flatnonzero(choice != TIE)
        frame = Frame.of([f"{row:07d}" for row in inside], said.confidence_P[rest][inside])
        yield Batch(truth, choice, frame, inside[frame.ranking()])


def target(batch: Batch, share: float) -> float:
    """Where an oracle that knows every wrong label would accept this share of the frame."""
    first = batch.rank[: int(share * len(batch.rank))]
    wrong = int((batch.choice_P != batch.truth_P)[first].sum())
    return max(wrong, 1) / len(batch.rank) + 1e-9


def trial(batch: Batch, audits: int, wanted: float, seed: int) -> tuple[float, ...] | None:
    """Truth, low, high and wrong audits found; None where nothing is certified."""
    wrong_P = batch.choice_P != batch.truth_P
    drawn = [int(pair) for pair in draw_audit(batch.frame, audits, seed)[0]]
    said = {f"{row:07d}": bool(wrong_P[row]) for row in drawn}
    made = certify(batch.frame, said, target=wanted, seed=seed)
    if not made.holds:
        return None
    size = len(batch.truth_P)
    safe, drawn_P = np.zeros(size, bool), np.zeros(size, bool)
    safe[batch.rank[: made.accepted]] = True
    drawn_P[drawn] = True
    human = ~safe | drawn_P
    delivered = np.where(human, batch.truth_P, batch.choice_P).astype(np.int8)
    shown = Labels(
        truth_P=np.where(human, batch.truth_P, MISSING).astype(np.int8),
        delivered_P=delivered,
        by_human_P=human,
        apart_P=np.zeros(size, bool),
        machine_P=np.where(safe, batch.choice_P, MISSING).astype(np.int8),
        drawn_P=drawn_P,
        zone_P=safe.astype(np.int64),
    )
    found = agreement(count(shown))
    decided = np.isin(batch.truth_P, (A, B))
    truth = float((delivered == batch.truth_P)[decided].mean())
    errors = int((wrong_P & drawn_P & safe & decided).sum())
    if found.low is None or found.high is None:
        return None
    return truth, found.low, found.high, errors


def measure(folder: Folder, trials: int) -> Iterator[dict[str, Any]]:
    """One row for every number of audits and target."""
    made = list(batches(folder))
    for audits in AUDITS:
        for share in SHARES:
            split = [batch for batch in made if len(batch.frame) >= 2 * audits]
            if not split:
                continue
            targets = [target(batch, share) for batch in split]
            rows = [
                trial(split[n % len(split)], audits, targets[n % len(split)], n)
                for n in range(trials)
            ]
            kept = np.array([row for row in rows if row is not None])
            if len(kept) >= trials // 4:
                yield {"set": folder.name, "audits": audits, "oracle_share": share} | _row(kept)


def _row(kept: NDArray[np.float64]) -> dict[str, Any]:
    truth, low, high, errors = kept.T
    held = (low - 1e-12 <= truth) & (truth <= high + 1e-12)
    clean = errors == 0
    return {
        "trials": len(kept),
        "coverage": float(held.mean()),
        "all_above": float((truth < low - 1e-12).mean()),
        "all_below": float((truth > high + 1e-12).mean()),
        "without_errors": float(clean.mean()),
        "coverage_without_errors": float(held[clean].mean()) if clean.any() else None,
        "truth": float(truth.mean()),
        "width": float((high - low).mean()),
    }


def main() -> None:
    """Print the rows of every folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for path in asked.folders:
        for row in measure(load(path), asked.trials):
            if asked.json:
                print(json.dumps(row), flush=True)
            else:
                print(
                    f"{row['set']}: {row['audits']} audits, oracle {row['oracle_share']:.0%}: "
                    f"{row['coverage']:.1%} of {row['trials']} held the truth "
                    f"({row['truth']:.2%}); width {row['width']:.2%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
