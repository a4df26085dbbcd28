"""Are the promises kept? Certificates and drift alarms on recorded votes, against simpler rules.

    python benchmarks/guarantees.py DIR... [--trials 500] [--delta 0.1] [--json]

Every trial learns from some human answers, freezes the rest as a batch, audits it at random and
asks each rule what it would accept; the recorded answers then say whether the promise was broken.
Targets are set where an oracle would accept 80%, from the set itself; nothing else is tuned.
Drift streams are resampled from sets with both orders: a judge is silently replaced by another.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from judges.trust.drift import detect_drift, drift_cells, fit_reference, watch_audits
from judges.trust.label_model import LabelModel
from judges.trust.levels import SHARES, Level, accepted_pairs, assess_levels
from judges.trust.vote_matrix import MISSING, TIE, A, B

SPLITS = 10
ORACLE_SHARE = 0.8
AUDITS = (150, 400, 1000)
LEAST_AUDITS = 20
LEAST_DECIDED = 200
ORACLE = "oracle"
Batch = tuple[NDArray[np.bool_], NDArray[np.float64]]  # wrong by rank, believed risk by rank


def batches(folder: Folder, answers: int) -> Iterator[Batch]:
    """Batches delivered as a or b, ranked by a model that saw `answers` other human answers."""
    known = np.flatnonzero(folder.truth_P != MISSING)
    for seed in range(SPLITS):
        rng = np.random.default_rng(seed)
        decided = rng.permutation(known)
        labels = np.full(len(folder.vote_matrix), MISSING, np.int8)
        labels[decided[:answers]] = folder.truth_P[decided[:answers]]
        consensus = LabelModel().fit(folder.vote_matrix, labels).predict(folder.vote_matrix)
        choice = consensus.choice_P
        voted = (folder.vote_matrix.codes_PRO != MISSING).any(axis=(1, 2))
        frame = known[(labels[known] == MISSING) & (choice[known] != TIE) & voted[known]]
        score = consensus.confidence_P[frame]
        order = frame[np.lexsort((rng.random(len(frame)), -score))]
        yield choice[order] != folder.truth_P[order], 1.0 - consensus.confidence_P[order]


def frozen(folder: Folder) -> tuple[list[Batch], int]:
    """Batches to audit, and how many answers their model saw.

    No batch where fewer than 200 pairs have a reference of a or b, or where nearly all are
    delivered as ties.
    """
    decided = int(np.isin(folder.truth_P, (A, B)).sum())
    answers = min(200, decided // 4)
    split = list(batches(folder, answers)) if decided >= LEAST_DECIDED else []
    if min((len(wrong) for wrong, _ in split), default=0) < 2 * LEAST_AUDITS:
        return [], answers
    return split, answers


def largest(mask: NDArray[np.bool_], sizes: NDArray[np.int64]) -> int:
    """The largest size whose mask is set, 0 without one."""
    return int(sizes[mask].max(initial=0))


def rules(
    size: int, places: NDArray[np.int64], wrong: NDArray[np.bool_], target: float, delta: float
) -> dict[str, Callable[[str], int]]:
    """What each rule accepts, by promise, from the audited ranks and whether they were wrong."""
    sizes = np.array([int(np.ceil(share * size)) for share in SHARES])
    hits = np.array([wrong[places < members].sum() for members in sizes])
    inside = np.array([(places < members).sum() for members in sizes])
    audits = len(places)

    def tested(promise: str, corrected: bool) -> tuple[Level, ...]:
        return assess_levels(
            size,
            places,
            wrong,
            target=target,
            delta=delta,
            promise=promise,  # type: ignore[arg-type]
            corrected=corrected,
        )

    def ours(promise: str) -> int:
        return accepted_pairs(tested(promise, True))

    def uncorrected(promise: str) -> int:
        return accepted_pairs(tested(promise, False))

    def bonferroni(promise: str) -> int:
        levels = tested(promise, False)
        low = np.array([level.p_value <= delta / len(levels) for level in levels])
        return largest(low, np.array([level.size for level in levels]))

    def empirical(promise: str) -> int:
        count = audits if promise == "g2" else np.maximum(inside, 1)
        return largest(hits / count <= target, sizes)

    def conformal(promise: str) -> int:
        count = audits if promise == "g2" else inside
        return largest((hits + 1) / (count + 1) <= target, sizes)

    return {
        "tiebreak": ours,
        "wrong_audits_count": uncorrected,
        "bonferroni": bonferroni,
        "conformal_risk_control": conformal,
        "empirical_threshold": empirical,
    }


def oracle(wrong: NDArray[np.bool_], target: float, promise: str) -> int:
    """Pairs one could accept with all answers known and no audit."""
    bad, count = np.cumsum(wrong), np.arange(1, len(wrong) + 1)
    limit = target * (len(wrong) if promise == "g2" else count)
    return largest(bad <= limit + 1e-9, count)


def believed(risk: NDArray[np.float64], target: float, promise: str) -> int:
    """Pairs one would accept on the model's word."""
    expected, count = np.cumsum(risk), np.arange(1, len(risk) + 1)
    return largest(expected <= target * (len(risk) if promise == "g2" else count), count)


