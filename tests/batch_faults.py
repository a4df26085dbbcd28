"""How a provider's batch interface fails: what the protocol server does to batches, as told."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Told = tuple[int, Any]


@dataclass
class BatchFaults:
    """refuses: status and body for a new batch of so many requests; fails: an OpenAI batch's list
    of errors, by its number of requests; answer: of one line, told its number from 0 and its
    question, what stands in place of its answer (Anthropic: the result; OpenAI: what is beside the
    custom id); rewrites: the lines of the results as they are sent; status: how a batch of OpenAI's
    ends; look: status and body for whoever looks at a batch; gone: what is not there any more, of
    "output", "error" and "results"; cancelled: batches whose end was asked for.
    """

    refuses: Callable[[int], Told | None] = lambda count: None
    fails: Callable[[int], list[dict[str, Any]] | None] = lambda count: None
    answer: Callable[[int, str], dict[str, Any] | None] = lambda n, question: None
    rewrites: Callable[[list[bytes]], list[bytes]] = lambda lines: lines
    status: str = "completed"
    look: Told | None = None
    gone: set[str] = field(default_factory=set)
    cancelled: list[str] = field(default_factory=list)


def not_found(what: str) -> Told:
    """As both vendors say it."""
    error = {"type": "not_found_error", "message": f"No such {what}", "code": None}
    return 404, {"type": "error", "error": error}


def refused_line(provider: str, message: str, status: int = 400, **more: Any) -> dict[str, Any]:
    """A line that the server refused, in the words of each vendor."""
    error = {"message": message, "type": "invalid_request_error", **more}
    if provider == "anthropic":
        kinds = {400: "invalid_request_error", 401: "authentication_error",
                 403: "permission_error", 413: "request_too_large", 429: "rate_limit_error",
                 500: "api_error", 529: "overloaded_error"}  # fmt: skip
        inner = {"type": "error", "error": {**error, "type": kinds[status]}}
        return {"type": "errored", "error": inner}
    return {"response": {"status_code": status, "body": {"error": error}}, "error": None}


def content_of(request: dict[str, Any]) -> str:
    """The question of a request's body."""
    return json.dumps(request["messages"][-1]["content"])
