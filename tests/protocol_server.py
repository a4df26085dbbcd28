"""A local server that speaks Anthropic Messages and Batches and OpenAI Chat, Files and Batches.

The real SDKs talk to it over loopback. It answers after a scripted latency, fails as told, counts
every call and bills every answer it sends. Plain asyncio on one thread: thousands of requests may
be in flight. Run it in a thread (`serving()`) or as a process (`python protocol_server.py`).
"""

import argparse
import asyncio
import hashlib
import json
import math
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from batch_faults import BatchFaults, content_of, not_found
from dialects import Dialect

FAULTS = (
    "rate limit",
    "overloaded",
    "server error",
    "drop",
    "timeout",
    "not json",
    "truncated",
    "refusal",
    "nonsense",
    "filtered",
)
ODD = ("moderated", "rejected", "gateway", "thought", "fenced", "parts", "no usage", "odd usage")
"""What servers do beside: refuse one question, fail after the work, wrap an answer, bill oddly."""

_REASON = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass
class Script:
    """How the server behaves. `verdict` says "1", "2" or "tie" (or anything) for a user message.

    faults: share of calls that fail; kinds: how, in turn. Whether a call fails depends on its
    content and on how often it was made, so runs repeat. keys: accepted; empty means any but "bad".
    """

    latency: float = 0.0
    faults: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    verdict: Callable[[str], str] = lambda user: "1"
    hang: float = 30.0
    down: bool = False
    key_works_for: int | None = None
    batch_ready: bool = True
    batch_failures: int = 0
    batch_fault: int | str | None = None  # a status that refuses new batches, or "dropped"
    logprob_of_verdict: float = math.log(0.8)
    models: list[dict[str, str]] | None = None
    dialect: Dialect = field(default_factory=Dialect)
    batches: BatchFaults = field(default_factory=BatchFaults)


@dataclass
class State:
    """What the server has seen and sent."""

    calls: Counter[str] = field(default_factory=Counter)
    billed: dict[str, dict[str, int]] = field(default_factory=dict)
    in_flight: int = 0
    most_in_flight: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    heads: deque[tuple[str, dict[str, str]]] = field(default_factory=lambda: deque(maxlen=100))
    keep_requests: bool = False
    prefixes: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    deleted: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    untold: set[str] = field(default_factory=set)

    @property
    def total_calls(self) -> int:
        """Requests for an answer received, failed ones included."""
        return sum(self.calls.values())


