"""Reads a TOML file of somebody's: whatever is wrong with it is one sentence, and no value of it
is echoed, for a key or a password may stand anywhere.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from db.errors import BadInput

_LONGEST = 4_000_000  # bytes, by hand: a thousand times what a configuration has
_TAME = re.compile(r"[a-z]+(?:[/._ -](?:[a-z]+|[0-9]{1,3}))*")  # claude-haiku-5-5, not hunter2
_QUOTED = re.compile(r"""\(?(?:'[^']*'|"[^"]*")(?:, ?(?:'[^']*')?)*\)?""")


def read_toml(path: Path) -> dict[str, Any]:
    """What the file says. Raises BadInput with one sentence that names the file."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LONGEST + 1)
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be read ({error.strerror}); see whether you may read it"
        ) from None
    if len(data) > _LONGEST:
        raise BadInput(f"{path.name} has more than {_LONGEST:,} bytes; is it the right file?")
    encoding = json.detect_encoding(data) if len(data) > 1 else "utf-8"
    if not encoding.startswith("utf-8"):
        raise BadInput(f"{path.name} is {encoding[:6].upper()}; save it as UTF-8")
    try:
        return parse_toml(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path.name} is no UTF-8 in line {line}; save it as UTF-8") from None
    except BadInput as error:
        raise BadInput(f"{path.name} is not valid TOML ({error}); mend that line") from None


def parse_toml(text: str) -> dict[str, Any]:
    """What the text says. Raises BadInput with the reason and the place."""
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except RecursionError:
        raise BadInput("lists or tables stand too deep in one another") from None
    except ValueError as error:
        first = (str(error).splitlines() or [""])[0]
        raise BadInput(_QUOTED.sub("...", first)[:200] or "a value is out of range") from None


@contextmanager
def unechoed(given: Mapping[str, Any]) -> Iterator[None]:
    """Within, a BadInput is raised anew without the texts of `given` that may be secrets."""
    try:
        yield
    except BadInput as error:
        raise type(error)(_without(str(error), given)) from None


def _without(sentence: str, given: Mapping[str, Any]) -> str:
    for text in sorted(set(_texts(given)), key=len, reverse=True):
        if len(text) > 3 and not _TAME.fullmatch(text):
            for form in (text, repr(text)[1:-1]):
                sentence = sentence.replace(form, "...")
    return sentence


def _texts(given: Any) -> Iterator[str]:
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
