"""The verbs reference: every verb with its options, from the command line's own definition."""

import inspect
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

_HEAD = """# Verbs

Every verb takes `--help` and prints results on stdout, progress and warnings on stderr. With
`--json` the result is one JSON object. Exit 0 means done, 1 one clear sentence on stderr, 2 wrong
usage; a cycle that finished with alarms exits with 3. Every verb may be killed and run again.

This page is written by `make reference` from the definition of the command line.
"""


def verbs_page() -> str:
    """The whole page, verbs in the order of `tiebreak --help`."""
    from typer.main import get_command

    from app.cli import app

    return _HEAD + "".join(_verb(path, command) for path, command in _leaves((), get_command(app)))


def _leaves(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, each in inner.items():
        yield from _leaves((*path, name), each)


def _verb(path: Sequence[str], command: Any) -> str:
    told = inspect.cleandoc(command.help or "")
    words, _, example = told.partition("Example: ")
    parts = [f"\n## {' '.join(path)}\n", words.strip()]
    if example:
        parts.append(f"\n```sh\n{example.strip()}\n```")
    types = get_type_hints(inspect.unwrap(command.callback))
    rows = [_option(each, _choices(types[each.name])) for each in command.params]
    parts.append("\n| option | default | meaning |\n|---|---|---|\n" + "\n".join(rows))
    return "\n".join(parts) + "\n"


def _option(parameter: Any, choices: Sequence[str]) -> str:
    name = " / ".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        name = name.upper()
    meaning = parameter.help or ""
    if choices:
        meaning += f" One of {', '.join(f'`{each}`' for each in choices)}."
    cells = (f"`{name}`", _default(parameter), meaning.strip())
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _choices(annotation: Any) -> list[str]:
    """The words an option takes where it takes only some; [] where it takes anything."""
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(word.value) for word in annotation]
    return [word for inner in get_args(annotation) for word in _choices(inner)]


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    value = parameter.default
    if value is None or value is False or value in ((), []):
        return ""
    if value is True:
        return f"`{parameter.opts[0]}`"
    if isinstance(value, tuple | list):
        return " ".join(f"`{getattr(one, 'value', one)}`" for one in value)
    return f"`{getattr(value, 'value', value)}`"
