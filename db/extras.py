"""Optional packages: which extra brings each, and the one error where one is missing.

A plain `import` inside a function stays a plain import: what it raises becomes a sentence within
`told`, at the command line and in the cycle. `require` is for those who would find out too late,
after money was spent or a port was opened.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from db.errors import MissingExtra

EXTRA_OF = {
    "accelerate": "train",
    "datasets": "train",
    "peft": "train",
    "safetensors": "train",
    "tokenizers": "train",
    "torch": "train",
    "transformers": "train",
    "trl": "train",
    "tensorboard": "tensorboard",
    "psycopg": "postgres",
    "authlib": "auth",
    "boto3": "bedrock",
    "google.auth": "vertex",
}
"""Name in an `import` -> extra of pyproject.toml."""


def require(*packages: str) -> None:
    """Raise MissingExtra for the first of these packages that is not installed."""
    for package in packages:
        if not installed(package):
            raise MissingExtra(package, EXTRA_OF[package])


def installed(package: str) -> bool:
    """Whether it could be imported; nothing is. A folder of that name beside one is no package."""
    try:
        spec = find_spec(package)
        return spec is not None and spec.origin is not None
    except (ImportError, ValueError):  # its import is forbidden here
        return False


@contextmanager
def told() -> Iterator[None]:
    """Inside, the failed import of an optional package is raised as MissingExtra."""
    try:
        yield
    except ImportError as error:
        missing = None if isinstance(error, MissingExtra) else _missing(error)
        if missing is None:
            raise
        raise missing from error


def _missing(error: ImportError) -> MissingExtra | None:
    """Some libraries name what they lack in their message only, as transformers does."""
    said = error.name or str(error).lower()
    lacking = [p for p in EXTRA_OF if re.search(rf"\b{re.escape(p)}\b", said) and not installed(p)]
    return MissingExtra(lacking[0], EXTRA_OF[lacking[0]]) if lacking else None
