"""Routing to a target error: freeze the frames, draw the audits, and wait.

Beside the audits only a few pairs are asked that no certificate can save; the rest waits until the
certificates on these frames (`judges.trust.certificate`) say what is accepted. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.errors import BadInput
from judges.trust.frame import Frame, draw_audit
from judges.trust.looks import Look
from judges.trust.vote_matrix import MISSING, TIE, Consensus, VoteMatrix
from review.detectors.flag import Flag
from review.routing.forecast import Forecast, forecast_audit, forecast_target, plan_looks
from review.routing.ordering import hard_mask, queue_order, review_value, risk
from review.routing.router import Aside, Plan, RouteOptions, collect_reasons, set_aside

TIES = "ties"
"""Name of the stratum of pairs delivered as ties, where a certificate for them is asked for."""

WHOLE = ""
"""Name of the one stratum of a promise on the whole batch."""

# Why each number here is what it is: docs/design/promise-workflow.md.
_FAIR = 0.25
"""Chance of a certificate below which a frame is not audited, but asked."""
_BESIDE = 4
"""Audits for each pair that is asked beside them although no certificate can save it."""
_UNDECIDED = 0.02
"""Distance of the win probability from one half below which a pair leans to neither side."""


@dataclass(frozen=True)
class TargetPlan:
    """A plan with the frames its promise speaks of, the looks at their audits, and what to expect.

    frames, looks: stratum name to frame and planned looks; the audits of all are asked for now.
    Both are to be stored as they are: the certificate is computed on these frames, not on later
    scores, and at these looks alone. Without any frame the pairs are too few for a promise, and
    all are asked. forecast: of the whole batch.
    """

    plan: Plan
    frames: Mapping[str, Frame]
    looks: Mapping[str, tuple[Look, ...]]
    forecast: Forecast

    def sentence(self) -> str:
        """What is asked now, what may come after it, and the promise, in one line."""
        told = self.forecast
        at_most = f"at most {told.promised_error or 0.0:.1%} wrong"
        now, audits = int(self.plan.open_P.sum()), self.plan.count("audit")
        if not self.frames:
            return (
                f"{told.pairs:,} pairs are too few for a promise of {at_most}: no audit has a fair "
                f"chance of a certificate, so the {now:,} that need an answer are asked"
            )
        other = now - audits
        few = f" and {other:,} other question{'s' * (other > 1)} among them" if other else ""
        rest = [max(x - now, 0.0) for x in (told.human, told.human_low, told.human_high)]
        return (
            f"{audits:,} audits{few} now; then about {rest[0]:,.0f} ({rest[1]:,.0f} to "
            f"{rest[2]:,.0f}) of {told.pairs:,} pairs go to people; {at_most} with probability "
            f"{1 - (told.delta or 0.0):.0%} (chance of a certificate {told.chance:.0%})"
        )


def wrong_answers(
    delivered: Mapping[str, int], reference: Mapping[str, int], *, tie_ok: bool = False
) -> dict[str, bool]:
    """Which audited pairs were wrong, from choice codes by pair id.

    The opposite is wrong; a reference tie is wrong too unless `tie_ok`; a delivered tie is wrong
    unless the reference is one. Pairs without a reference answer are left out.
    """
    return {
        pair: choice != delivered[pair] and not (tie_ok and choice == TIE)
        for pair, choice in reference.items()
        if choice != MISSING
    }


def freeze_frames(
    pair_ids: Sequence[str],
    vote_matrix: VoteMatrix,
    consensus: Consensus,
    aside_P: NDArray[np.bool_],
    options: RouteOptions,
    strata: Sequence[str] | None = None,
) -> dict[str, Frame]:
    """Frames by stratum: pairs with a vote, delivered as a or b, not set aside for humans anyway.

    The score is one minus the risk that the delivered choice counts as wrong.
    """
    voted = (vote_matrix.codes_PRO != MISSING).any(axis=(1, 2)) & ~aside_P
    is_tie = consensus.choice_P == TIE
    names = np.array([WHOLE] * len(vote_matrix) if strata is None else list(strata), dtype=np.str_)
    score = 1.0 - risk(consensus, tie_ok=options.tie_ok)
    rows = {
        name: np.flatnonzero((names == name) & voted & ~is_tie)
        for name in dict.fromkeys(names.tolist())
    }
    if options.ties == "certify":
        rows[TIES] = np.flatnonzero(voted & is_tie)
    return {
        name: Frame.of([pair_ids[int(row)] for row in members], score[members])
        for name, members in rows.items()
        if len(members)
    }


def route_to_target(
    pair_ids: Sequence[str],
    vote_matrix: VoteMatrix,
    consensus: Consensus,
    flags: Sequence[Flag],
    options: RouteOptions,
    *,
    strata: Sequence[str] | None = None,
    labels_P: NDArray[np.int8] | None = None,
    asked_P: NDArray[np.bool_] | None = None,
) -> TargetPlan:
    """First step: draw the audits of every stratum.

    What waits in a frame is routed `accept` with the reason `awaiting_audit`: not to be delivered
    before the certificate. What no frame holds is escalated, and asked after the audits but for a
    few. strata: a name per pair where promises are made by domain (each gets delta / D). asked_P:
    pairs somebody was asked about without having settled them; they are in no frame.
    """
    if options.target_error is None:
        raise BadInput(
            f"target_error is {options.target_error!r}; a promise needs a share like 0.03: "
            "give one, or use a mode without a promise."
        )
    pairs = len(vote_matrix)
    aside = set_aside(vote_matrix, flags, labels_P)
    asked = (np.zeros(pairs, bool) if asked_P is None else asked_P) & ~aside.settled_P
    rng = np.random.default_rng(options.seed)
    value = review_value(vote_matrix, consensus, labels_P, tie_ok=options.tie_ok)
    hard = hard_mask(flags, pairs)
    order, _ = queue_order(value, hard, rng, random_share=options.random_share)
    order = order[~aside.settled_P[order]]
    batch = _Batch(pair_ids, vote_matrix, consensus, aside, asked, options, strata)
    frames = batch.frames(aside.any_P | asked)
    planned = _planned(frames, batch.outside(frames), options)
    beside = batch.beside(frames, planned, order)
    frames = {
        name: frame
        for name, frame in batch.frames(aside.any_P | asked | beside).items()
        if name in planned
    }
    outside = batch.outside(frames)
    draws = {name: _draw(name, frame, planned[name], outside, options)
             for name, frame in frames.items()}  # fmt: skip
    plan = _plan(batch, flags, hard, order, frames, draws, beside, rng)
    parts = [draw.forecast for draw in draws.values()]
    return TargetPlan(
        plan,
        frames,
        {name: draw.looks for name, draw in draws.items()},
        _joined(parts, plan, int(aside.settled_P.sum()), options),
    )


@dataclass(frozen=True)
class _Batch:
    """The pairs to be routed to a target, and who may be in a frame."""

    pair_ids: Sequence[str]
    vote_matrix: VoteMatrix
    consensus: Consensus
    aside: Aside
    asked_P: NDArray[np.bool_]
    options: RouteOptions
    strata: Sequence[str] | None = None

    def frames(self, outside_P: NDArray[np.bool_]) -> dict[str, Frame]:
        """The frames without the pairs set aside."""
        return freeze_frames(
            self.pair_ids, self.vote_matrix, self.consensus, outside_P, self.options, self.strata
        )

    def rows(self, frame: Frame) -> NDArray[np.int64]:
        """The rows of a frame's pairs, in its order."""
        place = {pair_id: row for row, pair_id in enumerate(self.pair_ids)}
        return np.array([place[pair_id] for pair_id in frame.pair_ids], np.int64)

    @property
    def undecided_P(self) -> NDArray[np.bool_]:
        """Pairs on which the panel leans to neither side."""
        return np.asarray(np.abs(self.consensus.win_P - 0.5) < _UNDECIDED)

    def outside(self, frames: Mapping[str, Frame]) -> int:
        """Pairs in no frame that people answer, or had: they count in the share of the batch."""
        apart = self.aside.tie_of(self.consensus, self.options) & ~self.asked_P
        return len(self.vote_matrix) - int(apart.sum()) - sum(map(len, frames.values()))

    def beside(
        self,
        frames: Mapping[str, Frame],
        planned: Mapping[str, "_Planned"],
        order: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """The few pairs that are asked beside the audits, in no frame: first those no frame could
        hold, then those in one on which the panel leans to neither side.
        """
        framed = np.zeros(len(self.vote_matrix), bool)
        for name in planned:
            framed[self.rows(frames[name])] = True
        unsure = framed & self.undecided_P
        apart = self.aside.tie_of(self.consensus, self.options)
        outside = ~framed & ~self.aside.settled_P & ~apart & ~self.asked_P
        few = sum(each.looks[-1].audits for each in planned.values()) // _BESIDE
        chosen = [*order[outside[order]], *order[unsure[order]]][:few]
        mask = np.zeros(len(self.vote_matrix), bool)
        mask[np.array(chosen, np.int64)] = True
        return mask


@dataclass(frozen=True)
class _Planned:
    """The looks at one stratum's audits, and what to expect of them."""

    looks: tuple[Look, ...]
    forecast: Forecast


@dataclass(frozen=True)
class _Draw(_Planned):
    """With the audits in the order of the draw, and the chance of a pair to be among them."""

    drawn: tuple[str, ...] = ()
    inclusion: float = field(default=0.0)


def _planned(
    frames: Mapping[str, Frame], outside: int, options: RouteOptions
) -> dict[str, _Planned]:
    """The looks of every stratum that has a fair chance of a certificate.

    A number of audits in the options is for the whole batch, and takes any chance.
    """
    total = sum(map(len, frames.values()))
    found = {}
    for name, frame in frames.items():
        audits = None if options.audits is None else round(options.audits * len(frame) / total)
        asked: dict[str, Any] = {
            "target": options.target_error,
            "delta": options.delta / len(frames),
            "promise": options.promise,
            "beside": outside if name == WHOLE else 0,
            "seed": options.seed,
        }
        doubt = 1.0 - frame.scores_P
        looks = plan_looks(doubt, audits=audits, **asked)
        if not looks[-1].audits:
            continue
        forecast = forecast_target(doubt, looks=looks, **asked)
        if audits is not None or forecast.chance >= _FAIR:
            found[name] = _Planned(looks, forecast)
    return found


def _draw(name: str, frame: Frame, planned: _Planned, outside: int, options: RouteOptions) -> _Draw:
    """Draw the audits, and say what to expect of these very ones.

    A look that adds none to a frame cut short is left out.
    """
    cut = {min(look.audits, len(frame)): look.delta for look in planned.looks}
    looks = tuple(Look(audits, cut[audits]) for audits in sorted(cut))
    drawn, inclusion = draw_audit(frame, looks[-1].audits, options.seed)
    forecast = forecast_audit(
        frame,
        {},
        looks=looks,
        target=options.target_error or 0.0,
        delta=sum(look.delta for look in looks),
        promise=options.promise,
        beside=outside if name == WHOLE else 0,
        seed=options.seed,
    )
    return _Draw(looks, forecast, drawn, inclusion)


def _plan(
    batch: _Batch,
    flags: Sequence[Flag],
    hard: NDArray[np.bool_],
    order: NDArray[np.int64],
    frames: Mapping[str, Frame],
    draws: Mapping[str, _Draw],
    beside: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Plan:
    """Routes, reasons and places in the queue before the certificate."""
    pairs, aside = len(batch.vote_matrix), batch.aside
    framed, audited, inclusion = np.zeros(pairs, bool), np.zeros(pairs, bool), np.zeros(pairs)
    place = {pair_id: row for row, pair_id in enumerate(batch.pair_ids)}
    drawn: list[tuple[float, int]] = []
    for name, draw in draws.items():
        members = batch.rows(frames[name])
        framed[members], inclusion[members] = True, draw.inclusion
        rows = [place[pair_id] for pair_id in draw.drawn]
        drawn += [((n + 0.5) / len(rows), row) for n, row in enumerate(rows)]
        audited[rows] = True
    ties = aside.tie_of(batch.consensus, batch.options) & ~framed & ~batch.asked_P
    escalate = ~framed & ~aside.settled_P & ~ties
    routes = np.full(pairs, "accept", dtype="<U8")
    routes[escalate], routes[audited] = "escalate", "audit"
    is_tie, waits = batch.consensus.choice_P == TIE, bool(frames)
    undecided = beside & ~is_tie & batch.undecided_P
    every = {
        "settled": aside.settled_P,
        "no_vote": aside.silent_P & escalate,
        "hard": hard & escalate,
        "awaiting_audit": framed & ~audited,
        "after_audits": escalate & ~beside & waits,
        "undecided": undecided,
        "asked": batch.asked_P & escalate,
        "tie": is_tie & ~aside.silent_P & escalate,
        "too_few": escalate & ~undecided & ~is_tie & ~aside.any_P & ~batch.asked_P,
        "tie_apart": ties,
        "audit": audited,
    }
    priority = np.zeros(pairs)
    priority[order] = 1.0 - np.arange(len(order)) / max(len(order), 1)
    first = mix([row for _, row in sorted(drawn)], np.flatnonzero(beside).tolist(), rng)
    priority[first] = 2.0 - np.arange(len(first)) / max(len(first), 1)
    return Plan(
        routes,
        collect_reasons(every, flags, pairs),
        priority,
        inclusion,
        (audited | beside) if waits else escalate,
        batch.options.mode,
        batch.options.seed,
    )


def mix(
    audits: Sequence[int], others: Sequence[int], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Audits in the order of their draw with the others at random places among them."""
    ordered = np.empty(len(audits) + len(others), np.int64)
    mixed = np.zeros(len(ordered), bool)
    mixed[rng.permutation(len(ordered))[: len(others)]] = True
    ordered[mixed], ordered[~mixed] = rng.permutation(np.array(others, np.int64)), audits
    return ordered


def _joined(parts: Sequence[Forecast], plan: Plan, settled: int, options: RouteOptions) -> Forecast:
    """The forecast of a batch from those of its strata; what is in no frame needs a human."""
    pairs = len(plan.route_P)
    outside = pairs - settled - sum(part.pairs for part in parts)
    outside -= sum("tie_apart" in codes for codes in plan.reasons)
    whole = Forecast(
        pairs=pairs,
        audits=sum(part.audits for part in parts),
        human=sum(part.human for part in parts) + outside,
        human_low=sum(part.human_low for part in parts) + outside,
        human_high=sum(part.human_high for part in parts) + outside,
        expected_error=sum(part.expected_error * part.pairs for part in parts) / max(pairs, 1),
        promised_error=options.target_error,
        delta=options.delta,
        chance=float(np.prod([part.chance for part in parts])) if parts else 0.0,
        coverage=sum(part.coverage * part.pairs for part in parts) / max(pairs, 1),
    )
    return replace(whole, seconds_per_review=options.seconds_per_review)
