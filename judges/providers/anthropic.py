"""Claude models through the official SDK: messages, structured output, prompt caching."""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import anthropic

from judges import addresses, reach
from judges.asking import Answer, Question
from judges.judge_config import JudgeConfig
from judges.providers import clouds
from judges.providers.anthropic_batches import AnthropicBatches
from judges.providers.anthropic_replies import read_message
from judges.providers.faults import batch_fault, fault, fault_in, unreadable
from judges.providers.notices import Notices
from judges.providers.read_whole import ReadWhole
from judges.providers.refusals import way_out
from judges.providers.replies import understood
from judges.providers.transport import client
from judges.providers.usages import charged

_URL = "https://api.anthropic.com"


class AnthropicJudge:
    """Asks one model. The system prompt is marked for caching; it is the same for every pair.

    `notices`: what a user is to hear of its server.
    """

    def __init__(
        self, judge: JudgeConfig, api_key: str | None, environ: Mapping[str, str] | None = None
    ) -> None:
        environ = environ or {}
        self._judge = judge
        self._secrets = {environ.get(name, "").strip() for name in judge.secrets} | {api_key or ""}
        self._elsewhere = addresses.base_url(judge, environ)
        self.notices = Notices(judge.name, addresses.redirected(judge, environ))
        self._read_whole = ReadWhole(self.notices)
        self._headers = headers = reach.read(judge.headers, judge.name, environ)
        query = reach.read(judge.query, judge.name, environ)
        url = self._elsewhere or clouds.URLS.get(judge.via or "", _URL)
        unsent = {"authorization", "x-api-key"} - {name.lower() for name in headers}
        keyless = judge.via is None and api_key is None
        http = client(
            judge.concurrency,
            url,
            without=unsent if keyless else (),
            private=() if judge.via else reach.private(judge.headers),
        )
        self._client: anthropic.AsyncAnthropic | clouds.CloudClient
        if judge.via is not None:
            self._client = clouds.cloud_client(
                judge, api_key, environ,
                base_url=self._elsewhere, headers=headers, query=query, http_client=http,
            )  # fmt: skip
        else:
            self._client = anthropic.AsyncAnthropic(
                api_key=api_key or "none",  # or the SDK would look for one by itself
                base_url=url,
                timeout=judge.timeout,
                max_retries=judge.retries,
                default_headers=headers,
                default_query=query,
                http_client=http,
            )
        self._key_env = judge.key_env  # worked out once: each answer needs it
        self._once = self._client.with_options(max_retries=0)  # `judges.patience` asks again

    async def ask(self, question: Question) -> Answer:
        """One message. Raises KeyRefused, Rejected, Later or Lost."""
        body = self._body(question)
        try:
            # With each request: on Bedrock its SDK moves a beta from there into the body.
            message = await self._once.messages.create(**_split(body), extra_headers=self._headers)
        except anthropic.APIError as error:
            way = way_out(self._judge, body, error)
            raise fault(error, self._judge.name, self._key_env, way, self._secrets) from None
        except Exception as error:
            unable = clouds.no_credentials(self._judge, error)
            if unable is None and not isinstance(error, ValueError | RecursionError):
                raise
            raise unable or unreadable(error, self._judge.name, self._secrets) from None
        broken = fault_in(message, self._judge.name, self._key_env, self._secrets)
        if broken is not None:
            raise broken
        held = self._holds and question.schema is not None
        answer = charged(understood(message, partial(read_message, held=held)))
        self.notices.hear(answer, self._judge.price)
        if self._elsewhere is None:
            return answer
        self.notices.answered_as(self._judge.model, answer.model)
        return self._read_whole.checked(question, answer)

    async def models(self) -> list[str] | None:
        """The names its server lists, None where a cloud has no list. Raises KeyRefused, BadInput
        where it has no list, or Unavailable.
        """
        if not isinstance(self._client, anthropic.AsyncAnthropic):
            return None
        try:
            page = await self._client.models.list(limit=1000)
        except anthropic.APIError as error:
            raise batch_fault(error, self._judge.name, self._key_env) from None
        return [str(model.id) for model in page.data or ()]

    @property
    def batches(self) -> AnthropicBatches:
        """The batch interface to the same model."""
        vendor = cast(anthropic.AsyncAnthropic, self._client)  # no cloud takes them
        return AnthropicBatches(
            self._judge, vendor, self._body, held=self._holds, secrets=self._secrets
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def _holds(self) -> bool:
        """Whether whoever answers is known to hold answers to the schema."""
        return self._elsewhere is None and self._judge.via is None

    def _body(self, question: Question) -> dict[str, Any]:
        """The whole JSON of the request."""
        judge = self._judge
        output: dict[str, Any] = {}
        if question.schema is not None:
            output["format"] = {"type": "json_schema", "schema": dict(question.schema)}
        if judge.effort is not None:
            output["effort"] = judge.effort
        cached = {"type": "ephemeral"}
        body: dict[str, Any] = {
            "model": judge.model,
            "max_tokens": question.max_tokens,
            "messages": [*question.earlier, {"role": "user", "content": question.user}],
        }
        if question.system:
            body["system"] = [{"type": "text", "text": question.system, "cache_control": cached}]
        if output:
            body["output_config"] = output
        if judge.temperature is not None:
            body["temperature"] = judge.temperature
        return {**body, **judge.extra_body}


def _split(body: dict[str, Any]) -> dict[str, Any]:
    """A body as the SDK takes it: what it demands by name, and the rest beside it."""
    named = ("model", "max_tokens", "messages")
    rest = {name: value for name, value in body.items() if name not in named}
    return {**{name: body[name] for name in named}, "extra_body": rest}
