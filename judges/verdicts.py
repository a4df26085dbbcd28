"""What an answer means: the verdict it states, turned back into stored order.

Anything else is an abstain with its reason; the raw answer is kept beside it and can be read again.
An abstain is never a tie. This is the only place where a display position becomes A or B; how a
verdict is told from a quoted one is in `judges.reading`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from db.vocabulary import Choice, Order
from judges.asking import Answer, Stop, Usage
from judges.reading.stated import Stated, Unstated, stated

_STOPPED: dict[Stop, str] = {
    "length": "truncated",
    "refusal": "refused",
    "filter": "content filter",
    "too long": "too long for the model",
    "rejected": "rejected by the server",
    "cut": "read in part by its server",
    "failed": "broken off by its server",
    "unreadable": "the reply cannot be read",
    "unchecked": "cannot be checked",
}


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """One answer in stored order.

    `principles` maps a rule's id to who keeps it better. `violates:<id>` maps to who breaks it
    outright (`a`, `b` or `both`). `p_a` is the server's probability of A over A and B;
    `confidence` is the probability of the choice, measured where the server gives it, else said.
    `out_of_fold` is as of `Answer`.
    """

    choice: Choice
    strength: int | None = None
    both_bad: bool = False
    confidence: float | None = None
    p_a: float | None = None
    rationale: str | None = None
    principles: Mapping[str, str] | None = None
    reason: str | None = None
    out_of_fold: bool | None = None


def read(answer: Answer, order: Order) -> ParsedAnswer:
    """The verdict of an answer to a question shown in `order`; never raises for its content.

    Whatever reading stumbles over is an abstain that says over what.
    """
    try:
        return _read(answer, order)
    except Unstated as error:
        return _abstain(str(error), answer.text)
    except Exception as error:  # the one boundary between what models write and a run
        return _abstain(f"cannot be read ({type(error).__name__}: {error})", answer.text)


def _read(answer: Answer, order: Order) -> ParsedAnswer:
    if answer.stop == "unchecked":
        return _abstain(f"{_STOPPED[answer.stop]}: {answer.text}", None)
    if answer.stop != "end":
        return _abstain(stopped(answer), answer.text)
    if not answer.text.strip():
        return _abstain("no answer: it only thought" if answer.thinking else "no answer", None)
    said = stated(answer.text, held=answer.held)
    choice = _stored(said.verdict, order)
    confidence, p_a = _probabilities(answer.probabilities, said, order)
    decided = choice in (Choice.A, Choice.B)
    return ParsedAnswer(
        choice=choice,
        strength=(2 if said.strength == "much" else 1) if decided else None,
        both_bad=said.both_bad and choice is Choice.TIE,
        confidence=confidence,
        p_a=p_a,
        rationale=said.rationale,
        principles=_principles(said, order) or None,
        out_of_fold=answer.out_of_fold,
    )


def stopped(answer: Answer) -> str:
    """Why an answer that did not come to its end holds no verdict, with the server's own words."""
    return ": ".join(
        filter(None, (_STOPPED.get(answer.stop, answer.stop), answer.category, answer.told))
    )


def dump(answer: Answer, room: int | None = None) -> str:
    """The answer as it is stored with the vote, so that it can be read again without a call.

    room: the tokens it had, kept with an answer that was cut off.
    """
    kept: dict[str, Any] = {"text": answer.text}
    if answer.stop != "end":
        kept["stop"] = answer.stop
    if answer.stop == "length" and room is not None:
        kept["room"] = room
    if answer.told is not None:
        kept["told"] = answer.told
    if answer.held:
        kept["held"] = True
    if answer.probabilities is not None:
        kept["probabilities"] = dict(answer.probabilities)
    if answer.model is not None:
        kept["model"] = answer.model
    if answer.thinking:
        kept["thinking"] = answer.thinking
    if answer.category:
        kept["category"] = answer.category
    if answer.out_of_fold is not None:
        kept["out_of_fold"] = answer.out_of_fold
    return json.dumps(kept, ensure_ascii=False)


def load(raw: str) -> Answer:
    """The stored answer back; a raw text from elsewhere (an import) is taken as the text."""
    try:
        kept = json.loads(raw)
    except (ValueError, RecursionError):
        return Answer(raw)
    if (
        not isinstance(kept, dict)
        or not isinstance(kept.get("text"), str)
        or kept.get("stop", "end") not in get_args(Stop)
        or not isinstance(kept.get("probabilities"), dict | None)
    ):
        return Answer(raw)
    return Answer(
        text=kept["text"],
        usage=Usage(),
        stop=kept.get("stop", "end"),
        told=told if isinstance(told := kept.get("told"), str) else None,
        held=kept.get("held") is True,
        probabilities=kept.get("probabilities"),
        model=kept.get("model"),
        thinking=_words(kept.get("thinking")),
        category=_words(kept.get("category")),
        out_of_fold=told if isinstance(told := kept.get("out_of_fold"), bool) else None,
    )


def say(
    verdict: str,
    *,
    confidence: float | None = None,
    reasoning: str = "",
    strength: str = "slightly",
    both_bad: bool = False,
) -> str:
    """The answer text of a judge that computes; `read` takes it like any other."""
    said: dict[str, Any] = {"reasoning": reasoning, "verdict": verdict, "strength": strength}
    if both_bad:
        said["both_bad"] = True
    if confidence is not None:
        said["confidence"] = round(100 * confidence, 4)
    return json.dumps(said, ensure_ascii=False)


def verdict_at(text: str, *, held: bool = False) -> int | None:
    """Where the verdict's own word begins (for a server's token probabilities), if it states one.

    held: as of `Answer.held`.
    """
    try:
        return stated(text, held=held).at
    except Unstated:
        return None


def _principles(said: Stated, order: Order) -> dict[str, str]:
    stored = {name: _stored(word, order).value for name, word in said.principles.items()}
    broken: dict[str, set[str]] = {}
    for shown, names in said.violated.items():
        for name in names:
            broken.setdefault(name, set()).add(_stored(shown, order).value)
    for name, who in broken.items():
        stored[f"violates:{name}"] = "both" if len(who) == 2 else who.pop()
    return stored


def _probabilities(
    given: Mapping[str, float] | None, said: Stated, order: Order
) -> tuple[float | None, float | None]:
    """The verdict's probability and that of A over A and B; what is no share is no probability."""
    shares = {word: share for word, share in (given or {}).items() if _is_share(share)}
    if said.verdict not in shares:
        return said.confidence, None
    first, second = shares.get("1", 0.0), shares.get("2", 0.0)
    p_first = first / (first + second) if first + second > 0 else 0.5
    return shares[said.verdict], 1 - p_first if order is Order.BA else p_first


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


def _words(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _stored(shown: str, order: Order) -> Choice:
    choice = {"1": Choice.A, "2": Choice.B, "tie": Choice.TIE}[shown]
    return choice.mirrored() if order is Order.BA else choice


def _abstain(reason: str, rationale: str | None) -> ParsedAnswer:
    return ParsedAnswer(Choice.ABSTAIN, reason=reason, rationale=rationale or None)
