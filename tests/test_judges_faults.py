"""What becomes of what servers say in place of an answer: bodies as their makers publish them."""

from typing import Any

import httpx2
import openai
import pytest

from db.errors import KeyRefused
from judges.asking import Later, Lost, Rejected
from judges.providers.faults import fault, fault_in, meaning
from judges.providers.hidden import hidden
from judges.providers.retry_hints import duration, seconds_asked
from judges.providers.told import told

NOW = 1_800_000_000.0  # 15 January 2027, 08:00 UTC
PAGE = "<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>"


def openai_error(message: str, **more: Any) -> Any:
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


# status, body, what it means, its kind or the seconds it asks for, and words of its own it shows
TABLE: dict[str, tuple[int, Any, type[Exception], object, str]] = {
    "anthropic, output filtered": (400, {"type": "error", "error": {
        "type": "invalid_request_error", "message": "Output blocked by content filtering policy"}},
        Rejected, "filter", "Output blocked by content filtering policy"),
    "anthropic, too long": (400, {"type": "error", "error": {"type": "invalid_request_error",
        "message": "prompt is too long: 215000 tokens > 200000 maximum"}},
        Rejected, "too long", "215000 tokens"),
    "anthropic, request too large": (413, {"type": "error", "error": {
        "type": "request_too_large", "message": "Request exceeds the maximum size"}},
        Rejected, "too long", "maximum size"),
    "anthropic, no credit": (400, {"type": "error", "error": {"type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API."}},
        Rejected, "rejected", "credit balance is too low"),
    "anthropic, billing": (402, {"type": "error", "error": {"type": "billing_error",
        "message": "There is an issue with your billing"}}, KeyRefused, None, "your billing"),
    "openai, invalid prompt": (400, openai_error("Invalid prompt: it was flagged as possibly "
        "against the usage policy.", code="invalid_prompt"), Rejected, "filter", "flagged"),
    "openai, too long": (400, openai_error("This model's maximum context length is 8192 tokens.",
        code="context_length_exceeded", param="messages"), Rejected, "too long", "8192"),
    "openai, quota": (429, openai_error("You exceeded your current quota, please check your plan.",
        type="insufficient_quota", code="insufficient_quota"), KeyRefused, None, "current quota"),
    "openai, tokens a minute": (429, openai_error("Rate limit reached for gpt-x in organization "
        "org-1 on tokens per min (TPM): Limit 10000, Used 9000, Requested 2000. Please try again "
        "in 1m1.5s.", type="tokens", code="rate_limit_exceeded"), Later, 61.5, "per min"),
    "openai, more than a minute's tokens": (429, openai_error("Request too large for gpt-x on "
        "tokens per min (TPM): Limit 10000, Requested 20000. The input or output tokens must be "
        "reduced in order to run successfully.", type="tokens", code="rate_limit_exceeded"),
        Rejected, "too long", "Request too large"),
    "openai, an answer too long": (400, openai_error("max_tokens is too large: 100000.",
        param="max_tokens", code="invalid_value"), Rejected, "rejected", "100000"),
    "azure, filter": (400, {"error": {"code": "content_filter", "param": "prompt", "status": 400,
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content "
        "management policy.", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        Rejected, "filter", "management policy"),
    "azure, limit": (429, {"error": {"code": "429", "message": "Requests have exceeded token rate "
        "limit. Please retry after 6 seconds."}}, Later, 6.0, "6 seconds"),
    "google, quota a minute": (429, [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"}]}}],
        Later, 12.0, "current quota"),
    "google, words alone": (429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
        "message": "You exceeded your current quota, please check your plan and billing details. "
        "Retry in 12s."}}, Later, 12.0, "Retry in 12s"),
    "google, no such key": (400, [{"error": {"code": 400, "message": "API key not valid.",
        "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}],
        Rejected, "rejected", "API key not valid"),
    "router, moderated": (403, {"error": {"code": 403, "message": "Input was flagged by moderation",
        "metadata": {"reasons": ["violence"], "flagged_input": "the question"}}},
        Rejected, "filter", "Input was flagged by moderation"),
    "router, another's error": (400, {"error": {"code": 400, "message": "Provider returned error",
        "metadata": {"raw": '{"error": {"message": "Input is too long for the model"}}'}}},
        Rejected, "too long", "Input is too long"),
    "router, no credits": (402, {"error": {"code": 402, "message": "This request requires more "
        "credits, or fewer max_tokens."}}, KeyRefused, None, "requires more credits"),
    "xai, refused": (403, {"code": "The caller does not have permission", "error": "Content "
        "violates usage guidelines."}, Rejected, "filter", "usage guidelines"),
    "groq, a message too large": (413, openai_error("Request too large for model `x` on tokens per "
        "minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.",
        type="tokens", code="rate_limit_exceeded"), Rejected, "too long", "Limit 6000"),
    "vllm, too long": (400, {"object": "error", "type": "BadRequestError", "param": None,
        "code": 400, "message": "This model's maximum context length is 2048 tokens. However, you "
        "requested 3000 tokens."}, Rejected, "too long", "2048 tokens"),
    "llama.cpp, too long": (400, {"error": {"code": 400, "type": "exceed_context_size_error",
        "message": "the request exceeds the available context size", "n_ctx": 4096}},
        Rejected, "too long", "available context size"),
    "ollama": (400, {"error": "invalid message format"}, Rejected, "rejected", "message format"),
    "tgi, too long": (422, {"error": "Input validation error: `inputs` must have less than 4095 "
        "tokens. Given: 5000; the prompt is too long", "error_type": "validation"},
        Rejected, "too long", "4095"),
    "mistral": (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "min_p"],
        "msg": "Extra inputs are not permitted", "input": "secret text"}]},
        Rejected, "rejected", "Extra inputs"),
    "litellm, budget": (400, {"error": {"message": "ExceededBudget: Over budget", "code": "400",
        "type": "budget_exceeded"}}, Rejected, "rejected", "Over budget"),
    "litellm, window": (400, {"error": {"message": "litellm.ContextWindowExceededError: x",
        "type": None, "code": "400"}}, Rejected, "too long", "ContextWindow"),
    "dashscope, inspected": (400, {"error": {"code": "data_inspection_failed", "type":
        "data_inspection_failed", "message": "Input text data may contain inappropriate content."}},
        Rejected, "filter", "inappropriate"),
    "dashscope, arrears": (400, {"error": {"code": "Arrearage", "message": "Access denied."}},
        Rejected, "rejected", "Access denied"),
    "a quota a minute, as a 403": (403, {"error": {"code": 403, "message": "Quota exceeded for "
        "quota metric 'requests' and limit 'requests per minute'."}}, Later, None, "per minute"),
    "insufficient quota for now": (429, openai_error("insufficient quota, retry after 20 seconds",
        code="insufficient_quota"), Later, 20.0, "20 seconds"),
    "router, of the day": (429, {"error": {"code": 429, "message": "Rate limit exceeded: "
        "free-models-per-day", "metadata": {"headers": {"X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1800043200000"}}}}, Later, 43200.0, "free-models-per-day"),
    "deepseek, balance": (402, openai_error("Insufficient Balance"), KeyRefused, None, "Balance"),
    "bedrock, throttled": (400, {"__type": "ThrottlingException", "type": "ThrottlingException",
        "message": "Too many requests, please wait before trying again."}, Later, None, "Too many"),
    "a lawyer": (451, {"error": {"message": "not in your country"}}, Rejected, "rejected",
        "not in your country"),
    "moderated by 404": (404, {"error": {"message": "flagged by moderation", "code": 404}},
        Rejected, "filter", "moderation"),
    "nginx, too large": (413, "<html><title>413 Request Entity Too Large</title></html>",
        Rejected, "too long", "413 Request Entity Too Large"),
    "nginx, timed out": (504, PAGE, Lost, None, "504 Gateway Time-out"),
    "cloudflare": (524, "error code: 524", Lost, None, "error code: 524"),
    "an empty 500": (500, None, Lost, None, "HTTP 500"),
    "router, timed out": (408, {"error": {"code": 408, "message": "timed out"}}, Lost, None,
        "timed out"),
    "overloaded": (529, {"error": {"type": "overloaded_error", "message": "Overloaded"}},
        Later, None, "Overloaded"),
    "a gateway's 503": (503, "<html><title>503 Backend fetch failed</title></html>", Lost, None,
        "Backend fetch failed"),
    "a model loading": (503, {"error": {"message": "Loading model", "code": 503}}, Later, None,
        "Loading model"),
    "no such call": (501, {"error": {"message": "not implemented"}}, Rejected, "rejected",
        "not implemented"),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLE)
