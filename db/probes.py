"""Probes of judges as stored: which pairs, the answers about changed pairs, and what came of it.

Answers are votes whose sample lies beyond `PROBE_SAMPLE`, so money, claims and kills are those of
every vote, and nothing that pools votes reads them. A sample names what was shown: the edition of
the changes, which of them, and whether the change or its placebo. Leaves out the changes themselves
(`judges.perturbations`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from db.erased_prompts import pair_unerased
from db.models import Judge, JudgeVersion, Pair, ProbeOutcome, Vote
from db.upsert import chunks
from db.vocabulary import PROBE_SAMPLE, Choice, Order

LEAST = 100
"""Pairs that a probe asks at least, where there are as many."""

_EDITION = 1000  # samples that an edition of the changes has to itself


def unchanged(edition: int) -> int:
    """The sample of answers about the pairs as they are."""
    return PROBE_SAMPLE + _EDITION * edition


def samples_of(edition: int, number: int) -> tuple[int, int]:
    """The samples of one change: its answers, and those of its placebo."""
    first = unchanged(edition) + 2 * number + 2
    return first, first + 1


@dataclass(frozen=True)
class Drawn:
    """Pairs to probe with, in order, their prompts, and how many there were to draw from."""

    prompt_of: dict[int, int]
    there: int


def draw_pairs(session: Session, version_id: int, edition: int, count: int) -> Drawn:
    """`count` pairs of different responses, spread over prompts; the same ones at every call.

    Those a judge version was asked about stay, also where fewer are wanted or others came since.
    """
    asked = exists().where(
        Vote.pair_id == Pair.id,
        Vote.judge_version_id == version_id,
        Vote.sample == unchanged(edition),
    )
    query = select(Pair.id, Pair.prompt_id, asked).where(
        Pair.candidate_a_id != Pair.candidate_b_id, pair_unerased()
    )
    by_prompt: dict[int, list[tuple[bool, bytes, int]]] = defaultdict(list)
    there = 0
    for pair_id, prompt_id, before in session.execute(query):
        drawn = hashlib.sha256(f"probe {pair_id}".encode()).digest()
        by_prompt[prompt_id].append((not before, drawn, pair_id))
        there += 1
    ranked = sorted(
        (new, depth, drawn, pair_id, prompt_id)
        for prompt_id, pairs in by_prompt.items()
        for depth, (new, drawn, pair_id) in enumerate(sorted(pairs))
    )
    known = sum(not new for new, *_ in ranked)
    chosen = ranked[: max(count, known)]
    return Drawn({pair_id: prompt_id for *_, pair_id, prompt_id in chosen}, there)


def answers(
    session: Session, version_id: int, edition: int, pair_ids: Sequence[int]
) -> dict[tuple[int, int], tuple[Order, Choice]]:
    """What a judge version said of these pairs, by pair and sample: in which order, and what."""
    found: dict[tuple[int, int], tuple[Order, Choice]] = {}
    for chunk in chunks(pair_ids):
        rows = session.execute(
            select(Vote.pair_id, Vote.sample, Vote.order, Vote.choice).where(
                Vote.judge_version_id == version_id,
                Vote.sample >= unchanged(edition),
                Vote.sample < unchanged(edition + 1),
                Vote.pair_id.in_(chunk),
            )
        )
        for pair_id, sample, order, choice in rows:
            found[pair_id, sample] = order, choice
    return found


@dataclass(frozen=True)
class Outcome:
    """The newest outcome of a judge version's probe. `report`: figures of every change."""

    judge: str
    version: str
    verdict: str
    suffices: bool
    pairs: int
    edition: int
    report: dict[str, Any]
    at: datetime

    @property
    def why(self) -> str:
        """The verdict, and which changes it is about where it did not pass."""
        changes = [row["change"] for row in self.report["rows"] if row["verdict"] == self.verdict]
        return "passed" if self.verdict == "passed" else f"{self.verdict}: {', '.join(changes)}"


def store_outcome(
    session: Session, version_id: int, edition: int, *, verdict: str, suffices: bool, pairs: int,
    report: dict[str, Any],
) -> bool:  # fmt: skip
    """Keep what a probe showed. False where the newest outcome says the same already."""
    newest = select(ProbeOutcome).where(ProbeOutcome.judge_version_id == version_id)
    before = session.scalar(newest.order_by(ProbeOutcome.id.desc()).limit(1))
    if before is not None and (before.edition, before.suffices, before.report) == (
        edition, suffices, report,
    ):  # fmt: skip
        return False
    session.add(
        ProbeOutcome(
            judge_version_id=version_id, edition=edition, verdict=verdict, suffices=suffices,
            pairs=pairs, report=report,
        )
    )  # fmt: skip
    return True


def outcomes(session: Session) -> dict[int, Outcome]:
    """The newest outcome of each judge version that was probed, by the version's id."""
    newest = select(func.max(ProbeOutcome.id)).group_by(ProbeOutcome.judge_version_id)
    rows = session.execute(
        select(ProbeOutcome, JudgeVersion.version, Judge.name)
        .join(JudgeVersion, JudgeVersion.id == ProbeOutcome.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(ProbeOutcome.id.in_(newest))
        .order_by(Judge.name, JudgeVersion.id)
    )
    return {
        row.judge_version_id: Outcome(
            name, version[:12], row.verdict, row.suffices, row.pairs, row.edition, row.report,
            row.created_at,
        )
        for row, version, name in rows
    }  # fmt: skip
