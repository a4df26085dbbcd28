"""What `judge` and `generate` do where servers refuse, limit and fail, by the real SDKs."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dialects import Dialect
from protocol_server import Script, Server, serving
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import app
from app.config import load
from db.models import Vote, VoteClaim
from db.runs import spent_nanousd
from db.vocabulary import Choice
from judges.prices import NANO
from judges.steps import run_judges

PATHS = {"anthropic": "", "openai": "/v1", "openai-compatible": "/v1"}
POISON = "What is 3+3"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with both keys and quick pauses."""
    monkeypatch.chdir(tmp_path)
    for name in ("TIEBREAK_CONFIG", "TIEBREAK_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "good")
    monkeypatch.setenv("OPENAI_API_KEY", "good")
    monkeypatch.setitem(run_judges.__kwdefaults__, "pauses", (0.1, 0.1, 0.1))
    return tmp_path


def section(server: Server, provider: str, more: str = "", kind: str = "judge") -> str:
    return (
        f"[[{kind}]]\nname = '{provider}'\nprovider = '{provider}'\nmodel = 'm'\n"
        f"base_url = '{server.url}{PATHS[provider]}'\n"
        f"prices = {{ input = 1.0, output = 5.0 }}\n{more}\n"
    )


def set_up(folder: Path, settings: str, pairs: int) -> None:
    (folder / "tiebreak.toml").write_text(settings, encoding="utf-8")
    rows = [
        {"prompt": f"What is {n}+{n}?", "response_a": f"{2 * n}", "response_b": "I do not know."}
        for n in range(pairs)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for words in (["init"], ["import", "pairs", "pairs.jsonl"]):
        assert CliRunner().invoke(app, words).exit_code == 0


def judged(*words: str) -> Any:
    result = CliRunner().invoke(app, ["judge", "--max-usd", "1", "--json", *words])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout), result.stderr


def abstains(folder: Path) -> list[str | None]:
    with load(folder / "tiebreak.toml").database.read() as session:
        query = select(Vote.abstain_reason).where(Vote.choice == Choice.ABSTAIN)
        return list(session.scalars(query))


def spent(folder: Path) -> int:
    with load(folder / "tiebreak.toml").database.read() as session:
        return spent_nanousd(session)


def refusing(
    *said: Any, only: str = "", until: Callable[[int], bool] = lambda call: True
) -> Dialect:
    """Refuses questions that hold `only`, as long as `until` says so of the number of the call."""
    calls = 0

    def refuses(request: dict[str, Any]) -> Any:
        nonlocal calls
        calls += 1
        return said if only in request["messages"][-1]["content"] and until(calls) else None

    return Dialect(refuses)


REFUSALS: dict[str, tuple[str, int, Any, str]] = {
    "output filtered": ("anthropic", 400, {"type": "error", "error": {
        "type": "invalid_request_error", "message": "Output blocked by content filtering policy"}},
        "content filter: Output blocked by content filtering policy"),
    "invalid prompt": ("openai", 400, {"error": {
        "message": "Invalid prompt: it was flagged as possibly against the usage policy.",
        "type": "invalid_request_error", "param": None, "code": "invalid_prompt"}},
        "content filter: Invalid prompt: it was flagged as possibly against the usage policy."),
    "moderated": ("openai-compatible", 403, {"error": {"code": 403,
        "message": "Input was flagged by moderation", "metadata": {"reasons": ["violence"]}}},
        "content filter: Input was flagged by moderation"),
    "too long": ("openai-compatible", 413, "<html><title>413 Too Large</title></html>",
        "too long for the model: 413 Too Large"),
    "nothing known": ("openai", 422, {"detail": [{"type": "value_error", "msg": "odd text"}]},
        "rejected by the server: odd text"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_one_refused_question_abstains_and_all_others_are_answered_in_one_run(
    project: Path, what: str
) -> None:
    provider, status, body, reason = REFUSALS[what]
    with serving(Script(dialect=refusing(status, body, only=POISON))) as server:
        set_up(project, section(server, provider, "concurrency = 8"), 40)
        done, _ = judged()
    assert (done["stored"], done["abstained"], done["missing"], done["problems"]) == (80, 2, 0, [])
    assert abstains(project) == [reason, reason]  # one pair, in both orders
    assert spent(project) == round(done["cost_usd"] * NANO)


@pytest.mark.parametrize("what", REFUSALS)
def test_a_judge_whose_every_question_is_refused_stops_with_the_servers_words(
    project: Path, what: str
) -> None:
    provider, status, body, reason = REFUSALS[what]
    script = Script(dialect=refusing(status, body))
    with serving(script) as server:
        set_up(project, section(server, provider, "concurrency = 4"), 40)
        result = CliRunner().invoke(app, ["judge", "--max-usd", "1"])
        assert result.exit_code != 0
        assert reason.partition(": ")[2] in str(result.exception)
        assert server.state.total_calls < 30
        assert (abstains(project), spent(project)) == ([], 0)
        script.dialect = Dialect()
        done, _ = judged()  # mended, all are asked
    assert (done["stored"], done["abstained"]) == (80, 0)


def test_a_refused_question_left_over_abstains_in_the_next_run(project: Path) -> None:
    """Its judge answered in an earlier run: that is evidence enough for one question."""
    script = Script()
    with serving(script) as server:
        set_up(project, section(server, "openai"), 5)
        judged()
        row = {"prompt": "What is 3+3 now?", "response_a": "6", "response_b": "7"}
        (project / "more.jsonl").write_text(json.dumps(row) + "\n")
        assert CliRunner().invoke(app, ["import", "pairs", "more.jsonl"]).exit_code == 0
        script.dialect = refusing(400, {"error": {"message": "no"}}, only=POISON)
        done, _ = judged()
    assert (done["stored"], done["missing"]) == (2, 0)
    assert abstains(project) == ["rejected by the server: no"] * 2


def test_a_permission_that_ends_in_the_middle_stops_and_nothing_abstains(project: Path) -> None:
    body = {"error": {"message": "Your credit balance is too low to access this"}}
    dialect = refusing(400, body, until=lambda call: call > 30)
    with serving(Script(dialect=dialect)) as server:
        set_up(project, section(server, "openai", "concurrency = 4"), 40)
        done, said = judged()
        assert server.state.total_calls <= 30 + 20 + 4 + 2
    assert (done["stored"], done["abstained"]) == (30, 0)
    assert "credit balance is too low" in said
    assert "add credit" in said


def test_a_quota_of_so_much_a_minute_is_waited_for(project: Path) -> None:
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "You exceeded "
            "your current quota, please check your plan and billing. Retry in 0.3s."}}  # fmt: skip
    opens = time.monotonic() + 0.5
    dialect = refusing(429, body, until=lambda call: time.monotonic() < opens)
    with serving(Script(dialect=dialect)) as server:
        set_up(project, section(server, "openai-compatible", "concurrency=4\nretries=1"), 6)
        opens = time.monotonic() + 0.5
        done, _ = judged()
    assert (done["stored"], done["problems"]) == (12, [])


LIMITED = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}


