"""What a failure at a provider means: from what the server told to an error of the project. Pure
but for reading the SDKs' errors; whose fault a refused question is, `judges.whose_fault` decides.
"""

import time
from collections.abc import Collection
from typing import Any

from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from judges.asking import Answer, Later, Lost, Rejected, Stop
from judges.providers.fault_words import (
    about_key,
    about_money,
    is_filter,
    is_limit,
    is_throttle,
    is_too_long,
    never_fits,
)
from judges.providers.told import Told, error_in, told, told_by, told_in
from judges.providers.transport import LOST

_OVERLOADED = (503, 529)  # said before anything is taken
_LATER = (409, 425, 429, *_OVERLOADED)
_LIMITED = (402, 403, 429)  # may say that a limit of so much a minute is reached
_LIMITED_TOO = (400, 403)  # where a code says so
_NO_SUCH = (501, 505, 511)  # 5xx that say what a server does not do
_SETTINGS = "correct the judge's settings in tiebreak.toml"
_UNDER_WAY = (408, 499)  # a gateway gave up waiting: the server may have been at work


def fault(
    error: Exception,
    judge: str,
    key_env: str | None,
    way: str | None = None,
    secrets: Collection[str] = (),
) -> TiebreakError:
    """The error to raise for an SDK's error: KeyRefused, Rejected, Later, Lost or Unavailable.

    way: what in the settings to change, where the server's words name it; secrets: what it was sent
    and may repeat.
    """
    said = told_by(error, time.time(), secrets)
    if said.status is None:
        cause = type(error.__cause__ or error).__name__
        return Later(f"{judge}: the server cannot be reached ({cause})", None, "unreachable")
    return meaning(said, judge, key_env, way)


def unreadable(error: Exception, judge: str, secrets: Collection[str] = ()) -> Lost:
    """The error to raise where an SDK cannot read a reply; says how it begins."""
    page = getattr(error, "doc", None)  # of a JSONDecodeError
    if page is None:
        return Lost(f"{judge}: the reply cannot be read ({type(error).__name__})")
    words = told(200, page, now=time.time(), secrets=secrets).words
    return Lost(f"{judge}: the reply is no answer ({words or 'it is empty'})")


def fault_in(
    reply: Any, judge: str, key_env: str | None, secrets: Collection[str] = ()
) -> TiebreakError | None:
    """The error to raise for a reply that came as an answer and is none; None where it may be one.

    An error object in it means what its code says; a page or nothing at all is lost.
    """
    if reply is None or isinstance(reply, str | bytes):
        page = told(200, reply or "", now=time.time(), secrets=secrets)
        return Lost(f"{judge}: the reply is no answer ({page.words or 'it is empty'})")
    found = error_in(reply)
    if found is None:
        return None
    return meaning(told_in(found, time.time(), secrets), judge, key_env)


def meaning(
    said: Told, judge: str, key_env: str | None = None, way: str | None = None
) -> TiebreakError:
    """What a server's refusal means, given what it told."""
    status = said.status or 0
    if status == LOST:
        return Lost(f"{judge}: a request got no answer and may have been billed")
    if status < 300:
        return Lost(f"{judge}: the reply cannot be read ({said.words})")
    if never_fits(said):
        return _rejected(said, judge, key_env, way)
    if status in _LIMITED and (said.wait is not None or is_limit(said)):
        return _later(said, judge)
    if status == 402 or (status == 429 and about_money(said)):
        return KeyRefused(
            f"{judge}: the server takes nothing more on this account ({said.sentence}); add credit "
            "or raise its limit, then run again"
        )
    if status == 401:
        return KeyRefused(
            f"{judge}: the key in {key_env or 'the environment'} is refused ({said.sentence}); "
            "put a valid one there and run again"
        )
    at_gateway = status == 503 and said.wait is None and not said.is_json
    if not at_gateway and (status in _LATER or (status in _LIMITED_TOO and is_throttle(said))):
        return _later(said, judge)
    if status in _UNDER_WAY or (status >= 500 and status not in _NO_SUCH):
        return Lost(
            f"{judge}: the server fails ({said.sentence}) and may have billed the question",
            said.wait,
        )
    return _rejected(said, judge, key_env, way)


def kind(said: Told) -> Stop:
    """What a refused question is refused for, as far as codes, fields or words say so."""
    if said.status == 413 or is_too_long(said):
        return "too long"
    return "filter" if is_filter(said) else "rejected"


def batch_fault(error: Exception, judge: str, key_env: str | None) -> TiebreakError:
    """The error to raise where a batch's own interface fails: KeyRefused, BadInput, Lost or
    Unavailable; no question is refused by it.
    """
    found = fault(error, judge, key_env)
    if isinstance(found, Rejected):
        return BadInput(str(found))
    return Unavailable(str(found)) if isinstance(found, Later) else found


def unsent(error: Exception, judge: str, key_env: str | None) -> TiebreakError:
    """The error to raise where a batch was not taken; Lost where it may have been all the same."""
    found = batch_fault(error, judge, key_env)
    if isinstance(found, Lost) and getattr(error, "status_code", None) != LOST:
        return Lost(f"{found}, or may have taken the batch")
    return found


def _later(said: Told, judge: str) -> Later:
    if said.status in _OVERLOADED:
        sentence, why = "the server stays overloaded", "overloaded"
    else:
        sentence, why = "the rate limit stays reached", "rate limited"
    way = "lower requests_per_minute or concurrency"
    return Later(f"{judge}: {sentence} ({said.sentence}); {way}", said.wait, why, said.sentence)


def _rejected(said: Told, judge: str, key_env: str | None, way: str | None) -> Rejected:
    what = kind(said)
    if way is None and (said.status == 403 or about_key(said)) and what == "rejected":
        way = f"look at the key in {key_env or 'the environment'} and at what it may use"
    if way is None and about_money(said):
        way = "add credit or raise the account's limit"
    if way is None and what == "filter":
        way = "its filter refuses whatever it is asked: look at the rules and texts sent to it"
    if way is None and what == "too long":
        way = "give the model a larger context window, or lower max_tokens"
    return Rejected(
        f"{judge}: the server rejects the request ({said.sentence}); {way or _SETTINGS}",
        answer=Answer("", stop=what, told=said.words or said.sentence),
        alike=f"{said.status} {what} {' '.join(said.codes)}",
    )
