"""An HTTP service that scores responses with a reward model, or steps with a process model
(`/steps`, and then neither of the others); requests are batched as they arrive.

    POST /score    {"prompt": ..., "responses": [...]}              -> {"scores": [...]}
    POST /compare  {"prompt": ..., "response_a": ..., "response_b": ...} -> {"p_a": ...}
    POST /steps    {"prompt": ..., "solutions": [[step, ...], ...]} -> {"steps": [[...]], "best": 0}
    GET  /health  /metrics (Prometheus text)  /openapi.json

A bad request gets one sentence as {"error": ...}. Who may ask stands in `trainer.serving.guard`.
Leaves out TLS: put it behind a proxy that has it, or keep it on loopback.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pydantic import BaseModel, ValidationError
from scipy.special import expit

from db.errors import BadInput
from trainer.serving.api import (
    Asked,
    CompareReply,
    CompareRequest,
    ScoreReply,
    ScoreRequest,
    StepsReply,
    StepsRequest,
    Text,
    openapi,
    plain,
    sentence,
)
from trainer.serving.guard import Guard, guarded, protocol
from trainer.serving.scoring import Answered, RewardScorer, Scored
from trainer.step_scorer import StepScorer, worth

Score = Callable[[Sequence[Any]], Scored]
# By hand, as are the batch and its wait below: docs/design/scoring-service.md
_LONGEST_BODY = 16 * 2**20  # bytes
_BODY_SECONDS = 30.0  # for all of it
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass
class DynamicBatcher:
    """Collects what arrives within `wait` seconds, at most `size` texts, and scores it at once.

    The model runs in one thread, so that requests keep arriving meanwhile.
    """

    score: Score
    size: int = 64
    wait: float = 0.005
    batches: int = 0
    texts: int = 0
    cut: int = 0
    _queue: asyncio.Queue[tuple[Sequence[Answered], asyncio.Future[Scored]]] = field(
        default_factory=asyncio.Queue, repr=False
    )

    async def ask(self, answered: Sequence[Answered]) -> Scored:
        """Scores of these texts, as part of some batch."""
        promise: asyncio.Future[Scored] = asyncio.get_running_loop().create_future()
        await self._queue.put((answered, promise))
        return await promise

    async def run(self) -> None:
        """Serve batches until cancelled."""
        while True:
            waiting = [await self._queue.get()]
            until = time.monotonic() + self.wait
            while sum(len(texts) for texts, _ in waiting) < self.size:
                try:
                    left = until - time.monotonic()
                    waiting.append(await asyncio.wait_for(self._queue.get(), max(left, 0)))
                except TimeoutError:
                    break
            await self._serve(waiting)

    async def _serve(
        self, waiting: Sequence[tuple[Sequence[Answered], asyncio.Future[Scored]]]
    ) -> None:
        everything = [text for texts, _ in waiting for text in texts]
        try:
            found = await asyncio.to_thread(self.score, everything)
        except Exception as error:  # every one who waits must hear of it
            for _, promise in waiting:
                if not promise.done():
                    promise.set_exception(error)
            return
        self.batches, self.texts = self.batches + 1, self.texts + len(everything)
        self.cut += int(found.cut.sum())
        end = 0
        for texts, promise in waiting:
            start, end = end, end + len(texts)
            if not promise.done():
                promise.set_result(Scored(found.scores[start:end], found.cut[start:end]))


@dataclass
class Counts:
    """Requests by path and status, and how long they took."""

    requests: dict[tuple[str, int], int] = field(default_factory=dict)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))

    def add(self, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests[path, status] = self.requests.get((path, status), 0) + 1
        self.seconds += seconds
        self.buckets[sum(seconds > edge for edge in _BUCKETS)] += 1

    def text(self, batcher: DynamicBatcher) -> str:
        """Prometheus' text format, version 0.0.4."""
        lines = ["# TYPE tiebreak_requests_total counter"]
        lines += [
            f'tiebreak_requests_total{{path="{path}",status="{status}"}} {n}'
            for (path, status), n in sorted(self.requests.items())
        ]
        lines.append("# TYPE tiebreak_request_seconds histogram")
        below = 0
        for edge, n in zip([*map(str, _BUCKETS), "+Inf"], self.buckets, strict=True):
            below += n
            lines.append(f'tiebreak_request_seconds_bucket{{le="{edge}"}} {below}')
        lines.append(f"tiebreak_request_seconds_sum {self.seconds:.6f}")
        lines.append(f"tiebreak_request_seconds_count {below}")
        lines.append("# TYPE tiebreak_batches_total counter")
        lines.append(f"tiebreak_batches_total {batcher.batches}")
        lines.append("# TYPE tiebreak_scored_texts_total counter")
        lines.append(f"tiebreak_scored_texts_total {batcher.texts}")
        lines.append("# TYPE tiebreak_cut_texts_total counter")
        lines.append(f"tiebreak_cut_texts_total {batcher.cut}")
        return "\n".join(lines) + "\n"


