"""The whole loop on the bundled sample, in ./demo: what `make demo` runs. Safe to run again.

Every step is the verb a person would type, and is printed as such before it runs. The end tells
what came of it: who decides how well, and why a trained model is in production or not.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import stops
from app.config import Config, load
from app.output import progress, say, table, warn, write
from app.private import keep_private
from db.errors import Conflict, TiebreakError
from db.extras import told

if TYPE_CHECKING:
    from trainer.gate.registry import PromoteDone

REPLAYED = 167  # of 207 tasks, answered as the sample records it: a session of 40 stays open
LIVE_CAP_USD = 1.0  # what somebody who tries it may be charged; the README promises it
LIVE = {
    "ANTHROPIC_API_KEY": ("claude", "anthropic", "claude-haiku-5-5"),
    "OPENAI_API_KEY": ("gpt", "openai", "gpt-6-luna"),
}


@dataclass(frozen=True)
class Demo:
    """One walk through the loop."""

    config: Config
    live: bool

    def step(self, verb: str, run: Callable[[Any], Any]) -> Any:
        """Show the verb, run it with a progress bar, show its line."""
        write(f"\n$ tiebreak {verb}")
        with progress() as report:
            done = run(report)
        write(done.summary)
        return done


@dataclass(frozen=True)
class Trained:
    """What became of the trained models: the rows of the gold table, and the gate's decisions."""

    gold_pairs: int
    columns: list[str]
    rows: list[list[Any]]
    decisions: list["PromoteDone"]


def main(argv: list[str] | None = None) -> None:
    """Run the demo in ./demo, then serve the review app there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=Path("demo"))
    parser.add_argument("--serve", type=int, default=1)
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("--port", type=int, default=8501)
    options = parser.parse_args(argv)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A database that is somebody's work must not get the sample.
    os.environ.pop("TIEBREAK_DATABASE_URL", None)
    started = time.monotonic()
    stops.listen()
    try:
        keep_private(os.environ)
        with told():
            config = prepare(options.folder, live=bool(options.live))
            run(Demo(config, bool(options.live)))
    except TiebreakError as error:
        warn(f"demo: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        stops.leave()
    write(f"\nThe loop took {time.monotonic() - started:.0f} s. It lives in {config.folder}")
    if options.serve:
        from app.serve import serve

        write(f"The rest of the queue is open at http://127.0.0.1:{options.port} (Ctrl+C ends it)")
        serve(config, "127.0.0.1", options.port)


def prepare(folder: Path, *, live: bool) -> Config:
    """The demo's configuration and database, made where they are not there yet."""
    from db.schema import upgrade
    from db.session import Database
    from db.whole import write_whole

    path = folder / "tiebreak.toml"
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        text = path.read_text(encoding="utf-8")
    else:
        text = _sample("../template.toml").read_text(encoding="utf-8")
    for key, (name, provider, model) in LIVE.items():
        known = re.search(rf'^name = "{name}"$', text, re.M)
        if live and os.environ.get(key) and not known:
            text += f'\n[[judge]]\nname = "{name}"\nprovider = "{provider}"\nmodel = "{model}"\n'
    write_whole(path, text)  # a killed demo begins again
    config = load(path)
    upgrade(Database(config.database_url))
    return config


def run(demo: Demo) -> None:
    """Every step of the loop, in order."""
    from app.pipeline.panel import current_panel
    from db.imports import Kind, import_files
    from judges.steps import fit_consensus, run_judges
    from review.merge import merge
    from review.replay import replay_labels

    database, config = demo.config.database, demo.config
    demo.step(
        "import candidates sample/candidates_*.jsonl",
        lambda report: import_files(database, Kind.CANDIDATES, sample("candidates"), None, report),
    )
    demo.step(
        "import gold sample/gold_*.jsonl",
        lambda report: import_files(database, Kind.GOLD, sample("gold"), None, report),
    )
    cap = _announce_cost(demo)
    demo.step(
        "judge" + (f" --max-usd {cap:g}" if cap else ""),
        lambda report: run_judges(
            database, current_panel(config), max_usd=cap, progress=report, beside=config.folder
        ),
    )
    _route(demo)
    left = max(0, REPLAYED - _answered(config))
    demo.step(
        f"replay labels sample/labels_*.jsonl --limit {left}",
        lambda report: replay_labels(database, _labels(), limit=left, progress=report),
    )
    demo.step(
        "judge  (pools the votes again, now with the experts' answers)",
        lambda report: fit_consensus(database, config.panel.panel.label_model),
    )
    demo.step("merge", lambda report: merge(database, config.review, progress=report))
    _tell(demo, _train(demo, _export(demo)))


def sample(kind: str) -> list[Path]:
    """The bundled sample's files of one kind: candidates, labels or gold."""
    return sorted(Path(str(_sample("."))).glob(f"{kind}_*.jsonl"))


