"""One response a row, as logs of applications and evaluations have them; own format.

`prompt` and `response` (texts or messages), and where they are known `model`, `family`, `tools`,
`prompt_id`, `domain`, `source`, and a `score` (higher is better) of a `judge` or an `annotator`
with its `rationale`. `--map` makes such rows of what Langfuse, LangSmith, Inspect and promptfoo
export.
"""

import json
from collections.abc import Iterable, Iterator

from db.files.line import Line
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.alone import Alone, together
from db.imports.presets.preset import Columns, Preset, Read, alone

_ABOUT = ("prompt_id", "prompt", "tools", "domain", "source")
_COLUMNS = frozenset({*_ABOUT, "response", "model", "family"})
_COLUMNS |= {"score", "judge", "annotator", "rationale"}


def _candidates(lines: Iterable[Line]) -> Iterator[Read]:
    found: list[Alone] = []
    for line in lines:
        try:
            with fields.one_reason():
                made = _alone(line)
        except BadRow as error:
            yield line, error
        else:
            found.append(made)
    yield from together(found)


def _alone(line: Line) -> Alone:
    row = line.row
    fields.messages(row, "prompt")
    said = row.get("response")
    if not isinstance(said, str | list):
        raise BadRow(said, "response is missing; it must be a text or a list of messages")
    response: Row = {"text" if isinstance(said, str) else "messages": said}
    response |= {name: row[name] for name in ("model", "family") if row.get(name) not in (None, "")}
    if row.get("score") not in (None, ""):
        response["ratings"] = [_rating(row)]
    about = {name: row[name] for name in _ABOUT if row.get(name) not in (None, "")}
    key = json.dumps([row.get("prompt_id"), row["prompt"], row.get("tools")], sort_keys=True)
    return Alone(line, key, about, response)


def _rating(row: Row) -> Row:
    """A score of whoever gave it; nobody's score is no vote."""
    who = {name: row[name] for name in ("judge", "annotator") if row.get(name) not in (None, "")}
    if len(who) != 1:
        raise BadRow(
            list(who), "a score needs the judge or the annotator who gave it, and one of them only"
        )
    rating = {**who, "score": fields.number(row, "score", -1e9, 1e9)}
    return rating | ({"rationale": row["rationale"]} if row.get("rationale") else {})


def _fits(columns: Columns, _: Row) -> bool:
    return {"prompt", "response"} <= columns and not {"response_a", "chosen"} & columns


PRESETS = (
    Preset(
        name="responses",
        about="one response a row: `prompt`, `response`, `model`, and a `score` of a `judge` or an "
        "`annotator`",
        kept="responses to the same prompt together, with their scores",
        refused="a prompt with one response; a score that nobody gave",
        columns=_COLUMNS,
        fits=_fits,
        rows=alone,
        whole=_candidates,
        example={
            "prompt": "Name a prime.",
            "response": "7",
            "model": "m1",
            "score": 5,
            "judge": "gpt-4",
            "rationale": "It is one.",
        },
        beside=({"prompt": "Name a prime.", "response": "9", "model": "m2"},),
        kind="candidates",
    ),
)