class Server:
    """State and script; `handle` answers one request."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.state = State()
        self.url = ""
        self._number = 0
        self._files = count()

    def wait_until_still(self) -> None:
        """Return once nothing is in flight: what killed clients asked is answered and counted."""
        still, deadline = 0, time.monotonic() + 120
        while still < 5:  # what was sent before a kill may be read a moment after it
            assert time.monotonic() < deadline, f"{self.state.in_flight} answers never end"
            time.sleep(0.05)
            still = 0 if self.state.in_flight else still + 1

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]] | None:
        """Status, body and headers; None closes the connection without an answer."""
        self.state.heads.append((path, headers))
        if path == "/token":  # of Google's OAuth, for whoever signed
            return _json(200, {"access_token": "good", "expires_in": 3600, "token_type": "Bearer"})
        if not self._authorised(headers):
            return _json(401, _error("authentication_error", "invalid x-api-key: sk-secret-tail"))
        path = path.partition("?")[0]
        if path.endswith("/models") and method == "GET":
            return _json(200, {"object": "list", "data": self.script.models, "has_more": False})
        asked = _asked_at(path) if method == "POST" else None
        if asked is not None:
            return await self._answer(asked[0], asked[1] | json.loads(body))
        fault = self.script.batch_fault
        if fault is None or method != "POST" or not path.endswith("/batches"):
            return self._batches(method, path, headers, body)
        if isinstance(fault, int):
            return _json(fault, _error("error", "not now"))
        self._batches(method, path, headers, body)  # it is taken, and nobody hears of it
        return None

    def _authorised(self, headers: dict[str, str]) -> bool:
        names = ("x-api-key", "api-key", "authorization")
        key = next((headers[n] for n in names if n in headers), "").removeprefix("Bearer ")
        limit = self.script.key_works_for
        if limit is not None and self.state.total_calls >= limit:
            return False
        return bool(key) and key != "bad"

    async def _answer(
        self, path: str, request: dict[str, Any]
    ) -> tuple[int, bytes, dict[str, str]] | None:
        state, key = self.state, _content(request)
        state.calls[key] += 1
        if state.keep_requests:
            state.requests.append(request)
        state.in_flight += 1
        state.most_in_flight = max(state.most_in_flight, state.in_flight)
        try:
            if self.script.latency:
                await asyncio.sleep(self.script.latency)
            fault = self._fault(key, state.calls[key])
            if fault is not None:
                state.faults[fault] += 1
            return await self._sent(path, request, fault)
        finally:
            state.in_flight -= 1

    def _fault(self, key: str, tries: int) -> str | None:
        if self.script.down:
            return "server error"
        draw = int(hashlib.sha256(f"{key}:{tries}".encode()).hexdigest()[:12], 16) / 16**12
        if draw >= self.script.faults:
            return None
        kinds = self.script.kinds
        return kinds[int(draw / self.script.faults * len(kinds))]

    async def _sent(
        self, path: str, request: dict[str, Any], fault: str | None
    ) -> tuple[int, bytes, dict[str, str]] | None:
        if fault == "rate limit":
            return _json(429, _error("rate_limit_error", "slow down"), {"retry-after": "0.02"})
        if fault == "overloaded":
            return _json(529, _error("overloaded_error", "Overloaded"), {"retry-after": "0.02"})
        if fault == "server error":
            return _json(500, _error("api_error", "oops"), {"retry-after": "0.02"})
        if fault == "filtered":
            return _json(400, _error("invalid_request_error", "content_filter: not allowed"))
        if fault == "moderated":
            return _json(
                403, {"error": {"code": 403, "message": "Input was flagged by moderation"}}
            )
        if fault == "rejected":
            return _json(400, _error("invalid_request_error", "Invalid prompt: it was flagged."))
        if fault == "timeout":
            await asyncio.sleep(self.script.hang)
        refused = self.script.dialect.refuses(request)
        if refused is not None:
            return _as_sent(*refused)
        message = (self.message if path == "/v1/messages" else self.completion)(request, fault)
        message = self._oddly(self.script.dialect.says(request, message), fault)
        if fault == "gateway":
            return 504, b"<html>504 Gateway Time-out</html>", {"content-type": "text/html"}
        if fault in ("drop", "timeout"):
            return None
        if fault == "not json":
            return 200, b"<html>a proxy got in the way</html>", {"content-type": "application/json"}
        return _json(200, message, self.script.dialect.heads)

    def message(self, request: dict[str, Any], fault: str | None = None) -> dict[str, Any]:
        """An Anthropic message that answers the request; billed."""
        system = "".join(block["text"] for block in request.get("system", []))
        text, stop = self._text(request["messages"][-1]["content"], fault)
        prefix = len(system) // 4
        cached = system in self.state.prefixes
        self.state.prefixes.add(system)
        usage = {
            "input_tokens": len(request["messages"][-1]["content"]) // 4,
            "cache_read_input_tokens": prefix if cached else 0,
            "cache_creation_input_tokens": 0 if cached else prefix,
            "output_tokens": max(1, len(text) // 4),
        }
        stops = {"length": "max_tokens", "refusal": "refusal", "end": "end_turn"}
        return {
            "id": self._bill(usage),
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": stops[stop],
            "stop_sequence": None,
            "usage": usage,
        }

    def completion(self, request: dict[str, Any], fault: str | None = None) -> dict[str, Any]:
        """An OpenAI completion that answers the request; billed."""
        system, user = ("", *(message["content"] for message in request["messages"]))[-2:]
        bare = request.get("max_tokens", request.get("max_completion_tokens")) == 8
        text, stop = self._text(user, fault, bare="response_format" not in request and bare)
        cached = len(system) // 4 if system in self.state.prefixes else 0
        self.state.prefixes.add(system)
        usage = {
            "prompt_tokens": (len(system) + len(user)) // 4,
            "completion_tokens": max(1, len(text) // 4),
            "total_tokens": (len(system) + len(user)) // 4 + max(1, len(text) // 4),
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        refused = stop == "refusal"
        logprobs = _logprobs(text, self.script) if request.get("logprobs") else None
        return {
            "id": self._bill(usage),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": {"length": "length"}.get(stop, "stop"),
                    "message": {
                        "role": "assistant",
                        "content": None if refused else text,
                        "refusal": "I would rather not." if refused else None,
                    },
                    "logprobs": logprobs,
                }
            ],
            "usage": usage,
        }

    def _oddly(self, sent: dict[str, Any], fault: str | None) -> dict[str, Any]:
        """An answer with its usage left out or impossible, or in parts beside its thinking."""
        if fault in ("no usage", "odd usage"):
            self.state.untold.add(sent["id"])
            counts = {name: -5 for name, n in sent["usage"].items() if isinstance(n, int)}
            return {**sent, "usage": counts if fault == "odd usage" else None}
        if fault == "parts":
            thinking = {"type": "thinking", "thinking": '{"verdict": "tie"}', "signature": "x"}
            if "choices" not in sent:
                return {**sent, "content": [thinking, *sent["content"]]}
            message = sent["choices"][0]["message"]
            message["content"] = [thinking, {"type": "text", "text": message["content"]}]
        return sent

    def _text(self, user: str, fault: str | None, bare: bool = False) -> tuple[str, str]:
        verdict = self.script.verdict(user)
        if fault == "refusal":
            return "", "refusal"
        if fault == "nonsense":
            return f"[answer {self._number}] I like them all.", "end"
        if bare:
            return verdict, "end"
        said = {
            "reasoning": f"[answer {self._number}] The first line says it.",
            "verdict": verdict,
            "strength": "slightly",
            "both_bad": False,
            "confidence": 80,
        }
        text = json.dumps(said)
        if fault == "thought":
            text = f"<think>Draft: {json.dumps(said | {'verdict': 'tie'})} No.</think>\n{text}"
        if fault == "fenced":
            text = f"Here it is:\n```json\n{text}\n```"
        return (text[: len(text) // 2], "length") if fault == "truncated" else (text, "end")

    def _bill(self, usage: dict[str, int]) -> str:
        name = f"answer_{self._number}"
        self.state.billed[name] = usage
        self._number += 1
        return name

    def _batches(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("POST", r"/v1/messages/batches", self._new_anthropic_batch),
            ("GET", r"/v1/messages/batches", self._list_batches),
            ("GET", r"/v1/messages/batches/([^/]+)", self._looked_at),
            ("GET", r"/v1/messages/batches/([^/]+)/results", self._results),
            ("POST", r"/v1/messages/batches/([^/]+)/cancel", self._cancel),
            ("POST", r"/v1/files", self._new_file),
            ("GET", r"/v1/files/([^/]+)/content", self._file),
            ("DELETE", r"/v1/files/([^/]+)", self._delete),
            ("POST", r"/v1/batches", self._new_openai_batch),
            ("GET", r"/v1/batches", self._list_batches),
            ("GET", r"/v1/batches/([^/]+)", self._looked_at),
            ("POST", r"/v1/batches/([^/]+)/cancel", self._cancel),
        ]
        for verb, pattern, handler in routes:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                made = handler(body, headers, *match.groups())
                if isinstance(made, tuple):
                    return _json(*made)
                if isinstance(made, bytes):
                    return 200, made, {"content-type": "application/binary"}
                return _json(200, made)
        return _json(404, _error("not_found_error", f"{method} {path}"))

    def _new_anthropic_batch(self, body: bytes, _headers: dict[str, str]) -> Any:
        requests = json.loads(body)["requests"]
        if refused := self.script.batches.refuses(len(requests)):
            return refused
        name = f"msgbatch_{len(self.state.batches)}"
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        self.state.batches[name] = {
            "id": name,
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": {**counts, "processing": len(requests)},
            "created_at": "2026-01-01T00:00:00Z",
            "expires_at": "2026-01-02T00:00:00Z",
            "results_url": None,
            "requests": requests,
        }
        return self._one_batch(b"", {}, name)

    def _new_file(self, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        boundary = headers["content-type"].partition("boundary=")[2].encode()
        parts = [part.partition(b"\r\n\r\n") for part in body.split(b"--" + boundary)]
        content = next(c for h, _, c in parts if b"filename=" in h).removesuffix(b"\r\n")
        name = f"file-{next(self._files)}"
        self.state.files[name] = content
        return _file_object(name, len(content))

    def _new_openai_batch(self, body: bytes, _headers: dict[str, str]) -> Any:
        asked = json.loads(body)
        lines = self.state.files[asked["input_file_id"]].count(b"\n") + 1
        if refused := self.script.batches.refuses(lines):
            return refused
        name = f"batch_{len(self.state.batches)}"
        self.state.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": "24h",
            "status": "in_progress",
            "created_at": 0,
            "metadata": asked.get("metadata"),
        }
        return self._one_batch(b"", {}, name)

    def _list_batches(self, _body: bytes, _headers: dict[str, str]) -> dict[str, Any]:
        listed = [self._one_batch(b"", {}, name) for name in reversed(self.state.batches)]
        ends = {"first_id": None, "last_id": None, "has_more": False}
        return {"object": "list", "data": listed, **ends}

    def _looked_at(self, body: bytes, headers: dict[str, str], name: str) -> Any:
        if self.script.batches.look is not None:
            return self.script.batches.look
        if name not in self.state.batches:
            return not_found(f"batch: {name}")
        return self._one_batch(body, headers, name)

    def _cancel(self, body: bytes, headers: dict[str, str], name: str) -> Any:
        self.script.batches.cancelled.append(name)
        return self._looked_at(body, headers, name)

    def _one_batch(self, _body: bytes, _headers: dict[str, str], name: str) -> dict[str, Any]:
        batch = self.state.batches[name]
        if self.script.batch_ready and "done" not in batch:
            batch["done"] = True
            if "requests" in batch:
                batch["processing_status"] = "ended"
                batch["results_url"] = f"{self.url}/v1/messages/batches/{name}/results"
                lines = list(self._anthropic_lines(batch["requests"]))
                batch["results"] = b"\n".join(self.script.batches.rewrites(lines))
                if "results" in self.script.batches.gone:
                    batch |= {"results_url": None, "archived_at": "2026-02-01T00:00:00Z"}
            else:
                self._run_openai_batch(batch)
        return {k: v for k, v in batch.items() if k not in ("requests", "results", "done")}

    def _results(self, _body: bytes, _headers: dict[str, str], name: str) -> bytes:
        results: bytes = self.state.batches[name]["results"]
        return results

    def _delete(self, _body: bytes, _headers: dict[str, str], name: str) -> Any:
        if name not in self.state.files:
            return not_found(f"File object: {name}")
        self.state.deleted[name] = self.state.files.pop(name)
        return {"id": name, "object": "file", "deleted": True}

    def _file(self, _body: bytes, _headers: dict[str, str], name: str) -> Any:
        return self.state.files.get(name) or not_found(f"File object: {name}")

    def _anthropic_lines(self, requests: list[dict[str, Any]]) -> Iterator[bytes]:
        for n, request in enumerate(reversed(requests)):  # results come in any order
            instead = self.script.batches.answer(n, content_of(request["params"]))
            if instead is not None:
                line = {"custom_id": request["custom_id"], "result": instead}
                yield json.dumps(line).encode()
                continue
            self.state.calls[_content(request["params"])] += 1
            if self.script.batch_failures > 0:
                self.script.batch_failures -= 1
                result: dict[str, Any] = {
                    "type": "errored",
                    "error": _error("api_error", "oops"),
                }
            else:
                result = {"type": "succeeded", "message": self.message(request["params"])}
            yield json.dumps({"custom_id": request["custom_id"], "result": result}).encode()

    def _run_openai_batch(self, batch: dict[str, Any]) -> None:
        done, failed = [], []
        told, sent = self.script.batches, self.state.files[batch["input_file_id"]].split(b"\n")
        if (errors := told.fails(len(sent))) is not None:
            batch |= {"status": "failed", "errors": {"object": "list", "data": errors}}
            return
        for n, line in enumerate(sent):
            request = json.loads(line)
            instead = told.answer(n, content_of(request["body"]))
            if instead is not None:
                failed.append(json.dumps({"custom_id": request["custom_id"], **instead}).encode())
                continue
            self.state.calls[_content(request["body"])] += 1
            answer: dict[str, Any] = {"id": "x", "custom_id": request["custom_id"], "error": None}
            if self.script.batch_failures > 0:
                self.script.batch_failures -= 1
                answer["response"] = {"status_code": 500, "body": _error("api_error", "oops")}
                failed.append(json.dumps(answer).encode())
            else:
                body = self.completion(request["body"])
                answer["response"] = {"status_code": 200, "request_id": "r", "body": body}
                done.append(json.dumps(answer).encode())
        batch["status"] = told.status
        for kind, lines in (("output", told.rewrites(done)), ("error", failed)):
            if lines:
                name = f"file-{next(self._files)}"
                self.state.files[name] = b"" if kind in told.gone else b"\n".join(lines)
                batch[f"{kind}_file_id"] = name


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as the SDKs use."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._head: tuple[str, str, dict[str, str]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._head is None:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            method, path, _ = first.split(" ", 2)
            headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines)}
            self._head, self._buffer = (method, path, headers), rest
        length = int(self._head[2].get("content-length", 0))
        if len(self._buffer) >= length:
            body, self._buffer = self._buffer[:length], self._buffer[length:]
            head, self._head = self._head, None
            asyncio.get_running_loop().create_task(self._respond(*head, body))

    async def _respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        answer = await self._server.handle(method, path, headers, body)
        if self._transport.is_closing():
            return
        if answer is None:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
            self._transport.abort()
            return
        status, content, more = answer
        lines = [f"HTTP/1.1 {status} {_REASON.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        lines.append(f"content-length: {len(content)}")
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


async def start(server: Server, port: int = 0) -> asyncio.Server:
    """Listen on loopback; sets the server's url."""
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: _Connection(server), "127.0.0.1", port, backlog=2048
    )
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    return listening


