"""What the second order buys: the label model with votes of one order, or of both.

    python benchmarks/orders.py DIR... [--seeds 20] [--json]

DIR holds pairs, votes and labels or gold in the import formats, with votes in both orders. For each
rater: how often its two orders contradict each other, and how often the response shown first wins.
For the panel: log-loss and the share of humans for 95% on held-out prompts (40%), after 0 and 100
answers, with both orders, the first alone, and an order drawn for each pair at the same price as
the first alone. Both orders are the peer of the others.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load
from numpy.typing import NDArray
from quality import split

from judges.trust.calibration import accuracy, human_share, log_loss
from judges.trust.label_model import LabelModel
from judges.trust.majority import Majority
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, Pooler, VoteMatrix, no_labels

ANSWERS = (0, 100)
MEASURES: dict[str, Callable[[NDArray[np.float64], NDArray[np.int8]], float]] = {
    "accuracy": accuracy,
    "log_loss": log_loss,
    "human_share_95": lambda win, truth: human_share(win, truth, 0.95),
}


def raters(folder: Folder) -> Iterator[dict[str, Any]]:
    """Contradictions and the leaning to a place, rater by rater."""
    for r, name in enumerate(folder.vote_matrix.raters):
        ab, ba = folder.vote_matrix.codes_PRO[:, r, AB], folder.vote_matrix.codes_PRO[:, r, BA]
        both = (ab != MISSING) & (ba != MISSING)
        decided = both & (ab != TIE) & (ba != TIE)
        first = np.concatenate([ab[decided] == A, ba[decided] == B])
        yield {
            "set": folder.name,
            "rater": name,
            "pairs": int(both.sum()),
            "contradicts": round(float((ab != ba)[both].mean()), 3) if both.any() else None,
            "first_wins": round(float(first.mean()), 3) if decided.any() else None,
        }


def shown(folder: Folder, seed: int) -> dict[str, VoteMatrix]:
    """The same votes as if only these orders had been asked."""
    whole = folder.vote_matrix
    drawn = np.random.default_rng(seed).integers(0, 2, len(whole))
    return {
        "both": whole,
        "ab alone": _without(whole, np.full(len(whole), BA)),
        "one drawn a pair": _without(whole, drawn),
    }


def _without(votes: VoteMatrix, order_P: NDArray[np.int64]) -> VoteMatrix:
    codes = votes.codes_PRO.copy()
    codes[np.arange(len(votes)), :, order_P] = MISSING
    return replace(votes, codes_PRO=codes)


def panel(folder: Folder, seeds: int) -> Iterator[dict[str, Any]]:
    """Means over the seeds, by orders and answers."""
    found: dict[tuple[str, str, int], list[list[float]]] = {}
    for seed in range(seeds):
        test, pool = split(folder, seed)
        truth = folder.truth_P[test]
        for orders, votes in shown(folder, seed).items():
            for answers in ANSWERS:
                labels = no_labels(votes)
                labels[pool[:answers]] = folder.truth_P[pool[:answers]]
                makers: dict[str, Pooler] = {"tiebreak": LabelModel()}
                if not answers:
                    makers["majority"] = Majority()
                for name, model in makers.items():
                    win = model.fit(votes, labels).predict(votes).win_P[test]
                    row = [measure(win, truth) for measure in MEASURES.values()]
                    found.setdefault((name, orders, answers), []).append(row)
    for (name, orders, answers), rows in found.items():
        mean = np.mean(rows, axis=0).round(3).tolist()
        yield {
            "set": folder.name,
            "model": name,
            "orders": orders,
            "answers": answers,
            **dict(zip(MEASURES, mean, strict=True)),
        }


def main() -> None:
    """Measure every folder, one line a rater and a line for each way of asking."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folders", nargs="+", type=Path)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--json", action="store_true", help="one object a line")
    chosen = options.parse_args()
    for path in chosen.folders:
        folder = load(path)
        for row in [*raters(folder), *panel(folder, chosen.seeds)]:
            print(json.dumps(row) if chosen.json else "  ".join(f"{k} {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
