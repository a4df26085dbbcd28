"""What the cascade saves: cost against asking everybody, at equal agreement with the humans.

    python benchmarks/cascade.py DIR [--seeds 20] [--json]

DIR holds recorded pairs, votes in both orders and labels or gold; its votes play the judges at the
prices below (dollars per 1,000 answers; judges not named cost 1). Nested and honest: 60% of the
prompts are labelled and asked in full once; on them alone the ladder and its threshold are chosen,
as the cheapest that agrees with the humans as often as asking everybody does there (answered pairs
are judged without their own answer). The other 40% say what that choice costs and loses. Their
human answers are never seen, and a pair's later votes are seen only by the rungs it climbs to.
Every order is a rung; so is a tier. Peers in the same run: everybody (all judges, both orders), the
best single judge in both orders, and the same ladders stopped by the votes alone and by majority.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from folders import Folder, load
from numpy.typing import NDArray

from judges.trust.label_model import LabelModel
from judges.trust.majority import Majority
from judges.trust.reading import read
from judges.trust.stopping import Policy, run_policy
from judges.trust.vote_matrix import MISSING, A, B, Consensus, VoteMatrix

PRICES = {"gpt-4": 30.0, "claude-1": 11.0, "gpt-3.5-turbo": 1.5, "bard": 1.0, "vicuna-13b": 0.5}
TRAIN = 0.6
METHODS = ("tiebreak", "votes only", "majority")
"""Our label model with all it reads, the same on votes alone, and the plain majority."""
THRESHOLDS = tuple(
    np.round(np.concatenate([np.arange(0.5, 0.9, 0.02), np.arange(0.9, 1, 0.01)]), 3)
)
Floats = NDArray[np.float64]
Known = dict[bytes, VoteMatrix]
Rung = tuple[tuple[int, int], ...]
"""The (judge, order) votes asked at one step."""


@dataclass(frozen=True)
class Stages:
    """What each stage of one ladder says [pairs, stages], and what it costs a pair."""

    name: str
    confidence: Floats
    win_probability: Floats
    price: Floats


@dataclass(frozen=True)
class Outcome:
    """Agreement and dollars per 1,000 pairs of one way of judging on some pairs."""

    hits: Floats
    usd: float


def ladders(vote_matrix: VoteMatrix) -> dict[str, tuple[Rung, ...]]:
    """Ladders by price: every judge a tier of its own, cheap ones together, the cheapest left out.

    Each tier is asked in one order, then in the other.
    """
    ranked = sorted(range(len(vote_matrix.raters)), key=lambda r: _price(vote_matrix.raters[r]))
    cheap = [r for r in ranked if _price(vote_matrix.raters[r]) < 5]
    dear = [r for r in ranked if r not in cheap]
    strongest = cheap[-1:] if cheap else []
    tiers = {
        "cheap together": [cheap, *[[r] for r in dear]] if cheap else [[r] for r in dear],
        "strong cheap first": [strongest, cheap[:-1], *[[r] for r in dear]],
        "no weak judges": [strongest, *[[r] for r in dear]],
    }
    return {
        name: tuple(tuple((r, order) for r in tier) for tier in steps if tier for order in (0, 1))
        for name, steps in tiers.items()
    }


def play(
    name: str,
    ladder: tuple[Rung, ...],
    folder: Folder,
    labels: NDArray[np.int8],
    method: str,
    known: Known,
) -> Stages:
    """Fit every stage on the votes of its rungs and those below; nothing later is visible."""
    codes = np.full_like(folder.vote_matrix.codes_PRO, MISSING)
    confidence, win_probability, price = [], [], []
    for rung in ladder:
        for judge, order in rung:
            codes[:, judge, order] = folder.vote_matrix.codes_PRO[:, judge, order]
        asked = np.flatnonzero((codes != MISSING).any(axis=(0, 2)))
        seen = replace(folder.vote_matrix, codes_PRO=codes.copy()).keep_raters(asked)
        found = consensus(seen, folder, labels, method, known)
        confidence.append(np.maximum(found.win_P, 1 - found.win_P))
        win_probability.append(found.win_P)
        price.append(sum(_price(folder.vote_matrix.raters[judge]) for judge, _ in rung))
    return Stages(name, np.stack(confidence, 1), np.stack(win_probability, 1), np.array(price))


def consensus(
    vote_matrix: VoteMatrix, folder: Folder, labels: NDArray[np.int8], method: str, known: Known
) -> Consensus:
    """What a method makes of these votes.

    Our label model goes without its slow gradient boosting, here and for everybody. known: votes
    with their features by their votes; no human answer is in them.
    """
    if method == "majority":
        return Majority().fit(vote_matrix, labels).predict(vote_matrix)
    if method == "tiebreak":
        votes = vote_matrix.codes_PRO.tobytes() + repr(vote_matrix.raters).encode()
        if votes not in known:
            known[votes] = read(vote_matrix, folder.texts)
        vote_matrix = known[votes]
    else:
        nothing = np.zeros((len(vote_matrix), 0), np.float32)
        vote_matrix = replace(
            vote_matrix, features_PF=nothing, feature_names=(), even_PF=None, even_names=()
        )
    return LabelModel(boosting=False).fit(vote_matrix, labels).predict(vote_matrix)


def outcome(stages: Stages, policy: Policy, truth: NDArray[np.int8], kept: Floats) -> Outcome:
    """A policy on some pairs: what it said where it stopped, and what it cost."""
    course = run_policy(stages.confidence[kept], policy)
    said = stages.win_probability[kept][np.arange(len(kept)), course.stage_P]
    return Outcome(right(said, truth[kept]), course.cost(stages.price) / len(kept))


def right(win_probability: Floats, truth: NDArray[np.int8]) -> Floats:
    """1 right, 0 wrong, one half for an exact draw."""
    return np.where(np.isclose(win_probability, 0.5), 0.5, (win_probability > 0.5) == (truth == A))


def trial(folder: Folder, seed: int, known: Known) -> dict[str, Any]:
    """One split: choose on the labelled prompts, measure on the others."""
    rng = np.random.default_rng(seed)
    prompts = rng.permutation(np.unique(folder.vote_matrix.prompt_P))
    learn = np.isin(folder.vote_matrix.prompt_P, prompts[: round(TRAIN * len(prompts))])
    decided = np.isin(folder.truth_P, (A, B))
    labels = np.where(learn, folder.truth_P, MISSING).astype(np.int8)
    train, test = np.flatnonzero(learn & decided), np.flatnonzero(~learn & decided)
    row: dict[str, Any] = {"seed": seed, "train": len(train), "test": len(test)}
    for method in METHODS:
        played = [
            play(name, ladder, folder, labels, method, known)
            for name, ladder in ladders(folder.vote_matrix).items()
        ]
        full = played[0]
        everybody = _all(full, train, folder), _all(full, test, folder)
        best = choose(played, folder, train, everybody[0].hits.mean())
        stages, policy = best
        found = outcome(stages, policy, folder.truth_P, test)
        row[method] = {
            "ladder": stages.name, "threshold": policy.threshold, "careful": policy.careful,
            "agreement": found.hits.mean(), "everybody": everybody[1].hits.mean(),
            "lost": (everybody[1].hits - found.hits).mean(),
            "usd": found.usd, "usd_everybody": everybody[1].usd,
            "cheaper": everybody[1].usd / found.usd,
        }  # fmt: skip
    row["best_judge"] = best_judge(folder, train, test)
    return row


def choose(
    played: list[Stages], folder: Folder, train: NDArray[np.int64], wanted: float
) -> tuple[Stages, Policy]:
    """The cheapest ladder and threshold that agrees as often as everybody on the labelled pairs."""
    options = [
        (found.usd, -found.hits.mean(), n, threshold, careful)
        for n, stages in enumerate(played)
        for threshold in THRESHOLDS
        for careful in (False, True)
        for found in [outcome(stages, Policy(threshold, careful), folder.truth_P, train)]
        if found.hits.mean() >= wanted - 1e-9
    ]
    if not options:
        return played[0], Policy(1.0)
    _, _, n, threshold, careful = min(options)
    return played[n], Policy(threshold, careful)


def best_judge(folder: Folder, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, Any]:
    """The single judge, in both orders, that agrees most on the labelled pairs."""
    codes = folder.vote_matrix.codes_PRO
    win_probability = 0.5 + 0.25 * ((codes == A).astype(float) - (codes == B)).sum(axis=2)
    hits = [
        right(win_probability[train, r], folder.truth_P[train]).mean()
        for r in range(win_probability.shape[1])
    ]
    r = int(np.argmax(hits))
    name = folder.vote_matrix.raters[r]
    hit = right(win_probability[test, r], folder.truth_P[test]).mean()
    return {"judge": name, "agreement": hit, "usd": 2 * _price(name)}


def _all(stages: Stages, kept: NDArray[np.int64], folder: Folder) -> Outcome:
    """Asking everybody: the last stage of the ladder that holds every judge."""
    return Outcome(
        right(stages.win_probability[kept, -1], folder.truth_P[kept]), float(stages.price.sum())
    )


def _price(judge: str) -> float:
    return PRICES.get(judge, 1.0)


def lines(name: str, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One object a figure, over all splits. Ratios are of mean costs."""
    for method in METHODS:
        found = [row[method] for row in rows]
        usd = np.array([f["usd"] for f in found])
        everybody = np.array([f["usd_everybody"] for f in found])
        figures = {
            "cheaper": everybody.mean() / usd.mean(), "usd_per_1000": usd.mean(),
            "usd_per_1000_everybody": everybody.mean(),
            "agreement": np.mean([f["agreement"] for f in found]),
            "agreement_everybody": np.mean([f["everybody"] for f in found]),
            "agreement_lost": np.mean([f["lost"] for f in found]),
        }  # fmt: skip
        spread = {
            "cheaper": np.std([f["cheaper"] for f in found]), "usd_per_1000": usd.std(),
            "agreement": np.std([f["agreement"] for f in found]),
            "agreement_lost": np.std([f["lost"] for f in found]),
        }  # fmt: skip
        for metric, mean in figures.items():
            yield {
                "set": name, "method": method, "metric": metric, "mean": round(float(mean), 4),
                "sd": round(float(spread.get(metric, 0.0)), 4), "seeds": len(rows),
            }  # fmt: skip
    single = [row["best_judge"] for row in rows]
    for metric, key in (("agreement", "agreement"), ("usd_per_1000", "usd")):
        values = [s[key] for s in single]
        yield {
            "set": name, "method": "best judge", "metric": metric,
            "mean": round(float(np.mean(values)), 4), "sd": round(float(np.std(values)), 4),
            "seeds": len(rows),
        }  # fmt: skip


def main() -> None:
    """Print the figures, one a line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    folder = load(asked.folder)
    started = time.perf_counter()
    rows, known = [], Known()
    for seed in range(asked.seeds):
        rows.append(trial(folder, seed, known))
        if not asked.json:
            ours = rows[-1]["tiebreak"]
            print(
                f"split {seed}: {ours['ladder']} at {ours['threshold']:.2f}"
                f"{' careful' if ours['careful'] else ''}: {ours['cheaper']:.2f} times cheaper, "
                f"{ours['agreement']:.3f} against {ours['everybody']:.3f}"
            )
    for line in lines(folder.name, rows):
        print(
            json.dumps(line)
            if asked.json
            else "{method:10} {metric:24} {mean:8.3f} (sd {sd:.3f})".format(**line)
        )
    if not asked.json:
        print(f"{asked.seeds} splits in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
