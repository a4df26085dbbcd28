"""The gate: may a challenger replace the incumbent? Arrays in, a verdict with its figures out.

Every comparison is on the very same frozen pairs, paired, with a bootstrap that draws whole
prompts. Leaves out where answers come from (`trainer.gate.evaluate`) and what follows (`registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate, by_prompt, paired_difference
from judges.trust.vote_matrix import TIE, A

Floats = NDArray[np.float64]
_BINS = 10  # the usual number, as in the report: docs/design/gate.md
# Decided pairs below which a slice is not looked at; by hand: docs/design/gate.md
_SMALLEST_SLICE = 10


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
class Effect:
    """Human share the router needs for `target` agreement, without and with the challenger.

    change: after minus before, below 0 where humans are spared, drawn by prompt; its `why` says
    why nothing could be measured.
    """

    before: float | None
    after: float | None
    change: Estimate
    target: float

    def __str__(self) -> str:
        if self.before is None or self.after is None or self.change.value is None:
            return f"the effect on the human share was not measured: {self.change.why}"
        inside = ""
        if self.change.low is not None and self.change.high is not None:
            inside = f" [{100 * self.change.low:+.1f}, {100 * self.change.high:+.1f}]"
        return (
            f"humans needed for {self.target:.0%} agreement: {self.before:.1%} of the pairs "
            f"without it, {self.after:.1%} with it, {100 * self.change.value:+.1f} points{inside}"
        )

    def as_figures(self) -> dict[str, Any]:
        """The same as JSON values."""
        change = as_figures(self.change)
        return {
            "before": self.before, "after": self.after, "change": change, "target": self.target,
            "line": str(self),
        }  # fmt: skip


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
    effect: Effect | None = None,
    seed: int = 0,
    repeats: int = 2000,
) -> Decision:
    """Better on accuracy at 95%; not worse beyond noise on reversals, calibration, any slice.

    With an `effect`, the human share must fall at 95%, too: a coin in the panel lowers it by chance
    in nearly half of all draws. None is for what casts no votes, as a reward model.
    `slices` are masks of domains, principles and earlier gold; each is looked at with a level
    corrected for how many there are (Bonferroni).
    """
    rng = np.random.default_rng(seed)
    ours, theirs = right(challenger.win_P, truth_P), right(incumbent.win_P, truth_P)
    gain = paired_difference(ours, theirs, prompt_P, rng, repeats=repeats)
    turned = paired_difference(
        challenger.reversed_P, incumbent.reversed_P, prompt_P, rng, repeats=repeats
    )
    blur = ece_difference(challenger.win_P, incumbent.win_P, truth_P, prompt_P, rng, repeats)
    lost = _lost_slices(ours, theirs, prompt_P, slices, rng, repeats)
    rules = [
        _must_gain(gain),
        _not_worse("reversal rate", turned),
        _not_worse("calibration error", blur),
        *(f"it is worse on {name}: accuracy {_signed(each)}" for name, each in lost.items()),
        _must_help(effect),
    ]
    against = [rule for rule in rules if rule]
    figures = {
        "accuracy_difference": as_figures(gain),
        "reversal_difference": as_figures(turned),
        "ece_difference": as_figures(blur),
        "worse_slices": {name: as_figures(each) for name, each in lost.items()},
        "slices_compared": sum(_large(mask, ours) for mask in slices.values()),
        "human_share": effect.as_figures() if effect else None,
    }
    if against:
        return Decision(False, against, figures)
    return Decision(True, [f"it beats the incumbent: accuracy {_signed(gain)}"], figures)


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
) -> Estimate:
    """Expected calibration error of ours minus theirs (ten bins of confidence), by prompt."""
    known = truth_P != TIE
    parts = np.concatenate(
        [_bins(win_probability[known], truth_P[known]) for win_probability in (ours_P, theirs_P)],
        axis=1,
    )

    def difference(sums: Floats) -> Floats:
        each = [
            np.abs(half[:, :_BINS] - half[:, _BINS : 2 * _BINS]).sum(1)
            / half[:, 2 * _BINS :].sum(1)
            for half in np.split(sums, 2, axis=1)
        ]
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


def _must_gain(gain: Estimate) -> str | None:
    if gain.value is None or gain.low is None:
        return f"accuracy cannot be compared: {gain.why}; freeze more gold"
    if gain.low > 0:
        return None
    return f"it does not beat the incumbent: accuracy {_signed(gain)} over {gain.n} pairs"


def _not_worse(what: str, difference: Estimate) -> str | None:
    if difference.value is None or difference.low is None or difference.low <= 0:
        return None
    return f"its {what} is higher: {_signed(difference)}"


def _must_help(effect: Effect | None) -> str | None:
    if effect is None:
        return None
    change = effect.change
    if change.value is None or change.high is None:
        return f"{effect}"
    if change.high < 0:
        return None
    beyond = "" if change.value >= 0 else " beyond noise"
    return f"the router needs no fewer humans{beyond} with it in the panel; {effect}"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"
