"""What servers of one protocol do otherwise than the vendor whose protocol it is.

Each is made from what its makers publish, named beside it; bodies are shortened, wordings kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Request, Reply = dict[str, Any], dict[str, Any]
Refusal = tuple[int, Any] | tuple[int, Any, dict[str, str]] | None


def nothing(_request: Request) -> Refusal:
    """Refuses no request."""
    return None


def plainly(_request: Request, reply: Reply) -> Reply:
    """The reply as the vendor would send it."""
    return reply


@dataclass(frozen=True)
class Dialect:
    """`refuses`: status, body and further headers of a request that is not taken; `says`: the reply
    as sent; `heads`: further headers of an answer.
    """

    refuses: Callable[[Request], Refusal] = nothing
    says: Callable[[Request, Reply], Reply] = plainly
    heads: dict[str, str] = field(default_factory=dict)


def refusing(field: str, status: int, body: Any, most: int | None = None) -> Dialect:
    """A server that does not take a field, or none above `most`."""

    def refuses(request: Request) -> Refusal:
        there = field in request and (most is None or request[field] > most)
        return (status, body) if there else None

    return Dialect(refuses)


def error(message: str, **more: Any) -> Reply:
    """The vendor's form of an error."""
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


NO_MAX_TOKENS = refusing(  # OpenAI, and Azure after it: reasoning models since o1
    "max_tokens", 400,
    error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
        param="max_tokens", code="unsupported_parameter",
    ),
)  # fmt: skip
NO_MAX_COMPLETION_TOKENS = refusing(  # vLLM before 0.6.3, and every server that forbids extras
    "max_completion_tokens", 400,
    {
        "object": "error",
        "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), "
        "'msg': 'Extra inputs are not permitted', 'input': 2048}]",
        "type": "BadRequestError", "param": None, "code": 400,
    },
)  # fmt: skip
MISTRAL = refusing(  # api.mistral.ai, HTTP 422 of its validation
    "max_completion_tokens", 422,
    {"detail": [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"],
                 "msg": "Extra inputs are not permitted", "input": 2048}]},
)  # fmt: skip
FEW_LOGPROBS = {
    "openai": (5, refusing("top_logprobs", 400, error(
        "Invalid value for 'top_logprobs': must be less than or equal to 5.",
        param="top_logprobs"), 5)),
    "vllm": (5, refusing("top_logprobs", 400, error(
        "Requested sample logprobs of 20, which is greater than max allowed: 5",
        param=None, code=400), 5)),
    "old vllm": (5, refusing("top_logprobs", 400, {
        "object": "error", "message": "Cannot request more than 5 logprobs.",
        "type": "BadRequestError", "param": None, "code": 400}, 5)),
    "xai": (8, refusing("top_logprobs", 422, error(
        "top_logprobs must be between 0 and 8"), 8)),
    "says no number": (1, refusing("top_logprobs", 400, error("bad top_logprobs"), 4)),
}  # fmt: skip
NO_LOGPROBS = {
    "groq": refusing("logprobs", 400, error(
        "`logprobs` is not supported with this model", param="logprobs")),
    "gemini": refusing("logprobs", 400, [{"error": {
        "code": 400, "message": "Logprobs is not enabled for this model",
        "status": "INVALID_ARGUMENT"}}]),
    "a reasoning model": refusing("logprobs", 403, error(
        "You are not allowed to request logprobs from this model.")),
    "gaudi": refusing("logprobs", 400, error(
        "Gaudi doesn't support logprobs. Please remove 'logprobs'/'top_logprobs' from your "
        "request to receive a response.", code=400)),
}  # fmt: skip

