"""The ladder of the cascade: which judges are asked at which step, and how far each pair has come.

Where a pair stands is read from its stored votes alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from db import spending
from db.judges import find_version
from db.preferences import chunks_of_pairs
from db.session import Database
from db.vocabulary import Order, Provider
from judges import seating
from judges.panel import JudgeConfig, Panel


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
class Standing:
    """How many votes of each rung each pair has, [pairs, rungs]; pairs: their ids."""

    pairs: NDArray[np.int64]
    votes: NDArray[np.int64]


def standing(database: Database, panel: Panel, ladder: list[Rung]) -> Standing:
    """Read it from the stored votes of today's judge versions."""
    place = {
        (judge.name, _shown(judge, rung.order), rung.sample): s
        for s, rung in enumerate(ladder)
        for judge in rung.judges
    }
    with database.read() as session:
        ids = [pair for chunk in chunks_of_pairs(session) for pair in chunk]
        found = {find_version(session, j.name, j.version(panel.rules)): j for j in panel.asked}
        name_of = {version: judge.name for version, judge in found.items() if version is not None}
        row_of = {pair: p for p, pair in enumerate(ids)}
        votes = np.zeros((len(ids), len(ladder)), np.int64)
        for pair, version, order, sample in spending.answered_slots(session, name_of):
            stage = place.get((name_of[version], order, sample))
            if stage is not None and pair in row_of:
                votes[row_of[pair], stage] += 1
    return Standing(np.array(ids, dtype=np.int64), votes)


def _stands(judge: JudgeConfig, order: Order) -> bool:
    """Whether a judge is asked at rungs of this order; one without an order at the first."""
    return order in judge.asked_orders or (order is Order.AB and not judge.ordered)


def _shown(judge: JudgeConfig, order: Order) -> Order:
    return order if judge.ordered else Order.NONE


def with_weights(panel: Panel, environ: Mapping[str, str], beside: Path | None) -> Panel:
    """The panel with trained judges known by their weights, as their votes are stored."""
    judges = [
        seating.connected(judge, environ, beside)[0] if judge.provider is Provider.LOCAL else judge
        for judge in panel.judge
    ]
    return panel.model_copy(update={"judge": tuple(judges)})
