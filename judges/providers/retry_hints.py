"""How long a server asks to be left alone, wherever in its reply it says so. Pure.

Headers first (Retry-After and the vendors' own), then fields of the body, then words.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = (
    r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
    rf"|(?:ms|s|m|h|d)(?={_NUMBER})"
)
_PART = re.compile(rf"({_NUMBER})\s*({_UNIT})", re.IGNORECASE)
_WORDS = re.compile(
    r"(?:try|retry|retrying|wait|again|available|resets?)\b[^.;\d]{0,40}?"
    rf"((?:{_NUMBER}\s*(?:{_UNIT})[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_FIELDS = ("retrydelay", "retryafter", "retryafterseconds", "retryafterms")
_EPOCH = 1e9  # a larger number is a moment, not a length of time


def seconds_asked(
    headers: Mapping[str, str], body: Any, words: str, now: float, *, limited: bool = True
) -> float | None:
    """Seconds to wait, or None where nothing is said. `headers` by names in small letters.

    limited: whether the status says that a limit is reached, so that headers about limits, which
    come with every reply, say anything; now: Unix time here; where the server tells its own time,
    its moments are read by that.
    """
    date = _moment(headers.get("date", ""))
    clock = now if date is None else date
    for found in (
        _retry_after(headers, clock),
        _of_limits({**headers, **_headers_in(body)}, clock) if limited else None,
        _of_fields(body),
        _of_words(words),
    ):
        if found is not None and math.isfinite(found):
            return max(0.0, found)
    return None


def duration(text: str) -> float | None:
    """Seconds of "6m0s", "120ms", "1h2m3.5s", "2 minutes and 5 seconds" or a bare "12"; None of
    anything else.
    """
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or re.sub(r"[\s,]|and", "", _PART.sub("", text)):
        return None
    return sum(float(number) * _UNITS[_short(unit)] for number, unit in parts)


def _short(unit: str) -> str:
    unit = unit.lower()
    return "ms" if unit.startswith(("ms", "milli")) else unit[0]


def _retry_after(headers: Mapping[str, str], clock: float) -> float | None:
    milliseconds = duration(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after", "")
    found = duration(said)
    if found is not None:
        return found - clock if found > _EPOCH else found
    moment = _moment(said)
    return None if moment is None else moment - clock


def _of_limits(headers: Mapping[str, str], clock: float) -> float | None:
    """The longest reset among the limits that have nothing left."""
    waits = []
    for name, said in headers.items():
        if "ratelimit" not in name or "reset" not in name:
            continue
        remaining = headers.get(name.replace("reset", "remaining"), "0")
        if remaining.strip() not in ("0", ""):
            continue
        wait, moment = duration(said), _moment(said)
        if wait is not None and wait > _EPOCH:  # a moment, in seconds or milliseconds
            wait = (wait / 1000 if wait > 1000 * _EPOCH else wait) - clock
        if wait is None and moment is not None:
            wait = moment - clock
        waits += [wait] if wait is not None else []
    return max(waits, default=None)


def _headers_in(body: Any, depth: int = 0) -> dict[str, str]:
    """Headers that a router hands on inside the body."""
    if isinstance(body, list):
        return {n: v for one in body[:8] for n, v in _headers_in(one, depth).items()}
    if not isinstance(body, dict) or depth > 4:
        return {}
    found: dict[str, str] = {}
    for name, value in body.items():
        if name == "headers" and isinstance(value, dict):
            found |= {str(n).lower(): str(v) for n, v in value.items()}
        else:
            found |= _headers_in(value, depth + 1)
    return found


def _moment(said: str) -> float | None:
    """Unix time of an HTTP date or an RFC 3339 time."""
    try:
        return parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError):
        pass
    try:
        found = datetime.fromisoformat(said.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _of_fields(body: Any) -> float | None:
    waits = [wait for wait in _delays(body) if wait is not None]
    return max(waits, default=None)


def _delays(body: Any, depth: int = 0) -> Iterator[float | None]:
    if depth > 8:
        return
    if isinstance(body, list):
        for one in body:
            yield from _delays(one, depth + 1)
    elif isinstance(body, dict):
        for name, value in body.items():
            plain = re.sub(r"[^a-z]", "", str(name).lower())
            if plain in _FIELDS and isinstance(value, int | float | str):
                wait = duration(str(value))
                yield wait / 1000 if wait is not None and plain.endswith("ms") else wait
            else:
                yield from _delays(value, depth + 1)


def _of_words(words: str) -> float | None:
    found = _WORDS.search(words)
    return None if found is None else duration(found[1].strip().removesuffix("and").strip(", "))
