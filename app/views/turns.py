"""A text as the turns it is drawn as: who speaks, calls folded, results quoted.

A call is opened where another response does not make it at its place, and what differs within it
is marked. Leaves out the page (`texts`) and what is safe to draw (`sanitise`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

from db.conversation import Part, Spoken

Drawn = Literal["said", "quoted", "folded"]

_TITLES = {
    "system": "System",
    "developer": "Developer",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool result",
    "function": "Function result",
    "call": "Call",
}
_SPEAKERS = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class Turn:
    """One piece on the screen: words are read as markdown, all else as it was written.

    name: what is called, without its id, which no two runs share. other: what another response has
    in its place, where it is folded no longer; None where nothing differs.
    """

    drawn: Drawn
    title: str
    text: str
    name: str = ""
    other: str | None = None


def turns(text: str, alone: str = "") -> list[Turn]:
    """A text in turns; `alone` is the title of one that nobody but its reader needs named."""
    if not isinstance(text, Spoken):
        return [Turn("said", alone, text)]
    parts = text.parts
    if [part.kind for part in parts] in (["user"], ["assistant"]) and not parts[0].called:
        return [Turn("said", alone, parts[0].text)]
    calls = {part.key: part.name for part in parts if part.kind == "call" and part.key}
    return [_turn(part, text, calls.get(part.key, "")) for part in parts]


def beside(sides: Sequence[list[Turn]]) -> list[list[Turn]]:
    """The turns of several responses; a call that not all of them make is opened."""
    found = []
    for at, mine in enumerate(sides):
        opened: dict[int, str] = {}
        for other in (*sides[:at], *sides[at + 1 :]):
            opened = _unlike(mine, other) | opened
        found.append([replace(turn, other=opened.get(n)) for n, turn in enumerate(mine)])
    return found


def _unlike(mine: list[Turn], theirs: list[Turn]) -> dict[int, str]:
    """Which folded turns of `mine` the other lacks at their place, with what it has there."""
    ours, others = (
        [(n, turn.name, turn.text) for n, turn in enumerate(side) if turn.drawn == "folded"]
        for side in (mine, theirs)
    )
    matcher = SequenceMatcher(None, [o[1:] for o in ours], [o[1:] for o in others], autojunk=False)
    found = {}
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        for one, other in zip_longest(ours[a:b], others[c:d]):
            if one:
                found[one[0]] = other[2] if other and other[1] == one[1] else ""
    return found


def _turn(part: Part, text: Spoken, answers: str) -> Turn:
    if part.kind == "tools":
        named = [_tool(tool) for tool in text.tools or ()]
        return Turn("folded", f"Tools: {', '.join(named)}", legible(part.text))
    about = replace(part, name=part.name or answers).called
    title = ": ".join(filter(None, (_TITLES.get(part.kind), about)))
    if part.kind in _SPEAKERS:
        return Turn("said", title, part.text)
    drawn: Drawn = "folded" if part.kind == "call" else "quoted"
    return Turn(drawn, title, legible(part.text), part.name)


def _tool(tool: object) -> str:
    inner = tool.get("function", tool) if isinstance(tool, dict) else None
    return str(inner.get("name", "no name")) if isinstance(inner, dict) else "no name"


def legible(text: str) -> str:
    """JSON on lines of its own, and its escaped letters as letters; any other text as it is.

    Only where it says the same: a key that stands twice or a number in its own spelling stays.
    """
    try:
        value = json.loads(text)
        if not isinstance(value, dict | list):
            return text
        made = json.dumps(value, indent=2, ensure_ascii=False)
        made.encode()
    except (ValueError, RecursionError):
        return text
    written = _squeezed(text)
    same = written in (_squeezed(made), _squeezed(json.dumps(value)))
    return made if same else text


def _squeezed(text: str) -> str:
    return "".join(text.split())
