"""Near-duplicate pairs whose settled choices contradict each other, also with A and B exchanged.

Candidates are found by min-hashing (`judges.trust.near_duplicates`), so that a million pairs need
no million squared comparisons, and are then compared response by response. Leaves out exact copies
of both responses: those are one pair from the import on.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from judges.trust.near_duplicates import band_hashes, jaccard, sharing, shingles
from judges.trust.vote_matrix import A, B
from review.detectors.flag import Flag

_AT_ONCE = 1000  # pairs whose shingles are held at once, about 16 KB each; by hand
_LETTERS_AT_ONCE = 500_000  # some fifty bytes each while they are hashed; by hand


def near_duplicates(
    prompts: Sequence[str | None],
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
    *,
    at_least: float = 0.8,
) -> Iterator[tuple[int, int, bool, float]]:
    """(pair, pair, mirrored, similarity) of pairs whose prompts and responses are nearly the same.

    Similarity: the smaller Jaccard index of the two matched responses' 5-gram sets.
    """
    columns = (responses_a, responses_b, prompts)
    hashed = [band_hashes(texts) for texts in _portions(columns)]
    if not hashed:
        return
    close = sorted(sharing(np.concatenate(hashed)))
    for start in range(0, len(close), _AT_ONCE // 2):
        both = close[start : start + _AT_ONCE // 2]
        rows = sorted({row for pair in both for row in pair})
        place = {row: n for n, row in enumerate(rows)}
        first, second, asked = (shingles([texts[row] for row in rows]) for texts in columns)
        for one, other in both:
            i, j = place[one], place[other]
            if jaccard(asked, i, asked, j) < at_least:
                continue
            straight = min(jaccard(first, i, first, j), jaccard(second, i, second, j))
            crossed = min(jaccard(first, i, second, j), jaccard(second, i, first, j))
            if max(straight, crossed) >= at_least:
                yield one, other, crossed > straight, max(straight, crossed)


def _portions(columns: Sequence[Sequence[str | None]]) -> Iterator[list[str]]:
    """The texts of each pair as one, some hundred pairs at a time, fewer of long texts."""
    portion: list[str] = []
    letters = 0
    for texts in zip(*columns, strict=True):
        portion.append(" ".join(text or "" for text in texts))
        letters += len(portion[-1])
        if letters >= _LETTERS_AT_ONCE:
            yield portion
            portion, letters = [], 0
    if portion:
        yield portion


def duplicate_conflict(
    prompts: Sequence[str | None],
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
    choice_P: NDArray[np.int8],
    *,
    at_least: float = 0.8,
) -> list[Flag]:
    """Both pairs of every near-duplicate whose choices are opposite; score is the similarity."""
    flags = []
    for one, other, mirrored, score in near_duplicates(
        prompts, responses_a, responses_b, at_least=at_least
    ):
        here, there = int(choice_P[one]), int(choice_P[other])
        if {here, there} <= {A, B} and (here == there) == mirrored:
            detail = {"mirrored": mirrored, "similarity": round(score, 3)}
            flags.append(
                Flag("duplicate_conflict", one, score, {"other": other, **detail}, hard=True)
            )
            flags.append(
                Flag("duplicate_conflict", other, score, {"other": one, **detail}, hard=True)
            )
    return flags
