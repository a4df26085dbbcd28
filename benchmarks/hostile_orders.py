"""Trains what tells orders to a judge from ordinary answers, and says how well.

    python benchmarks/hostile_orders.py $DATA            # figures only
    python benchmarks/hostile_orders.py $DATA --write    # and review/detectors/orders_weights.toml

Orders are those of tests/campaign/hostile_orders.py, ordinary answers the responses in $DATA.
Cross-validated: each fifth of the orders is scored by weights that never saw it.
"""

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from campaign import hostile_orders  # noqa: E402

from review.detectors.disguise import plain  # noqa: E402
from review.detectors.orders import Concepts, lexicon, meetings  # noqa: E402

ORDER_WEIGHT = 10.0  # an order counts for so many ordinary windows
PENALTY = 1.5  # sklearn's C
FALSE_ALARMS = 0.028  # of the pairs of each set, at most
MARGIN = 3.0  # log-odds that hard lies above the most order-like ordinary response
SMALLEST = 0.02  # weights below are left out


def ordinary_pairs(data: Path) -> dict[str, list[tuple[str, str]]]:
    """The two responses of every recorded pair, by set."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(data.glob("*/pairs.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        found[path.parent.name] = [
            (row["response_a"] or "", row["response_b"] or "") for row in rows
        ]
    return found


def orders() -> list[str]:
    """The orders the weights are made from."""
    languages = [one for said in hostile_orders.LANGUAGES.values() for one in said]
    english = [text for _, text in hostile_orders.ENGLISH]
    return [*english, *languages, *hostile_orders.TO_DISGUISE]


class Columns:
    """Concepts, alone and two by two, as columns of a matrix."""

    def __init__(self) -> None:
        self.one = sorted({what for _, what in lexicon().concepts})
        self._upper = np.triu_indices(len(self.one), 1)

    @property
    def two(self) -> list[tuple[str, str]]:
        """The names of the columns behind the single ones."""
        return [(self.one[i], self.one[j]) for i, j in zip(*self._upper, strict=True)]

    def of(self, windows: Iterable[Concepts]) -> NDArray[np.float64]:
        """[windows, columns], 1 where a concept, or both, are there."""
        single = np.array([[what in met for what in self.one] for met in windows], dtype=float)
        single = single.reshape(-1, len(self.one))
        rows, columns = self._upper
        return np.hstack([single, single[:, rows] * single[:, columns]])


def fit(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds by column, without a constant: it would only move the thresholds."""
    truth = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    model = LogisticRegression(C=PENALTY, class_weight={1: ORDER_WEIGHT, 0: 1.0}, max_iter=3000)
    found: NDArray[np.float64] = model.fit(np.vstack([positive, negative]), truth).coef_[0]
    return found


def strongest(
    columns: Columns, weights: NDArray[np.float64], texts: Sequence[set[Concepts]]
) -> NDArray[np.float64]:
    """The largest log-odds of each text; minus infinity where nothing meets."""
    known = {met: float(w) for met, w in _weighed(columns, weights, set().union(*texts))}
    return np.array([max((known[met] for met in windows), default=-np.inf) for windows in texts])


def _weighed(
    columns: Columns, weights: NDArray[np.float64], windows: set[Concepts]
) -> Iterable[tuple[Concepts, float]]:
    listed = sorted(windows, key=sorted)
    return zip(listed, columns.of(listed) @ weights, strict=True)


def main() -> None:
    """Cross-validate, train on everything, print, and write where asked."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("--write", action="store_true")
    options = asked.parse_args()
    columns = Columns()
    sets = ordinary_pairs(options.data)
    texts = sorted({text for pairs in sets.values() for pair in pairs for text in pair})
    ordinary = [meetings(plain(text)) for text in texts]
    place = {text: at for at, text in enumerate(texts)}
    sides = {name: np.array([[place[a], place[b]] for a, b in of]) for name, of in sets.items()}
    hostile = [meetings(plain(text)) for text in orders()]
    largest = [max(windows, key=lambda met: (len(met), sorted(met)), default=frozenset())
               for windows in hostile]  # fmt: skip
    positive = columns.of(largest)
    negative = columns.of(sorted(set().union(*ordinary), key=sorted))

    def limit(weights: NDArray[np.float64]) -> float:
        usual = strongest(columns, weights, ordinary)
        by_set = [usual[pairs].max(axis=1) for pairs in sides.values()]
        return max(float(np.quantile(found, 1 - FALSE_ALARMS, method="higher")) for found in by_set)

    fold = np.random.default_rng(0).permutation(len(hostile)) % 5
    share = []
    for part in range(5):
        weights = fit(positive[fold != part], negative)
        unseen = strongest(columns, weights, [hostile[i] for i in np.flatnonzero(fold == part)])
        share.append(float((unseen > limit(weights)).mean()))
    weights = fit(positive, negative)
    soft = limit(weights)
    hard = float(strongest(columns, weights, ordinary).max()) + MARGIN
    found = strongest(columns, weights, hostile)
    print(f"{len(hostile)} orders, {len(ordinary)} different ordinary responses")
    print(f"orders found, cross-validated: {np.mean(share):.1%}")
    print(f"orders found, trained on: {(found > soft).mean():.1%}")
    print(f"of them hard: {(found > hard).mean():.1%}; soft from {soft:.2f}, hard from {hard:.2f}")
    if options.write:
        _write(columns, weights, soft, hard)


def _write(columns: Columns, weights: NDArray[np.float64], soft: float, hard: float) -> None:
    folder = ROOT / "review" / "detectors"
    words = hashlib.sha256((folder / "orders.toml").read_bytes()).hexdigest()
    lines = ["# Made by benchmarks/hostile_orders.py; not to be edited.", f'words = "{words}"',
             f"soft = {soft:.3f}", f"hard = {hard:.3f}", "", "[one]"]  # fmt: skip
    lines += [f"{what} = {w:.3f}" for what, w in zip(columns.one, weights, strict=False)]
    lines += ["", "[two]"]
    pairs = zip(columns.two, weights[len(columns.one) :], strict=True)
    lines += [f'"{a} {b}" = {w:.3f}' for (a, b), w in pairs if abs(w) >= SMALLEST]
    (folder / "orders_weights.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
