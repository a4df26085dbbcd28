"""Batches that fail, wholly or in part: what is said, what is asked again, and what it costs."""

import json
from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from batch_faults import refused_line
from protocol_server import Script, Server, serving
from sqlalchemy import select, update
from test_judges_steps import add, run, votes

from db.batch_jobs import ClosedJob, open_jobs
from db.batch_list import drop_job
from db.errors import KeyRefused, Unavailable
from db.events import history
from db.models import BatchJob, Reservation
from db.runs import spent_nanousd
from db.session import Database
from db.types import now
from db.vocabulary import Choice
from judges.asking import Answer
from judges.batch_outcome import outcome
from judges.batch_standing import standing
from judges.batcher import Collected, Refusal, Results
from judges.results import JudgeRun

KEYS = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
LIMIT = {
    "code": "token_limit_exceeded",
    "line": None,
    "message": "Enqueued token limit reached for m in organization o. Limit: 90,000 tokens.",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script()) as made:
        yield made


@pytest.fixture(params=["anthropic", "openai"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def judge(server: Server, provider: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "remote",
        "provider": provider,
        "model": "test-model",
        "base_url": server.url if provider == "anthropic" else f"{server.url}/v1",
        "prices": {"input": 1.0, "output": 5.0},
        "timeout": 5.0,
        "retries": 0,
        "max_tokens": 200,
        "orders": "ab",
        **more,
    }


def batch(database: Database, server: Server, provider: str, **more: Any) -> JudgeRun:
    """One run of `judge --batch`."""
    return run(database, judge(server, provider), batch=True, environ=KEYS, **more)


def finish(database: Database, server: Server, provider: str) -> None:
    """Runs until nothing waits."""
    for _ in range(4):
        if not batch(database, server, provider).waiting:
            return
    raise AssertionError("questions wait without end")


def direct(database: Database, server: Server, provider: str, **more: Any) -> JudgeRun:
    return run(database, judge(server, provider, **more), environ=KEYS)


def states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(BatchJob.state).order_by(BatchJob.id)))


def spent(database: Database) -> tuple[int, int]:
    """What counts as spent, and what the votes have cost."""
    with database.read() as session:
        return spent_nanousd(session), sum(vote.cost_nanousd for vote in votes(database))


def reserved(database: Database, job_id: int = 1) -> int:
    with database.read() as session:
        query = select(Reservation.reserved_nanousd).join(
            BatchJob, BatchJob.reservation_id == Reservation.id
        )
        return session.scalars(query.where(BatchJob.id == job_id)).one()


def told(done: JudgeRun) -> str:
    return " | ".join((*done.notices, *done.problems))


# -- refused as a whole ----------------------------------------------------------------------------


def test_a_failed_batch_says_why_and_is_not_sent_again_unchanged(
    database: Database, server: Server
) -> None:
    add(database, 5)
    line = {"code": "invalid_url", "message": "The URL in this line is not allowed", "line": 1}
    server.script.batches.fails = lambda count: [line | {"line": n + 1} for n in range(count)]
    batch(database, server, "openai")
    said = "invalid_url: The URL in this line is not allowed (line 1, 2, 3, 4, 5)"
    with pytest.raises(Unavailable) as failed:
        batch(database, server, "openai")
    assert said in str(failed.value)
    assert "tiebreak batches drop 1" in str(failed.value)
    with database.read() as session:
        (event,) = history(session, "batch:1")
    assert (event.kind, said in event.payload["words"]) == ("batch.failed", True)
    for _ in range(2):
        with pytest.raises(Unavailable, match="invalid_url"):
            batch(database, server, "openai")
    assert (len(server.state.batches), states(database)) == (1, ["failed"])
    assert spent(database) == (0, 0)
    assert direct(database, server, "openai").stored == 5  # the way out


