"""How judges are reached: every setting is sent or refused, and secrets stay out of the file."""
# ruff: noqa: E501 (tables of cases, a row a line)

import asyncio
from typing import Any, get_args, get_type_hints

import pytest
from anthropic.types import OutputConfigParam
from dialects import (
    FEW_LOGPROBS,
    MISTRAL,
    NO_LOGPROBS,
    NO_MAX_COMPLETION_TOKENS,
    NO_MAX_TOKENS,
    REFUSED_SETTINGS,
    TOO_LONG,
    error,
)
from openai.types.shared import ReasoningEffort
from protocol_server import Dialect, Script, Server, serving
from test_judges_providers import RULES, config, question

from db.errors import BadInput, KeyRefused, TiebreakError
from db.vocabulary import Choice, Order, Provider
from judges import panel, verdicts
from judges.asking import Answer, Rejected
from judges.connect import connect
from judges.generation import GeneratorConfig
from judges.generation import parse as generators
from judges.judge_config import JudgeConfig
from judges.steps.listing import Served, list_models

CLAUDE: dict[str, Any] = {"name": "c", "provider": "anthropic", "model": "claude-haiku-4-5"}
OWN: dict[str, Any] = {
    "name": "o",
    "provider": "openai-compatible",
    "model": "m",
    "base_url": "http://h/v1",
}
KEYS = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
PRICES = {"input": 1.0, "output": 1.0}


def asked(judge: JudgeConfig, environ: dict[str, str], times: int = 1) -> tuple[Any, list[Answer]]:
    """Connect as a run does, ask, and give back who was asked."""

    async def run() -> tuple[Any, list[Answer]]:
        client: Any = connect(judge, environ)
        try:
            return client, [await client.ask(question(judge)) for _ in range(times)]
        finally:
            await client.close()

    return asyncio.run(run())


def one(**settings: Any) -> JudgeConfig:
    return panel.parse({"judge": [settings]}).judge[0]


def remote(provider: Provider, server: Server, **more: Any) -> JudgeConfig:
    judge = config(provider, server, **{"retries": 0, "prices": PRICES, "timeout": 60.0, **more})
    return one(**judge.model_dump(exclude_defaults=True))


