"""Batches of Claude's: many questions in one request, answered within a day."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import anthropic
import httpx2
from anthropic.types import Message
from anthropic.types.messages import MessageBatch

from judges.asking import Answer, Question
from judges.batcher import Collected, Gone, Results
from judges.judge_config import JudgeConfig
from judges.providers.anthropic_replies import read_message
from judges.providers.batch_faults import Whole
from judges.providers.batch_lines import STATUS_OF, collected, unanswered
from judges.providers.replies import understood


class AnthropicBatches:
    """A `Batcher` of one model. params: a question as the body of a request; held: whether the
    server is known to hold answers to the schema; secrets: what nothing told may hold.
    """

    def __init__(
        self,
        judge: JudgeConfig,
        client: anthropic.AsyncAnthropic,
        params: Callable[[Question], dict[str, Any]],
        *,
        held: bool,
        secrets: Collection[str] = (),
    ) -> None:
        self._faults = Whole(judge, secrets)
        self._client = client
        self._params = params
        self._held = held and judge.output == "structured"

    async def submit(self, questions: Sequence[Question], mark: str) -> str:
        """The id of a batch whose requests bear the `mark`. Lost where it may have arrived.

        It is sent once: a second try by itself could make a second batch, billed as well.
        """
        try:
            once = self._client.with_options(max_retries=0)
            batch = await once.messages.batches.create(
                requests=[
                    {"custom_id": f"{mark}_{q.key}", "params": self._params(q)}  # type: ignore[typeddict-item]
                    for q in questions
                ]
            )
        except anthropic.APIError as error:
            raise self._faults.not_taken(error) from None
        return batch.id

    async def find(self, mark: str) -> str | None:
        """A finished batch whose first readable line bears the mark, among the newest hundred."""
        try:
            page = await self._client.messages.batches.list(limit=100)
        except anthropic.APIError as error:
            raise self._faults.not_there(error) from None
        for batch in page.data:
            if batch.processing_status != "ended" or not batch.results_url:
                continue
            try:
                lines = collected(iter([await self._content(batch)]), self._line)
            except Gone:
                continue
            if next((line.name for line in lines if line.name), "").startswith(f"{mark}_"):
                return batch.id
        return None

    async def collect(self, job: str) -> Results | None:
        """A finished batch; None while it is being worked on. Raises Gone."""
        batch = await self._batch(job)
        if batch.processing_status != "ended":
            return None
        if batch.archived_at is not None or not batch.results_url:
            when = f" since {batch.archived_at}" if batch.archived_at else ""
            raise Gone(f"its results are not there any more{when}")
        return Results(lines=collected(iter([await self._content(batch)]), self._line))

    async def state(self, job: str) -> str:
        """Its status, and how many of its requests are done."""
        batch = await self._batch(job)
        counts = batch.request_counts
        told = [f"{n} {what}" for what, n in vars(counts).items() if isinstance(n, int) and n]
        return f"{batch.processing_status}: {', '.join(told)}" if told else batch.processing_status

    async def cancel(self, job: str) -> None:
        """Ask Anthropic to stop working on it. Raises Gone."""
        try:
            await self._client.messages.batches.cancel(job)
        except anthropic.APIError as error:
            raise self._faults.not_there(error) from None

    async def _batch(self, job: str) -> MessageBatch:
        try:
            return await self._client.messages.batches.retrieve(job)
        except anthropic.APIError as error:
            raise self._faults.not_there(error) from None

    async def _content(self, batch: MessageBatch) -> bytes:
        """Its results as they came: the SDK's own reader raises at the first line it cannot read,
        and follows `results_url` with the key to whatever host that names.
        """
        url = httpx2.URL(batch.results_url or "")
        if url.host != self._client.base_url.host:
            url = httpx2.URL(f"/v1/messages/batches/{quote(batch.id, safe='')}/results")
        accept = {"Accept": "application/binary"}
        try:
            response = await self._client.get(
                str(url), cast_to=httpx2.Response, options={"headers": accept}
            )
        except anthropic.APIError as error:
            raise self._faults.not_there(error) from None
        return response.content

    def _line(self, name: str, line: dict[str, Any]) -> Collected:
        result = line["result"]
        if result["type"] == "succeeded":
            return Collected(name, "answered", self._answer(result["message"]))
        if result["type"] in ("expired", "canceled"):
            return Collected(name, "later", None, str(result["type"]))
        told = result.get("error") or {}
        error = told["error"] if isinstance(told.get("error"), dict) else told
        status = STATUS_OF.get(str(error.get("type")))
        return unanswered(name, status, error, self._faults.secrets)

    def _answer(self, message: Any) -> Answer:
        found = Message.construct(**message)
        return understood(found, partial(read_message, held=self._held, batched=True))
