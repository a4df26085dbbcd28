"""What later answers say of a promise: nothing that a kept promise would contradict."""

from dataclasses import dataclass

import numpy as np
import pytest
from review_worlds import add_consensus, add_pairs, add_person

from app.pipeline.kept import certificate_facts
from db.certificates import add_certificate
from db.models import Batch, PairRoute, Review, Task
from db.probabilities import Probabilities
from db.session import Database, Session
from db.vocabulary import Choice, Route, TaskKind, TaskStatus
from judges.trust.certificate import Certificate, Frame, certify, draw_audit
from review.report.facts import CertificateFact
from review.routing import zones

PAIRS, AUDITS, TARGET, SEED = 120, 40, 0.25, 1
WRONG = frozenset({30, 55, 64, 66, 68, 70, *range(90, 121)})
"""Pairs whose panel label is wrong; the panel says a everywhere, and pair 1 is the safest."""


@dataclass(frozen=True)
class World:
    database: Database
    fit_id: int
    made: Certificate
    drawn: frozenset[int]

    @property
    def unseen(self) -> list[int]:
        """Certified pairs that were no audits, the safest first."""
        return [pair for pair in range(1, self.made.accepted + 1) if pair not in self.drawn]

    def fact(self, answered: set[int]) -> CertificateFact:
        """What the report says once these pairs were answered, too."""
        with self.database.read() as session:
            (fact,) = certificate_facts(session, {pair: truth(pair) for pair in answered})
        return fact


def truth(pair: int) -> Choice:
    return Choice.B if pair in WRONG else Choice.A


def store(session: Session, fit_id: int, drawn: set[int], pairs: range, person: int) -> int:
    """A batch routed to a target whose audits are drawn and answered; its number."""
    batch = Batch(fit_id=fit_id, policy={"target_error": TARGET}, seed=SEED, frame_hash="0" * 64)
    session.add(batch)
    session.flush()
    for pair in pairs:
        route = Route.AUDIT if pair in drawn else Route.ACCEPT
        session.add(
            PairRoute(
                batch_id=batch.id, pair_id=pair, route=route, reasons=[], priority=0.0,
                score=1 - pair / 1000, inclusion_probability=len(drawn) / len(pairs),
            )
        )  # fmt: skip
        if pair in drawn:
            task = Task(
                kind=TaskKind.AUDIT, pair_id=pair, batch_id=batch.id, status=TaskStatus.SETTLED
            )
            session.add(task)
            session.flush()
            session.add(
                Review(
                    pair_id=pair, annotator_id=person, choice=truth(pair), kind=TaskKind.AUDIT,
                    task_id=task.id,
                )
            )  # fmt: skip
    session.flush()
    return batch.id


@pytest.fixture
def world(database: Database) -> World:
    """One certified batch of 120 pairs, a quarter of which may be wrong."""
    add_pairs(database, PAIRS + 10)
    person = add_person(database, "Ann")
    ids = range(1, PAIRS + 1)
    frame = Frame.of([str(pair) for pair in ids], np.array([1 - pair / 1000 for pair in ids]))
    drawn = {int(pair) for pair in draw_audit(frame, AUDITS, SEED)[0]}
    wrong = {str(pair): pair in WRONG for pair in drawn}
    made = certify(frame, wrong, target=TARGET, seed=SEED)
    with database.begin() as session:
        fit = add_consensus(session, {pair: Probabilities(0.8, 0.1, 0.1) for pair in ids})
        batch = store(session, fit, drawn, ids, person)
        add_certificate(session, batch, made.promise, made.to_dict())
    assert made.holds
    return World(database, fit, made, frozenset(drawn))


def test_the_riskiest_accepted_pairs_speak_for_themselves_alone(world: World) -> None:
    # The promise of 25% is kept. Eleven accepted pairs were answered because they were hard, four
    # of them wrong: pooled they would say 36.4%, which no promise of 25% survives.
    bad = [pair for pair in world.unseen if pair in WRONG][:4]
    hard = {*bad, *[pair for pair in reversed(world.unseen) if pair not in WRONG][:7]}
    assert len(bad) == 4
    found = world.fact(hard).later_error
    assert found.value is None
    assert f"11 of {len(world.unseen)} accepted pairs were answered since, 4 of them as wrong" in (
        found.why
    )
    assert world.fact(set()).later_error.why == "no accepted pair was answered since"


