r"""Does the loop close? Generation 1, trained on experts' corrections, stands before its gate.

Per set: pairs and votes are imported, a third of the prompts is frozen as gold, the rest is routed
with half of the pairs to humans, whose recorded answers are replayed; then one `tiebreak cycle`
merges, exports, trains the judge, measures it and puts it before the gate. Printed are its
accuracy against the panel's consensus and the human share the router needs for the same agreement
without and with it in the panel, with intervals by prompt: whichever way it goes. Several seeds
draw the gold, the routed half and the pairs of a large set anew; their means come with Student's
95% interval over seeds, which speaks of these draws from one set, not of other sets.

    OMP_NUM_THREADS=1 python benchmarks/loop_closes.py ../shared/data --sets vicuna80 --base words \
        --seeds 5
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from app.config import load
from app.pipeline.cycle import run_cycle
from app.pipeline.route import route_pairs
from db.imports import Kind, import_files
from db.schema import upgrade
from db.session import Database
from review.replay import replay_labels
from review.routing.options import RouteOptions

SETS = {
    "vicuna80": ("vicuna80",),
    "vicuna80+gpt4only": ("vicuna80", "vicuna80_gpt4only"),
    "ukpconvarg1": ("ukpconvarg1",),
}
_CYCLE = """
[cycle]
train = ["judge"]
review_share = 0.5
target_agreement = {target}
[training]
judge_base = "{base}"
[panel]
label_model = "{model}"
"""
_BASELINES = ("relevance", "detail", "fluency", "repetition", "structure", "directness")


def rows(folders: list[Path], stem: str) -> Iterator[dict[str, Any]]:
    """The objects of one kind of file, over folders."""
    for folder in folders:
        path = folder / f"{stem}.jsonl.gz"
        if path.exists():
            with gzip.open(path, "rt", encoding="utf-8") as stream:
                yield from map(json.loads, stream)


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


def once(folders: list[Path], seed: int, base: str, model: str, target: float, most: int) -> Any:
    """One world: its gate's figures as the cycle stored them."""
    rng = random.Random(seed)
    pairs = list(rows(folders, "pairs"))
    if most < len(pairs):
        pairs = rng.sample(pairs, most)
    known = {pair["pair_id"]: pair["prompt"] for pair in pairs}
    prompts = sorted(set(known.values()))
    rng.shuffle(prompts)
    frozen = set(prompts[: len(prompts) // 3])
    gold = [r for r in rows(folders, "gold") if known.get(r["pair_id"]) in frozen]
    labels = [r for r in rows(folders, "labels") if r["pair_id"] in known]
    labels = [r for r in labels if known[r["pair_id"]] not in frozen]
    votes = [r for r in rows(folders, "votes") if r["pair_id"] in known]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        text = _CYCLE.format(base=base, model=model, target=target)
        if not votes:
            text += "".join(
                f'[[judge]]\nname = "{n}"\nprovider = "baseline"\nmodel = "{n}"\n'
                for n in _BASELINES
            )
        (folder / "tiebreak.toml").write_text(text, encoding="utf-8")
        config = load(folder / "tiebreak.toml")
        upgrade(Database(config.database_url))
        database = config.database
        import_files(database, Kind.PAIRS, [write(folder / "pairs.jsonl", pairs)])
        import_files(database, Kind.GOLD, [write(folder / "gold.jsonl", gold)])
        if votes:
            import_files(database, Kind.VOTES, [write(folder / "votes.jsonl", votes)])
        else:
            from judges.steps import run_judges

            run_judges(database, config.panel)
        route_pairs(
            database, config.panel, RouteOptions(review_share=0.5, seed=seed), config.review
        )
        answered = replay_labels(database, labels)
        done = run_cycle(config)
        (step,) = [s for s in done.steps if s.name == "gate"]
        from db.cycles import steps_of

        with database.read() as session:
            stored = {s.name: dict(s.summary or {}) for s in steps_of(session, done.cycle)}
        verdicts = stored["gate"].get("figures", {}).get("verdicts") or [{"reasons": [step.line]}]
        tables = stored["evaluate"].get("figures", {}).get("tables", {})
        database.dispose()
        return {"answers": answered.answers, "verdict": verdicts[0], "tables": tables}


def tell(name: str, seed: int, found: Any) -> None:
    """One world for people."""
    print(f"\n{name}, seed {seed}: {found['answers']} expert answers ({found['seconds']:.0f} s)")
    for table in found["tables"].values():
        for rater, row in table["table"].items():
            a = row["accuracy"]
            if a["value"] is not None:
                inside = f"[{a['low'] or 0:.3f}, {a['high'] or 0:.3f}]"
                print(f"  {rater:28} accuracy {a['value']:.3f} {inside} on {row['pairs']}")
    verdict = found["verdict"]
    print(f"  {verdict.get('effect')}")
    print(f"  {verdict.get('verdict')}: {'; '.join(verdict['reasons'])}", flush=True)


def measures(found: Any) -> dict[str, float | None]:
    """What is averaged over seeds; None where the gate did not get so far."""
    figures = found["verdict"].get("figures") or {}
    share = figures.get("human_share") or {}
    return {
        "accuracy, judge minus panel": figures.get("accuracy_difference", {}).get("value"),
        "human share without it": share.get("before"),
        "human share with it": share.get("after"),
        "human share, change": share.get("change", {}).get("value"),
        "promoted": float(found["verdict"].get("verdict") == "promoted"),
    }


def over_seeds(values: list[float]) -> tuple[float, float | None, float | None]:
    """Mean and Student's 95% interval; no interval from fewer than two values."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def summary(name: str, runs: list[Any]) -> dict[str, Any]:
    """Means over the seeds of one set."""
    rows = [measures(found) for found in runs]
    told: dict[str, Any] = {"set": name, "seeds": len(runs)}
    for key in rows[0]:
        values = [row[key] for row in rows if row[key] is not None]
        mean, low, high = over_seeds(values) if values else (None, None, None)
        told[key] = {"mean": mean, "low": low, "high": high, "n": len(values)}
    return told


def tell_means(told: dict[str, Any]) -> None:
    """The means for people."""
    print(f"\n{told['set']}, mean over {told['seeds']} seeds:")
    for key, row in told.items():
        if isinstance(row, dict) and row["mean"] is not None:
            inside = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
            print(f"  {key:28} {row['mean']:+.3f}{inside} (n = {row['n']})")


def main() -> None:
    """Print one block a world, and one a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=1, help="worlds drawn of each set")
    parser.add_argument("--base", default="words", help="as [training] judge_base")
    parser.add_argument("--model", default="tiebreak", help="the label model")
    parser.add_argument("--target", type=float, default=0.9)
    parser.add_argument("--most", type=int, default=3000, help="pairs of a set, drawn")
    parser.add_argument("--json", action="store_true", help="one object a set, nothing else")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"no recorded data at {options.data}; nothing is measured")
    if options.seeds < 1:
        sys.exit(f"--seeds {options.seeds!r}: one or more is allowed")
    for name in options.sets:
        folders = [options.data / part for part in SETS[name]]
        runs = []
        for seed in range(options.seeds):
            started = time.monotonic()
            found = once(folders, seed, options.base, options.model, options.target, options.most)
            runs.append({**found, "seconds": time.monotonic() - started})
            if not options.json:
                tell(name, seed, runs[-1])
        told = summary(name, runs)
        if options.json:
            print(json.dumps({"base": options.base, "model": options.model, **told}), flush=True)
        elif options.seeds > 1:
            tell_means(told)


if __name__ == "__main__":
    main()