@pytest.mark.parametrize(
    "provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.OPENAI_COMPATIBLE]
)
def test_headers_query_and_further_fields_are_sent_as_they_are(provider: Provider) -> None:
    with serving() as server:
        server.state.keep_requests = True
        judge = remote(
            provider, server,
            headers={"X-Title": "panel", "x-gateway-key": {"env": "GATE", "prefix": "Id "}},
            query={"api-version": "2025-04-01", "k": {"env": "GATE"}},
            extra_body={"provider": {"order": ["a"]}, "top_k": 1},
        )  # fmt: skip
        _, (answer,) = asked(judge, KEYS | {"GATE": "s3\n"})
        path, headers = server.state.heads[-1]
    assert verdicts.read(answer, Order.AB).choice is Choice.A
    assert headers["x-title"] == "panel"
    assert headers["x-gateway-key"] == "Id s3"
    assert path.partition("?")[2] == "api-version=2025-04-01&k=s3"
    assert server.state.requests[0]["provider"] == {"order": ["a"]}
    assert server.state.requests[0]["top_k"] == 1


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI])
def test_lines_of_a_batch_hold_what_a_direct_request_holds(provider: Provider) -> None:
    with serving() as server:
        server.state.keep_requests = True
        judge = remote(provider, server, temperature=0.5, extra_body={"service_tier": "flex"})
        client, _ = asked(judge, KEYS)
        batches = client.batches
        openai = provider is Provider.OPENAI
        line = batches._requests.body if openai else batches._params
        assert line(question(judge)) == server.state.requests[0]
    assert server.state.requests[0]["temperature"] == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (OWN | {"options": {"num_ctx": 9}}, "options.num_ctx is read by nobody"),
        ({"name": "v", "provider": "verifier", "options": {"expcted": 1}}, "options.expcted is read by nobody"),
        ({"name": "b", "provider": "baseline", "model": "detail", "temperature": 0}, "leave temperature out"),
        ({"name": "b", "provider": "baseline", "model": "detail", "headers": {"a": "b"}}, "asks no server; leave headers out"),
        (OWN | {"extra_body": {"model": "other"}}, "extra_body.model cannot be sent: the question decides it"),
        (OWN | {"extra_body": {"max_completion_tokens": 9}}, "the setting max_tokens decides it"),
        (OWN | {"extra_body": {"n": 4}}, "the setting samples decides it"),
        (OWN | {"extra_body": {"response_format": {}}}, "the setting output decides it"),
        (OWN | {"effort": "low", "extra_body": {"reasoning_effort": "x"}}, "the setting effort decides it"),
        (OWN | {"headers": {"X-Api-Key": "abc"}}, 'looks like a secret; keep it out of the file: X-Api-Key = { env = "NAME" }'),
        (OWN | {"headers": {"x-note": "sk-ant-api03-" + "Ab3" * 30}}, "looks like a secret"),
        (OWN | {"headers": {"x": {"env": "not-a-name"}}}, "must be the name of an environment variable"),
        (OWN | {"headers": {"Host": "x"}}, "'Host' is set by the client itself"),
        (OWN | {"headers": {"a": "1", "A": "2"}}, "is there twice"),
        (OWN | {"headers": {"a b": "1"}}, "no header can have"),
        (OWN | {"headers": {"a": "b\r\nc: d"}}, "no header can have"),
        (OWN | {"headers": {"a": 3}}, "headers.a.env = 3"),
        (OWN | {"query": {"key": "abc"}}, "query 'key' looks like a secret"),
        (OWN | {"extra_body": {"litellm": [{"api_key": "abc"}]}}, "extra_body.litellm.0.api_key looks like a secret"),
        (OWN | {"base_url": "localhost:8000/v1"}, "base_url is no address"),
        (OWN | {"base_url": "http://me:pw@h/v1"}, "holds a name or password"),
        (OWN | {"base_url": "http://h/v1?api-version=1"}, "put it in the table query"),
        (OWN | {"base_url": "http://h/v1/chat/completions"}, "leave out /completions"),
        (CLAUDE | {"token_limit": "max_tokens"}, "knows max_tokens alone"),
        (CLAUDE | {"effort": "minimal"}, "knows no effort 'minimal'"),
        (OWN | {"via": "vertex"}, "reaches models of provider 'anthropic' alone"),
        (CLAUDE | {"region": "eu"}, "a region belongs to a judge with via"),
        (CLAUDE | {"via": "bedrock", "prices": PRICES, "project": "p"}, "a project belongs"),
        (CLAUDE | {"via": "bedrock"}, "is billed by bedrock, whose prices are not known here"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused_in_one_sentence(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        one(**settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_generator_is_reached_by_the_same_settings() -> None:
    (made,) = generators([{**OWN, "headers": {"a": "b"}, "extra_body": {"min_p": 0.1}}])
    assert made.asked_at(0.5).headers == {"a": "b"}
    assert made.asked_at(0.5).extra_body == {"min_p": 0.1}
    with pytest.raises(BadInput, match=r"extra_body\.model"):
        generators([{**OWN, "extra_body": {"model": "x"}}])
    reach = {
        "base_url",
        "headers",
        "query",
        "extra_body",
        "token_limit",
        "via",
        "region",
        "project",
    }
    assert reach <= set(GeneratorConfig.model_fields)


def test_what_is_sent_beside_the_question_makes_a_version_and_a_secret_does_not() -> None:
    base = one(**OWN).version(RULES)
    for same in ({"token_limit": "max_completion_tokens"}, {"headers": {"api-key": {"env": "A"}}},
                 {"query": {"k": {"env": "A"}}}):  # fmt: skip
        assert one(**OWN, **same).version(RULES) == base
    for other in ({"headers": {"anthropic-beta": "x"}}, {"query": {"api-version": "1"}},
                  {"extra_body": {"top_k": 1}}):  # fmt: skip
        assert one(**OWN, **other).version(RULES) != base


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI])
def test_the_environment_takes_a_vendors_judge_elsewhere_and_it_is_said(provider: Provider) -> None:
    variable = "ANTHROPIC_BASE_URL" if provider is Provider.ANTHROPIC else "OPENAI_BASE_URL"
    with serving() as server:
        own = remote(provider, server)
        judge = own.model_copy(update={"base_url": None})
        client, (answer,) = asked(judge, KEYS | {variable: f"{own.base_url}\n"})
        assert server.state.total_calls == 1
        host = server.url.removeprefix("http://")
        assert list(client.notices) == [
            f"judge 'judge': asked at {host}, as {variable} in the environment says"
        ]
        assert not answer.held  # nobody knows whether that server holds answers to the schema
        client, _ = asked(own, KEYS | {variable: "http://127.0.0.1:1/never"})
        assert list(client.notices) == []
    with pytest.raises(BadInput, match=f"environment variable {variable} is no address"):
        connect(judge, KEYS | {variable: "localhost"})


@pytest.mark.parametrize(
    ("key", "message"),
    [("", "needs a key"), (" \n", "needs a key"), ("go\nod", "holds a character"), ("gööd", "holds a character")],
)  # fmt: skip
def test_a_key_that_no_request_can_carry_is_refused_without_being_shown(
    key: str, message: str
) -> None:
    with pytest.raises(KeyRefused, match=message) as caught:
        connect(one(**CLAUDE), {"ANTHROPIC_API_KEY": key})
    assert "od" not in str(caught.value).replace("model", "")


@pytest.mark.parametrize(
    "provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.OPENAI_COMPATIBLE]
)
def test_a_key_loses_the_line_end_of_its_file(provider: Provider) -> None:
    with serving() as server:
        judge = remote(provider, server, api_key_env="MY_KEY")
        asked(judge, {"MY_KEY": " good\r\n"})
        assert server.state.heads[-1][1]["authorization"] == "Bearer good"


@pytest.mark.parametrize(
    "provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.OPENAI_COMPATIBLE]
)
def test_a_header_that_authenticates_takes_the_place_of_the_key(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    with serving() as server:
        asked(remote(provider, server, headers={"api-key": {"env": "AZURE"}}), {"AZURE": "good"})
        sent = server.state.heads[-1][1]
        assert sent["api-key"] == "good"
        assert not {"authorization", "x-api-key"} & sent.keys()
        bearer = {"Authorization": {"env": "AZURE", "prefix": "Bearer "}}
        asked(remote(provider, server, headers=bearer), {"AZURE": "good"})
        assert server.state.heads[-1][1]["authorization"] == "Bearer good"


@pytest.mark.parametrize("status", [400, 413, 500])
@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI])
def test_a_secret_that_a_server_repeats_is_not_shown(provider: Provider, status: int) -> None:
    body = error("you sent good-key-of-ours and gate-secret to us")
    with serving(Script(dialect=Dialect(lambda _: (status, body)))) as server:
        judge = remote(provider, server, headers={"x-gate": {"env": "GATE"}}, api_key_env="K")
        try:
            said = asked(judge, {"K": "good-key-of-ours", "GATE": "gate-secret"})[1][0].text
        except TiebreakError as raised:
            said = str(raised)
    assert "good-key" not in said
    assert "gate-secret" not in said


