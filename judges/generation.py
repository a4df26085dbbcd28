"""Candidates: which models write responses to which prompts, and how a response is asked for.

A source is one model at one temperature under one system prompt, asked for one sample. Pure, but
for reading the configuration; asking is in `judges.text_requests`, storing in the steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from db.errors import BadInput
from db.validation import Variable, one_sentence
from db.vocabulary import Provider
from judges.asking import Question, Shown
from judges.judge_config import REMOTE, JudgeConfig
from judges.prices import Prices
from judges.reach import ExtraBody, Headers, LongestWait, Project, Query, Region, TokenLimit, Via
from judges.unsendable import require_sendable

Messages = Sequence[Mapping[str, str]]


class GeneratorConfig(BaseModel):
    """One `[[generator]]`: a model and the ways it is asked. Every combination is a source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="what it is called in records; unique")
    provider: Provider = Field(description="anthropic, openai or openai-compatible")
    model: str = Field(description="the provider's name of the model")
    family: str | None = Field(
        default=None, description="stored with what it writes, for the check of own-family bias"
    )
    temperatures: tuple[float, ...] = Field(
        default=(), description="it is asked at each of them; none: the provider's default"
    )
    systems: tuple[str, ...] = Field(
        default=("",), description="system prompts; it is asked under each of them"
    )
    samples: int = Field(
        default=1, ge=1, le=100, description="responses of each temperature and system prompt"
    )
    max_tokens: int = Field(default=1024, ge=1, description="longest response, tokens")
    base_url: str | None = Field(default=None, description="address of the server, as of a judge")
    headers: Headers = {}
    query: Query = {}
    extra_body: ExtraBody = {}
    token_limit: TokenLimit = None
    via: Via = None
    region: Region = None
    project: Project = None
    api_key_env: Variable | None = Field(
        default=None, description="environment variable of the key, where it is not the usual one"
    )
    prices: Prices | None = Field(
        default=None, description="what it charges; needed where the model is not listed"
    )
    free: bool = Field(default=False, description="nobody bills for it, as of a judge")
    concurrency: int = Field(default=32, ge=1, le=4096, description="requests in flight at once")
    timeout: float = Field(default=120.0, gt=0, description="seconds for one attempt")
    retries: int = Field(
        default=4, ge=0, le=20, description="further attempts after a passing failure"
    )
    longest_wait: LongestWait = 600.0
    options: dict[str, Any] = Field(
        default_factory=dict, description="none of these three reads any; extra_body is sent"
    )

    def asked_at(self, temperature: float | None) -> JudgeConfig:
        """The model as somebody who is asked, at one temperature."""
        shared = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name in JudgeConfig.model_fields and name != "samples"
        }
        return JudgeConfig(**shared, temperature=temperature, output="text")


@dataclass(frozen=True)
class Writer:
    """One way of asking for one response. `label` names it in the record of what was written."""

    label: str
    generator: GeneratorConfig
    temperature: float | None
    system: str
    sample: int

    def question(self, messages: Messages, prompt_id: int) -> Question:
        """The conversation to go on with, under this source's system prompt."""
        system, earlier, user = split(messages)
        return Question(
            key=f"{prompt_id}-{self.label}",
            system="\n\n".join(text for text in (self.system, system) if text),
            user=user,
            shown=Shown(user, "", ""),
            max_tokens=self.generator.max_tokens,
            sample=self.sample,
            earlier=tuple(earlier),
        )


def parse(
    generators: Sequence[Mapping[str, Any]], *, allow_fake: bool = False
) -> tuple[GeneratorConfig, ...]:
    """Read the `[[generator]]` sections. Raises BadInput with one sentence."""
    made = []
    for section in generators:
        try:
            generator = GeneratorConfig.model_validate(dict(section))
            asked = generator.asked_at(None)
            asked.price()
        except ValidationError as error:
            raise BadInput(f"generator: {one_sentence(error, GeneratorConfig)}") from None
        if generator.provider not in REMOTE and not (
            allow_fake and generator.provider is Provider.FAKE
        ):
            raise BadInput(
                f"generator {generator.name!r} has provider {generator.provider.value!r}, which "
                f"writes no texts; choose one of {[p.value for p in REMOTE]}"
            )
        require_sendable(asked)
        made.append(generator)
    names = [generator.name for generator in made]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"two generators are named {name!r}; names must differ")
    return tuple(made)


def sources(generators: Sequence[GeneratorConfig]) -> list[Writer]:
    """Every combination of temperature, system prompt and sample, sample by sample."""
    return [
        Writer(
            label=_label(generator, temperature, number, sample),
            generator=generator,
            temperature=temperature,
            system=system,
            sample=sample,
        )
        for generator in generators
        for temperature in generator.temperatures or (None,)
        for number, system in enumerate(generator.systems, 1)
        for sample in range(1, generator.samples + 1)
    ]


def split(messages: Messages) -> tuple[str, list[Mapping[str, str]], str]:
    """System prompt, earlier turns and the user's last message of a conversation of plain ones."""
    rules = ("system", "developer")
    system = "\n\n".join(m["content"] for m in messages if m["role"] in rules)
    turns = [m for m in messages if m["role"] not in rules]
    return system, turns[:-1], turns[-1]["content"]


def _label(generator: GeneratorConfig, temperature: float | None, system: int, sample: int) -> str:
    parts = [generator.name]
    if temperature is not None:
        parts.append(f"t={temperature:g}")
    if len(generator.systems) > 1:
        parts.append(f"s{system}")
    return " ".join([*parts, f"#{sample}"])
