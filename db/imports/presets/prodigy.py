"""Prodigy: tasks of the choice interface, whose options are responses.

Source: prodi.gy/docs/api-interfaces, "choice" (`options` with `id` and `text`; `accept` lists the
ids that were chosen; `answer` is accept, reject or ignore) and "Annotation task formats"
(`_annotator_id`, `_timestamp` in seconds).
"""

from datetime import UTC, datetime

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.inner import beyond
from db.imports.presets.preset import Columns, Preset

_PROMPTS = ("prompt", "text", "question")
_TASK = frozenset({"_input_hash", "_task_hash", "_view_id", "_session_id", "_is_binary"})


def _pairs(row: Row) -> list[Row]:
    """The chosen option against each of the others; all of them chosen is a tie of each two."""
    if row.get("answer") != "accept":
        raise BadRow(
            row.get("answer"),
            "the task was rejected or ignored, so nothing was chosen; leave it out",
        )
    prompt = next((name for name in _PROMPTS if row.get(name)), None)
    if prompt is None:
        raise BadRow(None, f"the task has no prompt ({', '.join(_PROMPTS)})")
    meta = {name: row[name] for name in _PROMPTS if row.get(name) and name != prompt}
    options = _options(row)
    accepted = [str(each) for each in row.get("accept") or []]
    if not accepted or not set(accepted) <= set(options):
        raise BadRow(row.get("accept"), f"accept must hold ids of options ({', '.join(options)})")
    everything = set(accepted) == set(options)
    made = []
    for best in accepted:
        for other in options:
            if other == best or (other in accepted and not (everything and best < other)):
                continue
            a, b = sorted((best, other), key=list(options).index)
            choice = "tie" if everything else "a" if a == best else "b"
            pair = {"prompt": row[prompt], "response_a": options[a], "response_b": options[b]}
            pair |= {"meta": meta} if meta else {}
            made.append({**pair, "labels": [{**_signed(row), "choice": choice}]})
    return made


def _options(row: Row) -> dict[str, str]:
    listed = row.get("options")
    if not isinstance(listed, list) or len(listed) < 2:
        raise BadRow(listed, "options must be two or more responses with id and text")
    found: dict[str, str] = {}
    for option in listed:
        if not isinstance(option, dict):
            raise BadRow(option, "an option must be an object with id and text")
        found[fields.name(option, "id")] = fields.text(option, "text")
    if len(found) < len(listed):
        raise BadRow(listed, "two options have the same id")
    return found


def _signed(row: Row) -> Row:
    who = fields.optional_name(row, "_annotator_id") or fields.optional_name(row, "_session_id")
    stamp = fields.number(row, "_timestamp", 0, 4e9)
    when = None if stamp is None else datetime.fromtimestamp(stamp, UTC).isoformat()
    said = {"annotator": who, "created_at": when, "rationale": row.get("user_input") or None}
    return {name: value for name, value in said.items() if value is not None}


def _fits(columns: Columns, row: Row) -> bool:
    return {"options", "answer"} <= columns and isinstance(row.get("options"), list)


PRESETS = (
    Preset(
        name="prodigy",
        about="tasks of the choice interface, whose options are responses",
        kept="the accepted option over each other one, as a label of `_annotator_id` (else "
        "`_session_id`) with its time; `user_input` as the rationale; all accepted as ties",
        refused="a task that was rejected or ignored, and one without an accepted option",
        columns=_TASK
        | {*_PROMPTS, "options", "accept", "answer", "config", "user_input"}
        | {"_annotator_id", "_timestamp"},
        dropped={
            **dict.fromkeys(sorted(_TASK - {"_session_id"}), "how Prodigy names and shows a task"),
            "config": "settings of the interface",
            "options.id": "names an option; `accept` chooses by it",
            "options.style": "how an option is shown",
            "_session_id": "names the session; it signs where `_annotator_id` is missing",
        },
        inside=beyond({"options": "id text style"}),
        fits=_fits,
        rows=_pairs,
        example={
            "text": "Name a prime.",
            "options": [{"id": "m1", "text": "9"}, {"id": "m2", "text": "7"}],
            "accept": ["m2"],
            "answer": "accept",
            "_input_hash": 1,
            "_task_hash": 2,
            "_view_id": "choice",
            "_session_id": "primes-ada",
            "_annotator_id": "primes-ada",
            "_timestamp": 1769860800,
        },
    ),
)
