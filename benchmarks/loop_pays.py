r"""Does retraining pay? The price of a label by week, where a project learns and where not.

    OMP_NUM_THREADS=1 python benchmarks/loop_pays.py FOLDER --world planted --json

FOLDER holds the recorded sets. Prompts arrive in weekly batches; every arm labels a week's pairs
before any of its answers is learnt (`loop_project.py`), with the product's label model, judge,
panels and gate. human_share: pairs that people must answer for the target agreement, least sure
first; usd: these answers at the gate's default price, and the calls, a label. Means over seeds that
draw the weeks anew; low and high are the 95% interval of usd, by prompts drawn with replacement,
the same for all arms, weeks and seeds. Not in usd: the audits, a third of the prompts, the same in
every arm. `gate` is what the gate said at the end of the week, by seeds.

nothing: the panel without any answer or other week. label_model: taught on all weeks before.
column: with the judge trained on them beside the panel. tier0: the judge first, the paid members
about the share that was cheapest on the audits before. gated: the panel that the gate let in.
prompted: a judge prompted with the experts' reasons cannot be replayed without asking a model, so
its figures are null. longer wins: the longer answer, as sure as it has been right before.
"""

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from loop_project import ARMS, TARGETS, Project, Said, projects
from loop_worlds import NAMES, World, world
from numpy.typing import NDArray

from app.gate_settings import GateSettings
from judges.trust.calibration import human_shares
from judges.trust.panel_choice import times
from judges.trust.vote_matrix import A, B

Floats = NDArray[np.float64]
ROUNDS = 400
PROMPTED = "it answers new questions, and only recorded votes are here"


def measured(start: World, run: Sequence[Project]) -> dict[tuple[str, float], Floats]:
    """By arm and target, [weeks, 3, 1 + rounds]: human share, price and log-loss, means over seeds;
    the first round is what was seen, the others drew the prompts.
    """
    pairs = len(start.truth_P)
    weight_RP = np.concatenate([np.ones((1, pairs)), times(start.votes.prompt_P, ROUNDS, seed=0)])
    found: dict[tuple[str, float], list[list[Floats]]] = {}
    for project in run:
        for said in project.said:
            weeks = found.setdefault((said.arm, said.target), [[] for _ in range(start.weeks)])
            weeks[said.week].append(_figures(start, said, weight_RP))
    with warnings.catch_warnings():  # a round may have drawn none of a week's prompts
        warnings.simplefilter("ignore", RuntimeWarning)
        return {
            key: np.stack([np.nanmean(np.stack(seeds), axis=0) for seeds in weeks])
            for key, weeks in found.items()
        }


