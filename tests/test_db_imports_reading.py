"""Values whose meaning nobody can tell are refused, and no column is lost by a slip of the pen."""

import json
from pathlib import Path
from typing import Any

import pytest

from db.errors import BadInput
from db.imports.columns import looks_like
from db.imports.mapping import parse_map
from db.imports.presets import named
from db.session import Database
from tests.import_worlds import Row, rejected, stored_labels, stored_pairs, take


def judged(said: Any, prompt: str = "Q?", column: str = "winner", **more: Any) -> Row:
    return {"prompt": prompt, "response_a": "7", "response_b": "9", column: said, **more}


@pytest.mark.parametrize("column", ["choice", "winner", "label", "preference"])
@pytest.mark.parametrize("codes", [[1, 1], [0, 0], [0, 1], ["0.0", "1.0"], [0, 1, "tie"], [1, "b"]])
def test_numbers_that_may_count_from_0_or_from_1_are_refused(
    database: Database, tmp_path: Path, column: str, codes: list[Any]
) -> None:
    rows = [judged(code, f"{n}?", column) for n, code in enumerate(codes)]
    with pytest.raises(BadInput, match=f"{column} holds 0 or 1.*'choice={column}:1>a,0>b'"):
        take(database, "pairs", tmp_path / "in.jsonl", rows)
    assert stored_labels(database) == []


def test_such_numbers_behind_the_first_rows_cost_their_rows(
    database: Database, tmp_path: Path
) -> None:
    # The first 50 rows tell the shape of a file; none of them has a verdict here.
    rows = [judged(None, f"{n}?") for n in range(60)] + [judged(1, "one?"), judged("b", "b?")]
    done = take(database, "pairs", tmp_path / "in.jsonl", rows)
    assert done.rejected == 1
    assert stored_labels(database) == ["b"]


def test_numbers_with_a_2_count_from_1(database: Database, tmp_path: Path) -> None:
    rows = [judged(code, f"{code}?") for code in (1, 2, 0)]
    take(database, "pairs", tmp_path / "in.jsonl", rows)
    assert stored_labels(database) == ["a", "b", "tie"]


def test_a_mapped_column_of_numbers_is_named_as_it_is_in_the_file(
    database: Database, tmp_path: Path
) -> None:
    columns = parse_map(["choice=better"], {"choice"})
    with pytest.raises(BadInput, match="'choice=better:1>a,0>b'"):
        take(
            database, "pairs", tmp_path / "in.jsonl", [judged(1, column="better")], columns=columns
        )


def test_a_choice_of_the_lower_score_is_refused(database: Database, tmp_path: Path) -> None:
    rows = [
        judged("a", score_a=1, score_b=3),
        judged("b", "2?", score_a=1, score_b=3),
        judged("a", "3?", score_a=2, score_b=2),
        judged("tie", "4?", score_a=2.0, score_b=2.1),
    ]
    done = take(database, "pairs", tmp_path / "in.jsonl", rows)
    assert done.first_reason is not None
    assert "a is chosen, and score_a and score_b say b" in done.first_reason
    assert stored_labels(database) == ["b", "a", "tie"]


def test_the_name_of_a_model_says_who_won(database: Database, tmp_path: Path) -> None:
    rows = [
        judged("m2", model_a="m1", model_b="m2"),
        judged("m1", "2?", model_a="m1", model_b="m1"),
        judged("b", "3?", model_a="b", model_b="c"),
        judged("m3", "4?", model_a="m1", model_b="m2"),
    ]
    take(database, "pairs", file := tmp_path / "in.jsonl", rows)
    assert stored_labels(database) == ["b"]
    reasons = [row["reason"] for row in rejected(file)]
    assert ["either response" in reason for reason in reasons] == [True, True, False]


