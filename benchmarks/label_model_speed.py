"""Seconds and memory of the label model beside crowd-kit's Dawid–Skene, in one run.

    python benchmarks/label_model_speed.py [--sizes 20000 200000 1000000] [--json]

Invented votes of 5 judges in both orders with 8 ready numeric features and 500 human answers; each
figure comes from a fresh process, so that its peak memory is its own. Ratios are of processor time,
which other work on the machine does not change. Text features and the text classifier
are timed apart, per 1,000 pairs of 300-word responses.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from judges.trust.calibration import accuracy
from judges.trust.confusions import Confusions
from judges.trust.dawid_skene import DawidSkene
from judges.trust.label_model import LabelModel
from judges.trust.text_classifier import DistilledTextClassifier
from judges.trust.text_features import ODD_NAMES, PairTexts, text_features
from judges.trust.vote_matrix import MISSING, TIE, VoteMatrix

JUDGES = (0.9, 0.85, 0.8, 0.75, 0.7)
LABELS = 500
WORDS = 300


def invented(pairs: int, seed: int = 0) -> tuple[VoteMatrix, np.ndarray]:
    """Votes of five judges who agree about as often as real ones, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, pairs).astype(np.int8)
    hard = rng.random(pairs) < 0.3
    codes = np.full((pairs, len(JUDGES), 2), MISSING, np.int8)
    for judge, right in enumerate(JUDGES):
        taste = np.where(rng.random(pairs) < np.where(hard, 0.55, right), truth, 1 - truth)
        for order in range(2):
            vote = np.where(rng.random(pairs) < 0.12, order, taste)
            vote = np.where(rng.random(pairs) < 0.05, TIE, vote)
            codes[:, judge, order] = np.where(rng.random(pairs) < 0.02, MISSING, vote)
    features = rng.normal(size=(pairs, len(ODD_NAMES))).astype(np.float32)
    features[:, 0] += 1 - 2 * truth
    names = tuple(f"judge-{number}" for number in range(len(JUDGES)))
    vote_matrix = VoteMatrix(
        codes,
        names,
        names,
        np.arange(pairs),
        np.full(pairs, -1),
        features_PF=features,
        feature_names=ODD_NAMES,
    )
    return vote_matrix, truth


def label_model(pairs: int) -> dict[str, float]:
    """Fit on all votes and 500 answers, predict all pairs."""
    vote_matrix, truth = invented(pairs)
    labels = np.where(np.arange(pairs) < LABELS, truth, MISSING).astype(np.int8)
    LabelModel().fit(vote_matrix.take(np.arange(200)), labels[:200])  # first calls load libraries
    before, started, busy = memory(), time.perf_counter(), time.process_time()
    model = LabelModel().fit(vote_matrix, labels)
    fitted = time.process_time()
    consensus = model.predict(vote_matrix)
    done = time.process_time()
    right = accuracy(consensus.win_P[LABELS:], truth[LABELS:])
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": done - busy,
        "fit_cpu_seconds": fitted - busy,
        "predict_cpu_seconds": done - fitted,
        "peak_mb": memory(),
        "added_mb": memory() - before,
        "accuracy": right,
    }


def patterns_em(pairs: int) -> dict[str, float]:
    """The paired-order EM on distinct patterns; an iteration's share of the whole, folding too."""
    return _timed(pairs, Confusions(tolerance=0.0, max_iterations=40))


def dawid_skene(pairs: int) -> dict[str, float]:
    """Our Dawid–Skene with ties and order bias."""
    return _timed(pairs, DawidSkene(tolerance=0.0, max_iterations=40))


def _timed(pairs: int, model: Any) -> dict[str, float]:
    vote_matrix, truth = invented(pairs)
    started, busy = time.perf_counter(), time.process_time()
    model.fit(vote_matrix)
    busy = time.process_time() - busy
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": busy,
        "iterations": model.iterations_,
        "cpu_seconds_an_iteration": busy / model.iterations_,
        "peak_mb": memory(),
        "accuracy": accuracy(model.predict(vote_matrix).win_P, truth),
    }


