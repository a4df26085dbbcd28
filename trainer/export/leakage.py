"""Keeps gold out of everything that learns: by content hash, and by near-duplicate prompts.

Two prompts are near duplicates where the Jaccard similarity of their sets of three-word shingles
is at least a threshold (Broder 1997, "On the resemblance and containment of documents").
Leaves out where gold is stored (`db.datasets.gold_set`).
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix

_WORD = re.compile(r"\w+")
_SHINGLE = 3
_ROWS_AT_ONCE = 2048

SAME, NEAR = "gold", "near_gold"
"""Why a prompt must not be learnt from: it is a gold prompt, or it resembles one."""


def shingles(text: str) -> frozenset[str]:
    """The distinct runs of three words of a text, lower-cased; a shorter text is one run."""
    words = _WORD.findall(text.lower())
    if len(words) <= _SHINGLE:
        return frozenset([" ".join(words)])
    return frozenset(" ".join(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1))


def leaks(
    prompts: Mapping[str, str], gold: Mapping[str, str], threshold: float = 0.9
) -> dict[str, str]:
    """Which prompts (hash -> text) are, or nearly are, gold prompts: hash -> SAME or NEAR."""
    found = {key: SAME for key in prompts if key in gold}
    rest = [key for key in prompts if key not in gold]
    if rest and gold:
        close = _closest([prompts[key] for key in rest], list(gold.values()))
        found |= {key: NEAR for key, value in zip(rest, close, strict=True) if value >= threshold}
    return found


def _closest(texts: Sequence[str], others: Sequence[str]) -> list[float]:
    """For each text, its highest Jaccard similarity with any of the others."""
    rows_N = [shingles(text) for text in texts]
    rows_M = [shingles(text) for text in others]
    columns = {item: i for i, item in enumerate(sorted(set().union(*rows_N, *rows_M)))}
    matrix_N, matrix_M = _incidence(rows_N, columns), _incidence(rows_M, columns)
    size_M = np.array([len(row) for row in rows_M])
    best: list[float] = []
    for start in range(0, len(rows_N), _ROWS_AT_ONCE):
        part = matrix_N[start : start + _ROWS_AT_ONCE]
        common = np.asarray((part @ matrix_M.T).todense())
        size = np.array([len(row) for row in rows_N[start : start + _ROWS_AT_ONCE]])
        best.extend((common / (size[:, None] + size_M[None, :] - common)).max(axis=1).tolist())
    return best


def _incidence(rows: Sequence[frozenset[str]], columns: Mapping[str, int]) -> csr_matrix:
    indices = [columns[item] for row in rows for item in row]
    pointers = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return csr_matrix(
        (np.ones(len(indices)), np.array(indices, dtype=np.int64), pointers),
        shape=(len(rows), len(columns)),
    )
