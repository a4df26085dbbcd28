"""The real SDKs against a local server that speaks their protocols."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from dialects import Dialect
from protocol_server import Script, Server, serving

from db.errors import BadInput, KeyRefused, Unavailable
from db.vocabulary import Choice, Order, Provider
from judges import constitution, verdicts
from judges.asking import Later, Lost, Question, Rejected, Usage
from judges.judge_config import JudgeConfig
from judges.judge_session import template
from judges.providers.anthropic import AnthropicJudge
from judges.providers.openai import OpenAIJudge

T = TypeVar("T")
RULES = constitution.load(["starter"])
Judge = AnthropicJudge | OpenAIJudge


def config(provider: Provider, server: Server, **more: Any) -> JudgeConfig:
    url = server.url if provider is Provider.ANTHROPIC else f"{server.url}/v1"
    settings: dict[str, Any] = {"model": "test-model", "timeout": 1.0, "retries": 2, **more}
    return JudgeConfig(name="judge", provider=provider, base_url=url, **settings)


def made(config: JudgeConfig, key: str = "good") -> Judge:
    if config.provider is Provider.ANTHROPIC:
        return AnthropicJudge(config, key)
    return OpenAIJudge(config, key)


def question(config: JudgeConfig, order: Order = Order.AB) -> Question:
    return template(config, RULES).render("Say hi", "Hi!", "No.", order, key="7-ab-1")


def using(judge: Judge, work: Callable[[Judge], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            return await work(judge)
        finally:
            await judge.close()

    return asyncio.run(run())


BOTH = pytest.mark.parametrize(
    "provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.OPENAI_COMPATIBLE]
)


@BOTH
def test_an_answer_comes_with_its_verdict_and_its_bill(provider: Provider) -> None:
    with serving() as server:
        settings = config(provider, server)
        answer = using(made(settings), lambda j: j.ask(question(settings)))
    verdict = verdicts.read(answer, Order.AB)
    assert verdict.choice is Choice.A
    assert verdict.confidence == 0.8
    billed = server.state.billed["answer_0"]
    total = answer.usage.input + answer.usage.cached + answer.usage.written
    sent = (
        ["prompt_tokens"]
        if "prompt_tokens" in billed
        else ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
    )
    assert total == sum(billed[name] for name in sent)
    assert answer.usage.output == billed.get("output_tokens", billed.get("completion_tokens"))


def test_the_stable_prefix_is_read_from_the_cache_the_second_time() -> None:
    with serving() as server:
        settings = config(Provider.ANTHROPIC, server)

        async def twice(judge: Judge) -> list[Usage]:
            first = await judge.ask(question(settings, Order.AB))
            second = await judge.ask(question(settings, Order.BA))
            return [first.usage, second.usage]

        first, second = using(made(settings), twice)
    assert first.cached == 0
    assert first.written > 900
    assert second.cached == first.written
    assert second.written == 0


def test_each_provider_is_asked_for_structure_by_its_own_means() -> None:
    with serving() as server:
        server.state.keep_requests = True
        for provider in (Provider.ANTHROPIC, Provider.OPENAI):
            settings = config(provider, server, effort="low")
            using(made(settings), lambda j, s=settings: j.ask(question(s)))  # type: ignore[misc]
    anthropic, openai = server.state.requests
    assert anthropic["output_config"]["format"]["schema"]["properties"]["verdict"]["enum"]
    assert anthropic["output_config"]["effort"] == "low"
    assert anthropic["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert openai["response_format"]["json_schema"]["strict"] is True
    assert openai["reasoning_effort"] == "low"
    assert openai["max_completion_tokens"] == 8192  # a model that thinks first


def test_a_token_judge_gets_a_real_probability() -> None:
    with serving(Script(logprob_of_verdict=math.log(0.8))) as server:
        settings = config(Provider.OPENAI_COMPATIBLE, server, output="token")
        answer = using(made(settings), lambda j: j.ask(question(settings, Order.BA)))
    # "1" was shown first and is B in order ba; .8 against .1 for "2": p_a = .1 / .9.
    verdict = verdicts.read(answer, Order.BA)
    assert verdict.choice is Choice.B
    assert verdict.confidence == pytest.approx(0.8)
    assert verdict.p_a == pytest.approx(0.1 / 0.9)


def test_the_probability_is_that_of_the_verdict_not_of_an_earlier_word() -> None:
    with serving(Script(verdict=lambda user: "2", logprob_of_verdict=math.log(0.7))) as server:
        settings = config(Provider.OPENAI, server, logprobs=True)
        answer = using(made(settings), lambda j: j.ask(question(settings)))
    assert answer.probabilities is not None
    assert answer.probabilities["2"] == pytest.approx(0.7)


@BOTH
@pytest.mark.parametrize("kind", ["rate limit", "overloaded"])
def test_what_passes_is_said_with_the_wait_and_not_sent_again_by_the_sdk(
    provider: Provider, kind: str
) -> None:
    with serving(Script(faults=1.0, kinds=(kind,))) as server:
        settings = config(provider, server)
        with pytest.raises(Later, match=r"rate limit stays reached|stays overloaded") as caught:
            using(made(settings), lambda j: j.ask(question(settings)))
        assert caught.value.seconds == 0.02
        assert server.state.total_calls == 1


@BOTH
@pytest.mark.parametrize("kind", ["drop", "timeout", "not json", "server error"])
def test_an_answer_lost_on_the_way_is_not_asked_again_behind_our_back(
    provider: Provider, kind: str
) -> None:
    with serving(Script(faults=1.0, kinds=(kind,), hang=0.6)) as server:
        settings = config(provider, server, timeout=0.3)
        with pytest.raises(Lost):
            using(made(settings), lambda j: j.ask(question(settings)))
        assert server.state.total_calls == 1


def test_nobody_there_is_unavailable_and_costs_nothing() -> None:
    with serving() as server:
        settings = config(Provider.OPENAI, server, retries=0)
    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        using(made(settings), lambda j: j.ask(question(settings)))
    assert not isinstance(caught.value, Lost)


@BOTH
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("truncated", "truncated"), ("refusal", "refused"), ("nonsense", "no verdict")],
)  # fmt: skip
def test_an_answer_that_says_nothing_is_an_abstain_with_its_reason(
    provider: Provider, kind: str, reason: str
) -> None:
    with serving(Script(faults=1.0, kinds=(kind,))) as server:
        settings = config(provider, server)
        answer = using(made(settings), lambda j: j.ask(question(settings)))
    verdict = verdicts.read(answer, Order.AB)
    assert (verdict.choice, verdict.reason) == (Choice.ABSTAIN, reason)


@BOTH
def test_a_refused_key_says_so_in_one_sentence_without_the_key(provider: Provider) -> None:
    with serving() as server:
        settings = config(provider, server, api_key_env="MY_KEY")
        with pytest.raises(KeyRefused, match="the key in MY_KEY is refused") as caught:
            using(made(settings, key="bad"), lambda j: j.ask(question(settings)))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@BOTH
def test_a_refused_text_is_rejected_with_what_it_amounts_to(provider: Provider) -> None:
    with serving(Script(faults=1.0, kinds=("filtered",))) as server:
        settings = config(provider, server)
        with pytest.raises(Rejected, match="HTTP 400") as caught:
            using(made(settings), lambda j: j.ask(question(settings)))
    verdict = verdicts.read(verdicts.load(verdicts.dump(caught.value.answer)), Order.AB)
    reason = "content filter: content_filter: not allowed"
    assert (verdict.choice, verdict.reason) == (Choice.ABSTAIN, reason)


def test_a_wrong_path_is_a_mistake_of_the_settings() -> None:
    lost = Dialect(refuses=lambda request: (404, {"error": {"message": "POST /wrong"}}))
    with serving(Script(dialect=lost)) as server:
        settings = config(Provider.OPENAI, server)
        with pytest.raises(BadInput, match=r"HTTP 404: POST /wrong.*correct the judge's settings"):
            using(made(settings), lambda j: j.ask(question(settings)))


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI])
def test_a_batch_is_submitted_found_again_and_collected(provider: Provider) -> None:
    script = Script(batch_ready=False, batch_failures=1)
    with serving(script) as server:
        settings = config(provider, server)
        asked = [
            template(settings, RULES).render("Say hi", "Hi!", f"No {n}.", Order.AB, key=f"{n}-ab-1")
            for n in range(3)
        ]

        async def run(judge: Judge) -> Any:
            job = await judge.batches.submit(asked, "mark7")
            early = await judge.batches.collect(job)
            script.batch_ready = True
            assert await judge.batches.collect(job) is not None
            return job, early, await judge.batches.find("mark7"), await judge.batches.find("other")

        job, early, found, other = using(made(settings), run)
        assert early is None
        assert found == job
        assert other is None
        lines = list(using(made(settings), lambda j: j.batches.collect(job)).lines)
    assert sorted(line.name for line in lines) == [f"mark7_{n}-ab-1" for n in range(3)]
    assert sum(line.answer is None for line in lines) == 1
    assert all(line.answer.batched for line in lines if line.answer)
