"""How right, how honest and how sparing of humans: the label model beside its peers.

    python benchmarks/quality.py DIR... [--seeds 20] [--adaptive 5] [--trials 500] [--json]

DIR holds pairs, votes, labels or gold in the import formats. 40% of the prompts are held out, no
prompt is on both sides (of one prompt alone, 40% of its pairs); every method may read all votes,
and 0, 25, 50, 100 or 200 human answers of the other side. Measured on the held-out pairs whose
reference is a or b. Methods named `... adaptive` start with no answer, are charged for every one,
and are refitted at the shares of REFITS: `human_share_95` is then the share of all pairs a human
saw when 95% were right first. Coverage and violations are those of guarantees.py.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load
from guarantees import certificates, frozen
from numpy.typing import NDArray
from peers import BestJudge, CrowdLab, VotesModel, unlabelled
from scipy.special import expit
from threadpoolctl import threadpool_limits

from judges.trust.calibration import accuracy, brier, ece, fit_temperature, human_share, log_loss
from judges.trust.dawid_skene import DawidSkene
from judges.trust.label_model import LabelModel
from judges.trust.majority import Majority
from judges.trust.vote_matrix import MISSING, A, B, Pooler

ANSWERS = (0, 25, 50, 100, 200)
REFITS = (0.0, 0.01, 0.02, 0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 0.70)
HELD_OUT = 0.4
DELTA = 0.1
PLATT = (
    "majority",
    "dawid_skene",
    "dawid_skene_order_ties",
    "glad",
    "mace",
    "crowdlab",
    "best_judge",
)
LEAST_ANSWERS = 5
Codes = NDArray[np.int8]

METRICS: dict[str, Callable[[NDArray[np.float64], Codes], float]] = {
    "accuracy": accuracy,
    "log_loss": log_loss,
    "brier": brier,
    "ece": ece,
    "human_share_95": lambda win_probability, truth: human_share(win_probability, truth, 0.95),
    "human_share_98": lambda win_probability, truth: human_share(win_probability, truth, 0.98),
}


def methods(fixed: dict[str, Pooler]) -> dict[str, Callable[[], Pooler]]:
    """Every method by name; a fresh one for each fit."""
    plain: dict[str, Callable[[], Pooler]] = {
        "majority": Majority,
        "dawid_skene_order_ties": DawidSkene,
        "crowdlab": CrowdLab,
        **{name: (lambda model=model: model) for name, model in fixed.items()},
    }
    return {
        **plain,
        "best_judge": BestJudge,
        "logistic": VotesModel,
        "boosting": lambda: VotesModel(boosted=True),
        "tiebreak": LabelModel,
    }


def scaled(logit_P: NDArray[np.float64], labels: Codes) -> NDArray[np.float64]:
    """The win probability after Platt scaling on the answers (J. Platt 1999, without intercept)."""
    decided = int(np.isin(labels, (A, B)).sum())
    factor = fit_temperature(logit_P, labels) if decided >= LEAST_ANSWERS else 1.0
    return expit(factor * logit_P)


def split(folder: Folder, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Held-out referenced pairs, and the referenced pairs that may be answered, shuffled.

    Where there is one prompt only, pairs of it stand on both sides: there is nothing else to split.
    """
    rng = np.random.default_rng(seed)
    part_P = folder.vote_matrix.prompt_P
    if len(np.unique(part_P)) == 1:
        part_P = np.arange(len(part_P))
    parts = np.unique(part_P)
    held = rng.permutation(parts)[: max(1, round(HELD_OUT * len(parts)))]
    outside = np.isin(part_P, held)
    known = folder.truth_P != MISSING
    return np.flatnonzero(outside & known), rng.permutation(np.flatnonzero(~outside & known))


def curves(folder: Folder, seeds: int) -> Iterator[dict[str, Any]]:
    """Mean and spread over the seeds of every metric, method and number of answers."""
    makers = methods(unlabelled(folder.vote_matrix))
    for answers in ANSWERS:
        values: dict[tuple[str, str], list[float]] = {}
        done = 0
        for seed in range(seeds):
            test, pool = split(folder, seed)
            if len(pool) < answers or not np.isin(folder.truth_P[test], (A, B)).any():
                continue
            done += 1
            labels = np.full(len(folder.vote_matrix), MISSING, np.int8)
            labels[pool[:answers]] = folder.truth_P[pool[:answers]]
            for name, make in makers.items():
                found = make().fit(folder.vote_matrix, labels).predict(folder.vote_matrix)
                win_probabilities = {name: found.win_P}
                if name in PLATT:
                    win_probabilities[f"{name}_platt"] = scaled(found.logit_P, labels)
                for method, win_probability in win_probabilities.items():
                    for metric, measure in METRICS.items():
                        value = measure(win_probability[test], folder.truth_P[test])
                        values.setdefault((method, metric), []).append(value)
        for (method, metric), seen in values.items():
            yield line(folder, method, answers, metric, seen, done)


