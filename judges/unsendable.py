"""What of a judge's settings cannot be sent; refused when the configuration is read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from db.errors import BadInput
from db.vocabulary import Provider
from judges.addresses import of_address
from judges.judge_config import JudgeConfig
from judges.private import private_in
from judges.reach import FromEnvironment, sendable

_OPTIONS: Mapping[Provider, frozenset[str]] = {Provider.VERIFIER: frozenset({"expected"})}
_REMOTE = (
    *("base_url", "api_key_env", "headers", "query", "extra_body", "token_limit", "via", "region"),
    *("project", "temperature", "effort", "logprobs"),
)
_ALWAYS = dict.fromkeys(("model", "messages", "system", "stream", "stream_options"), "")
_ALWAYS |= {"n": "samples", "best_of": "samples"}
_ALWAYS |= dict.fromkeys(("max_tokens", "max_completion_tokens"), "max_tokens")
_SECRET_FIELDS = ("api_key", "apikey", "key", "password", "secret", "token", "access_token")
_CLIENTS = "accept-encoding connection content-length content-type expect host transfer-encoding"
_SECRET = re.compile("auth|cookie|credential|key|password|secret|token(?!s)", re.IGNORECASE)


def require_sendable(judge: JudgeConfig) -> None:
    """Raise BadInput with the first thing that is wrong with how a judge is to be reached."""
    for complaint in complaints(judge):
        raise BadInput(f"judge {judge.name!r}: {complaint}")


def complaints(judge: JudgeConfig) -> Iterator[str]:
    """What is wrong with how a judge is to be reached, a sentence each without its name."""
    yield from _of_provider(judge)
    if judge.base_url is not None:
        yield from of_address(judge.base_url, "base_url")
    yield from _of_headers(judge.headers)
    yield from _of_query(judge.query)
    yield from _of_body(judge)


def _of_provider(judge: JudgeConfig) -> Iterator[str]:
    provider = judge.provider
    if provider is not Provider.FAKE:
        unread = sorted(set(judge.options) - _OPTIONS.get(provider, frozenset()))
        if unread:
            yield (
                f"options.{unread[0]} is read by nobody; leave it out, or put a field of the "
                "request in extra_body"
            )
        if not judge.remote:
            for name in _REMOTE:
                if getattr(judge, name) not in (None, {}) and getattr(judge, name) is not False:
                    yield f"provider {provider.value!r} asks no server; leave {name} out"
    if provider is Provider.ANTHROPIC and judge.token_limit is not None:
        yield "this provider knows max_tokens alone; leave token_limit out"
    if provider is Provider.ANTHROPIC and judge.effort in ("none", "minimal"):
        yield f"this provider knows no effort {judge.effort!r}; the least is 'low'"
    if judge.via is not None and provider is not Provider.ANTHROPIC:
        yield f"via {judge.via!r} reaches models of provider 'anthropic' alone; leave via out"
    if judge.region is not None and judge.via is None:
        yield "a region belongs to a judge with via; add via, or leave region out"
    if judge.project is not None and judge.via != "vertex":
        yield 'a project belongs to a judge with via = "vertex"; leave project out'


def _of_headers(headers: Mapping[str, str | FromEnvironment]) -> Iterator[str]:
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            yield f"headers has a name that no header can have: {name[:40]!r}"
        elif name.lower() in _CLIENTS.split():
            yield f"header {name!r} is set by the client itself; leave it out"
        elif [other.lower() for other in headers].count(name.lower()) > 1:
            yield f"header {name!r} is there twice; leave one out"
        elif isinstance(value, FromEnvironment):
            continue
        elif _SECRET.search(name) or "secret" in private_in(value):
            yield (
                f"header {name!r} looks like a secret; keep it out of the file: "
                f'{name} = {{ env = "NAME" }}'
            )
        elif not sendable(value):
            yield f"header {name!r} has a value that no header can have (plain ASCII alone)"


def _of_query(query: Mapping[str, str | FromEnvironment]) -> Iterator[str]:
    for name, value in query.items():
        if isinstance(value, str) and (_SECRET.search(name) or "secret" in private_in(value)):
            yield (
                f"query {name!r} looks like a secret; keep it out of the file: "
                f'{name} = {{ env = "NAME" }}'
            )


def _of_body(judge: JudgeConfig) -> Iterator[str]:
    decided = dict(_ALWAYS)
    if judge.temperature is not None:
        decided["temperature"] = "temperature"
    if judge.effort is not None:
        decided |= {"reasoning_effort": "effort", "output_config": "effort"}
    if judge.output == "structured":
        decided |= {"response_format": "output", "output_config": "output"}
    if judge.logprobs or judge.output == "token":
        decided |= {"logprobs": "logprobs", "top_logprobs": "logprobs"}
    for name in judge.extra_body:
        if name in decided:
            setting = decided[name]
            instead = f"the setting {setting} decides it" if setting else "the question decides it"
            yield f"extra_body.{name} cannot be sent: {instead}; leave it out"
    for name in _secrets(judge.extra_body, "extra_body"):
        yield f"{name} looks like a secret; keep it out of the file: name it in headers by its env"


def _secrets(value: Any, name: str) -> Iterator[str]:
    """Names of texts inside that look like secrets, by their own name or by what they hold."""
    if isinstance(value, str):
        own = name.rsplit(".", 1)[-1].lower().replace("-", "_")
        if own in _SECRET_FIELDS or "secret" in private_in(value):
            yield name
        return
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, held in inner:
        yield from _secrets(held, f"{name}.{key}")
