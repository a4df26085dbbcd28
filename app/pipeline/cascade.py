"""The cascade: ask cheap judges first, pool, and let only the unsure pairs climb to the next rung.

Orders and further samples are rungs like tiers (`ladder`). Where a pair stands is read from its
stored votes alone, so a killed cascade run again goes on where it was. What the whole cascade
accepts is certified afterwards like any other batch (`tiebreak route --target-error`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.pipeline.ladder import (
    Rung,
    VotesSoFar,
    confidence_at,
    rungs_of,
    votes_so_far,
    with_weights,
)
from db import spending
from db.errors import BadInput, BudgetSpent, TiebreakError, UnknownName
from db.progress import Progress, quiet
from db.runs import KILLED, NANO, cap_of, end_killed, ended_by, finish_run, go_on, start_run
from db.session import Database
from db.vocabulary import RunStatus
from judges.panel import Panel
from judges.steps import fit_consensus, run_judges
from judges.trust.stopping import Policy

VERB = "cascade"
_SLICE = 10_000
"""Pairs asked at a time: an SQL statement takes only so many values."""


@dataclass(frozen=True)
class RungDone:
    """One rung of one run. asked: pairs that had votes missing; settled: pairs that stopped
    here or below."""

    rung: str
    judges: tuple[str, ...]
    asked: int
    votes: int
    cost_usd: float
    settled: int


@dataclass(frozen=True)
class Cascaded:
    """What a cascade did.

    unsure: pairs still under the bar at the end, for humans. votes_in_all: what asking every judge
    about every pair would take; votes_there: what is stored now. problems: why some are missing.
    """

    pairs: int
    stop_at: float
    rungs: tuple[RungDone, ...]
    unsure: int
    votes_there: int
    votes_in_all: int
    cost_usd: float
    capped: bool
    problems: tuple[str, ...]
    fit_id: int
    notices: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for people."""
        saved = 1.0 - self.votes_there / self.votes_in_all if self.votes_in_all else 0.0
        whole = "" if self.capped else f" ({saved:.0%} saved)"
        line = (
            f"cascade: {self.pairs:,} pairs, {self.pairs - self.unsure:,} sure at "
            f"{self.stop_at:g}, {self.unsure:,} not; "
            f"{self.votes_there:,} of {self.votes_in_all:,} votes{whole}, "
            f"${self.cost_usd:.4f} spent"
        )
        if self.capped:
            line += "; the cap is reached, run again to go on"
        if not saved and not self.capped:
            line += (
                "; nothing stopped early: give a lower --stop-at, or let humans answer "
                "some pairs first, so that the consensus learns whom to believe"
            )
        return line


