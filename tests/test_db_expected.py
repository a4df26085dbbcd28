"""Expected outcomes: what can be used, and what is refused with its reason before it is stored."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
from pathlib import Path
from typing import Any

import import_worlds as worlds
import pytest
from import_worlds import rejected, take

from db.expected.arithmetic import evaluate
from db.expected.outcome import BadOutcome, read
from db.session import Database

DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def schema(**value: Any) -> dict[str, Any]:
    return {
        "kind": "json_schema",
        "value": {name.replace("_", "$"): v for name, v in value.items()},
    }


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"not": value}
    return {"kind": "json_schema", "value": value}


USABLE: list[dict[str, Any]] = [
    {"kind": "exact", "value": "4"},
    {"kind": "exact", "value": [4, "four"]},
    {"kind": "regex", "value": "(a+)+$"},
    {"kind": "regex", "value": r"(?i)\bfoo\s*=\s*(?P<bar>\d{4})"},
    {"kind": "arithmetic", "value": "12 * (3 + 4)"},
    {"kind": "arithmetic", "value": 42, "tolerance": None},
    {"kind": "arithmetic", "value": "2**10", "tolerance": "0.1"},
    schema(type="object", properties={"next": {"$ref": "#"}}),
    schema(_defs={"a": {"type": "string"}}, _ref="#/$defs/a"),
    schema(_id="http://example.org/s", _defs={"a": {"$anchor": "q"}}, properties={"x": {"$ref": "s#/$defs/a"}, "y": {"$ref": "#q"}}),
    schema(const={"$ref": "http://example.org/data"}),
    schema(properties={"$ref": {"type": "string"}}),
    schema(_schema=DRAFT_7, definitions={"n": {"items": {"$ref": "#/definitions/n"}}}, _ref="#/definitions/n"),
    schema(_dynamicAnchor="node", properties={"c": {"items": {"$dynamicRef": "#node"}}}),
]  # fmt: skip


@pytest.mark.parametrize("expected", USABLE, ids=json.dumps)
def test_what_can_be_checked_is_taken(expected: dict[str, Any]) -> None:
    read(expected)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"kind": "magic"}, "kind 'magic' is unknown; choose one of"),
    ({"value": "4"}, "kind None is unknown"),
    ({"kind": ["exact"]}, "is unknown"),
    ({"kind": "exact"}, "give a text"),
    ({"kind": "exact", "value": []}, "give a text"),
    ({"kind": "exact", "value": {"a": 1}}, "give a text"),
    ({"kind": "regex", "value": "("}, "missing )"),
    ({"kind": "regex", "value": "(?=a)"}, "patterns are RE2's"),
    ({"kind": "regex", "value": r"(a)\1"}, "patterns are RE2's"),
    ({"kind": "regex", "value": "((a{100}){100}){100}"}, "patterns are RE2's"),
    ({"kind": "regex", "value": "a" * 2001}, "at most 2,000"),
    ({"kind": "regex", "value": 5}, "give a pattern"),
    ({"kind": "arithmetic"}, "give a sum"),
    ({"kind": "arithmetic", "value": "-" * 20_000 + "1"}, "20,001 characters"),
    ({"kind": "arithmetic", "value": "-" * 400 + "1"}, "more than 50 operations"),
    ({"kind": "arithmetic", "value": "(-8)**0.5"}, "no real number"),
    ({"kind": "arithmetic", "value": "10**10**10"}, "the power is too large"),
    ({"kind": "arithmetic", "value": "9" * 400}, "too large"),
    ({"kind": "arithmetic", "value": "1e999"}, "too large"),
    ({"kind": "arithmetic", "value": "1/0"}, "division by zero"),
    ({"kind": "arithmetic", "value": "__import__('os')"}, "only numbers"),
    ({"kind": "arithmetic", "value": "True + 1"}, "only numbers"),
    ({"kind": "arithmetic", "value": "(1)(2)"}, "only numbers"),
    ({"kind": "arithmetic", "value": "(1"}, "no complete sum"),
    *(({"kind": "arithmetic", "value": "1", "tolerance": bad}, "tolerance")
      for bad in ("abc", -1, "nan", float("inf"), [1])),
    *((schema(_ref=away), "is not in the schema, and nothing outside is read")
      for away in ("http://127.0.0.1:1/x", "file:///etc/hostname", "other.json", "#/$defs/none", "http://[x",
                   "https://json-schema.org/draft/2020-12/schema")),
    (schema(properties={"x": {"items": {"$ref": "http://example.org/x"}}}), "nothing outside is read"),
    (schema(_ref="#/here", here={"$ref": "http://example.org/x"}), "nothing outside is read"),
    (schema(_dynamicRef="http://example.org/x"), "nothing outside is read"),
    (schema(_schema=DRAFT_7, _ref="http://example.org/x"), "nothing outside is read"),
    (schema(_id="http://example.org/", _ref="other"), "nothing outside is read"),
    (schema(_ref="#"), "refers to itself without end"),
    (schema(**{"not": {"$ref": "#"}}), "refers to itself without end"),
    (schema(_defs={"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}, _ref="#/$defs/a"), "refers to itself"),
    (schema(_schema="http://json-schema.org/draft-03/schema#", extends={"$ref": "#"}), "refers to itself"),
    (schema(_schema="http://example.org/dialect"), "no known dialect"),
    (schema(type="number-like"), "not sound"),
    (schema(pattern="("), "not sound"),
    (schema(enum=list(range(3000))), "more than 2,000 values"),
    (nested(40), "deeper than 32 levels"),
    ({"kind": "json_schema", "value": True}, "a schema is an object"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "reason"), REFUSED)
def test_what_cannot_be_checked_is_refused_with_its_reason(
    expected: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadOutcome) as caught:
        read(expected)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_row_with_a_wrong_outcome_is_rejected_and_costs_no_other(
    any_database: Database, tmp_path: Path
) -> None:
    rows = [worlds.pair(f"good-{i}", a=f"g{i}", expected=e) for i, e in enumerate(USABLE)]
    wrong = [(e, why) for e, why in REFUSED if "Infinity" not in json.dumps(e)]
    rows += [worlds.pair(f"bad-{i}", a=f"b{i}", expected=e) for i, (e, _) in enumerate(wrong)]
    rows.append(worlds.pair("none", a="n", expected={"kind": None, "value": None}))
    done = take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    assert (done.counts["new"], done.rejected) == (len(USABLE) + 1, len(wrong))
    for row, (_, why) in zip(rejected(tmp_path / "p.jsonl"), wrong, strict=True):
        assert row["reason"].startswith("expected: ")
        assert why in row["reason"]


def test_a_deep_expected_is_a_rejected_row(database: Database, tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(900):  # as deep as the file itself can be read
        deep = [deep]
    rows = [
        worlds.pair("deep", expected={"kind": "exact", "value": deep}),
        worlds.pair("good", a="x"),
    ]
    assert take(database, "pairs", tmp_path / "p.jsonl", rows).rejected == 1


@pytest.mark.parametrize(
    ("sum_", "value"),
    [("12 * (3 + 4)", 84), ("10 / 4", 2.5), ("7 // 2 % 2", 1), ("-2 ** 2", -4), (" 1e3", 1000)],
)
def test_a_sum_has_the_value_of_arithmetic(sum_: str, value: float) -> None:
    assert evaluate(sum_) == value