def test_a_wait_beyond_the_setting_stops_its_judge_and_the_others_go_on(project: Path) -> None:
    limited = refusing(429, LIMITED, {"retry-after": "43200"})
    with serving(Script(dialect=limited)) as server, serving() as other:
        set_up(project, section(server, "openai") + section(other, "anthropic"), 6)
        started = time.monotonic()
        done, said = judged()
    assert time.monotonic() - started < 30
    assert (done["stored"], done["missing"]) == (12, 12)
    assert "rate limited: the server asks for 12 h; stopping 'openai', the others go on" in said
    assert "does not answer" not in said


def test_a_wait_of_150_seconds_is_said_at_once_and_ends_with_the_run(project: Path) -> None:
    """In a pipe, by the process itself; stopped while it waits, it leaves no claim and no money."""
    with serving(Script(dialect=refusing(429, LIMITED, {"retry-after": "150"}))) as server:
        set_up(project, section(server, "openai", "concurrency = 8"), 6)
        words = [sys.executable, "-m", "app.cli", "judge", "--max-usd", "1"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line == "openai: rate limited, waiting 150 s as the server asks\n"
            server.wait_until_still()  # all eight are refused, and read a moment later
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 128 + signal.SIGTERM
            assert "waiting" not in process.stderr.read()  # once, not once a question
    with load(project / "tiebreak.toml").database.read() as session:
        assert session.scalar(select(func.count()).select_from(VoteClaim)) == 0
        assert spent_nanousd(session) == 0


def test_what_a_gateway_gave_up_waiting_for_counts_as_perhaps_billed(project: Path) -> None:
    """Each of the requests sent, at the most it can cost; none is sent again for the same money."""
    page = "<html><title>504 Gateway Time-out</title></html>"
    with serving(Script(dialect=refusing(504, page))) as server:
        set_up(project, section(server, "openai", "concurrency = 4"), 6)
        estimate = json.loads(CliRunner().invoke(app, ["estimate", "--json"]).stdout)
        result = CliRunner().invoke(app, ["judge", "--max-usd", "1"])
        sent = server.state.total_calls
    assert "504 Gateway Time-out" in str(result.exception)
    assert f"{sent} requests without an answer may have been billed" in str(result.exception)
    each = estimate["most_usd"] / 12  # the 12 questions are of one length, but for their order
    assert spent(project) == pytest.approx(sent * each * NANO, rel=0.01)


def test_a_gateway_that_fails_now_and_then_keeps_no_question_from_its_answer(project: Path) -> None:
    dialect = refusing(502, "<html><title>502</title></html>", until=lambda call: call % 3 == 0)
    with serving(Script(dialect=dialect)) as server:
        set_up(project, section(server, "anthropic", "concurrency = 4"), 20)
        done, _ = judged()
        lost = server.state.total_calls - 40
    assert (done["stored"], done["missing"], done["lost"]) == (40, 0, lost)
    with load(project / "tiebreak.toml").database.read() as session:
        for_answers = session.scalar(select(func.sum(Vote.cost_nanousd))) or 0
    assert spent(project) > for_answers


def test_one_refused_text_is_given_up_with_its_reason_and_the_others_are_written(
    project: Path,
) -> None:
    provider, status, body, reason = REFUSALS["output filtered"]
    with serving(Script(dialect=refusing(status, body, only=POISON))) as server:
        set_up(project, section(server, provider, kind="generator"), 8)
        result = CliRunner().invoke(app, ["generate", "--max-usd", "1", "--json"])
        done = json.loads(result.stdout)
        assert (done["asked"], done["failed"], done["problem"]) == (7, 0, None)
        assert done["refused"] == {reason: 1}
        calls = server.state.total_calls
        again = CliRunner().invoke(app, ["generate", "--max-usd", "1"])
        assert server.state.total_calls == calls, again.stdout


def test_a_writer_whose_every_text_is_refused_stops_and_gives_nothing_up(project: Path) -> None:
    script = Script(dialect=refusing(400, {"error": {"message": "model is not available"}}))
    with serving(script) as server:
        set_up(project, section(server, "openai", "concurrency = 2", kind="generator"), 20)
        result = CliRunner().invoke(app, ["generate", "--max-usd", "1"])
        assert "model is not available" in str(result.exception)
        assert server.state.total_calls < 10
        script.dialect = Dialect()
        done = json.loads(CliRunner().invoke(app, ["generate", "--max-usd", "1", "--json"]).stdout)
    assert done["asked"] == 20


def test_a_refused_text_left_over_is_given_up_in_the_next_run(project: Path) -> None:
    """Its writer wrote in an earlier run: that is evidence enough for one text."""
    script = Script()
    with serving(script) as server:
        set_up(project, section(server, "openai", kind="generator"), 3)
        assert CliRunner().invoke(app, ["generate", "--max-usd", "1"]).exit_code == 0
        row = {"prompt": "And another?", "response_a": "6", "response_b": "7"}
        (project / "more.jsonl").write_text(json.dumps(row) + "\n")
        assert CliRunner().invoke(app, ["import", "pairs", "more.jsonl"]).exit_code == 0
        script.dialect = refusing(400, {"error": {"message": "no"}}, only="And another")
        done = json.loads(CliRunner().invoke(app, ["generate", "--max-usd", "1", "--json"]).stdout)
    assert done["refused"] == {"rejected by the server: no": 1}
    assert done["problem"] is None


LOST_REPLIES: dict[str, tuple[Any, str]] = {
    "a page": ("<html><title>Sign in</title></html>", "the reply is no answer (Sign in)"),
    "nothing": ("", "the reply is no answer (it is empty)"),
    "no choices": ({"id": "x", "object": "chat.completion", "model": "m", "choices": []},
        "the reply holds no answer"),
    "a failure": ({"error": {"code": 502, "message": "the model went away"}},
        "the server fails (HTTP 502: the model went away)"),
    "a failed choice": ({"id": "x", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "finish_reason": "error", "message": {"role": "assistant", "content": ""},
         "error": {"code": 502, "message": "cut off"}}]},
        "the server fails (HTTP 502: cut off)"),
}  # fmt: skip


@pytest.mark.parametrize("what", LOST_REPLIES)
def test_a_reply_of_status_200_that_is_no_answer_may_have_been_billed(
    project: Path, what: str
) -> None:
    body, words = LOST_REPLIES[what]
    with serving(Script(dialect=refusing(200, body, only=POISON))) as server:
        set_up(project, section(server, "openai-compatible", "concurrency = 4"), 8)
        done, said = judged()
    assert (done["stored"], done["missing"], done["abstained"]) == (14, 2, 0)
    assert done["lost"] == 6  # two orders, in a first pass and two that brought nothing
    assert "2 questions are left unanswered; run again to ask them" in said
    assert words in said


def test_an_error_inside_a_reply_is_an_abstain_or_a_wait_as_its_code_says(project: Path) -> None:
    moderated = {"error": {"code": 403, "message": "Input was flagged by moderation"}}
    with serving(Script(dialect=refusing(200, moderated, only=POISON))) as server:
        set_up(project, section(server, "openai-compatible", "concurrency = 4"), 8)
        done, _ = judged()
    assert (done["stored"], done["missing"], done["lost"]) == (16, 0, 0)
    assert abstains(project) == ["content filter: Input was flagged by moderation"] * 2
