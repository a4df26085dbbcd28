"""Lines of batches: sent, the body of a direct call whatever the settings; back, what they mean."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol_server import Script, Server, serving
from test_judges_providers import config, made, question, using

from db.vocabulary import Provider
from judges.judge_config import JudgeConfig
from judges.providers.batch_lines import collected
from judges.providers.notices import Notices
from judges.providers.openai_batches import OpenAIBatches
from judges.providers.openai_requests import OpenAIRequests

KEYS = st.text("abcdefgh_", min_size=4, max_size=10).map(lambda name: f"x_{name}")
VALUES = st.one_of(st.booleans(), st.integers(0, 9), st.text(max_size=5))
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 1),
    "effort": st.sampled_from(["low", "medium", "high"]),
    "output": st.sampled_from(["structured", "text"]),
    "max_tokens": st.integers(1, 9000),
    "per_principle": st.booleans(),
    "principles": st.just(("owns-uncertainty",)),
    "extra_body": st.dictionaries(KEYS, VALUES, max_size=3),
    "headers": st.just({"X-Team": "one"}),
    "query": st.just({"api-version": "v1"}),
}
OPENAI_ALONE: dict[str, st.SearchStrategy[Any]] = {
    "output": st.sampled_from(["structured", "text", "token"]),
    "logprobs": st.booleans(),
    "token_limit": st.sampled_from(["max_tokens", "max_completion_tokens"]),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(Script(batch_ready=False)) as running:
        running.state.keep_requests = True
        yield running


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI])
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_settings_reach_lines_of_batches_as_they_reach_direct_calls(
    server: Server, provider: Provider, data: st.DataObject
) -> None:
    known = SETTINGS if provider is Provider.ANTHROPIC else SETTINGS | OPENAI_ALONE
    judge = config(
        provider, server, **data.draw(st.fixed_dictionaries({}, optional=known), label="settings")
    )
    asked = question(judge)

    async def both(client: Any) -> str:
        await client.ask(asked)
        return str(await client.batches.submit([asked], "mark"))

    job = using(made(judge), both)
    (path, heads) = server.state.heads[-1]
    assert server.state.requests[-1] == _line(server, job)
    if judge.headers:  # they cannot stand in a line, and go with the batch
        assert heads["x-team"] == "one"
    if judge.query:
        assert "api-version=v1" in path


def _line(server: Server, job: str) -> Any:
    batch = server.state.batches[job]
    if "requests" in batch:
        return batch["requests"][0]["params"]
    return json.loads(server.state.files[batch["input_file_id"]])["body"]


ANSWER = {
    "choices": [{"message": {"content": "VERDICT: 1"}, "finish_reason": "stop"}],
    "model": "m",
    "usage": None,
}


@pytest.mark.parametrize(
    ("line", "fate", "words"),
    [
        ({"response": {"status_code": 200, "body": ANSWER}}, "answered", ""),
        ({"response": {"status_code": "200", "body": ANSWER}, "error": None}, "answered", ""),
        ({"response": ANSWER}, "answered", ""),
        ({"response": {"status_code": 200, "body": {"error": {"message": "flagged by moderation",
                                                              "code": 403}}}},
         "refused", "flagged by moderation"),
        ({"response": {"status_code": 200, "body": {"error": {"message": "busy", "code": 502}}}},
         "later", "busy"),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "lost", "holds no answer"),
        ({"response": {"status_code": 200, "body": None}}, "lost", "TypeError"),
        ({"response": None, "error": None}, "lost", "neither an answer nor a reason"),
        ({"response": 7}, "lost", "AttributeError"),
        ({"response": {}, "error": {"code": "server_error"}}, "later", "servererror"),
        ({"response": None, "error": "Error code: 404 - Not found"}, "failed", "404 - Not found"),
        ({"response": {"status_code": 0, "body": ""}, "error": {"code": "batch_expired",
          "message": "the window expired"}}, "later", "the window expired"),
        ({"response": {"status_code": 429, "body": "<html><title>429 Too Many</title></html>"}},
         "later", "429 Too Many"),
        ({"response": {"status_code": 404, "body": {"error": {"message": "no such model"}}}},
         "failed", "no such model"),
        ({"response": {"status_code": 401, "body": {"error": {"message": "key sk-proj-123456"}}}},
         "failed", "key ***"),
    ],
)  # fmt: skip
def test_what_a_line_of_openais_protocol_means(line: Any, fate: str, words: str) -> None:
    judge = JudgeConfig(name="j", provider=Provider.OPENAI, model="m")
    unasked: Any = None
    requests = OpenAIRequests(judge, Notices("j"))
    batches = OpenAIBatches(judge, unasked, requests, held=False)
    text = json.dumps({"custom_id": "n", **line}).encode()
    (found,) = collected(iter([b"\xef\xbb\xbf" + text + b"\r\n\n"]), batches._line)
    assert (found.name, found.fate) == ("n", fate)
    assert words in found.words
