"""What a routing will ask of humans and what it may promise, before and while people answer.

Every figure here is an expectation, never a promise: it is simulated from the believed risks, which
may be off as far as recorded sets have shown (`judges.trust.miscalibration`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.trust.frame import Frame
from judges.trust.levels import largest_accepted
from judges.trust.looks import Look
from judges.trust.miscalibration import Miscalibration
from judges.trust.promise import Promise
from review.routing.simulation import Audit, Simulated, most_accepted

# Why each number here is what it is: docs/design/certificates.md.
_AUDIT_GRID = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 5000)
_EARLY = ((0.25, 0.02), (0.5, 0.03))
"""Looks before the planned one, for who cannot wait: share of its audits, share of delta."""
_SCENARIOS = 60
"""Simulated batches for a plan."""
_SIMULATIONS = 200
"""Simulated batches for a forecast or a decision."""
_SEED_GAIN, _SEED_COST, _SEED_SPREAD = 0.005, 0.06, 0.025
"""Of seed questions: share of the pairs saved, what each costs more, half of a 90% interval."""


@dataclass(frozen=True)
class Forecast:
    """Expected load and error of one batch.

    human: expected human answers, audits included; human_low, human_high: 5th and 95th percentile
    over simulated audits. expected_error: share of all delivered labels expected to be wrong, human
    answers taken as right. promised_error, chance: the target and how likely the audits certify
    anything; None and 0 where no promise is asked for. coverage: expected certified share.
    """

    pairs: int
    audits: int
    human: float
    human_low: float
    human_high: float
    expected_error: float
    promised_error: float | None = None
    delta: float | None = None
    chance: float = 0.0
    coverage: float = 0.0
    seconds_per_review: float | None = None

    @property
    def hours(self) -> float | None:
        """Working hours the expected answers take, where the time of one was measured."""
        return (
            None if self.seconds_per_review is None else self.human * self.seconds_per_review / 3600
        )

    def sentence(self) -> str:
        """Load, expected error and promise in one line."""
        share = self.human / self.pairs if self.pairs else 0.0
        time = "" if self.hours is None else f", about {self.hours:.1f} hours"
        load = (
            f"{self.human:.0f} of {self.pairs} pairs need a human ({share:.1%}; "
            f"{self.human_low:.0f} to {self.human_high:.0f}{time}), {self.audits} of them audits; "
            f"expected error {self.expected_error:.2%}"
        )
        if self.promised_error is None:
            return f"{load}; nothing is promised."
        return (
            f"{load}; promised at most {self.promised_error:.2%} with probability "
            f"{1 - (self.delta or 0.0):.0%} (chance of a certificate {self.chance:.0%})."
        )


def forecast_plan(
    route_P: NDArray[np.str_],
    risk_P: NDArray[np.float64],
    *,
    seconds_per_review: float | None = None,
) -> Forecast:
    """What a plan without a promise asks for; its load is certain, its error an expectation."""
    human = float((route_P != "accept").sum())
    pairs = len(route_P)
    return Forecast(
        pairs=pairs,
        audits=int((route_P == "audit").sum()),
        human=human,
        human_low=human,
        human_high=human,
        expected_error=float(risk_P[route_P == "accept"].sum() / max(pairs, 1)),
        seconds_per_review=seconds_per_review,
    )


def _told(found: Simulated, pairs: int, looks: Sequence[Look], **told: Any) -> Forecast:
    """What simulated batches say of this one."""
    low, high = np.quantile(found.human_S, [0.05, 0.95])
    return Forecast(
        pairs=pairs,
        audits=looks[-1].audits,
        human=float(found.human_S.mean()),
        human_low=float(low),
        human_high=float(high),
        expected_error=float(found.wrong_S.mean() / max(pairs, 1)),
        chance=float((found.accepted_S > 0).mean()),
        coverage=float(found.accepted_S.mean() / max(pairs, 1)),
        **told,
    )


def forecast_target(
    doubt: NDArray[np.float64],
    *,
    looks: Sequence[Look],
    target: float,
    delta: float,
    promise: Promise = "g2",
    beside: int = 0,
    seed: int = 0,
    seconds_per_review: float | None = None,
) -> Forecast:
    """Expected outcome of a frame before its audits are drawn.

    doubt: probability that each delivered label is wrong. beside: pairs of the batch outside the
    frame that humans answer; they count in what g2 promises a share of, not in the load.
    """
    rng = np.random.default_rng(seed)
    audit = Audit(np.sort(doubt), np.zeros(0, np.int64), np.zeros(0, np.int8))
    asked: dict[str, Any] = {"target": target, "promise": promise, "beside": beside}
    return _told(
        audit.simulate(looks, _SIMULATIONS, rng, **asked),
        len(doubt),
        looks,
        promised_error=target,
        delta=delta,
        seconds_per_review=seconds_per_review,
    )


def forecast_audit(
    frame: Frame,
    wrong: Mapping[str, bool],
    *,
    looks: Sequence[Look],
    target: float,
    delta: float,
    promise: Promise = "g2",
    beside: int = 0,
    seed: int = 0,
    seconds_per_review: float | None = None,
) -> Forecast:
    """Expected outcome of a frame whose audits are being answered; seed: of their draw.

    wrong: as for `certify`. With every audit answered nothing is left to chance but the error.
    """
    audit = Audit.of(frame, wrong, looks[-1].audits, seed)
    asked: dict[str, Any] = {"target": target, "promise": promise, "beside": beside}
    return _told(
        audit.simulate(looks, _SIMULATIONS, np.random.default_rng(seed), **asked),
        len(frame),
        looks,
        promised_error=target,
        delta=delta,
        seconds_per_review=seconds_per_review,
    )


def plan_looks(
    doubt: NDArray[np.float64],
    *,
    target: float,
    delta: float,
    promise: Promise = "g2",
    audits: int | None = None,
    beside: int = 0,
    seed: int = 0,
) -> tuple[Look, ...]:
    """When to try for a certificate on a frame, spending `delta` in all, before anybody is asked.

    doubt, beside: as in `forecast_target`. audits: how many to draw, where somebody has decided it;
    else the number with the smallest expected human load, escalations and audits together. The last
    look counts all that are drawn and spends nearly all of delta; those before it let a batch stop
    early that is easy, or that somebody cannot wait for.
    """
    if audits is None:
        audits = _cheapest(np.sort(doubt), target, delta, promise, beside, seed)
    audits = min(len(doubt), audits)
    early = [Look(int(share * audits), part * delta) for share, part in _EARLY]
    early = [look for look in early if look.audits]
    return (*early, Look(audits, delta - sum(look.delta for look in early)))


def _cheapest(
    doubt_P: NDArray[np.float64],
    target: float,
    delta: float,
    promise: Promise,
    beside: int,
    seed: int,
) -> int:
    """Audits with the smallest expected load; every number of them is tried on the same batches."""
    size, rng = len(doubt_P), np.random.default_rng(seed)
    if not size:
        return 0
    off = Miscalibration.given(np.zeros(0), np.zeros(0, bool))
    grid = sorted({min(audits, ceil(size / 2)) for audits in _AUDIT_GRID})
    load_N = np.zeros(len(grid))
    for _ in range(_SCENARIOS):
        places = rng.permutation(size)[: grid[-1]]
        wrong = rng.random(len(places)) < off.draw(doubt_P, rng)[places]
        for n, audits in enumerate(grid):
            accepted = largest_accepted(
                size, places[:audits], wrong[:audits],
                target=target, delta=delta, promise=promise, beside=beside,
            )  # fmt: skip
            load_N[n] += size - accepted * (1.0 - audits / size)
    return grid[int(np.argmin(load_N))]


def go_on(
    frame: Frame,
    wrong: Mapping[str, bool],
    *,
    looks: Sequence[Look],
    look: int,
    target: float,
    promise: Promise = "g2",
    beside: int = 0,
    seed: int = 0,
) -> bool:
    """Whether the looks after number `look` are expected to save more answers than they cost.

    wrong: as for `certify`; those of this look are answered, later ones as far as they are. False
    at the last look.
    """
    if look >= len(looks):
        return False
    asked: dict[str, Any] = {"target": target, "promise": promise, "beside": beside}
    ahead = Audit.of(frame, wrong, looks[-1].audits, seed)
    places = ahead.places[: looks[look - 1].audits]
    said = ahead.said[: len(places)] != 0  # a missing answer counts as wrong
    accepted = most_accepted(len(frame), places, said, looks[:look], **asked)
    now = len(frame) - accepted + int((places < accepted).sum())
    later = ahead.simulate(looks, _SIMULATIONS, np.random.default_rng(seed), **asked)
    return bool(later.human_S.mean() < now)


def expected_saving(pairs: int, questions: int) -> tuple[float, float, float]:
    """Answers that so many seed questions before the frame are expected to save: 5%, mean, 95%.

    pairs: of the batch. Their own cost is in it, so it may be below 0. From what seed questions
    chosen by `ordering` did on recorded sets, not from this batch: docs/design/certificates.md.
    """
    mean = _SEED_GAIN * pairs - _SEED_COST * questions
    return mean - _SEED_SPREAD * pairs, mean, mean + _SEED_SPREAD * pairs