def test_where_every_accepted_pair_is_answered_the_error_is_known(world: World) -> None:
    found = world.fact(set(world.unseen)).later_error
    wrong = len(WRONG & set(world.unseen)) / len(world.unseen)
    on_the_batch = wrong * len(world.unseen) / PAIRS  # what the promise bounds
    assert found.value == pytest.approx(on_the_batch)
    assert (found.low, found.high) == (pytest.approx(on_the_batch), pytest.approx(on_the_batch))
    assert on_the_batch < TARGET


def test_answers_that_a_later_batch_drew_stand_for_what_it_could_draw(world: World) -> None:
    # A later batch could draw the first 95 pairs and drew every third. What it could not draw
    # stays unknown and only widens the interval.
    again = {pair for pair in range(1, 96, 3) if pair not in world.drawn}
    with world.database.begin() as session:
        store(session, world.fit_id, again, range(1, 96), 1)
    drawable = [pair for pair in world.unseen if pair <= 95]
    beyond = len(world.unseen) - len(drawable)
    found = world.fact(again).later_error
    rate = len(again & WRONG) / len(again) * len(world.unseen) / PAIRS
    assert found.value == pytest.approx(rate)
    assert found.n == len(again)
    assert found.high is not None
    assert found.high >= beyond / PAIRS
    # Other answers among them, however wrong, change nothing.
    chosen = {pair for pair in drawable if pair in WRONG} - again
    assert chosen
    assert world.fact(again | chosen).later_error == found


def test_its_own_audits_measure_what_was_accepted(world: World) -> None:
    inside = [pair for pair in world.drawn if pair <= world.made.accepted]
    found = world.fact(set()).audit_error
    wrong = len(WRONG & set(inside))
    # Their rate among the accepted, less those found: people's answers are delivered there.
    left = wrong / len(inside) * world.made.accepted - wrong
    assert found.value == pytest.approx(left / PAIRS)
    assert found.n == len(inside)


def test_the_report_tells_what_an_oracle_would_have_asked(world: World) -> None:
    # Every label known: of 120 pairs 30 may be wrong. In rank order the 30th wrong label is pair
    # 113, so that the oracle accepts 113 and asks 7; of 37 wrong labels no order can save 7.
    fact = world.fact(set(range(1, PAIRS + 1)))
    asked = fact.oracle
    assert asked is not None
    assert asked.exact
    assert (asked.oracle.value, asked.perfect) == (7, 7)
    audits = sum(pair <= world.made.accepted for pair in world.drawn)
    assert asked.asked == PAIRS - world.made.accepted + audits
    assert asked.asked == 7 + audits + asked.margin
    assert "a threshold that knew every wrong label would have asked about 7" in fact.asked[0]


def test_zones_tell_certified_pairs_from_the_others_and_the_drawn_apart(world: World) -> None:
    ids = list(range(1, PAIRS + 1))
    with world.database.read() as session:
        found = zones.read_zones(session, ids)
    names = [found.names[zone] for zone in found.zone_P]
    assert names == [zones.ACCEPTED] * world.made.accepted + [zones.ESCALATED] * (
        PAIRS - world.made.accepted
    )
    assert {ids[row] for row in np.flatnonzero(found.drawn_P)} == world.drawn


def test_two_batches_stand_side_by_side(world: World) -> None:
    # New pairs in a batch of their own: the first batch keeps its zones and its drawn pairs.
    more = range(PAIRS + 1, PAIRS + 11)
    with world.database.begin() as session:
        store(session, world.fit_id, {more[0]}, range(more[0], more[-1] + 1), 1)
    with world.database.read() as session:
        found = zones.read_zones(session, [1, PAIRS, *more])
    assert [found.names[zone] for zone in found.zone_P] == [
        zones.ACCEPTED, zones.ESCALATED, *[zones.WAITING] * 10,
    ]  # fmt: skip
    assert found.drawn_P[2:].tolist() == [True, *[False] * 9]
