"""Promises end where later audits contradict them, wherever drift is looked at, and only there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import test_app_route as world
from sqlalchemy import event, select

from app.cycle_settings import CycleSettings
from app.pipeline.alarms import repeats_contradict
from app.pipeline.certificates import list_certificates, withdraw
from app.pipeline.report import ReportOptions, report
from app.pipeline.watch import watch
from app.pipeline.withdrawal import broken, withdraw_broken
from db import batches, opinions
from db.events import history
from db.exports.pairs import export_pairs
from db.imports import ImportOptions, Kind, import_files
from db.models import Annotator, Pair, PairRoute, Review
from db.session import Database
from db.status import status
from db.vocabulary import Choice, Route, TaskKind
from judges.panel import Panel, parse
from judges.trust.certificate import Certificate
from judges.trust.looks import Look
from review.merge import merge
from review.replay import replay_labels

ASKED = {"target_error": 0.1, "audits": 80, "seed": 3}
LATER = {**ASKED, "seed": 4}


@pytest.fixture
def panel() -> Panel:
    return parse({"panel": {"label_model": "majority"}, "judge": []})


def promised(database: Database, panel: Panel, folder: Path) -> None:
    """A first week with a promise that holds."""
    world.filled(database, folder, wrong=0.02)
    world.go(database, panel, **ASKED)
    replay_labels(database, world.labels())
    assert "at most" in world.go(database, panel, **ASKED).certificates[0]


def a_week_later(database: Database, panel: Panel, folder: Path, *, shifted: bool) -> None:
    """New pairs, audited. Shifted: the judges say a throughout, which is wrong half the time."""
    said = [world.truth(p) for p in range(world.PAIRS)]
    names = [f"s{p}" for p in range(world.PAIRS)]
    pairs = [
        {"pair_id": s, "prompt": f"later {s}", "response_a": f"x{s}", "response_b": f"y{s}"}
        for s in names
    ]
    votes = [
        {"pair_id": s, "judge": judge, "order": order, "choice": "a" if shifted else right}
        for s, right in zip(names, said, strict=True)
        for judge in ("j1", "j2", "j3") for order in ("ab", "ba")
    ]  # fmt: skip
    for kind, rows in ((Kind.PAIRS, pairs), (Kind.VOTES, votes)):
        path = folder / f"later-{kind}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        import_files(database, kind, [path], ImportOptions(strict=True))
    world.go(database, panel, **LATER)
    answers = [
        {"pair_id": s, "annotator": "ada", "choice": right}
        for s, right in zip(names, said, strict=True)
    ]
    replay_labels(database, [*world.labels(), *answers])


@pytest.mark.slow
def test_a_planted_shift_ends_the_promise_and_everything_says_so(
    any_database: Database, panel: Panel, tmp_path: Path
) -> None:
    database = any_database
    promised(database, panel, tmp_path)
    merge(database, world.SETTINGS)
    a_week_later(database, panel, tmp_path, shifted=True)
    before = datetime.now(UTC) - timedelta(minutes=1)
    rang = [a for a in watch(database, CycleSettings(), before, {}, 7.0) if a.kind == "certificate"]
    (alarm,) = rang
    assert alarm.sentence.startswith("certificate 1 of batch 1 was withdrawn: by its rule ")
    (listed,) = list_certificates(database)
    assert listed.standing == "withdrawn"
    with database.read() as session:
        assert status(session)["certificates_withdrawn"] == 1
        (event,) = history(session, "certificate:1")
        assert (event.kind, event.actor) == ("certificate.withdrawn", "tiebreak")
        exported = export_pairs(session, session.scalars(select(Pair.id)))
        assert {pair.certificate for pair in exported} == {None}
    told = report(database, panel, ReportOptions()).certificates[0]
    assert told.withdrawn is not None
    assert told.withdrawn.startswith("by its rule")
    # looked at again, nothing happens twice
    assert withdraw_broken(database) == []


def test_looking_again_reads_the_audits_and_not_the_whole_batches(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    promised(database, panel, tmp_path)
    a_week_later(database, panel, tmp_path, shifted=False)
    read = []

    def note(route: PairRoute, _: object) -> None:
        read.append(route.route)

    event.listen(PairRoute, "load", note)
    try:
        withdraw_broken(database)
    finally:
        event.remove(PairRoute, "load", note)
    assert set(read) == {Route.AUDIT}


def test_without_a_shift_the_promise_stays(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    promised(database, panel, tmp_path)
    a_week_later(database, panel, tmp_path, shifted=False)
    before = datetime.now(UTC) - timedelta(days=1)
    kinds = {alarm.kind for alarm in watch(database, CycleSettings(), before, {}, 7.0)}
    assert "certificate" not in kinds
    report(database, panel, ReportOptions())
    assert [c.standing for c in list_certificates(database)] == ["holds"]


def test_a_withdrawn_batch_is_routed_anew_and_not_called_done(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    world.filled(database, tmp_path, wrong=0.02)
    first = world.go(database, panel, **ASKED)
    with database.read() as session:  # only audits are answered, so the fit stays the same
        rows = batches.routes_of(session, first.batch_id or 0)
    drawn = {f"p{row.pair_id - 1}" for row in rows if row.route is Route.AUDIT}
    replay_labels(database, [row for row in world.labels() if row["pair_id"] in drawn])
    assert world.go(database, panel, **ASKED).state == "certified"
    assert world.go(database, panel, **ASKED).state == "already"
    withdraw(database, 1, "the guideline changed", "ada")
    again = world.go(database, panel, **ASKED)
    assert (again.state, again.batch_id) == ("waiting", 2)


def test_a_bet_on_later_audits_keeps_its_level() -> None:
    """At the very bound, of 400 streams of 300 audits at most delta ring (Ville's inequality)."""
    made = _promise(target=0.05, delta=0.1)
    rng = np.random.default_rng(0)
    rang = 0
    for _ in range(400):
        audits = [(bool(safe), bool(wrong)) for safe, wrong in rng.random((300, 2)) < (0.8, 0.0625)]
        rang += broken(made, audits) is not None  # .8 x .0625 = .05 of all pairs
    assert rang / 400 <= 0.1
    at_once = broken(made, [(True, True)] * 20)
    assert at_once is not None
    # the figures are those that ended it, not diluted by what came after
    assert broken(made, [(True, True)] * 20 + [(True, False)] * 400) == at_once
    assert broken(made, [(False, True)] * 200) is None  # wrong, but by its rule not delivered


def _promise(target: float, delta: float) -> Certificate:
    return Certificate(
        promise="g2", target=target, delta=delta, tie_ok=False, seed=0, model_version="",
        frame_sha256="", size=100, audits=50, unanswered=0, wrong=0, accepted=80, threshold=0.7,
        missing=0, levels=(), looks=(Look(50, delta),),
    )  # fmt: skip


def test_a_reviewer_who_contradicts_their_own_answers_rings() -> None:
    # right nine times in ten: the same answer twice in .81 + .01 / 2 of the repeats
    alarm = repeats_contradict("ada", [True] * 12 + [False] * 8, people=1, accuracy=0.9)
    assert alarm is not None
    assert "12 of 20 hidden repeats" in alarm.sentence
    assert alarm.figures["allowed"] == pytest.approx(0.185)
    assert repeats_contradict("ada", [True] * 3 + [False] * 17, people=1, accuracy=0.9) is None


def test_repeats_are_read_with_the_answer_they_repeat(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    world.filled(database, tmp_path)
    with database.begin() as session:
        person = Annotator(name="ada")
        session.add(person)
        session.flush()
        pair = session.query(Pair).order_by(Pair.id).limit(2).all()
        for where, kind, choice in (
            (pair[0], TaskKind.ESCALATION, Choice.A),
            (pair[1], TaskKind.ESCALATION, Choice.B),
            (pair[0], TaskKind.REPEAT, Choice.B),
            (pair[1], TaskKind.REPEAT, Choice.B),
        ):
            session.add(Review(pair_id=where.id, annotator_id=person.id, kind=kind, choice=choice))
            session.flush()
    with database.read() as session:
        assert opinions.repeats(session) == {"ada": [(Choice.A, Choice.B), (Choice.B, Choice.B)]}
