"""What the scoring service is asked and answers, and its OpenAPI document. Pure.

Leaves out the serving (`trainer.serving.server`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_REFUSALS = {
    "401": "the key is missing or wrong",
    "403": "asked by a page of another site",
    "408": "the body did not come in time",
    "413": "a body too long",
    "421": "asked by a name that is not the service's",
    "422": "a bad request",
    "500": "scoring failed, or gave NaN or infinity to a response of this request",
}


class TextPart(BaseModel):
    """A part of what a message says; pictures and sound are not read."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One turn of a conversation; whatever else it holds (`tool_calls`, `name`) goes to the chat
    template, too.
    """

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None


Text = str | Annotated[list[Message], Field(min_length=1)]
"""Words, or one or several messages."""


class Asked(BaseModel):
    """A prompt, and the tools that may be called in it, as JSON schemas."""

    model_config = ConfigDict(extra="forbid")
    prompt: Text
    tools: list[dict[str, Any]] | None = None


class ScoreRequest(Asked):
    """A prompt and the responses to score."""

    responses: list[Text] = Field(min_length=1, max_length=256)


class ScoreReply(BaseModel):
    """Log-odds scores in the order of the responses; higher is better.

    cut: whether one was given without the beginning of a conversation that is too long.
    """

    scores: list[float]
    cut: list[bool]
    model: str


class CompareRequest(Asked):
    """A prompt and two responses."""

    response_a: Text
    response_b: Text


class CompareReply(BaseModel):
    """The probability that A is better, both scores, and whether one was given without the
    beginning of a conversation that is too long.
    """

    p_a: float
    scores: list[float]
    cut: list[bool]
    model: str


class StepsRequest(Asked):
    """A prompt and solutions to it, each a list of steps."""

    solutions: list[Annotated[list[str], Field(min_length=1, max_length=1024)]] = Field(
        min_length=1, max_length=256
    )


class StepsReply(BaseModel):
    """For each solution the probability that each step is right, its lowest and their product.

    best: which solution has the highest lowest step. cut: whether steps were too far out to be
    read; each of these counts .5.
    """

    steps: list[list[float]]
    lowest: list[float]
    product: list[float]
    best: int
    cut: list[bool]
    model: str


def plain(text: Text) -> Any:
    """A text as the scorer takes it: words, or messages with the keys they came with."""
    if isinstance(text, str):
        return text
    return [{"content": None} | each.model_dump(exclude_unset=True) for each in text]


def openapi(name: str, stepped: bool = False) -> dict[str, Any]:
    """The service as an OpenAPI 3.1 document; `stepped` where it serves a process model."""
    models: tuple[type[BaseModel], ...] = (TextPart, Message)
    if stepped:
        models += (StepsRequest, StepsReply)
    else:
        models += (ScoreRequest, ScoreReply, CompareRequest, CompareReply)
    template = "#/components/schemas/{model}"
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=template)
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    schemas["Error"] = {"type": "object", "properties": {"error": {"type": "string"}}}

    def operation(summary: str, asked: str, reply: str) -> dict[str, Any]:
        return {
            "post": {
                "summary": summary,
                "requestBody": {"required": True, "content": _json_of(asked)},
                "responses": {
                    "200": {"description": "the answer", "content": _json_of(reply)},
                    **{
                        status: {"description": told, "content": _json_of("Error")}
                        for status, told in _REFUSALS.items()
                    },
                },
            }
        }

    def reading(summary: str) -> dict[str, Any]:
        return {"get": {"summary": summary, "responses": {"200": {"description": summary}}}}

    asking = {
        "/score": ("Score responses to a prompt", "ScoreRequest", "ScoreReply"),
        "/compare": ("Compare two responses", "CompareRequest", "CompareReply"),
    }
    if stepped:
        asking = {"/steps": ("Score the steps of solutions", "StepsRequest", "StepsReply")}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Tiebreak scoring: {name}", "version": "1"},
        "paths": {
            **{path: operation(*told) for path, told in asking.items()},
            "/health": reading("Whether the service answers"),
            "/metrics": reading("Counts for Prometheus"),
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _json_of(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def sentence(error: ValidationError) -> str:
    """The first thing wrong with a request, naming the value."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    shown = repr(first["input"])
    return f"{where} = {shown if len(shown) <= 80 else shown[:77] + '...'}: {first['msg']}"
