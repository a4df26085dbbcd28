"""A line of a batch's results: whose it is, and what it means that it was not answered.

A line that cannot be read costs itself alone. A status of 4xx belongs to the question; what says
that the server was busy, or that the batch ended, belongs to nobody.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from judges.asking import Later, Lost, Rejected
from judges.batcher import Collected
from judges.providers.fault_words import about_money
from judges.providers.faults import meaning
from judges.providers.told import Told, told, told_in

_REFUSED = (400, 403, 413, 422)
_BUSY = ("expired", "cancel", "timeout", "timedout", "servererror", "apierror", "internal")
# What Anthropic's lines name instead of a status: the table of its documentation on errors.
STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def collected(
    contents: Iterator[bytes], read: Callable[[str, dict[str, Any]], Collected]
) -> Iterator[Collected]:
    """Every line of the files of a batch in turn; blank ones are none."""
    for content in contents:
        for line in _lines(content):
            yield _read(line, read)


def unanswered(
    name: str, status: int | None, error: Any, secrets: Collection[str] = ()
) -> Collected:
    """A line without an answer, by its HTTP status (None where there was none) and what is said."""
    said = told(status, error, now=time.time(), secrets=secrets)
    words = said.words or ", ".join(said.codes) or said.sentence
    if not words:
        return Collected(name, "lost", None, "neither an answer nor a reason is in its line")
    if status is None:
        said, sure = _by_code(said, error)
        if not sure:
            return Collected(name, "failed", None, words)
    why = meaning(said, "")
    if isinstance(why, Rejected) and said.status in _REFUSED and not about_money(said):
        return Collected(name, "refused", replace(why.answer, batched=True), words)
    passing = isinstance(why, Later | Lost)
    return Collected(name, "later" if passing else "failed", None, words)


def _by_code(said: Told, error: Any) -> tuple[Told, bool]:
    """With the status that its code stands for, and whether one does."""
    found = told_in(error if isinstance(error, dict) else {}, time.time())
    return replace(said, status=found.status), found.status != 500 or said.has(*_BUSY)


def _lines(content: bytes) -> Iterator[bytes]:
    """One at a time: results can be large. A mark of byte order is no part of them."""
    start = 3 if content.startswith(b"\xef\xbb\xbf") else 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        if line := content[start:end].strip():
            yield line
        start = end + 1


def _read(line: bytes, read: Callable[[str, dict[str, Any]], Collected]) -> Collected:
    name = ""
    try:
        found = json.loads(line.decode())
        if not isinstance(found["custom_id"], str):
            raise TypeError("its custom_id is no text")
        name = found["custom_id"]
        return read(name, found)
    except Exception as error:  # the one boundary between what servers write and a run
        return Collected(name, "lost", None, f"{type(error).__name__}: {error}")
