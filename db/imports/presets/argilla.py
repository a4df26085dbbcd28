"""Argilla: records with two or more responses that people compared, ranked or rated.

Source: github.com/argilla-io/argilla. Version 1: `integrations/huggingface/dataset.py` (fields as
columns; a question is a list of `user_id`, `value`, `status`, beside `QUESTION-suggestion` and its
`-metadata`). Version 2: `records/_io/_generic.py` (flat: `QUESTION.responses`, `.users` and
`.status`, `QUESTION.suggestion`, `.score` and `.agent`) and `records/_resource.py` (nested:
`fields`, `responses`, `suggestions`). `settings/_templates.py` and the guides on human feedback
name fields and questions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.cells import listed
from db.imports.presets.preset import Columns, Preset
from db.imports.presets.questions import RESPONSE, Opinion, compared, place

_PROMPTS = ("prompt", "instruction", "question", "input", "context")
_V2 = re.compile(r"\.(?:responses(?:\.users|\.status)?|suggestion(?:\.score|\.agent)?)$")
_FIELDS = frozenset({*_PROMPTS, "chosen", "rejected"})
_RECORD = frozenset({"id", "_server_id", "status", "external_id", "metadata", "vectors", "score"})
_NESTED = frozenset({"fields", "responses", "suggestions"})
_RECORD |= _NESTED
_ANSWER = frozenset({"user_id", "value", "status"})
_SUGGESTION = frozenset({"value", "agent", "score", "type"})
_LEFT = {"draft": "drafts", "discarded": "what was discarded"}
_AGENT = "argilla suggestion"  # signs a suggestion that names nobody


@dataclass(frozen=True)
class _Answer:
    """What somebody answered to one question; a suggestion has no status."""

    who: Any
    value: Any
    status: str | None = None
    score: Any = None


@dataclass(frozen=True)
class _Record:
    """One record of either version: its texts, and the answers and suggestion of each question."""

    texts: Row
    answers: dict[str, list[_Answer]]
    suggestions: dict[str, _Answer]

    @property
    def responses(self) -> list[str]:
        """Names of the fields that hold responses, in their own order."""
        numbered = [name for name in self.texts if RESPONSE.fullmatch(name)]
        if not numbered and {"chosen", "rejected"} <= set(self.texts):
            return ["chosen", "rejected"]
        return sorted(numbered, key=place)

    def beside(self, prompt: str, row: Row) -> Row:
        """What is kept with the pair: fields that are neither prompt nor response, other ids."""
        used = {prompt, *self.responses}
        nested = isinstance(row.get("fields"), dict)
        names = [n for n in self.texts if n not in used and (nested or n in _FIELDS)]
        ids = [n for n in ("external_id",) if row.get("id") is not None and row.get(n) is not None]
        return {name: self.texts[name] for name in names} | {name: row[name] for name in ids}


def _rows(row: Row) -> list[Row]:
    record = _nested(row) if isinstance(row.get("fields"), dict) else _flat(row)
    names = record.responses
    prompt = next((n for n in _PROMPTS if record.texts.get(n) not in (None, "")), None)
    if prompt is None or len(names) < 2:
        raise BadRow(
            sorted(record.texts),
            f"the fields are {', '.join(sorted(record.texts)) or '(none)'}; a prompt "
            f"({', '.join(_PROMPTS)}) and two responses (response1, response2) are needed, so say "
            "which they are with --map",
        )
    meta = record.beside(prompt, row)
    pairs: dict[tuple[str, str], Row] = {}
    for kind, name, opinions in _opinions(record, names):
        for (first, second), opinion in opinions:
            pair = pairs.setdefault((first, second), _pair(row, record, prompt, first, second))
            pair |= {"meta": meta} if meta else {}
            signer = {"judge": name} if kind == "votes" else {"annotator": name} if name else {}
            pair.setdefault(kind, []).append({**signer, **opinion})
    if not pairs:
        raise BadRow(row.get("id"), "nobody submitted an answer, and nothing was suggested")
    return list(pairs.values())


def _pair(row: Row, record: _Record, prompt: str, first: str, second: str) -> Row:
    identity = row.get("id") if row.get("id") is not None else row.get("external_id")
    if identity is not None and len(record.responses) > 2:
        identity = f"{identity}:{first}:{second}"
    return {
        "pair_id": identity,
        "prompt": record.texts[prompt],
        "response_a": record.texts[first],
        "response_b": record.texts[second],
    }


def _opinions(record: _Record, names: list[str]) -> Iterator[tuple[str, Any, list[Opinion]]]:
    """What each person submitted, then what each model suggested."""
    people: dict[Any, dict[str, Any]] = {}
    for question, answers in record.answers.items():
        for answer in answers:
            if answer.status in (None, "submitted") and answer.value is not None:
                people.setdefault(answer.who, {})[question] = answer.value
    for who, said in people.items():
        yield "labels", who, compared(said, names, False)
    models: dict[Any, dict[str, _Answer]] = {}
    for question, answer in record.suggestions.items():
        if answer.value is not None:
            models.setdefault(answer.who or _AGENT, {})[question] = answer
    for who, answered in models.items():
        said = {question: answer.value for question, answer in answered.items()}
        yield "votes", who, compared(said, names, True, _sure(answered))


def _sure(answered: dict[str, _Answer]) -> float | None:
    """The score of a suggestion that stands alone, where it is a share."""
    scores = [answer.score for answer in answered.values()]
    if len(scores) != 1 or isinstance(scores[0], list | None):
        return None
    number = fields.number({"score": scores[0]}, "score", -1e9, 1e9)
    return number if number is not None and 0 <= number <= 1 else None


def _nested(row: Row) -> _Record:
    """Version 2, with fields, responses and suggestions in objects of their own."""
    answers = {
        question: [_of_object(each) for each in listed(said, question)]
        for question, said in _object(row.get("responses") or {}, "responses").items()
    }
    suggested = {}
    for question, given in _object(row.get("suggestions") or {}, "suggestions").items():
        said = _object(given, question)
        suggested[question] = _Answer(said.get("agent"), said.get("value"), score=said.get("score"))
    return _Record(row["fields"], answers, suggested)


def _object(value: Any, name: str) -> Row:
    if not isinstance(value, dict):
        raise BadRow(value, f"{name} holds {value!r:.80}; it must be an object")
    return value


def _flat(row: Row) -> _Record:
    """Either version, with everything in columns."""
    answers: dict[str, list[_Answer]] = {}
    suggested: dict[str, _Answer] = {}
    texts: Row = {}
    for name, value in row.items():
        if _V2.search(name):
            question = _V2.split(name)[0]
            if name.endswith(".responses"):
                answers[question] = _parallel(row, name)
            elif name.endswith(".suggestion"):
                agent, score = row.get(f"{name}.agent"), row.get(f"{name}.score")
                suggested[question] = _Answer(agent, value, score=score)
        elif name.endswith("-suggestion"):
            about = row.get(f"{name}-metadata") or {}
            answer = _Answer(about.get("agent"), value, score=about.get("score"))
            if about.get("type") == "human":
                answers.setdefault(name.removesuffix("-suggestion"), []).append(answer)
            else:
                suggested[name.removesuffix("-suggestion")] = answer
        elif _answered(value):
            answers[name] = [*answers.get(name, []), *map(_of_object, value)]
        elif name in _NESTED and value is not None:
            raise BadRow(value, f"{name} is {value!r:.80}; of a nested record it is an object")
        elif value is not None and name not in _RECORD:
            texts[name] = value
    return _Record(texts, answers, suggested)


def _parallel(row: Row, name: str) -> list[_Answer]:
    """The three lists of a question, which belong together by place."""
    lists = [row.get(name + end) or [] for end in ("", ".users", ".status")]
    if not all(isinstance(each, list) for each in lists) or len({len(e) for e in lists}) != 1:
        raise BadRow(name, f"{name}, {name}.users and {name}.status must be lists of one length")
    return [_Answer(_user(who), value, status) for value, who, status in zip(*lists, strict=True)]


def _of_object(answer: Row) -> _Answer:
    return _Answer(_user(answer.get("user_id")), answer.get("value"), answer.get("status"))


def _answered(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and {"user_id", "value"} <= set(each) for each in value
    )


def _user(who: Any) -> str | None:
    return None if who in (None, "None", "") else str(who)


def _fits(columns: Columns, row: Row) -> bool:
    if isinstance(row.get("fields"), dict):
        return bool({"responses", "suggestions"} & columns)
    if any(_V2.search(name) for name in columns):
        return True
    return any(f"{name}-suggestion" in columns for name in columns)


def _own(columns: Columns, _: Row) -> Columns:
    """The fields and questions among these columns, by the names that a user gave them."""
    asked = {name for name in columns if _V2.search(name) or "-suggestion" in name}
    asked |= {name for name in columns if f"{name}-suggestion" in columns}
    return frozenset(asked | {name for name in columns if RESPONSE.fullmatch(name)})


def _unread(row: Row) -> Iterator[str]:
    """Names what of this record was not submitted, by its states, and keys that are not read."""
    nested = row.get("responses")
    answered = [*row.values(), *(nested.values() if isinstance(nested, dict) else ())]
    states = [each.get("status") for said in answered if _answered(said) for each in said]
    for name, value in row.items():
        if name.endswith(".responses.status") and isinstance(value, list):
            states += value
    yield from (_LEFT[state] for state in _LEFT if state in states)
    known = (None, "submitted", *_LEFT)
    yield from (f"answers that are {state!r:.40}" for state in states if state not in known)
    for said in answered:
        if _answered(said):
            yield from (f"answers.{key}" for each in said for key in each if key not in _ANSWER)
    given = row.get("suggestions")
    suggested = list(given.values()) if isinstance(given, dict) else []
    suggested += [value for name, value in row.items() if name.endswith("-suggestion-metadata")]
    for each in suggested:
        if isinstance(each, dict):
            yield from (f"suggestions.{key}" for key in each if key not in _SUGGESTION)


PRESETS = (
    Preset(
        name="argilla",
        about="records of version 1 and 2 with a prompt and two or more responses, flat or nested",
        kept="what each person submitted as their labels, and what was suggested as votes of its "
        "agent: the response a question names, a ranking, or a rating of each response; answers to "
        "other questions as the rationale; scores of suggested ratings",
        refused="a record in which nobody compares the responses, or two questions do; a number "
        "where the question does not ask which response is better",
        columns=_RECORD | _FIELDS,
        also=_own,
        inside=_unread,
        dropped={
            "status": "whether the record is done; drafts and discarded answers are left out, but "
            "a nested export does not tell them from submitted ones, and all it has are taken",
            "suggestions": "of these, the answers to questions that compare nothing",
            "_server_id": "an id of the server",
            "metadata": "about the record; --keep keeps it",
            "vectors": "embeddings",
            "score": "how well a search found the record",
        },
        fits=_fits,
        rows=_rows,
        example={
            "id": "r7",
            "instruction": "Name a prime.",
            "response1": "9",
            "response2": "7",
            "preference.responses": ["response2", "response1"],
            "preference.responses.users": ["u1", "u2"],
            "preference.responses.status": ["submitted", "submitted"],
            "preference.suggestion": "response2",
            "preference.suggestion.score": 0.75,
            "preference.suggestion.agent": "m1",
        },
    ),
)
