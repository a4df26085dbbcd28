"""Turns what pydantic says about a wrong setting into one sentence with a suggestion.

A text is never echoed, nor a key that looks like none: a password may stand under a wrong one.
"""

import difflib
import re
import types
import typing
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import ErrorDetails

_SETTING = re.compile("[a-z_]{1,40}")


def _variable(name: str) -> str:
    if not re.fullmatch("[A-Z_][A-Z0-9_]{0,63}", name) or re.fullmatch(_KEY, name):
        raise ValueError(
            "it must be the name of an environment variable in capitals, like MY_API_KEY; if it is "
            "a key, take it out and set it in the environment; where it was shared, replace it"
        )
    return name


_KEY = "(?=.*[0-9])[A-Z0-9]{16,}"  # long, in one piece, with digits: no name of a key
Variable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable; a key typed in its place is refused and not shown."""


def one_sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint: the key, the value where it is no text, what is allowed."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(_key, first["loc"]))
    if first["type"] == "extra_forbidden":
        return _unknown_key(first, model, where)
    if first["type"] == "missing":
        return f"key {where!r} is missing"
    if first["type"] == "value_error":
        message = first["msg"].removeprefix("Value error, ")
        return f"{where}{_shown(first['input'])}: {message}" if where else message
    return f"{where}{_shown(first['input'])}: {_lower(first['msg'])}"


def _unknown_key(first: ErrorDetails, model: type[BaseModel], where: str) -> str:
    known = _keys_at(model, first["loc"][:-1])
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    way_out = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
    return f"unknown key {where!r}; {way_out}"


def _keys_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    here: type[BaseModel] = model
    for part in path:
        field = here.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field is not None else None
        here = inner or here
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        if (found := _model_in(argument)) is not None:
            return found
    return None


def _key(part: int | str) -> str:
    """A key as the sentence names it."""
    return str(part) if isinstance(part, int) or _SETTING.fullmatch(part) else "..."


def _shown(value: object) -> str:
    if isinstance(value, bool | int | float):
        return f" = {str(value)[:40]}"
    kinds = ((str, "a text"), (list | tuple, "a list"), (dict, "a table"))
    return next((f", which is {name}" for kind, name in kinds if isinstance(value, kind)), "")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
