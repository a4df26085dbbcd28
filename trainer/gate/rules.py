"""The gate: may a challenger replace the incumbent? Arrays in, a verdict with its figures out.

Every comparison is on the very same frozen pairs, paired, with a bootstrap that draws whole
prompts. Leaves out where answers come from (`trainer.gate.evaluate`) and what follows (`registry`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.trust.always_valid import ON_NEW, Week, log_e_value
from judges.trust.intervals import Estimate, by_prompt, mean_by_prompt, paired_difference
from judges.trust.panel_choice import Priced, Terms
from judges.trust.vote_matrix import TIE, A
from trainer.gate.evidence import Gain, Refusal, add, refusal, week_figures
from trainer.gate.panels import LEAST_NEW, Panels, Unpriced, seat

Floats = NDArray[np.float64]
_BINS = 10  # the usual number, as in the report: docs/design/gate.md
# Decided pairs below which a slice is not looked at; by hand: docs/design/gate.md
_SMALLEST_SLICE = 10
_SMALLEST = 0.02  # gain in accuracy worth looking for: docs/design/gate.md


@dataclass(frozen=True)
class GateAnswers:
    """What one rater says about P gold pairs, in stored order.

    win_P: p_a / (p_a + p_b), one half where it does not know. tie_P: probability of a tie.
    reversed_P: how far it contradicts itself between the two orders, in [0, 1]; NaN where it was
    not asked in both. Pointwise raters cannot, and have 0. too_long: pairs it could not read whole;
    a reward model scores them without their beginning, a judge abstains.
    """

    win_P: Floats
    tie_P: Floats
    reversed_P: Floats
    too_long: int = 0


@dataclass(frozen=True)
class GoldSeen:
    """new_P: gold pairs that no decision since the last promotion has seen. through: id of the
    newest gold.
    """

    new_P: NDArray[np.bool_]
    through: int


@dataclass(frozen=True)
class Joint:
    """Panels as priced, and what the best of them and today's say of the gold pairs (NaN where
    they were not measured), as p_a / (p_a + p_b).
    """

    panels: Panels
    with_it_P: Floats
    today_P: Floats


@dataclass(frozen=True)
class Decision:
    """promoted: whether every rule holds. reasons: one sentence a rule that spoke."""

    promoted: bool
    reasons: list[str]
    figures: dict[str, Any] = field(default_factory=dict)


def right(win_P: Floats, truth_P: NDArray[np.int8]) -> Floats:
    """1 on the truth's side, one half at an exact half, NaN where the truth is a tie."""
    hit = np.where(win_P == 0.5, 0.5, (win_P > 0.5) == (truth_P == A)).astype(np.float64)
    return np.where(truth_P == TIE, np.nan, hit)


def decide(
    challenger: GateAnswers,
    incumbent: GateAnswers,
    truth_P: NDArray[np.int8],
    prompt_P: NDArray[np.int64],
    slices: Mapping[str, NDArray[np.bool_]],
    *,
    joint: Joint | Unpriced | None = None,
    seen: GoldSeen | None = None,
    past: Sequence[Week] = (),
    seed: int = 0,
    repeats: int = 2000,
) -> Decision:
    """Promoted is who gains beyond doubt and is not worse in anything guarded.

    What is gained is accuracy; with `joint`, of a judge, the money that the cheapest panel with it
    saves at the same quality, and accuracy is but a figure. Beyond doubt is by evidence that holds
    over all weeks together (`past`, oldest first), not by an interval anew each week. Guarded are
    reversals, calibration (of a panel: being too sure) and each of `slices` (masks of domains,
    principles and earlier gold, at a level corrected for how many there are), beyond noise at 95%.
    """
    rng = np.random.default_rng(seed)
    ours, theirs = right(challenger.win_P, truth_P), right(incumbent.win_P, truth_P)
    gain = paired_difference(ours, theirs, prompt_P, rng, repeats=repeats)
    turned = paired_difference(
        challenger.reversed_P, incumbent.reversed_P, prompt_P, rng, repeats=repeats
    )
    new_P, old_P = challenger.win_P, incumbent.win_P
    if isinstance(joint, Joint):  # its panel answers, so it is the panel's errors that count
        new_P, old_P = joint.with_it_P, joint.today_P
    known = np.isfinite(new_P) & np.isfinite(old_P)
    blur = ece_difference(
        new_P[known], old_P[known], truth_P[known], prompt_P[known], rng, repeats,
        over_sure=isinstance(joint, Joint),
    )  # fmt: skip
    lost = _lost_slices(
        np.where(known, right(new_P, truth_P), np.nan),
        np.where(known, right(old_P, truth_P), np.nan),
        prompt_P, slices, rng, repeats,
    )  # fmt: skip
    if joint is None:
        seen = seen or GoldSeen(np.ones(len(truth_P), dtype=bool), 0)
        asked = _of_accuracy(gain, ours - theirs, prompt_P, seen, past)
    elif isinstance(joint, Joint):
        asked = _of_panels(joint.panels, past)
    else:
        asked = _Asked([joint.line], None, "", {"panels": {"line": joint.line}})
    rules = [
        *asked.against,
        _not_worse("reversal rate", turned),
        _not_worse("calibration error" if joint is None else "over-sureness", blur),
        *(f"it is worse on {name}: accuracy {_signed(each)}" for name, each in lost.items()),
    ]
    against = [rule for rule in rules if rule]
    figures = {
        "accuracy_difference": as_figures(gain),
        "reversal_difference": as_figures(turned),
        "ece_difference": as_figures(blur),
        "worse_slices": {name: as_figures(each) for name, each in lost.items()},
        "slices_compared": sum(_large(mask, ours) for mask in slices.values()),
        "refusal": asked.refusal.as_figures() if asked.refusal else None,
        **asked.figures,
    }
    if against:
        return Decision(False, against, figures)
    return Decision(True, [asked.won], figures)


