"""Single responses called good or bad: those of one prompt, by one person, become pairs.

Every good response is paired with every bad one. A prompt whose responses are all good, or all bad,
has no pair: each of its rows is refused and says so. So is a response that one person calls both.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from db.files.line import Line
from db.identity import content_hash
from db.imports.fields import BadRow, Row, one_reason
from db.imports.presets.cells import no_media, tools_of
from db.imports.presets.parting import dialogue
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Read


@dataclass(frozen=True)
class Unpaired:
    """One response to a prompt, and whether it is good. `about` are fields of the pair row."""

    prompt: Any
    said: Any
    good: bool
    tools: Any = None
    annotator: Any = None
    model: Any = None
    about: Row = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Which responses it is compared with."""
        return content_hash(dialogue(self.prompt, "user", "prompt"), self.tools, self.annotator)

    @property
    def response(self) -> str:
        """Which response it is."""
        return content_hash(dialogue(self.said, "assistant", "the response"))


SAID = frozenset({"annotator", "model", "domain", "source", "id", "tools"})
"""Columns that any row of one response may have beside its texts; `of_row` reads them."""
JOINED = {"id": "a pair joins two rows"}
"""What becomes of an id."""


def of_row(row: Row, prompt: Any, said: Any, good: bool) -> Unpaired:
    """One response, with what stands beside its texts. Raises BadRow."""
    no_media(row)
    about = {name: row[name] for name in ("domain", "source") if row.get(name) is not None}
    who, model = row.get("annotator"), row.get("model")
    return Unpaired(prompt, said, good, tools_of(row), who, model, about)


def pairing(read: Callable[[Row], Unpaired]) -> Callable[[Iterable[Line]], Iterator[Read]]:
    """`whole` of a format whose rows `read` understands one by one."""

    def whole(lines: Iterable[Line]) -> Iterator[Read]:
        groups: dict[str, list[tuple[Line, Unpaired]]] = {}
        for line in lines:
            try:
                with one_reason():
                    one = read(line.row)
                    key, _ = one.group, one.response
                groups.setdefault(key, []).append((line, one))
            except BadRow as error:
                yield line, error
        for group in groups.values():
            yield from _pairs(group)

    return whole


def _pairs(group: list[tuple[Line, Unpaired]]) -> Iterator[Read]:
    good = {one.response: (line, one) for line, one in reversed(group) if one.good}
    bad = {one.response: (line, one) for line, one in reversed(group) if not one.good}
    for line, one in group:
        if one.response in good and one.response in bad:
            yield line, BadRow(None, "the same response is called good and bad")
        elif not bad or not good:
            called = "good" if good else "bad"
            yield line, BadRow(None, f"all responses of its prompt are {called}: there is no pair")
    for key, (line, best) in reversed(good.items()):
        for other, (_, worse) in reversed(bad.items()):
            if key not in bad and other not in good:
                yield line, _pair(best, worse)


def _pair(best: Unpaired, worse: Unpaired) -> Row:
    label = {} if best.annotator is None else {"annotator": best.annotator}
    return preferred(
        best.prompt,
        best.said,
        worse.said,
        tools=best.tools,
        models=(best.model, worse.model),
        label=label,
        **best.about,
    )
