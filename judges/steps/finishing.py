"""Which answers are finished texts, and what becomes of one that is not: asked once more, given up.

A text that was cut off, that is empty or nothing but thinking, that its server broke off, or that
nobody can read is asked for once more (with twice the room where it was cut off). A refusal stands.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from db.generation import note, noted
from db.session import Session
from judges import verdicts
from judges.asking import Answer, Question, Stop
from judges.reading.thinking import doubtful
from judges.text_requests import Brought

_AGAIN: tuple[Stop, ...] = ("end", "length", "failed", "unreadable")
_ROOM = 2  # times the tokens, for a text that was cut off; by hand


@dataclass
class Count:
    """What storing found: texts and pairs that were not there yet, what is never asked for, answers
    that were no finished texts, how many of them are asked for again, and how many given up by why.
    """

    new: int = 0
    pairs: int = 0
    passed_over: int = 0
    unfinished: int = 0
    again: int = 0
    given_up: Counter[str] = field(default_factory=Counter)


def finished(answer: Answer) -> tuple[str, str | None]:
    """The text of an answer and None; or no text, and why it is none."""
    if answer.stop != "end":
        return "", verdicts.stopped(answer)
    text = answer.text
    marks = doubtful(text, ())
    if len(marks) == 1 and not marks[0].start:  # a template opened the thinking
        text, marks = text[marks[0].end :], []
    if marks:
        return "", "it may hold thinking"
    if not text.strip():
        return "", "no answer: it only thought" if answer.thinking else "no answer"
    return text.strip(), None


def settle(session: Session, one: Brought, count: Count) -> str | None:
    """The finished text, "" where it is given up, None where it is to be asked for once more."""
    text, why = finished(one.answer)
    if why is None or one.refused:
        return text
    key = one.request.key
    count.unfinished += 1
    if one.answer.stop in _AGAIN and not tried(session, key.kind, [key.subject]).get(
        (key.subject, key.source)
    ):
        count.again += 1
        note(session, _unfinished(key.kind), key.subject, {"by": key.source, **bill(one)})
        return None
    count.given_up[why] += 1
    return ""


def tried(session: Session, kind: str, subjects: list[str]) -> dict[tuple[str, str], Any]:
    """The first tries that were not finished, by (subject, source's label)."""
    return noted(session, _unfinished(kind), subjects)


def with_room(question: Question, first: Any) -> Question:
    """The question as it is asked again after a first try that was not finished."""
    if first is None or first["stop"] != "length":
        return question
    return replace(question, max_tokens=_ROOM * question.max_tokens)


def bill(one: Brought) -> dict[str, Any]:
    """What is written down of an answer besides its text."""
    why = finished(one.answer)[1]
    kept: dict[str, Any] = {"cost_nanousd": one.cost_nanousd, "stop": one.answer.stop}
    return kept if why is None else {**kept, "why": why}


def _unfinished(kind: str) -> str:
    return f"{kind}: unfinished"
