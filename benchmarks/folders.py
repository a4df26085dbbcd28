"""Reads a folder of recorded pairs, votes, labels and gold, in any import format, as votes.

Pairs with the same prompt and the same two responses, also mirrored, are one pair. A row that
cannot be used is left out and told on stderr. Leaves out the database: the benchmarks measure the
mathematics alone.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.files import Line, read_lines
from db.imports import fields
from db.vocabulary import Order
from judges.trust.families import guessed_family, told_guesses
from judges.trust.reading import read
from judges.trust.tallies import NO_ORDER, count_votes, most_frequent
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import MISSING, TIE, A, B, VoteMatrix

CHOICES = {"a": A, "b": B, "tie": TIE, "abstain": MISSING}
ORDERS = {Order.AB: 0, Order.BA: 1, Order.NONE: NO_ORDER}
FORMATS = ("jsonl", "jsonl.gz", "parquet", "csv", "csv.gz")
SWAP = np.array([B, A, TIE, MISSING], dtype=np.int8)


@dataclass(frozen=True)
class Folder:
    """One set: its votes, texts and reference answers (MISSING where there is none)."""

    name: str
    vote_matrix: VoteMatrix
    texts: PairTexts
    truth_P: NDArray[np.int8]


def rows(folder: Path, stem: str) -> Iterator[dict[str, Any]]:
    """The rows of the file named `stem` as they stand; none where there is no such file."""
    return (line.row for line in _lines(folder, stem) if not line.problem)


def _lines(folder: Path, stem: str) -> Iterator[Line]:
    paths = (folder / f"{stem}.{suffix}" for suffix in FORMATS)
    path = next((path for path in paths if path.exists()), None)
    return iter(()) if path is None else read_lines(path)


def _usable(folder: Path, stem: str) -> Iterator[dict[str, Any]]:
    """Rows with their ids, choice, order and texts read as an import reads them."""
    first, left_out = "", 0
    for line in _lines(folder, stem):
        try:
            if line.problem:
                raise fields.BadRow(None, line.problem)
            yield {**line.row, **_checked(line.row, stem)}
        except fields.BadRow as error:
            first = first or f"{line.file} line {line.number}: {error}"
            left_out += 1
    if left_out:
        print(f"{first}; {left_out} such rows left out", file=sys.stderr)


def _checked(row: dict[str, Any], stem: str) -> dict[str, Any]:
    """The fields that decide something, read as an import reads them."""
    pair_id = fields.name(row, "pair_id")
    if stem == "pairs":
        texts = {key: _text(row, key) for key in ("prompt", "response_a", "response_b")}
        return {"pair_id": pair_id, **texts}
    choice = CHOICES[fields.choice(row).value]
    if stem != "votes":
        return {"pair_id": pair_id, "choice": choice}
    return {
        "pair_id": pair_id,
        "choice": choice,
        "judge": fields.name(row, "judge"),
        "family": fields.optional_name(row, "family"),
        "order": ORDERS[fields.order(row)],
        "confidence": fields.number(row, "confidence", -np.inf, np.inf),
    }


def _text(row: dict[str, Any], key: str) -> str | None:
    """A text, or the texts of a conversation; None where it is missing."""
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    return "\n\n".join(message["content"] for message in fields.messages(row, key))


def load(folder: Path) -> Folder:
    """The whole folder; raises ValueError with the reason where nothing can be measured on it."""
    place: dict[str, tuple[int, bool]] = {}
    known: dict[tuple[Any, ...], int] = {}
    kept: list[dict[str, Any]] = []
    for row in _usable(folder, "pairs"):
        prompt, a, b = row["prompt"], row["response_a"], row["response_b"]
        told = None not in (prompt, a, b)
        key = (prompt, a, b) if told else (row["pair_id"],)
        mirror = (prompt, b, a) if told else key
        swapped = key not in known and mirror in known
        if key not in known and not swapped:
            known[key] = len(kept)
            kept.append(row)
        place[row["pair_id"]] = (known[mirror if swapped else key], swapped)
    votes = _votes(folder, place, kept)
    if not kept or not len(votes[0]):
        raise ValueError(f"{str(folder)!r} holds no votes: give pairs and votes.")
    texts = PairTexts(
        [row.get("prompt") for row in kept],
        [row.get("response_a") for row in kept],
        [row.get("response_b") for row in kept],
        [row.get("model_a") for row in kept],
        [row.get("model_b") for row in kept],
    )
    truth = _truth(folder, place, len(kept))
    return Folder(folder.resolve().name, _vote_matrix(kept, votes, texts), texts, truth)


def _votes(
    folder: Path, place: dict[str, tuple[int, bool]], kept: list[dict[str, Any]]
) -> tuple[Any, ...]:
    names: dict[str, int] = {}
    families: list[str] = []
    untold: list[str] = []
    listed: list[tuple[int, int, int, int, float]] = []
    listed_pairs = bool(kept)
    for row in _usable(folder, "votes"):
        if row["pair_id"] not in place:
            if listed_pairs:
                continue
            place[row["pair_id"]] = (len(kept), False)
            kept.append({"pair_id": row["pair_id"]})
        pair, swapped = place[row["pair_id"]]
        judge = row["judge"]
        if judge not in names:
            names[judge] = len(names)
            families.append(row["family"] or guessed_family(judge) or judge)
            untold += [] if row["family"] else [judge]
        order, choice = row["order"], row["choice"]
        if swapped:
            order, choice = (1 - order if order < NO_ORDER else order), int(SWAP[choice])
        sure = row["confidence"]
        listed.append((pair, names[judge], order, choice, np.nan if sure is None else float(sure)))
    if guesses := told_guesses(untold):
        print(guesses, file=sys.stderr)
    table = np.array(listed, dtype=np.float64).reshape(-1, 5)
    return table[:, :4].astype(np.int64), table[:, 4], tuple(names), tuple(families)


def _vote_matrix(
    kept: list[dict[str, Any]], votes: tuple[Any, ...], texts: PairTexts
) -> VoteMatrix:
    table, sure, names, families = votes
    pairs, raters = len(kept), len(names)
    codes = most_frequent(count_votes(*table.T, pairs=pairs, raters=raters))
    confidence = None
    if np.isfinite(sure).any():
        confidence = np.full((pairs, raters, 2), np.nan, np.float32)
        for side in (0, 1):
            mine = (table[:, 2] == side) | (table[:, 2] == NO_ORDER)
            confidence[table[mine, 0], table[mine, 1], side] = sure[mine]
    prompts: dict[Any, int] = {}
    prompt_P = [
        prompts.setdefault(row.get("prompt") or ("id", row["pair_id"]), len(prompts))
        for row in kept
    ]
    domains = sorted({str(row["domain"]) for row in kept if row.get("domain") is not None})
    index = {name: number for number, name in enumerate(domains)}
    domain_P = [index[str(row["domain"])] if row.get("domain") is not None else -1 for row in kept]
    bare = VoteMatrix(
        codes,
        names,
        families,
        np.array(prompt_P, np.int64),
        np.array(domain_P, np.int64),
        tuple(domains),
        confidence_PRO=confidence,
    )
    return read(bare, texts)


def _truth(folder: Path, place: dict[str, tuple[int, bool]], pairs: int) -> NDArray[np.int8]:
    """Gold where there is some, else the majority of the labels; an exact draw is a tie."""
    truth = np.full(pairs, MISSING, np.int8)
    for stem in ("labels", "gold"):
        count = np.zeros((pairs, 3))
        for row in _usable(folder, stem):
            choice = row["choice"]
            if row["pair_id"] in place and choice != MISSING:
                pair, swapped = place[row["pair_id"]]
                count[pair, SWAP[choice] if swapped else choice] += 1
        best = count.max(axis=1)
        clear = (count == best[:, None]).sum(axis=1) == 1
        decided = np.where(clear, count.argmax(axis=1), TIE)
        truth[best > 0] = decided[best > 0]
    return truth