REFUSED_SETTINGS: tuple[tuple[dict[str, Any], int, Any, str], ...] = (
    ({}, 400, error("This response_format type is unavailable now"),
        'set output = "text"'),  # DeepSeek
    ({}, 400, error("This model does not support response format `json_schema`. See supported "
        "models at https://console.groq.com/docs/structured-outputs#supported-models"),
        'set output = "text"'),  # Groq
    ({}, 422, "Failed to deserialize the JSON body into the target type: response_format: "
        "response_format.type `json_schema` is unavailable now",
        'set output = "text"'),  # DeepSeek, some models
    ({}, 400, {"error": "'response_format.type' must be 'text'"},
        'set output = "text"'),  # LM Studio
    ({}, 400, error("Failed to parse grammar", code=400), 'set output = "text"'),  # llama.cpp
    ({}, 400, error("The provided JSON schema contains features not supported by xgrammar.",
        code=400), 'set output = "text"'),  # vLLM
    ({}, 400, error("Invalid parameter: 'response_format' of type 'json_schema' is not supported "
        "with this model.", param=None, code=None), 'set output = "text"'),  # OpenAI's older models
    ({"effort": "none"}, 400, error("Unsupported value: 'reasoning_effort' does not support 'none' "
        "with this model. Supported values are: 'low', 'medium', 'high'.",
        param="reasoning_effort", code="unsupported_value"), "effort = 'none'"),
    ({"temperature": 0.0}, 400, error("Unsupported value: 'temperature' does not support 0.0 with "
        "this model. Only the default (1) value is supported.", param="temperature",
        code="unsupported_value"), "leave temperature out"),
    ({}, 400, [error('Invalid JSON payload received. Unknown name "additionalProperties" at '
        "'generation_config.response_schema': Cannot find field.", code=400,
        status="INVALID_ARGUMENT")], 'set output = "text"'),  # Gemini
    ({}, 400, error("max_tokens is too large: 2048. This model supports at most 1024 completion "
        "tokens, whereas you provided 2048.", param="max_tokens"), "max_tokens = 2048"),  # OpenAI
    ({"extra_body": {"min_p": 0.1}}, 400, error("Unrecognized request argument supplied: min_p"),
        "'min_p': leave it out of extra_body"),
    ({"extra_body": {"chat_template_kwargs": {}}}, 422, {"detail": [{"type": "extra_forbidden",
        "loc": ["body", "chat_template_kwargs"], "msg": "Extra inputs are not permitted"}]},
        "'chat_template_kwargs': leave it out of extra_body"),
)  # fmt: skip
"""Settings of a judge, the status and body that refuse them, and the way out."""


def beside(**more: Reply) -> Dialect:
    """A server that sends more than the vendor does: in the reply, its choice, the message of it,
    its usage.
    """

    def says(_request: Request, sent: Reply) -> Reply:
        choice = sent["choices"][0]
        places = {"reply": sent, "choice": choice, "message": choice["message"]}
        for place, fields in more.items():
            (places | {"usage": sent["usage"]})[place].update(fields)
        return sent

    return Dialect(says=says)


