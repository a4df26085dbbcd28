"""Tasks for Label Studio with the settled label as a prediction, and the labeling configuration.

Source: labelstud.io/guide/task_format, labelstud.io/guide/predictions ("JSON format for
pre-annotations") and labelstud.io/tags/choices.
"""

from collections.abc import Mapping
from pathlib import Path

from db.exports.pairs import ExportPair
from trainer.export.layout import Layout, Writing, each
from trainer.export.layouts.jsonl import about
from trainer.export.writing import JsonList, Row

ANSWERS = {"a": "answer1", "b": "answer2", "tie": "tie"}
"""What a choice is called on the screens of labelling tools."""

_CONFIGURATION = """<View>
  <Text name="prompt" value="$prompt"/>
  <Text name="answer1" value="$answer1"/>
  <Text name="answer2" value="$answer2"/>
  <Choices name="preference" toName="prompt" choice="single" required="true">
    <Choice value="answer1"/>
    <Choice value="answer2"/>
    <Choice value="tie"/>
    <Choice value="neither"/>
  </Choices>
</View>
"""


def answer(pair: ExportPair) -> str:
    """The settled choice as a person would answer it: `neither` where both are bad."""
    return "neither" if pair.both_bad else ANSWERS[pair.choice or "tie"]


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """A task: `prompt`, `answer1` (A) and `answer2` (B) as they read, and what else there is."""
    whole = {} if pair.is_plain and len(pair.messages) == 1 else {"messages": pair.messages}
    told = {"answer1_messages": pair.said_a, "answer2_messages": pair.said_b}
    data = {
        "pair_id": pair.name,
        "split": writing.split,
        "prompt": pair.prompt,
        "answer1": pair.a,
        "answer2": pair.b,
        **whole,
        **{name: said for name, said in told.items() if said is not None},
        **about(pair),
        **({"kept": pair.kept} if pair.kept else {}),
    }
    prediction = {
        "model_version": f"export {writing.name}",
        "score": pair.p.confidence if pair.p else None,
        "result": [
            {
                "id": pair.pair_hash[:10],
                "from_name": "preference",
                "to_name": "prompt",
                "type": "choices",
                "value": {"choices": [answer(pair)]},
            }
        ],
    }
    return [{"data": data, "annotations": [], "predictions": [prediction]}]


def _table(folder: Path, split: str, writing: Writing) -> JsonList:
    return JsonList(folder, "tasks")


def _beside(writing: Writing, rows: Mapping[str, int]) -> dict[str, str]:
    return {"label_config.xml": _CONFIGURATION}


LABEL_STUDIO = Layout(
    name="label-studio",
    about="`tasks.json` to import into a Label Studio project with `label_config.xml` as its "
    "labeling interface: texts as they read, whole conversations and the split in `data`, the "
    "settled label as a prediction; ties stand among them",
    left_out="nothing",
    rows=each(rows),
    table=_table,
    ties="within",
    joined=True,
    beside=_beside,
)
