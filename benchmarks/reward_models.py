"""Does a tuned reward model beat counting words? One table a set, with the learning curve.

Per set and per size of the training set, through the steps behind the commands: pairs and human
labels are imported, a fifth of the prompts is frozen as gold, the rest is merged and exported, a
reward model is tuned from `--base`, and `evaluate` puts it beside TF-IDF Bradley–Terry and "longer
wins" on the same gold, with intervals clustered by prompt. A folder without labels uses its gold
as labels; an order is cut off at `--max-length` tokens.

    python benchmarks/reward_models.py ../shared/data/hh_harmless --base FOLDER --sizes 400 1600
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from folders import rows

from db.gold import draw_gold
from db.imports import Kind, import_files
from db.prompts import StoredPrompts
from db.schema import upgrade
from db.session import Database
from judges.alike.groups import group_of
from review.merge import merge
from review.settings import ReviewSettings
from trainer.export.selection import ExportOptions
from trainer.settings import TrainerSettings
from trainer.steps import evaluate, export, train_reward


def world(data: Path, folder: Path, share: float, seed: int) -> Database:
    """A database with the set's pairs and its settled labels, part of them frozen as gold."""
    url = f"sqlite:///{folder / 'tiebreak.db'}"
    upgrade(Database(url))
    database = Database(url)
    for kind, found in (
        (Kind.PAIRS, rows(data, "pairs")),
        (Kind.LABELS, list(rows(data, "labels")) or _as_labels(data)),
    ):
        file = folder / f"{kind.value}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
        import_files(database, kind, [file])
    with database.begin() as session:
        draw_gold(session, share, seed, group_of(StoredPrompts(session)))
    merge(database, ReviewSettings())
    return database


def _as_labels(data: Path) -> list[dict[str, Any]]:
    return [{"annotator": "crowd", **row} for row in rows(data, "gold")]


def measured(
    database: Database, folder: Path, settings: TrainerSettings, size: int | None, seed: int
) -> dict[str, Any]:
    """One training on at most `size` pairs: rows trained on, seconds, and the table on gold."""
    name = f"first-{size or 'all'}"
    done = export(database, folder / name, ExportOptions(limit=size, seed=seed), name)
    started = time.monotonic()
    trained = train_reward(database, settings, name, f"reward-{name}")
    seconds = time.monotonic() - started
    found = evaluate(database, trained.checkpoint)
    return {
        "train": done.rows["train"],
        "seconds": round(seconds),
        "gold": found.pairs,
        "table": {
            "reward model" if rater == trained.checkpoint else rater: row
            for rater, row in found.table.items()
        },
    }


def show(name: str, found: dict[str, Any]) -> None:
    """One table for people."""
    print(
        f"\n{name}: {found['train']} training pairs, tuned in {found['seconds']} s, "
        f"{found['gold']} gold pairs"
    )
    for rater, row in found["table"].items():
        a = row["accuracy"]
        inside = "" if a["low"] is None else f" [{a['low']:.3f}, {a['high']:.3f}]"
        print(f"  {rater:18} accuracy {a['value']:.3f}{inside}", flush=True)


def main() -> None:
    """Print one block a set and size, or one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--sizes", type=int, nargs="*", help="pairs exported; default all")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--gold-share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for data in options.data:
        if not data.is_dir():
            sys.exit(f"no recorded data at {data}; nothing is measured")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            settings = TrainerSettings(
                base=options.base,
                epochs=options.epochs,
                learning_rate=options.learning_rate,
                max_length=options.max_length,
                folder=folder / "checkpoints",
                seed=options.seed,
            )
            database = world(data, folder, options.gold_share, options.seed)
            for size in options.sizes or [None]:
                found = measured(database, folder, settings, size, options.seed)
                if options.json:
                    print(json.dumps({"set": data.name, **found}), flush=True)
                else:
                    show(data.name, found)
            database.dispose()


if __name__ == "__main__":
    main()
