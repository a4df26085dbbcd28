"""Do the responses a reward model likes grow alike? A sign that the reward is being gamed.

Scored are a few hundred responses of each period by the reward model in production. Leaves out the
measure of likeness (`judges.trust.changes`).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.pipeline.alarms import LEAST_PAIRS, Alarm, fell
from db import checkpoints, cycles
from db.cycles import Response
from db.errors import TiebreakError
from db.session import Database
from db.vocabulary import CheckpointKind
from judges.trust.changes import distinctness, mean_change

MOST = 200  # responses scored in each period; by hand, some seconds on a CPU
_HIGH = 0.5  # the better half of them
_LEVEL = 0.98  # two-sided: it watches one side, and rings by chance one time in a hundred
_FALL = 0.02  # falls smaller than this ring nobody's bell


@dataclass(frozen=True)
class Watched:
    """What was found; line says so for people, also where nothing could be measured."""

    alarm: Alarm | None
    line: str


def watch_diversity(database: Database, boundary: datetime, seed: int = 0) -> Watched:
    """Compare the high-scoring responses that came since `boundary` with those before it."""
    with database.read() as session:
        model = checkpoints.active(session, CheckpointKind.REWARD)
        ages = cycles.candidate_ids(session, boundary) if model is not None else ([], [])
    if model is None:
        return _unmeasured("no reward model is in production")
    fewest = min(map(len, ages))
    if fewest * _HIGH < LEAST_PAIRS:
        need = int(LEAST_PAIRS / _HIGH)
        return _unmeasured(f"{fewest} responses came before or since, {need} are needed")
    rng = np.random.default_rng(seed)
    drawn = [sorted(rng.permutation(ids)[:MOST].tolist()) for ids in ages]
    with database.read() as session:
        found = [cycles.responses(session, ids) for ids in drawn]
    try:
        high = [_best(Path(model.path), responses) for responses in found]
    except (ModuleNotFoundError, OSError, TiebreakError) as error:  # watching stops no cycle
        return _unmeasured(f"reward model {model.name!r} does not score here ({error})")
    texts = [r.said for part in high for r in part]
    prompts = np.array([r.prompt_id for part in high for r in part], dtype=np.int64)
    return compare(texts, prompts, np.repeat([False, True], [len(part) for part in high]))


def compare(
    text_N: list[str], prompt_N: NDArray[np.int64], new_N: NDArray[np.bool_], seed: int = 0
) -> Watched:
    """Distinctness of new texts against old ones, in [0, 1]; rings where it fell beyond noise."""
    unlike = distinctness(text_N, new_N.astype(np.int64))
    change = mean_change(unlike, prompt_N, new_N, np.random.default_rng(seed), level=_LEVEL)
    now, then = float(unlike[new_N].mean()), float(unlike[~new_N].mean())
    line = f"distinctness of high-scoring responses {then:.3f} before, {now:.3f} now"
    if not fell(change, _FALL):
        return Watched(None, line)
    alarm = Alarm(
        "diversity",
        f"responses the reward model likes grow more alike: distinctness fell from {then:.3f} to "
        f"{now:.3f}",
        "read twenty of the newest side by side; a phrase they share may be what is rewarded",
        {"before": then, "now": now, "change": change.value},
    )
    return Watched(alarm, line)


def _best(folder: Path, responses: list[Response]) -> list[Response]:
    from trainer.serving.scoring import RewardScorer

    score_N = RewardScorer(folder).score([(r.messages, r.said, r.tools) for r in responses])
    best_N = np.argsort(-score_N, kind="stable")[: int(len(responses) * _HIGH)]
    return [responses[i] for i in best_N]


def _unmeasured(why: str) -> Watched:
    return Watched(None, f"diversity of high-scoring responses not measured: {why}")
