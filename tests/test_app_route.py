"""Routing end to end on a database: what is stored, what is not done twice, what is promised."""

import json
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from app.pipeline.route import Routed, route_pairs
from db import batches
from db.imports import ImportOptions, Kind, import_files
from db.models import Preference, Task
from db.session import Database
from db.vocabulary import Route, TaskKind, TaskStatus
from judges.panel import Panel, parse
from review.merge import merge
from review.replay import replay_labels
from review.routing.router import RouteOptions
from review.settings import ReviewSettings

PAIRS = 240
SETTINGS = ReviewSettings()


@pytest.fixture
def panel() -> Panel:
    return parse({"panel": {"label_model": "majority"}, "judge": []})


def truth(pair: int) -> str:
    return "a" if pair % 2 else "b"


def labels() -> list[dict[str, str]]:
    return [{"pair_id": f"p{p}", "annotator": "ada", "choice": truth(p)} for p in range(PAIRS)]


def filled(database: Database, tmp_path: Path, *, wrong: float = 0.1, seed: int = 1) -> None:
    """Pairs of two a prompt, and three judges who err on their own, in both orders."""
    rng = np.random.default_rng(seed)
    pairs = [
        {"pair_id": f"p{p}", "prompt": f"q{p // 2}", "response_a": f"x{p}", "response_b": f"y{p}",
         "domain": ("law", "code")[p % 4 // 2]}
        for p in range(PAIRS)
    ]  # fmt: skip
    votes = []
    for pair in range(PAIRS):
        for judge in ("j1", "j2", "j3"):
            errs = rng.random() < wrong
            said = {"a": "b", "b": "a"}[truth(pair)] if errs else truth(pair)
            votes += [
                {"pair_id": f"p{pair}", "judge": judge, "order": order, "choice": said}
                for order in ("ab", "ba")
            ]
    for kind, rows in ((Kind.PAIRS, pairs), (Kind.VOTES, votes)):
        path = tmp_path / f"{kind}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        import_files(database, kind, [path], ImportOptions(strict=True))


def go(database: Database, panel: Panel, **asked: object) -> Routed:
    by_domain = bool(asked.pop("by_domain", False))
    dry_run = bool(asked.pop("dry_run", False))
    options = RouteOptions(**asked)  # type: ignore[arg-type]
    return route_pairs(database, panel, options, SETTINGS, by_domain=by_domain, dry_run=dry_run)


def test_no_votes_is_a_conflict(database: Database, panel: Panel) -> None:
    with pytest.raises(Exception, match="votes"):
        go(database, panel, min_agreement=0.8)


def test_agreement_accepts_where_that_share_agrees(
    any_database: Database, panel: Panel, tmp_path: Path
) -> None:
    filled(any_database, tmp_path)
    done = go(any_database, panel, min_agreement=0.8, audit_share=0.1)
    # three judges, each the same in both orders: agreement is 3/3 or 2/3, and 2/3 < 0.8
    with any_database.read() as session:
        routes = batches.routes_of(session, done.batch_id or 0)
    assert {"accept", "escalate", "audit"} == {r.route.value for r in routes}
    for row in routes:
        assert (row.route is Route.ESCALATE) == ("min_agreement" in row.reasons)
    with any_database.read() as session:
        tasks = session.scalar(select(func.count()).select_from(Task))
    assert tasks == done.tasks == done.routes["escalate"] + done.routes["audit"]
    again = go(any_database, panel, min_agreement=0.8, audit_share=0.1)
    assert (again.state, again.batch_id, again.routes) == ("already", done.batch_id, done.routes)


def test_a_dry_run_stores_nothing(database: Database, panel: Panel, tmp_path: Path) -> None:
    filled(database, tmp_path)
    planned = go(database, panel, review_share=0.3, dry_run=True)
    with database.read() as session:
        assert batches.newest_batch(session) is None
        assert session.scalar(select(func.count()).select_from(Task)) == 0
    assert go(database, panel, review_share=0.3).routes == planned.routes


def test_a_promise_is_delivered_only_after_its_audits(
    any_database: Database, panel: Panel, tmp_path: Path
) -> None:
    filled(any_database, tmp_path, wrong=0.05)
    asked = {"target_error": 0.1, "audits": 80, "seed": 3}
    first = go(any_database, panel, **asked)
    assert (first.state, first.audits_open) == ("waiting", 80)
    assert first.tasks == 80  # nothing but the audits is asked
    assert merge(any_database, SETTINGS).preferences == 0  # and nothing is delivered
    assert go(any_database, panel, **asked).audits_open == 80
    replay_labels(any_database, labels())
    with any_database.read() as session:
        open_audits = session.scalar(
            select(func.count()).where(Task.kind == TaskKind.AUDIT, Task.status == TaskStatus.OPEN)
        )
    assert open_audits == 0
    done = go(any_database, panel, **asked)
    assert done.state == "certified"
    (promise,) = done.certificates
    assert "at most 10.00%" in promise
    merge(any_database, SETTINGS)
    with any_database.read() as session:
        delivered = session.execute(
            select(Preference.pair_id, Preference.choice).where(Preference.superseded_at.is_(None))
        ).all()
    wrong = sum(choice.value != truth(pair_id - 1) for pair_id, choice in delivered)
    assert wrong <= 0.1 * PAIRS
    again = go(any_database, panel, **asked)
    assert (again.state, again.tasks, again.audits_open) == ("already", 0, 0)
    assert merge(any_database, SETTINGS).withdrawn == 0


def test_an_easy_batch_is_certified_before_all_its_audits_are_answered(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    # 40 clean audits at .03 of delta: .75^40 = .00001 is less than .003, so all is accepted
    filled(database, tmp_path, wrong=0.0)
    asked = {"target_error": 0.25, "audits": 80, "seed": 3}
    assert go(database, panel, **asked).audits_open == 80
    replay_labels(database, labels(), limit=10)
    assert go(database, panel, **asked).audits_open == 70  # no look is answered yet
    replay_labels(database, labels(), limit=30)
    done = go(database, panel, **asked)
    assert (done.state, done.audits_open) == ("certified", 0)
    assert f"{PAIRS} of {PAIRS} pairs accepted on 40 audits" in done.certificates[0]
    assert merge(database, SETTINGS).preferences == PAIRS
    assert replay_labels(database, labels()).tasks == 0


def test_a_promise_is_withdrawn_when_later_audits_contradict_its_rule(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    filled(database, tmp_path, wrong=0.02)
    asked = {"target_error": 0.1, "audits": 80, "seed": 3}
    go(database, panel, **asked)
    replay_labels(database, labels())
    assert "at most" in go(database, panel, **asked).certificates[0]
    # from here on the judges err together on every other pair, as sure as before
    shifted = [
        {"pair_id": f"s{p}", "prompt": f"t{p}", "response_a": f"x{p}", "response_b": f"y{p}"}
        for p in range(PAIRS)
    ]
    votes = [
        {"pair_id": f"s{p}", "judge": judge, "order": order, "choice": "a"}
        for p in range(PAIRS) for judge in ("j1", "j2", "j3") for order in ("ab", "ba")
    ]  # fmt: skip
    for kind, rows in ((Kind.PAIRS, shifted), (Kind.VOTES, votes)):
        path = tmp_path / f"later-{kind}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        import_files(database, kind, [path], ImportOptions(strict=True))
    later = {**asked, "seed": 4}
    go(database, panel, **later)
    replay_labels(
        database,
        [*labels(), *({"pair_id": f"s{p}", "annotator": "ada", "choice": truth(p)}
                      for p in range(PAIRS))],
    )  # fmt: skip
    done = go(database, panel, **later)
    (said,) = done.withdrawn
    assert said.startswith("certificate 1 of batch 1 is withdrawn: by its rule")


def test_one_promise_a_domain(database: Database, panel: Panel, tmp_path: Path) -> None:
    filled(database, tmp_path, wrong=0.02)
    asked = {"target_error": 0.2, "audits": 120, "by_domain": True}
    go(database, panel, **asked)
    replay_labels(database, labels())
    done = go(database, panel, **asked)
    assert len(done.certificates) == 2
    assert ["law" in " ".join(done.certificates), "code" in " ".join(done.certificates)] == [
        True
    ] * 2


def test_domains_without_a_target_are_refused(
    database: Database, panel: Panel, tmp_path: Path
) -> None:
    filled(database, tmp_path)
    with pytest.raises(ValueError, match="--target-error"):
        go(database, panel, review_share=0.3, by_domain=True)