_SAFE = {
    kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "violence")
}
AZURE = beside(  # learn.microsoft.com: content filtering, annotations of v1 chat completions
    reply={"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {
        **_SAFE, "jailbreak": {"filtered": False, "detected": False}}}]},
    choice={"content_filter_results": _SAFE}, message={"annotations": []},
)  # fmt: skip
DIALECTS: dict[str, Dialect] = {
    "azure": AZURE,
    "azure-dated": AZURE,
    "router": beside(  # openrouter.ai/docs: responses, usage accounting, reasoning tokens
        reply={"provider": "Alibaba"},
        choice={"native_finish_reason": "stop"},
        message={"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text"}]},
        usage={"cost": 0.00014, "cost_details": {"upstream_inference_cost": None}},
    ),
    "vllm": beside(  # docs.vllm.ai: OpenAI-compatible server, reasoning outputs
        reply={"prompt_logprobs": None, "kv_transfer_params": None, "service_tier": None},
        choice={"stop_reason": 151645, "token_ids": None},
        message={"reasoning": "Hm.", "reasoning_content": "Hm.", "tool_calls": []},
        usage={"prompt_tokens_details": None},
    ),
    "sglang": beside(  # docs.sglang.ai: OpenAI APIs, reasoning parser
        reply={"metadata": {"weight_version": "default"}},
        choice={"matched_stop": 151645},
        message={"reasoning_content": "Hm.", "tool_calls": None},
        usage={"reasoning_tokens": 3, "prompt_tokens_details": None},
    ),
    "ollama": beside(  # docs.ollama.com: OpenAI compatibility
        reply={"system_fingerprint": "fp_ollama"},
        choice={"logprobs": None},
        message={"reasoning": "Hm.", "refusal": None},
        usage={"prompt_tokens_details": None},
    ),
    "lm-studio": beside(  # lmstudio.ai/docs: OpenAI compatibility, structured output
        reply={"stats": {}, "system_fingerprint": "qwen3-8b"},
        message={"reasoning_content": "", "tool_calls": []},
        usage={"prompt_tokens_details": None},
    ),
    "llama-cpp": beside(  # github.com/ggml-org/llama.cpp: tools/server/README.md
        reply={"system_fingerprint": "b6500", "timings": {"prompt_n": 1, "cache_n": 899}},
        message={"reasoning_content": "Hm."},
        usage={"prompt_tokens_details": None},
    ),
    "gemini": beside(  # ai.google.dev: OpenAI compatibility; thinking is in the total alone
        usage={"total_tokens": 9999, "prompt_tokens_details": None},
        message={"refusal": None, "extra_content": {"google": {"thought_signature": "x"}}},
    ),
    "mistral": beside(  # docs.mistral.ai: chat completion
        message={"tool_calls": None, "prefix": False}, usage={"prompt_audio_seconds": {}},
    ),
    "groq": beside(  # console.groq.com/docs: API reference
        reply={"x_groq": {"id": "req_1"}, "usage_breakdown": None, "service_tier": "on_demand"},
        message={"reasoning": "Hm."},
        usage={"queue_time": 0.01, "prompt_time": 0.02, "total_time": 0.3},
    ),
    "deepseek": beside(  # api-docs.deepseek.com: create chat completion
        message={"reasoning_content": "Hm."},
        usage={"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 900},
    ),
}  # fmt: skip
"""Name of a judge in docs/providers.md -> how its server answers; the rest as their vendor."""

TOO_LONG: dict[str, tuple[int, Any]] = {
    "openai": (400, error("This model's maximum context length is 128000 tokens. However, your "
        "messages resulted in 200000 tokens.", param="messages", code="context_length_exceeded")),
    "anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error",
        "message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
    "vllm": (400, error("'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's "
        "maximum context length is 4096 tokens and your request has 3000 input tokens "
        "(2048 > 4096 - 3000).", code=400)),
    "sglang": (400, {"object": "error", "type": "BadRequestError", "param": None, "code": 400,
        "message": "The input (9000 tokens) is longer than the model's context length (4096 "
        "tokens)."}),
    "ollama": (400, error("the input length exceeds the context length")),
    "lm studio": (400, {"error": "Trying to keep the first 9000 tokens when context the overflows. "
        "However, the model is loaded with context length of only 4096 tokens, which is not "
        "enough."}),
    "llama.cpp": (400, {"error": {"code": 400, "message": "the request exceeds the available "
        "context size. try increasing the context size or enable context shift",
        "type": "exceed_context_size_error", "n_prompt_tokens": 1407, "n_ctx": 256}}),
    "gemini": (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "The input "
        "token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}]),
    "mistral": (400, {"object": "error", "type": "invalid_request_prompt", "message": "Prompt "
        "contains 40000 tokens, too large for model with 32768 maximum context length"}),
    "groq": (400, error("Please reduce the length of the messages or completion.",
        code="context_length_exceeded")),
    "bedrock": (400, {"message": "Input is too long for requested model."}),
}  # fmt: skip
"""A question beyond a model's window, as its server says it."""