def _sample(name: str) -> Path:
    return Path(str(files("app").joinpath("sample"))) / name


def _labels() -> list[dict[str, Any]]:
    from db.files import read_rows

    return [row for file in sample("labels") for row in read_rows(file)]


def _announce_cost(demo: Demo) -> float | None:
    """The estimate first where judges cost; the cap they then get."""
    if not any(judge.remote for judge in demo.config.panel.asked):
        return None
    if not demo.live:
        raise Conflict("the panel has judges that cost money; run `make demo LIVE=1` to ask them")
    from judges.steps import estimate

    demo.step("estimate", lambda report: estimate(demo.config.database, demo.config.panel))
    return LIVE_CAP_USD


def _route(demo: Demo) -> None:
    """Route once; on a second run the batch of the first still stands."""
    from app.pipeline.route import route_pairs
    from db.batches import newest_batch
    from review.routing.router import RouteOptions

    with demo.config.database.read() as session:
        if newest_batch(session) is not None:
            write("\n$ tiebreak route\nrouted before; the queue stands as it is")
            return
    options = RouteOptions(review_share=0.75, audit_share=0.1, seed=7)
    demo.step(
        "route --review-share 0.75 --audit-share 0.1",
        lambda report: route_pairs(
            demo.config.database,
            demo.config.panel,
            options,
            demo.config.review,
            announce=write,
            progress=report,
        ),
    )


def _answered(config: Config) -> int:
    from db.status import status

    with config.database.read() as session:
        return int(status(session)["tasks_answered"])


def _export(demo: Demo) -> str:
    """Export under the first free name; the same labels again are the same dataset."""
    from trainer.export.selection import ExportOptions
    from trainer.steps import export

    number = 1
    while True:
        name = f"demo-{number}"
        folder = demo.config.folder / "datasets" / name
        try:
            demo.step(
                f"export datasets/{name}",
                partial(_without_bar, export, demo.config.database, folder, ExportOptions(seed=7)),
            )
        except Conflict:
            write("the labels changed since; the next export gets the next name")
            number += 1
        else:
            return name


def _train(demo: Demo, dataset: str) -> Trained:
    """Train both models, measure both, and put each before its gate."""
    from app.pipeline.gate import gold_rows, panels_of
    from trainer.gate.measurement import evaluate
    from trainer.gate.registry import promote
    from trainer.steps import train_judge, train_reward

    database, settings = demo.config.database, demo.config.training
    rules = demo.config.panel.rules
    reward = demo.step(
        f"train reward --dataset {dataset}",
        lambda report: train_reward(database, settings, dataset, progress=report),
    )
    judge = demo.step(
        f"train judge --dataset {dataset}",
        lambda report: train_judge(database, settings, rules, dataset, progress=report),
    )
    rows: dict[str, list[Any]] = {}
    columns: list[str] = []
    decisions = []
    for name in (reward.checkpoint, judge.checkpoint):
        measured = demo.step(
            f"evaluate {name}", partial(_without_bar, evaluate, database, name, rules)
        )
        columns, found = gold_rows(measured)
        rows |= {str(row[0]): row for row in found}
        gate = partial(promote, panels=panels_of(demo.config, name))
        decided = demo.step(f"promote {name}", partial(_without_bar, gate, database, name, rules))
        decisions.append(decided)
    return Trained(measured.pairs, columns, [*rows.values()], decisions)


def _tell(demo: Demo, trained: Trained) -> None:
    """The end of the story, in tables and short sentences."""
    from app.gate_text import in_words
    from app.pipeline.report import ReportOptions, report
    from app.report_text import print_short

    found = report(demo.config.database, demo.config.panel, ReportOptions())
    write("\n== What came of it ==\n")
    say(
        f"{found.judges} judges voted on {found.pairs} pairs of responses. Experts were asked "
        f"about those the panel was least sure of. {found.delivered} pairs have a label now."
    )
    write()
    print_short(found)
    write("\n== May the trained models work? ==\n")
    title = f"Right on {trained.gold_pairs} gold pairs, which no model learns from"
    table(title, trained.columns, trained.rows)
    for decision in trained.decisions:
        for sentence in in_words(decision):
            say(sentence)
        write()
    say(_GATE)


_GATE = (
    "The gate has three answers: promoted, where a model is better by more than luck and worse in "
    "nothing; refused, where that is not proven; forced, where a person gives a reason "
    "(`tiebreak promote NAME --force REASON`). These models weigh words and are learnt in "
    "seconds from a few hundred pairs. Real ones start from a pretrained base (`base` in "
    "[training] of tiebreak.toml) and are asked about more gold."
)


def _without_bar(verb: Callable[..., Any], *given: Any) -> Any:
    """Run a verb that is too quick for a progress bar: the last argument is the unused bar."""
    return verb(*given[:-1])


if __name__ == "__main__":
    main()
