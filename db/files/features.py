"""What the values of a column are in words of JSON: by its Arrow type, and by what `datasets` wrote
beside it (ClassLabel, Json, pictures), which Arrow's types do not say.
"""

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from db.files.line import unreadable

Reader = Callable[[Any], Any]
"""From a value as Arrow gives it, never None, to the value of a row. Raises ValueError."""

_PLAIN = {None, "Value", "Translation", "TranslationVariableLanguages"}
_LISTS = {"Sequence", "List", "LargeList"}
_ARRAYS = {"Array2D", "Array3D", "Array4D", "Array5D"}


def features_of(schema: Any, beside: Path) -> dict[str, Any]:
    """What `datasets` wrote about the columns: into the schema, or into a file beside it."""
    with suppress(AttributeError, OSError, ValueError, RecursionError):
        if written := (schema.metadata or {}).get(b"huggingface"):
            found = json.loads(written).get("info", {}).get("features")
        elif beside.is_file():
            found = json.loads(beside.read_text("utf-8")).get("features")
        else:
            return {}
        return found if isinstance(found, dict) else {}
    return {}


def readers_of(schema: Any, features: Mapping[str, Any]) -> dict[str, Reader]:
    """The readers of the columns whose values need one."""
    found = {f.name: _reader(f.type, features.get(f.name)) for f in schema}
    return {name: reader for name, reader in found.items() if reader is not None}


def converted(row: dict[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any] | str:
    """The row with its values read; where one cannot be, which and why."""
    for name, reader in readers.items():
        try:
            if row[name] is not None:
                row[name] = reader(row[name])
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            return f"column {name!r} {unreadable(error)}"
    return row


def _reader(kind: Any, feature: Any) -> Reader | None:
    """The reader of an Arrow type, None where its values are what they should be."""
    from pyarrow import types

    said = feature.get("_type") if isinstance(feature, dict) else None
    said = said if isinstance(said, str) else None
    if said == "ClassLabel":
        return _by_name(feature.get("names") or [])
    if said == "Json" or getattr(kind, "extension_name", None) == "arrow.json":
        return _parsed
    if said not in _PLAIN | _LISTS | _ARRAYS:
        return _unkept(str(said))
    if types.is_struct(kind):
        return _struct(kind, feature, said)
    if types.is_map(kind):
        return _map(_reader(kind.key_type, None), _reader(kind.item_type, None))
    if _is_list(kind):
        return _list(_reader(kind.value_type, _of_items(feature, said)))
    if types.is_dictionary(kind):
        return _reader(kind.value_type, feature)
    return _of_scalar(kind)


def _is_list(kind: Any) -> bool:
    return hasattr(kind, "value_field")  # lists of every length and layout, maps apart


def _of_items(feature: Any, said: str | None) -> Any:
    if said in _LISTS:
        return feature.get("feature")
    return feature[0] if isinstance(feature, list) and feature else None


def _of_scalar(kind: Any) -> Reader | None:
    from pyarrow import types

    if types.is_floating(kind):
        return lambda value: None if math.isnan(value) else value
    if types.is_decimal(kind):
        return lambda value: int(value) if value == value.to_integral_value() else float(value)
    if types.is_date(kind) or types.is_timestamp(kind) or types.is_time(kind):
        return lambda value: value.isoformat()
    if types.is_duration(kind):
        return lambda value: value.total_seconds()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return _text
    return _text if str(kind) == "binary_view" else None


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("holds bytes that are no text; leave it out with --ignore") from None


def _by_name(names: list[str]) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, int):
            return value
        if value == -1:  # what datasets writes where there is no label
            return None
        if not 0 <= value < len(names):
            raise ValueError(f"holds the class {value}, and there are {len(names)}")
        return names[value]

    return read


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"holds no JSON ({error})") from None


def _unkept(kind: str) -> Reader:
    def read(value: Any) -> Any:
        held = value.values() if isinstance(value, dict) else [value]
        if any(each is not None for each in held):
            raise ValueError(
                f"holds {kind} data, which cannot be kept yet; leave it out with --ignore"
            )
        return None

    return read


def _struct(kind: Any, feature: Any, said: str | None) -> Reader:
    """An object without what is null in it: Parquet gives every object the names of all."""
    inner = feature.get("feature") if said in _LISTS else feature
    told = inner if isinstance(inner, dict) else {}
    wrapped = said in _LISTS  # a list of objects, kept as an object of lists
    fields = [kind.field(i) for i in range(kind.num_fields)]
    readers = {
        f.name: _reader(f.type, [told.get(f.name)] if wrapped else told.get(f.name)) for f in fields
    }

    def read(value: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, held in value.items():
            reader = readers[name]
            held = held if reader is None or held is None else reader(held)
            if held is not None:
                found[name] = held
        return found

    return read


def _list(reader: Reader | None) -> Reader | None:
    if reader is None:
        return None
    return lambda value: [None if item is None else reader(item) for item in value]


def _map(key: Reader | None, item: Reader | None) -> Reader:
    def read(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        found = {}
        for name, value in pairs:
            name = str(key(name) if key else name)
            if name in found:
                raise ValueError(f"names {name[:40]!r} twice")
            found[name] = item(value) if item and value is not None else value
        return found

    return read
