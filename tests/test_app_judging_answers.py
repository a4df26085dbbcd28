"""Answers as servers really send them, judged from the first command to what `show` prints."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
from pathlib import Path
from typing import Any

import pytest
from dialects import Dialect
from protocol_server import Script, serving
from sqlalchemy import select
from test_app_verbs_asking import done, told
from typer.testing import CliRunner

from app.cli import app
from app.config import load
from db.models import Vote
from db.vocabulary import Choice

OWN = {
    "reasoning": "The second is right.",
    "verdict": "2",
    "strength": "much",
    "both_bad": False,
    "confidence": 90,
}
DRAFT = json.dumps(OWN | {"verdict": "1"})
SAID = json.dumps(OWN)


def saying(changes: dict[str, Any]) -> Dialect:
    """A server whose every answer bears these changes: of its message, of its choice, of itself."""

    def says(_request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        rest = dict(changes)
        if "choices" not in reply:
            return reply | rest
        reply["choices"][0]["message"] |= rest.pop("message", {})
        reply["choices"][0] |= rest
        return reply

    return Dialect(says=says)


CASES: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "parts": ({"message": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": SAID}]}}, "2", None),
    "a draft in thinking": ({"message": {"content": f"<think>Draft: {DRAFT}. No.</think>\nResponse 2 is better."}}, "", "no verdict"),
    "thinking and an answer": ({"message": {"content": f"<think>{DRAFT}</think>\n{SAID}"}}, "2", None),
    "LaTeX": ({"message": {"content": r'{"reasoning": "The sum \(\frac{1}{2}\) is right.", "verdict": "2", "strength": "much"}'}}, "2", None),
    "the answer taken for thinking": ({"message": {"content": None, "reasoning_content": SAID}}, "2", None),
    "a new reason to stop": ({"message": {"content": SAID}, "finish_reason": "weird"}, "2", None),
    "a filter": ({"message": {"content": ""}, "finish_reason": "SAFETY", "safety_ratings": [{"category": "HARM_CATEGORY_HARASSMENT", "blocked": True}]}, "", "content filter: harassment"),
}  # fmt: skip


def judged(
    folder: Path, provider: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> list[Vote]:
    """The votes of a judge whose server bears these changes, on two pairs in both orders; what is
    read again says the same.
    """
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("KEY", "good")
    rows = [
        {"id": f"p{n}", "prompt": f"q{n}", "response_a": "x", "response_b": "y"} for n in range(2)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with serving(Script(dialect=saying(changes))) as server:
        url = f"{server.url}/v1" if provider != "anthropic" else server.url
        (folder / "tiebreak.toml").write_text(
            f"[[judge]]\nname = 'j'\nmodel = 'm'\nprovider = '{provider}'\nbase_url = '{url}'\napi_key_env = 'KEY'\n"
            "prices = { input = 1.0, output = 5.0 }\n"
        )
        done("init")
        done("import", "pairs", "pairs.jsonl")
        for _ in range(2):  # nothing is paid for twice; where all abstain there is no pool
            CliRunner().invoke(app, ["judge", "--max-usd", "1"])
        assert server.state.total_calls == 4
    assert " 0 changed" in CliRunner().invoke(app, ["judge", "--reparse"]).stdout
    with load().database.read() as session:
        return list(session.scalars(select(Vote)))


@pytest.mark.parametrize(("changes", "verdict", "reason"), CASES.values(), ids=CASES)
def test_what_a_server_really_sends_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    verdict: str,
    reason: str | None,
) -> None:
    votes = judged(tmp_path, "openai-compatible", changes, monkeypatch)
    assert {vote.abstain_reason for vote in votes} == {reason}
    wanted = {Choice.A, Choice.B} if verdict else {Choice.ABSTAIN}  # the second, in both orders
    assert {vote.choice for vote in votes} == wanted
    assert not reason or reason in str(told("show", "p0"))


def test_the_category_of_a_refusal_is_kept_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = {"type": "refusal", "category": "reasoning_extraction", "explanation": "..."}
    changes = {"content": [], "stop_reason": "refusal", "stop_details": details}
    votes = judged(tmp_path, "anthropic", changes, monkeypatch)
    assert {vote.abstain_reason for vote in votes} == {"refused: reasoning_extraction"}
    assert "refused: reasoning_extraction" in done("show", "p0")
    assert json.loads(votes[0].raw or "")["category"] == "reasoning_extraction"
