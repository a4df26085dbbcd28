"""The settings reference: every key of tiebreak.toml, from the typed models, as a Markdown page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.config import ColumnNames, DatabaseSettings
from app.cycle_settings import CycleSettings
from app.gate_settings import GateSettings
from app.retention_settings import RetentionSettings
from db.files import FileLimits
from judges.constitution import Chapter, Principle
from judges.generation import GeneratorConfig
from judges.judge_config import JudgeConfig
from judges.panel import Limit, PanelConfig
from judges.prices import Prices
from judges.reach import FromEnvironment
from review.settings import ReviewSettings
from trainer.settings import TrainerSettings

_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_KINDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    dict: "table",
}


@dataclass(frozen=True)
class Section:
    """One section of the page: how it is written in the file, its model, what it is for."""

    title: str
    model: type[BaseModel]
    purpose: str


SECTIONS = (
    Section("[database]", DatabaseSettings, "Where everything is stored."),
    Section("[files]", FileLimits, "How much one imported file, or one row of it, may be."),
    Section(
        "[maps.NAME]",
        ColumnNames,
        "What `tiebreak import pairs --map NAME` and the like read from which column; a value is "
        "what stands behind `=` in `--map`.",
    ),
    Section("[panel]", PanelConfig, "What is common to all judges."),
    Section(
        "[[judge]]",
        JudgeConfig,
        "One section for each AI rater. Whatever can change its answers makes it a new version "
        "with votes of its own: provider, model, temperature, effort, output, explain, logprobs, "
        "options, headers and query as far as they stand in the file, extra_body, the "
        "principles it is given and per_principle. The rest does not.",
    ),
    Section(
        "[limits.NAME]",
        Limit,
        "What several judges share, as those of one API key do. At least one of the two is set. "
        "It holds for each process that asks.",
    ),
    Section(
        "a value from the environment",
        FromEnvironment,
        'In `headers` and `query`, for what is secret: `{ env = "MY_KEY", prefix = "Bearer " }`.',
    ),
    Section(
        "prices",
        Prices,
        "An inline table of a judge or a generator: `prices = { input = 1.0, output = 5.0 }`. "
        "Known models have prices in `judges/prices.toml`; a server of your own is free unless "
        "you say otherwise.",
    ),
    Section(
        "[[generator]]",
        GeneratorConfig,
        "One section for each model that writes responses. Every combination of temperature, "
        "system prompt and sample is one response.",
    ),
    Section("[review]", ReviewSettings, "How the queue, the desk and the checks behave."),
    Section(
        "[training]",
        TrainerSettings,
        "How models are trained. Each value can be given on the command line, too: "
        "`--set KEY=VALUE`. `words` weighs words and simple features, needs no base and trains in "
        "seconds on a CPU; [bases](bases.md) names models to start from by size. `tiny` is a toy "
        "built on this machine from the dataset's own texts: it shows that a path works.",
    ),
    Section(
        "[retention]",
        RetentionSettings,
        "How long texts, raw answers and names are kept; [keeping and forgetting](keeping.md).",
    ),
    Section(
        "[cycle]",
        CycleSettings,
        "What `tiebreak cycle` takes in, may spend, asks of humans and trains. At most one of "
        "min_agreement, max_reviews, review_share and target_error is set.",
    ),
    Section(
        "[gate]",
        GateSettings,
        "What the gate asks of a judge: whether a panel with it labels for less money at the same "
        "quality; [why](design/gate.md).",
    ),
    Section(
        "constitution file",
        Chapter,
        "A TOML file named in `[panel] constitution`. Its version is the hash of its content.",
    ),
    Section("[[principle]]", Principle, "One rule of a constitution file."),
)
"""Every model that a person writes TOML for, in the order of the page."""

_HEAD = """# Settings

One file, `tiebreak.toml`, configures a project; `tiebreak init` writes it with comments. An unknown
key is an error with a suggestion. Relative paths start at the folder of the file. Keys of providers
and the address of a webhook are secrets: they come from the environment and are never written here.
"Unset" means that the key is left out.

This page is written by `make reference` from the typed models beside the code that uses them.
"""

_ENVIRONMENT = """
## Environment

| variable | what it does |
|---|---|
| `TIEBREAK_CONFIG` | the configuration file; `--config` goes before it |
| `TIEBREAK_DATABASE_URL` | goes before `[database] url` |
| `TIEBREAK_WEBHOOK` | told of alarms and failures of a cycle; `--webhook` goes before it |
| `TIEBREAK_SERVE_KEY` | the key that `tiebreak serve` asks for; needed beyond loopback |
| `TIEBREAK_UMASK` | octal umask of what verbs create; unset: 077, for their user alone |
| `ANTHROPIC_API_KEY` | key of Anthropic's judges and generators without `api_key_env` |
| `OPENAI_API_KEY` | key of OpenAI's judges and generators without `api_key_env` |
| `ANTHROPIC_BASE_URL` | where Anthropic's judges and generators without `base_url` are asked |
| `OPENAI_BASE_URL` | where OpenAI's judges and generators without `base_url` are asked |
"""


def settings_page() -> str:
    """The whole page. Raises ValueError naming a key that has no description."""
    return _HEAD + "".join(map(_section, SECTIONS)) + _ENVIRONMENT


def undescribed() -> list[str]:
    """Keys without a description, as `Model.key`."""
    return [
        f"{section.model.__name__}.{name}"
        for section in SECTIONS
        for name, field in section.model.model_fields.items()
        if not field.description
    ]


def _section(section: Section) -> str:
    rows = [_row(name, field) for name, field in section.model.model_fields.items()]
    table = ["| key | default | allowed | meaning |", "|---|---|---|---|", *rows]
    return f"\n## {section.title}\n\n{section.purpose}\n\n" + "\n".join(table) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    if not field.description:
        raise ValueError(f"setting {name!r} has no description; add one to its Field")
    cells = (f"`{field.alias or name}`", _default(field), _allowed(field), field.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == {}:
        return "unset"
    return f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, Path):
        value = value.as_posix()
    return json.dumps(value)


def _allowed(field: FieldInfo) -> str:
    kind = _kind(field.annotation)
    bounds = [
        f"{sign} {_number(getattr(rule, name))}"
        for rule in field.metadata
        for name, sign in _SIGNS.items()
        if getattr(rule, name, None) is not None
    ]
    return ", ".join([kind, *bounds])


def _number(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:.3g}"


def _kind(annotation: Any) -> str:
    """The type in words: `str | None` is text, a tuple is a list of what it holds."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_kind(one) for one in inner if one is not type(None))
    if origin is Annotated:
        return _kind(inner[0])
    if origin is Literal:
        return ", ".join(f"`{_toml(one)}`" for one in inner)
    if origin is tuple:
        return f"list of {_kind(inner[0])}"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return ", ".join(f"`{_toml(one.value)}`" for one in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return _KINDS[origin or annotation]