def test_a_secret_follows_no_server_to_another_host() -> None:
    with serving() as other, serving() as server:
        elsewhere = f"http://localhost:{other.url.rpartition(':')[2]}/v1/chat/completions"
        server.script.dialect = Dialect(lambda _: (307, {}, {"location": elsewhere}))
        headers = {"api-key": {"env": "K"}, "x-mine": {"env": "K", "prefix": "v"}, "x-open": "1"}
        judge = remote(Provider.OPENAI_COMPATIBLE, server, headers=headers)
        with pytest.raises(TiebreakError):
            asked(judge, {"K": "good"})
        assert server.state.heads[-1][1]["x-mine"] == "vgood"
        sent = other.state.heads[-1][1]
    assert not {"api-key", "authorization", "x-mine"} & sent.keys()
    assert sent["x-open"] == "1"


def test_what_the_environment_says_for_openai_reaches_no_other_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {
        "OPENAI_ORG_ID": "org",
        "OPENAI_PROJECT_ID": "proj",
        "OPENAI_CUSTOM_HEADERS": "x-mine: 1\nAuthorization: Bearer mine",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with serving() as server:
        asked(
            remote(Provider.OPENAI_COMPATIBLE, server, api_key_env="MY_KEY"),
            environ | {"MY_KEY": "good"},
        )
        sent = server.state.heads[-1][1]
        assert not {"openai-organization", "openai-project", "x-mine"} & sent.keys()
        assert sent["authorization"] == "Bearer good"
        asked(remote(Provider.OPENAI, server), KEYS)
        assert server.state.heads[-1][1]["openai-organization"] == "org"


@pytest.mark.parametrize(
    ("provider", "dialect", "found"),
    [
        (Provider.OPENAI_COMPATIBLE, NO_MAX_TOKENS, "max_completion_tokens"),
        (Provider.OPENAI, NO_MAX_COMPLETION_TOKENS, "max_tokens"),
        (Provider.OPENAI, MISTRAL, "max_tokens"),
    ],
)  # fmt: skip
def test_a_server_that_knows_the_limit_by_the_other_name_is_asked_by_it(
    provider: Provider, dialect: Dialect, found: str
) -> None:
    with serving(Script(dialect=dialect)) as server:
        server.state.keep_requests = True
        client, answers = asked(remote(provider, server), KEYS, times=2)
        assert [found in request for request in server.state.requests] == [False, True, True]
        assert all(verdicts.read(a, Order.AB).choice is Choice.A for a in answers)
        (said,) = client.notices
        assert f'add token_limit = "{found}"' in said
        with pytest.raises(BadInput, match="rejects the request"):  # set by hand, not turned round
            asked(
                remote(
                    provider,
                    server,
                    token_limit=next(iter({"max_tokens", "max_completion_tokens"} - {found})),
                ),
                KEYS,
            )


@pytest.mark.parametrize("who", FEW_LOGPROBS)
@pytest.mark.parametrize("how", [{"logprobs": True}, {"output": "token"}])
def test_fewer_alternatives_are_asked_for_where_a_server_takes_fewer(
    who: str, how: dict[str, Any]
) -> None:
    most, dialect = FEW_LOGPROBS[who]
    with serving(Script(dialect=dialect)) as server:
        server.state.keep_requests = True
        judge = remote(Provider.OPENAI_COMPATIBLE, server, **how)
        client, answers = asked(judge, KEYS, times=2)
        assert server.state.requests[-1]["top_logprobs"] == most
        assert server.state.requests[-2]["top_logprobs"] == most  # kept for the second question
        assert all(answer.probabilities for answer in answers)
        assert f"takes top_logprobs of {most} and not" in list(client.notices)[-1]


@pytest.mark.parametrize("who", NO_LOGPROBS)
def test_a_server_that_knows_no_logprobs_is_asked_without(who: str) -> None:
    with serving(Script(dialect=NO_LOGPROBS[who])) as server:
        server.state.keep_requests = True
        judge = remote(Provider.OPENAI_COMPATIBLE, server, logprobs=True)
        client, answers = asked(judge, KEYS, times=2)
        assert [r.get("top_logprobs") for r in server.state.requests] == [20, None, None]
        assert all(verdicts.read(a, Order.AB).p_a is None for a in answers)
        (said,) = client.notices
        assert "takes no logprobs" in said


def test_a_server_that_gives_no_probabilities_is_said_once() -> None:
    def without(_: Any, reply: dict[str, Any]) -> dict[str, Any]:
        reply["choices"][0]["logprobs"] = None
        return reply

    with serving(Script(dialect=Dialect(says=without))) as server:
        client, _ = asked(remote(Provider.OPENAI_COMPATIBLE, server, logprobs=True), KEYS, times=3)
    assert list(client.notices) == [
        "judge 'judge': its server gives no probabilities, so its votes have none"
    ]


@pytest.mark.parametrize(
    ("asked_for", "answered", "is_said"),
    [
        ("qwen3-8b", "llama-3.2-3b-instruct", True),  # LM Studio: whatever is loaded
        ("qwen3-8b", "/models/Qwen3_8B-Q4_K_M.gguf", False),  # llama.cpp: its file
        ("gpt-4.1", "gpt-4.1-2025-04-14", False),
        ("my-deployment", "gpt-4.1-2025-04-14", True),  # Azure
        ("claude-sonnet-4-6@20260217", "claude-sonnet-4-6-20260217", False),  # Vertex AI
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001", False),
    ],
)  # fmt: skip
def test_a_server_that_answers_as_another_model_is_said(
    asked_for: str, answered: str, is_said: bool
) -> None:
    renamed = Dialect(says=lambda _, reply: reply | {"model": answered})
    with serving(Script(dialect=renamed)) as server:
        client, _ = asked(remote(Provider.OPENAI_COMPATIBLE, server, model=asked_for), KEYS)
    assert [f"answers as {answered!r}" in notice for notice in client.notices] == [True] * is_said


def test_many_in_flight_step_down_once() -> None:
    """Of 30 refused at once the first steps from 20 to 5; the rest only ask again."""
    _, dialect = FEW_LOGPROBS["vllm"]
    with serving(Script(dialect=dialect, latency=0.05)) as server:
        judge = remote(Provider.OPENAI_COMPATIBLE, server, logprobs=True)

        async def run() -> Any:
            client: Any = connect(judge, KEYS)
            await asyncio.gather(*(client.ask(question(judge)) for _ in range(30)))
            await client.close()
            return client

        client = asyncio.run(run())
        assert len(list(client.notices)) == 1
        assert server.state.total_calls == 60


def test_efforts_are_those_of_the_sdks() -> None:
    def words(annotation: Any) -> set[str]:
        inner = get_args(annotation)
        return {annotation} - {type(None)} if not inner else set().union(*map(words, inner))

    ours = words(JudgeConfig.model_fields["effort"].annotation)
    assert ours == words(ReasoningEffort)
    theirs = words(get_type_hints(OutputConfigParam)["effort"])
    for effort in ours & theirs:
        one(**CLAUDE, effort=effort)
    for effort in ours - theirs:
        with pytest.raises(BadInput, match="knows no effort"):
            one(**CLAUDE, effort=effort)


@pytest.mark.parametrize(("settings", "status", "body", "way"), REFUSED_SETTINGS)
def test_a_refused_setting_is_named_with_the_way_out(
    settings: dict[str, Any], status: int, body: Any, way: str
) -> None:
    with serving(Script(dialect=Dialect(lambda _: (status, body)))) as server:
        judge = remote(Provider.OPENAI_COMPATIBLE, server, **settings)
        with pytest.raises(TiebreakError) as caught:
            asked(judge, KEYS)
    assert way in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("who", TOO_LONG)
def test_a_question_beyond_the_window_is_an_abstain_of_that_question(who: str) -> None:
    script = Script(dialect=Dialect(lambda _: TOO_LONG[who]))
    with serving(script) as server, pytest.raises(Rejected) as caught:
        asked(remote(Provider.OPENAI_COMPATIBLE, server), KEYS)
    reason = verdicts.read(caught.value.answer, Order.AB).reason or ""
    assert reason.startswith("too long for the model: ")


def test_azures_filter_is_an_abstain_of_its_question() -> None:
    # learn.microsoft.com: content filtering, with the categories in innererror
    body = error(
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy. Please modify your prompt and retry.", param="prompt", code="content_filter",
        status=400, innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": {
            "violence": {"filtered": True, "severity": "medium"}}},
    )  # fmt: skip
    script = Script(dialect=Dialect(lambda _: (400, body)))
    with serving(script) as server, pytest.raises(Rejected) as caught:
        asked(remote(Provider.OPENAI, server), KEYS)
    reason = verdicts.read(caught.value.answer, Order.AB).reason or ""
    assert reason.startswith("content filter: The response was filtered")


