"""OpenAI models, and every server that speaks the same language (vLLM, Ollama and others).

Structured output by JSON schema, the verdict token's probability where log-probabilities are asked
for, and batches through the files interface.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import openai
from openai.types.chat import ChatCompletion

from db.vocabulary import Provider
from judges.asking import Answer, Collected, Lost, Question, Stop, Usage
from judges.judge_config import JudgeConfig
from judges.prompts import MENU
from judges.providers.faults import batch_fault, fault, unsent
from judges.providers.replies import count_of, text_of, understood
from judges.providers.transport import client
from judges.verdicts import verdict_at

_URL = "https://api.openai.com/v1"
_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_STOPS: dict[str, Stop] = {"length": "length", "content_filter": "filter"}
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

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def _holds(self) -> bool:
        """Whether whoever answers is known to hold answers to the schema."""
        return self._judge.provider is Provider.OPENAI and self._judge.base_url is None

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
                    held = self._holds and self._judge.output == "structured"
                    found += [_collected(line, held) for line in lines if line.strip()]
        except openai.APIError as error:
            raise batch_fault(error, self._judge.name, self._judge.key_env) from None
        return found

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


def read_completion(completion: Any, *, held: bool = False, batched: bool = False) -> Answer:
    """A completion as an answer; `held`: the server was to hold it to a schema.

    Raises Lost where it holds no answer, and anything where an answer cannot be read.
    """
    if not getattr(completion, "choices", None):
        raise Lost("the reply holds no answer")
    choice, usage = completion.choices[0], completion.usage
    details = getattr(usage, "prompt_tokens_details", None)
    cached = count_of(getattr(details, "cached_tokens", 0))
    written = count_of(getattr(details, "cache_write_tokens", 0))
    refusal = getattr(choice.message, "refusal", None)
    text = text_of(choice.message.content) or text_of(refusal)
    logprobs = getattr(choice, "logprobs", None)
    return Answer(
        text=text,
        usage=Usage(
            input=max(0, count_of(getattr(usage, "prompt_tokens", 0)) - cached - written),
            cached=cached,
            written=written,
            output=count_of(getattr(usage, "completion_tokens", 0)),
        ),
        stop="refusal" if refusal else _STOPS.get(str(choice.finish_reason), "end"),
        held=held,
        probabilities=probabilities(logprobs, text, held=held),
        model=completion.model,
        batched=batched,
    )


def probabilities(logprobs: Any, text: str, *, held: bool = False) -> dict[str, float] | None:
    """The chance the server gave each entry of the menu where the verdict stands; sums to 1.

    None where there are no log-probabilities, where they cannot be read, where the verdict's token
    cannot be found or no alternative is on the menu.
    """
    tokens = getattr(logprobs, "content", None) or ()
    at = verdict_at(text, held=held) if tokens else None
    if at is None:
        return None
    end = 0
    try:
        for token in tokens:
            start, end = end, end + len(token.token)
            if start <= at < end:
                return _on_menu({t.token: t.logprob for t in [*token.top_logprobs, token]})
    except (AttributeError, TypeError):  # a server of another dialect: the text still counts
        return None
    return None


def _on_menu(given: Mapping[str, float]) -> dict[str, float] | None:
    weights = dict.fromkeys(MENU, 0.0)
    for token, logprob in given.items():
        word = token.strip(" \n\t\"'`*:").lower()
        entry = next((m for m in MENU if word and m.startswith(word)), None)
        if entry is not None:
            weights[entry] += math.exp(min(logprob, 0.0))
    total = sum(weights.values())
    return {entry: weight / total for entry, weight in weights.items()} if total > 0 else None


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
