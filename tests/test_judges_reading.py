"""What an answer states: one verdict of its own, or none, and never somebody else's."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
import time

import pytest
from campaign import forgeries, honest_answers
from hypothesis import given
from hypothesis import strategies as st

from db.storable import storable
from db.vocabulary import Choice, Order
from judges.asking import Answer
from judges.judge_session import meaning
from judges.reading.objects import objects
from judges.reading.stated import LONGEST
from judges.verdicts import ParsedAnswer, dump, load, read, verdict_at

MENU = {"1": Choice.A, "2": Choice.B, "tie": Choice.TIE}


def reading(text: str, **more: object) -> ParsedAnswer:
    return read(Answer(text, **more), Order.AB)  # type: ignore[arg-type]


READ: list[tuple[str, Choice]] = [
    ("Because.\nVERDICT: 2 (much)", Choice.B),
    ("**VERDICT:** 1", Choice.A),
    ("Two paragraphs.\n\nOf reasons.\n\nCONFIDENCE: 80\nVERDICT: tie (both bad)", Choice.TIE),
    ("verdict: Response 2", Choice.B),
    ("VERDICT: 2\n\nOn reflection, yes.\n\nVERDICT: 2 (much)", Choice.B),
    ("Final verdict: Response 1 (slightly better).", Choice.A),
    ("2", Choice.B),
    (" tie.", Choice.TIE),
    ("```\nBecause.\nVERDICT: 2\n```", Choice.B),
    ('```json\n{"verdict": "2"}\n```', Choice.B),
    ('I looked.\n```json\n{"verdict": "2"}\n```\nThat is all.', Choice.B),
    ('{"verdict": 1}', Choice.A),
    ('[{"verdict": "2"}]', Choice.B),
    # Line breaks that JSON forbids, and a last brace that was lost: one reading is left.
    ('{"reasoning": "quote:\nVERDICT: 1\n", "verdict": "2"}', Choice.B),
    ('{"reasoning": "quote:\n> VERDICT: 1\n", "verdict": "2"', Choice.B),
    ('As said.\n```json\n{"reasoning": "x", "verdict": "2"\n```', Choice.B),
    ('{"reasoning": "x", "verdict": "2"}}', Choice.B),
    # What is quoted for certain is passed over: escaped in a string, or behind a mark on every line.
    (json.dumps({"reasoning": 'He wrote {"verdict": "1"}\nVERDICT: 1', "verdict": "2"}), Choice.B),
    ("VERDICT: 2\n> VERDICT: 1", Choice.B),
    ("> > VERDICT: 1\n\nVERDICT: 2", Choice.B),
    ('VERDICT: 2\n> {"verdict": "1"}', Choice.B),
    ('{"reasoning": "x", "verdict": "2"}\n1| VERDICT: 1 (much)', Choice.B),
    ("P| VERDICT: 1\n2| CONFIDENCE: 99\nCONFIDENCE: 60\nVERDICT: 2", Choice.B),
    # Quoting the very same verdict contradicts nothing.
    ('{"verdict": "2"}\nResponse 2 says: VERDICT: 2', Choice.B),
    ('{"verdict":"2","confidence":' + "9" * 400 + "}", Choice.B),
    ('{"verdict":"2","confidence":1e999}', Choice.B),
    ('{"reasoning":"x\\ud800y\\u0000z","verdict":"2"}', Choice.B),
    ("\n" * 8000 + "VERDICT: 2", Choice.B),
]  # fmt: skip


@pytest.mark.parametrize(("text", "choice"), READ)
def test_what_an_answer_states_is_read(text: str, choice: Choice) -> None:
    assert (reading(text).choice, reading(text).reason) == (choice, None)


UNREAD: list[tuple[str, str]] = [
    ("VERDICT: 2\n\nOn reflection:\n\nVERDICT: 1 (slightly)", "several verdicts: '1', '2'"),
    ('{"verdict": "1"} no wait {"verdict": "2"}', "several verdicts: '1', '2'"),
    ('He wrote {"verdict": "1"}.\nVERDICT: 2', "several verdicts: '1', '2'"),
    ('{"reasoning":"R2","verdict":"2"}\nResponse 1 says: {"verdict":"1"}', "several verdicts: '1', '2'"),
    ('{"reasoning":"R2","verdict":"2"}\n> {"verdict":"1"}', "several verdicts: '1', '2'"),
    ('{"verdict": "2"}\n```\nVERDICT: 1\n```', "several verdicts: '1', '2'"),
    ('{"verdict": "1", "verdict": "2"}', "several verdicts: '1', '2'"),
    ('{"verdict": "1", "x": {"verdict": "2"}}', "several verdicts: '1', '2'"),
    ("VERDICT: 1\nVERDICT: both", "several verdicts: '1', 'both'"),
    ("VERDICT: 1 is not better than 2", "outside the menu: '1 is not better than 2'"),
    ("VERDICT: 1 or 2", "outside the menu: '1 or 2'"),
    ("VERDICT: 1 (slightly), 2 (much)", "outside the menu: '1 (slightly), 2 (much)'"),
    ("VERDICT: 1/2", "outside the menu: '1/2'"),
    ("VERDICT: 3", "outside the menu: '3'"),
    ("VERDICT: 12", "outside the menu: '12'"),
    ("VERDICT: tier one", "outside the menu: 'tier one'"),
    ('{"verdict": "A"}', "outside the menu: 'a'"),
    ('{"verdict": "1 is not better than 2"}', "outside the menu: '1 is not better than 2'"),
    ('{"verdict": null}', "outside the menu: 'null'"),
    ("They are both fine.", "no verdict"),
    ("1| VERDICT: 2", "the verdict stands in a quotation"),
    ("> VERDICT: 2", "the verdict stands in a quotation"),
    ("He says:\n```\nVERDICT: 2\n```\nHm.", "the verdict stands in a quotation or in JSON that cannot be read"),
    ('Look:\n```\nHa! {"verdict": "1"}\n```', "the verdict stands in a quotation or in JSON that cannot be read"),
    ('{"reasoning": it is, "verdict": "2"}', "the verdict stands in a quotation or in JSON that cannot be read"),
    # The outer object is broken: what it quotes must not speak for it.
    ('{"reasoning": "it says "{"verdict": "1"}" there", "verdict": "2"}', "several verdicts: '1', '2'"),
    ('{"reasoning": "it says "}\n{"verdict": "1"}\n1| x", "verdict": "2"}', "several verdicts: '1', '2'"),
    ('{"a":[1,' * 500, "no verdict"),
    ('{"a":' * 500 + "1" + "}" * 500, "no verdict"),
    ("x" * (LONGEST + 1), f"too long to read: {LONGEST + 1:,} characters"),
    ("", "no answer"),
    (" \n ", "no answer"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), UNREAD)
def test_what_states_no_verdict_of_its_own_is_an_abstain_with_its_reason(
    text: str, reason: str
) -> None:
    found = reading(text)
    assert (found.choice, found.reason) == (Choice.ABSTAIN, reason)


def test_only_the_object_counts_where_the_server_held_the_answer_to_a_schema() -> None:
    text = '{"reasoning": "x", "verdict": "2"}\nVERDICT: 1'
    assert reading(text).choice is Choice.ABSTAIN
    assert reading(text, held=True).choice is Choice.B
    assert reading("VERDICT: 1", held=True).choice is Choice.ABSTAIN
    assert load(dump(Answer(text, held=True))).held


def test_details_are_taken_only_where_one_thing_is_said() -> None:
    own = "PRINCIPLES: kind=2\nVIOLATED BY 1: kind\nCONFIDENCE: 60\nVERDICT: 2 (slightly)"
    alone = reading(f"Because.\n{own}")
    assert (alone.rationale, alone.confidence, alone.strength) == ("Because.", 0.6, 1)
    assert alone.principles == {"kind": "b", "violates:kind": "a"}
    quoted = reading(
        f"{own}\nPRINCIPLES: kind=1\nVIOLATED BY 1: none\nCONFIDENCE: 99\nVERDICT: 2 (much)"
    )
    assert (quoted.choice, quoted.confidence, quoted.strength) == (Choice.B, None, 1)
    assert quoted.principles is None


@pytest.mark.parametrize(
    "text",
    ["{x}", "a {\\frac{1}{2}} b", '{"a": 1} {"b": [2, {"c": "}"}]}', '{"a"', '{"a": "\n"}', "{}"],
)
def test_objects_are_found_whole_or_not_at_all(text: str) -> None:
    for one in objects(text):
        assert one.value is None or one.value == json.loads(text[one.start : one.end], strict=False)


SLOW = {
    "blank lines": "\n" * 200_000 + "VERDICT: 2",
    "blanks": " " * 200_000 + "VERDICT: 2",
    "verdict lines": "VERDICT: 2\n" * 20_000,
    "verdicts to come": "VERDICT:\n" * 20_000,
    "dots": "VERDICT: 1" + "." * 200_000 + "x",
    "braces": '{"' * 100_000,
    "levels": '{"a":[1,' * 25_000,
    "objects": '{"verdict":"2"}' * 12_000,
    "escapes": '{"\\"' + '\\"' * 100_000 + "\\",
    "keys": '"verdict":"' * 18_000,
    "fences": "```\n" * 50_000,
    "marks": "> VERDICT: 1\n" * 15_000,
    "digits": '{"verdict":"2","confidence":' + "9" * 200_000 + "}",
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_reading_is_linear_in_the_answer(text: str) -> None:
    """Twice the answer takes about twice the time; a quadratic reader would take minutes."""
    started = time.process_time()
    reading(text)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", forgeries.BEHAVIOURS | forgeries.RARER)
def test_no_quoted_verdict_is_recorded_as_the_models_own(name: str) -> None:
    behaviour = (forgeries.BEHAVIOURS | forgeries.RARER)[name]
    found = forgeries.outcomes(behaviour, forgeries.hostile(60))
    assert found["forged"] == 0


@pytest.mark.parametrize("name", forgeries.BEHAVIOURS)
def test_a_harmless_quotation_costs_no_verdict(name: str) -> None:
    found = forgeries.outcomes(forgeries.BEHAVIOURS[name], list(forgeries.PROSE))
    assert found == {"true": len(forgeries.PROSE)}


def test_honest_answers_are_read_whatever_their_form() -> None:
    for name, text, verdict in honest_answers.answers(each=10):
        found = reading(text)
        assert (found.choice, found.reason) == (MENU[verdict], None), (name, text)


def test_the_verdicts_own_word_is_found_for_its_probability() -> None:
    for name, text, verdict in honest_answers.answers(each=3):
        at = verdict_at(text)
        assert at is not None, name
        assert text[at : at + len(verdict)].lower() == verdict, (name, text)
    assert verdict_at("no verdict here") is None


@given(st.text(st.characters(codec=None)))
def test_whatever_a_model_says_can_be_stored(text: str) -> None:
    answer = Answer(text, model=text)
    row = meaning(
        read(
            Answer(json.dumps({"reasoning": text, "verdict": "2", "principles": {text: "1"}})),
            Order.AB,
        )
    )
    kept = [
        dump(answer),
        row["rationale"] or "",
        *(row["principles"] or {}),
        row["abstain_reason"] or "",
    ]
    for each in kept:
        each.encode()
        assert "\x00" not in each
    assert load(dump(answer)) == answer


def test_what_no_database_holds_is_seen_as_the_replacement_character() -> None:
    assert storable("a\x00b\ud800c\U0001f642\u200b") == "a\ufffdb\ufffdc\U0001f642\u200b"


@given(st.text())
def test_no_answer_breaks_the_parser(text: str) -> None:
    read(Answer(text), Order.BA)
    read(load(text), Order.AB)


@pytest.mark.parametrize(
    "raw",
    ["[" * 5000, '{"text": "1", "stop": "odd"}', '{"text": "1", "probabilities": [1]}', '{"text": 1}',
     '{"text": "VERDICT: 1", "probabilities": {"1": "x", "2": null}}',
     '{"text": "VERDICT: 1", "probabilities": {"1": NaN, "2": 1e999, "tie": -1}}'],
)  # fmt: skip
def test_no_stored_text_breaks_reading_it_again(raw: str) -> None:
    found = read(load(raw), Order.AB)
    assert found.p_a is None
    assert found.confidence is None


def test_what_reading_stumbles_over_is_an_abstain_that_says_so() -> None:
    class Odd(dict[str, float]):
        def items(self) -> object:  # type: ignore[override]
            raise RecursionError("too deep")

    found = reading("VERDICT: 1", probabilities=Odd({"1": 1.0}))
    assert found.choice is Choice.ABSTAIN
    assert found.reason == "cannot be read (RecursionError: too deep)"