def crowd_kit(pairs: int) -> dict[str, float]:
    """crowd-kit's Dawid–Skene on the same votes as a table of answers."""
    import warnings

    import pandas as pd
    from crowdkit.aggregation import DawidSkene as CrowdKit

    warnings.simplefilter("ignore")
    vote_matrix, truth = invented(pairs)
    pair, rater, order = np.nonzero(vote_matrix.codes_PRO != MISSING)
    table = pd.DataFrame(
        {"task": pair, "worker": rater, "label": vote_matrix.codes_PRO[pair, rater, order]}
    )
    busy = {}
    for iterations in (1, 4):
        started, clock = time.perf_counter(), time.process_time()
        model = CrowdKit(n_iter=iterations, tol=-np.inf).fit(table)
        busy[iterations] = time.process_time() - clock
    ran = len(model.loss_history_)
    right = float((model.labels_.reindex(np.arange(pairs)).to_numpy() == truth).mean())
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": busy[4],
        "iterations": ran,
        "cpu_seconds_an_iteration": (busy[4] - busy[1]) / max(ran - 1, 1),
        "peak_mb": memory(),
        "accuracy": right,
    }


def texts(pairs: int) -> dict[str, float]:
    """Text features, then the text classifier's words and its fit, per 1,000 pairs."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(5000)])
    made = [[" ".join(rng.choice(words, WORDS)) for _ in range(pairs)] for _ in range(2)]
    both = PairTexts(["what is it?"] * pairs, *made)
    started = time.process_time()
    text_features(both)
    featured = time.process_time()
    DistilledTextClassifier().out_of_fold(both, rng.uniform(-1, 1, pairs), np.arange(pairs))
    done = time.process_time()
    return {
        "features_cpu_seconds_per_1000": (featured - started) / pairs * 1000,
        "text_classifier_cpu_seconds_per_1000": (done - featured) / pairs * 1000,
        "peak_mb": memory(),
    }


WORK: dict[str, Callable[[int], dict[str, float]]] = {
    "tiebreak": label_model,
    "tiebreak_patterns_em": patterns_em,
    "tiebreak_dawid_skene": dawid_skene,
    "crowd_kit_dawid_skene": crowd_kit,
    "texts": texts,
}


def memory() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(name: str, pairs: int) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--sizes", str(pairs)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1:] or ["killed"]
        return {"method": name, "pairs": pairs, "failed": reason[0]}
    figures = {key: round(value, 4) for key, value in json.loads(found.stdout).items()}
    return {"method": name, "pairs": pairs} | figures


def main() -> int:
    """Measure every size, then print what an iteration costs in units of crowd-kit's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--text-pairs", type=int, default=2000)
    parser.add_argument("--one", choices=sorted(WORK), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(WORK[asked.one](asked.sizes[0])))
        return 0
    for pairs in asked.sizes:
        found = [apart(name, pairs) for name in WORK if name != "texts"]
        per = {one["method"]: one.get("cpu_seconds_an_iteration") for one in found}
        peer = per["crowd_kit_dawid_skene"]
        for one in found:
            own = per[one["method"]]
            if peer and own and one["method"] != "crowd_kit_dawid_skene":
                one["times_faster_an_iteration"] = round(peer / own, 1)
            show(one, asked.json)
    show(apart("texts", asked.text_pairs), asked.json)
    return 0


def show(one: dict[str, Any], as_json: bool) -> None:
    """One measurement, for machines or people."""
    if as_json:
        print(json.dumps(one), flush=True)
    else:
        rest = "  ".join(f"{k} {v}" for k, v in one.items() if k not in ("method", "pairs"))
        print(f"{one['method']:<24}{one['pairs']:>9} pairs  {rest}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
