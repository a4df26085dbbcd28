"""The models that the installed SDKs of both vendors name, and when these end by their word."""

import re
from datetime import date, datetime
from importlib.resources import files
from typing import get_args

_ENDS = re.compile(
    r'^- ((?:"[^"]+",?\s*)+):\s+Announced shutdown\s+date:\s+(\d{4}-\d\d-\d\d)', re.M
)


def anthropic_models() -> tuple[str, ...]:
    """Every name in the Anthropic SDK's list, newest first as it stands there."""
    from anthropic.types.model import Model

    return tuple(name for part in get_args(Model) for name in get_args(part))


def openai_models() -> tuple[str, ...]:
    """Every name in the OpenAI SDK's list of models for chat completions."""
    from openai.types import ChatModel

    return get_args(ChatModel)


def told_ends() -> dict[str, date]:
    """The last day of each model whose end an SDK tells; nothing where one tells it otherwise."""
    return _anthropic_ends() | _openai_ends()


def _anthropic_ends() -> dict[str, date]:
    """A table of words such as "January 22nd, 2027"."""
    from anthropic._data import DEPRECATED_MODELS

    plain = {
        name: re.sub(r"(?<=\d)(st|nd|rd|th)", "", said) for name, said in DEPRECATED_MODELS.items()
    }
    return {name: datetime.strptime(said, "%B %d, %Y").date() for name, said in plain.items()}


def _openai_ends() -> dict[str, date]:
    """A text behind the list of names; Python keeps none such, so the file is read."""
    source = (files("openai") / "types/shared/chat_model.py").read_text(encoding="utf-8")
    return {
        name: date.fromisoformat(day)
        for names, day in _ENDS.findall(source)
        for name in re.findall(r'"([^"]+)"', names)
    }
