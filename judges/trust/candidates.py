"""Many candidates of one prompt: rankings, cycles, and what the other pairs say about a pair.

Leaves out: overwriting anything. A pair in a cycle is flagged, never changed.
"""

from collections.abc import Hashable, Sequence
from hashlib import blake2b
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_PAIRS, MOST_CANDIDATES, MOST_AUTHORS = 2000, 500, 2000
"""Sizes above which a prompt, or the authors, are left alone: dense matrices would not fit."""


def number_of(names: Sequence[Hashable]) -> NDArray[np.int64]:
    """Equal names share a number, counted in order of appearance."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(name, len(seen)) for name in names], dtype=np.int64)


def number_of_texts(*columns: Sequence[str | None]) -> NDArray[np.int64]:
    """Equal texts share a number, counted in order of appearance over the columns; a text that is
    missing shares its with none.

    Texts are told apart by 64 bits of a hash: of two million all do with a chance of 1 to 1e-7.
    """
    digest_N = np.fromiter(
        (
            int.from_bytes(
                blake2b(
                    f"missing {column} {row}".encode()
                    if text is None
                    else b"text " + text.encode("utf-8", "surrogatepass"),
                    digest_size=8,
                ).digest()
            )
            for column, texts in enumerate(columns)
            for row, text in enumerate(texts)
        ),
        np.uint64,
    )
    _, first, number_N = np.unique(digest_N, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    found: NDArray[np.int64] = place[number_N]
    return found


def triads(
    first_P: NDArray[np.int64], second_P: NDArray[np.int64], p_first_P: Floats
) -> tuple[int, int]:
    """How many triads of candidates are fully compared, and how many of them are cycles."""
    wins = {
        (int(i), int(j)): p > 0.5
        for i, j, p in zip(first_P, second_P, p_first_P, strict=True)
        if p != 0.5 and i != j
    }
    wins |= {(j, i): not won for (i, j), won in wins.items()}
    neighbours: dict[int, set[int]] = {}
    for i, j in wins:
        neighbours.setdefault(i, set()).add(j)
    full = cycles = 0
    for i, near in neighbours.items():
        for j, k in combinations(sorted(n for n in near if n > i), 2):
            if k in neighbours[j]:
                full += 1
                cycles += wins[i, j] == wins[j, k] == wins[k, i]
    return full, cycles


def neighbours_margin(
    first_P: NDArray[np.int64],
    second_P: NDArray[np.int64],
    prompt_P: NDArray[np.int64],
    margin_P: Floats,
    ridge: float = 1.0,
) -> Floats:
    """What the other pairs of a prompt say about a pair: odd, 0 where there are none.

    Least squares of the margins on differences of candidates, prompt by prompt; each pair is then
    predicted without its own margin by the exact identity (ŷ − h y) / (1 − h).
    """
    result = np.zeros(len(margin_P))
    order = np.argsort(prompt_P, kind="stable")
    starts = np.flatnonzero(np.diff(prompt_P[order], prepend=-1, append=-1))
    for low, high in pairwise(starts):
        if high - low < 2 or high - low > MOST_PAIRS:
            continue
        own = order[low:high]
        names, inverse = np.unique(np.stack([first_P[own], second_P[own]]), return_inverse=True)
        if len(names) == 2 * len(own) or len(names) > MOST_CANDIDATES:
            continue
        place = inverse.reshape(2, -1)
        design = np.zeros((len(own), len(names)))
        row = np.arange(len(own))
        design[row, place[0]] += 1
        design[row, place[1]] -= 1
        gram = design.T @ design + ridge * np.eye(len(names))
        hat = design @ np.linalg.solve(gram, design.T)
        leverage = np.diag(hat)
        result[own] = (hat @ margin_P[own] - leverage * margin_P[own]) / (1 - leverage)
    return result


def author_effect(
    first_P: NDArray[np.int64],
    second_P: NDArray[np.int64],
    prompt_P: NDArray[np.int64],
    margin_P: Floats,
    folds: int = 10,
    ridge: float = 5.0,
) -> Floats:
    """Mean margin between the authors (models) of two responses, learned on other prompts: odd.

    An author below 0 is unknown and its pairs get 0. Folds go by prompt, so that no pair and no
    other pair of its prompt speaks for itself.
    """
    known = (first_P >= 0) & (second_P >= 0)
    result = np.zeros(len(margin_P))
    authors = int(max(first_P.max(initial=-1), second_P.max(initial=-1))) + 1
    if authors < 2 or authors > MOST_AUTHORS:
        return result
    fold_P = prompt_P % folds
    for fold in range(folds):
        inside = known & (fold_P == fold)
        fit = known & (fold_P != fold)
        i, j, y = first_P[fit], second_P[fit], margin_P[fit]
        gram = np.diag(
            np.bincount(i, minlength=authors) + np.bincount(j, minlength=authors) + ridge
        )
        np.subtract.at(gram, (i, j), 1.0)
        np.subtract.at(gram, (j, i), 1.0)
        slope = np.bincount(i, y, authors) - np.bincount(j, y, authors)
        strength = np.linalg.solve(gram, slope)
        result[inside] = strength[first_P[inside]] - strength[second_P[inside]]
    return result
