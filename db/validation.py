"""Turns what pydantic says about a wrong setting into one sentence with a suggestion."""

import difflib
import types
import typing

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def one_sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint: the key, the value as it stands, what is allowed."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown_key(first, model, where)
    if first["type"] == "missing":
        return f"key {where!r} is missing"
    if first["type"] == "value_error":
        message = first["msg"].removeprefix("Value error, ")
        return f"{where} = {_short(first['input'])}: {message}" if where else message
    return f"{where} = {_short(first['input'])}: {_lower(first['msg'])}"


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


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