def test_a_batch_none_of_whose_lines_is_taken_stops_its_judges_batches(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 4)
    refused = refused_line(provider, "Unsupported value: reasoning.effort does not support 'max'")
    server.script.batches.answer = lambda n, question: refused
    batch(database, server, provider)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"reasoning.effort does not support 'max'"):
            batch(database, server, provider)
    assert len(server.state.batches) == 1
    assert spent(database) == (0, 0)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_batches_is_named_as_one(
    database: Database, server: Server, provider: str, status: int
) -> None:
    add(database, 2)
    server.script.batches.refuses = lambda count: (status, {"detail": "Not Found"})
    with pytest.raises(Unavailable, match=r"takes no batches.*without --batch"):
        batch(database, server, provider)
    assert spent(database) == (0, 0)


def test_lines_named_as_the_fault_are_abstains_and_the_others_are_sent_again(
    database: Database, server: Server
) -> None:
    add(database, 6)
    wrong = {"code": "invalid_json_line", "message": "This line is not parseable", "line": 3}
    server.script.batches.fails = lambda count: [wrong] if count == 6 else None
    batch(database, server, "openai")
    again = batch(database, server, "openai")
    assert (again.stored, again.abstained, again.waiting) == (1, 1, 5)
    assert "This line is not parseable (line 3)" in told(again)
    assert batch(database, server, "openai").stored == 5
    (abstain,) = [vote for vote in votes(database) if vote.choice is Choice.ABSTAIN]
    assert "rejected by the server: invalid_json_line: This line" in (abstain.abstain_reason or "")
    assert abstain.pair_id == 3  # the third line


def test_a_batch_that_names_one_line_after_another_is_not_sent_for_ever(
    database: Database, server: Server
) -> None:
    add(database, 6)
    wrong = {"code": "invalid_json_line", "message": "not parseable", "line": 1}
    server.script.batches.fails = lambda count: [wrong]
    for _ in range(2):
        batch(database, server, "openai")
    for _ in range(2):
        with pytest.raises(Unavailable, match="not parseable"):
            batch(database, server, "openai")
    assert states(database) == ["reduced", "failed"]
    assert len(votes(database)) == 1


def test_an_enqueued_limit_halves_what_is_sent_until_it_passes(
    database: Database, server: Server
) -> None:
    add(database, 12)
    server.script.batches.fails = lambda count: [LIMIT] if count > 3 else None
    done = [batch(database, server, "openai") for _ in range(3)]
    assert "Enqueued token limit reached" in told(done[1])
    for _ in range(9):
        if not done[-1].waiting:
            break
        done.append(batch(database, server, "openai"))
    files = server.state.files | server.state.deleted
    sent = [files[one["input_file_id"]] for one in server.state.batches.values()]
    # Half after each refusal, twice as many after each that came back: 3, then 6 are too many.
    assert [file.count(b"\n") + 1 for file in sent] == [12, 6, 3, 6, 3, 6, 3, 3]
    assert len(votes(database)) == 12
    assert all(vote.choice is not Choice.ABSTAIN for vote in votes(database))
    assert spent(database)[0] == spent(database)[1]


def test_what_is_over_an_enqueued_limit_waits_for_what_is_on_its_way(
    database: Database, server: Server
) -> None:
    add(database, 4)
    server.script.batches.fails = lambda count: [LIMIT] if count > 2 else None
    batch(database, server, "openai")
    server.script.batch_ready = False
    with database.begin() as session:  # it failed at once
        ((job, _),) = open_jobs(session, 1)
        server.state.batches[str(job.provider_job_id)] |= {
            "status": "failed", "errors": {"object": "list", "data": [LIMIT]}
        }  # fmt: skip
    sent = batch(database, server, "openai")
    assert (sent.waiting, len(server.state.batches)) == (2, 2)
    assert "2 questions or more are sent when its batches on their way have ended" in told(sent)
    waits = batch(database, server, "openai")
    assert (waits.waiting, len(server.state.batches)) == (2, 2)


def test_a_batch_refused_for_its_size_is_split_at_once(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 10)
    too_large = {"type": "request_too_large", "message": "Request exceeds the maximum size"}
    server.script.batches.refuses = lambda count: (413, {"error": too_large}) if count > 3 else None
    sent = batch(database, server, provider)
    assert (sent.waiting, len(server.state.batches)) == (10, 5)  # 10, 5 are refused: 2 each
    assert batch(database, server, provider).stored == 10
    assert spent(database)[0] == spent(database)[1]