@dataclass(frozen=True)
class _Asked:
    """The one question: what speaks against, which kind of refusal, what to say if it is let in."""

    against: list[str]
    refusal: Refusal | None
    won: str
    figures: dict[str, Any]


def _of_panels(panels: Panels, past: Sequence[Week]) -> _Asked:
    """Whether the cheapest panel with the judge costs less for certain, and is not worse."""
    week = Week(panels.log_e, panels.new_log_e)
    stands = add(past, week)
    best, terms = panels.on_gold[panels.best], panels.terms
    change = best.usd_change
    gain = Gain(
        -change.value / terms.answer_usd,
        change.error / terms.answer_usd,
        -change.high / terms.answer_usd,
        -change.low / terms.answer_usd,
        panels.gold_pairs,
        terms.smallest,
        "answers for 100 pairs",
    )
    figures = {
        "panels": panels.as_figures(),
        "evidence": week_figures(week, panels.through, stands),
        "seat": seat(best.candidate),
    }
    refused, against = None, []
    if not (panels.chosen and stands.proven and gain.low > 0):
        refused = refusal(gain, stands)
        against.append(f"{refused.why} ({panels.line})")
    if not best.not_worse(terms):
        refused = refused or Refusal("not visible", _margins(best, terms))
        against.append(_margins(best, terms))
    return _Asked(against, refused, f"it is cheaper at the same quality: {panels.line}", figures)


def _margins(best: Priced, terms: Terms) -> str:
    loss, share = best.log_loss_change, best.human_share_change
    return (
        f"it is not shown to be no worse: log-loss may rise by {loss.high:.3f} (allowed "
        f"{terms.log_loss_margin:g}), the human share by {100 * share.high:.1f} points (allowed "
        f"{100 * terms.human_share_margin:g})"
    )


def _of_accuracy(
    gain: Estimate,
    difference_P: Floats,
    prompt_P: NDArray[np.int64],
    seen: GoldSeen,
    past: Sequence[Week],
) -> _Asked:
    """Whether it is right more often than the incumbent for certain."""
    if gain.value is None or gain.low is None or gain.high is None:
        why = f"accuracy cannot be compared: {gain.why}; freeze more gold"
        return _Asked([why], None, "", {})
    error = _error(gain, 1.0)
    new = seen.new_P & np.isfinite(difference_P)
    fresh = 0.0
    if new.sum() >= LEAST_NEW:
        rng = np.random.default_rng(1)
        told = mean_by_prompt(difference_P[new], prompt_P[new], rng)
        if told.value is not None and told.low is not None:
            fresh = log_e_value(told.value, _error(told, 1.0), ON_NEW)
    week = Week(log_e_value(gain.value, error), fresh)
    stands = add(past, week)
    asked = Gain(gain.value, error, gain.low, gain.high, gain.n, _SMALLEST, "points of accuracy")
    figures = {"evidence": week_figures(week, seen.through, stands)}
    if stands.proven and gain.low > 0:
        return _Asked([], None, f"it beats the incumbent: accuracy {_signed(gain)}", figures)
    refused = refusal(asked, stands)
    line = f"it does not beat the incumbent: accuracy {_signed(gain)}; {refused.why}"
    return _Asked([line], refused, "", figures)


