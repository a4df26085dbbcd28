"""Pairs that look unlike the rest of the stream, and labels that hang on length alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import Consensus
from review.detectors.flag import Flag

_FLOORS = (0.1, 0.1, 0.1, 0.02, 0.03, 0.02)
"""Smallest deviation that counts as one, by measure, so that a constant measure does not ring."""

MEASURES = (
    "prompt_length",
    "response_length",
    "length_ratio",
    "symbol_share",
    "foreign_share",
    "repetition",
)


def text_measures(
    prompts: Sequence[str | None],
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
) -> NDArray[np.float64]:
    """[pairs, MEASURES]: log lengths, absolute log ratio, odd characters, repeated words.

    Unchanged when A and B are exchanged: of two responses the larger value counts.
    """
    found = np.empty((len(prompts), len(MEASURES)))
    rows = zip(prompts, responses_a, responses_b, strict=True)
    for pair, (prompt, first, second) in enumerate(rows):
        texts = (first or "", second or "")
        sizes = [np.log1p(len(text)) for text in texts]
        found[pair] = (
            np.log1p(len(prompt or "")),
            max(sizes),
            abs(sizes[0] - sizes[1]),
            max(_symbols(text[:2000]) for text in texts),
            max(_foreign(text[:2000]) for text in texts),
            max(_repetition(text) for text in texts),
        )
    return found


def _symbols(text: str) -> float:
    """Share of characters that are neither letters, digits nor white space."""
    plain = sum(map(str.isalnum, text)) + sum(map(str.isspace, text))
    return (len(text) - plain) / max(len(text), 1)


def _foreign(text: str) -> float:
    """Share of characters outside the Latin alphabets."""
    if text.isascii():
        return 0.0
    return sum(ord(c) > 0x24F for c in text) / max(len(text), 1)


def _repetition(text: str) -> float:
    """Share of words that were there before, above what is usual for the length."""
    words = text[:4000].lower().split()
    return 1.0 - len(set(words)) / len(words) if len(words) >= 20 else 0.0


def outliers(
    measures_PF: NDArray[np.float64],
    names: Sequence[str] = MEASURES,
    *,
    reference_PF: NDArray[np.float64] | None = None,
    floors: Sequence[float] = _FLOORS,
    beyond: float = 8.0,
) -> list[Flag]:
    """Pairs with a measure more than `beyond` robust deviations from the median of the reference.

    The reference is what came before (or the set itself). A deviation is 1.4826 times the median
    absolute one, at least a tenth of the measure's 90% range and its floor.
    Score: 1 - beyond / (2 * deviations), from .5 at the limit to 1.
    """
    reference = measures_PF if reference_PF is None else reference_PF
    if len(reference) < 20:
        return []
    centre = np.median(reference, axis=0)
    spread = 1.4826 * np.median(np.abs(reference - centre), axis=0)
    wide = np.quantile(reference, 0.95, axis=0) - np.quantile(reference, 0.05, axis=0)
    scale = np.maximum(np.maximum(spread, 0.1 * wide), np.asarray(floors))
    away = np.abs(measures_PF - centre) / scale
    flags = []
    for pair in np.flatnonzero((away > beyond).any(axis=1)):
        odd = np.flatnonzero(away[pair] > beyond).tolist()
        detail = {names[column]: round(float(away[pair, column]), 1) for column in odd}
        score = 1.0 - beyond / (2.0 * float(away[pair].max()))
        flags.append(Flag("outlier", int(pair), score, detail))
    return flags


def length_reversal(consensus: Consensus) -> list[Flag]:
    """Pairs whose win probability changes its side when the length terms are taken out; a hard
    flag.

    Needs a consensus with contributions named "length" or "length in <domain>". Score: how far the
    it would go the other way, over what length gave.
    """
    contributions = consensus.contributions_PC
    if contributions is None:
        return []
    columns = [
        c for c, name in enumerate(consensus.contributors) if name.split(" in ")[0] == "length"
    ]
    if not columns:
        return []
    by_length = contributions[:, columns].sum(axis=1)
    without = consensus.logit_P - by_length
    turned = (np.sign(without) != np.sign(consensus.logit_P)) & (without != 0)
    return [
        Flag(
            "length_reversal",
            int(pair),
            float(np.clip(abs(without[pair]) / max(abs(by_length[pair]), 1e-9), 0.0, 1.0)),
            {
                "log_odds": round(float(consensus.logit_P[pair]), 3),
                "without_length": round(float(without[pair]), 3),
            },
            hard=True,
        )
        for pair in np.flatnonzero(turned)
    ]
