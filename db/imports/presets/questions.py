"""What answers to questions say of responses: which is better, a ranking, a rating of each.

Pure, and of any tool whose questions have names; whose answers they are is told elsewhere.
"""

import json
import re
from itertools import combinations
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.ratings import better

Opinion = tuple[tuple[str, str], Row]
"""Two responses, and what is said of them."""

RESPONSE = re.compile(
    r"(?:response|answer|output|completion|generation|candidate)s?[-_ .]?(\d{1,3}|[a-z])"
)
_ASKS = re.compile(r"best|better|prefer|choice|choose|chosen|rank|winner|compar", re.IGNORECASE)
"""Names of questions that ask which response is better, so that a number is a response's."""
_RATES = frozenset({"rating", "score", "quality"})
_TIES = {"tie": False, "equal": False, "both": False, "neither": True, "both bad": True}
"""Words of a tie, and whether it says that both are bad."""


def compared(
    said: dict[str, Any], names: list[str], scored: bool, sure: float | None = None
) -> list[Opinion]:
    """The comparisons that somebody's answers make; their other answers are the rationale.

    `said` are answers by question, `names` the responses in order. A model (`scored`) keeps the
    scores it gave, and may compare nothing; `sure` is its confidence. Raises BadRow.
    """
    told = {q: found for q, value in said.items() if (found := _comparison(q, value, names))}
    if len(told) > 1:
        raise BadRow(
            list(told), f"{' and '.join(told)} both compare the responses; say which with --map"
        )
    rated = {f: fields.number(said, q, -1e6, 1e6) for q in said if (f := _rated(q, names))}
    scores = {name: number for name, number in rated.items() if number is not None}
    used = set(told) or {q for q in said if scored and _rated(q, names) in scores}
    words = "\n".join(_words(q, value) for q, value in said.items() if q not in used)
    more = ({"rationale": words} if words else {}) | ({} if sure is None else {"confidence": sure})
    if told:
        return [(pair, {**opinion, **more}) for pair, opinion in next(iter(told.values()))]
    both = [pair for pair in combinations(names, 2) if set(pair) <= set(scores)]
    if not both and not scored:
        raise BadRow(
            said, f"the answers to {', '.join(said)} do not compare the responses; use --map"
        )
    return [(pair, {**_by_score(scores, pair, scored), **more}) for pair in both]


def _by_score(scores: dict[str, float], pair: tuple[str, str], scored: bool) -> Row:
    a, b = (scores[name] for name in pair)
    return {"choice": better(a, b).value} | ({"score_a": a, "score_b": b} if scored else {})


def _comparison(question: str, value: Any, names: list[str]) -> list[Opinion] | None:
    """What an answer says of the responses; None where it is about something else."""
    if _rated(question, names):
        return None
    ranks = _ranks(value)
    if ranks is not None:
        unknown = sorted(set(ranks) - set(names)) or sorted(set(names) - set(ranks))
        if unknown:
            raise BadRow(unknown, f"{question} must rank each of {', '.join(names)} once")
        # A lower rank is better, so the ranks are compared as scores from below.
        return [
            ((a, b), {"choice": better(-ranks[a], -ranks[b]).value})
            for a, b in combinations(names, 2)
        ]
    asks = _ASKS.search(question) is not None
    best = _named(value, names, asks)
    if best is not None:
        others = [tuple(sorted((best, n), key=place)) for n in names if n != best]
        return [((a, b), {"choice": "a" if a == best else "b"}) for a, b in others]
    word = str(value).strip().lower()
    if asks and word in _TIES and len(names) == 2:
        return [((names[0], names[1]), {"choice": "tie", "both_bad": _TIES[word]})]
    if asks and not isinstance(value, str):
        raise BadRow(value, f"{question} is {value!r}; it must name one of {', '.join(names)}")
    return None


def _ranks(value: Any) -> dict[str, int] | None:
    """The ranks of a ranking, which is a list of objects or an object of lists."""
    if isinstance(value, dict) and {"rank", "value"} <= set(value):
        value = [
            {"rank": r, "value": v} for r, v in zip(value["rank"], value["value"], strict=True)
        ]
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        return None
    return {str(v.get("value")): fields.integer(v, "rank", None, 0, 1000) or 0 for v in value}


def _named(value: Any, names: list[str], asks: bool) -> str | None:
    """The response that an answer names in full or, where the question asks which, by its place."""
    if value in names:
        return str(value)
    if not asks or isinstance(value, bool):
        return None
    short = str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
    short = short.strip().lower()
    token = RESPONSE.fullmatch(short)
    places = {_token(name): name for name in names}
    return places.get(token[1] if token else short)


def _rated(question: str, names: list[str]) -> str | None:
    """The response that a question rates by its name: `response1-rating`, `rating_response1`."""
    for name in names:
        if name in question and question.replace(name, "").strip("-_ .").lower() in _RATES:
            return name
    return None


def _words(question: str, value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{question}: {said}"


def _token(name: str) -> str:
    found = RESPONSE.fullmatch(name)
    return found[1] if found else name


def place(name: str) -> tuple[int, str]:
    """Where a response stands among the others, by the number or letter of its name."""
    token = _token(name)
    return (int(token), "") if token.isdigit() else (-1, token)