# -- single lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Invalid prompt: flagged as violating our usage policy", "content filter"),
        (403, "Input was flagged by moderation", "content filter"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "too long for the model"),
        (413, "Request exceeds the maximum size", "too long for the model"),
        (400, "We could not parse the message", "rejected by the server"),
    ],
)
def test_a_line_refused_for_its_content_is_an_abstain_with_the_servers_words(
    database: Database, server: Server, provider: str, status: int, message: str, kind: str
) -> None:
    add(database, 5)
    refused = refused_line(provider, message, status)
    server.script.batches.answer = lambda n, question: refused if n == 2 else None
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.abstained, done.missing) == (5, 1, 0)
    (abstain,) = [vote for vote in votes(database) if vote.choice is Choice.ABSTAIN]
    assert message in (abstain.raw or "")
    assert (abstain.abstain_reason or "") == f"{kind}: {message}"
    assert abstain.cost_nanousd == 0
    assert batch(database, server, provider).waiting == 0  # and nobody asks again
    assert len(server.state.batches) == 1


def test_a_last_question_that_is_refused_alone_is_an_abstain_as_others_were_answered(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 3)
    batch(database, server, provider)
    assert batch(database, server, provider).stored == 3
    add(database, 4)  # one more
    refused = refused_line(provider, "Input was flagged by moderation", 403)
    server.script.batches.answer = lambda n, question: refused
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.abstained, done.problems) == (1, 1, ())


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_line_that_failed_for_the_servers_own_reasons_is_asked_again(
    database: Database, server: Server, provider: str, status: int
) -> None:
    add(database, 5)
    failed = refused_line(provider, "Overloaded", status)
    server.script.batches.answer = lambda n, question: failed if n < 2 else None
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.waiting) == (3, 2)
    assert "2 of its questions were not answered and are asked again (2 x" in told(done)
    assert "Overloaded" in told(done)
    server.script.batches.answer = lambda n, question: None
    finish(database, server, provider)
    assert len(votes(database)) == 5


def test_a_line_without_credit_is_no_abstain(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 4)
    broke = refused_line(provider, "Your credit balance is too low to access the API")
    server.script.batches.answer = lambda n, question: broke if n else None
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.abstained, done.waiting) == (1, 0, 3)
    assert "credit balance is too low" in told(done)


BAD_LINES = {
    "not json": b"<html>502</html>",
    "cut": b'{"custom_id": "x',
    "not utf-8": b'{"custom_id": "x", "note": "\xff\xfe"}',
    "no name": b'{"result": {}, "response": {}}',
    "a number for a name": b'{"custom_id": 5}',
    "of another batch": b'{"custom_id": "tb00_1-ab-1", "error": null}',
    "a list": b"[1]",
    "deep": b"[" * 5000,
}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_one_bad_line_costs_only_itself(
    database: Database, server: Server, provider: str, kind: str
) -> None:
    add(database, 6)
    server.script.batches.rewrites = lambda lines: [*lines[:2], BAD_LINES[kind], *lines[3:]]
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.waiting, done.problems) == (5, 1, ())
    assert "1 lines of its results cannot be read" in told(done)
    # What it cost nobody knows: a sixth of what was set aside stays counted.
    counted, cost = spent(database)
    assert counted - reserved(database, 2) - cost == -(-reserved(database) // 6)
    server.script.batches.rewrites = lambda lines: lines
    finish(database, server, provider)
    assert len(votes(database)) == 6


@pytest.mark.parametrize(
    "odd",
    [
        {"response": None, "error": None, "result": None},
        {"response": 7, "result": 7},
        {"response": {"status_code": 200, "body": None}, "result": {"type": "succeeded"}},
        {"response": {"status_code": 200, "body": {"choices": []}},
         "result": {"type": "succeeded", "message": {"content": None}}},
        {"error": "words", "response": None, "result": {"type": "errored", "error": "words"}},
        {"error": {"code": "server_error"}, "response": {},
         "result": {"type": "errored", "error": None}},
    ],
)  # fmt: skip
def test_a_line_with_an_odd_result_costs_only_itself(
    database: Database, server: Server, provider: str, odd: dict[str, Any]
) -> None:
    add(database, 4)

    def rewrites(lines: list[bytes]) -> list[bytes]:
        if len(lines) < 4:
            return lines
        name = json.loads(lines[1])["custom_id"]
        return [lines[0], json.dumps({"custom_id": name, **odd}).encode(), *lines[2:]]

    server.script.batches.rewrites = rewrites
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.waiting) == (3, 1)
    assert "1 of its questions were not answered and are asked again" in told(done)


