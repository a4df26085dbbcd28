"""What replays of recorded answers share: reference answers, prompts in random order, files.

Leaves out what is done with them (`promise.py`, `loop_pays.py`).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from folders import rows

Prompt = TypeVar("Prompt")
Row = Mapping[str, Any]


def references(labels: Iterable[Row], gold: Iterable[Row] = ()) -> dict[str, str]:
    """The reference by pair name: gold, else the majority of the labels; a draw is a tie."""
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for row in labels:
        if row["choice"] != "abstain":
            said[row["pair_id"]][row["choice"]] += 1
    found = {}
    for pair, count in said.items():
        (choice, most), *others = count.most_common()
        found[pair] = "tie" if others and others[0][1] == most else choice
    return found | {row["pair_id"]: row["choice"] for row in gold if row["choice"] != "abstain"}


def shuffled(prompts: Sequence[Prompt], seed: int) -> list[Prompt]:
    """The prompts in random order, so that none is split over weeks or draws."""
    return [prompts[i] for i in np.random.default_rng(seed).permutation(len(prompts))]


def every(folders: Iterable[Path], stem: str) -> Iterator[dict[str, Any]]:
    """The rows of one kind of file, over folders."""
    for folder in folders:
        yield from rows(folder, stem)


def write(path: Path, found: Iterable[Row]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path
