"""How every promise stands: audits answered, pairs certified, and the work that is left.

What a batch that waits will still ask is simulated from its frozen scores, with the very test of
its certificate; what a certified one still asks is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.pipeline.free import is_seeding
from db import batches, certificates, consensus
from db.models import Batch
from db.opinions import human_answers
from db.owners import standing
from db.session import Session
from db.tasks import being_asked, open_by_batch, waiting_pairs
from db.vocabulary import Route

State = Literal["seeding", "waiting", "certified", "nothing certified", "withdrawn", "asked"]


@dataclass(frozen=True)
class Promise:
    """How one batch that was routed to a target stands.

    pairs: of the batch. audits, answered: of the present look. certified: pairs a certificate in
    force accepts. open: questions that wait for people. expected, low, high: further questions
    that are expected once the audits are answered, and their 5th and 95th percentile; 0 after it.
    """

    batch_id: int
    state: State
    target: float
    delta: float
    pairs: int
    audits: int = 0
    answered: int = 0
    certified: int = 0
    open: int = 0
    expected: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def sentence(self) -> str:
        """For people, in one line."""
        batch = f"batch {self.batch_id}"
        at_most = f"at most {self.target:.1%} wrong, at {1 - self.delta:.0%} confidence"
        if self.state == "seeding":
            return f"{batch}: {self.open:,} of {self.pairs:,} seed questions wait for an answer"
        if self.state == "waiting":
            return (
                f"{batch}: {self.answered:,} of {self.audits:,} audits answered; then about "
                f"{self.expected:,.0f} ({self.low:,.0f} to {self.high:,.0f}) of {self.pairs:,} "
                f"pairs go to people ({at_most})"
            )
        left = f"{self.open:,} questions open" if self.open else "nothing is open"
        if self.state == "certified":
            told = f"{self.certified:,} of {self.pairs:,} pairs certified ({at_most})"
            return f"{batch}: {told}; {left}"
        if self.state == "withdrawn":
            return f"{batch}: its certificate was withdrawn; {left}"
        if self.state == "nothing certified":
            return f"{batch}: nothing certified, {self.pairs:,} pairs are asked; {left}"
        return f"{batch}: {self.pairs:,} pairs, too few for a promise, are asked; {left}"


def standing_lines(stand: Sequence[Promise]) -> list[str]:
    """A line for each promise with work left, and one for all others."""
    busy = [one for one in stand if one.state == "waiting" or one.open]
    done = [one for one in stand if one.state == "certified" and one not in busy]
    lines = [one.sentence for one in busy]
    if len(done) == 1:
        lines.insert(0, done[0].sentence)
    elif done:
        pairs, certified = sum(one.pairs for one in done), sum(one.certified for one in done)
        lines.insert(
            0,
            f"{len(done)} promises stand, {certified:,} of {pairs:,} pairs certified; "
            "nothing of them is open",
        )
    return lines


def promises(session: Session, *, forecast: bool = True) -> list[Promise]:
    """How every promise stands that was not given up, oldest batch first.

    forecast: also simulate what batches that wait will ask.
    """
    live = [
        batch
        for batch in batches.all_batches(session)
        if batch.given_up_at is None and batch.policy.get("target_error") is not None
    ]
    waits = open_by_batch(session)
    made: dict[int, list[Any]] = {}
    for one in certificates.all_certificates(session):
        made.setdefault(one.batch_id, []).append(one)
    holds = standing(session)
    return [
        _promise(session, batch, made.get(batch.id, []), holds, waits, forecast) for batch in live
    ]


def _promise(
    session: Session,
    batch: Batch,
    made: list[Any],
    holds: Mapping[int, frozenset[str]],
    waits: Mapping[int, int],
    forecast: bool,
) -> Promise:
    routes = batches.count_routes(session, batch.id)
    told: dict[str, Any] = {
        "batch_id": batch.id,
        "target": batch.policy["target_error"],
        "delta": batch.policy["delta"],
        "pairs": sum(routes.values()),
        "open": waits.get(batch.id, 0),
    }
    if is_seeding(batch):
        return Promise(state="seeding", **told)
    if made:
        strata = holds.get(batch.id, frozenset())
        certified = sum(
            one.payload["accepted"]
            for one in made
            if one.withdrawn_at is None and one.payload.get("stratum", "") in strata
        )
        gone = any(one.withdrawn_at is not None for one in made)
        ended: State = "withdrawn" if gone else "nothing certified"
        audits = sum(one.payload["audits"] for one in made)
        return Promise(
            state="certified" if certified else ended, certified=certified, audits=audits,
            answered=audits - sum(one.payload["unanswered"] for one in made), **told,
        )  # fmt: skip
    if batch.looks == {}:
        return Promise(state="asked", **told)
    progress = batches.audit_progress(session, batch.id)
    asked = routes.get(Route.AUDIT, 0)
    found = Promise(
        state="waiting", audits=asked, answered=asked - progress.waiting, **told
    )  # fmt: skip
    return _expected(session, batch, found) if forecast else found


def _expected(session: Session, batch: Batch, known: Promise) -> Promise:
    """With what is to come after the audits, simulated for each frame."""
    from app.pipeline.certificates import audited_wrong
    from app.pipeline.certifying import beside
    from app.pipeline.frames import strata_of
    from review.routing.forecast import forecast_audit

    rows = batches.routes_of(session, batch.id)
    audit = batches.audit_progress(session, batch.id)
    scores = consensus.consensus_of(session, batch.fit_id, list(audit.answers))
    wrong = audited_wrong(scores, audit, tie_ok=batch.policy["tie_ok"])
    spared = being_asked(session) | waiting_pairs(session)
    spared |= human_answers(session, pair_ids=[row.pair_id for row in rows]).keys()
    mean = low = high = float(
        sum(
            row.inclusion_probability is None
            and row.route is Route.ESCALATE
            and row.pair_id not in spared
            for row in rows
        )
    )
    for stratum in strata_of(batch, rows).values():
        found = forecast_audit(
            stratum.frame,
            wrong,
            looks=stratum.looks[: stratum.look],
            target=known.target,
            delta=stratum.delta,
            promise=batch.policy["promise"],
            beside=beside(rows, stratum.name),
            seed=stratum.seed,
        )
        mean += found.human - stratum.asked
        low += found.human_low - stratum.asked
        high += found.human_high - stratum.asked
    return replace(known, expected=max(mean, 0.0), low=max(low, 0.0), high=max(high, 0.0))
