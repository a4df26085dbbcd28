"""The verifier: right from wrong, and what cannot be checked costs one pair its vote, not the panel."""
# ruff: noqa: E501 (tables of cases, a row a line)

import gc
import os
from typing import Any

import pytest
from sqlalchemy import update
from test_judges_steps import add, fake, parsed, run, votes

from db.errors import BadInput
from db.models import Prompt
from db.session import Database
from db.vocabulary import Choice, Order
from judges.asking import Question, Shown
from judges.connect import connect
from judges.providers.schema_process import SchemaProcess, fits
from judges.providers.verifier import Verifier
from judges.verdicts import ParsedAnswer, read


def judged(expected: dict[str, Any], first: str, second: str = "other") -> ParsedAnswer:
    shown = Shown("p", first, second, expected=expected)
    (answer,) = Verifier().score([Question("", "", "", shown)])
    return read(answer, Order.NONE)


@pytest.mark.parametrize(
    ("kind", "value", "right", "wrong"),
    [
        ("exact", "Paris", "The answer is **Paris**.", "Lyon"),
        ("exact", ["4", "four"], "Four.", "5"),
        ("exact", 42, "Long reasoning.\n42", "42 is wrong, it is\n43"),
        ("regex", r"\b\d{4}-\d\d-\d\d\b", "On 2024-05-06.", "In May."),
        ("regex", "^b$", "a\nb\nc", "abc"),
        ("json_schema", {"type": "object", "required": ["a"]}, 'Here:\n```json\n{"a": 1}\n```', "{}"),
        ("json_schema", {"type": "object", "required": ["a"]}, '```\n{}\n```\nor\n```\n{"a": 1}\n```', "```\n{}\n```"),
        ("json_schema", {"type": "array"}, "[1]", "not json"),
        ("arithmetic", "12 * (3 + 4)", "So it is 84.", "So it is 48."),
        ("arithmetic", "10 / 4", "2.5", "2"),
        ("arithmetic", "1000 * 1000", "That makes 1,000,000", "1,000"),
    ],
)  # fmt: skip
def test_the_verifier_knows_right_from_wrong(kind: str, value: Any, right: str, wrong: str) -> None:
    expected = {"kind": kind, "value": value}
    assert judged(expected, right, wrong).choice is Choice.A
    assert judged(expected, wrong, right).choice is Choice.B
    assert judged(expected, right, right).choice is Choice.TIE
    assert judged(expected, wrong, wrong).both_bad


def test_nothing_expected_is_an_abstain() -> None:
    (answer,) = Verifier().score([Question("", "", "", Shown("p", "x", "y"))])
    assert read(answer, Order.NONE).choice is Choice.ABSTAIN


@pytest.mark.parametrize(
    ("expected", "response", "reason"),
    [
        ({"kind": "json_schema", "value": {"type": "array"}}, "[" * 5000, "RecursionError"),
        ({"kind": "json_schema", "value": {"type": "integer"}}, "9" * 10_000, "4300 digits"),
        ({"kind": "json_schema", "value": {"multipleOf": 0.1}}, "1" + "0" * 400, "OverflowError"),
        ({"kind": "arithmetic", "value": "4"}, "9" * 400, "400 digits"),
        # As an older version stored them:
        ({"kind": "magic"}, "4", "unknown"),
        ({"kind": "regex", "value": "("}, "4", "missing )"),
        ({"kind": "arithmetic", "value": "4", "tolerance": "abc"}, "4", "tolerance"),
        ({"kind": "arithmetic", "value": "-" * 20_000 + "4"}, "4", "20,001 characters"),
        ({"kind": "json_schema", "value": {"$ref": "file:///etc/hostname"}}, "4", "nothing outside"),
        ({"kind": "json_schema", "value": {"$ref": "#"}}, "4", "refers to itself"),
        ({"kind": "json_schema", "value": [1]}, "4", "a schema is an object"),
        ({"value": 1}, "4", "unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_an_abstain_with_its_reason(
    expected: dict[str, Any], response: str, reason: str
) -> None:
    found = judged(expected, response)
    assert found.choice is Choice.ABSTAIN
    assert found.reason is not None
    assert found.reason.startswith("cannot be checked: ")
    assert reason in found.reason


def test_a_pattern_is_linear_in_the_response() -> None:
    assert judged({"kind": "regex", "value": "(a+)+$"}, "a" * 300_000 + "!").choice is Choice.TIE


def test_a_check_without_end_is_ended_and_the_next_one_made() -> None:
    """The pattern backtracks 2^40 times; the process is ended after a second of processor time."""
    slow = {"kind": "json_schema", "value": {"pattern": "^(a+)+$"}}
    twofold = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)}
    bomb = {"kind": "json_schema", "value": {"$defs": {**twofold, "d30": {}}, "$ref": "#/$defs/d0"}}
    verifier = Verifier()
    shown = [Shown("p", f'"{"a" * 40}!"', "1", expected=e) for e in (slow, bomb)]
    shown.append(
        Shown("p", "1", "x", expected={"kind": "json_schema", "value": {"type": "integer"}})
    )
    found = [read(a, Order.NONE) for a in verifier.score([Question("", "", "", s) for s in shown])]
    assert [one.choice for one in found] == [Choice.ABSTAIN, Choice.ABSTAIN, Choice.A]
    assert "takes more than 1 second" in (found[0].reason or "")


def test_the_process_gets_no_key_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    process = SchemaProcess()
    assert process.fits({"type": "integer"}, "1")
    child = process._process
    assert child is not None
    if os.path.exists(f"/proc/{child.pid}/environ"):
        with open(f"/proc/{child.pid}/environ", "rb") as environ:
            assert b"secret" not in environ.read()
    del process
    gc.collect()
    assert child.poll() is not None


def test_no_schema_reaches_beyond_itself() -> None:
    """The check itself fetches nothing, also where a schema was never looked at before."""
    with pytest.raises(Exception, match=r"http://127\.0\.0\.1:1/x"):
        fits({"$ref": "http://127.0.0.1:1/x"}, "1")


def test_one_bad_outcome_stops_no_panel(any_database: Database) -> None:
    add(any_database, 4)
    bad = [
        {"kind": "magic"},
        {"kind": "regex", "value": "("},
        {"kind": "json_schema", "value": {"$ref": "file:///x"}},
    ]
    with any_database.begin() as session:  # as an older version took them in
        for prompt, expected in enumerate([*bad, {"kind": "exact", "value": "Short 3."}], 1):
            session.execute(update(Prompt).where(Prompt.id == prompt).values(expected=expected))
    verifier = {"name": "outcome", "provider": "verifier"}
    done = run(any_database, fake(), verifier)
    assert (done.stored, done.missing, done.abstained) == (4 * 2 + 4, 0, 3)
    own = [vote for vote in votes(any_database) if vote.order is Order.NONE]
    assert sum(vote.choice is Choice.ABSTAIN for vote in own) == 3
    assert run(any_database, fake(), verifier).stored == 0


def test_a_wrong_outcome_in_the_settings_is_a_mistake_of_the_settings() -> None:
    wrong = {
        "name": "v",
        "provider": "verifier",
        "options": {"expected": {"kind": "regex", "value": "("}},
    }
    (judge,) = parsed(wrong).judge
    with pytest.raises(BadInput, match=r"options.expected of judge 'v'.*missing \)"):
        connect(judge, {})
