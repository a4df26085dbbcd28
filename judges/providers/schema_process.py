"""JSON against a schema, in a process that may be ended.

Nothing else bounds what a schema can ask for: patterns that backtrack, references that multiply,
values compared each with each. The process gets no key of the environment, no reference leaves a
schema in it (`db.expected.schemas`), and a check that takes too long ends it.
"""

import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping
from threading import Lock, Timer
from typing import Any

SECONDS = 1.0  # of processor time for one check; by hand: a thousand times what one takes
_BACKSTOP = 30.0  # seconds by the clock, on machines that do not count processor time
_MEMORY = 2 * 1024**3  # bytes
_START = "from judges.providers.schema_process import serve; serve()"


class SchemaProcess:
    """Checks one response after the other; started at the first, anew after one that was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._end: Callable[[], object] = bool
        self._lock = Lock()

    def fits(self, schema: Mapping[str, Any], response: str) -> bool:
        """Whether a response, or its last fenced block, is JSON of this schema.

        Raises ValueError with the reason where that cannot be told.
        """
        with self._lock:
            said = self._ask(json.dumps([schema, response]))
        if said is None:
            raise ValueError(f"the check takes more than {SECONDS:g} second or too much memory")
        if isinstance(said, str):
            raise ValueError(said)
        return bool(said)

    def _ask(self, request: str) -> bool | str | None:
        process = self._process or self._started()
        ending = Timer(_BACKSTOP, process.kill)
        ending.start()
        try:
            process.stdin.write(request + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            line = process.stdout.readline()  # type: ignore[union-attr]
        except OSError:
            line = ""
        finally:
            ending.cancel()
        if not line:
            self._process = None
            self._end()
            return None
        said: bool | str = json.loads(line)
        return said

    def _started(self) -> subprocess.Popen[str]:
        kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR", "TEMP")
        environ = {name: os.environ[name] for name in kept if name in os.environ}
        environ["PYTHONPATH"] = os.pathsep.join(part or os.getcwd() for part in sys.path)
        process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            text=True,
        )
        self._process, self._end = process, weakref.finalize(self, _end, process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not written yet goes nowhere
                continue


def serve() -> None:
    """Answer each line of [schema, response] on stdin with true, false or why neither."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    timed = hasattr(signal, "setitimer")
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, ValueError, OSError):
        pass
    fits({}, "0")  # imports what it needs before time counts: more than a check may take
    for line in sys.stdin:
        if timed:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # unhandled, it ends the process
        try:
            schema, response = json.loads(line)
            said: bool | str = fits(schema, response)
        except Exception as error:
            said = f"the check fails ({type(error).__name__}: {str(error)[:100]})"
        if timed:
            signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(said), flush=True)


def fits(schema: Mapping[str, Any], response: str) -> bool:
    """Whether a response, or its last fenced block, is JSON of this schema; takes its time."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    validator = validator_for(schema, default=Draft202012Validator)
    for text in (response, last_block(response)):
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            continue
        return bool(validator(schema, registry=Registry()).is_valid(value))
    return False


def last_block(text: str) -> str:
    """What stands in the last closed fence of a text; empty where there is none."""
    lines = text.split("\n")
    edges = [i for i, line in enumerate(lines) if line.lstrip().startswith("```")]
    closed = len(edges) // 2 * 2
    return "\n".join(lines[edges[closed - 2] + 1 : edges[closed - 1]]) if closed else ""
