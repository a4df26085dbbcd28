"""The cycle's alarms: rules over figures and arrays. Leaves out gathering them (`watch`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from app.pipeline.certificates import Withdrawn
from judges.steps.canaries import CanaryTest
from judges.trust.changes import (
    Shift,
    cell_shift,
    mean_change,
    mean_fall,
    share_shift,
    size_shift,
    word_shift,
)
from judges.trust.drift import watch_audits
from judges.trust.intervals import Estimate
from judges.trust.reviewers import repeat_rate
from judges.trust.vote_matrix import MISSING

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_PAIRS = 50  # in each period, below which nothing is compared
FALSE_ALARMS = 0.05  # of a quiet week, all tests of drift and shift together: docs/design/drift.md
_FALL = 0.05  # falls smaller than this ring nobody's bell, however sure; by hand
# Sizes below which a shift of the stream, however sure, needs nobody; by hand.
_SHIFT = {"domain": 0.2, "length": 0.3, "words": 0.5}
STREAM_TESTS = len(_SHIFT)
_DRIFT = 0.05  # share of votes of another kind below which a judge's drift needs nobody; by hand
_REPEATS = 0.05  # risk that any reviewer is named by chance, ever


@dataclass(frozen=True)
class Alarm:
    """Something a person must look at. kind is stable for machines; sentence is for people."""

    kind: str
    sentence: str
    look: str
    figures: dict[str, Any] = field(default_factory=dict)


def counted(alarms: int) -> str:
    """How many alarms rang, in words."""
    return f"{alarms} alarm{'s' * (alarms > 1)}" if alarms else "no alarm"


def agreement_falling(
    what: str,
    values_P: Floats,
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    level: float = 0.01,
    seed: int = 0,
) -> Alarm | None:
    """Rings where agreement on new pairs is below that on old ones, beyond noise and 5 points.

    values_P: agreement on each pair in [0, 1], NaN where there is none. what: among whom. level:
    how often it may ring by chance, when prompts are dealt to the two periods at random.
    """
    known = np.isfinite(values_P)
    if min((known & new_P).sum(), (known & ~new_P).sum()) < LEAST_PAIRS:
        return None
    rng = np.random.default_rng(seed)
    change = mean_change(values_P, prompt_P, new_P, rng)
    if change.value is None or change.value > -_FALL:
        return None
    if mean_fall(values_P, prompt_P, new_P, rng).p_value > level:
        return None
    now, then = float(values_P[known & new_P].mean()), float(values_P[known & ~new_P].mean())
    return Alarm(
        "agreement",
        f"agreement {what} fell from {then:.1%} to {now:.1%} ({_points(change)})",
        "look at the newest disagreements, and whether a judge or the guideline changed",
        {"what": what, "before": then, "now": now, "change": change.value},
    )


def judge_drift(
    judge: str,
    cells_P: NDArray[np.int8],
    new_P: Mask,
    prompt_P: NDArray[np.int64],
    level: float = 0.01,
    seed: int = 0,
) -> Alarm | None:
    """Rings where one judge's votes on the new pairs are unlike those on the old ones.

    cells_P: see `judges.trust.drift.drift_cells`. level: as of `agreement_falling`.
    """
    known = cells_P != MISSING
    if min((known & new_P).sum(), (known & ~new_P).sum()) < LEAST_PAIRS:
        return None
    rng = np.random.default_rng(seed)
    shift = cell_shift(cells_P[known], prompt_P[known], new_P[known], rng, least=_DRIFT)
    if shift.p_value > level or shift.size < _DRIFT:
        return None
    return Alarm(
        "judge_drift",
        f"judge {judge!r} votes otherwise than before: on {int((known & new_P).sum()):,} new pairs "
        f"{shift.size:.0%} of its votes are of another kind (p = {shift.p_value:.4f})",
        "ask its provider whether the model changed; read its newest reversals beside older ones",
        {"judge": judge, "size": shift.size, "p_value": shift.p_value},
    )


def promise_withdrawn(made: Withdrawn) -> Alarm:
    """Rings for a promise that no longer holds, whoever withdrew it."""
    return Alarm(
        "certificate",
        f"certificate {made.certificate_id} of batch {made.batch_id} was withdrawn: {made.reason}",
        "read the audits that were wrong; `tiebreak route --target-error` asks for a new promise",
        {"certificate": made.certificate_id, "batch": made.batch_id, "reason": made.reason},
    )


def repeats_contradict(
    who: str, differs: Sequence[bool], people: int, accuracy: float
) -> Alarm | None:
    """Rings where one of so many people answers hidden repeats less steadily than assumed.

    differs: of each repeat as it came, whether the answer was another one. An anytime-valid bet
    against the share of changes that a reviewer of this accuracy makes: looking often is free.
    What the evidence says now counts, so that nobody is named for a bad day long ago.
    """
    bound, risk = 1.0 - repeat_rate(accuracy), _REPEATS / people
    watched = watch_audits(np.array(differs, dtype=bool), bound=bound, delta=risk)
    if not len(differs) or watched.e_values_T[-1] < 1.0 / risk:
        return None
    changed = sum(differs)
    return Alarm(
        "reviewer",
        f"{who!r} answered {changed} of {len(differs)} hidden repeats otherwise than before; "
        f"a reviewer who is right {accuracy:.0%} of the time changes {bound:.0%}",
        "speak about those pairs; where the guideline leaves it open, mend the guideline",
        {"who": who, "changed": changed, "repeats": len(differs), "allowed": bound},
    )


def canary_changed(test: CanaryTest) -> Alarm:
    """Rings for a judge that answers the canary pairs otherwise than it did at first."""
    return Alarm(
        "canary",
        test.sentence,
        "ask its provider what changed, and audit anew what it voted on since; "
        "`tiebreak canaries draw 100` takes it as it is now for the new baseline",
        {"judge": test.judge, "changed": test.changed, "replayed": test.replayed,
         "p_value": test.p_value},
    )  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """What the pairs themselves look like: one row a pair."""

    prompt_P: NDArray[np.int64]
    domain_P: NDArray[np.int64]
    prompt_text_P: Sequence[str]
    length_P: Floats


def stream_drift(stream: Stream, new_P: Mask, level: float = 0.005, seed: int = 0) -> Alarm | None:
    """Rings where the new pairs are of another kind: by domain, by length, or by their words.

    level: of each of the three, as of `agreement_falling`.
    """
    if min(new_P.sum(), (~new_P).sum()) < LEAST_PAIRS:
        return None
    rng = np.random.default_rng(seed)
    prompts = stream.prompt_P
    shifts: dict[str, Shift] = {
        "domain": share_shift(stream.domain_P, prompts, new_P, rng),
        "length": size_shift(stream.length_P, prompts, new_P, rng),
        "words": word_shift(stream.prompt_text_P, prompts, new_P, rng, repeats=999),
    }
    rang = {k: s for k, s in shifts.items() if s.size >= _SHIFT[k] and s.p_value <= level}
    if not rang:
        return None
    told = {
        "domain": "the shares of domains",
        "length": "the length of the responses",
        "words": "the words of the prompts",
    }
    parts = [f"{told[k]} (by {s.size:.2f}, p = {s.p_value:.3f})" for k, s in rang.items()]
    return Alarm(
        "stream_drift",
        f"the new pairs are of another kind than the old: {', '.join(parts)}",
        "certificates and the gate's gold speak of the old kind; audit and draw gold among the new",
        {k: {"size": s.size, "p_value": s.p_value} for k, s in shifts.items()},
    )


def queue_growing(
    waiting: int, created: int, answered: int, days: float, weeks_allowed: float
) -> Alarm | None:
    """Rings where more work came than was done, beyond chance, and it lasts longer than allowed.

    created, answered: tasks within the last `days`; by chance either is equally likely. Half a day
    says nothing: nobody may have been at work.
    """
    moved = created + answered
    if created <= answered or not moved or days < 0.5:
        return None
    if binomtest(created, moved, 0.5, alternative="greater").pvalue > 0.01:
        return None
    pace = answered / days * 7
    if pace and waiting / pace <= weeks_allowed:
        return None
    lasts = f"{waiting / pace:.1f} weeks of work" if pace else "work for ever, as none was answered"
    return Alarm(
        "queue",
        f"the queue grows faster than experts decide: {created:,} tasks came and {answered:,} were "
        f"answered in {days:.1f} days; {waiting:,} wait, {lasts}",
        "add reviewers, or lower the budget of reviews in [cycle]",
        {"waiting": waiting, "created": created, "answered": answered, "days": days},
    )


def overspent(
    spent_usd: float, planned_usd: float | None, tolerance: float, capped: bool, missing: int
) -> Alarm | None:
    """Rings where the cap left votes unasked, or the bill is over the plan by more than allowed."""
    figures = {"spent_usd": spent_usd, "planned_usd": planned_usd, "missing": missing}
    if capped:
        return Alarm(
            "spend",
            f"the spending cap is reached at ${spent_usd:.4f}: {missing:,} votes are missing",
            "raise the cap and run the cycle again, or take a judge out of the panel",
            figures,
        )
    if planned_usd is None or spent_usd <= planned_usd * tolerance:
        return None
    return Alarm(
        "spend",
        f"judging cost ${spent_usd:.4f}, planned were ${planned_usd:.4f}",
        "compare `tiebreak estimate` with the spend in `tiebreak report`",
        figures,
    )


def as_rows(alarms: Sequence[Alarm]) -> list[Mapping[str, Any]]:
    """Alarms as JSON values."""
    return [
        {"kind": a.kind, "sentence": a.sentence, "look": a.look, "figures": a.figures}
        for a in alarms
    ]


def fell(change: Estimate, least: float) -> bool:
    """Whether a change is a fall beyond noise, and of at least so much."""
    return (
        change.value is not None
        and change.high is not None
        and change.high < 0
        and change.value <= -least
    )


def _points(change: Estimate) -> str:
    if change.value is None or change.low is None or change.high is None:
        return "no interval"
    return f"{100 * change.value:+.1f} points, {100 * change.low:+.1f} to {100 * change.high:+.1f}"
