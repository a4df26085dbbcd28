"""Arena-Hard: a model against its baseline, in both orders, of both versions."""

from typing import Any

import pytest
from preset_rows import whole

from db.imports.fields import BadRow, Row
from db.imports.presets import named

QUESTION: Row = {"uid": "q", "category": "hard_prompt", "prompt": "Q"}


def answer(model: str, text: str) -> Row:
    said = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": {"answer": text}}]
    return {"uid": "q", "model": model, "messages": said}


def judged(*scores: str | None, **more: Any) -> Row:
    games = [{"score": score, "judgment": {"answer": f"[[{score}]]"}} for score in scores]
    return {"uid": "q", "judge": "j", "model": "m", "baseline": "base", "games": games, **more}


ROWS = QUESTION, answer("base", "old"), answer("m", "new")


def test_the_second_game_shows_the_baseline_second() -> None:
    [pair], bad = whole("arena-hard", *ROWS, judged("B>>A", "A>B"))
    assert bad == []
    assert (pair["response_a"], pair["response_b"], pair["domain"]) == ("old", "new", "hard_prompt")
    assert (pair["model_a"], pair["model_b"]) == ("base", "m")
    # Both games say that the model (stored b) is better: B in the first, A in the second.
    assert [(v["order"], v["choice"], v["strength"]) for v in pair["votes"]] == [
        ("ab", "b", 2),
        ("ba", "b", 1),
    ]
    assert [v["rationale"] for v in pair["votes"]] == ["[[B>>A]]", "[[A>B]]"]


def test_no_verdict_is_an_abstain_and_a_lost_game_is_none() -> None:
    [pair], _ = whole("arena-hard", *ROWS, judged(None, "A=B"))
    assert [v["choice"] for v in pair["votes"]] == ["abstain", "tie"]
    lost = judged("A<B")
    lost["games"].insert(0, None)
    [pair], _ = whole("arena-hard", *ROWS, lost)
    assert [(v["order"], v["choice"]) for v in pair["votes"]] == [("ba", "a")]


OLD_QUESTION: Row = {"question_id": "q", "category": "v0.1", "turns": [{"content": "Q"}]}


def old_answer(model: str, text: str) -> Row:
    choices = [{"index": 0, "turns": [{"content": text, "token_len": 1}]}]
    return {"question_id": "q", "model_id": model, "choices": choices}


def test_the_baseline_of_version_0_1_is_the_one_that_the_judge_was_shown() -> None:
    shown = "<|User Prompt|>\nQ\n\n<|A|>\nold\n\n<|B|>\nnew"
    row = {
        "question_id": "q",
        "judge": "gpt-4",
        "model": "m",
        "games": [{"user_prompt": shown, "judgment": "[[A>>B]]", "score": "A>>B"}] * 2,
    }
    others = [old_answer("base", "old"), old_answer("m", "new"), old_answer("third", "other")]
    [pair], bad = whole("arena-hard", OLD_QUESTION, *others, row)
    assert bad == []
    assert (pair["model_a"], pair["response_a"]) == ("base", "old")
    assert [(v["order"], v["choice"]) for v in pair["votes"]] == [("ab", "a"), ("ba", "b")]
    _, bad = whole("arena-hard", OLD_QUESTION, others[1], others[2], row)
    assert "baseline is missing" in bad[0]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([judged("C>A"), *ROWS], "score is 'C>A'"),
        ([judged(), *ROWS], "games must hold one or two games"),
        ([judged("A>B"), *ROWS[1:]], "the question 'q' is not among the rows"),
        ([judged("A>B"), *ROWS[:2]], "the answer 'm' is not among the rows"),
        (list(ROWS), "no judgment of a pair is among the rows"),
        (
            [{"question_id": "q", "turns": [{"content": [1]}]}, *ROWS[1:], judged("A>B")],
            "pictures are not taken",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(rows: list[Row], reason: str) -> None:
    _, bad = whole("arena-hard", *rows)
    assert any(reason in each for each in bad)


def test_a_row_alone_says_nothing() -> None:
    with pytest.raises(BadRow, match="rows of this format need each other"):
        named("arena-hard").rows(judged("A>B"))
