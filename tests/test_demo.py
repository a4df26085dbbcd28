"""`make demo` killed wherever one likes, and run again: it goes on and tells the same story."""

import os
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STORY = "== What came of it =="


def start(folder: Path) -> "subprocess.Popen[str]":
    """The demo in a process of its own, which may not reach a database of somebody's work."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "app.demo", "--folder", str(folder), "--serve", "0"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "80",
            "TIEBREAK_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/work",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def followed(process: "subprocess.Popen[str]", steps: int | None = None) -> tuple[str, list[float]]:
    """What it prints until so many steps began, or to its end; and when each of them began."""
    said, began = [], [time.monotonic()]
    for line in process.stdout or ():
        said.append(line)
        if line.startswith("$ tiebreak "):
            began.append(time.monotonic())
            if len(began) - 1 == steps:
                break
    return "".join(said), began


def told_to_the_end(folder: Path) -> tuple[str, list[float]]:
    """The story of a demo that nobody disturbs, and when its steps began."""
    with start(folder) as process:
        said, began = followed(process)
        assert process.wait(60) == 0, said
    return said[said.index(STORY) : said.index("The loop took")], began


@pytest.mark.slow
def test_a_demo_killed_at_every_step_goes_on_and_tells_the_same(tmp_path: Path) -> None:
    story, began = told_to_the_end(tmp_path / "undisturbed")
    assert "hybrid (delivered now)" in story
    assert "is not let into production" in story or "is in production now" in story
    lasted = [after - before for before, after in pairwise(began)]
    rng = random.Random(9)
    for step in range(len(began)):  # 0: before the first; the last one has no next: a second
        with start(tmp_path / "killed") as process:
            if step:
                followed(process, step)
            time.sleep(rng.uniform(0, lasted[step] if step < len(lasted) else 1))
            process.kill()
    assert told_to_the_end(tmp_path / "killed")[0] == story
