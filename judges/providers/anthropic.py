"""Claude models through the official SDK: messages, structured output, prompt caching."""

from functools import partial
from typing import Any

import anthropic

from judges.asking import Answer, Lost, Question
from judges.judge_config import JudgeConfig
from judges.providers.anthropic_batches import AnthropicBatches
from judges.providers.anthropic_replies import read_message
from judges.providers.faults import fault
from judges.providers.replies import understood
from judges.providers.transport import client

_URL = "https://api.anthropic.com"


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

    @property
    def batches(self) -> AnthropicBatches:
        """The batch interface to the same model."""
        return AnthropicBatches(self._judge, self._client, self._params, held=self._holds)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def _holds(self) -> bool:
        """Whether whoever answers is known to hold answers to the schema."""
        return self._judge.base_url is None

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
