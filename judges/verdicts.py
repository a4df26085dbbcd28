"""What an answer means: the last verdict, bound to the menu, turned back into stored order.

Anything else is an abstain with its reason; the raw answer is kept beside it and can be read again.
An abstain is never a tie. This is the only place where a display position becomes A or B.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from db.vocabulary import Choice, Order
from judges.asking import Answer, Question, Usage
from judges.prompts import MENU

_STOPPED = {
    "length": "truncated",
    "refusal": "refused",
    "filter": "content filter",
    "too long": "too long for the model",
}
_VERDICT = re.compile(
    r"^[\s>*_#`]*VERDICT[\s*_`]*[:=][\s*_`]*(?P<rest>.*)$", re.MULTILINE | re.IGNORECASE
)
_CONFIDENCE = re.compile(r"^[\s*_#`]*CONFIDENCE[\s*_`]*[:=][\s*_`]*(\d+(?:\.\d+)?)", re.M | re.I)
_RULES_LINE = re.compile(r"^[\s*_#`]*PRINCIPLES[\s*_`]*[:=](.*)$", re.M | re.I)
_BROKEN_LINE = re.compile(r"^[\s*_#`]*VIOLATED BY ([12])[\s*_`]*[:=](.*)$", re.M | re.I)
_VERDICT_KEY = re.compile(r'"verdict"\s*:')


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """One answer in stored order.

    `principles` maps a rule's id to who keeps it better. `violates:<id>` maps to who breaks it
    outright (`a`, `b` or `both`). `p_a` is the server's probability of A over A and B;
    `confidence` is the probability of the choice, measured where the server gives it, else said.
    """

    choice: Choice
    strength: int | None = None
    both_bad: bool = False
    confidence: float | None = None
    p_a: float | None = None
    rationale: str | None = None
    principles: Mapping[str, str] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer in display order, as far as it could be read."""

    verdict: str
    strength: str | None = None
    both_bad: bool = False
    confidence: float | None = None
    rationale: str | None = None
    principles: Mapping[str, str] = field(default_factory=dict)
    violated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(answer: Answer, order: Order) -> ParsedAnswer:
    """The verdict of an answer to a question shown in `order`; never raises for its content."""
    if answer.stop != "end":
        return _abstain(_STOPPED[answer.stop], answer.text)
    if not answer.text.strip():
        return _abstain("no answer", None)
    said = _read(answer.text)
    if said is None:
        return _abstain("no verdict", answer.text)
    if said.verdict not in MENU:
        shown = said.verdict if len(said.verdict) <= 40 else said.verdict[:37] + "..."
        return _abstain(f"outside the menu: {shown!r}", said.rationale)
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
    )


def dump(answer: Answer) -> str:
    """The answer as it is stored with the vote, so that it can be read again without a call."""
    kept: dict[str, Any] = {"text": answer.text}
    if answer.stop != "end":
        kept["stop"] = answer.stop
    if answer.probabilities is not None:
        kept["probabilities"] = dict(answer.probabilities)
    if answer.model is not None:
        kept["model"] = answer.model
    return json.dumps(kept, ensure_ascii=False)


