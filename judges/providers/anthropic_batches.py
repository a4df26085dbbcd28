"""Batches of Claude's: many questions in one request, answered within a day."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anthropic

from db.errors import Unavailable
from judges.asking import Collected, Question
from judges.judge_config import JudgeConfig
from judges.providers.anthropic_replies import read_message
from judges.providers.faults import batch_fault, unsent
from judges.providers.replies import understood


class AnthropicBatches:
    """A `Batcher` of one model. params: a question as the body of a request; held: whether the
    server is known to hold answers to the schema.
    """

    def __init__(
        self,
        judge: JudgeConfig,
        client: anthropic.AsyncAnthropic,
        params: Callable[[Question], dict[str, Any]],
        *,
        held: bool,
    ) -> None:
        self._judge = judge
        self._client = client
        self._params = params
        self._held = held

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
            raise unsent(error, self._judge.name, self._judge.key_env) from None
        return batch.id

    async def find(self, mark: str) -> str | None:
        """A finished batch whose first answer bears the mark; the newest hundred are looked at."""
        try:
            page = await self._client.messages.batches.list(limit=100)
            for batch in page.data:
                if batch.processing_status != "ended":
                    continue
                async for line in await self._client.messages.batches.results(batch.id):
                    if line.custom_id.startswith(f"{mark}_"):
                        return batch.id
                    break
        except anthropic.APIError as error:
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        return None

    async def collect(self, job: str) -> list[Collected] | None:
        """Every line of a finished batch; None while it is being worked on."""
        try:
            batch = await self._client.messages.batches.retrieve(job)
            if batch.processing_status != "ended":
                return None
            lines = await self._client.messages.batches.results(job)
            held = self._held and self._judge.output == "structured"
            return [_collected(line, held) async for line in lines]
        except anthropic.APIError as error:
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{self._judge.name}: the batch cannot be read ({error})") from None


def _collected(line: Any, held: bool) -> Collected:
    """One line of a batch's results; one that cannot be read costs itself alone."""
    key = ""
    try:
        key = line.custom_id.partition("_")[2]
        if line.result.type == "succeeded":
            read = partial(read_message, held=held, batched=True)
            return Collected(key, understood(line.result.message, read))
        return Collected(key, None, str(line.result.type))
    except Exception as error:
        return Collected(key, None, f"its line cannot be read ({type(error).__name__}: {error})")
