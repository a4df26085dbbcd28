"""What goes wrong at a provider, in the words of the project's errors.

Both SDKs name their errors alike (status_code, message, body), so one mapping serves both. A fault
of one question (too long, filtered) is an answer that says so; a fault of the key or the set-up
stops the judge; everything else passes and is tried again later.
"""

from typing import Any

from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from db.storable import storable
from judges.asking import Answer, Lost
from judges.providers.transport import LOST

_TOO_LONG = (
    *("too long", "context length", "context_length", "context size", "context_size"),
    *("context window", "context limit", "input token count", "reduce the length"),
)
_FILTERED = ("content_filter", "content_policy", "content management policy")
_TURNED_AWAY = (503, 529)  # overloaded: said before anything is taken
_NO_MONEY = ("insufficient_quota", "credit balance", "billing")


def fault(error: Exception, judge: str, key_env: str | None) -> TiebreakError | Answer:
    """The error to raise for an SDK's error, or the answer it amounts to."""
    status = getattr(error, "status_code", None)
    said = _said(error)
    low = said.lower()
    if status == LOST:
        return Lost(f"{judge}: a request got no answer and may have been billed")
    if status == 402 or any(word in low for word in _NO_MONEY):
        return KeyRefused(f"{judge}: the account has no credit left; add some, then run again")
    if status in (401, 403):
        # Nothing of the server's own words: they can hold a part of the key.
        return KeyRefused(
            f"{judge}: the key in {key_env or 'the environment'} is refused (HTTP {status}); "
            "put a valid one there and run again"
        )
    if (status in (400, 413, 422) and any(word in low for word in _TOO_LONG)) or status == 413:
        return Answer(said, stop="too long")
    if status == 400 and any(word in low for word in _FILTERED):
        return Answer(said, stop="filter")
    if status is not None and 400 <= status < 500 and status not in (408, 409, 429):
        return BadInput(
            f"{judge}: the server rejects the request (HTTP {status}: {said[:200]}); "
            "correct the judge's settings in tiebreak.toml"
        )
    return Unavailable(f"{judge}: {_why(error, status)}")


def batch_fault(error: Exception, judge: str, key_env: str | None) -> TiebreakError:
    """The error to raise where a batch's own interface fails: nothing of it is an answer."""
    meaning = fault(error, judge, key_env)
    if isinstance(meaning, Answer):
        return BadInput(f"{judge}: the batch is refused: {meaning.text}")
    return meaning


def unsent(error: Exception, judge: str, key_env: str | None) -> TiebreakError:
    """The error to raise where a batch was not taken; Lost where it may have been all the same."""
    status = getattr(error, "status_code", None)
    if status is not None and status >= 500 and status not in (*_TURNED_AWAY, LOST):
        return Lost(f"{judge}: the server failed (HTTP {status}) and may have taken the batch")
    return batch_fault(error, judge, key_env)


def _said(error: Exception) -> str:
    return storable(_words(error))


def _words(error: Exception) -> str:
    """What the server said: of a body in the vendor's form its code, type and message; of a list
    (Google's) its first; else all of it.
    """
    body: Any = getattr(error, "body", None)
    inner = body[0] if isinstance(body, list) and body else body
    inner = inner.get("error", inner) if isinstance(inner, dict) else inner
    told = ""
    if isinstance(inner, dict):
        told = " ".join(str(inner[k]) for k in ("code", "type", "message") if inner.get(k))
    return told or str(inner or error)


def _why(error: Exception, status: int | None) -> str:
    if status == 429:
        return "the rate limit stays reached; lower requests_per_minute or concurrency"
    if status is not None:
        return f"the server fails (HTTP {status})"
    cause = error.__cause__
    return f"the server cannot be reached ({type(cause or error).__name__})"
