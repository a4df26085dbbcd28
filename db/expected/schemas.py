"""Whether a JSON schema can be used: sound, small, and closed in itself.

No reference of it leaves the document: nothing is ever fetched or read to resolve one.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

LARGEST = 2000  # values, keys and their contents counted
DEEPEST = 32  # levels
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_LISTS = ("allOf", "anyOf", "oneOf")  # applied to the same value
_SINGLE = ("not", "if", "then", "else", "extends")
_MAPS = ("dependentSchemas", "dependencies")


def check(schema: Any) -> None:
    """Raises ValueError with the reason where a schema cannot be used."""
    reason = _fault(json.dumps(schema))
    if reason is not None:
        raise ValueError(reason)


@lru_cache(maxsize=64)  # many prompts share one schema, and looking at one takes milliseconds
def _fault(text: str) -> str | None:
    try:
        _require_usable(json.loads(text))
    except ValueError as error:
        return str(error)
    return None


def _require_usable(schema: Any) -> None:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import SchemaError, UnknownType
    from jsonschema.validators import Draft202012Validator, validator_for

    if not isinstance(schema, dict):
        raise ValueError("a schema is an object")
    if sum(1 for _ in _values(schema)) > LARGEST:
        raise ValueError(f"the schema holds more than {LARGEST:,} values")
    dialect = schema.get("$schema")
    validator = Draft202012Validator
    if dialect is not None:
        validator = validator_for(schema, default=None) if isinstance(dialect, str) else None
        if validator is None:
            raise ValueError(f"$schema {dialect!r} is no known dialect of JSON Schema")
    try:
        # Which formats jsonschema knows depends on what else is installed; this one it always does.
        validator.check_schema(schema, format_checker=FormatChecker(formats=("regex",)))
    except (SchemaError, UnknownType) as error:
        raise ValueError(f"the schema is not sound: {error.message[:200]}") from None
    _require_no_loop(_same_value(schema))


def _values(value: Any, depth: int = 0) -> Iterator[Any]:
    if depth > DEEPEST:
        raise ValueError(f"the schema is deeper than {DEEPEST} levels")
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _values(each, depth + 1)


def _same_value(schema: dict[str, Any]) -> dict[int, list[int]]:
    """For each part of a schema the parts it applies to the very same value, both by id.

    Raises ValueError for a reference that the schema itself does not hold.
    """
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # An empty registry retrieves nothing: what the schema does not hold cannot be resolved.
    root = _resource(schema)
    waiting = [(root, Registry().resolver_with_root(root))]
    edges: dict[int, list[int]] = {}
    while waiting:
        part, resolver = waiting.pop()
        contents = part.contents
        if not isinstance(contents, Mapping) or id(contents) in edges:
            continue
        applied = list(_applied(contents))
        edges[id(contents)] = [id(each) for each in applied]
        for name in _REFERENCES:
            to = contents.get(name)
            if not isinstance(to, str):
                continue
            try:
                found = resolver.lookup(to)
            except (Unresolvable, ValueError):
                raise ValueError(
                    f"{name} {to[:100]!r} is not in the schema, and nothing outside is read"
                ) from None
            edges[id(contents)].append(id(found.contents))
            waiting.append((_resource(found.contents), found.resolver))
        subs = [*part.subresources(), *map(_resource, applied)]
        waiting += [(sub, resolver.in_subresource(sub)) for sub in subs]
    return edges


def _resource(contents: Any) -> Any:
    from referencing import Resource
    from referencing.jsonschema import DRAFT202012

    return Resource.from_contents(contents, default_specification=DRAFT202012)


def _applied(contents: Mapping[str, Any]) -> Iterator[Any]:
    for name in _LISTS:
        yield from contents[name] if isinstance(contents.get(name), list) else ()
    for name in _SINGLE:
        if name in contents:
            yield contents[name]
    for name in _MAPS:
        if isinstance(contents.get(name), Mapping):
            yield from contents[name].values()


def _require_no_loop(edges: Mapping[int, list[int]]) -> None:
    done: set[int] = set()
    for start in edges:
        path: list[tuple[int, Iterator[int]]] = [(start, iter(edges[start]))]
        open_ = {start}
        while path:
            at, rest = path[-1]
            to = next(rest, None)
            if to is None:
                path.pop()
                open_.discard(at)
                done.add(at)
            elif to in open_:
                raise ValueError("the schema refers to itself without end")
            elif to in edges and to not in done:
                open_.add(to)
                path.append((to, iter(edges[to])))
