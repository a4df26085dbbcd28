"""Starts verbs as processes of their own, several at one moment, without the seconds of importing.

Reads one JSON object a line: a folder, an environment, the words of a verb, how many at once, and
after how many seconds to kill them (null: never). Answers with exit codes and what was said.
"""

import json
import os
import signal
import sys
import tempfile
import time
from typing import Any

PRELOADED = (
    "app.cli", "app.pipeline.cycle", "app.pipeline.route", "app.pipeline.report", "db.imports",
    "judges.providers.anthropic", "judges.steps", "review.merge", "trainer.steps",
    "trainer.gate.registry",
)  # fmt: skip


def main() -> None:
    """Until the input ends."""
    for name in PRELOADED:
        __import__(name)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(started(json.loads(line))), flush=True)


def started(asked: dict[str, Any]) -> dict[str, Any]:
    """Fork the children, let all of them go at one moment, and wait for them."""
    gate, opened = os.pipe()
    children = []
    for _ in range(asked["count"]):
        said = tempfile.TemporaryFile()  # noqa: SIM115
        pid = os.fork()
        if not pid:
            os.close(opened)
            child(asked, gate, said.fileno())
        children.append((pid, said))
    os.close(gate)
    began = time.monotonic()
    os.close(opened)
    if asked["kill_after"] is not None:
        time.sleep(asked["kill_after"])
        for pid, _ in children:
            os.kill(pid, signal.SIGKILL)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid, _ in children]
    seconds = time.monotonic() - began
    texts = []
    for _, said in children:
        with said:
            said.seek(0)
            texts.append(said.read().decode(errors="replace"))
    return {"codes": ended, "said": texts, "seconds": seconds}


def child(asked: dict[str, Any], gate: int, said: int) -> None:
    """One verb, from here on as if it had been typed."""
    code = 1
    try:
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(asked["folder"])
        os.environ.update(asked["environ"])
        sys.argv = ["tiebreak", *asked["words"]]
        sys.stdin = open(os.devnull)  # noqa: SIM115
        os.read(gate, 1)
        from app.cli import main as tiebreak

        tiebreak()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
