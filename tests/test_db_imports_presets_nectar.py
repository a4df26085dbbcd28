"""Nectar: answers ranked by a model."""

import pytest

from db.imports.fields import BadRow, Row
from db.imports.presets import named


def row(*ranks: object, **more: object) -> Row:
    answers = [{"answer": f"no. {rank}", "model": f"m{rank}", "rank": rank} for rank in ranks]
    return {"prompt": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: More?\n\nAssistant: "} | {
        "answers": answers,
        **more,
    }


def test_a_rank_is_a_rating_of_the_judge_with_the_first_one_highest() -> None:
    [found] = named("nectar").rows(row(1.0, 2.0, 3.0))
    scores = [response["ratings"] for response in found["responses"]]
    # of three answers the first has 3 + 1 - 1
    assert scores == [[{"judge": "gpt-4", "score": score}] for score in (3.0, 2.0, 1.0)]
    assert [response["model"] for response in found["responses"]] == ["m1.0", "m2.0", "m3.0"]


def test_the_prompt_is_the_dialogue_up_to_the_answer() -> None:
    [found] = named("nectar").rows(row(1, 2, source=["a", "b"], good_natured=False))
    assert [(m["role"], m["content"]) for m in found["prompt"]] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "More?"),
    ]
    assert (found["source"], found["meta"]) == ("a, b", {"good_natured": False})


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"prompt": "Hi"}, "must begin with Human"),
        ({"prompt": "\n\nHuman: Hi\n\nAssistant: Hello"}, "must end with what the human said"),
        ({"answers": [{"answer": "7", "model": "m", "rank": 1}]}, "two or more"),
    ],
)
def test_what_cannot_be_read_is_refused(more: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("nectar").rows(row(1, 2, **more))


def test_an_answer_without_a_rank_is_refused() -> None:
    with pytest.raises(BadRow, match="rank is None"):
        named("nectar").rows(row(1, None))
