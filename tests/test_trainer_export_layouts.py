"""Every layout is read by the tool it is for, or held to a schema of its documentation."""

import csv
import json
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from import_worlds import take
from sqlalchemy import select
from trainer_worlds import settle

from db.conversation import Messages
from db.errors import BadInput
from db.imports.presets import named
from db.models import Pair, Ranking
from db.pairs import NewCandidate, NewPair, add_pairs
from db.session import Database
from trainer import steps
from trainer.export.layouts import LAYOUTS
from trainer.export.selection import ExportOptions
from trainer.steps.exporting import ExportDone

Row = dict[str, Any]

TOOLS = [
    {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
    }
]
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Köln"}'},
        }
    ],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hello. What shall I do?"},
    {"role": "user", "content": "Weather in Köln?"},
]
RUN = [CALL, RESULT, {"role": "assistant", "content": "It rains."}]


def ask(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def world(database: Database, tools: bool = True) -> None:
    """A plain pair; three responses in one order and a tie; with tools, a call and a whole run."""
    texts = [("Name a prime.", "7", "9", "a"), ("Say hi.", "hi", "hello", "tie")]
    texts += [("Write.", "best", "good", "a"), ("Write.", "good", "poor", "a")]
    texts += [("Write.", "poor", "best", "b"), ("Write.", "good", "fine", "tie")]
    arriving = [
        NewPair(ask(q), NewCandidate(a, "m1", "f1"), NewCandidate(b), f"p{i}", "law", "mine")
        for i, (q, a, b, _) in enumerate(texts)
    ]
    choices = [choice for *_, choice in texts]
    if tools:
        sun = NewCandidate("It shines.")
        arriving.append(NewPair(TURNS, NewCandidate.said([CALL]), sun, "call", tools=TOOLS))
        arriving.append(
            NewPair(
                ask("And in Bonn?"), NewCandidate.said(RUN), sun, "run", tools=TOOLS,
                kept={"score": 3}, expected={"kind": "exact", "value": "rain"},
            )
        )  # fmt: skip
        choices += ["a", "a"]
    with database.begin() as session:
        for stored, choice in zip(add_pairs(session, arriving), choices, strict=True):
            settle(session, session.get_one(Pair, stored.pair_id), choice)


def written(database: Database, folder: Path, to: str, **options: Any) -> ExportDone:
    chosen = ExportOptions(to=to, validation=0, test=0, **options)  # type: ignore[arg-type]
    return steps.export(database, folder / "set", chosen)


def lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def loaded(folder: Path, tmp_path: Path, name: str | None = None) -> list[Row]:
    import datasets

    found = datasets.load_dataset(str(folder / "set"), name, cache_dir=str(tmp_path / "cache"))
    return list(found["train"])


def test_trl_rows_keep_every_key_of_messages_and_tools(
    any_database: Database, tmp_path: Path
) -> None:
    world(any_database)
    done = written(any_database, tmp_path, "trl")
    assert done.rows == {"train": 6, "validation": 0, "test": 0, "ties": 2, "votes": 0, "pairs": 8}
    rows = {row["meta"]["pair_id"]: row for row in loaded(tmp_path, tmp_path)}
    assert rows["call"]["prompt"] == TURNS
    assert rows["call"]["chosen"] == [{k: v for k, v in CALL.items()}]
    assert rows["call"]["rejected"] == [{"role": "assistant", "content": "It shines."}]
    assert rows["call"]["tools"] == TOOLS
    assert rows["run"]["chosen"] == RUN
    assert json.loads(rows["run"]["meta"]["kept"]) == {"score": 3}
    assert rows["p0"]["tools"] is None
    from trainer.export.dataset import read_split

    assert {r["meta"]["pair_id"]: r["tools"] for r in read_split(tmp_path / "set", "train")} == {
        key: row["tools"] for key, row in rows.items()
    }
    pairs = {row["pair_id"]: row for row in loaded(tmp_path, tmp_path, "pairs")}
    assert pairs["run"]["said_a"] == RUN
    assert json.loads(pairs["run"]["expected"]) == {"kind": "exact", "value": "rain"}
    assert (pairs["p0"]["said_a"], pairs["p0"]["family_a"]) == (None, "f1")


def test_plain_conversations_are_structs_that_any_reader_reads(
    database: Database, tmp_path: Path
) -> None:
    world(database, tools=False)
    written(database, tmp_path, "trl")
    rows = loaded(tmp_path, tmp_path)
    assert "tools" not in rows[0]
    assert rows[0]["prompt"][0].keys() == {"role", "content"}


def test_plain_texts_leave_out_what_is_more_by_name(database: Database, tmp_path: Path) -> None:
    world(database)
    done = written(database, tmp_path, "trl", format="plain")
    assert done.left_out == {"with tools or messages that are more than texts (--format plain)": 2}
    assert done.rows["train"] == 4
    with pytest.raises(BadInput, match="format 'plain' is for trl, kto, sft; leave it out with"):
        ExportOptions(to="openai", format="plain")


@pytest.mark.parametrize("to", ["kto", "sft"])
def test_trl_reads_unpaired_and_chosen_rows(database: Database, tmp_path: Path, to: str) -> None:
    """`best` won twice and `poor` lost twice, `good` did both: two rows of the four responses."""
    import trl

    world(database)
    done = written(database, tmp_path, to)
    rows = loaded(tmp_path, tmp_path)
    said = {(r["prompt"][-1]["content"], r["completion"][-1]["content"]): r for r in rows}
    assert ("Write.", "good") not in said
    assert done.left_out["responses better in one pair and worse in another"] == 1
    assert done.left_out[f"ties, which {to} has no place for"] == 2
    assert sorted(said["Write.", "best"]["meta"]["pair_ids"]) == ["p2", "p4"]
    calls = [row for row in rows if row["prompt"] == TURNS]
    assert calls[0]["completion"] == [CALL]
    assert calls[0]["tools"] == TOOLS
    # 7; best; the call; the run. KTO has beside them 9; poor; and twice "It shines."
    assert len(rows) == (8 if to == "kto" else 4)
    if to == "kto":
        assert said["Write.", "best"]["label"] is True
        assert said["Write.", "poor"]["label"] is False
    tokenizer = template()
    for row in rows:
        assert trl.data_utils.is_conversational(row)
        text = trl.data_utils.apply_chat_template(row, tokenizer, tools=row["tools"])
        assert text["prompt"].startswith("<tools>" if row["tools"] else "<")
        assert text.get("label") is row.get("label")


def template() -> Any:
    """A tokenizer of letters with a chat template that tells which keys a message has."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    )
    made.chat_template = (
        "{% if tools %}<tools>{% endif %}{% for m in messages %}<{{ m.role }}"
        "{% if 'tool_calls' in m %} calls{% endif %}>{{ m.content or '' }}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    return made


MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {"type": ["string", "null"]},
        "tool_calls": {
            "type": "array",
            "items": {
                "required": ["id", "type", "function"],
                "properties": {
                    "function": {
                        "required": ["name", "arguments"],
                        "properties": {"arguments": {"type": "string"}},
                    }
                },
            },
        },
    },
}
OUTPUT = {
    "type": "array",
    "minItems": 1,
    "items": {
        **MESSAGE,
        "properties": {**MESSAGE["properties"], "role": {"enum": ["assistant", "tool"]}},
    },
    "contains": {"properties": {"role": {"const": "assistant"}}},
}
OPENAI = {
    # developers.openai.com/api/docs/guides/direct-preference-optimization, "Data format"
    "type": "object",
    "additionalProperties": False,
    "required": ["input", "preferred_output", "non_preferred_output"],
    "properties": {
        "input": {
            "required": ["messages"],
            "additionalProperties": False,
            "properties": {
                "messages": {"type": "array", "items": MESSAGE, "minItems": 1},
                "tools": {"type": "array", "items": {"required": ["type", "function"]}},
                "parallel_tool_calls": {"type": "boolean"},
            },
        },
        "preferred_output": OUTPUT,
        "non_preferred_output": OUTPUT,
    },
}
TURN = {
    "type": "object",
    "additionalProperties": False,
    "required": ["from", "value"],
    "properties": {
        "from": {"enum": ["human", "gpt", "observation", "function_call"]},
        "value": {"type": "string"},
    },
}
LLAMA_FACTORY = {
    # github.com/hiyouga/LLaMA-Factory, data/README.md, "Sharegpt Format", "Preference Dataset"
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["conversations", "chosen", "rejected"],
        "properties": {
            "conversations": {"type": "array", "items": TURN, "minItems": 1},
            "chosen": TURN,
            "rejected": TURN,
            "system": {"type": "string"},
            "tools": {"type": "string"},
        },
    },
}
LABEL_STUDIO = {
    # labelstud.io/guide/task_format and labelstud.io/guide/predictions
    "type": "array",
    "items": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "object"},
            "annotations": {"type": "array"},
            "predictions": {
                "type": "array",
                "items": {
                    "required": ["result"],
                    "properties": {
                        "model_version": {"type": "string"},
                        "score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                        "result": {
                            "type": "array",
                            "items": {"required": ["id", "from_name", "to_name", "type", "value"]},
                        },
                    },
                },
            },
        },
    },
}


def test_openai_rows_fit_its_documentation(database: Database, tmp_path: Path) -> None:
    world(database)
    done = written(database, tmp_path, "openai")
    rows = lines(tmp_path / "set" / "train.jsonl")
    for row in rows:
        jsonschema.validate(row, OPENAI)
    assert len(rows) == done.rows["train"] == 6
    (run,) = [row for row in rows if len(row["preferred_output"]) == 3]
    assert run["input"] == {"messages": ask("And in Bonn?"), "tools": TOOLS}
    assert run["preferred_output"] == RUN
    back = [read for row in rows for read in named("openai").rows(row)]
    assert [row["prompt"] for row in back] == [row["input"]["messages"] for row in rows]


def test_llama_factory_rows_fit_its_documentation(database: Database, tmp_path: Path) -> None:
    world(database)
    done = written(database, tmp_path, "llama-factory")
    rows = json.loads((tmp_path / "set" / "train.json").read_text(encoding="utf-8"))
    jsonschema.validate(rows, LLAMA_FACTORY)
    assert done.left_out == {
        "ties, which llama-factory has no place for": 2,
        "whose responses are several messages": 1,
    }
    (call,) = [row for row in rows if row["tools"]]
    assert call["system"] == "Be brief."
    assert [turn["from"] for turn in call["conversations"]] == ["human", "gpt", "human"]
    assert json.loads(call["chosen"]["value"]) == {"name": "weather", "arguments": {"city": "Köln"}}
    assert json.loads(call["tools"]) == [TOOLS[0]["function"]]
    about = json.loads((tmp_path / "set" / "dataset_info.json").read_text(encoding="utf-8"))
    assert about.keys() == {"set_train"}  # empty splits are not described
    assert about["set_train"]["ranking"] is True
    assert (tmp_path / "set" / about["set_train"]["file_name"]).is_file()
    assert set(about["set_train"]["columns"].values()) == call.keys()
    (back,) = named("llama-factory-sharegpt").rows(call)
    assert (back["prompt"], back["tools"]) == (TURNS, TOOLS)


def test_orders_come_back_as_rankings(database: Database, tmp_path: Path) -> None:
    """best > good = fine > poor is one order of four; two prompts have two responses, one a tie."""
    world(database, tools=False)
    done = written(database, tmp_path, "rankings")
    rows = {r["prompt"][0]["content"]: r for r in lines(tmp_path / "set" / "train.jsonl")}
    texts = {one["id"]: one["text"] for one in rows["Write."]["responses"]}
    order = rows["Write."]["ranking"]
    assert [sorted(map(texts.get, g)) if isinstance(g, list) else texts[g] for g in order] == [
        "best", ["fine", "good"], "poor"
    ]  # fmt: skip
    assert rows["Say hi."]["ranking"] == [["r1", "r2"]]
    assert done.rows["train"] == 3
    with database.begin() as session:
        before = len(session.scalars(select(Ranking)).all())
    took = take(database, "rankings", tmp_path / "set" / "train.jsonl")
    assert (took.rejected, took.rows) == (0, 3)
    with database.begin() as session:
        assert len(session.scalars(select(Ranking)).all()) == before + 3


def test_labels_that_give_no_order_are_left_out(database: Database, tmp_path: Path) -> None:
    """1 > 2 > 3 > 1 is a circle; x > y and x > z do not say which of y and z is better."""
    circle = [("Q", "1", "2"), ("Q", "2", "3"), ("Q", "3", "1")]
    open_ = [("R", "x", "y"), ("R", "x", "z"), ("S", "yes", "no")]
    with database.begin() as session:
        arriving = [
            NewPair(ask(q), NewCandidate(a), NewCandidate(b), f"{q}{a}{b}")
            for q, a, b in [*circle, *open_]
        ]
        for stored in add_pairs(session, arriving):
            pair = session.get_one(Pair, stored.pair_id)
            settle(session, pair, "a")
    done = written(database, tmp_path, "rankings")
    assert done.rows["train"] == 1
    assert done.left_out == {"of prompts whose labels put their responses into no one order": 5}


def test_json_lines_hold_all_of_a_pair(database: Database, tmp_path: Path) -> None:
    world(database)
    written(database, tmp_path, "jsonl")
    rows = {row["pair_id"]: row for row in lines(tmp_path / "set" / "train.jsonl")}
    assert len(rows) == 8
    assert rows["run"]["response_a"] == RUN
    assert rows["run"]["tools"] == TOOLS
    assert rows["run"]["expected"] == {"kind": "exact", "value": "rain"}
    assert rows["run"]["meta"]["score"] == 3
    assert rows["p0"]["prompt"] == "Name a prime."
    assert rows["p0"]["labels"] == [{"annotator": "export set", "choice": "a"}]
    assert (rows["p0"]["model_a"], rows["p0"]["family_a"]) == ("m1", "f1")
    assert rows["p1"]["labels"][0]["choice"] == "tie"


def test_csv_is_read_by_pandas_and_by_the_import(database: Database, tmp_path: Path) -> None:
    import pandas as pd

    world(database)
    with database.begin() as session:
        (odd,) = add_pairs(
            session,
            [NewPair(ask('[1, 2], "x"\nnext'), NewCandidate("[a]"), NewCandidate("b,c"), "odd")],
        )
        settle(session, session.get_one(Pair, odd.pair_id), "b")
    written(database, tmp_path, "csv")
    file = tmp_path / "set" / "train.csv"
    table = pd.read_csv(file).set_index("pair_id")
    assert len(table) == 9
    assert table.loc["p0", ["prompt", "response_a", "choice"]].tolist() == [
        "Name a prime.",
        "7",
        "a",
    ]
    assert json.loads(table.loc["run", "response_a"]) == RUN
    with file.open(encoding="utf-8", newline="") as stream:
        rows = {row["pair_id"]: row for row in csv.DictReader(stream)}
    assert json.loads(rows["odd"]["prompt"]) == ask('[1, 2], "x"\nnext')
    assert json.loads(rows["odd"]["response_a"])[0]["content"] == "[a]"
    assert rows["odd"]["response_b"] == "b,c"


def test_label_studio_tasks_fit_its_documentation(database: Database, tmp_path: Path) -> None:
    world(database)
    written(database, tmp_path, "label-studio")
    tasks = json.loads((tmp_path / "set" / "tasks.json").read_text(encoding="utf-8"))
    jsonschema.validate(tasks, LABEL_STUDIO)
    view = ElementTree.parse(tmp_path / "set" / "label_config.xml").getroot()
    (choices,) = view.iter("Choices")
    shown = {text.get("name"): text.get("value") for text in view.iter("Text")}
    for task in tasks:
        assert {value.removeprefix("$") for value in shown.values()} <= task["data"].keys()
        (result,) = task["predictions"][0]["result"]
        assert (result["from_name"], result["to_name"]) == (choices.get("name"), "prompt")
        assert result["value"]["choices"][0] in [one.get("value") for one in choices]
    found = {task["data"]["pair_id"]: task for task in tasks}
    assert found["run"]["data"]["answer1_messages"] == RUN
    assert found["call"]["data"]["messages"] == TURNS
    assert found["p1"]["predictions"][0]["result"][0]["value"] == {"choices": ["tie"]}
    (back,) = named("label-studio").rows(found["p0"])
    assert (back["response_a"], back["votes"][0]["choice"]) == ("7", "a")


def test_argilla_reads_records_and_settings(database: Database, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own use of pydantic
        from argilla._models import DatasetModel, FieldModel, QuestionModel
        from argilla.records._io import JsonIO

    world(database)
    done = written(database, tmp_path, "argilla")
    assert done.left_out == {"with tools or messages that are more than texts": 2}
    records = {
        record.id: record for record in JsonIO._records_from_json(tmp_path / "set" / "records.json")
    }
    assert records.keys() == {f"p{i}" for i in range(6)}
    assert records["p0"].fields["prompt"] == ask("Name a prime.")
    assert records["p0"].suggestions.to_dict()["preference"]["value"] == "response1"
    assert records["p1"].suggestions.to_dict()["preference"]["value"] == "tie"
    assert records["p0"].metadata["split"] == "train"
    folder = tmp_path / "set" / ".argilla"
    settings = json.loads((folder / "settings.json").read_text())
    fields = [FieldModel(**field) for field in settings["fields"]]
    (question,) = [QuestionModel(**question) for question in settings["questions"]]
    assert [field.name for field in fields] == list(records["p0"].fields)
    assert {one["value"] for one in question.settings.options} >= {"response1", "tie"}
    assert DatasetModel(**json.loads((folder / "dataset.json").read_text())).name == "set"


@pytest.mark.parametrize("to", sorted(LAYOUTS))
def test_every_file_is_in_the_manifest_and_written_the_same_again(
    database: Database, tmp_path: Path, to: str
) -> None:
    world(database)
    chosen = ExportOptions(to=to, validation=0.3, test=0)  # type: ignore[arg-type]
    first = steps.export(database, tmp_path / "one" / "set", chosen)
    again = steps.export(database, tmp_path / "two" / "set", chosen)
    assert (first.content_hash, again.new) == (again.content_hash, False)
    root = tmp_path / "one" / "set"
    manifest = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    there = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert there == {*manifest["files"], "manifest.json"}
    assert manifest["layout"] == to


def test_training_refuses_another_layout(database: Database, tmp_path: Path) -> None:
    from trainer.recorded_training import material

    world(database)
    written(database, tmp_path, "openai")
    with pytest.raises(BadInput, match="is laid out for openai, and training reads those for trl"):
        material(database, "set")


def test_the_documentation_tells_of_every_layout() -> None:
    text = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
    for layout in LAYOUTS.values():
        assert f"| `{layout.name}` | {layout.about} | {layout.left_out} |" in text
