"""Preference rows of LLaMA-Factory in its ShareGPT form, with `dataset_info.json` beside.

Source: its data/README.md, "Sharegpt Format": "Preference Dataset", and the tags of roles; human
and observation stand in odd places, gpt and function_call in even ones.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from db.conversation import Message, content_text
from db.exports.pairs import ExportPair
from trainer.export.layout import Layout, Unfit, Writing, each
from trainer.export.responses import chosen_and_rejected
from trainer.export.writing import JsonList, Row, json_text

_FROM = {"user": "human", "assistant": "gpt", "tool": "observation"}
_READ = {"role", "content", "tool_calls", "tool_call_id", "name"}
_COLUMNS = {
    "messages": "conversations",
    **{name: name for name in ("chosen", "rejected", "system", "tools")},
}


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """`conversations`, `chosen`, `rejected`, `system` and `tools` (a JSON text)."""
    chosen, rejected = chosen_and_rejected(pair)
    if len(chosen) != 1 or len(rejected) != 1:
        raise Unfit("whose responses are several messages")
    head, turns = pair.messages[:1], pair.messages[1:]
    if head[0]["role"] != "system":
        head, turns = [], pair.messages
    said = [_turn(message) for message in turns]
    last = [_turn(message) for message in (chosen[0], rejected[0])]
    asking = [one["from"] in ("human", "observation") for one in [*said, last[0]]]
    if asking != [i % 2 == 0 for i in range(len(asking))] or last[1]["from"] in ("human", "tool"):
        raise Unfit("whose turns of question and answer do not alternate")
    tools = [tool.get("function", tool) for tool in pair.tools or ()]
    return [
        {
            "conversations": said,
            "chosen": last[0],
            "rejected": last[1],
            "system": content_text(head[0]["content"]) if head else "",
            "tools": json_text(tools) if tools else "",
        }
    ]


def _turn(message: Message) -> Row:
    if message["role"] not in _FROM or message.keys() - _READ:
        raise Unfit("with roles or keys of messages that ShareGPT rows do not have")
    text, calls = content_text(message.get("content")), message.get("tool_calls")
    if not calls:
        return {"from": _FROM[message["role"]], "value": text}
    if text:
        raise Unfit("with messages that both say something and call a tool")
    told = [_call(call) for call in calls]
    return {"from": "function_call", "value": json_text(told[0] if len(told) == 1 else told)}


def _call(call: Any) -> Row:
    """A name and its arguments, as an object."""
    inner = call.get("function", call)
    given = inner.get("arguments")
    try:
        arguments = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        raise Unfit("with calls whose arguments are no JSON") from None
    return {"name": inner.get("name"), "arguments": arguments}


def _beside(writing: Writing, rows: Mapping[str, int]) -> dict[str, str]:
    """`dataset_info.json`: what LLaMA-Factory is told of each file."""
    about = {
        f"{writing.name}_{split}": {
            "file_name": f"{split}.json",
            "formatting": "sharegpt",
            "ranking": True,
            "columns": _COLUMNS,
        }
        for split, count in rows.items()
        if count
    }
    return {"dataset_info.json": json.dumps(about, indent=2, ensure_ascii=False) + "\n"}


def _table(folder: Path, split: str, writing: Writing) -> JsonList:
    return JsonList(folder, split)


LLAMA_FACTORY = Layout(
    name="llama-factory",
    about="`train.json` and so on, ShareGPT preference rows: `conversations`, `chosen`, "
    "`rejected`, `system`, `tools`; `dataset_info.json` describes them as NAME_train",
    left_out="ties; responses of several messages; turns that do not alternate; messages that both "
    "speak and call; other roles and keys. Ids of calls and names of results have no place",
    rows=each(rows),
    table=_table,
    ties="no place",
    beside=_beside,
)
