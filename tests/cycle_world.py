"""A small project for the cycle's tests: weak judges, experts' labels, gold, files to take in.

The better response uses good words, which the baseline judges cannot tell and a judge of words
learns from the experts at once.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from trainer_worlds import TOPICS, texts

from app.config import Config, load
from db.schema import upgrade
from db.session import Database

ROOT = Path(__file__).resolve().parents[1]

TOML = """
[panel]
label_model = "majority"
[[judge]]
name = "detail"
provider = "baseline"
model = "detail"
[[judge]]
name = "fluency"
provider = "baseline"
model = "fluency"
[review]
gold_rate = 0
[training]
judge_base = "words"
[cycle]
train = ["judge"]
min_new_labels = 20
gold_share = 0
review_share = 0.3
"""


def project(folder: Path, more: str = "") -> Config:
    """A configuration with its database at head."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiebreak.toml").write_text(TOML + more, encoding="utf-8")
    config = load(folder / "tiebreak.toml")
    upgrade(Database(config.database_url))
    return config


def fill(inbox: Path, pairs: int = 120, gold: int = 60, seed: int = 0, week: int = 1) -> None:
    """Files of one week: pairs, experts' labels on most of them, gold on the rest."""
    rng = random.Random(seed)
    rows, labels, frozen = [], [], []
    for number in range(pairs + gold):
        prompt, good, bad = texts(rng, rng.choice(TOPICS))
        better = rng.choice("ab")
        a, b = (good, bad) if better == "a" else (bad, good)
        name = f"w{week}-{number}"
        rows.append({"pair_id": name, "prompt": prompt, "response_a": a, "response_b": b})
        if number < pairs:
            labels.append({"pair_id": name, "annotator": "eva", "choice": better})
        else:
            frozen.append({"pair_id": name, "choice": better})
    inbox.mkdir(parents=True, exist_ok=True)
    for kind, found in (("pairs", rows), ("labels", labels), ("gold", frozen)):
        text = "".join(json.dumps(row) + "\n" for row in found)
        (inbox / f"{kind}-{week}.jsonl").write_text(text, encoding="utf-8")


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """`tiebreak cycle` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "cycle", "--json", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    """Exit code, the result, and what was said beside it."""
    out, err = process.communicate(timeout=300)
    return process.returncode, json.loads(out) if out.strip() else {}, err
