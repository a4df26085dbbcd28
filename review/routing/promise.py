"""Routing to a target error: freeze the frames, draw the audits, escalate what is hopeless.

The first of two steps with humans in between: once the audits are answered, the certificates on
these frames (`judges.trust.certificate`) say what is accepted. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from db.errors import BadInput
from judges.trust.frame import Frame, draw_audit
from judges.trust.looks import Look
from judges.trust.vote_matrix import MISSING, TIE, Consensus, VoteMatrix
from review.detectors.flag import Flag
from review.routing.forecast import Forecast, forecast_target, plan_looks
from review.routing.ordering import hard_mask, queue_order, review_value, risk
from review.routing.router import Plan, RouteOptions, collect_reasons, place_in_queue, set_aside

TIES = "ties"
"""Name of the stratum of pairs delivered as ties, where a certificate for them is asked for."""

WHOLE = ""
"""Name of the one stratum of a promise on the whole batch."""


@dataclass(frozen=True)
class TargetPlan:
    """A plan with the frames its promise speaks of, the looks at their audits, and what to expect.

    frames, looks: stratum name to frame and planned looks, of which the last counts all that is
    drawn. Both are to be stored as they are: the certificate is computed on these frames, not on
    later scores, and at these looks alone. forecast: of the whole batch.
    """

    plan: Plan
    frames: Mapping[str, Frame]
    looks: Mapping[str, tuple[Look, ...]]
    forecast: Forecast


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
) -> TargetPlan:
    """First step: draw the audits of every stratum, and escalate what no audit will certify.

    The rest is routed `accept` with the reason `awaiting_audit`: not to be delivered before the
    certificate. strata: a name per pair where promises are made by domain (each gets delta / D).
    """
    if options.target_error is None:
        raise BadInput(
            f"target_error is {options.target_error!r}; a promise needs a share like 0.03: "
            "give one, or use a mode without a promise."
        )
    aside = set_aside(vote_matrix, flags, labels_P)
    frames = freeze_frames(pair_ids, vote_matrix, consensus, aside.any_P, options, strata)
    total = sum(map(len, frames.values()))
    draws = {
        name: _first_draw(frame, len(frame) / total, len(frames), options)
        for name, frame in frames.items()
    }
    row = {pair_id: place for place, pair_id in enumerate(pair_ids)}
    audited, hopeful = np.zeros(len(vote_matrix), bool), np.zeros(len(vote_matrix), bool)
    inclusion = np.zeros(len(vote_matrix))
    for name, draw in draws.items():
        members = np.array([row[pair_id] for pair_id in frames[name].pair_ids], np.int64)
        audited[[row[pair_id] for pair_id in draw.drawn]] = True
        inclusion[members] = draw.inclusion
        hopeful[members[frames[name].ranking()[: draw.reachable]]] = True
    causes = {
        "awaiting_audit": hopeful & ~audited,
        "uncertified": ~hopeful & ~audited & ~aside.any_P & (consensus.choice_P != TIE),
    }
    plan = _plan(
        vote_matrix, consensus, flags, options, labels_P, audited, inclusion, hopeful, causes
    )
    parts = [draw.forecast for draw in draws.values()]
    return TargetPlan(
        plan,
        frames,
        {name: draw.looks for name, draw in draws.items()},
        _joined(parts, plan, int(aside.settled_P.sum()), options),
    )


@dataclass(frozen=True)
class _Draw:
    """One stratum's audit: its looks, the pairs drawn, their inclusion probability, what may pass.

    reachable: size of the set that 95 of 100 simulated audits do not exceed.
    """

    looks: tuple[Look, ...]
    drawn: tuple[str, ...]
    inclusion: float
    reachable: int
    forecast: Forecast


def _first_draw(frame: Frame, share: float, strata: int, options: RouteOptions) -> _Draw:
    """Plan and draw the audit of one stratum that holds `share` of the batch.

    A number of audits in the options is for the whole batch.
    """
    target, doubt = options.target_error or 0.0, 1.0 - frame.scores_P
    delta = options.delta / strata / options.looks
    looks = plan_looks(
        doubt,
        target=target,
        delta=delta,
        promise=options.promise,
        audits=None if options.audits is None else round(options.audits * share),
        seed=options.seed,
    )
    audits = looks[-1].audits
    forecast, accepted = forecast_target(
        doubt,
        audits=audits,
        target=target,
        delta=delta,
        promise=options.promise,
        seed=options.seed,
    )
    drawn, inclusion = draw_audit(frame, audits, options.seed)
    return _Draw(looks, drawn, inclusion, int(np.quantile(accepted, 0.95)), forecast)


def _plan(
    vote_matrix: VoteMatrix,
    consensus: Consensus,
    flags: Sequence[Flag],
    options: RouteOptions,
    labels_P: NDArray[np.int8] | None,
    audited: NDArray[np.bool_],
    inclusion: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    causes: Mapping[str, NDArray[np.bool_]],
) -> Plan:
    """Routes, reasons and places in the queue for one step of a promise."""
    rng = np.random.default_rng(options.seed)
    aside = set_aside(vote_matrix, flags, labels_P)
    ties = aside.tie_of(consensus, options) & ~audited
    escalate = ~accepted & ~audited & ~aside.settled_P & ~ties
    value = review_value(vote_matrix, consensus, labels_P, tie_ok=options.tie_ok)
    hard = hard_mask(flags, len(vote_matrix)) & ~aside.settled_P
    order, _ = queue_order(value, hard, rng, random_share=options.random_share)
    routes = np.full(len(vote_matrix), "accept", dtype="<U8")
    routes[escalate], routes[audited] = "escalate", "audit"
    every = {
        "settled": aside.settled_P & ~audited,
        "no_vote": aside.silent_P & escalate,
        "hard": hard & escalate,
        **causes,
        "tie": (consensus.choice_P == TIE) & ~aside.silent_P & escalate,
        "tie_apart": ties,
        "audit": audited,
    }
    return Plan(
        routes,
        collect_reasons(every, flags, len(vote_matrix)),
        place_in_queue(order[~aside.settled_P[order]], audited, rng),
        inclusion,
        options.mode,
        options.seed,
    )


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
