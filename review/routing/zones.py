"""How each pair came before humans, and which were drawn blind: what an answer may stand for.

Reads the database. Leaves out what answered pairs then weigh (`review.report.weights`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db import certificates, draws
from db.owners import SETTLED as ANSWERED
from db.owners import Owned, owned
from db.session import Session
from db.vocabulary import Route
from judges.trust.certificate import Certificate
from judges.trust.frame import Frame

WHOLE = "all pairs"
ACCEPTED = "accepted"
ESCALATED = "escalated"
WAITING = "waiting for a certificate"
SETTLED = "answered before they were routed"
UNROUTED = "not routed"


@dataclass(frozen=True)
class Zones:
    """Pairs by the way they came before humans.

    zone_P: index into names, where a name stands once for each batch and stratum. drawn_P: drawn
    blind and at random out of its zone. routes: by pair, of those that were routed.
    """

    zone_P: NDArray[np.int64]
    names: tuple[str, ...]
    drawn_P: NDArray[np.bool_]
    routes: Mapping[int, Owned]


def read_zones(session: Session, pair_ids: Sequence[int]) -> Zones:
    """The zones of these pairs; one for all where nothing was routed yet."""
    routes = owned(session, pair_ids)
    if not routes:
        nothing = np.zeros(len(pair_ids), dtype=np.int64)
        return Zones(nothing, (WHOLE,), nothing.astype(bool), {})
    safe = _safe(session, routes)
    keys = [_key(pair, routes.get(pair), safe) for pair in pair_ids]
    number = {key: z for z, key in enumerate(dict.fromkeys(keys))}
    return Zones(
        np.array([number[key] for key in keys], dtype=np.int64),
        tuple(str(key[-1]) for key in number),
        np.array([p in routes and routes[p].route is Route.AUDIT for p in pair_ids], dtype=bool),
        routes,
    )


_Frames = Mapping[tuple[int, str], set[int]]


def _key(pair: int, own: Owned | None, safe: _Frames) -> tuple[object, ...]:
    if own is None:
        return (UNROUTED,)
    if ANSWERED in own.reasons:
        return (SETTLED,)
    if not _framed(own):
        fate = ESCALATED if own.route is Route.ESCALATE else ACCEPTED
    elif (frame := (own.batch_id, own.stratum)) not in safe:
        fate = WAITING
    else:
        fate = ACCEPTED if pair in safe[frame] else ESCALATED
    return (own.batch_id, own.stratum, own.inclusion_probability is not None, fate)


def _framed(own: Owned) -> bool:
    """Whether a certificate decides about it."""
    return own.target and own.inclusion_probability is not None


def _safe(session: Session, routes: Mapping[int, Owned]) -> _Frames:
    """By batch and stratum with a certificate: which of these pairs its newest one accepts."""
    made = {
        (row.batch_id, one.stratum): one
        for row in certificates.all_certificates(session)
        for one in [Certificate.from_dict(row.payload)]
    }
    scores: dict[tuple[int, str], dict[int, float]] = defaultdict(dict)
    for pair, own in routes.items():
        if _framed(own) and (own.batch_id, own.stratum) in made:
            scores[own.batch_id, own.stratum][pair] = own.score
    return {
        frame: _accepted(session, *frame, made[frame], inside) for frame, inside in scores.items()
    }


def _accepted(
    session: Session, batch_id: int, stratum: str, made: Certificate, score: Mapping[int, float]
) -> set[int]:
    """Pairs above the threshold, and of those at it as many as the certified set still holds."""
    if made.threshold is None:
        return set()
    frame = batch_id, stratum, made.threshold
    left = made.accepted - draws.count_safer(session, *frame)
    edge = [str(pair) for pair in draws.pairs_at(session, *frame)]
    at_edge = Frame.of(edge, np.full(len(edge), made.threshold))
    inside = {int(at_edge.pair_ids[row]) for row in at_edge.ranking()[:left]}
    return {p for p, s in score.items() if s > made.threshold or p in inside}
