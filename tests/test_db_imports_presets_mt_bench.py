"""MT-Bench: two games are two votes, single scores are ratings, experts are people."""

from typing import Any

import pytest
from preset_rows import one, whole

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named

QUESTION: Row = {"question_id": 81, "category": "writing", "turns": ["Q1", "Q2"]}


def answer(model: str, *turns: str) -> Row:
    return {"question_id": 81, "model_id": model, "choices": [{"index": 0, "turns": list(turns)}]}


ANSWERS = answer("m1", "a1", "a2"), answer("m2", "b1", "b2")


def judged(**more: Any) -> Row:
    return {
        "question_id": 81,
        "model_1": "m1",
        "model_2": "m2",
        "g1_winner": "model_1",
        "g2_winner": "error",
        "judge": ["gpt-4", "pair-v2"],
        "g1_judgment": "[[A]]",
        "g2_judgment": "?",
        "turn": 1,
        "tstamp": 0.0,
        **more,
    }


def test_both_games_are_votes_in_the_order_they_were_played() -> None:
    [pair], bad = whole("mt-bench", judged(), *ANSWERS, QUESTION)
    assert bad == []
    assert (pair["prompt"], pair["response_a"], pair["response_b"]) == ("Q1", "a1", "b1")
    assert (pair["model_a"], pair["model_b"], pair["domain"]) == ("m1", "m2", "writing")
    assert pair["pair_id"] == "81:1:m1:m2"
    about = {"judge": "gpt-4/pair-v2", "created_at": "1970-01-01T00:00:00+00:00"}
    assert pair["votes"] == [
        {**about, "order": "ab", "choice": "a", "rationale": "[[A]]"},
        {**about, "order": "ba", "choice": "abstain", "rationale": "?"},
    ]


def test_a_second_turn_is_judged_as_the_whole_conversation() -> None:
    [pair], _ = whole("mt-bench", QUESTION, *ANSWERS, judged(turn=2))
    assert pair["prompt"] == "Q1"
    assert pair["response_b"] == [
        {"role": "assistant", "content": "b1"},
        {"role": "user", "content": "Q2"},
        {"role": "assistant", "content": "b2"},
    ]


def test_a_baseline_scored_alone_is_one_vote_with_its_scores() -> None:
    row = judged(g1_winner="model_2", g2_winner="model_2", m1_score=5, m2_score=9)
    [pair], _ = whole("mt-bench", QUESTION, *ANSWERS, row)
    [vote] = pair["votes"]
    assert (vote["order"], vote["choice"]) == ("none", "b")
    assert (vote["score_a"], vote["score_b"]) == (5, 9)
    _, bad = whole("mt-bench", QUESTION, *ANSWERS, judged(m1_score=-1, m2_score=9))
    assert bad == ["a score is -1 or missing: the judge gave none"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([judged(), *ANSWERS], "the question '81' is not among the rows; import question.jsonl"),
        ([judged(), ANSWERS[0], QUESTION], "the answer 'm2' is not among the rows"),
        ([judged(g1_winner="m1"), *ANSWERS, QUESTION], "g1_winner is 'm1'"),
        ([judged(judge=None), *ANSWERS, QUESTION], "judge is None"),
        ([judged(turn=3), *ANSWERS, QUESTION], "turn 3 is judged"),
        ([QUESTION, ANSWERS[0]], "no judgment of a pair is among the rows"),
        ([judged(category="maths"), *ANSWERS, QUESTION], "category is 'maths'; its question's is"),
        ([{**judged(), **QUESTION}], "the row is a question and a judgment in one"),
        (
            [{"question_id": 81, "judge": "j", "model": "m1"}, QUESTION],
            "`tiebreak import candidates`",
        ),
        ([{"question_id": 81}], "no question, no model's answer and no judgment"),
    ],
)
def test_what_cannot_be_read_is_refused(rows: list[Row], reason: str) -> None:
    made, bad = whole("mt-bench", *rows)
    assert made == []
    assert reason in bad[0]