@pytest.mark.parametrize("written", [json.dumps, str])
def test_messages_written_as_a_text_are_never_stored_as_one(
    database: Database, tmp_path: Path, written: Any
) -> None:
    said = {
        side: written([{"role": "assistant", "content": side}]) for side in ("chosen", "rejected")
    }
    quoted = [{"role": "assistant", "content": said["chosen"]}]
    asked = {"prompt": "Write a chat as JSON."}
    for suffix in ("jsonl", "parquet"):
        done = take(database, "pairs", tmp_path / f"in.{suffix}", [{"prompt": "Q?", **said}])
        assert done.first_reason is not None
        assert "is a text that holds messages" in done.first_reason
    take(database, "pairs", tmp_path / "q.jsonl", [{**asked, "chosen": quoted, "rejected": "no"}])
    ((_, *answers),) = stored_pairs(database)
    assert sorted(answers) == sorted([said["chosen"], "no"])


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("annotations", "an answer"),
        ("picked", "an answer"),
        ("rated_by", "an annotator"),
        ("labelling_model", "an annotator"),
        ("functions", "tools"),
        ("\u6807\u7b7e", "a name in a script that is not read"),
        ("\u043e\u0446\u0435\u043d\u043a\u0430", "a name in a script that is not read"),
        ("subset", None),
        ("1", None),
        ("Pr\u00fcfung", None),
    ],
)
def test_what_a_column_looks_like(column: str, what: str | None) -> None:
    assert looks_like(column) == what


def test_a_column_to_keep_that_is_not_there_is_named(database: Database, tmp_path: Path) -> None:
    rows = [judged("a", about={"title": "Primes"}, hue="red")]
    done = take(database, "pairs", tmp_path / "in.jsonl", rows, keep=("hue", "hew", "about.title"))
    assert done.files[0].notes == ["in.jsonl: no row has 'hew', which --keep names"]
    assert "about" in done.files[0].not_read


def test_a_mapping_with_a_slip_says_what_is_meant() -> None:
    with pytest.raises(BadInput, match="'chioce', which is no field; is choice meant"):
        parse_map(["chioce=label"], {"choice", "prompt"})
    with pytest.raises(BadInput, match="tells twice what 1 means"):
        parse_map(["choice=label:1>a,1>b"], {"choice"})
    with pytest.raises(BadInput, match="no field; choice, prompt"):
        parse_map(["xyz=label"], {"choice", "prompt"})


def test_names_with_spaces_around_them_are_read(database: Database, tmp_path: Path) -> None:
    rows = [{"prompt ": "Q?", " Chosen": "7", "rejected": "9"}]
    assert take(database, "pairs", tmp_path / "in.jsonl", rows).counts["labels"] == 1


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("label-studio", {"annotations": [{"result": [0], "completed_by": 3}]}, "another type"),
        ("label-studio", {"annotations": [{"result": "[", "completed_by": 3}]}, "another type"),
        ("openai", {"input": None}, "input holds None; it must be an object"),
        ("nectar", {"answers": None}, "answers is None; it must be a list"),
        ("arena", {"winner": ["model_a"]}, "winner is ['model_a']"),
        ("helpsteer-preference", {"preference_statement": [1]}, "preference_statement is [1]"),
        ("llama-factory-sharegpt", {"chosen": {"from": [1], "value": "7"}}, "from [1]"),
        ("pandalm", {"annotator1": 9}, "annotator1 is 9"),
    ],
)
def test_a_value_of_another_type_costs_its_row_alone(
    database: Database, tmp_path: Path, name: str, change: Row, reason: str
) -> None:
    preset = named(name)
    rows = [{**preset.example, **change}, preset.example]
    done = take(database, preset.kind, tmp_path / "in.jsonl", rows, preset=name)
    assert (done.rejected, done.counts["new"]) == (1, 1)
    assert reason in str(done.first_reason)


def test_an_annotator_who_said_nothing_is_left_out_of_a_table(
    database: Database, tmp_path: Path
) -> None:
    row = {**named("pandalm").example, "annotator3": ""}
    assert take(database, "pairs", tmp_path / "in.csv", [row]).counts["labels"] == 2


def test_what_is_kept_of_a_row_is_an_object(database: Database, tmp_path: Path) -> None:
    done = take(database, "pairs", tmp_path / "in.jsonl", [judged("a", meta="x")])
    assert "meta is 'x'; it must be an object" in str(done.first_reason)


def test_a_score_with_a_comma_is_no_number(database: Database, tmp_path: Path) -> None:
    row = {"prompt": "Q?", "response_a": "7", "response_b": "9", "score_a": "3,5", "score_b": "2"}
    done = take(database, "pairs", tmp_path / "in.jsonl", [row])
    assert "score_a is '3,5'; it must be -1e+12 to 1e+12, a number like 3.5" in str(
        done.first_reason
    )