def _error(estimate: Estimate, least_pairs: float) -> float:
    """Standard error from a 95% interval, at least that of one pair."""
    low, high = estimate.low or 0.0, estimate.high or 0.0
    return max((high - low) / (2 * 1.96), least_pairs / max(estimate.n, 1))


def beside(
    answers: Mapping[str, GateAnswers],
    challenger: str,
    truth_P: NDArray[np.int8],
    prompt_P: NDArray[np.int64],
    seed: int = 0,
    repeats: int = 2000,
) -> dict[str, Estimate]:
    """Accuracy of the challenger minus that of each other rater, on the same pairs.

    Decides nothing: it tells a model that has learnt nothing from one that has learnt, and not
    enough to be let in.
    """
    ours = right(answers[challenger].win_P, truth_P)
    return {
        name: paired_difference(
            ours, right(theirs.win_P, truth_P), prompt_P, np.random.default_rng(seed),
            repeats=repeats,
        )
        for name, theirs in answers.items()
        if name != challenger
    }  # fmt: skip


def ece_difference(
    ours_P: Floats,
    theirs_P: Floats,
    truth_P: NDArray[np.int8],
    prompt_P: NDArray[np.int64],
    rng: np.random.Generator,
    repeats: int = 1000,
    *,
    over_sure: bool = False,
) -> Estimate:
    """Expected calibration error of ours minus theirs (ten bins of confidence), by prompt.

    over_sure: bins that are righter than they are sure count 0, as they only cost humans.
    """
    known = truth_P != TIE
    parts = np.concatenate(
        [_bins(win_probability[known], truth_P[known]) for win_probability in (ours_P, theirs_P)],
        axis=1,
    )

    def difference(sums: Floats) -> Floats:
        each = []
        for half in np.split(sums, 2, axis=1):
            beyond = half[:, :_BINS] - half[:, _BINS : 2 * _BINS]
            off = np.maximum(beyond, 0.0) if over_sure else np.abs(beyond)
            each.append(off.sum(1) / half[:, 2 * _BINS :].sum(1))
        apart: Floats = each[0] - each[1]
        return apart

    return by_prompt(parts, prompt_P[known], difference, rng, repeats=repeats)


def as_figures(estimate: Estimate) -> dict[str, Any]:
    """An estimate as JSON values."""
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "why": estimate.why,
    }


def _bins(win_P: Floats, truth_P: NDArray[np.int8]) -> Floats:
    """What each pair adds to each bin: its confidence, its hit, its count; [pairs, 3 * bins]."""
    sure = np.maximum(win_P, 1 - win_P)
    place = np.minimum(((sure - 0.5) * 2 * _BINS).astype(int), _BINS - 1)
    inside = np.eye(_BINS)[place]
    hit = right(win_P, truth_P)
    return np.concatenate([inside * sure[:, None], inside * hit[:, None], inside], axis=1)


def _lost_slices(
    ours: Floats,
    theirs: Floats,
    prompt_P: NDArray[np.int64],
    slices: Mapping[str, NDArray[np.bool_]],
    rng: np.random.Generator,
    repeats: int,
) -> dict[str, Estimate]:
    looked = {name: mask for name, mask in slices.items() if _large(mask, ours)}
    found = {}
    for name, mask in looked.items():
        each = paired_difference(
            ours[mask],
            theirs[mask],
            prompt_P[mask],
            rng,
            repeats=repeats,
            level=1 - 0.05 / len(looked),
        )
        if each.high is not None and each.high < 0:
            found[name] = each
    return found


def _large(mask: NDArray[np.bool_], hits: Floats) -> bool:
    return int((mask & np.isfinite(hits)).sum()) >= _SMALLEST_SLICE


def _not_worse(what: str, difference: Estimate) -> str | None:
    if difference.value is None or difference.low is None or difference.low <= 0:
        return None
    return f"its {what} is higher: {_signed(difference)}"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"