def test_reference_answers_are_no_model() -> None:
    _, bad = whole("mt-bench", QUESTION, *ANSWERS, answer("m1", "other", "x"), judged())
    assert "an answer of 'm1' to this question already" in bad[0]
    _, bad = whole("mt-bench", answer("gpt-4", "x"), file="reference_answer/gpt-4.jsonl")
    assert bad == ["a reference answer is no model's; leave reference_answer out"]
    with pytest.raises(BadRow, match="rows of this format need each other"):
        named("mt-bench").rows(judged())


def test_single_scores_rate_the_answers_up_to_their_turn() -> None:
    rate = {"question_id": 81, "judge": ["gpt-4", "single-v1"], "judgment": "fine"}
    rows, bad = whole(
        "mt-bench-single",
        QUESTION,
        *ANSWERS,
        {**rate, "model": "m1", "score": 8, "turn": 1},
        {**rate, "model": "m2", "score": 3.5, "turn": 2},
        {**rate, "model": "m2", "score": -1, "turn": 1},
        {**rate, "model": "m9", "score": 1, "turn": 1},
    )
    assert len(bad) == 2
    assert "score is -1" in bad[0]
    assert "the answer 'm9'" in bad[1]
    assert [row["prompt_id"] for row in rows] == ["81:1", "81:2"]
    first, second = ([r["ratings"] for r in row["responses"]] for row in rows)
    said = {"judge": "gpt-4/single-v1", "rationale": "fine"}
    assert first == [[{**said, "score": 8}], []]
    assert second == [[], [{**said, "score": 3.5}]]
    assert rows[0]["responses"][0]["text"] == "a1"
    assert rows[1]["responses"][1]["messages"][-1]["content"] == "b2"


def human(**more: Any) -> Row:
    def talk(*said: str) -> list[Row]:
        asked = zip(["user", "assistant"] * 2, said, strict=False)
        return [{"role": role, "content": text} for role, text in asked]

    return {
        "question_id": 81,
        "model_a": "m1",
        "model_b": "m2",
        "winner": "model_b",
        "judge": "expert_3",
        "conversation_a": talk("Q1", "a1", "Q2", "a2"),
        "conversation_b": talk("Q1", "b1", "Q2", "b2"),
        "turn": 1,
        **more,
    }


def test_experts_are_people_and_gpt4_is_a_judge() -> None:
    pair = one("mt-bench-human", human(judge=["expert_3"]))
    assert pair["labels"] == [{"annotator": "expert_3", "choice": "b"}]
    assert (pair["response_a"], pair["response_b"]) == ("a1", "b1")  # the second turn is not judged
    pair = one("mt-bench-human", human(judge="gpt4_pair", winner="tie (inconsistent)", turn=2))
    assert pair["votes"] == [{"judge": "gpt4_pair", "order": "none", "choice": "tie"}]
    assert [m["content"] for m in pair["response_a"]] == ["a1", "Q2", "a2"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"winner": "m1"}, "winner is 'm1'; it must be model_a, model_b or tie"),
        ({"judge": None}, "judge is None"),
        ({"conversation_b": [{"role": "user", "content": "Q1"}]}, "conversation_b must be 1 quest"),
        ({"turn": 3}, "conversation_a must be 3 questions"),
        (
            {"conversation_b": [{"role": r, "content": "x"} for r in ("user", "assistant")]},
            "begin with different questions",
        ),
    ],
)
def test_a_human_judgment_that_cannot_be_read_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        one("mt-bench-human", human(**bad))


def test_rows_of_an_arena_are_no_human_judgments_of_the_benchmark() -> None:
    arena = {**human(), "anony": True, "language": "English", "tstamp": 1.0}
    found = fitting(frozenset(arena), [arena])
    assert found is None or found.name != "mt-bench-human"