def broken(
    wrong: NDArray[np.bool_], places: NDArray[np.int64], accepted: int, target: float, promise: str
) -> bool:
    """Whether the first `accepted` pairs break the promise.

    g2 speaks of what is delivered, and audited pairs are delivered with the human answer.
    """
    left = int(wrong[:accepted].sum())
    if promise == "g1":
        return left > target * accepted + 1e-9
    return left - int(wrong[places[places < accepted]].sum()) > target * len(wrong) + 1e-9


def target_for(split: list[Batch], promise: str) -> float:
    """The target at which an oracle accepts about `ORACLE_SHARE` of the pairs."""
    rates = []
    for wrong, _ in split:
        top = wrong[: int(ORACLE_SHARE * len(wrong))]
        rates.append(top.sum() / len(wrong) if promise == "g2" else top.mean())
    return round(float(np.mean(rates)), 4)


def certificates(
    folder: Folder, split: list[Batch], answers: int, trials: int, delta: float
) -> Iterator[dict[str, Any]]:
    """Coverage and violations of every rule, both promises, at several audit sizes."""
    if not split:
        return
    half = min(len(wrong) for wrong, _ in split) // 2
    sizes = [audits for audits in AUDITS if audits <= half] or [half]
    for promise in ("g2", "g1"):
        target = target_for(split, promise)
        for audits in sizes:
            outcome: dict[str, list[tuple[float, bool]]] = {}
            for trial in range(trials):
                rng = np.random.default_rng([trial, audits])
                wrong, risk = split[trial % len(split)]
                places = np.sort(rng.choice(len(wrong), audits, replace=False))
                accepted = {
                    name: rule(promise)
                    for name, rule in rules(
                        len(wrong), places, wrong[places], target, delta
                    ).items()
                }
                accepted["believe_probabilities"] = believed(risk, target, promise)
                accepted[ORACLE] = oracle(wrong, target, promise)
                for name, count in accepted.items():
                    outcome.setdefault(name, []).append(
                        (count / len(wrong), broken(wrong, places, count, target, promise))
                    )
            for name, pairs in outcome.items():
                table = np.array(pairs, float)
                for column, metric in enumerate(("coverage", "violations")):
                    yield {
                        "set": folder.name,
                        "method": name,
                        "labels": answers,
                        "metric": metric,
                        "mean": round(float(table[:, column].mean()), 4),
                        "sd": round(float(table[:, column].std()), 4),
                        "seeds": trials,
                        "promise": promise,
                        "audits": audits,
                        "target": target,
                        "delta": delta,
                    }


