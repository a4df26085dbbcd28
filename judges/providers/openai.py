"""OpenAI models, and every server that speaks the same language (vLLM, Ollama and others).

Structured output by JSON schema, and the verdict token's log-probabilities where they are asked
for. What comes back is read in `openai_replies`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import openai

from db.errors import TiebreakError
from db.vocabulary import Provider
from judges import addresses, reach
from judges.asking import Answer, Question
from judges.judge_config import JudgeConfig
from judges.providers.faults import batch_fault, fault, fault_in, unreadable
from judges.providers.notices import Notices
from judges.providers.openai_batches import OpenAIBatches
from judges.providers.openai_replies import read_completion
from judges.providers.openai_requests import OpenAIRequests
from judges.providers.read_whole import ReadWhole
from judges.providers.refusals import way_out
from judges.providers.replies import understood
from judges.providers.transport import client
from judges.providers.usages import charged

_URL = "https://api.openai.com/v1"


class OpenAIJudge:
    """Asks one model of a server that speaks chat completions. `notices`: what a user is to hear
    of it.
    """

    def __init__(
        self, judge: JudgeConfig, api_key: str | None, environ: Mapping[str, str] | None = None
    ) -> None:
        environ = environ or {}
        self._judge = judge
        self._secrets = {environ.get(name, "").strip() for name in judge.secrets} | {api_key or ""}
        self._elsewhere = addresses.base_url(judge, environ)
        self.notices = Notices(judge.name, addresses.redirected(judge, environ))
        self._requests = OpenAIRequests(judge, self.notices)
        self._read_whole = ReadWhole(self.notices)
        url = self._elsewhere or _URL
        headers = reach.read(judge.headers, judge.name, environ)
        unsent = _unsent(judge, api_key, headers, environ)
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",  # local servers ask for no key, the SDK does
            base_url=url,
            timeout=judge.timeout,
            max_retries=judge.retries,
            default_headers={"Authorization": f"Bearer {api_key or 'none'}", **headers},
            default_query=reach.read(judge.query, judge.name, environ),
            http_client=client(judge.concurrency, url, unsent, reach.private(judge.headers)),
        )
        self._key_env = judge.key_env  # worked out once: each answer needs it
        self._once = self._client.with_options(max_retries=0)  # `judges.patience` asks again

    async def ask(self, question: Question) -> Answer:
        """One completion. Raises KeyRefused, Rejected, Later or Lost."""
        while True:
            body = self._requests.body(question)
            sent, more = {name: body.pop(name) for name in ("model", "messages")}, body
            try:
                completion = await self._once.chat.completions.create(**sent, extra_body=more)
            except openai.APIError as error:
                if self._requests.changed(more, error):
                    continue
                raise self._fault(more, error) from None
            except (ValueError, RecursionError) as error:
                raise unreadable(error, self._judge.name, self._secrets) from None
            broken = fault_in(completion, self._judge.name, self._key_env, self._secrets)
            if broken is not None:
                raise broken
            held = self._holds and question.schema is not None
            answer = charged(understood(completion, partial(read_completion, held=held)))
            self._requests.heard(more, completion, answer)
            self.notices.hear(answer, self._judge.price)
            if self._holds:
                return answer
            self.notices.answered_as(self._judge.model, answer.model)
            return self._read_whole.checked(question, answer)

    async def models(self) -> list[str] | None:
        """The names its server lists. Raises KeyRefused, BadInput where it has no list, or
        Unavailable.
        """
        try:
            page = await self._client.models.list()
        except openai.APIError as error:
            raise batch_fault(error, self._judge.name, self._key_env) from None
        return [str(model.id) for model in page.data or ()]

    @property
    def batches(self) -> OpenAIBatches:
        """The batch interface to the same model."""
        return OpenAIBatches(
            self._judge,
            self._client,
            self._requests,
            held=self._holds,
            secrets=self._secrets,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def _holds(self) -> bool:
        """Whether whoever answers is known to hold answers to the schema."""
        return self._judge.provider is Provider.OPENAI and self._elsewhere is None

    def _fault(self, body: dict[str, Any], error: openai.APIError) -> TiebreakError:
        way = way_out(self._judge, body, error)
        return fault(error, self._judge.name, self._key_env, way, self._secrets)


def _unsent(
    judge: JudgeConfig,
    api_key: str | None,
    headers: Mapping[str, str],
    environ: Mapping[str, str],
) -> set[str]:
    """Headers that the SDK adds by itself and this server is not to see: a key where there is none
    but a header that authenticates; and what the environment says for OpenAI alone.
    """
    unsent = set()
    if api_key is None and reach.authenticates(headers):
        unsent.add("authorization")
    if judge.provider is Provider.OPENAI_COMPATIBLE:
        custom = environ.get("OPENAI_CUSTOM_HEADERS", "").lower().split("\n")
        unsent |= {line.partition(":")[0].strip() for line in custom} - {"", "authorization"}
        unsent |= {"openai-organization", "openai-project"}
    return unsent - {name.lower() for name in headers}