def test_a_servers_words_become(what: str) -> None:
    status, body, kind, detail, words = TABLE[what]
    found = meaning(told(status, body, now=NOW), "judge", "MY_KEY")
    assert type(found) is kind
    if isinstance(found, Rejected):
        assert found.answer.stop == detail
        assert words in str(found.answer.told)
    if isinstance(found, Later):
        assert found.seconds == detail
    assert words in str(found)
    assert "the question" not in str(found) or isinstance(found, Lost)


@pytest.mark.parametrize(
    ("headers", "body", "words", "seconds"),
    [
        ({"retry-after": "150"}, None, "", 150.0),
        ({"retry-after": "1.5"}, None, "", 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, None, "", 1.5),
        # 08:02:30 is 150 seconds after NOW; the server's own clock is 30 seconds ahead.
        ({"retry-after": "Fri, 15 Jan 2027 08:02:30 GMT"}, None, "", 150.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:02:30 GMT",
          "date": "Fri, 15 Jan 2027 08:00:30 GMT"}, None, "", 120.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, None, "", 0.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "4",
          "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}, None, "",
         360.0),
        ({"anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:20Z",
          "anthropic-ratelimit-tokens-remaining": "0"}, None, "", 20.0),
        ({"x-ratelimit-reset": "1800000090000", "x-ratelimit-remaining": "0"}, None, "", 90.0),
        ({"ratelimit-reset": "7"}, None, "", 7.0),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "9"}, None, "", None),
        ({}, {"error": {"details": [{"retryDelay": "12.5s"}]}}, "", 12.5),
        ({}, {"retry_after": 3}, "", 3.0),
        ({}, None, "Please try again in 7m12.5s. Visit", 432.5),
        ({}, None, "try again in 20ms", 0.02),
        ({}, None, "Please retry after 1 minute and 5 seconds", 65.0),
        ({}, None, "try again later, limit 5000 tokens", None),
        ({"retry-after": "soon"}, None, "", None),
        ({"retry-after": "inf"}, None, "", None),
    ],
)  # fmt: skip
def test_a_wait_is_found_wherever_it_is_said(
    headers: dict[str, str], body: Any, words: str, seconds: float | None
) -> None:
    found = seconds_asked(headers, body, words, NOW)
    assert found == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("12", 12), ("2 hours", 7200),
     ("1d", 86400), ("", None), ("soon", None), ("5 apples", None)],
)  # fmt: skip
def test_a_length_of_time_is_read(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_headers_about_limits_say_nothing_where_none_is_reached() -> None:
    """They come with every reply of many gateways: a moderated text is no limit."""
    body = {"error": {"message": "flagged by moderation"}}
    found = meaning(told(403, body, {"RateLimit-Reset": "60"}, now=NOW), "judge")
    assert isinstance(found, Rejected)


def test_a_wait_beside_a_failure_is_kept() -> None:
    found = meaning(told(502, PAGE, {"Retry-After": "30"}, now=NOW), "judge")
    assert isinstance(found, Lost)
    assert found.seconds == 30


def test_no_key_is_shown_whole_or_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plainwordsnobodyguesses")
    said = (
        "bad key sk-ant-api03-abcdef0123, was 0123456789abcdef, ends in cdef; "
        "Incorrect: sk-pro****wxyz; plainwordsnobodyguesses; flagged: 12 tokens."
    )
    shown = hidden(said, ["0123456789abcdef"])
    for part in ("abcdef0123", "0123456789", "cdef", "wxyz", "plainwords"):
        assert part not in shown
    assert shown.endswith("flagged: 12 tokens.")


def test_the_key_that_was_sent_is_hidden_in_the_servers_words() -> None:
    request = httpx2.Request(
        "POST", "http://x/v1", headers={"Authorization": "Bearer plain-old-words-as-key"}
    )
    body = {"error": {"message": "unknown key plain-old-words-as-key"}}
    response = httpx2.Response(401, json=body, request=request)
    error = openai.AuthenticationError("no", response=response, body=body["error"])
    found = fault(error, "judge", "MY_KEY")
    assert isinstance(found, KeyRefused)
    assert "the key in MY_KEY is refused (HTTP 401: unknown key ***)" in str(found)


class Reply:
    """A completion as the SDK makes it of a router's error."""

    choices = None

    def __init__(self, error: Any) -> None:
        self.error = error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "limited"}, Later),
        ({"code": 403, "message": "flagged by moderation"}, Rejected),
        ({"code": 400, "message": "bad"}, Rejected),
        ({"code": 502, "message": "the model went away"}, Lost),
        ({"code": "invalid_api_key", "message": "no"}, KeyRefused),
        ({"type": "overloaded_error", "message": "busy"}, Later),
        ({"message": "something"}, Lost),
        ("something", Lost),
    ],
)
def test_an_error_object_in_an_answer_means_what_its_code_says(
    error: Any, kind: type[Exception]
) -> None:
    assert type(fault_in(Reply(error), "judge", None)) is kind


@pytest.mark.parametrize("reply", ["<html><title>A proxy</title></html>", "", None, b"{"])
def test_a_reply_that_is_no_answer_is_lost(reply: Any) -> None:
    assert type(fault_in(reply, "judge", None)) is Lost
