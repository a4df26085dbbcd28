"""The one verdict that an answer states, or why it states none. Positions are the screen's.

Everything that looks like a verdict is heard: a VERDICT line or a "verdict" key of JSON, wherever
it stands. Where two differ, or one is not on the menu, nobody can tell the model's own word from
one it quotes, and the answer states none. A line behind a quotation's mark is no verdict line. A
fence may be a quotation: a verdict line in it contradicts others and does not count by itself, nor
does an object in a fence that holds more than the object.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from typing import Any, TypeVar

from judges.prompts import MENU
from judges.reading.lines import Line, blanked, lines, unwrapped
from judges.reading.mending import latex
from judges.reading.objects import Found, objects
from judges.reading.thinking import Span, doubtful, lead

T = TypeVar("T")
LONGEST = 1_000_000  # characters that are looked at; no judge may write a tenth of it
_WORDY = 60  # characters of a verdict with everything a model writes around it
_SHOWN = 40  # characters of a wrong verdict that the reason repeats

_VERDICT = re.compile(
    r"[\s*_#`]*+(?:(?:my|the|final|overall)\s+){0,2}VERDICT[\s*_`]*+[:=](.*)", re.IGNORECASE
)
_KEY = re.compile(
    r'"verdict"\s*+:\s*+(?:"(?P<text>(?:[^"\\]|\\.)*+)|(?P<bare>[^\s",}\]]*+))', re.I | re.DOTALL
)
_ODD_KEY = re.compile(
    r"""['"“”＂]verdict['"”＂]\s*+[:：]\s*+(?:['"“”＂](?P<text>[^'"“”＂]*+)|(?P<bare>[^\s'",，}\]]*+))""",
    re.I,
)
_WORD = re.compile(
    r"[\s*_`\"'“＂(\[]*(?:response\s+)?(?P<word>1|2|tie)\b[\s*_`\"'”＂.,:;!()\[\]–—-]*"
    r"(?:(?P<more>slightly|much|both(?:\s+are)?\s+bad)(?:\s+better)?[\s*_`\"'.!)\]]*)?",
    re.IGNORECASE,
)
_MARK = re.compile(r"(?:[\s>]|[12PRC]\|)*+")
_CONFIDENCE = re.compile(r"[\s*_#`]*+CONFIDENCE[\s*_`]*+[:=][\s*_`]*+(\d+(?:\.\d+)?)", re.I)
_RULES = re.compile(r"[\s*_#`]*+PRINCIPLES[\s*_`]*+[:=](.*)", re.I)
_BROKEN = re.compile(r"[\s*_#`]*+VIOLATED BY ([12])[\s*_`]*+[:=](.*)", re.I)
_TAGGED = re.compile(
    r"\s*+<((?:final_)?(?:answer|response|output|verdict|judg[e]?ment))>(.*)</\1>\s*+",
    re.I | re.DOTALL,
)
_NAMES = {
    *("reasoning", "principles", "violated_by_1", "violated_by_2"),
    *("verdict", "strength", "both_bad", "confidence"),
}
_CLOSING = (_CONFIDENCE, _RULES, _BROKEN)


@dataclass(frozen=True, slots=True)
class Stated:
    """What an answer states, in display order.

    `at` is where the verdict's own word stands. `confidence` is a share. `principles`: a rule's
    name to who keeps it better; `violated`: "1" or "2" to the rules it breaks outright.
    """

    verdict: str
    at: int
    strength: str | None = None
    both_bad: bool = False
    confidence: float | None = None
    rationale: str | None = None
    principles: Mapping[str, str] = field(default_factory=dict)
    violated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Unstated(ValueError):
    """An answer states no verdict; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """One thing like a verdict. `said` is on the menu or shows what is not; `own`: it may count."""

    said: str
    at: int
    own: Stated | None = None


def stated(text: str, *, held: bool = False) -> Stated:
    """The one verdict of an answer. Raises Unstated where there is none.

    held: the server held the answer to a schema, so it is one object of it or nothing.
    """
    if len(text) > LONGEST:
        raise Unstated(f"too long to read: {len(text):,} characters")
    text = unwrapped(_bare(text))
    found = objects(text)
    spans = doubtful(text, [Span(one.start, one.end) for one in found if one.value is not None])
    if not spans:
        return _agreed(_heard(text, found, held))
    thought = [replace(one, own=None) for one in _anything(text, spans)]
    text = _without(text, spans)
    heard = [*thought, *_heard(text, objects(text), held)]
    if thought and all(one.own is None for one in heard) and len({one.said for one in heard}) == 1:
        raise Unstated("the verdict stands among what may be thinking")
    return _agreed(heard)


def is_sole_object(text: str) -> bool:
    """Whether a text is exactly one object of the answer's schema, with a verdict of the menu."""
    found = objects(text[:LONGEST])
    value = found[0].value if _alone(text, found) else None
    return (
        value is not None
        and {"reasoning", "verdict"} <= set(value) <= _NAMES
        and _said(str(value["verdict"])) in MENU
    )


def _bare(text: str) -> str:
    """A text without the thinking it begins with, a byte order mark or one tag around the whole;
    what stays keeps its place.
    """
    text = _without(text, [Span(0, lead(text))])
    if text.startswith("\ufeff"):
        text = " " + text[1:]
    if tagged := _TAGGED.fullmatch(text):
        text = _without(text, [Span(0, tagged.start(2)), Span(tagged.end(2), len(text))])
    return text


def _anything(text: str, spans: Sequence[Span]) -> Iterator[_Heard]:
    """Every verdict key, and every verdict line within the spans, quoted or not."""
    yield from _keys(text, odd=True)
    for span in spans:
        inside = text[span.start : span.end]
        yield from _of_lines(inside, [row for row in lines(inside) if not row.marked])


def _without(text: str, spans: Sequence[Span]) -> str:
    """A text with blank lines in place of some of it: what stands behind begins a line."""
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += [text[at : span.start], "\n" * (span.end - span.start)]
        at = span.end
    return "".join([*parts, text[at:]])


def _heard(text: str, found: Sequence[Found], held: bool) -> list[_Heard]:
    """Everything like a verdict in a text whose objects are `found`."""
    if held or _alone(text, found):
        return [*_keys(text, any(one.odd for one in found)), *_of_objects(text, found)]
    if len(text.strip()) <= _WORDY and (bare := _WORD.fullmatch(text)):
        own = _of_word(bare, 0)
        return [_Heard(own.verdict, own.at, own)]
    rows = lines(text)
    marked = [row for row in rows if row.marked]
    plain = blanked(text, marked) if marked else text
    if marked:
        rows, found = [row for row in rows if not row.marked], objects(plain)
    usual = [one for one in found if not one.odd]
    # What is quoted inside JSON can put a mark before the model's own words.
    heard = list(_keys(text if found else plain))
    heard += [*_of_objects(text, _outside(usual, rows)), *_of_lines(text, rows)]
    odd = [one for one in found if one.odd]
    if any(one.value is None or _said(str(one.value.get("verdict"))) in MENU for one in odd):
        heard += _keys(text, odd=True)
    if odd and not any(one.own for one in heard) and not text[odd[-1].end :].strip("`} \r\n\t"):
        heard += _of_objects(text, odd[-1:])
    if not heard and any(_VERDICT.match(_MARK.sub("", row.text)) for row in marked):
        raise Unstated("the verdict stands in a quotation")
    return heard


def _alone(text: str, found: Sequence[Found]) -> bool:
    """Whether the text is one object and nothing else."""
    return len(found) == 1 and not (text[: found[0].start] + text[found[0].end :]).strip(
        "}` \r\n\t"
    )


def _agreed(heard: Sequence[_Heard]) -> Stated:
    """What all that is heard says together."""
    said = sorted({one.said for one in heard})
    own = [one.own for one in heard if one.own is not None]
    if not said:
        raise Unstated("no verdict")
    if len(said) > 1:
        raise Unstated(f"several verdicts: {', '.join(map(repr, said))}")
    if said[0] not in MENU:
        raise Unstated(f"outside the menu: {said[0]!r}")
    if not own:
        raise Unstated("the verdict stands in a quotation or in JSON that cannot be read")
    return replace(
        own[-1],
        strength=_same([one.strength for one in own], "slightly"),
        both_bad=_same([one.both_bad for one in own], False),
        confidence=_same([one.confidence for one in own], None),
        principles=_same([one.principles for one in own], {}),
        violated=_same([one.violated for one in own], {}),
    )


def _same(values: Sequence[T], otherwise: T) -> T:
    return values[0] if all(value == values[0] for value in values) else otherwise


# -- JSON -----------------------------------------------------------------------------------------


def _keys(text: str, odd: bool = False) -> Iterator[_Heard]:
    """Every verdict key, at whatever depth and in whatever JSON, whole or broken. odd: in whatever
    quotation marks, too.
    """
    matches = chain(_KEY.finditer(text), _ODD_KEY.finditer(text) if odd else ())
    for match in matches:
        name = "text" if match["text"] is not None else "bare"
        yield _Heard(_said(match[name]), match.start(name))


def _of_objects(text: str, found: Sequence[Found]) -> Iterator[_Heard]:
    for one in found:
        if one.value is not None and "verdict" in one.value:
            verdict = one.value["verdict"]
            said = _said(verdict if isinstance(verdict, str) else json.dumps(verdict))
            keys = list((_ODD_KEY if one.odd else _KEY).finditer(text, one.start, one.end))
            at = keys[-1].start("text" if keys[-1]["text"] is not None else "bare") if keys else 0
            yield _Heard(said, at, _of_object(one.value, said, at))


def _of_object(value: Mapping[str, Any], said: str, at: int) -> Stated:
    rules = value.get("principles")
    broken = {n: value.get(f"violated_by_{n}") for n in ("1", "2")}
    return Stated(
        verdict=said,
        at=at,
        strength=_text(value.get("strength")),
        both_bad=value.get("both_bad") is True,
        confidence=_share(value.get("confidence")),
        rationale=latex(_text(value.get("reasoning")) or "") or None,
        principles={
            name: word
            for name, word in (rules.items() if isinstance(rules, dict) else ())
            if word in MENU
        },
        violated={
            n: tuple(name for name in names if isinstance(name, str))
            for n, names in broken.items()
            if isinstance(names, list)
        },
    )


def _outside(found: Sequence[Found], rows: Sequence[Line]) -> list[Found]:
    """The objects that stand in no fence, and those alone in one."""
    starts = [row.start for row in rows]
    kept = []
    for before, one, after in zip([None, *found], found, [*found[1:], None], strict=False):
        first, last = (bisect_right(starts, at) - 1 for at in (one.start, one.end - 1))
        if not rows[first].fenced:
            kept.append(one)
            continue
        beside = (before is not None and before.end > rows[first].start) or (
            after is not None and after.start < rows[last].end
        )
        closed = last + 1 == len(rows) or rows[last + 1].is_fence
        if rows[first - 1].is_fence and closed and not beside:
            lead = rows[first].text[: one.start - rows[first].start]
            if not (lead + rows[last].text[one.end - rows[last].start :]).strip():
                kept.append(one)
    return kept


# -- lines ----------------------------------------------------------------------------------------


def _of_lines(text: str, rows: Sequence[Line]) -> Iterator[_Heard]:
    """Every verdict line; where its word stands on the next line, that is taken."""
    closing: dict[str, Any] | None = None
    for row, after in zip_longest(rows, rows[1:]):
        match = _VERDICT.match(row.text)
        if match is None:
            continue
        rest, start = match[1], row.start + match.start(1)
        if not rest.strip("*_` \t") and after is not None:
            rest, start = after.text, after.start
        word = _WORD.fullmatch(rest) if len(rest.strip()) <= _WORDY else None
        if word is None or row.fenced:
            yield _Heard(_said(rest), start)
            continue
        closing = closing or _closing(text, [row for row in rows if not row.fenced])
        one = _of_word(word, start)
        yield _Heard(one.verdict, one.at, replace(one, **closing))


def _closing(text: str, rows: Sequence[Line]) -> dict[str, Any]:
    """What the other closing lines say, where each says one thing; and what stands before them."""
    confidence = [float(match[1]) for row in rows if (match := _CONFIDENCE.match(row.text))]
    rules = [_rules(match[1]) for row in rows if (match := _RULES.match(row.text))]
    broken: dict[str, list[tuple[str, ...]]] = {"1": [], "2": []}
    for row in rows:
        if match := _BROKEN.match(row.text):
            broken[match[1]].append(_names(match[2]))
    begins = [row.start for row in rows if any(kind.match(row.text) for kind in _CLOSING)]
    verdict = max(row.start for row in rows if _VERDICT.match(row.text))
    return {
        "confidence": _share(confidence[0]) if len(set(confidence)) == 1 else None,
        "principles": _same(rules, {}) if rules else {},
        "violated": {n: _same(names, ()) for n, names in broken.items() if names},
        "rationale": text[: min([*begins, verdict])].strip() or None,
    }


def _rules(text: str) -> dict[str, str]:
    said = (part.partition("=") for part in text.split(","))
    pairs = {name.strip(" `*"): value.strip(" `*.").lower() for name, _, value in said}
    return {name: value for name, value in pairs.items() if value in MENU}


def _names(text: str) -> tuple[str, ...]:
    names = (part.strip(" `*.") for part in text.split(","))
    return tuple(name for name in names if name and name.lower() != "none")


# -- words ----------------------------------------------------------------------------------------


def _of_word(word: re.Match[str], offset: int) -> Stated:
    more = (word["more"] or "").lower()
    return Stated(
        verdict=word["word"].lower(),
        at=offset + word.start("word"),
        strength="much" if more == "much" else "slightly",
        both_bad=more.startswith("both"),
    )


def _said(text: str) -> str:
    """The menu's word where that is all that is said, else what is said instead, cut short."""
    word = _WORD.fullmatch(text) if len(text.strip()) <= _WORDY else None
    if word is not None:
        return word["word"].lower()
    shown = " ".join(text[: 4 * _SHOWN].split()).strip("`*_.\"' ").lower()
    return shown if len(text) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _share(value: object) -> float | None:
    """A percentage (or a share up to 1) as a share in [0, 1]; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    share = value / 100 if value > 1 else float(value)
    return share if 0 <= share <= 1 else None
