"""A folder that `argilla.Dataset.from_disk` reads, with the settled label as a suggestion.

Source: github.com/argilla-io/argilla, `datasets/_io/_disk.py` (the files), `settings/_resource.py`
and `_models/_settings` (settings), `records/_resource.py` (`Record.from_dict`), version 2.8.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from db.conversation import Message
from db.exports.pairs import ExportPair
from trainer.export.layout import Layout, Unfit, Writing, each
from trainer.export.layouts.label_studio import answer
from trainer.export.writing import JsonList, Row

_NAMES = {"answer1": "response1", "answer2": "response2"}
_METADATA = ("split", "domain", "data_source", "model_a", "model_b", "label_source", "prompt_hash")


def rows(pair: ExportPair, writing: Writing) -> list[Row]:
    """A record: `prompt` as a chat, `response1` (A) and `response2` (B), and a suggestion."""
    if not pair.is_plain:
        raise Unfit("with tools or messages that are more than texts")
    said = answer(pair)
    about = {"split": writing.split}
    about |= {name: getattr(pair, name) for name in _METADATA if name != "split"}
    return [
        {
            "id": pair.name,
            "fields": {
                "prompt": [_turn(message) for message in pair.messages],
                "response1": pair.a,
                "response2": pair.b,
            },
            "metadata": {name: value for name, value in about.items() if value is not None},
            "suggestions": {
                "preference": {
                    "value": _NAMES.get(said, said),
                    "score": pair.p.confidence if pair.p else None,
                    "agent": f"export {writing.name}",
                }
            },
            "responses": {},
            "vectors": {},
        }
    ]


def _turn(message: Message) -> Row:
    return {"role": message["role"], "content": message["content"]}


def _beside(writing: Writing, rows: Mapping[str, int]) -> dict[str, str]:
    options = ("response1", "response2", "tie", "neither")
    settings = {
        "guidelines": None,
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "fields": [
            _named("prompt", {"type": "chat", "use_markdown": False}),
            _named("response1", {"type": "text", "use_markdown": False}),
            _named("response2", {"type": "text", "use_markdown": False}),
        ],
        "questions": [
            _named(
                "preference",
                {
                    "type": "label_selection",
                    "options": [{"value": one, "text": one} for one in options],
                    "visible_options": len(options),
                },
                title="Which response is better?",
            )
        ],
        "metadata": [
            {"name": name, "title": name, "settings": {"type": "terms", "values": None}}
            for name in _METADATA
        ],
        "vectors": [],
        "mapping": None,
    }
    dataset = {"name": writing.name, "status": "ready", "allow_extra_metadata": True}
    return {
        ".argilla/settings.json": json.dumps(settings, indent=2) + "\n",
        ".argilla/dataset.json": json.dumps(dataset, indent=2) + "\n",
    }


def _named(name: str, settings: Row, title: str | None = None) -> dict[str, Any]:
    return {"name": name, "title": title or name, "required": True, "settings": settings}


def _table(folder: Path, split: str, writing: Writing) -> JsonList:
    return JsonList(folder, "records")


ARGILLA = Layout(
    name="argilla",
    about="a folder for `argilla.Dataset.from_disk`: the prompt as a chat, `response1` and "
    "`response2`, the settled label as a suggestion, the split and sources as metadata; ties stand "
    "among them",
    left_out="tools, and messages that are more than texts; kept columns",
    rows=each(rows),
    table=_table,
    ties="within",
    joined=True,
    beside=_beside,
)
