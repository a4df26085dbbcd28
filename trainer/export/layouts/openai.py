"""Rows of OpenAI's preference fine-tuning (direct preference optimisation).

Source: developers.openai.com/api/docs/guides/direct-preference-optimization, "Data format", and
learn.microsoft.com, "Direct preference optimization": outputs are assistant and tool messages.
"""

from pathlib import Path

from db.conversation import Messages
from db.exports.pairs import ExportPair
from trainer.export.layout import Layout, Unfit, Writing, each
from trainer.export.responses import chosen_and_rejected
from trainer.export.writing import JsonLines, Row


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """`input` with `messages` and `tools`, `preferred_output` and `non_preferred_output`."""
    chosen, rejected = chosen_and_rejected(pair)
    for said in (chosen, rejected):
        _require_answers(said)
    asked: Row = {"messages": pair.messages} | ({"tools": pair.tools} if pair.tools else {})
    return [{"input": asked, "preferred_output": chosen, "non_preferred_output": rejected}]


def _require_answers(said: Messages) -> None:
    roles = {message["role"] for message in said}
    if "assistant" not in roles or not roles <= {"assistant", "tool"}:
        raise Unfit("whose responses have messages of others than assistant and tool")


def _table(folder: Path, split: str, writing: Writing) -> JsonLines:
    return JsonLines(folder, split)


OPENAI = Layout(
    name="openai",
    about="`train.jsonl`, `validation.jsonl`, `test.jsonl` for OpenAI's preference fine-tuning: "
    "`input` (`messages`, `tools`), `preferred_output`, `non_preferred_output`",
    left_out="ties; responses with messages of others than assistant and tool",
    rows=each(rows),
    table=_table,
    ties="no place",
)
