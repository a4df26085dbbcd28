"""The first rows of a file as an import understands them, as lines for people. Pure."""

import json
from collections.abc import Iterator
from typing import Any

_LONGEST = 300  # letters of one text that are shown


def preview(rows: list[dict[str, Any]]) -> str:
    """Each row: its line in the file, the conversation, both sides, and who said what of them."""
    return "\n".join(line for row in rows for line in _row(row))


def _row(row: dict[str, Any]) -> Iterator[str]:
    for place, said in enumerate(row["means"], 1):
        yield f"row {row['line']}" + (f", part {place}" if len(row["means"]) > 1 else "")
        for name, value in said.items():
            yield from _field(name, value)


def _field(name: str, value: Any) -> Iterator[str]:
    if name == "prompt":
        yield from _conversation("prompt", value)
    elif name in ("a", "b"):
        who = f" ({value['model']})" if value.get("model") else ""
        yield from _conversation(f"{name.upper()}{who}", value["said"])
    elif name in ("labels", "votes"):
        for one in value:
            yield f"  {name[:-1]}: {one.pop('choice')} by {one.pop('by')}{_rest(one)}"
    elif name == "steps":
        for text, label in value:
            yield f"  step {label}: {_cut(text)}"
    elif name == "responses":
        for key, text in value.items():
            yield f"  {key}: {_cut(text)}"
    else:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"  {name}: {_cut(shown)}"


def _conversation(name: str, said: list[list[str]]) -> Iterator[str]:
    if len(said) == 1 and said[0][0] in ("", "user", "assistant"):
        yield f"  {name}: {_cut(said[0][1])}"
        return
    yield f"  {name}:"
    for label, text in said:
        yield f"    {label}: {_cut(text)}"


def _rest(said: dict[str, Any]) -> str:
    told = [f"{name} {_cut(str(value))}" for name, value in said.items()]
    return f" ({', '.join(told)})" if told else ""


def _cut(text: str) -> str:
    """On one line, and what is long by its length."""
    line = text.replace("\n", " / ")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}... ({len(text):,} letters)"
