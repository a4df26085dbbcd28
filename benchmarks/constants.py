"""What each number is worth: the constants of one group, one at a time, beside the chosen values.

    python benchmarks/constants.py DIR... --group prior-means [--seeds 10] [--json | --table]

Groups and the values tried stand in constant_groups.py. Splits are those of quality.py: 40% of the
prompts held out, 0, 50 or 200 human answers from the others. A line gives the mean with the chosen
value and the mean difference (other minus chosen) over the seeds, with a 95% interval by Student's
t on the paired differences. Below 0 is better, but for coverage. The seeds share their pairs, so an
interval speaks of these pairs and not of other sets. Sets of more than `--pairs` are thinned by
prompt. `--table` gives the rows of docs/design/label-model-constants.md.
Groups with a measure of their own: certificates (coverage and broken promises, one audit a seed),
drift (one stream of 2,000 pairs a seed), ordering (answers asked one after another, all charged).
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from constant_groups import GROUPS, Constant
from folders import Folder, load
from guarantees import broken, frozen, target_for
from numpy.typing import NDArray
from quality import REFITS, split
from scipy.stats import t as student_t
from threadpoolctl import threadpool_limits

from judges.trust import drift, label_model, levels, reading
from judges.trust.calibration import human_share, log_loss
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import MISSING, A, B
from review.routing import ordering

ANSWERS = (0, 50, 200)
AUDITS = (150, 400)
Figures = dict[tuple[int, str], float]
Measure = Callable[[int], Figures]


def thinned(folder: Folder, pairs: int) -> Folder:
    """About so many pairs of whole prompts, drawn once and for all."""
    if len(folder.vote_matrix) <= pairs:
        return folder
    prompts, size = np.unique(folder.vote_matrix.prompt_P, return_counts=True)
    order = np.random.default_rng(0).permutation(len(prompts))
    kept = prompts[order[np.cumsum(size[order]) <= pairs]]
    rows = np.flatnonzero(np.isin(folder.vote_matrix.prompt_P, kept))
    columns = (
        [] if not len(column) else [column[row] for row in rows]
        for column in vars(folder.texts).values()
    )
    return replace(
        folder,
        vote_matrix=folder.vote_matrix.take(rows),
        texts=PairTexts(*columns),
        truth_P=folder.truth_P[rows],
    )


def of_the_label_model(folder: Folder, numbers: Sequence[int] = ANSWERS) -> Measure:
    """Log-loss and human share of held-out pairs; texts are read again, with what is varied."""
    vote_matrix, truth = reading.read(folder.vote_matrix, folder.texts), folder.truth_P

    def measure(seed: int) -> Figures:
        test, pool = split(folder, seed)
        found: Figures = {}
        for answers in numbers:
            if len(pool) < answers or not np.isin(truth[test], (A, B)).any():
                continue
            labels = np.full(len(vote_matrix), MISSING, np.int8)
            labels[pool[:answers]] = truth[pool[:answers]]
            consensus = label_model.LabelModel().fit(vote_matrix, labels).predict(vote_matrix)
            win, said = consensus.win_P[test], truth[test]
            found[answers, "log_loss"] = log_loss(win, said)
            found[answers, "log_loss_with_ties"] = log_loss_with_ties(consensus.p_PK[test], said)
            found[answers, "human_share_90"] = human_share(win, said, 0.9)
            found[answers, "human_share_95"] = human_share(win, said, 0.95)
        return found

    return measure


def log_loss_with_ties(p_PK: NDArray[np.float64], truth_P: NDArray[np.int8]) -> float:
    """Mean −log of the probability given to the reference among a, b and tie, in nats."""
    given = p_PK[np.arange(len(truth_P)), truth_P]
    return float(-np.log(np.clip(given, 1e-12, 1)).mean())


def of_certificates(folder: Folder) -> Measure:
    """Accepted share, and whether the promise was broken, for one random audit a seed."""
    batches, _ = frozen(folder)
    targets = {promise: target_for(batches, promise) for promise in ("g1", "g2") if batches}

    def measure(seed: int) -> Figures:
        found: Figures = {}
        for promise, target in targets.items():
            wrong, _ = batches[seed % len(batches)]
            for audits in (audits for audits in AUDITS if audits <= len(wrong) // 2):
                rng = np.random.default_rng([seed, audits])
                places = np.sort(rng.choice(len(wrong), audits, replace=False))
                tested = levels.assess_levels(
                    len(wrong),
                    places,
                    wrong[places],
                    target=target,
                    delta=0.1,
                    promise=promise,  # type: ignore[arg-type]
                )
                accepted = levels.accepted_pairs(tested)
                found[audits, f"coverage_{promise}"] = accepted / len(wrong)
                found[audits, f"broken_{promise}"] = float(
                    broken(wrong, places, accepted, target, promise)
                )
        return found

    return measure


def of_drift(folder: Folder) -> Measure:
    """False alarms in 2,000 pairs, and pairs until a judge replaced by another is found."""
    codes = folder.vote_matrix.codes_PRO
    both = [r for r in range(codes.shape[1]) if (codes[:, r] != MISSING).all(axis=1).mean() > 0.5]
    kinds = [(j, k) for j in both for k in both if j != k]

    def measure(seed: int) -> Figures:
        if len(both) < 3:
            return {}
        rng = np.random.default_rng([seed, 7])
        judge, other = kinds[seed % len(kinds)]
        others = [r for r in both if r not in (judge, other)]
        mine, theirs = (
            drift.drift_cells(folder.vote_matrix.keep_raters(np.array([who, *others])), 0)
            for who in (judge, other)
        )
        usable = np.flatnonzero((mine != MISSING) & (theirs != MISSING))
        reference = drift.fit_reference(mine[rng.choice(usable, 300)], rng)
        quiet = drift.detect_drift(reference, mine[rng.choice(usable, 2000)])
        alarm = drift.detect_drift(reference, theirs[rng.choice(usable, 2000)])
        return {
            (0, "false_alarm"): float(quiet is not None),
            (0, "delay"): float(alarm.at if alarm else 2001),
        }

    return measure


def of_ordering(folder: Folder) -> Measure:
    """Share of the decided pairs a human answered when 90% or 95% of all were right."""
    vote_matrix, truth = folder.vote_matrix, folder.truth_P
    known = np.flatnonzero(np.isin(truth, (A, B)))

    def measure(seed: int) -> Figures:
        rng = np.random.default_rng(seed)
        labels = np.full(len(vote_matrix), MISSING, np.int8)
        agreement: list[float] = []
        for stop in [round(share * len(known)) for share in REFITS[1:]] + [len(known) + 1]:
            found = label_model.LabelModel().fit(vote_matrix, labels).predict(vote_matrix)
            waiting = known[labels[known] == MISSING]
            value = ordering.review_value(vote_matrix, found, labels)[waiting]
            queue, _ = ordering.queue_order(value, np.zeros(len(waiting), bool), rng)
            win = found.win_P[waiting[queue]]
            wrong = np.where(win == 0.5, 0.5, (win > 0.5) != (truth[waiting[queue]] == A))
            remaining = np.concatenate([[0.0], np.cumsum(wrong[::-1])])[::-1]
            taken = waiting[queue[: stop - len(agreement)]]
            agreement += list(1 - remaining[: stop - len(agreement)] / len(known))
            labels[taken] = truth[taken]
        right = np.array(agreement)
        return {
            (0, f"human_share_{100 * target:.0f}"): float((right >= target - 1e-9).argmax())
            / len(known)
            for target in (0.9, 0.95)
        }

    return measure


MEASURES: dict[str, Callable[[Folder], Measure]] = {
    "certificates": of_certificates,
    "drift": of_drift,
    "ordering": of_ordering,
}


def seen(make: Callable[[], Measure], seeds: int) -> dict[tuple[int, str], NDArray[np.float64]]:
    """Every figure of a measure, one value a seed."""
    measure = make()
    found = [measure(seed) for seed in range(seeds)]
    keys = dict.fromkeys(key for one in found for key in one)
    return {key: np.array([one.get(key, np.nan) for one in found]) for key in keys}


def differences(
    constant: Constant,
    make: Callable[[], Measure],
    base: dict[Any, NDArray[np.float64]],
    seeds: int,
) -> Iterator[dict[str, Any]]:
    """One line for each other value and figure."""
    for value in constant.others:
        with constant.set_to(value):
            varied = seen(make, seeds)
        for (answers, metric), chosen in base.items():
            gap = varied[answers, metric] - chosen
            gap = gap[np.isfinite(gap)]
            half = 0.0
            if len(gap) > 1 and gap.std() > 0:
                half = student_t.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
            yield {
                "constant": str(constant),
                "chosen": short(constant.chosen),
                "value": short(value),
                "answers": answers,
                "metric": metric,
                "mean": round(float(np.nanmean(chosen)), 4),
                "difference": round(float(gap.mean()), 4),
                "low": round(float(gap.mean() - half), 4),
                "high": round(float(gap.mean() + half), 4),
                "seeds": len(gap),
            }


def short(value: Any) -> str:
    """A value for a table."""
    if isinstance(value, tuple | np.ndarray):
        shown = " ".join(f"{one:.3g}" for one in value)
        return shown if len(value) <= 9 else f"{len(value)} from {value[0]:.3g} to {value[-1]:.3g}"
    return value.__name__ if isinstance(value, type) else f"{value:g}"


def main() -> int:
    """Vary the group on every folder and print one line for each value and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--group", choices=GROUPS, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--answers", type=int, nargs="+", default=ANSWERS, help="human answers given"
    )
    parser.add_argument("--pairs", type=int, default=3_000, help="most pairs of a set")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one object a line")
    shape.add_argument("--table", action="store_true", help="one row a constant, over all folders")
    asked = parser.parse_args()
    lines: list[dict[str, Any]] = []
    warnings.simplefilter("ignore", FutureWarning)
    for path in asked.folders:
        started = time.monotonic()
        folder = thinned(load(path), asked.pairs)
        make = partial(MEASURES.get(asked.group, of_the_label_model), folder)
        if asked.group not in MEASURES:
            make = partial(make, numbers=asked.answers)
        base = seen(make, asked.seeds)
        for constant in GROUPS[asked.group]:
            for found in differences(constant, make, base, asked.seeds):
                one = {"set": folder.name, "group": asked.group, **found}
                lines.append(one)
                if not asked.table:
                    print(json.dumps(one) if asked.json else show(one), flush=True)
        print(f"{folder.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    if asked.table:
        print(table(lines, "log_loss_with_ties" if asked.group == "ties" else "log_loss"))
    return 0


def table(lines: list[dict[str, Any]], metric: str) -> str:
    """One row a constant: its value, and what the others change, in thousandths of the metric.

    Means over all sets and numbers of answers, with how many of those intervals lie above 0
    (worse) or below (better).
    """
    told: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for one in lines:
        if one["metric"] == metric:
            values = told.setdefault((one["constant"], one["chosen"]), {})
            values.setdefault(one["value"], []).append(one)
    return "\n".join(
        f"| `{name}` | {chosen} | " + "; ".join(map(change, values.values())) + " |"
        for (name, chosen), values in told.items()
    )


def change(cells: list[dict[str, Any]]) -> str:
    """What one other value changes over its cells of sets and answers."""
    mean = float(np.mean([1000 * one["difference"] for one in cells]))
    worse = sum(one["low"] > 0 for one in cells)
    better = sum(one["high"] < 0 for one in cells)
    counted = [f"{n} {word}" for n, word in ((worse, "worse"), (better, "better")) if n]
    moved = any(one["low"] or one["high"] for one in cells)
    said = f"{round(mean, 1) + 0.0:+.1f}" if moved else "0"
    return f"{cells[0]['value']}: {said}" + (f" ({', '.join(counted)})" if counted else "")


def show(line: dict[str, Any]) -> str:
    """One difference for people."""
    interval = f"{line['difference']:+.4f} [{line['low']:+.4f}, {line['high']:+.4f}]"
    what = f"{line['constant']} {line['chosen']} -> {line['value']}"
    return f"{line['set']:<10}{what:<60}{line['metric']:<20}{line['answers']:>4} {interval}"


if __name__ == "__main__":
    with threadpool_limits(1):  # matrices so small that threads only wait for each other
        sys.exit(main())
