"""Biases of judges as findings with intervals: position, length, own model family, reversal rate.

A bias is a statistic of a rater, not of a pair. Every interval draws whole prompts. Leaves out
what the label model does about them (it learns position and length itself).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate, by_prompt, mean_by_prompt, ratio
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, VoteMatrix
from review.detectors.families import author_families
from review.detectors.flag import Finding, FindingKind
from review.detectors.votes import reversed_PR

LEAST = 20
"""Observations below which a bias is not judged."""

REVERSALS = 0.10
"""Reversal rate above which a judge, or a whole set, is of low quality."""


def stance_PR(vote_matrix: VoteMatrix) -> NDArray[np.float64]:
    """How far each rater stands with A, from 0 (B) to 1 (A), ties one half; NaN without a vote."""
    codes = vote_matrix.codes_PRO
    worth = np.select([codes == A, codes == TIE, codes == B], [1.0, 0.5, 0.0], default=np.nan)
    known = ~np.isnan(worth)
    total = np.where(known, worth, 0.0).sum(axis=2)
    count = known.sum(axis=2)
    out = np.full(count.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


def reversal_rates(vote_matrix: VoteMatrix, rng: np.random.Generator) -> list[Finding]:
    """Share of pairs asked in both orders whose answers differ: each rater's, and the set's ("*").

    Over 10% is the mark of low quality. It holds for judges (under it they are right far more
    often), and is a weak sign for a single pair.
    """
    flipped, asked = reversed_PR(vote_matrix), vote_matrix.swapped_PR
    findings = []
    columns = [(name, [rater]) for rater, name in enumerate(vote_matrix.raters)]
    for subject, raters in [*columns, ("*", list(range(len(vote_matrix.raters))))]:
        components = np.stack(
            [flipped[:, raters].sum(axis=1), asked[:, raters].sum(axis=1)], axis=1
        ).astype(np.float64)
        found = by_prompt(
            components, vote_matrix.prompt_P, ratio, rng, why="no pair was asked in both orders"
        )
        alarm = found.value is not None and found.value > REVERSALS
        advice = ""
        if alarm and subject == "*":
            advice = (
                "low quality: drop or replace the judges that reverse most, make the criteria of "
                "the prompt explicit, ask for reasons before the choice, and review more pairs"
            )
        elif alarm:
            advice = "ask this judge in both orders only, or leave it out where others are steadier"
        n = int(asked[:, raters].sum())
        findings.append(_finding("reversal_rate", subject, found, n, alarm, advice))
    return findings


def position_bias(vote_matrix: VoteMatrix, rng: np.random.Generator) -> list[Finding]:
    """Share of a rater's decided votes that name the first shown, minus one half.

    Only pairs answered with a or b in both orders count, so each response was first once and the
    content cancels.
    """
    findings = []
    for rater, name in enumerate(vote_matrix.raters):
        ab, ba = vote_matrix.codes_PRO[:, rater, AB], vote_matrix.codes_PRO[:, rater, BA]
        both = np.isin(ab, (A, B)) & np.isin(ba, (A, B)) & vote_matrix.swapped_PR[:, rater]
        first = ((ab == A).astype(float) + (ba == B)) / 2.0
        found = mean_by_prompt(np.where(both, first - 0.5, np.nan), vote_matrix.prompt_P, rng)
        alarm = _clear(found, 0.05)
        advice = "ask in both orders; one order alone favours a position" if alarm else ""
        why = "no pair was decided in both orders"
        findings.append(_finding("position_bias", name, found, found.n, alarm, advice, why))
    return findings


def length_bias(
    vote_matrix: VoteMatrix,
    length_a: NDArray[np.integer],
    length_b: NDArray[np.integer],
    rng: np.random.Generator,
    labels_P: NDArray[np.int8] | None = None,
    weight_P: NDArray[np.float64] | None = None,
) -> list[Finding]:
    """How much more often a rater takes the longer response than humans do on the same pairs.

    Longer answers may be better, so without human answers nothing is called a bias: the value is
    then the preference for the longer response minus one half, and never an alarm. weight_P: what
    each answered pair counts; without it all alike.
    """
    longer = np.sign(length_a.astype(np.int64) - length_b.astype(np.int64))
    stance = stance_PR(vote_matrix)
    reference = _reference(labels_P, len(vote_matrix))
    weight = _weight(weight_P, len(vote_matrix))
    known = ~np.isnan(reference) & (longer != 0) & (weight > 0)
    findings = []
    for rater, name in enumerate(vote_matrix.raters):
        mine = _toward(stance[:, rater], longer)
        compared = known & ~np.isnan(mine)
        if compared.sum() >= LEAST:
            human = _toward(reference, longer)
            found = _difference(mine - human, weight, compared, vote_matrix, rng)
            alarm = _clear(found, 0.05)
            advice = "the label model corrects length once it has answers" if alarm else ""
            findings.append(_finding("length_bias", name, found, found.n, alarm, advice))
        else:
            found = mean_by_prompt(mine - 0.5, vote_matrix.prompt_P, rng)
            why = "too few human answers to tell a bias from longer answers being better"
            findings.append(_finding("length_bias", name, found, found.n, False, "", why))
    return findings


def self_preference(
    vote_matrix: VoteMatrix,
    authors_a: Sequence[str | None],
    authors_b: Sequence[str | None],
    rng: np.random.Generator,
    labels_P: NDArray[np.int8] | None = None,
    weight_P: NDArray[np.float64] | None = None,
) -> list[Finding]:
    """How much more a judge takes its own model family's response than others do on those pairs.

    authors_a, authors_b: model or family that wrote each response, None where unknown. Compared
    with humans where enough answered, otherwise with the judges whose family wrote neither.
    weight_P: what each answered pair counts; without it all alike.
    """
    stance = stance_PR(vote_matrix)
    written = author_families([*authors_a, *authors_b], vote_matrix.raters, vote_matrix.families)
    first, second = np.split(np.array(written, object), 2)
    human = _reference(labels_P, len(vote_matrix))
    weight = _weight(weight_P, len(vote_matrix))
    families = np.array(vote_matrix.families, object)
    neutral = (first[:, None] != families) & (second[:, None] != families)
    findings = []
    for rater, (name, family) in enumerate(
        zip(vote_matrix.raters, vote_matrix.families, strict=True)
    ):
        own = (first == family).astype(int) - (second == family)
        others = _mean_known(np.where(neutral, stance, np.nan))
        mine = _toward(stance[:, rater], own)
        by_humans = (own != 0) & ~np.isnan(mine) & ~np.isnan(human) & (weight > 0)
        enough = by_humans.sum() >= LEAST
        reference = human if enough else others
        usable = by_humans if enough else (own != 0) & ~np.isnan(mine) & ~np.isnan(others)
        if usable.sum() < LEAST:
            why = f"{int(usable.sum())} pairs set its family against another; {LEAST} are needed"
            empty = Estimate(None, None, None, int(usable.sum()), why)
            findings.append(_finding("self_preference", name, empty, empty.n, False, "", why))
            continue
        apart = mine - _toward(reference, own)
        counts = weight if enough else np.ones(len(weight))
        found = _difference(apart, counts, usable, vote_matrix, rng)
        alarm = _clear(found, 0.05) and (found.value or 0.0) > 0
        advice = "leave this judge out where its own family wrote a response" if alarm else ""
        why = (
            "against human answers"
            if enough
            else "against judges whose family wrote neither response"
        )
        findings.append(_finding("self_preference", name, found, found.n, alarm, advice, why))
    return findings


def _reference(labels_P: NDArray[np.int8] | None, pairs: int) -> NDArray[np.float64]:
    """Human answers as stance toward A; NaN where there is none."""
    labels = np.full(pairs, MISSING, np.int8) if labels_P is None else labels_P
    return np.select([labels == A, labels == TIE, labels == B], [1.0, 0.5, 0.0], default=np.nan)


def _weight(weight_P: NDArray[np.float64] | None, pairs: int) -> NDArray[np.float64]:
    return np.ones(pairs) if weight_P is None else weight_P


def _difference(
    apart_P: NDArray[np.float64],
    weight_P: NDArray[np.float64],
    kept_P: NDArray[np.bool_],
    vote_matrix: VoteMatrix,
    rng: np.random.Generator,
) -> Estimate:
    """Weighted mean of a difference on the kept pairs."""
    weight = weight_P[kept_P]
    components = np.stack([weight * apart_P[kept_P], weight], axis=1)
    return by_prompt(components, vote_matrix.prompt_P[kept_P], ratio, rng)


def _toward(stance_P: NDArray[np.float64], side_P: NDArray[np.integer]) -> NDArray[np.float64]:
    """Stance toward the side (+1 A, -1 B); NaN where there is no side."""
    return np.where(side_P > 0, stance_P, np.where(side_P < 0, 1.0 - stance_P, np.nan))


def _mean_known(stance: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(stance)
    out = np.full(len(stance), np.nan)
    count = known.sum(axis=1)
    np.divide(np.where(known, stance, 0.0).sum(axis=1), count, out=out, where=count > 0)
    return out


def _clear(found: Estimate, least: float) -> bool:
    """Whether a bias is at least `least` and its interval leaves out zero."""
    if found.value is None or found.low is None or found.high is None or found.n < LEAST:
        return False
    return abs(found.value) >= least and (found.low > 0 or found.high < 0)


def _finding(
    kind: FindingKind,
    subject: str,
    found: Estimate,
    n: int,
    alarm: bool,
    advice: str,
    why: str = "",
) -> Finding:
    reason = why or found.why
    return Finding(kind, subject, found.value, found.low, found.high, n, alarm, reason, advice)
