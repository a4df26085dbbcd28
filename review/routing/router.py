"""The router: which pairs are accepted, which wait for humans and which are audited blind.

Pure: a consensus, flags and options in, a plan out. Leaves out tasks and the database,
the order of the queue (`ordering`), the mathematics of promises (`judges.trust.certificate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from db.errors import BadInput
from judges.trust.vote_matrix import MISSING, TIE, Consensus, VoteMatrix
from review.detectors.flag import Flag
from review.detectors.votes import agreement
from review.routing.options import REASONS, Mode, RouteOptions
from review.routing.ordering import hard_mask, queue_order, review_value

__all__ = ["REASONS", "Aside", "Mode", "Plan", "RouteOptions", "route", "set_aside"]


@dataclass(frozen=True)
class Plan:
    """What happens to each pair.

    route_P: "accept", "escalate" or "audit". reasons: codes of `REASONS` and kinds of flags.
    priority_P: in [0, 2], higher is claimed sooner; what a certificate waits for is above 1.
    inclusion_P: probability with which a pair was to be drawn as an audit; 0 for those that could
        not be. open_P: pairs humans are asked about now; what is escalated for certain may wait
        until the audits are answered. seed: draws the very same audits again.
    """

    route_P: NDArray[np.str_]
    reasons: tuple[tuple[str, ...], ...]
    priority_P: NDArray[np.float64]
    inclusion_P: NDArray[np.float64]
    open_P: NDArray[np.bool_]
    mode: Mode
    seed: int

    def count(self, route: str) -> int:
        """Pairs on one route."""
        return int((self.route_P == route).sum())

    @property
    def human_share(self) -> float:
        """Share of the pairs that ask for a human answer, audits included."""
        return float((self.route_P != "accept").mean()) if len(self.route_P) else 0.0


def route(
    vote_matrix: VoteMatrix,
    consensus: Consensus,
    flags: Sequence[Flag],
    options: RouteOptions,
    *,
    labels_P: NDArray[np.int8] | None = None,
) -> Plan:
    """Decide every pair in one of the modes without a promise: agreement, share, number, hours.

    labels_P: human answers there are already (MISSING where none); those pairs are accepted as
    settled and take part in no draw.
    """
    if options.mode == "target":
        raise BadInput(
            f"target_error is {options.target_error!r}: a promise needs frozen pair ids; "
            "use review.routing.promise.route_to_target."
        )
    pairs = len(vote_matrix)
    rng = np.random.default_rng(options.seed)
    aside = set_aside(vote_matrix, flags, labels_P)
    settled, hard = aside.settled_P, hard_mask(flags, pairs) & ~aside.settled_P
    value = review_value(vote_matrix, consensus, labels_P, tie_ok=options.tie_ok)
    order, by_chance = queue_order(value, hard, rng, random_share=options.random_share)
    order = order[~settled[order]]
    by_agreement = options.mode == "agreement"
    if by_agreement:
        share, top = agreement(vote_matrix)
        agrees = (share >= (options.min_agreement or 0.0) - 1e-9) & (top != MISSING)
        escalate = (~agrees | aside.injected_P) & ~settled
        audits = ceil(options.audit_share * int((~escalate & ~settled).sum()) - 1e-9)
    else:
        asked, audits = _split_budget(options.reviews(len(order)), len(order), options.audit_share)
        escalate = np.zeros(pairs, bool)
        escalate[order[:asked]] = True
    audited, inclusion = _draw(np.flatnonzero(~escalate & ~settled), audits, pairs, rng)
    routes = np.full(pairs, "accept", dtype="<U8")
    routes[escalate], routes[audited] = "escalate", "audit"
    accepted = ~escalate & ~audited & ~settled
    causes: dict[str, NDArray[np.bool_]] = {
        "settled": settled,
        "no_vote": aside.silent_P & escalate,
        "hard": hard & escalate,
        "min_agreement": escalate & by_agreement & ~(hard & aside.injected_P),
        "random": escalate & by_chance & (not by_agreement),
        "budget": escalate & ~by_chance & (not by_agreement),
        "audit": audited,
        "agreed": accepted & by_agreement,
        "within_budget": accepted & (not by_agreement),
    }
    return Plan(
        routes,
        collect_reasons(causes, flags, pairs),
        place_in_queue(order, audited, rng),
        inclusion,
        escalate | audited,
        options.mode,
        options.seed,
    )


@dataclass(frozen=True)
class Aside:
    """Pairs that no machine decides: settled by humans, without a vote, or talking to the judge."""

    settled_P: NDArray[np.bool_]
    silent_P: NDArray[np.bool_]
    injected_P: NDArray[np.bool_]

    @property
    def any_P(self) -> NDArray[np.bool_]:
        """All three together."""
        return np.asarray(self.settled_P | self.silent_P | self.injected_P)

    def tie_of(self, consensus: Consensus, options: RouteOptions) -> NDArray[np.bool_]:
        """Pairs delivered as ties apart from a promise, where the options say so."""
        return np.asarray((consensus.choice_P == TIE) & (options.ties == "apart") & ~self.any_P)


def set_aside(
    vote_matrix: VoteMatrix, flags: Sequence[Flag], labels_P: NDArray[np.int8] | None = None
) -> Aside:
    """What is left out of every machine decision."""
    injected = np.zeros(len(vote_matrix), bool)
    injected[[flag.pair for flag in flags if flag.kind == "injection" and flag.hard]] = True
    return Aside(
        np.zeros(len(vote_matrix), bool) if labels_P is None else np.asarray(labels_P != MISSING),
        (vote_matrix.codes_PRO == MISSING).all(axis=(1, 2)),
        injected,
    )


def _split_budget(answers: int, pairs: int, audit_share: float) -> tuple[int, int]:
    """Escalations and audits that together use the budget, audits being a share of the accepted."""
    if answers >= pairs or audit_share >= 1.0:
        return (pairs, 0) if answers >= pairs else (0, answers)
    asked = max(0.0, (answers - audit_share * pairs) / (1.0 - audit_share))
    audits = min(answers, ceil(audit_share * (pairs - asked) - 1e-9))
    return answers - audits, audits


def _draw(
    eligible: NDArray[np.int64], count: int, pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """A uniform sample without replacement of the eligible pairs, and each one's chance of it."""
    count = min(count, len(eligible))
    audited, inclusion = np.zeros(pairs, bool), np.zeros(pairs)
    if count:
        audited[rng.choice(eligible, size=count, replace=False)] = True
        inclusion[eligible] = count / len(eligible)
    return audited, inclusion


def place_in_queue(
    order: NDArray[np.int64], audited_P: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Priorities in [0, 1]: the place in the queue, and a random one for every audit."""
    priority = np.zeros(len(audited_P))
    priority[order] = 1.0 - np.arange(len(order)) / max(len(order), 1)
    priority[audited_P] = rng.random(int(audited_P.sum()))
    return priority


def collect_reasons(
    causes: dict[str, NDArray[np.bool_]], flags: Sequence[Flag], pairs: int
) -> tuple[tuple[str, ...], ...]:
    """The codes of every pair: causes first, then the kinds of its flags, each once."""
    reasons: list[list[str]] = [[] for _ in range(pairs)]
    for cause, mask in causes.items():
        for pair in np.flatnonzero(mask):
            reasons[pair].append(cause)
    for flag in flags:
        if flag.kind not in reasons[flag.pair]:
            reasons[flag.pair].append(flag.kind)
    known: dict[tuple[str, ...], tuple[str, ...]] = {}  # the same codes are held once
    return tuple(known.setdefault(found := tuple(codes), found) for codes in reasons)
