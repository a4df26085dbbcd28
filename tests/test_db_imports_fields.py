"""One field of a row: what is taken, and the one sentence about what is not."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.imports import fields, rows
from db.imports.fields import BadRow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    """pair_id prompt response_a response_b chosen rejected responses ranking judge annotator
    choice order sample strength both_bad confidence rationale abstain_reason cost_usd created_at
    domain source expected family prompt_id active_seconds""".split()  # noqa: SIM905
)


@given(row=st.dictionaries(KEYS, JSON | st.sampled_from(["a", "tie", "abstain", "ab", 1])))
def test_any_row_is_taken_or_refused_with_a_sentence_never_a_crash(row: dict[str, Any]) -> None:
    parsers = [
        rows.parse_pair,
        lambda r: rows.parse_candidates(r, 2, 7),
        rows.parse_vote,
        rows.parse_label,
        rows.parse_gold,
        rows.parse_ranking,
    ]
    for parse in parsers:
        with suppress(BadRow):
            parse(row)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "x is missing; it must be a text"),
        (3, "x is 3; it must be a text"),
        ("a\x00b", "x holds a NUL character, which no database stores"),
        ("a\ud800b", r"x holds '\\ud800', which is no Unicode text; save the file as UTF-8"),
    ],
)
def test_text(value: Any, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        fields.text({"x": value}, "x")


@pytest.mark.parametrize("value", ["", " ", "x" * 201, True, 1.5, None, [], "a\x00", "\udfff"])
def test_what_is_no_name(value: Any) -> None:
    with pytest.raises(BadRow, match="x "):
        fields.name({"x": value}, "x")


def test_a_number_is_a_name_and_an_empty_one_is_none() -> None:
    assert fields.name({"x": 12}, "x") == "12"
    assert fields.optional_name({"x": ""}, "x") is None
    with pytest.raises(BadRow, match="a name of 1 to 100 letters"):
        fields.optional_name({"x": "d" * 101}, "x", 100)


@pytest.mark.parametrize("value", ["1.5", 0, 1001, "x", True, float("nan"), 10**400, [1]])
def test_what_is_no_sample(value: Any) -> None:
    with pytest.raises(BadRow, match="it must be 1 to 1000"):
        fields.integer({"x": value}, "x", 1, 1, 1000)


@pytest.mark.parametrize("value", [-0.1, 1.1, "inf", "nan", 10**400, {}])
def test_what_is_no_confidence(value: Any) -> None:
    with pytest.raises(BadRow, match="it must be 0 to 1"):
        fields.number({"x": value}, "x", 0, 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31 12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (datetime(2026, 1, 31, 12), datetime(2026, 1, 31, 12, tzinfo=UTC)),
        # date -u -d 2023-11-14T22:13:20 +%s is 1700000000
        (1700000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000.5", datetime(2023, 11, 14, 22, 13, 20, 500000, tzinfo=UTC)),
        (1700000000500, datetime(2023, 11, 14, 22, 13, 20, 500000, tzinfo=UTC)),
        (1.7e15, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1700000000000000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (20260131, datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc(written: Any, meant: datetime) -> None:
    found = fields.time({"x": written}, "x")
    assert found == meant
    assert found is not None
    assert found.utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    "value", ["yesterday", 12.5, True, 10**11, 10**400, "0001-01-01T00:00:00+05:00"]
)
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises(BadRow, match="write it like 2026-01-31T12:00:00Z"):
        fields.time({"x": value}, "x")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("exact", "it must be an object like {kind: exact}"),
        ({"value": float("nan")}, "cannot be kept as JSON"),
        ({"value": datetime(2026, 1, 1)}, "cannot be kept as JSON"),
        ({"value": ["a\x00"]}, "holds a NUL character"),
        ({"\ud800": 1}, "no Unicode text"),
    ],
)
def test_what_is_no_expected_outcome(value: Any, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        fields.optional_object({"expected": value}, "expected")


def test_a_literal_backslash_is_no_nul() -> None:
    pattern = {"kind": "regex", "value": r"[^\u0000]"}
    assert fields.optional_object({"expected": pattern}, "expected") == pattern


def test_flags_are_taken_from_csv_words_too() -> None:
    assert [fields.flag({"x": v}, "x") for v in (True, "true", "1", None, "", "False", 0)] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip
    with pytest.raises(BadRow, match="it must be true or false"):
        fields.flag({"x": "yes"}, "x")


def test_choices_are_the_four_words_and_gold_is_never_an_abstain() -> None:
    with pytest.raises(BadRow, match="choice is 'A'; it must be one of a, b, tie, abstain"):
        fields.choice({"choice": "A"})
    with pytest.raises(BadRow, match=r"it must be one of a, b, tie$"):
        fields.choice({"choice": "abstain"}, abstain=False)