def _figures(start: World, said: Said, weight_RP: Floats) -> Floats:
    """[3, 1 + rounds] of one arm in one week of one seed; NaN in a round without its prompts."""
    truth, weight_RW = start.truth_P[said.rows], weight_RP[:, said.rows]
    decided = np.isin(truth, (A, B))
    given = np.clip(np.where(truth == A, said.win_P, 1 - said.win_P), 1e-12, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = human_shares(said.win_P, truth, said.target, weight_RW)
        calls = weight_RW @ said.calls_P / weight_RW.sum(axis=1)
        loss = weight_RW[:, decided] @ -np.log(given[decided]) / weight_RW[:, decided].sum(axis=1)
    answer = GateSettings().terms(said.target, None).answer_usd
    return np.stack([share, share * answer + calls, loss])


def lines(start: World, run: Sequence[Project]) -> Iterator[dict[str, Any]]:
    """One line a week, arm and target."""
    found = measured(start, run)
    for target in TARGETS:
        for arm in ARMS:
            for week in range(start.weeks):
                line = {"world": start.name, "week": week + 1, "arm": arm, "target": target}
                if (arm, target) not in found:
                    nothing = dict.fromkeys(("human_share", "usd", "low", "high", "log_loss"))
                    yield {**line, **nothing, "why": PROMPTED}
                    continue
                share, usd, loss = found[arm, target][week]
                low, high = np.nanquantile(usd[1:], [0.025, 0.975])
                line |= {
                    "human_share": _round(share[0]), "usd": _round(usd[0]), "low": _round(low),
                    "high": _round(high), "log_loss": _round(loss[0]),
                }  # fmt: skip
                if arm == "gated":
                    line["gate"] = dict(_kinds(run, target, week))
                yield line


def _kinds(run: Sequence[Project], target: float, week: int) -> Counter[str]:
    said = [v.kind for p in run for v in p.verdicts if (v.target, v.week) == (target, week)]
    return Counter(said)


def _round(value: float) -> float:
    return round(float(value), 4)


def fall(weeks: Floats) -> tuple[float, float, float]:
    """By which share the price fell from the first week to the last, with its 95% interval."""
    usd = weeks[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):  # what was free has no share to fall by
        fell = 1 - usd[-1] / usd[0]
    known = fell[1:][np.isfinite(fell[1:])]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return float(fell[0]), float(low), float(high)


def saved(weeks: Floats, nothing: Floats) -> tuple[float, float, float]:
    """By which share the price lies under another's from the second week on, with its interval."""
    apart = 1 - weeks[1:, 1].mean(axis=0) / nothing[1:, 1].mean(axis=0)
    low, high = np.nanquantile(apart[1:], [0.025, 0.975])
    return float(apart[0]), float(low), float(high)


def table(start: World, run: Sequence[Project]) -> Iterator[str]:
    """The same for people, as markdown: prices in cents, the fall, and what the gate said."""
    found = measured(start, run)
    decided = int(np.isin(start.truth_P, (A, B)).sum())
    prompts = len(np.unique(start.votes.prompt_P))
    yield f"{start.name}: {len(start.truth_P):,} pairs, {decided:,} decided, {prompts} prompts"
    columns = [f"week {week + 1}" for week in range(start.weeks)]
    for target in TARGETS:
        yield ""
        head = [f"at {target:.0%}, cents a label", *columns, "fell by %"]
        head += ["% under nothing from week 2 on", "humans in the last week", "log-loss"]
        yield _row(head)
        yield _row(["---", *["--:"] * (len(head) - 1)])
        for arm in ARMS:
            if (arm, target) not in found:
                yield _row([arm, *["-"] * (len(head) - 1)])
                continue
            weeks = found[arm, target]
            changes = (fall(weeks), saved(weeks, found["nothing", target]))
            last = weeks[-1, :, 0]
            cells = [f"{100 * usd:.1f}" for usd in weeks[:, 1, 0]]
            yield _row([
                arm, *cells, *map(_percent, changes), f"{last[0]:.3f}",
                f"{last[2]:.3f}",
            ])  # fmt: skip
    for project in run:
        for verdict in project.verdicts:
            yield (
                f"seed {project.seed}, week {verdict.week + 1}, {verdict.target:.0%}: "
                f"{verdict.kind}: {verdict.why}"
            )


def _percent(share: tuple[float, float, float]) -> str:
    value, low, high = (100 * each for each in share)
    return f"{value:.0f} [{low:.0f}, {high:.0f}]"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Live through the world once a seed, and print one line a week, arm and target."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog=(__doc__ or "").split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="the folder of the recorded sets")
    parser.add_argument("--world", required=True, choices=NAMES)
    parser.add_argument("--seeds", type=int, default=3, help="draws of the weeks")
    parser.add_argument("--json", action="store_true", help="one object a line, nothing else")
    asked = parser.parse_args()
    if asked.seeds < 1:
        parser.error(f"--seeds {asked.seeds!r}: one or more is allowed")
    started = time.monotonic()
    try:
        start = world(asked.world, asked.data)
    except ValueError as error:
        print(f"{error}; nothing is measured", file=sys.stderr)
        return 1
    run = list(projects(start, asked.seeds))
    for line in lines(start, run) if asked.json else table(start, run):
        print(json.dumps(line) if asked.json else line, flush=True)
    print(f"{start.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
