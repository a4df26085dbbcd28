"""AlpacaEval: annotations become votes and labels, outputs become candidates."""

from typing import Any

import pytest
from preset_rows import one, whole

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def row(**more: Any) -> Row:
    return {
        "instruction": "Name a prime.",
        "output_1": "9",
        "output_2": "7",
        "generator_1": "m1",
        "generator_2": "m2",
        "annotator": "gpt4",
        "preference": 2,
        **more,
    }


@pytest.mark.parametrize(
    ("preference", "choice", "confidence"),
    [
        (1, "a", None),
        (2.0, "b", None),
        (1.5, "tie", None),
        (0, "tie", None),  # the evaluator's word for two equal outputs
        (1.25, "a", 0.75),  # output_2 is likely by 0.25
        (1.75, "b", 0.75),
        (-1, "abstain", None),
        (None, "abstain", None),
        (float("nan"), "abstain", None),
    ],
)
def test_a_preference_is_a_vote_of_the_model_that_judged(
    preference: Any, choice: str, confidence: float | None
) -> None:
    [vote] = one("alpaca-eval", row(preference=preference))["votes"]
    assert (vote["judge"], vote["choice"], vote["confidence"]) == ("gpt4", choice, confidence)


@pytest.mark.parametrize("annotator", [13, 13.0, "13"])
def test_an_annotator_with_a_number_is_a_person(annotator: Any) -> None:
    pair = one("alpaca-eval", row(annotator=annotator))
    assert pair["labels"] == [{"annotator": "13", "choice": "b"}]
    assert "votes" not in pair


def test_models_words_price_and_data_set_are_kept_and_the_input_is_part_of_the_prompt() -> None:
    pair = one(
        "alpaca-eval",
        row(input="Below ten.", dataset="numbers", raw_completion="M.", price_per_example=0.5),
    )
    assert pair["prompt"] == "Name a prime.\n\nBelow ten."
    assert (pair["model_a"], pair["model_b"], pair["source"]) == ("m1", "m2", "numbers")
    assert (pair["votes"][0]["rationale"], pair["votes"][0]["cost_usd"]) == ("M.", 0.5)
    weighted = row(raw_completion={"message": {"content": "M"}, "logprobs": {}})
    assert one("alpaca-eval", weighted)["votes"][0]["rationale"] == "M"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"preference": 0.7}, "preference is 0.7"),
        ({"preference": 3}, "preference is 3"),
        ({"preference": "m"}, "preference is 'm'"),
        ({"annotator": None}, "annotator is missing"),
        ({"annotator": 13, "preference": None}, "preference is missing"),
        ({"output_2": None}, "output_2 is missing"),
    ],
)
def test_what_cannot_be_read_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        one("alpaca-eval", row(**bad))


def test_outputs_to_one_instruction_are_candidates() -> None:
    rows, bad = whole(
        "alpaca-eval-outputs",
        {"instruction": "Q", "output": "a", "generator": "m1", "dataset": "d"},
        {"instruction": "R", "output": "x", "generator": "m1"},
        {"instruction": "Q", "output": "b", "generator": "m2"},
        {"instruction": "Q", "output": "c", "generator": "m2"},
        {"instruction": "Q", "output": None, "generator": "m3"},
    )
    assert rows == [
        {
            "prompt": "Q",
            "source": "d",
            "responses": [
                {"id": "m1", "text": "a", "model": "m1"},
                {"id": "m2", "text": "b", "model": "m2"},
                {"id": "m2 2", "text": "c", "model": "m2"},
            ],
        }
    ]
    assert bad == [
        "output is missing; it must be a text",
        "only one response to this prompt was found; give those of two or more models",
    ]


def test_one_output_is_no_pair_and_rows_without_a_generator_are_no_outputs() -> None:
    with pytest.raises(BadRow, match="rows of this format need each other"):
        named("alpaca-eval-outputs").rows({"instruction": "Q", "output": "a", "generator": "m1"})
    plain = {"instruction": "Q", "input": "", "output": "a"}
    assert fitting(frozenset(plain), [plain]) is not named("alpaca-eval-outputs")
