"""Claude models through the official SDK: messages, structured output, prompt caching, batches."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import anthropic

from db.errors import Unavailable
from judges.asking import Answer, Collected, Lost, Question, Stop, Usage
from judges.judge_config import JudgeConfig
from judges.providers.faults import batch_fault, fault, unsent
from judges.providers.replies import count_of, text_of, understood
from judges.providers.transport import client

_URL = "https://api.anthropic.com"
_STOPS: dict[str, Stop] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class AnthropicJudge:
    """Asks one model. The system prompt is marked for caching; it is the same for every pair."""

    def __init__(self, judge: JudgeConfig, api_key: str) -> None:
        url = judge.base_url or _URL
        self._judge = judge
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=url,
            timeout=judge.timeout,
            max_retries=judge.retries,
            http_client=client(judge.concurrency, url),
        )

    async def ask(self, question: Question) -> Answer:
        """One message. Raises KeyRefused, BadInput, Lost or Unavailable."""
        try:
            message = await self._client.messages.create(**self._params(question))
        except anthropic.APIError as error:
            return self._explained(error)
        except (ValueError, RecursionError) as error:
            raise Lost(f"{self._judge.name}: the reply cannot be read ({error})") from None
        held = self._holds and question.schema is not None
        return understood(message, partial(read_message, held=held))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def _holds(self) -> bool:
        """Whether whoever answers is known to hold answers to the schema."""
        return self._judge.base_url is None

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
            held = self._holds and self._judge.output == "structured"
            return [_collected(line, held) async for line in lines]
        except anthropic.APIError as error:
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{self._judge.name}: the batch cannot be read ({error})") from None

    def _params(self, question: Question) -> dict[str, Any]:
        judge = self._judge
        output: dict[str, Any] = {}
        if question.schema is not None:
            output["format"] = {"type": "json_schema", "schema": dict(question.schema)}
        if judge.effort is not None:
            output["effort"] = judge.effort
        cached = {"type": "ephemeral"}
        params: dict[str, Any] = {
            "model": judge.model,
            "max_tokens": question.max_tokens,
            "messages": [*question.earlier, {"role": "user", "content": question.user}],
        }
        if question.system:
            system = {"type": "text", "text": question.system, "cache_control": cached}
            params["system"] = [system]
        if output:
            params["output_config"] = output
        if judge.temperature is not None:
            params["extra_body"] = {"temperature": judge.temperature}
        return params

    def _explained(self, error: anthropic.APIError) -> Answer:
        meaning = fault(error, self._judge.name, self._judge.key_env)
        if isinstance(meaning, Answer):
            return meaning
        raise meaning from None


def read_message(message: Any, *, held: bool = False, batched: bool = False) -> Answer:
    """A message as an answer; `held`: the server was to hold it to a schema.

    Raises Lost where it holds no answer, and anything where an answer cannot be read.
    """
    if not isinstance(getattr(message, "content", None), list):
        raise Lost("the reply holds no answer")
    usage = message.usage
    return Answer(
        text=text_of(message.content),
        usage=Usage(
            input=count_of(getattr(usage, "input_tokens", 0)),
            cached=count_of(getattr(usage, "cache_read_input_tokens", 0)),
            written=count_of(getattr(usage, "cache_creation_input_tokens", 0)),
            output=count_of(getattr(usage, "output_tokens", 0)),
        ),
        stop=_STOPS.get(str(message.stop_reason), "end"),
        held=held,
        model=message.model,
        batched=batched,
    )


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
