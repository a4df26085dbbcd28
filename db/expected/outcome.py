"""The outcome expected of a prompt's responses: four kinds, each usable or refused."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db.expected import arithmetic, schemas

KINDS = ("exact", "regex", "json_schema", "arithmetic")
TOLERANCE = 1e-6  # by hand: what printing six digits loses
_LONGEST = 2000  # characters of a pattern


class BadOutcome(ValueError):
    """Why an expected outcome cannot be used."""


@dataclass(frozen=True, slots=True)
class Exact:
    """The final answer is one of these."""

    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The pattern is found in the response. `found` is RE2's: linear in the response."""

    found: Any


@dataclass(frozen=True, slots=True)
class Schema:
    """The response, or its last fenced block, is JSON of this schema."""

    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Value:
    """The response's last number is this one, up to a relative or absolute tolerance."""

    number: float
    tolerance: float


Outcome = Exact | Pattern | Schema | Value


def read(expected: Mapping[str, Any]) -> Outcome:
    """An expected outcome as it can be used. Raises BadOutcome with the reason."""
    kind, value = expected.get("kind"), expected.get("value")
    try:
        match kind:
            case "exact":
                return Exact(_answers(value))
            case "regex":
                return Pattern(_pattern(value))
            case "json_schema":
                schemas.check(value)
                return Schema(value)  # type: ignore[arg-type]
            case "arithmetic":
                return Value(_number(value), _tolerance(expected.get("tolerance")))
    except (ValueError, RecursionError) as error:
        raise BadOutcome(f"{kind} {_shown(value)} cannot be used: {error}") from None
    raise BadOutcome(f"kind {_shown(kind)} is unknown; choose one of {list(KINDS)}")


def _answers(value: Any) -> tuple[str, ...]:
    answers = value if isinstance(value, list) else [value]
    if not answers or not all(isinstance(each, str | int | float) for each in answers):
        raise ValueError("give a text, a number or a list of them")
    return tuple(str(each) for each in answers)


def _pattern(value: Any) -> Any:
    import re2

    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(f"give a pattern of at most {_LONGEST:,} characters")
    quiet = re2.Options()
    quiet.log_errors = False
    try:
        re2.compile(value, quiet)  # by itself, so that what is wrong is told of it alone
        return re2.compile(f"(?m){value}", quiet)
    except re2.error as error:
        raise ValueError(f"{_plain(error)} (patterns are RE2's: no look-around)") from None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("give a sum")
    return arithmetic.evaluate(str(value))


def _tolerance(value: Any) -> float:
    try:
        tolerance = TOLERANCE if value is None else float(value)
    except (TypeError, OverflowError, ValueError):
        tolerance = math.nan
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance {_shown(value)} is no number from 0")
    return tolerance


def _plain(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
