"""Each judge's leanings for the report: to a position, to length, to its own model family.

The detectors measure; here every finding becomes one sentence that a person can check. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import VoteMatrix
from review.detectors import Finding, length_bias, position_bias, self_preference
from review.report.quality import POINTWISE

KINDS = ("position", "length", "own family")

_SIDE = {
    "position": "what is shown first",
    "length": "the longer response",
    "own family": "its own family's response",
}


@dataclass(frozen=True)
class Bias:
    """One leaning of one judge.

    excess: how much more often it takes the side that `kind` names, in [-1, 1]; 0 is none, None
    where it cannot be told. compared: whether it is set against somebody, so that it may be called
    a bias; alarm: it is clear of 0 and at least 5 points. reading: one sentence.
    """

    judge: str
    kind: str
    excess: Estimate
    compared: bool
    alarm: bool
    reading: str
    advice: str


def biases(
    vote_matrix: VoteMatrix,
    texts: PairTexts,
    truth_P: NDArray[np.int8],
    rng: np.random.Generator,
    weight_P: NDArray[np.float64] | None = None,
) -> tuple[Bias, ...]:
    """All leanings of all judges, judge by judge.

    truth_P: the human reference, where known; weight_P: what each referenced pair counts. Nothing
    is first for a judge that scores each response alone.
    """
    length_a, length_b = (
        np.array([len(text or "") for text in side], np.int64)
        for side in (texts.responses_a, texts.responses_b)
    )
    authors = (texts.authors_a, texts.authors_b)
    unknown = [None] * len(vote_matrix)
    found = {
        "position": position_bias(vote_matrix, rng),
        "length": length_bias(vote_matrix, length_a, length_b, rng, truth_P, weight_P),
        "own family": self_preference(
            vote_matrix, authors[0] or unknown, authors[1] or unknown, rng, truth_P, weight_P
        ),
    }
    found["position"] = [
        replace(f, value=None, low=None, high=None, why=POINTWISE, alarm=False)
        if f.subject in vote_matrix.pointwise
        else f
        for f in found["position"]
    ]
    by_judge = {kind: {f.subject: f for f in findings} for kind, findings in found.items()}
    return tuple(
        _bias(kind, by_judge[kind][judge]) for judge in vote_matrix.raters for kind in KINDS
    )  # fmt: skip


def advice_on(leanings: tuple[Bias, ...]) -> Iterator[str]:
    """What to do about those that are clear."""
    for bias in leanings:
        if bias.alarm:
            yield f"{bias.reading}: {bias.advice}"


def points(excess: Estimate) -> str:
    """A leaning in percentage points with its interval; a dash where there is none."""
    if excess.value is None:
        return "–"
    if excess.low is None or excess.high is None:
        return f"{100 * excess.value:+.1f}"
    return f"{100 * excess.value:+.1f} ({100 * excess.low:+.1f} to {100 * excess.high:+.1f})"


def _bias(kind: str, found: Finding) -> Bias:
    excess = Estimate(found.value, found.low, found.high, found.n, found.why)
    compared = kind != "length" or not found.why
    reading = f"{found.subject} {_reading(kind, excess, compared)}"
    return Bias(found.subject, kind, excess, compared, found.alarm, reading, found.advice)


def _reading(kind: str, excess: Estimate, compared: bool) -> str:
    if excess.value is None or excess.low is None or excess.high is None:
        return f"cannot be read for {kind}: {excess.why or 'too few pairs'}"
    pairs = f"{excess.n:,} pairs"
    if not compared:
        return (
            f"takes the longer response in {0.5 + excess.value:.0%} of {pairs}; "
            "too few human answers to call that a bias"
        )
    side, size = _SIDE[kind], abs(excess.value)
    if excess.low <= 0 <= excess.high:
        return f"shows no clear leaning to {side}: {points(excess)} points on {pairs}"
    if kind == "position":
        side = side if excess.value > 0 else "what is shown second"
        return f"names {side} in {0.5 + size:.0%} of the pairs it decided in both orders ({pairs})"
    against = "humans do" if kind == "length" or "human" in excess.why else "other judges do"
    if excess.value > 0:
        return f"takes {side} {100 * size:.0f} points more often than {against} ({pairs})"
    return (
        f"takes {side} {100 * size:.0f} points less often than {against} ({pairs}), "
        "as one who often guesses would"
    )
