"""Of one judge one version votes, and only of judges that are configured and not retired."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from protocol_server import Script, Server, serving
from review_worlds import add_pairs
from sqlalchemy import select
from typer.testing import CliRunner, Result

from app.cli import app
from app.config import load
from db import voters
from db.consensus import (
    newest_fit,
    unvoted_pairs,
    usable_votes,
    voted_pair_ids,
    voted_pairs,
    voting_versions,
)
from db.errors import UnknownName
from db.judges import judge_version, recorded_version
from db.models import Consensus, Judge, Vote
from db.panel import panel_answers
from db.session import Database
from db.versions import versions
from db.vocabulary import CANARY_SAMPLE, Choice, Order, Provider

A = Choice.A
EDITS = st.lists(
    st.tuples(st.sampled_from("jkl"), st.sampled_from(["ask 1", "ask 2", "ask 3", "remove"])),
    max_size=12,
)


@given(EDITS)
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_every_name_has_one_vote_whatever_is_edited_removed_and_brought_back(
    database: Database, edits: list[tuple[str, str]]
) -> None:
    """The model: a name votes in the version asked last, unless it was removed since."""
    (pair,) = add_pairs(database, 1)
    with database.begin() as session:
        voters.configure(session, ["nobody"])  # what an earlier example left is history
    voting: dict[str, int] = {}
    for name, what in edits:
        with database.begin() as session:
            if what == "remove":
                voting.pop(name, None)
            else:
                version = judge_version(
                    session, name=name, family=name, version=what, provider=Provider.FAKE, config={}
                )
                if not session.query(Vote).filter_by(judge_version_id=version.id).count():
                    voters.stand(session, version.id)  # it has not voted: it waits
                    assert session.get_one(Judge, version.judge_id).current_version_id != version.id
                    session.add(
                        Vote(pair_id=pair, judge_version_id=version.id, order=Order.AB, choice=A)
                    )
                    session.flush()
                voters.stand(session, version.id)
                voting[name] = version.id
            voters.configure(session, voting or ["nobody"])
        with database.read() as session:
            assert set(session.scalars(voters.voters())) == set(voting.values())


def test_votes_of_earlier_versions_and_of_judges_gone_do_not_count(any_database: Database) -> None:
    """Recorded votes do: nobody configures them."""
    pair, other, third = add_pairs(any_database, 3)
    with any_database.begin() as session:
        made = [
            judge_version(
                session, name=name, family=name, version=version, provider=Provider.FAKE, config={}
            )
            for name, version in (("j", "1"), ("j", "2"), ("gone", "1"))
        ]
        recorded = recorded_version(session, "gpt-4", None)
        session.add_all(
            Vote(pair_id=p, judge_version_id=v.id, order=Order.AB, choice=Choice.A)
            for p, v in ((pair, made[0]), (other, made[0]), (pair, made[1]), (pair, made[2]),
                         (pair, recorded))
        )  # fmt: skip
        voters.stand(session, made[1].id)  # on one pair of two: the other version goes on
        assert voters.configure(session, ["j"]) == ["gone"]
    with any_database.read() as session:
        assert {name for _, name, *_ in voting_versions(session)} == {"gpt-4", "j"}
        both = {(v.pair_id, v.version_id) for v in usable_votes(session)}
        assert both == {(pair, made[0].id), (other, made[0].id), (pair, recorded.id)}
        mixed = panel_answers(session, [pair, other], "j")
        assert mixed.p.keys() == {pair, other}
    with any_database.begin() as session:
        voters.retire(session, "gpt-4")
        session.add(
            Vote(pair_id=third, judge_version_id=recorded.id, order=Order.AB, choice=Choice.A)
        )
    with any_database.read() as session:
        assert voted_pair_ids(session) == [pair, other]  # nobody who votes was asked on the third
        assert [one.pair_id for one in voted_pairs(session)] == [pair, other]
    with any_database.begin() as session:
        voters.retire(session, "gpt-4", undo=True)
        session.add(
            Vote(pair_id=other, judge_version_id=made[1].id, order=Order.AB, choice=Choice.B)
        )
        session.flush()
        voters.stand(session, made[1].id)
    with any_database.read() as session:
        counted = {(v.pair_id, v.version_id) for v in usable_votes(session)}
        assert counted == {
            (pair, made[1].id), (other, made[1].id), (pair, recorded.id), (third, recorded.id)
        }  # fmt: skip
        assert [name for _, name, *_ in voting_versions(session)] == ["gpt-4", "j"]
        assert voters.unheard(session) == {}
        rows = [(v.judge, v.votes, v.votes_count, v.why) for v in versions(session, ())]
    assert rows == [
        ("gone", 1, False, "configured no longer"),
        ("gpt-4", 2, True, ""),
        ("j", 2, False, "another version was asked last"),
        ("j", 2, True, ""),
    ]
    with any_database.begin() as session:
        voters.configure(session, ["j"], history_votes=True)
        assert {name for _, name, *_ in voting_versions(session)} == {"gone", "gpt-4", "j"}
        assert voters.retire(session, "gpt-4")
        assert not voters.retire(session, "gpt-4")
        assert {name for _, name, *_ in voting_versions(session)} == {"gone", "j"}
        assert voters.retire(session, "gpt-4", undo=True)
        with pytest.raises(UnknownName, match="no judge 'gpt-5' has votes here"):
            voters.retire(session, "gpt-5")


def test_a_judge_that_comes_back_unconfigured_is_history(database: Database) -> None:
    (pair,) = add_pairs(database, 1)
    with database.begin() as session:
        made = judge_version(
            session, name="j", family="j", version="1", provider=Provider.FAKE, config={}
        )
        session.add(Vote(pair_id=pair, judge_version_id=made.id, order=Order.AB, choice=A))
        session.flush()
        voters.retire(session, "j")
        assert unvoted_pairs(session) == 1
        voters.retire(session, "j", undo=True, configured=False)
        assert list(session.scalars(voters.voters())) == []
        voters.configure(session, ["j"])
        assert list(session.scalars(voters.voters())) == [made.id]
        assert unvoted_pairs(session) == 0


def test_a_version_that_answered_canaries_alone_does_not_vote(database: Database) -> None:
    (pair,) = add_pairs(database, 1)
    with database.begin() as session:
        old, new = (
            judge_version(
                session, name="j", family="j", version=version, provider=Provider.FAKE, config={}
            )
            for version in "12"
        )
        session.add_all(
            Vote(pair_id=pair, judge_version_id=v.id, order=Order.AB, choice=A, sample=sample)
            for v, sample in ((old, 1), (new, CANARY_SAMPLE + 2))
        )
    with database.read() as session:
        assert list(session.scalars(voters.voters())) == [old.id]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script()) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "good")
    rows = [
        {"pair_id": f"p{n}", "prompt": f"q{n}", "response_a": "x", "response_b": "y"}
        for n in range(4)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def configured(folder: Path, server: Server, **judges: str) -> None:
    text = "".join(
        f"[[judge]]\nname = '{name}'\nmodel = '{name}'\nprovider = 'anthropic'\n"
        f"prices = {{ input = 1.0, output = 5.0 }}\nbase_url = '{server.url}'\n{more}\n"
        for name, more in judges.items()
    )
    (folder / "tiebreak.toml").write_text(text, encoding="utf-8")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def pooled(folder: Path) -> dict[int, float]:
    with load(folder / "tiebreak.toml").database.read() as session:
        fit = newest_fit(session)
        assert fit is not None
        query = select(Consensus.pair_id, Consensus.p_a).where(Consensus.fit_id == fit.id)
        return dict(session.execute(query).all())


def test_an_edited_judge_stays_one_voter(folder: Path, server: Server) -> None:
    """Edited twice, one judge of three would outvote the two others: .866 became .904 against."""
    configured(folder, server, j="", k="", l="")
    assert run("init").exit_code == run("import", "pairs", "pairs.jsonl").exit_code == 0
    assert run("judge", "--max-usd", "5").exit_code == 0
    before = pooled(folder)
    calls = server.state.total_calls
    for room in (300, 900):  # what was not cut off is the same answer with more room
        configured(folder, server, j=f"max_tokens = {room}", k="", l="concurrency = 3")
        assert told("judge", "--max-usd", "5")["stored"] == 0
        assert pooled(folder) == before
    for temperature in (0.1, 0.2):
        configured(folder, server, j=f"temperature = {temperature}", k="", l="")
        assert told("judge", "--max-usd", "5")["stored"] == 8
        assert pooled(folder) == pytest.approx(before)
    assert server.state.total_calls == calls + 16
    rows = [row for row in told("judges", "list")["judges"] if row["judge"] == "j"]
    assert [row["votes_count"] for row in rows] == [False, False, True]
    assert "temperature 0.1 -> 0.2" in rows[2]["differs"]
    configured(folder, server, j="temperature = 0.1", k="", l="")  # brought back: not asked again
    assert told("judge", "--max-usd", "5")["stored"] == 0
    rows = [row for row in told("judges", "list")["judges"] if row["judge"] == "j"]
    assert [row["votes_count"] for row in rows] == [False, True, False]


def test_a_judge_that_cannot_be_asked_keeps_the_votes_it_has(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(folder, server, j="")
    assert run("init").exit_code == run("import", "pairs", "pairs.jsonl").exit_code == 0
    run("judge", "--max-usd", "5")
    configured(folder, server, j="temperature = 0.3")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert run("judge", "--max-usd", "5").exit_code == 1
    rows = told("judges", "list")["judges"]
    assert [(row["votes"], row["votes_count"]) for row in rows] == [(8, True), (0, False)]


def test_a_removed_judge_is_history_and_a_retired_one_is_not_asked(
    folder: Path, server: Server
) -> None:
    configured(folder, server, j="", k="")
    assert run("init").exit_code == run("import", "pairs", "pairs.jsonl").exit_code == 0
    run("judge", "--max-usd", "5")
    configured(folder, server, j="")
    said = run("judge", "--max-usd", "5")
    assert "judge 'k' is configured no longer: its votes are kept and do not count" in said.stderr
    counts = {row["judge"]: row["votes_count"] for row in told("judges", "list")["judges"]}
    assert counts == {"j": True, "k": False}
    configured(folder, server, j="", k="")
    assert told("judge", "--max-usd", "5")["stored"] == 0
    assert all(row["votes_count"] for row in told("judges", "list")["judges"])
    assert told("judges", "retire", "k")["changed"]
    assert run("import", "pairs", "pairs.jsonl").exit_code == 0
    assert "judge 'k' is retired" in run("judge", "--max-usd", "5").stderr
    assert told("estimate")["questions"] == 0
    counts = {row["judge"]: row["votes_count"] for row in told("judges", "list")["judges"]}
    assert counts == {"j": True, "k": False}
    assert told("judges", "retire", "k", "--undo")["changed"]
    assert told("judge", "--max-usd", "5")["stored"] == 0
    assert all(row["votes_count"] for row in told("judges", "list")["judges"])
