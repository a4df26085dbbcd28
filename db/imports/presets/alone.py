"""Rows of one response each, put together into the candidates of their prompts."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from db.files.line import Line
from db.imports.fields import BadRow, Row
from db.imports.presets.preset import Read


@dataclass
class Alone:
    """A response with its prompt: `key` is what responses to one prompt share.

    `about` is the rest of the row of candidates, `response` one of its responses without an id.
    """

    line: Line
    key: Hashable
    about: Row
    response: Row = field(default_factory=dict)


def together(found: Iterable[Alone]) -> Iterator[Read]:
    """A row of candidates for each prompt, in the order the prompts came.

    A response is named by its model, and by a number where the model has several. What is said
    about a prompt is what its first row says. A prompt with one response is refused.
    """
    sets: dict[Hashable, list[Alone]] = {}
    for each in found:
        sets.setdefault(each.key, []).append(each)
    for answers in sets.values():
        first = answers[0]
        if len(answers) < 2:
            reason = "only one response to this prompt was found; give those of two or more models"
            yield first.line, BadRow(first.response.get("model"), reason)
            continue
        responses: list[Row] = []
        for each in answers:
            name = str(each.response.get("model") or "r")
            taken = {response["id"] for response in responses}
            number = next(n for n in range(1, len(answers) + 2) if _id(name, n) not in taken)
            responses.append({"id": _id(name, number), **each.response})
        yield first.line, {**first.about, "responses": responses}


def _id(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"