def application(
    score: Score,
    name: str,
    batch_size: int = 64,
    wait: float = 0.005,
    guard: Guard | None = None,
    *,
    stepped: bool = False,
) -> Any:
    """The ASGI application over any scorer; `name` is told with every answer. `stepped`: of steps.

    `guard` says whom it answers; without one, whoever reaches it as a name of loopback.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    batcher, counts = DynamicBatcher(score, batch_size, wait), Counts()

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        worker = asyncio.create_task(batcher.run())
        yield
        worker.cancel()

    async def answered(
        request: Request, wanted: type[BaseModel], answer: Callable[[Any], Any]
    ) -> Response:
        start, status = time.monotonic(), 200
        try:
            body = await _body(request)
            reply = (await answer(wanted.model_validate_json(body))).model_dump()
        except _TooLong as error:
            status, reply = 413, {"error": str(error)}
        except TimeoutError:
            status, reply = (
                408,
                {"error": f"the body did not come within {_BODY_SECONDS:g} seconds"},
            )
        except _NoScore as error:
            status, reply = 500, {"error": str(error)}
        except ValidationError as error:
            status, reply = 422, {"error": sentence(error)}
        except Exception as error:
            status, reply = 500, {"error": f"scoring failed: {error}"}
        counts.add(request.url.path, status, time.monotonic() - start)
        return JSONResponse(reply, status)

    async def ask(asked: Asked, *responses: Text) -> tuple[list[float], list[bool]]:
        found = await batcher.ask(
            [(plain(asked.prompt), plain(response), asked.tools) for response in responses]
        )
        scores: list[float] = found.scores.tolist()
        for number, value in enumerate(scores):
            if not isfinite(value):
                raise _NoScore(
                    f"the model gives no finite score to response {number} ({value}); leave it "
                    "out, and look at the checkpoint where that happens to ordinary texts"
                )
        return scores, found.cut.tolist()

    async def scored(asked: ScoreRequest) -> ScoreReply:
        scores, cut = await ask(asked, *asked.responses)
        return ScoreReply(scores=scores, cut=cut, model=name)

    async def compared(asked: CompareRequest) -> CompareReply:
        (a, b), cut = await ask(asked, asked.response_a, asked.response_b)
        return CompareReply(p_a=float(expit(a - b)), scores=[a, b], cut=cut, model=name)

    async def steps_told(asked: StepsRequest) -> StepsReply:
        found = await batcher.ask(
            [(plain(asked.prompt), each, asked.tools) for each in asked.solutions]
        )
        shares: list[list[float]] = found.scores.tolist()
        if not all(isfinite(value) for row in shares for value in row):
            raise _NoScore("the model gives no finite score to a step; look at the checkpoint")
        lowest = [worth(row, "lowest") for row in shares]
        return StepsReply(
            steps=shares,
            lowest=lowest,
            product=[worth(row, "product") for row in shares],
            best=lowest.index(max(lowest)),
            cut=found.cut.tolist(),
            model=name,
        )

    async def steps_route(request: Request) -> Response:
        return await answered(request, StepsRequest, steps_told)

    async def score_route(request: Request) -> Response:
        return await answered(request, ScoreRequest, scored)

    async def compare_route(request: Request) -> Response:
        return await answered(request, CompareRequest, compared)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "model": name})

    async def metrics(_: Request) -> Response:
        return PlainTextResponse(counts.text(batcher), media_type="text/plain; version=0.0.4")

    async def refused(_: Request, error: Any) -> Response:
        about = f"{error.detail}; what there is stands in /openapi.json"
        return JSONResponse({"error": about}, error.status_code, error.headers)

    async def document(_: Request) -> Response:
        return JSONResponse(openapi(name, stepped))

    asking = [
        Route("/score", score_route, methods=["POST"]),
        Route("/compare", compare_route, methods=["POST"]),
    ]
    if stepped:
        asking = [Route("/steps", steps_route, methods=["POST"])]
    made = Starlette(
        lifespan=lifespan,
        exception_handlers={HTTPException: refused},
        routes=[
            *asking,
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/openapi.json", document),
        ],
    )
    return guarded(made, guard or Guard.of("127.0.0.1", {}))


def serve(
    scorer: RewardScorer | StepScorer,
    name: str,
    host: str,
    port: int,
    batch_size: int = 64,
    announce: Callable[[str], None] = lambda _: None,
    guard: Guard | None = None,
) -> None:
    """Serve until interrupted. BadInput where the address cannot be had, NotAllowed where others
    could reach it without a key.

    The port is taken first and answers when the model is loaded.
    """
    import uvicorn

    guard = guard or Guard.of(host, os.environ)
    with _listening(host, port) as taken:
        scorer.load()
        stepped = isinstance(scorer, StepScorer)
        app = application(scorer.read, name, batch_size, guard=guard, stepped=stepped)
        config = uvicorn.Config(app, log_level="warning", http=protocol(), proxy_headers=False)
        where = f"{host}:{taken.getsockname()[1]}"
        announce(f"serving {name!r} at http://{where} (Ctrl+C ends it)")
        uvicorn.Server(config).run(sockets=[taken])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except (OSError, OverflowError) as error:
        taken.close()
        raise BadInput(
            f"address {host!r} with port {port!r} cannot be listened on ({error}); "
            "choose others with --address and --port"
        ) from None
    return taken


class _TooLong(ValueError):
    """A body over the limit."""


class _NoScore(ArithmeticError):
    """A score that is no number a caller could use."""


async def _body(request: Any) -> bytes:
    """The request's body; what is over the limit is heard out and dropped."""
    found, length = bytearray(), 0
    async with asyncio.timeout(_BODY_SECONDS):
        async for chunk in request.stream():
            length += len(chunk)
            if length <= _LONGEST_BODY:
                found += chunk
    if length > _LONGEST_BODY:
        raise _TooLong(
            f"the body has {length} bytes, and {_LONGEST_BODY} are the most; send fewer or "
            "shorter responses"
        )
    return bytes(found)
