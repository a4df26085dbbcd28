"""The pair of a better and a worse response, and the values beside their texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.imports.fields import BadRow, Row
from db.imports.presets.beside import beside
from db.imports.presets.cells import listed, tools_of, yes
from db.imports.presets.preferred import preferred
from db.imports.ratings import better

TEXT = st.text(max_size=8)
SAID = TEXT | TEXT.map(lambda text: [{"role": "assistant", "content": text}])


def as_text(said: object) -> object:
    return said if isinstance(said, str) else said[0]["content"]  # type: ignore[index]


@given(TEXT, SAID, SAID)
def test_the_side_depends_on_the_texts_alone_and_never_on_which_is_better(
    prompt: str, one: object, two: object
) -> None:
    if as_text(one) == as_text(two):
        with pytest.raises(BadRow, match="the same"):
            preferred(prompt, one, two)
        return
    first = preferred(prompt, one, two)
    second = preferred([{"role": "user", "content": prompt}], as_text(two), as_text(one))
    assert as_text(first["response_a"]) == second["response_a"]
    assert {first["labels"][0]["choice"], second["labels"][0]["choice"]} == {"a", "b"}


def test_about_half_of_the_better_ones_are_a() -> None:
    a = sum(preferred(str(n), "yes", "no")["labels"][0]["choice"] == "a" for n in range(1000))
    assert abs(a - 500) < 80  # five standard deviations of sqrt(1000 / 4) = 15.8


def test_models_and_scores_follow_their_responses() -> None:
    for n in range(8):
        pair = preferred(
            str(n), "7", "9", models=("m7", None), vote={"judge": "j"}, scores=(8.0, 3.0)
        )
        [vote] = pair["votes"]
        assert pair[f"response_{vote['choice']}"] == "7"
        assert pair[f"model_{vote['choice']}"] == "m7"
        assert vote[f"score_{vote['choice']}"] == 8.0
        assert len([name for name in pair if name.startswith("model_")]) == 1


def test_the_higher_score_wins_and_equal_ones_are_a_tie() -> None:
    assert [better(2, 1), better(1, 2), better(1, 1.0)] == ["a", "b", "tie"]


def test_of_two_columns_that_mean_the_same_the_second_is_kept_in_meta() -> None:
    row: Row = {"id": 7, "pair_id": "p7", "dataset": "mine", "domain": "", "category": "maths"}
    found = beside(row)
    assert (found["pair_id"], found["source"], found["domain"]) == ("p7", "mine", "maths")
    assert found["meta"] == {"id": 7}


def test_a_row_by_a_judge_is_a_vote_with_its_scores() -> None:
    row = {"judge": "j", "rationale": "Right.", "chosen_score": 8, "rejected_score": "3"}
    found = beside({**row, "margin": 5})
    assert found["vote"] == {"judge": "j", "rationale": "Right."}
    assert (found["scores"], found["meta"]) == ((8.0, 3.0), {"margin": 5})
    assert "label" not in found


def test_scores_of_nobody_stay_beside_the_label() -> None:
    found = beside({"annotator": "ada", "score_chosen": 9, "score_rejected": 8, "confidence": 0.5})
    assert found["label"] == {"annotator": "ada"}
    assert found["meta"] == {"score_chosen": 9, "score_rejected": 8, "confidence": 0.5}


@pytest.mark.parametrize("signed", [{}, {"annotator": "ada"}, {"judge": "j"}])
@pytest.mark.parametrize("name", ["score_{}", "{}_score", "rating_{}", "{}_rating"])
def test_scores_that_say_the_rejected_one_is_better_refuse_the_row(name: str, signed: Row) -> None:
    chosen, rejected = name.format("chosen"), name.format("rejected")
    with pytest.raises(BadRow, match=f"than chosen .*--ignore {chosen} .*--keep {chosen}"):
        beside({**signed, chosen: "8", rejected: 9})
    assert beside({**signed, chosen: 8, rejected: 8})
    if "judge" not in signed:
        assert beside({**signed, chosen: "good", rejected: 9})["meta"][chosen] == "good"


def test_a_row_of_two_signers_is_refused() -> None:
    with pytest.raises(BadRow, match="annotator and judge both sign"):
        beside({"annotator": "ada", "judge": "j"})


@pytest.mark.parametrize("cell", [["a", "b"], '["a", "b"]', "['a', 'b']"])
def test_a_list_may_be_written_as_json_or_as_python(cell: object) -> None:
    assert listed(cell, "prompt") == ["a", "b"]


@pytest.mark.parametrize("cell", ["a, b", "['a' 'b'", '{"a": 1}', None, 7, "__import__('os')"])
def test_a_cell_without_a_list_is_refused(cell: object) -> None:
    with pytest.raises(BadRow, match="prompt is"):
        listed(cell, "prompt")


@pytest.mark.parametrize(
    ("value", "told"),
    [(True, True), ("TRUE", True), (1, True), (0.0, False), ("false", False), ("0", False)],
)
def test_true_and_false_are_written_in_several_ways(value: object, told: bool) -> None:
    assert yes({"label": value}, "label") is told


@pytest.mark.parametrize("value", [None, "", "yes", 2, [True]])
def test_anything_else_is_neither_true_nor_false(value: object) -> None:
    with pytest.raises(BadRow, match="label is"):
        yes({"label": value}, "label")


def test_no_tools_are_none() -> None:
    assert [tools_of({"tools": none}) for none in (None, "", [], "[]")] == [None] * 4
    with pytest.raises(BadRow, match="a tool is an object"):
        tools_of({"tools": ["weather"]})