def test_a_question_answered_twice_is_one_vote_and_costs_once(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 4)
    server.script.batches.rewrites = lambda lines: [*lines, lines[0], b"", *lines[1:2]]
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.missing) == (4, 0)
    assert spent(database)[0] == spent(database)[1]
    assert "2 lines of its results cannot be read, come twice" in told(done)


def test_results_nobody_can_read_are_not_paid_for_again_and_again(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 4)
    server.script.batches.rewrites = lambda lines: [b"{" for _ in lines]
    batch(database, server, provider)
    with pytest.raises(Unavailable, match="missing from its results"):
        batch(database, server, provider)
    assert len(server.state.batches) == 1
    assert spent(database)[0] == reserved(database)  # it may all have been billed


# -- ended early, gone, or not to be looked at ----------------------------------------------------


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_of_a_batch_that_ended_early_the_answers_are_taken_and_the_rest_is_asked_again(
    database: Database, server: Server, provider: str, status: str
) -> None:
    add(database, 5)
    kind = {"cancelled": "canceled"}.get(status, status)
    ended = {"type": kind} if provider == "anthropic" else {
        "error": {"code": f"batch_{status}", "message": f"the batch was {status}"}, "response": None
    }  # fmt: skip
    server.script.batches.status = status
    server.script.batches.answer = lambda n, question: ended if n < 2 else None
    batch(database, server, provider)
    done = batch(database, server, provider)
    assert (done.stored, done.waiting, done.problems) == (3, 2, ())
    with database.read() as session:
        settled = session.scalars(select(Reservation.settled_nanousd)).first()
    assert settled == sum(vote.cost_nanousd for vote in votes(database))
    server.script.batches.status = "completed"
    server.script.batches.answer = lambda n, question: None
    finish(database, server, provider)
    assert len(votes(database)) == 5


@pytest.mark.parametrize("status", [404, 410])
def test_a_batch_that_is_gone_is_given_up_and_its_questions_are_asked_again(
    database: Database, server: Server, provider: str, status: int
) -> None:
    add(database, 3)
    batch(database, server, provider)
    aside = reserved(database)
    server.script.batches.look = (status, {"error": {"message": "No batch found with that id"}})
    again = batch(database, server, provider)
    assert again.waiting == 3  # sent again
    assert "given up" in told(again)
    assert "No batch found with that id" in told(again)
    assert f"${aside / 1e9:.4f} stay counted as spent" in told(again)
    server.script.batches.look = None
    assert batch(database, server, provider).stored == 3
    assert spent(database)[0] == aside + spent(database)[1]
    assert states(database) == ["gone", "collected"]


def test_batches_that_vanish_one_after_the_other_are_not_paid_for_without_end(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 3)
    server.script.batches.look = (404, {"error": {"message": "Not found"}})
    for _ in range(2):
        batch(database, server, provider)
    with pytest.raises(Unavailable, match="so was one before it"):
        batch(database, server, provider)
    assert len(server.state.batches) == 2


def test_results_that_are_archived_give_the_batch_up(database: Database, server: Server) -> None:
    add(database, 3)
    server.script.batches.gone = {"results"}
    batch(database, server, "anthropic")
    again = batch(database, server, "anthropic")
    assert "its results are not there any more since 2026-02-01" in told(again)
    assert states(database) == ["gone", "submitted"]


