"""Reads a folder of recorded pairs, votes, labels and gold (JSON lines, gzip or plain) as ballots.

Pairs with the same prompt and the same two responses, also mirrored, are one pair. Leaves out the
database: the benchmarks measure the mathematics alone.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import MISSING, TIE, A, B, Ballots
from judges.trust.reading import read
from judges.trust.tallies import NO_ORDER, count_votes, most_frequent
from judges.trust.text_features import PairTexts

CHOICES = {"a": A, "b": B, "tie": TIE, "abstain": MISSING}
ORDERS = {"ab": 0, "ba": 1}
SWAP = np.array([B, A, TIE, MISSING], dtype=np.int8)


@dataclass(frozen=True)
class Folder:
    """One set: its votes, texts and reference answers (MISSING where there is none)."""

    name: str
    ballots: Ballots
    texts: PairTexts
    truth_P: NDArray[np.int8]


def rows(folder: Path, stem: str) -> Iterator[dict[str, Any]]:
    """The objects of `stem`.jsonl or `stem`.jsonl.gz; none where neither file exists."""
    for path in (folder / f"{stem}.jsonl", folder / f"{stem}.jsonl.gz"):
        if path.exists():
            opener = gzip.open if path.suffix == ".gz" else open
            with opener(path, "rt", encoding="utf-8") as lines:
                yield from (json.loads(line) for line in lines if line.strip())
            return


def load(folder: Path) -> Folder:
    """The whole folder; raises ValueError with the reason where nothing can be measured on it."""
    place: dict[str, tuple[int, bool]] = {}
    known: dict[tuple[Any, ...], int] = {}
    kept: list[dict[str, Any]] = []
    for row in rows(folder, "pairs"):
        a, b = row.get("response_a"), row.get("response_b")
        prompt = row.get("prompt")
        if prompt is None or a is None or b is None:
            key: tuple[Any, ...] = ("id", row["pair_id"])
        else:
            key = (prompt, a, b)
        mirror = key if key[0] == "id" else (prompt, b, a)
        swapped = key not in known and mirror in known
        if key not in known and not swapped:
            known[key] = len(kept)
            kept.append(row)
        place[row["pair_id"]] = (known[mirror if swapped else key], swapped)
    votes = _votes(folder, place, kept)
    if not kept or not len(votes[0]):
        raise ValueError(f"{str(folder)!r} holds no votes: give pairs and votes as JSON lines.")
    texts = PairTexts(
        [row.get("prompt") for row in kept],
        [row.get("response_a") for row in kept],
        [row.get("response_b") for row in kept],
        [row.get("model_a") for row in kept],
        [row.get("model_b") for row in kept],
    )
    truth = _truth(folder, place, len(kept))
    return Folder(folder.resolve().name, _ballots(kept, votes, texts), texts, truth)


def _votes(
    folder: Path, place: dict[str, tuple[int, bool]], kept: list[dict[str, Any]]
) -> tuple[Any, ...]:
    names: dict[str, int] = {}
    families: list[str] = []
    listed: list[tuple[int, int, int, int, float]] = []
    for row in rows(folder, "votes"):
        if row["pair_id"] not in place:
            if any(True for _ in rows(folder, "pairs")):
                continue
            place[row["pair_id"]] = (len(kept), False)
            kept.append({"pair_id": row["pair_id"]})
        pair, swapped = place[row["pair_id"]]
        judge = str(row["judge"])
        if judge not in names:
            names[judge] = len(names)
            families.append(str(row.get("family") or judge))
        order, choice = ORDERS.get(row.get("order") or "none", NO_ORDER), CHOICES[row["choice"]]
        if swapped:
            order, choice = (1 - order if order < NO_ORDER else order), int(SWAP[choice])
        sure = row.get("confidence")
        listed.append((pair, names[judge], order, choice, np.nan if sure is None else float(sure)))
    table = np.array(listed, dtype=np.float64).reshape(-1, 5)
    return table[:, :4].astype(np.int64), table[:, 4], tuple(names), tuple(families)


def _ballots(kept: list[dict[str, Any]], votes: tuple[Any, ...], texts: PairTexts) -> Ballots:
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
    bare = Ballots(
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
        for row in rows(folder, stem):
            choice = CHOICES[row["choice"]]
            if row["pair_id"] in place and choice != MISSING:
                pair, swapped = place[row["pair_id"]]
                count[pair, SWAP[choice] if swapped else choice] += 1
        best = count.max(axis=1)
        clear = (count == best[:, None]).sum(axis=1) == 1
        decided = np.where(clear, count.argmax(axis=1), TIE)
        truth[best > 0] = decided[best > 0]
    return truth