def adaptive(folder: Folder, seeds: int) -> Iterator[dict[str, Any]]:
    """Human share to 95% and 98% when answers are asked for one after another and all charged."""
    ways: dict[str, Callable[[], Pooler]] = {
        "majority": Majority,
        "crowdlab_activelab": lambda: CrowdLab(active=True),
        "tiebreak": LabelModel,
    }
    for name, make in ways.items() if seeds else ():
        shares: dict[str, list[float]] = {"human_share_95": [], "human_share_98": []}
        for seed in range(seeds):
            agreement = walk(folder, make(), np.random.default_rng(seed))
            for metric, target in (("human_share_95", 0.95), ("human_share_98", 0.98)):
                enough = np.flatnonzero(agreement >= target - 1e-9)
                shares[metric].append(float(enough[0]) / (len(agreement) - 1))
        for metric, found in shares.items():
            yield line(folder, f"{name} adaptive", 0, metric, found, len(found))


def walk(folder: Folder, model: Pooler, rng: np.random.Generator) -> NDArray[np.float64]:
    """Agreement of all decided pairs after 0, 1, 2, … answers, 15% of them drawn at random."""
    known = np.flatnonzero(np.isin(folder.truth_P, (A, B)))
    labels = np.full(len(folder.vote_matrix), MISSING, np.int8)
    agreement = np.empty(len(known) + 1)
    stops = [round(share * len(known)) for share in REFITS] + [len(known) + 1]
    asked = 0
    for stop in stops[1:]:
        found = model.fit(folder.vote_matrix, labels).predict(folder.vote_matrix)
        win_probability, truth = found.win_P, folder.truth_P
        open_pairs = known[labels[known] == MISSING]
        wrong = np.where(win_probability == 0.5, 0.5, (win_probability > 0.5) != (truth == A))[
            open_pairs
        ]
        score = model.scores_P if isinstance(model, CrowdLab) else np.abs(win_probability - 0.5)
        risky = np.lexsort((rng.random(len(open_pairs)), score[open_pairs]))
        queue = mixed(risky, rng)
        remaining = np.concatenate([[0.0], np.cumsum(wrong[queue[::-1]])])[::-1]
        for position in range(len(queue) + 1):
            if asked + position >= stop:
                break
            agreement[asked + position] = 1 - remaining[position] / len(known)
        taken = queue[: max(0, stop - asked)]
        labels[open_pairs[taken]] = truth[open_pairs[taken]]
        asked += len(taken)
    return agreement


def mixed(order: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The order with 15% of the places given to pairs drawn at random."""
    place = np.arange(len(order), dtype=np.float64)
    early = rng.random(len(order)) < 0.15
    place[early] = rng.random(int(early.sum())) * len(order)
    return order[np.argsort(place, kind="stable")]


def line(
    folder: Folder, method: str, answers: int, metric: str, values: list[float], seeds: int
) -> dict[str, Any]:
    """One line of output."""
    return {
        "set": folder.name,
        "method": method,
        "labels": answers,
        "metric": metric,
        "mean": round(float(np.nanmean(values)), 4),
        "sd": round(float(np.nanstd(values)), 4),
        "seeds": seeds,
    }


def promises(folder: Folder, trials: int) -> Iterator[dict[str, Any]]:
    """Coverage and violations of certificates, where the set is large enough to audit."""
    if trials:
        split, answers = frozen(folder)
        yield from certificates(folder, split, answers, trials, DELTA)


def table(lines: list[dict[str, Any]]) -> str:
    """For people: one row for each method, log-loss and human share by number of answers."""
    shown = [(n, m) for n in (0, 50, 100, 200) for m in ("log_loss", "human_share_95")]
    found = {(one["method"], one["labels"], one["metric"]): one["mean"] for one in lines}
    heads = "".join(
        f"{m.replace('human_share_95', 'share 95')[:9]} {n}".rjust(14) for n, m in shown
    )
    rows = [f"{'':<30}{heads}"]
    for name in dict.fromkeys(one["method"] for one in lines):
        cells = [found.get((name, n, m)) for n, m in shown]
        if any(cell is not None for cell in cells):
            shown_cells = ["–" if cell is None else f"{cell:.3f}" for cell in cells]
            rows.append(f"{name:<30}" + "".join(cell.rjust(14) for cell in shown_cells))
    return "\n".join(rows)


def main() -> int:
    """Measure every folder; figures on stdout, progress on stderr."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--trials", type=int, default=500, help="of certificates; 0 leaves them out"
    )
    parser.add_argument("--adaptive", type=int, default=5, help="seeds of the adaptive curves")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    failed = 0
    for path in asked.folders:
        started = time.monotonic()
        try:
            folder = load(path)
        except (ValueError, KeyError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
            continue
        lines: list[dict[str, Any]] = []
        parts: list[Iterator[dict[str, Any]]] = []
        if np.isin(folder.truth_P, (A, B)).any():
            parts = [
                curves(folder, asked.seeds),
                adaptive(folder, min(asked.adaptive, asked.seeds)),
                promises(folder, asked.trials),
            ]
        else:
            print(f"{path}: no labels and no gold, so nothing to measure against", file=sys.stderr)
        for part in parts:
            for one in part:
                lines.append(one)
                if asked.json:
                    print(json.dumps(one), flush=True)
        if lines and not asked.json:
            print(f"\n{folder.name}, {len(folder.vote_matrix)} pairs\n{table(lines)}", flush=True)
        print(f"{folder.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return failed


if __name__ == "__main__":
    with threadpool_limits(1):  # matrices so small that threads only wait for each other
        sys.exit(main())