def test_words_of_the_question_that_a_refusal_repeats_name_no_setting() -> None:
    """A pydantic server repeats the body under "input"; what is judged there is no refusal."""
    detail = {"type": "missing", "loc": ["body", "tools"], "msg": "Field required",
              "input": {"messages": "what temperature is it? unsupported!"}}  # fmt: skip
    dialect = Dialect(lambda _: (422, {"detail": [detail]}))
    with serving(Script(dialect=dialect)) as server, pytest.raises(TiebreakError) as caught:
        asked(remote(Provider.OPENAI_COMPATIBLE, server, temperature=0.0), KEYS)
    assert "leave temperature out" not in str(caught.value)


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI_COMPATIBLE])
def test_servers_are_asked_for_their_models_and_for_nothing_else(provider: Provider) -> None:
    script = Script(models=[{"id": f"m{number}"} for number in range(7)])
    with serving(script) as server:
        judge = remote(provider, server)
        (found,) = list_models([judge], KEYS)
        assert found == Served("judge", True, "answers and does not list 'test-model'; it lists "
                               "'m0', 'm1', 'm2', 'm3', 'm4' and 2 more")  # fmt: skip
        script.models = [{"id": "test-model"}]
        assert list_models([judge], KEYS)[0].found == "answers and lists 'test-model'"
        script.models = None  # as Ollama without a model
        assert list_models([judge], KEYS)[0].found.endswith("it lists none")
        refused = judge.model_copy(update={"api_key_env": "MY_KEY"})
        assert not list_models([refused], {"MY_KEY": "bad"})[0].answers
        assert list_models([refused], {})[0].found.startswith("is not asked: 'judge' needs a key")
        assert server.state.total_calls == 0
    assert not list_models([judge], KEYS)[0].answers
    cloud = one(**CLAUDE, via="vertex", region="eu", prices=PRICES, api_key_env="MY_KEY")
    assert list_models([cloud], {"MY_KEY": "x"})[0].found.endswith("vertex has no list of models")
    assert list_models([one(name="b", provider="baseline", model="detail")], {}) == []