def drift(folder: Folder, trials: int) -> Iterator[dict[str, Any]]:
    """False alarms in 2,000 pairs and the delay until a replaced judge is found."""
    vote_matrix = folder.vote_matrix
    codes = vote_matrix.codes_PRO
    both = [r for r in range(codes.shape[1]) if (codes[:, r] != MISSING).all(axis=1).mean() > 0.5]
    if len(both) < 3:
        return
    rang, delays, kinds = [], [], [(j, k) for j in both for k in both if j != k]
    for trial in range(trials):
        rng = np.random.default_rng([trial, 7])
        judge, other = kinds[trial % len(kinds)]
        others = [r for r in both if r not in (judge, other)]
        mine = drift_cells(vote_matrix.keep_raters(np.array([judge, *others])), 0)
        theirs = drift_cells(vote_matrix.keep_raters(np.array([other, *others])), 0)
        usable = np.flatnonzero((mine != MISSING) & (theirs != MISSING))
        if not len(usable):
            return  # the others never agree on a side
        reference = fit_reference(mine[rng.choice(usable, 300)], rng)
        rang.append(detect_drift(reference, mine[rng.choice(usable, 2000)]) is not None)
        alarm = detect_drift(reference, theirs[rng.choice(usable, 2000)])
        delays.append(alarm.at if alarm else 2001)
    found = np.array(delays)
    for metric, value, sd in (
        ("drift_false_alarms_2000", np.mean(rang), np.std(rang)),
        ("drift_delay_median", np.median(found), found.std()),
        ("drift_found_in_2000", (found <= 2000).mean(), (found <= 2000).std()),
    ):
        yield row(folder, metric, float(value), float(sd), trials)


def withdrawals(
    folder: Folder, split: list[Batch], trials: int, delta: float
) -> Iterator[dict[str, Any]]:
    """A certified batch, then a batch whose delivered labels are wrong half the time: alarms."""
    if not split:
        return
    target = target_for(split, "g2")
    quiet, rang, delays = [], [], []
    for trial in range(trials):
        rng = np.random.default_rng([trial, 13])
        wrong, _ = split[trial % len(split)]
        accepted = oracle(wrong, target, "g2")
        delivered = wrong & (np.arange(len(wrong)) < accepted)
        turned = (delivered ^ (rng.random(len(wrong)) < 0.5)) & (np.arange(len(wrong)) < accepted)
        drawn = rng.choice(len(wrong), 300)
        quiet.append(watch_audits(delivered[drawn], bound=target, delta=delta).withdraw)
        alarm = watch_audits(turned[drawn], bound=target, delta=delta).alarm_at
        rang.append(alarm is not None)
        delays.append(alarm or 301)
    yield row(
        folder, "withdrawn_without_shift", float(np.mean(quiet)), float(np.std(quiet)), trials
    )
    yield row(folder, "withdrawn_under_shift", float(np.mean(rang)), float(np.std(rang)), trials)
    yield row(
        folder, "withdrawal_delay_median", float(np.median(delays)), float(np.std(delays)), trials
    )


def row(folder: Folder, metric: str, mean: float, sd: float, trials: int) -> dict[str, Any]:
    """One line of output that is not about a rule."""
    return {
        "set": folder.name,
        "method": "tiebreak",
        "labels": 0,
        "metric": metric,
        "mean": round(mean, 4),
        "sd": round(sd, 4),
        "seeds": trials,
    }


def main() -> int:
    """Measure every folder and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--drift-trials", type=int, default=100)
    parser.add_argument("--delta", type=float, default=0.1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for path in asked.folders:
        started = time.monotonic()
        try:
            folder = load(path)
        except ValueError as error:
            print(error, file=sys.stderr)
            continue
        split, answers = frozen(folder)
        found: list[Iterator[dict[str, Any]]] = [
            drift(folder, asked.drift_trials),
            certificates(folder, split, answers, asked.trials, asked.delta),
            withdrawals(folder, split, asked.trials, asked.delta),
        ]
        for lines in found:
            for line in lines:
                print(json.dumps(line) if asked.json else show(line), flush=True)
        print(f"{folder.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def show(line: dict[str, Any]) -> str:
    """One figure for people."""
    where = ""
    if "promise" in line:
        where = f" {line['promise']} at {line['target']:.3f}, {line['audits']} audits"
    return f"{line['set']:<18}{line['method']:<24}{line['metric']:<26}{line['mean']:.3f}{where}"


if __name__ == "__main__":
    with threadpool_limits(1):  # matrices so small that threads only wait for each other
        sys.exit(main())