def test_a_file_of_results_that_is_gone_costs_what_it_held(
    database: Database, server: Server
) -> None:
    add(database, 4)
    refused = refused_line("openai", "Input was flagged by moderation", 403)
    server.script.batches.answer = lambda n, question: refused if n == 0 else None
    server.script.batches.gone = {"error"}
    batch(database, server, "openai")
    partly = batch(database, server, "openai")
    assert (partly.stored, partly.waiting) == (3, 1)
    assert "No such File object" in told(partly)


def test_a_batch_whose_answers_are_gone_is_given_up(database: Database, server: Server) -> None:
    add(database, 4)
    server.script.batches.gone = {"output"}
    batch(database, server, "openai")
    assert "given up" in told(batch(database, server, "openai"))
    assert states(database) == ["gone", "submitted"]
    assert spent(database)[0] == reserved(database) + reserved(database, 2)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_refused_for_a_batch_leaves_the_job_open(
    database: Database, server: Server, provider: str, status: int
) -> None:
    add(database, 3)
    batch(database, server, provider)
    server.script.batches.look = (status, {"error": {"message": "no"}})
    with pytest.raises(KeyRefused, match="stays open"):
        batch(database, server, provider)
    assert states(database) == ["submitted"]
    server.script.batches.look = None
    assert batch(database, server, provider).stored == 3


def test_a_batch_that_cannot_be_looked_at_stops_nobody(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 3)
    batch(database, server, provider)
    add(database, 5)  # two more
    server.script.batches.look = (500, {"error": {"message": "oops"}})
    asked = direct(database, server, provider)
    assert (asked.stored, asked.waiting, asked.problems) == (2, 3, ())
    assert "cannot be looked at and stays open" in told(asked)
    server.script.batches.look = None
    assert direct(database, server, provider).stored == 3


def test_a_batch_nobody_can_still_be_working_on_is_given_up(
    database: Database, server: Server, provider: str
) -> None:
    add(database, 3)
    server.script.batch_ready = False
    waits = batch(database, server, provider)
    assert "questions wait in batches (for 0 min, until 2" in waits.summary
    with database.begin() as session:
        session.execute(update(BatchJob).values(created_at=now() - timedelta(hours=31)))
    again = batch(database, server, provider)
    assert "given up" in told(again)


def test_who_cannot_be_asked_by_batch_is_named(database: Database, server: Server) -> None:
    add(database, 2)
    own = judge(server, "openai-compatible", base_url=f"{server.url}/v1", name="own")
    done = run(database, own, batch=True, environ=KEYS)
    assert done.stored == 2
    assert "judge 'own' is asked directly" in told(done)


@pytest.mark.parametrize("step", ["add_votes", "settle"])
def test_a_kill_while_a_batch_is_stored_leaves_it_to_be_collected_once(
    any_database: Database,
    server: Server,
    provider: str,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(any_database, 4)
    batch(any_database, server, provider)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"judges.batch_collecting.{step}", die)
        with pytest.raises(KeyboardInterrupt):
            batch(any_database, server, provider)
    assert (votes(any_database), states(any_database)) == ([], ["submitted"])
    assert batch(any_database, server, provider).stored == 4
    assert spent(any_database)[0] == spent(any_database)[1]


