"""Keys of the objects inside a row's columns: which of them a preset knows. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from db.imports.columns import is_empty
from db.imports.fields import Row


def objects(value: Any, path: tuple[str, ...]) -> Iterator[Row]:
    """The objects at a path of keys; lists on the way stand for each of their items."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item, path)
    elif isinstance(value, dict):
        if path:
            yield from objects(value.get(path[0]), path[1:])
        else:
            yield value


def stands(row: Row, name: str) -> bool:
    """Whether a column, or a key inside a column (`column.key`), says anything in this row."""
    *path, key = name.split(".")
    if not path:
        return not is_empty(row.get(name))
    return any(not is_empty(item.get(key)) for item in objects(row, tuple(path)))


def beyond(known: Mapping[str, str]) -> Callable[[Row], Iterator[str]]:
    """`inside` of a preset: every key but the `known` ones of the objects at these paths, which say
    their keys in words, as `column.key`. Names never raise.
    """
    places = [
        (path, tuple(path.split(".")), frozenset(keys.split())) for path, keys in known.items()
    ]

    def inside(row: Row) -> Iterator[str]:
        for name, path, keys in places:
            for item in objects(row, path):
                yield from (
                    f"{name}.{k}" for k, v in item.items() if k not in keys and not is_empty(v)
                )

    return inside
