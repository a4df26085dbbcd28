"""Batches of OpenAI through its files interface: questions and answers are lines of files."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import openai
from openai.types import Batch
from openai.types.chat import ChatCompletion

from db.errors import Unavailable
from judges.asking import Answer, Lost, Question
from judges.batcher import Collected, Gone, Refusal, Results
from judges.judge_config import JudgeConfig
from judges.providers.batch_faults import Whole
from judges.providers.batch_lines import collected, unanswered
from judges.providers.openai_replies import read_completion
from judges.providers.openai_requests import OpenAIRequests
from judges.providers.replies import understood
from judges.providers.told import error_in

_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_OVER = ("completed", "failed", "expired", "cancelled")
_EARLY = ("expired", "cancelled")


class OpenAIBatches:
    """A `Batcher` of one model. requests: what is sent, and what a server is found not to take;
    held: whether the server is known to hold answers to the schema; secrets: what nothing told may
    hold.
    """

    def __init__(
        self,
        judge: JudgeConfig,
        client: openai.AsyncOpenAI,
        requests: OpenAIRequests,
        *,
        held: bool,
        secrets: Collection[str] = (),
    ) -> None:
        self._faults = Whole(judge, secrets)
        self._client = client
        self._requests = requests
        self._sent = requests.found_out  # by an earlier run, which began as this one does
        self._held = held and judge.output == "structured"

    async def submit(self, questions: Sequence[Question], mark: str) -> str:
        """The id of a batch that bears `mark` in its metadata."""
        lines = (
            json.dumps(
                {
                    "custom_id": f"{mark}_{q.key}",
                    "method": "POST",
                    "url": _ENDPOINT,
                    "body": self._requests.body(q),
                },
                ensure_ascii=False,
            ).encode("utf-8", "replace")
            for q in questions
        )
        try:
            file = await self._client.files.create(
                file=(f"{mark}.jsonl", b"\n".join(lines)), purpose="batch"
            )
        except openai.APIError as error:
            found = self._faults.not_taken(error)
            # A file is no batch yet, whether it arrived or not.
            raise found if not isinstance(found, Lost) else Unavailable(str(found)) from None
        try:
            once = self._client.with_options(max_retries=0)
            batch = await once.batches.create(
                input_file_id=file.id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={"tiebreak": mark},
            )
        except openai.APIError as error:
            found = self._faults.not_taken(error)
            if not isinstance(found, Lost):
                await self._forget(file.id)
            raise found from None
        return batch.id

    async def find(self, mark: str) -> str | None:
        """A batch with this mark among the newest hundred."""
        try:
            page = await self._client.batches.list(limit=100)
        except openai.APIError as error:
            raise self._faults.not_there(error) from None
        for batch in page.data:
            if (batch.metadata or {}).get("tiebreak") == mark:
                return batch.id
        return None

    async def collect(self, job: str) -> Results | None:
        """A finished batch; None while it is being worked on. Raises Gone."""
        batch = await self._batch(job)
        status = str(batch.status).lower()
        if status not in _OVER:
            return None
        contents, gone = [], None
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            try:
                contents.append(await self._content(file_id))
            except Gone as error:
                gone = f"file {file_id!r} of its results: {error}"
        if gone is not None and not contents:
            raise Gone(gone)
        if not contents:
            await self._forget(batch.input_file_id)
        return Results(
            lines=collected(iter(contents), self._line),
            early=status if status in _EARLY else None,
            refusal=self._refusal(batch) if not contents else None,
            gone=gone,
        )

    async def state(self, job: str) -> str:
        """Its status, and how many of its requests are done."""
        batch = await self._batch(job)
        counts = batch.request_counts
        if not counts or not counts.total:
            return str(batch.status)
        return f"{batch.status}: {counts.completed} of {counts.total} done, {counts.failed} failed"

    async def cancel(self, job: str) -> None:
        """Ask OpenAI to stop working on it. Raises Gone."""
        try:
            await self._client.batches.cancel(job)
        except openai.APIError as error:
            raise self._faults.not_there(error) from None

    async def _batch(self, job: str) -> Batch:
        try:
            return await self._client.batches.retrieve(job)
        except openai.APIError as error:
            raise self._faults.not_there(error) from None

    async def _forget(self, file_id: str) -> None:
        """Delete the questions of a batch that was refused; they serve nobody there."""
        with suppress(openai.APIError):
            await self._client.files.delete(file_id)

    async def _content(self, file_id: str) -> bytes:
        try:
            return (await self._client.files.content(file_id)).content
        except openai.APIError as error:
            raise self._faults.not_there(error) from None

    def _refusal(self, batch: Batch) -> Refusal | None:
        """Why a batch without results has none, unless it ended before its time."""
        if str(batch.status).lower() in _EARLY and not getattr(batch.errors, "data", None):
            return None
        return self._faults.refusal(batch.errors)

    def _line(self, name: str, line: dict[str, Any]) -> Collected:
        response = line.get("response") or {}
        body = response.get("body", response)  # some servers put the completion there at once
        told, error = response.get("status_code"), line.get("error")
        status = int(told) if told else None
        if status is None or 200 <= status < 300:
            error = error or (error_in(body) if isinstance(body, dict) else None)
            if error is None and (told or body):
                return Collected(name, "answered", self._answer(body))
            status = None
        found = unanswered(name, status, error or body, self._faults.secrets)
        learnt = self._requests.learns(self._sent, status, found.words.lower())
        return replace(found, fate="later", answer=None) if learnt else found

    def _answer(self, body: Any) -> Answer:
        completion = ChatCompletion.construct(**body)
        return understood(completion, partial(read_completion, held=self._held, batched=True))
