"""What a request carries beyond the question: headers, a query, further fields, and a platform.

Secrets are named by their environment variable and read when the judge is connected. What cannot be
sent is refused by `judges.unsendable`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from db.errors import KeyRefused
from db.validation import Variable

_CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


class FromEnvironment(BaseModel):
    """`{ env = "NAME" }`: a value that stands in the environment and not in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: Variable = Field(description="environment variable that holds the value")
    prefix: str = Field(default="", description='text in front of it, as "Bearer "')


def _form(value: Any) -> str:
    return "text" if isinstance(value, str) else "env"


Value = Annotated[
    Annotated[str, Tag("text")] | Annotated[FromEnvironment, Tag("env")], Discriminator(_form)
]
Headers = Annotated[
    dict[str, Value],
    Field(
        description="further headers of each request; a secret is named by its environment "
        'variable: `{ env = "NAME", prefix = "Bearer " }`; one that authenticates takes the place '
        "of the key"
    ),
]
Query = Annotated[
    dict[str, Value],
    Field(description="what stands behind `?` in each request's address, as `api-version`"),
]
ExtraBody = Annotated[
    dict[str, Any],
    Field(
        description="further fields of each request, sent as they are; none that another setting "
        "decides"
    ),
]
LongestWait = Annotated[
    float,
    Field(  # by hand: limits of a minute pass within it, those of a day do not
        ge=0,
        description="seconds to wait at most where its server asks to come back later; beyond it "
        "is not asked in this run",
    ),
]
TokenLimit = Annotated[
    Literal["max_tokens", "max_completion_tokens"] | None,
    Field(
        description="the field of a request that says max_tokens; unset: max_completion_tokens "
        "for openai, else max_tokens"
    ),
]
Via = Annotated[
    Literal["bedrock", "bedrock-mantle", "vertex"] | None,
    Field(
        description="the cloud an anthropic model is asked on, by that cloud's own credentials; "
        "needs prices"
    ),
]
Region = Annotated[
    str | None,
    Field(
        description="the cloud's region; unset: AWS_REGION, or CLOUD_ML_REGION for vertex",
        pattern="^[a-z0-9-]+$",
    ),
]
Project = Annotated[
    str | None,
    Field(
        description="the project of vertex; unset: ANTHROPIC_VERTEX_PROJECT_ID, else that of the "
        "credentials",
        pattern="^[A-Za-z0-9.:_-]+$",
    ),
]


def authenticates(headers: Mapping[str, Any]) -> bool:
    """Whether one of these headers takes the place of a key."""
    return any(name.lower() in _CREDENTIALS for name in headers)


def private(headers: Mapping[str, str | FromEnvironment]) -> set[str]:
    """Names of headers that hold a secret."""
    held = {name for name, value in headers.items() if not isinstance(value, str)}
    return held | set(_CREDENTIALS)


def read(
    values: Mapping[str, str | FromEnvironment], judge: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """Headers or a query as they are sent. Raises KeyRefused for what is missing or unfit."""
    return {
        name: value if isinstance(value, str) else value.prefix + secret(value.env, judge, environ)
        for name, value in values.items()
    }


def secret(name: str, judge: str, environ: Mapping[str, str]) -> str:
    """A secret of the environment without the blanks and line ends around it.

    Raises KeyRefused where there is none, or one that no request can carry.
    """
    value = environ.get(name, "").strip()
    if not value:
        raise KeyRefused(
            f"{judge!r} needs a key in the environment variable {name!r}; "
            f"set it, or remove {judge!r} from the configuration"
        )
    if not sendable(value):
        raise KeyRefused(
            f"the key of {judge!r} in the environment variable {name!r} holds a character that no "
            "key has (a line break, or one beyond ASCII); copy it there again"
        )
    return value


def sendable(value: str) -> bool:
    """Whether a header can carry it: printable ASCII."""
    return value.isascii() and value.isprintable()
