"""Batches of OpenAI through its files interface: questions and answers are lines of files."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import openai
from openai.types.chat import ChatCompletion

from judges.asking import Collected, Question
from judges.judge_config import JudgeConfig
from judges.providers.faults import batch_fault, unsent
from judges.providers.openai_replies import read_completion
from judges.providers.replies import understood

_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"


class OpenAIBatches:
    """A `Batcher` of one model. params: a question as the body of a request; held: whether the
    server is known to hold answers to the schema.
    """

    def __init__(
        self,
        judge: JudgeConfig,
        client: openai.AsyncOpenAI,
        params: Callable[[Question], dict[str, Any]],
        *,
        held: bool,
    ) -> None:
        self._judge = judge
        self._client = client
        self._params = params
        self._held = held

    async def submit(self, questions: Sequence[Question], mark: str) -> str:
        """The id of a batch that bears `mark` in its metadata."""
        lines = (
            json.dumps(
                {
                    "custom_id": f"{mark}_{q.key}",
                    "method": "POST",
                    "url": _ENDPOINT,
                    "body": self._params(q),
                },
                ensure_ascii=False,
            )
            for q in questions
        )
        try:
            file = await self._client.files.create(
                file=(f"{mark}.jsonl", "\n".join(lines).encode()), purpose="batch"
            )
        except openai.APIError as error:  # a file is no batch yet, whether it arrived or not
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        try:
            once = self._client.with_options(max_retries=0)
            batch = await once.batches.create(
                input_file_id=file.id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={"tiebreak": mark},
            )
        except openai.APIError as error:
            raise unsent(error, self._judge.name, self._judge.key_env) from None
        return batch.id

    async def find(self, mark: str) -> str | None:
        """A batch with this mark among the newest hundred."""
        try:
            page = await self._client.batches.list(limit=100)
        except openai.APIError as error:
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        for batch in page.data:
            if (batch.metadata or {}).get("tiebreak") == mark:
                return batch.id
        return None

    async def collect(self, job: str) -> list[Collected] | None:
        """Every line of a finished batch; None while it is being worked on."""
        try:
            batch = await self._client.batches.retrieve(job)
            if batch.status in ("validating", "in_progress", "finalizing", "cancelling"):
                return None
            found: list[Collected] = []
            for file_id in (batch.output_file_id, batch.error_file_id):
                if file_id:
                    content = await self._client.files.content(file_id)
                    lines = content.text.split("\n")  # other line ends may stand in an answer
                    held = self._held and self._judge.output == "structured"
                    found += [_collected(line, held) for line in lines if line.strip()]
        except openai.APIError as error:
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        return found


def _collected(line: str, held: bool) -> Collected:
    """One line of a batch's file; one that cannot be read costs itself alone."""
    key = ""
    try:
        found = json.loads(line)
        key = found["custom_id"].partition("_")[2]
        response = found.get("response") or {}
        if response.get("status_code") == 200:
            completion = ChatCompletion.construct(**response["body"])
            read = partial(read_completion, held=held, batched=True)
            return Collected(key, understood(completion, read))
        error = found.get("error") or (response.get("body") or {}).get("error") or {}
        return Collected(key, None, str(error.get("message") or error.get("code") or "failed"))
    except Exception as error:
        return Collected(key, None, f"its line cannot be read ({type(error).__name__}: {error})")