def load(raw: str) -> Answer:
    """The stored answer back; a raw text from elsewhere (an import) is taken as the text."""
    try:
        kept = json.loads(raw)
    except ValueError:
        return Answer(raw)
    if not isinstance(kept, dict) or not isinstance(kept.get("text"), str):
        return Answer(raw)
    return Answer(
        text=kept["text"],
        usage=Usage(),
        stop=kept.get("stop", "end"),
        probabilities=kept.get("probabilities"),
        model=kept.get("model"),
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


def verdict_at(text: str, question: Question) -> int | None:
    """Where in `text` the verdict's own word begins (for a server's token probabilities)."""
    if question.schema is not None:
        keys = list(_VERDICT_KEY.finditer(text))
        if not keys:
            return None
        start = text.find('"', keys[-1].end())
        return None if start < 0 else start + 1
    lines = list(_VERDICT.finditer(text))
    if lines:
        return lines[-1].start("rest")
    return len(text) - len(text.lstrip(" \n`*\"'")) if text.strip() else None


def _read(text: str) -> _Said | None:
    """Whichever verdict stands last, the JSON one or the line."""
    found, end = _last_object(text)
    if found is None or _VERDICT.search(text, end):
        return _read_text(text)
    return _read_object(found)


def _read_object(found: dict[str, Any]) -> _Said:
    rules = found.get("principles")
    broken = {n: found.get(f"violated_by_{n}") for n in ("1", "2")}
    verdict = found["verdict"]
    return _Said(
        verdict=verdict.strip().lower() if isinstance(verdict, str) else json.dumps(verdict),
        strength=_word(found.get("strength")),
        both_bad=found.get("both_bad") is True,
        confidence=_share(found.get("confidence")),
        rationale=_word(found.get("reasoning")) or None,
        principles={k: v for k, v in rules.items() if v in MENU} if isinstance(rules, dict) else {},
        violated={
            n: tuple(x for x in names if isinstance(x, str))
            for n, names in broken.items()
            if isinstance(names, list)
        },
    )


def _last_object(text: str) -> tuple[dict[str, Any] | None, int]:
    """The last JSON object with a verdict of its own, and where it ends.

    An object inside another does not count, nor one that more JSON follows: where the outer object
    is broken, what it quotes must not speak for it.
    """
    decoder = json.JSONDecoder()
    found: dict[str, Any] | None = None
    end = 0
    at = text.find("{")
    while at >= 0:
        try:
            value, after = decoder.raw_decode(text, at)
        except ValueError:
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and "verdict" in value:
            found, end = value, after
        at = text.find("{", after)
    if "}" in text[end:]:
        return None, 0
    return found, end


def _read_text(text: str) -> _Said | None:
    bare = text.strip().strip("`*\"'. ").lower()
    if bare in MENU:
        return _Said(verdict=bare)
    lines = list(_VERDICT.finditer(text))
    if not lines:
        return None
    last = lines[-1]
    rest = last["rest"].strip().strip("`*_.\"' ").lower()
    match = re.match(r"(?:response\s+)?(1|2|tie)\b(.*)$", rest)
    confidence = _CONFIDENCE.findall(text)
    return _Said(
        verdict=match[1] if match else rest,
        strength="much" if match and "much" in match[2] else "slightly",
        both_bad=bool(match and "both bad" in match[2]),
        confidence=_share(float(confidence[-1])) if confidence else None,
        rationale=text[: _tail_start(text, last.start())].strip() or None,
        principles=_rules_of(text),
        violated={n: _names(names) for n, names in _BROKEN_LINE.findall(text)},
    )


def _tail_start(text: str, verdict: int) -> int:
    """Where the reasoning ends and the closing lines begin."""
    starts = [m.start() for p in (_CONFIDENCE, _RULES_LINE, _BROKEN_LINE) for m in p.finditer(text)]
    return min([verdict, *starts])


def _rules_of(text: str) -> dict[str, str]:
    lines = _RULES_LINE.findall(text)
    if not lines:
        return {}
    said = (part.partition("=") for part in lines[-1].split(","))
    pairs = {name.strip(" `*"): value.strip(" `*.").lower() for name, _, value in said}
    return {name: value for name, value in pairs.items() if value in MENU}


def _names(text: str) -> tuple[str, ...]:
    names = (part.strip(" `*.") for part in text.split(","))
    return tuple(n for n in names if n and n.lower() != "none")


def _principles(said: _Said, order: Order) -> dict[str, str]:
    stored = {name: _stored(word, order).value for name, word in said.principles.items()}
    broken: dict[str, set[str]] = {}
    for shown, names in said.violated.items():
        for name in names:
            broken.setdefault(name, set()).add(_stored(shown, order).value)
    for name, who in broken.items():
        stored[f"violates:{name}"] = "both" if len(who) == 2 else who.pop()
    return stored


def _probabilities(
    given: Mapping[str, float] | None, said: _Said, order: Order
) -> tuple[float | None, float | None]:
    if not given:
        return said.confidence, None
    first, second = given.get("1", 0.0), given.get("2", 0.0)
    p_first = first / (first + second) if first + second > 0 else 0.5
    return given.get(said.verdict, 0.0), 1 - p_first if order is Order.BA else p_first


def _stored(shown: str, order: Order) -> Choice:
    choice = {"1": Choice.A, "2": Choice.B, "tie": Choice.TIE}[shown]
    return choice.mirrored() if order is Order.BA else choice


def _abstain(reason: str, rationale: str | None) -> ParsedAnswer:
    return ParsedAnswer(Choice.ABSTAIN, reason=reason, rationale=rationale or None)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _share(value: object) -> float | None:
    """A percentage (or a share up to 1) as a share in [0, 1]; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    share = value / 100 if value > 1 else float(value)
    return share if 0 <= share <= 1 else None