def test_two_that_collect_one_batch_at_once_store_and_pay_it_once(
    any_database: Database, server: Server, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(any_database, 4)
    batch(any_database, server, provider)
    meanwhile: list[JudgeRun] = []

    def overtaken(*asked: Any, **more: Any) -> Any:
        if not meanwhile:
            meanwhile.append(None)  # type: ignore[arg-type]
            other = Thread(target=lambda: meanwhile.append(batch(any_database, server, provider)))
            other.start()
            other.join()
        return outcome(*asked, **more)

    monkeypatch.setattr("judges.batch_collecting.outcome", overtaken)
    slower = batch(any_database, server, provider)
    assert (meanwhile[1].stored, slower.stored) == (4, 0)
    assert len(votes(any_database)) == 4
    assert spent(any_database)[0] == spent(any_database)[1]
    assert len(server.state.batches) == 1


# -- pure ------------------------------------------------------------------------------------------


def closed(*names: str) -> list[ClosedJob]:
    """Jobs one after the other, the first named the newest."""
    start = now()
    times = [start - timedelta(hours=n) for n in range(len(names) + 1)]
    return [ClosedJob(n, state, times[n + 1], times[n]) for n, state in enumerate(names)]


def test_what_earlier_batches_say_about_the_next() -> None:
    assert standing([]).stopped is None
    assert standing(closed("failed", "collected")).stopped is not None
    assert standing(closed("dropped", "failed")).stopped is None  # a person lifted it
    assert standing(closed("collected", "failed")).stopped is None
    assert standing(closed("gone", "collected", "gone")).stopped is None
    assert standing(closed("gone", "gone")).stopped is not None
    assert standing(closed("abandoned", "gone")).stopped is not None
    begun = now()
    at_once = [ClosedJob(n, "gone", begun, begun + timedelta(hours=n)) for n in (2, 1)]
    assert standing(at_once).stopped is None  # sent before it was known
    # 100 were too many: 50 next, then 100, then 200.
    rooms = [standing(closed(*["collected"] * n, "limited")).room(100) for n in range(3)]
    assert rooms == [50, 100, 200]


def test_a_line_with_an_answer_is_preferred_to_one_without() -> None:
    yes = Collected("a", "answered", Answer("VERDICT: 1"))
    no = Collected("a", "later", None, "500")
    for lines in ([yes, no], [no, yes]):
        assert list(outcome(Results(iter(lines)), ["a"], proven=False).answers) == ["a"]


def test_a_refusal_without_a_line_is_of_the_whole_batch() -> None:
    found = outcome(Results(iter(()), refusal=Refusal("no", (9,))), ["a", "b"], proven=True)
    assert (found.refusal, found.answers) == ("no", {})


def test_a_batch_whose_server_takes_fewer_alternatives_is_sent_again_with_fewer(
    database: Database, server: Server
) -> None:
    def few(_n: int, _question: str) -> dict[str, Any] | None:
        sent = list(server.state.files.values())[-1]
        words = "Invalid value for 'top_logprobs': must be less than or equal to 5."
        return refused_line("openai", words) if b'"top_logprobs": 20' in sent else None

    server.script.batches.answer = few
    add(database, 3)
    asked = judge(server, "openai", logprobs=True)
    assert run(database, asked, batch=True, environ=KEYS).waiting == 3
    second = run(database, asked, batch=True, environ=KEYS)
    assert (second.stored, second.waiting, second.problems) == (0, 3, ())
    assert any("takes top_logprobs of 5 and not of 20" in each for each in second.notices)
    third = run(database, asked, batch=True, environ=KEYS)
    assert (third.stored, third.abstained, third.waiting) == (3, 0, 0)
    assert all(vote.p_a is not None for vote in votes(database))
    assert states(database) == ["collected", "collected"]


def test_the_questions_of_a_refused_batch_do_not_stay_at_the_provider(
    database: Database, server: Server
) -> None:
    """Refused at once, and after it was taken, where its file of questions is its own to delete."""
    add(database, 3)
    server.script.batches.refuses = lambda count: (400, {"error": {"message": "no such endpoint"}})
    with pytest.raises(Unavailable, match="no further batch of this judge is sent"):
        batch(database, server, "openai")
    assert server.state.files == {}
    with database.begin() as session:
        drop_job(session, 1, "somebody", None)
    server.script.batches.refuses = lambda count: None
    server.script.batches.fails = lambda count: [{"code": "invalid_url", "message": "wrong url"}]
    assert batch(database, server, "openai").waiting == 3
    assert len(server.state.files) == 1
    with pytest.raises(Unavailable, match="wrong url"):
        batch(database, server, "openai")
    assert server.state.files == {}
