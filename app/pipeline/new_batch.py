"""A new batch: its pairs cut out of the fit, routed, stored, and given to people.

Leaves out which pairs are free to be routed (`free`) and what the answers come to (`certifying`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.pipeline.free import Free
from db import batches
from db.errors import BadInput
from db.identity import content_hash
from db.models import Batch
from db.session import Session
from db.tasks import NewTask, add_tasks, close_tasks
from db.vocabulary import Route, TaskKind
from judges.results import FittedConsensus
from judges.trust.vote_matrix import Consensus, VoteMatrix
from review.detectors import Flag
from review.routing.forecast import Forecast, forecast_plan
from review.routing.ordering import hard_mask, queue_order, review_value, risk
from review.routing.promise import TargetPlan, route_to_target
from review.routing.router import Plan, RouteOptions, collect_reasons, route
from review.settings import ReviewSettings


@dataclass(frozen=True)
class Part:
    """The P pairs of a fit that are routed now, as arrays. asked_P: asked about, not settled."""

    fit_id: int
    pair_ids: tuple[int, ...]
    vote_matrix: VoteMatrix
    consensus: Consensus
    flags: tuple[Flag, ...]
    labels_P: NDArray[np.int8]
    asked_P: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        fitted: FittedConsensus,
        flags: Sequence[Flag],
        labels_P: NDArray[np.int8],
        free: Free,
        asked: set[int],
    ) -> "Part":
        """The free pairs of a fit; flags and labels are of all its pairs."""
        every, said = fitted.vote_table.pair_ids, fitted.consensus
        whole = cls(
            fitted.fit_id,
            every,
            fitted.vote_table.vote_matrix,
            Consensus(said.p_PK, said.logit_P),
            tuple(flags),
            labels_P,
            np.array([pair_id in asked for pair_id in every], bool),
        )
        rows = np.flatnonzero([pair_id in free for pair_id in every])
        return whole if len(rows) == len(every) else whole.take(rows)

    def take(self, rows: NDArray[np.int64]) -> "Part":
        """These rows, in that order."""
        place = {int(row): p for p, row in enumerate(rows)}
        return Part(
            self.fit_id,
            tuple(self.pair_ids[row] for row in rows),
            self.vote_matrix.take(rows),
            Consensus(self.consensus.p_PK[rows], self.consensus.logit_P[rows]),
            tuple(replace(f, pair=place[f.pair]) for f in self.flags if f.pair in place),
            self.labels_P[rows],
            self.asked_P[rows],
        )

    @property
    def strata(self) -> list[str]:
        """The domain of each pair."""
        names = self.vote_matrix.domains
        return [names[d] if d >= 0 else "no domain" for d in self.vote_matrix.domain_P]

    def planned(
        self, options: RouteOptions, by_domain: bool
    ) -> tuple[Plan, TargetPlan | None, Forecast]:
        """The plan by these options, with its frames where there is a target, and its forecast."""
        if options.mode == "target":
            target = route_to_target(
                [str(pair_id) for pair_id in self.pair_ids],
                self.vote_matrix,
                self.consensus,
                self.flags,
                options,
                strata=self.strata if by_domain else None,
                labels_P=self.labels_P,
                asked_P=self.asked_P,
            )
            return target.plan, target, target.forecast
        if by_domain:
            raise BadInput("--by domain makes a promise a domain; give --target-error with it")
        plan = route(self.vote_matrix, self.consensus, self.flags, options, labels_P=self.labels_P)
        doubt_P = risk(self.consensus, tie_ok=options.tie_ok)
        seconds = options.seconds_per_review
        return plan, None, forecast_plan(plan.route_P, doubt_P, seconds_per_review=seconds)

    def seeds(self, options: RouteOptions) -> "Part":
        """The pairs whose answers teach the panel most, as many as the options ask for."""
        rng = np.random.default_rng(options.seed)
        value = review_value(self.vote_matrix, self.consensus, self.labels_P)
        hard = hard_mask(self.flags, len(self.pair_ids))
        order, _ = queue_order(value, hard, rng, random_share=options.random_share)
        free = order[(self.labels_P[order] < 0) & ~self.asked_P[order]]
        return self.take(free[: options.seed_questions])

    def seed_plan(self, options: RouteOptions) -> Plan:
        """Every pair escalated, in the order they stand in."""
        pairs = len(self.pair_ids)
        every = {"seed": np.ones(pairs, bool)}
        return Plan(
            np.full(pairs, "escalate", dtype="<U8"),
            collect_reasons(every, self.flags, pairs),
            2.0 - np.arange(pairs) / max(pairs, 1),
            np.zeros(pairs),
            np.ones(pairs, bool),
            options.mode,
            options.seed,
        )


@dataclass(frozen=True)
class Opened:
    """A batch that was stored: its number, and how many tasks are new."""

    batch_id: int
    tasks: int


def open_batch(
    session: Session,
    part: Part,
    plan: Plan,
    target: TargetPlan | None,
    policy: Mapping[str, Any],
    settings: ReviewSettings,
) -> Opened:
    """Store a batch with its routes, and give people what they are asked now."""
    frames = target.frames if target else {}
    batch = Batch(
        fit_id=part.fit_id,
        policy=dict(policy),
        seed=plan.seed,
        frame_hash=content_hash([frame.sha256() for frame in frames.values()]),
        looks=None
        if target is None
        else {
            name: [[look.audits, look.delta] for look in looks]
            for name, looks in target.looks.items()
        },
    )
    batch_id = batches.add_batch(session, batch, _route_rows(part, plan, target))
    return Opened(batch_id, _hand_out(session, batch_id, part, plan, settings))


def _route_rows(part: Part, plan: Plan, target: TargetPlan | None) -> Iterator[dict[str, Any]]:
    stratum: dict[str, str] = {}
    score: dict[str, float] = {}
    for name, frame in (target.frames if target else {}).items():
        stratum.update(dict.fromkeys(frame.pair_ids, name))
        score.update(zip(frame.pair_ids, frame.scores_P.tolist(), strict=True))
    confidence_P = part.consensus.confidence_P
    framed = plan.mode == "target"
    for p, pair_id in enumerate(part.pair_ids):
        drawn = str(pair_id) in stratum or not framed
        yield {
            "pair_id": pair_id,
            "route": Route(str(plan.route_P[p])),
            "reasons": list(plan.reasons[p]),
            "priority": float(plan.priority_P[p]),
            "score": score.get(str(pair_id), float(confidence_P[p])),
            "stratum": stratum.get(str(pair_id), ""),
            "inclusion_probability": float(plan.inclusion_P[p]) if drawn else None,
        }


def _hand_out(
    session: Session, batch_id: int, part: Part, plan: Plan, settings: ReviewSettings
) -> int:
    """Tasks for what people are asked now; of older questions those no longer wanted end."""
    kinds = {"escalate": TaskKind.ESCALATION, "audit": TaskKind.AUDIT}
    tasks = [
        NewTask(
            kind=kinds[str(plan.route_P[p])],
            pair_id=pair_id,
            batch_id=batch_id,
            priority=float(plan.priority_P[p]),
            reasons=tuple(plan.reasons[p]),
            wanted_reviews=settings.reviews_wanted,
            max_reviews=settings.reviews_most,
        )
        for p, pair_id in enumerate(part.pair_ids)
        if plan.open_P[p]
    ]
    close_tasks(session, part.pair_ids, kind=TaskKind.AUDIT)
    spared = [p for i, p in enumerate(part.pair_ids) if plan.route_P[i] != "escalate"]
    close_tasks(session, spared)
    return add_tasks(session, tasks).added
