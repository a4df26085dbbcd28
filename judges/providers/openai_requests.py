"""A question as a chat completion's request, and what a server is found not to take of it.

Servers of one protocol differ in what they take. Two things can be asked for otherwise without
another answer: the name of the token limit, and how many alternatives of a token are wanted. Where
a server refuses these the request is sent again in the other way, which is kept for the run and
said once. Everything else that is refused is the user's to decide.
"""

import re
from collections.abc import Iterator
from typing import Any

import openai

from db.vocabulary import Provider
from judges.asking import Answer, Question
from judges.judge_config import JudgeConfig
from judges.providers.notices import Notices
from judges.providers.refusals import is_refused, words_of

_TOP = (20, 10, 5, 1, 0)  # alternatives asked for, in turn; 0: no probabilities at all
_TOKEN_ROOM = 8  # tokens of a one-word answer, marks included
_REFUSALS = (400, 403, 404, 405, 415, 422, 500, 501)
_LIMITS = ("max_tokens", "max_completion_tokens")
_NOT_AT_ALL = re.compile(
    "support|not allowed|not enabled|unavailable|forbidden|not permitted|extra"
)
_AT_MOST = re.compile("max|greater|less|between|range|at most|more than")


class OpenAIRequests:
    """Requests of one judge. `notices` hears of what its server does not take."""

    def __init__(self, judge: JudgeConfig, notices: Notices) -> None:
        self._judge = judge
        self._notices = notices
        official = judge.provider is Provider.OPENAI
        self._limit = judge.token_limit or _LIMITS[official]
        self._limit_is_found = False
        self._top = _TOP[0] if judge.logprobs or judge.output == "token" else 0

    def body(self, question: Question) -> dict[str, Any]:
        """The whole JSON of the request."""
        judge = self._judge
        token = judge.output == "token"
        body: dict[str, Any] = {
            "model": judge.model,
            "messages": [
                *([{"role": "system", "content": question.system}] if question.system else []),
                *question.earlier,
                {"role": "user", "content": question.user},
            ],
            self._limit: _TOKEN_ROOM if token else question.max_tokens,
        }
        if question.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": dict(question.schema)},
            }
        if judge.temperature is not None:
            body["temperature"] = judge.temperature
        if judge.effort is not None:
            body["reasoning_effort"] = judge.effort
        if self._top:
            body |= {"logprobs": True, "top_logprobs": self._top}
        return {**body, **judge.extra_body}

    def changed(self, body: dict[str, Any], error: openai.APIError) -> bool:
        """Whether what was refused is asked for otherwise from now on; then it is sent again."""
        return self.learns(body, getattr(error, "status_code", None), words_of(error))

    def learns(self, body: dict[str, Any], status: int | None, said: str) -> bool:
        """As `changed`, from a status and what was said in small letters: those of a line."""
        if status not in _REFUSALS:
            return False
        return self._fewer(body, said) or self._renamed(body, said)

    @property
    def found_out(self) -> dict[str, Any]:
        """The parts of a request that a refusal may change, as they are sent now."""
        return {self._limit: 0, **({"top_logprobs": self._top} if self._top else {})}

    def heard(self, body: dict[str, Any], completion: Any, answer: Answer) -> None:
        """Take note where probabilities were asked for and none came."""
        if "logprobs" not in body or answer.stop != "end" or not answer.text:
            return
        choice = completion.choices[0]
        if not getattr(getattr(choice, "logprobs", None), "content", None):
            self._notices.say(
                "logprobs", "its server gives no probabilities, so its votes have none"
            )

    def _fewer(self, body: dict[str, Any], said: str) -> bool:
        sent = body.get("top_logprobs", 0)
        if not sent or "logprob" not in said:
            return False
        if self._top == sent:
            self._top = next(_steps(sent, said))
            self._notices.say(
                "top_logprobs",
                f"its server takes top_logprobs of {self._top} and not of {sent}"
                if self._top
                else "its server takes no logprobs, so its votes have no probabilities; leave "
                "logprobs out of its [[judge]]",
            )
        return True

    def _renamed(self, body: dict[str, Any], said: str) -> bool:
        sent = next((name for name in _LIMITS if name in body), None)
        if sent is None or self._judge.token_limit is not None:
            return False
        if self._limit == sent:
            if self._limit_is_found or not is_refused(sent, said):
                return False
            self._limit = _LIMITS[1 - _LIMITS.index(sent)]
            self._limit_is_found = True  # never back again
            self._notices.say(
                "limit",
                f"its server takes {self._limit} and not {sent}; to save a request of each run, "
                f'add token_limit = "{self._limit}" to its [[judge]]',
            )
        return True


def _steps(sent: int, said: str) -> Iterator[int]:
    """Fewer alternatives than were asked for: as many as the server names, else the next less."""
    if _NOT_AT_ALL.search(said) and not _AT_MOST.search(said):
        yield 0
    named = [int(number) for number in re.findall(r"(?<![\w.])\d{1,2}(?![\w.]*\d)", said)]
    yield from sorted((number for number in named if 0 < number < sent), reverse=True)[:1]
    yield from (number for number in _TOP if number < sent)
