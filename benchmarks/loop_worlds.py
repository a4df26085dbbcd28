"""The worlds of `loop_pays.py`: a panel, what its answers cost, and what experts answered.

Every world is a folder in the import formats, recorded or made up for the occasion, read by
`folders.load`.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cascade import PRICES
from folders import load
from numpy.typing import NDArray
from planted import plant
from replay import every, references, write

from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import AB, BA, MISSING, VoteMatrix

RECORDED = {
    "vicuna80": ("vicuna80",),
    "vicuna80+gpt4only": ("vicuna80", "vicuna80_gpt4only"),
    "pandalm": ("pandalm",),
    "llmfao": ("llmfao",),
}
NAMES = (*RECORDED, "ukpconvarg1", "planted")
UKP, UKP_PAIRS, RATERS = "ukpconvarg1", 60, 2
"""Of ukpconvarg1: so many pairs of each prompt are drawn, and so many of its raters are a panel."""

WEEKS = {"llmfao": 4}
USUAL_WEEKS = 6
"""llmfao has 13 prompts only."""

ANSWER_PRICES = {
    **PRICES, "gpt-3.5": 1.5, "pandalm-7b": 0.5, "rater-1": 50.0, "rater-2": 50.0,
    "judge-large": 30.0, "judge-medium": 11.0, "judge-small": 1.5,
}  # fmt: skip
"""Dollars for 1,000 answers: list prices of 2024 at 500 tokens as in the cascade's benchmark, a
crowd's answer 5 cents, models of 7 billion weights as vicuna-13b."""


@dataclass(frozen=True)
class World:
    """P pairs with their votes (unread: no features), texts and the experts' answers.

    truth_P: MISSING where nobody answered. usd: dollars of calls a pair by rater.
    """

    name: str
    weeks: int
    votes: VoteMatrix
    texts: PairTexts
    truth_P: NDArray[np.int8]
    usd: Mapping[str, float]


def world(name: str, data: Path, seed: int = 0) -> World:
    """The world of that name; raises ValueError where its recorded sets are not in `data`."""
    with tempfile.TemporaryDirectory() as place:
        folder = _folder(name, data, Path(place), seed)
        return of_folder(name, folder, WEEKS.get(name, USUAL_WEEKS))


def of_folder(name: str, folder: Path, weeks: int) -> World:
    """The world of a folder in the import formats."""
    found = load(folder)
    bare = replace(
        found.vote_matrix,
        features_PF=np.zeros((0, 0), np.float32),
        feature_names=(),
        even_PF=None,
        even_names=(),
    )
    usd = {
        rater: ANSWER_PRICES.get(rater, 1.0) / 1000 * _answers(bare.codes_PRO[:, r])
        for r, rater in enumerate(bare.raters)
    }
    return World(name, weeks, bare, found.texts, found.truth_P, usd)


def _answers(codes_PO: NDArray[np.int8]) -> int:
    """Answers a pair: one of who was asked in one order, or without any, which fills both."""
    asked = (codes_PO != MISSING).any(axis=0)
    return 2 if asked.all() and (codes_PO[:, AB] != codes_PO[:, BA]).any() else 1


def _folder(name: str, data: Path, place: Path, seed: int) -> Path:
    if name == "planted":
        return plant(place, seed=seed)
    sets = [data / part for part in RECORDED.get(name, (name,))]
    if lost := [str(folder) for folder in sets if not folder.is_dir()]:
        raise ValueError(f"no recorded data at {', '.join(lost)}")
    if name == UKP:
        return raters_as_panel(sets[0], place, seed)
    if len(sets) == 1:
        return sets[0]
    for stem in ("pairs", "votes", "labels", "gold"):
        write(place / f"{stem}.jsonl", _apart(sets, stem))
    return place


def _apart(sets: list[Path], stem: str) -> Iterator[dict[str, Any]]:
    """The rows of several sets, a pair's name with that of its set."""
    for folder in sets:
        for row in every([folder], stem):
            yield {**row, "pair_id": f"{folder.name} {row['pair_id']}"}


def raters_as_panel(folder: Path, place: Path, seed: int) -> Path:
    """Two raters of a pair, drawn, are its panel; the majority of the others is its gold."""
    rng = np.random.default_rng(seed)
    said: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in every([folder], "labels"):
        said[row["pair_id"]].append(row)
    by_prompt: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in every([folder], "pairs"):
        if len(said[row["pair_id"]]) > RATERS:
            by_prompt[row["prompt"]].append(row)
    pairs, votes, others = [], [], []
    for drawn in by_prompt.values():
        for place_of in rng.permutation(len(drawn))[:UKP_PAIRS]:
            pairs.append(drawn[place_of])
            rows = said[pairs[-1]["pair_id"]]
            order = rng.permutation(len(rows))
            others += [rows[i] for i in order[RATERS:]]
            for number, i in enumerate(order[:RATERS], 1):
                judge = f"rater-{number}"
                votes.append({**rows[i], "judge": judge, "family": judge, "order": "none"})
    gold = [{"pair_id": pair, "choice": choice} for pair, choice in references(others).items()]
    for stem, found in (("pairs", pairs), ("votes", votes), ("gold", gold)):
        write(place / f"{stem}.jsonl", found)
    return place
