"""Runs verbs in a process where no optional package can be imported; a line of JSON for each.

Arguments: the packages, and a list of command lines, both as JSON.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any

PACKAGES, VERBS = (json.loads(each) for each in sys.argv[1:3])


class Forbidden(MetaPathFinder):
    """Stands before every other finder."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: Any = None) -> None:
        if name.partition(".")[0] in PACKAGES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def no_server(*_: Any) -> None:
    """`review` would become Streamlit here."""
    raise SystemExit(0)


def said_by(words: list[str]) -> dict[str, Any]:
    """Exit code and output of one verb; code None where it ended in a traceback."""
    from app.cli import main

    sys.argv = ["tiebreak", *words]
    out = io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            code = None
            traceback.print_exc()
    return {"words": words, "code": code, "said": out.getvalue()}


sys.meta_path.insert(0, Forbidden())
os.execv = no_server  # type: ignore[assignment]
for verb in VERBS:
    print(json.dumps(said_by(verb)), flush=True)
