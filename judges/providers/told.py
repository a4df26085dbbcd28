"""What a server told in place of an answer: its codes, its own sentence, how long to wait. Pure.

Bodies differ by vendor and by gateway; whatever their form, codes and sentences are found by the
names of their fields, and a page of HTML gives its title.
"""

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from db.storable import storable
from judges.providers.hidden import hidden, sent_with
from judges.providers.retry_hints import seconds_asked

_CODES = ("code", "type", "status", "reason", "reasons", "param", "errortype", "errorcode", "kind")
_WORDS = (
    "message",
    "msg",
    "detail",
    "error",
    "title",
    "errors",
    "errormessage",
    "description",
    "raw",
)
_ECHO = ("input", "flaggedinput", "loc", "url", "ctx", "request")  # what was sent, or where
_LONGEST = 300  # characters of a server's own words that are shown
_DEEPEST = 8


@dataclass(frozen=True)
class Told:
    """status: of HTTP, None where nothing came; codes: in small letters and digits alone;
    words: the server's own, shortened, without keys; wait: seconds it asks for; is_json: whether
    the body was, as a model's server sends it and a gateway's page is not.
    """

    status: int | None
    codes: tuple[str, ...] = ()
    words: str = ""
    wait: float | None = None
    is_json: bool = True

    def has(self, *fragments: str) -> bool:
        """Whether one of its codes holds one of these."""
        return any(fragment in code for code in self.codes for fragment in fragments)

    @property
    def sentence(self) -> str:
        """Status and words, for people."""
        status = f"HTTP {self.status}" if self.status is not None else ""
        return ": ".join(part for part in (status, self.words) if part)


def told(
    status: int | None,
    body: Any,
    headers: Mapping[str, str] | None = None,
    *,
    now: float,
    secrets: Collection[str] = (),
) -> Told:
    """What a body (parsed, or as text) and the headers of a reply say. now: Unix time."""
    is_json, body = _parsed(body)
    said = list(_walk(body))
    codes = tuple(dict.fromkeys(_plain(text) for is_code, text in said if is_code))
    sentences = dict.fromkeys(_one_line(text) for is_code, text in said if not is_code)
    words = "; ".join(text for text in sentences if text)
    small = {name.lower(): value for name, value in (headers or {}).items()}
    limited = status in (429, 503, 529)
    wait = seconds_asked(small, body if is_json else None, words, now, limited=limited)
    shown = storable(hidden(words, secrets))
    shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1].rstrip() + "…"
    return Told(status, codes, shown, wait, is_json)


def told_by(error: Exception, now: float, secrets: Collection[str] = ()) -> Told:
    """What an SDK's error says (both name theirs alike: status_code, body, response)."""
    response = getattr(error, "response", None)
    status, body = getattr(error, "status_code", None), getattr(error, "body", None)
    request = getattr(response, "request", None) or getattr(error, "request", None)
    secrets = {*secrets, *sent_with(request)}
    if status is None:
        return Told(None, words=storable(hidden(_one_line(str(error)), secrets)))
    headers = dict(response.headers) if response is not None else {}
    return told(status, body, headers, now=now, secrets=secrets)


def error_in(reply: Any) -> dict[str, Any] | None:
    """The error object of a reply that came as if it were an answer, as routers send them."""
    choices = getattr(reply, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    for place in (reply, first):
        if place is None:
            continue
        found = place.get("error") if isinstance(place, dict) else getattr(place, "error", None)
        if found:
            return found if isinstance(found, dict) else {"message": str(found)}
    return None


def told_in(error: dict[str, Any], now: float, secrets: Collection[str] = ()) -> Told:
    """What an error object in a reply of HTTP 200 says, with the status that its code stands for.

    One whose code says nothing stands for 500: the server was at work on the question.
    """
    found = told(None, error, now=now, secrets=secrets)
    numbers = [int(code) for code in found.codes if code.isdigit() and 400 <= int(code) <= 599]
    named = [status for names, status in _NAMED if found.has(*names)]
    status = (numbers or named or [500])[0]
    return told(status, error, now=now, secrets=secrets)


_NAMED = (
    (("insufficientquota", "ratelimit", "toomanyrequests", "resourceexhausted", "throttl"), 429),
    (("overloaded", "unavailable"), 529),
    (("invalidapikey", "apikeyinvalid", "authentication", "unauthenticated"), 401),
    (("permission",), 403),
    (("notfound",), 404),
    (("invalidrequest", "invalidargument", "badrequest", "contextlength", "contentfilter"), 400),
)


def _parsed(body: Any) -> tuple[bool, Any]:
    if not isinstance(body, str | bytes):
        return body is not None, body
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, _readable(text)


def _readable(page: str) -> str:
    """A page's title, or its text without the marks."""
    title = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    text = title[1] if title else re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", page)
    return html.unescape(text)


def _walk(body: Any, name: str = "message", depth: int = 0) -> Iterator[tuple[bool, str]]:
    """(whether it is a code, text) of everything a body says."""
    if depth > _DEEPEST:
        return
    if isinstance(body, dict):
        for key, value in body.items():
            plain = _plain(str(key))
            if plain not in _ECHO:
                yield from _walk(value, plain, depth + 1)
    elif isinstance(body, list):
        for one in body:
            yield from _walk(one, name, depth + 1)
    elif name in _CODES and isinstance(body, str | int) and not isinstance(body, bool):
        yield True, str(body)
    elif name in _WORDS and isinstance(body, str):
        inner = _parsed(body)[1] if body.lstrip().startswith(("{", "[")) else body
        if isinstance(inner, dict | list):  # a gateway hands on what another server told it
            yield from _walk(inner, name, depth + 1)
        else:
            yield False, body


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _one_line(text: str) -> str:
    return " ".join(_readable(text).split()) if "<" in text else " ".join(text.split())
