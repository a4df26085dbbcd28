"""The ladder of the cascade: which judges are asked at which step, and how far each pair has come.

Where a pair stands, and how sure it was there, is read from stored votes alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from db import slots
from db.consensus import voted_pairs, voting_versions
from db.judges import find_version
from db.opinions import TEACHING, human_answers
from db.preferences import chunks_of_pairs
from db.session import Database, Session
from db.vocabulary import Order
from judges import participants, vote_arrays
from judges.judge_config import JudgeConfig
from judges.panel import Panel
from judges.steps.fitting import pooled


@dataclass(frozen=True)
class Rung:
    """What is asked at one step: judges of a tier, in one order (or without), one sample."""

    tier: int
    judges: tuple[JudgeConfig, ...]
    order: Order
    sample: int

    @property
    def name(self) -> str:
        """For people."""
        again = f", sample {self.sample}" if self.sample > 1 else ""
        return f"tier {self.tier}, order {self.order.value}{again}"


def rungs_of(panel: Panel) -> list[Rung]:
    """The ladder: by tier, in each the first order, the second, then further samples."""
    ladder = []
    for tier in panel.tiers:
        judges = panel.of_tier(tier)
        for sample in range(1, max(judge.samples for judge in judges) + 1):
            for order in (Order.AB, Order.BA):
                asked = tuple(
                    judge for judge in judges if judge.samples >= sample and _stands(judge, order)
                )
                if asked:
                    ladder.append(Rung(tier, asked, order, sample))
    return ladder


@dataclass(frozen=True)
class VotesSoFar:
    """How many votes of each rung each pair has, [pairs, rungs]; pairs: their ids."""

    pairs: NDArray[np.int64]
    votes: NDArray[np.int64]


def votes_so_far(database: Database, panel: Panel, ladder: list[Rung]) -> VotesSoFar:
    """Read it from the stored votes of today's judge versions."""
    with database.read() as session:
        ids = [pair for chunk in chunks_of_pairs(session) for pair in chunk]
        names = _versions(session, panel)
        place = _places(names, ladder)
        row_of = {pair: p for p, pair in enumerate(ids)}
        votes = np.zeros((len(ids), len(ladder)), np.int64)
        for pair, *slot in slots.answered_slots(session, names):
            stage = place.get(tuple(slot))
            if stage is not None and pair in row_of:
                votes[row_of[pair], stage] += 1
    return VotesSoFar(np.array(ids, dtype=np.int64), votes)


def confidence_at(
    database: Database, panel: Panel, ladder: list[Rung], stage: int
) -> dict[int, float]:
    """Confidence of each pair by the votes of this rung and those below alone.

    Later votes are left out, so that a cascade that is run again decides as it did before. Votes of
    judges outside the ladder (imported ones) count from the start. Human answers teach the fit, and
    no answered pair judges itself.
    """
    with database.read() as session:
        place = _places(_versions(session, panel), ladder)
        seen = (
            vote
            for vote, sample in slots.sampled_votes(session)
            if place.get((vote.version_id, vote.order, sample), 0) <= stage
        )
        vote_table = vote_arrays.read_vote_table(
            voted_pairs(session), seen, voting_versions(session)
        )
        labels_P = vote_table.labels(human_answers(session, TEACHING))
    _, found = pooled(vote_table, labels_P, panel.panel.label_model)
    return dict(zip(vote_table.pair_ids, found.confidence_P.tolist(), strict=True))


def _versions(session: Session, panel: Panel) -> dict[int, JudgeConfig]:
    """Today's version of each judge that was asked before."""
    found = {find_version(session, j.name, j.version(panel.rules)): j for j in panel.asked}
    return {version: judge for version, judge in found.items() if version is not None}


def _places(
    versions: Mapping[int, JudgeConfig], ladder: list[Rung]
) -> dict[tuple[object, ...], int]:
    """The rung a vote belongs to, by judge version, order and sample."""
    return {
        (version, rung.order if judge.ordered else Order.NONE, rung.sample): stage
        for stage, rung in enumerate(ladder)
        for version, judge in versions.items()
        if judge in rung.judges
    }


def _stands(judge: JudgeConfig, order: Order) -> bool:
    """Whether a judge is asked at rungs of this order; one without an order at the first."""
    return order in judge.asked_orders or (order is Order.AB and not judge.ordered)


def with_weights(panel: Panel, environ: Mapping[str, str], beside: Path | None) -> Panel:
    """The panel with trained judges known by their weights, as their votes are stored."""
    judges = tuple(participants.by_weights(judge, beside) for judge in panel.judge)
    return panel.model_copy(update={"judge": judges})
