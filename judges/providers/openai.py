"""OpenAI models, and every server that speaks the same language (vLLM, Ollama and others).

Structured output by JSON schema, and the verdict token's log-probabilities where they are asked
for. What comes back is read in `openai_replies`.
"""

from functools import partial
from typing import Any

import openai

from db.vocabulary import Provider
from judges.asking import Answer, Lost, Question
from judges.judge_config import JudgeConfig
from judges.providers.faults import fault
from judges.providers.openai_batches import OpenAIBatches
from judges.providers.openai_replies import read_completion
from judges.providers.replies import understood
from judges.providers.transport import client

_URL = "https://api.openai.com/v1"
_TOP = 20  # alternatives a server gives for a token at most
_TOKEN_ROOM = 8  # tokens of a one-word answer, marks included


class OpenAIJudge:
    """Asks one model of a server that speaks chat completions."""

    def __init__(self, judge: JudgeConfig, api_key: str | None) -> None:
        url = judge.base_url or _URL
        self._judge = judge
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",  # local servers ask for no key, the SDK does
            base_url=url,
            timeout=judge.timeout,
            max_retries=judge.retries,
            http_client=client(judge.concurrency, url),
        )

    async def ask(self, question: Question) -> Answer:
        """One completion. Raises KeyRefused, BadInput, Lost or Unavailable."""
        try:
            completion = await self._client.chat.completions.create(**self._params(question))
        except openai.APIError as error:
            return self._explained(error)
        except (ValueError, RecursionError) as error:
            raise Lost(f"{self._judge.name}: the reply cannot be read ({error})") from None
        held = self._holds and question.schema is not None
        return understood(completion, partial(read_completion, held=held))

    @property
    def batches(self) -> OpenAIBatches:
        """The batch interface to the same model."""
        return OpenAIBatches(self._judge, self._client, self._params, held=self._holds)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def _holds(self) -> bool:
        """Whether whoever answers is known to hold answers to the schema."""
        return self._judge.provider is Provider.OPENAI and self._judge.base_url is None

    def _params(self, question: Question) -> dict[str, Any]:
        judge = self._judge
        token = judge.output == "token"
        limit = _TOKEN_ROOM if token else question.max_tokens
        official = judge.provider is Provider.OPENAI
        params: dict[str, Any] = {
            "model": judge.model,
            "messages": [
                *([{"role": "system", "content": question.system}] if question.system else []),
                *question.earlier,
                {"role": "user", "content": question.user},
            ],
            "max_completion_tokens" if official else "max_tokens": limit,
        }
        if question.schema is not None:
            params["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": dict(question.schema)},
            }
        if judge.temperature is not None:
            params["temperature"] = judge.temperature
        if judge.effort is not None:
            params["reasoning_effort"] = judge.effort
        if judge.logprobs or token:
            params |= {"logprobs": True, "top_logprobs": _TOP}
        return params

    def _explained(self, error: openai.APIError) -> Answer:
        meaning = fault(error, self._judge.name, self._judge.key_env)
        if isinstance(meaning, Answer):
            return meaning
        raise meaning from None
