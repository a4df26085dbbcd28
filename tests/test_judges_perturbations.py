"""Changes whose effect is known: each touches one thing, and its placebo is as large."""

import hashlib

import pytest
from app_world import agent_run
from hypothesis import given
from hypothesis import strategies as st

from db.conversation import Spoken
from judges import perturbations
from judges.perturbations import AUTHORITY, AUTHORS, ORDERS, PADDING, PERTURBATIONS, Case

BY_NAME = {each.name: each for each in PERTURBATIONS}
CASE = Case(
    "Why does ice float on water?", "Ice is less dense. So it floats up.", "It is cold and light."
)
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def run(found: str, said: str) -> Spoken:
    """A call, what it brought, and an answer."""
    return Spoken(
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": found, "kept": 1},
            {"role": "assistant", "content": said},
        ]
    )


def test_a_change_of_a_character_is_a_new_edition() -> None:
    """Stored answers are known by edition and number: raise EDITION, then write the new digest."""
    cases = [CASE, Case("How warm is it?", run("21 degrees", "It is 21."), "It is 9.")]
    made = [(p.name, p.make(case, n)) for p in PERTURBATIONS for case in cases for n in range(4)]
    digest = hashlib.sha256(repr(made).encode()).hexdigest()[:16]
    assert (perturbations.EDITION, digest) == (1, "0270eae428d61012")


@pytest.mark.parametrize("words", [AUTHORITY, AUTHORS, ORDERS])
def test_a_placebo_is_as_long_as_its_change(words: tuple[tuple[str, str], ...]) -> None:
    assert all(0.75 < len(placebo) / len(change) < 1.35 for change, placebo in words)


@given(st.sampled_from(PERTURBATIONS[:6]), st.integers(0, 99), st.text(), st.text(), st.text())
def test_a_change_adds_and_takes_nothing_away(
    change: perturbations.Perturbation, number: int, prompt: str, touched: str, other: str
) -> None:
    case = Case(prompt, touched, other)
    made = change.make(case, number)
    assert made == change.make(case, number)
    for arm in made or ():
        for before, after in zip((prompt, touched, other), vars_of(arm), strict=True):
            assert before in after or change.name == "format"
    if made is not None:
        changed, placebo = made
        assert changed != placebo
        assert (changed.prompt == prompt) == (change.name != "answer in the prompt")
        assert changed.other == other


def vars_of(case: Case) -> tuple[str, str, str]:
    return case.prompt, case.touched, case.other


def test_padding_is_behind_one_response_and_its_placebo_behind_both() -> None:
    made = BY_NAME["padding"].make(CASE, 1)
    assert made is not None
    filler = " ".join((*PADDING[1:], PADDING[0]))
    assert vars_of(made[0]) == (CASE.prompt, f"{CASE.touched} {filler}", CASE.other)
    assert vars_of(made[1]) == (CASE.prompt, f"{CASE.touched} {filler}", f"{CASE.other} {filler}")


def test_dress_is_marks_alone_and_not_put_on_where_layout_matters() -> None:
    made = BY_NAME["format"].make(CASE, 0)
    assert made is not None
    assert made[0].touched == (
        "# Answer\n\n- **Ice** is less dense.\n- **So** it floats up.\n\n**Conclusion:** see above."
    )
    plain = "".join(c for c in made[0].touched if c not in "#*-")
    assert plain.split() == made[1].touched.split()
    for case in (
        Case("List three reasons as bullets.", CASE.touched, CASE.other),
        Case(CASE.prompt, "```\nx = 1\n```", CASE.other),
        Case(CASE.prompt, "1. Ice floats.", CASE.other),
        Case(CASE.prompt, " ", CASE.other),
    ):
        assert BY_NAME["format"].make(case, 0) is None


def test_the_prompt_quotes_the_response_and_by_placebo_itself() -> None:
    made = BY_NAME["answer in the prompt"].make(CASE, 0)
    assert made is not None
    size = len(CASE.prompt)  # 28, shorter than the response
    note = f"Somebody answered this before: “{CASE.touched[:size].strip()}”"
    assert made[0].prompt == f"{CASE.prompt}\n\n{note}"
    assert made[1].prompt == f"{CASE.prompt}\n\nSomebody asked this before: “{CASE.prompt}”"
    assert BY_NAME["answer in the prompt"].make(Case("Hm?", "No.", "Yes."), 0) is None


def test_words_go_to_what_a_conversation_says_last_and_all_else_stays() -> None:
    case = Case("How warm?", run("21 degrees", "It is 21."), "It is 9.")
    made = BY_NAME["orders to the judge"].make(case, 0)
    assert made is not None
    for arm, words in zip(made, ORDERS[0], strict=True):
        assert isinstance(arm.touched, Spoken)
        before, after = case.touched, arm.touched
        assert isinstance(before, Spoken)
        assert after.messages[:2] == before.messages[:2]
        assert after.messages[2] == {"role": "assistant", "content": f"It is 21.\n\n{words}"}
    silent = Spoken([{"role": "assistant", "content": None, "tool_calls": [CALL]}])
    padded = perturbations.appended(silent, "More.")
    assert isinstance(padded, Spoken)
    assert padded.messages[1] == {"role": "assistant", "content": "More."}


def test_a_wrong_result_says_other_than_the_response_goes_on_to_say() -> None:
    made = BY_NAME["wrong tool result"].make(
        Case("How warm?", run('{"t": 21.5, "n": 7}', "It is 21.5 now."), "No idea."), 0
    )
    assert made is not None
    # 2 -> (2 + 2) mod 9 + 1 = 5, 1 -> 4, 5 -> 8; the 7 is not cited and stays
    assert _result(made[0]) == 'Call completed; the result follows.\n{"t": 54.8, "n": 7}'
    assert _result(made[1]) == 'Call completed; the result follows.\n{"t": 21.5, "n": 7}'


def test_a_result_cited_in_words_has_failed() -> None:
    made = BY_NAME["wrong tool result"].make(
        Case("Who wrote it?", run("Woolf, Virginia", "Virginia Woolf did."), "No idea."), 0
    )
    assert made is not None
    assert _result(made[0]) == "Call failed; no result was returned."
    assert _result(made[1]) == "Call completed; the result follows.\nWoolf, Virginia"


@pytest.mark.parametrize(
    "touched",
    [
        "It is 21.",  # no conversation
        run("21", "It is warm."),  # it cites nothing
        run("21", "It is 21 at number 21."),  # known from the prompt
        Spoken(agent_run("Bergen")),  # 4C: the answer says "cold"
    ],
)
def test_where_nothing_is_cited_no_result_is_wrong(touched: str) -> None:
    prompt = "How warm is it at number 21?"
    assert BY_NAME["wrong tool result"].make(Case(prompt, touched, "x"), 0) is None


def _result(case: Case) -> str:
    assert isinstance(case.touched, Spoken)
    message = case.touched.messages[1]
    assert message["kept"] == 1
    return str(message["content"])