@contextmanager
def serving(script: Script | None = None) -> Iterator[Server]:
    """A server on a thread of its own, for as long as the block runs."""
    server = Server(script or Script())
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(start(server))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


_COMPLETIONS = (  # of the vendor, Azure, routers and Google
    "((/openai|/api)?/v1|/openai/deployments/[^/]+|/v1beta/openai)/chat/completions"
)


def _asked_at(path: str) -> tuple[str, dict[str, Any]] | None:
    """Which protocol an answer is asked for in, and what its address says: a cloud's, the model."""
    cloud = re.fullmatch(r"/model/([^/]+)/invoke|.*/models/([^/]+):rawPredict", path)
    if cloud:
        return "/v1/messages", {"model": unquote(cloud[1] or cloud[2])}
    if re.fullmatch("(/anthropic)?/v1/messages", path):
        return "/v1/messages", {}
    return ("/v1/chat/completions", {}) if re.fullmatch(_COMPLETIONS, path) else None


def _content(request: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def _json(
    status: int, value: Any, more: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    headers = {"content-type": "application/json", "request-id": "req_1", **(more or {})}
    return status, json.dumps(value).encode(), headers


def _as_sent(
    status: int, body: Any, more: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """A refusal: a page where the body is text that begins with <, else JSON."""
    if isinstance(body, str) and (not body or body.startswith("<")):
        return status, body.encode(), {"content-type": "text/html", **(more or {})}
    return _json(status, body, more)


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _file_object(name: str, size: int) -> dict[str, Any]:
    return {
        "id": name,
        "object": "file",
        "bytes": size,
        "created_at": 0,
        "filename": "x.jsonl",
        "purpose": "batch",
        "status": "processed",
    }


def _logprobs(text: str, script: Script) -> dict[str, Any]:
    """Tokens of the text; the verdict's is `logprob_of_verdict` likely, the rest shared out."""
    pieces = re.findall(r"\w+|[^\w]", text)
    other = math.log((1 - math.exp(script.logprob_of_verdict)) / 2)
    menu = ("1", "2", "tie")
    content = []
    for piece in pieces:
        top = [{"token": piece, "logprob": 0.0, "bytes": None}]
        own = 0.0
        if piece in menu:
            own = script.logprob_of_verdict
            top = [
                {"token": m, "logprob": own if m == piece else other, "bytes": None} for m in menu
            ]
        content.append({"token": piece, "logprob": own, "bytes": None, "top_logprobs": top})
    return {"content": content, "refusal": None}


def main() -> None:
    """Serve until killed; prints the url first."""
    options = argparse.ArgumentParser()
    options.add_argument("--latency", type=float, default=0.05)
    options.add_argument("--port", type=int, default=0)
    chosen = options.parse_args()

    async def run() -> None:
        server = Server(Script(latency=chosen.latency))
        listening = await start(server, chosen.port)
        print(server.url, flush=True)
        async with listening:
            await listening.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
