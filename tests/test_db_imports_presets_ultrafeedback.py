"""UltraFeedback: rated completions and the pairs made of them."""

import pytest

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def completion(text: str, score: object, **more: object) -> Row:
    return {"model": f"m-{text}", "response": text, "overall_score": score, **more}


def row(*completions: Row, **more: object) -> Row:
    return {"instruction": "Name a prime.", "completions": list(completions), **more}


def test_overall_scores_are_ratings_of_the_judge_and_critiques_their_reasons() -> None:
    asked = row(completion("7", 9.5, critique="Right."), completion("9", "2", principle="honesty"))
    [found] = named("ultrafeedback").rows({**asked, "correct_answers": ["7"], "source": "mine"})
    assert found["prompt"] == "Name a prime."
    assert found["responses"] == [
        {
            "text": "7",
            "model": "m-7",
            "ratings": [{"judge": "gpt-4", "score": 9.5, "rationale": "Right."}],
        },
        {"text": "9", "model": "m-9", "ratings": [{"judge": "gpt-4", "score": 2.0}]},
    ]
    assert (found["source"], found["meta"]) == ("mine", {"correct_answers": ["7"]})


def test_a_completion_without_a_score_is_a_response_without_a_rating() -> None:
    [found] = named("ultrafeedback").rows(row(completion("7", 9), completion("9", None)))
    assert ["ratings" in response for response in found["responses"]] == [True, False]


@pytest.mark.parametrize(
    ("completions", "why"),
    [
        ([completion("7", 9)], "two or more"),
        ([completion("7", 9), completion("9", "N/A")], "overall_score is 'N/A'"),
        ([completion("7", 9), completion("9", 2, votes=3)], "'votes', which would be lost"),
    ],
)
def test_what_cannot_be_read_is_refused(completions: list[Row], why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("ultrafeedback").rows(row(*completions))


def turns(answer: str) -> list[Row]:
    return [
        {"role": "user", "content": "Name a prime."},
        {"role": "assistant", "content": answer},
    ]


def pair(score_chosen: object, score_rejected: object, **more: object) -> Row:
    scores = {"score_chosen": score_chosen, "score_rejected": score_rejected}
    texts = {"prompt": "Name a prime.", "chosen": turns("7"), "rejected": turns("9")}
    return {**texts, **scores, "prompt_id": "5d1f", "messages": turns("7"), **more}


def test_the_scores_are_a_vote_of_the_judge_and_no_label() -> None:
    asked = pair(9.0, 2.5)
    assert fitting(frozenset(asked), [asked]) is named("ultrafeedback-binarized")
    [found] = named("ultrafeedback-binarized").rows(asked)
    assert "labels" not in found
    [vote] = found["votes"]
    assert vote["judge"] == "gpt-4"
    assert found[f"response_{vote['choice']}"] == turns("7")[1:]
    assert vote[f"score_{vote['choice']}"] == 9.0
    assert sorted([vote["score_a"], vote["score_b"]]) == [2.5, 9.0]
    assert (found["prompt"], found["meta"]) == (turns("7")[:1], {"prompt_id": "5d1f"})


def test_equal_scores_are_a_tie() -> None:
    [tie] = named("ultrafeedback-binarized").rows(pair(4, 4))
    assert tie["votes"][0]["choice"] == "tie"


def test_the_cleaned_pairs_name_scores_and_models_with_a_hyphen() -> None:
    asked: Row = {"source": "mine", "prompt": "Name a prime."}
    asked |= {"chosen": turns("7"), "chosen-rating": 4.75, "chosen-model": "m1"}
    asked |= {"rejected": turns("9"), "rejected-rating": 1.5, "rejected-model": "m2"}
    assert fitting(frozenset(asked), [asked]) is named("ultrafeedback-binarized")
    [found] = named("ultrafeedback-binarized").rows(asked)
    [vote] = found["votes"]
    assert vote[f"score_{vote['choice']}"] == 4.75
    assert found[f"model_{vote['choice']}"] == "m1"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (pair(None, 2), "score_chosen is None"),
        (pair(2, 4), "rejected has a higher score"),
        (pair(9, 2, messages=turns("11")), "messages are not the chosen dialogue"),
    ],
)
def test_a_pair_that_would_lose_something_is_refused(asked: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("ultrafeedback-binarized").rows(asked)