def cascade(
    database: Database,
    panel: Panel,
    *,
    stop_at: float = 0.9,
    careful: bool = True,
    max_usd: float | None = None,
    progress: Progress = quiet,
    beside: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Cascaded:
    """Climb the ladder of the panel with the pairs that are not sure yet.

    stop_at: confidence at which a pair is settled; careful: ask 1 - (1 - stop_at) / 2 of every rung
    but the last. max_usd: hard cap over all rungs, kills included. Raises BadInput for a stop_at
    outside (0, 1], and what `run_judges` raises where nobody answers.
    """
    try:
        policy = Policy(stop_at, careful)
    except ValueError as error:
        raise BadInput(f"--stop-at: {error}") from None
    panel = with_weights(panel, environ or {}, beside)
    ladder = rungs_of(panel)
    if not ladder:
        raise UnknownName("the panel has no judges to ask; add a [[judge]] to tiebreak.toml")
    with database.begin() as session:
        end_killed(session)
        run = spending.open_run(session, VERB)
        if run is None:
            options = {"stop_at": stop_at, "careful": careful}
            run = start_run(session, VERB, options, cap_of(max_usd))
        elif run.error == KILLED:
            go_on(run)
    climb = _Climb(database, panel, ladder, policy, run.id, max_usd, progress, beside, environ)
    try:
        done = climb.all()
    except (TiebreakError, KeyboardInterrupt) as error:
        ended, why = ended_by(error)
        with database.begin() as session:
            finish_run(session, run.id, ended, error=why)
        raise
    with database.begin() as session:
        status = RunStatus.STOPPED if done.capped or done.problems else RunStatus.DONE
        summary = {"votes": done.votes_there, "unsure": done.unsure, "cost_usd": done.cost_usd}
        finish_run(session, run.id, status, summary, "; ".join(done.problems) or None)
    return done


@dataclass
class _Climb:
    """One run up the ladder."""

    database: Database
    panel: Panel
    ladder: list[Rung]
    policy: Policy
    run_id: int
    max_usd: float | None
    progress: Progress
    beside: Path | None
    environ: Mapping[str, str] | None
    capped: bool = False
    cost_usd: float = 0.0
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def all(self) -> Cascaded:
        """Every rung in turn; a rung that nobody has to climb to costs nothing."""
        done: list[RungDone] = []
        there = votes_so_far(self.database, self.panel, self.ladder)
        climbs = np.ones(len(there.pairs), bool)
        for stage, rung in enumerate(self.ladder):
            wanted = self._wanted(stage, there, climbs)
            votes, spent = self._ask(rung, there.pairs[wanted].tolist())
            if votes:
                there = votes_so_far(self.database, self.panel, self.ladder)
            sure_P = self._sure(stage, there)
            sure = sure_P >= self.policy.bar(stage, len(self.ladder))
            names = tuple(judge.name for judge in rung.judges)
            climbs &= ~sure
            settled = int((~climbs).sum())
            done.append(RungDone(rung.name, names, int(wanted.sum()), votes, spent, settled))
            if self.capped:
                break
        return self._end(there, int(climbs.sum()), done)

    def _end(self, there: VotesSoFar, unsure: int, done: list[RungDone]) -> Cascaded:
        """Pool everything for whoever routes, and count."""
        fitted = fit_consensus(self.database, self.panel.panel.label_model)
        each = sum(len(rung.judges) for rung in self.ladder)
        return Cascaded(
            len(there.pairs),
            self.policy.threshold,
            tuple(done),
            unsure,
            int(there.votes.sum()),
            each * len(there.pairs),
            self.cost_usd,
            self.capped,
            self.problems,
            fitted.fit_id,
            self.notices,
        )

    def _wanted(
        self, stage: int, there: VotesSoFar, climbs_P: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Pairs to ask at this rung: those that climbed here, all lower rungs answered."""
        full = np.array([len(rung.judges) for rung in self.ladder])
        below = (there.votes[:, :stage] >= full[:stage]).all(axis=1)
        return np.asarray((there.votes[:, stage] < full[stage]) & below & climbs_P)

    def _sure(self, stage: int, there: VotesSoFar) -> NDArray[np.float64]:
        """Confidence of each pair after this rung, 0 where it has no vote."""
        known = confidence_at(self.database, self.panel, self.ladder, stage)
        return np.array([known.get(int(pair), 0.0) for pair in there.pairs])

    def _ask(self, rung: Rung, pair_ids: list[int]) -> tuple[int, float]:
        """Ask one rung about these pairs, as far as the money goes; votes stored and dollars."""
        votes, spent = 0, 0.0
        for start in range(0, len(pair_ids), _SLICE):
            room = self._room()
            if room is not None and room <= 0:
                self.capped = True
                break
            try:
                run = run_judges(
                    self.database, self.panel,
                    names=[judge.name for judge in rung.judges],
                    within=pair_ids[start : start + _SLICE],
                    orders=(rung.order,), samples=(rung.sample,),
                    max_usd=room, progress=self.progress, environ=self.environ, beside=self.beside,
                )  # fmt: skip
            except BudgetSpent:
                self.capped = True
                break
            votes, spent = votes + run.stored, spent + run.cost_usd
            self.problems += tuple(p for p in run.problems if p not in self.problems)
            self.notices += tuple(n for n in run.notices if n not in self.notices)
            self.capped = self.capped or run.capped
        self.cost_usd += spent
        return votes, spent

    def _room(self) -> float | None:
        if self.max_usd is None:
            return None
        with self.database.read() as session:
            return max(0.0, self.max_usd - spending.spent_since(session, self.run_id) / NANO)
