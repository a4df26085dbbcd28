"""The judging room's steps: ask the panel, pool its votes. Each opens its own transactions.

`fit_consensus` is the one owner of the consensus. Every step may be killed and run again.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.asking import count_wanted, has_claims, join_job, release_runs, unfinished_runs
from db.consensus import (
    add_consensus,
    add_fit,
    answers_to_learn_from,
    consensus_of,
    find_fit,
    usable_votes,
    voted_pairs,
    voting_versions,
)
from db.errors import BudgetSpent, KeyRefused, TiebreakError, Unavailable, UnknownName
from db.identity import content_hash
from db.judges import judge_version
from db.models import ConsensusFit, Run
from db.runs import finish_run, start_run
from db.session import Database
from db.vocabulary import Order, Provider, RunStatus
from judges import pooling, prompts
from judges.circuit import Circuit
from judges.connect import connect
from judges.ensemble import Ensemble
from judges.panel import JudgeConfig, Panel
from judges.pooling import Poll
from judges.prices import NANO
from judges.seats import Seat, Tally
from judges.trust.ballots import Consensus
from judges.trust.ballots import Ballots
from judges.writer import Writer

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class JudgeRun:
    """What `run_judges` did. problems: one sentence for each judge that was stopped."""

    run_id: int
    seconds: float
    tallies: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def stored(self) -> int:
        """Votes stored, abstains among them."""
        return sum(t.stored for t in self.tallies.values())

    @property
    def abstained(self) -> int:
        """Votes stored that say nothing."""
        return sum(t.abstained for t in self.tallies.values())

    @property
    def missing(self) -> int:
        """Votes that were wanted and are not there."""
        return sum(max(t.wanted - t.stored, 0) for t in self.tallies.values())

    @property
    def cost_usd(self) -> float:
        """What the answers of this run cost."""
        return sum(t.cost_nanousd for t in self.tallies.values()) / NANO

    @property
    def capped(self) -> bool:
        """Whether the money allowed ran out."""
        return any(t.capped for t in self.tallies.values())

    @property
    def problems(self) -> tuple[str, ...]:
        """Why some votes are missing."""
        return tuple(t.problem for t in self.tallies.values() if t.problem)

    @property
    def summary(self) -> str:
        """One line for people."""
        parts = [f"{self.stored} votes stored"]
        if self.abstained:
            parts.append(f"{self.abstained} of them abstain")
        if self.cost_usd:
            parts.append(f"${self.cost_usd:.4f} spent")
        if self.missing:
            why = "the cap is reached" if self.capped else "see the problems named"
            parts.append(f"{self.missing} missing ({why}; run again to go on)")
        return ", ".join(parts)


@dataclass(frozen=True)
class Pooled:
    """What `fit_consensus` did; `new` is false where the same fit was there already."""

    fit_id: int
    model: str
    pairs: int
    votes: int
    labels: int
    new: bool
    poll: Poll = field(repr=False)
    consensus: Consensus = field(repr=False)

    @property
    def summary(self) -> str:
        """One line for people."""
        what = f"{self.pairs} pairs pooled from {self.votes} votes and {self.labels} human answers"
        return f"{what} by {self.model}" + ("" if self.new else " (nothing had changed)")


def run_judges(
    database: Database,
    panel: Panel,
    *,
    tier: int | None = None,
    names: Sequence[str] | None = None,
    within: Sequence[int] | None = None,
    orders: Sequence[Order] | None = None,
    samples: Sequence[int] | None = None,
    max_usd: float | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    beside: Path | None = None,
    pauses: Sequence[float] = (2.0, 10.0, 30.0),
) -> JudgeRun:
    """Ask every judge for every vote that is missing, and store the answers.

    tier, names: only these judges; within: only these pairs (ids); orders, samples: only these
    rungs (default: as each judge is configured). max_usd: hard cap over this run and any killed
    run it resumes. Raises KeyRefused where a key is missing before anything is asked, BudgetSpent
    where the cap leaves room for nothing, Unavailable where no judge gave a single answer.
    """
    started = time.monotonic()
    judges = _chosen(panel, tier, names)
    asked = [_known(judge, environ or os.environ, beside) for judge in judges]
    cap = None if max_usd is None else round(max_usd * NANO)
    with database.begin() as session:
        run, job = _open_run(session, panel, judges, cap, within)
        circuits: dict[str, Circuit] = {}
        seats = [
            _seat(session, panel, judge, who, orders, samples, circuits, pauses)
            for judge, who in asked
        ]
        for seat in seats:
            seat.tally.wanted = count_wanted(
                session, seat.version_id, seat.orders, seat.samples, within
            )
    writer = Writer(database, progress)
    ensemble = Ensemble(run.id, seats, writer, job, cap, within)
    try:
        asyncio.run(ensemble.ask_all())
    except BaseException as error:
        _close_run(database, run.id, job, RunStatus.FAILED, {}, str(error))
        raise
    done = JudgeRun(run.id, time.monotonic() - started, {s.judge.name: s.tally for s in seats})
    status = RunStatus.STOPPED if done.missing else RunStatus.DONE
    summary = {"stored": done.stored, "missing": done.missing, "cost_usd": done.cost_usd}
    _close_run(database, run.id, job, status, summary, "; ".join(done.problems) or None)
    _complain(done, seats, max_usd)
    return done


def fit_consensus(database: Database, model: str) -> Pooled:
    """Pool all votes by the label model of that name and store the fit with its probabilities.

    Raises UnknownName where there is nothing to pool. Where votes, answers and model are those of
    the newest fit, that fit stands and nothing is stored.
    """
    pooler = pooling.label_model(model)
    with database.read() as session:
        versions = voting_versions(session)
        poll = pooling.read_poll(voted_pairs(session), usable_votes(session), versions)
        answers = answers_to_learn_from(session)
    if not poll.votes:
        raise UnknownName("there are no votes to pool; run `tiebreak judge` or import votes first")
    labels = poll.labels(answers)
    known = int((labels >= 0).sum())
    version = content_hash(model, poll.digest, labels.tolist())
    with database.read() as session:
        found = find_fit(session, version)
        rows = consensus_of(session, found.id) if found is not None else {}
    if found is not None:
        stored = pooling.stored_consensus(poll, rows)
        n = len(poll.pair_ids)
        return Pooled(found.id, model, n, poll.votes, known, False, poll, stored)
    ballots = _with_features(poll, model)
    consensus = pooler.fit(ballots, labels).predict(ballots)
    with database.begin() as session:
        fit = ConsensusFit(
            model=model,
            version=version,
            settings=_settings(pooler),
            raters=pooling.rater_figures(poll, consensus),
            n_pairs=len(poll.pair_ids),
            n_votes=poll.votes,
            n_labels=known,
        )
        fit_id = add_fit(session, fit)
        add_consensus(session, pooling.consensus_rows(poll, consensus, fit_id))
    n = len(poll.pair_ids)
    return Pooled(fit_id, model, n, poll.votes, known, True, poll, consensus)


def _with_features(poll: pooling.Poll, model: str) -> Ballots:
    if model != "tiebreak":
        return poll.ballots
    from judges.trust.reading import read  # scikit-learn takes a second to import

    return read(poll.ballots, poll.texts)


def _chosen(panel: Panel, tier: int | None, names: Sequence[str] | None) -> list[JudgeConfig]:
    judges = list(panel.asked if tier is None else panel.of_tier(tier))
    if names is not None:
        judges = [panel.named(name) for name in names]
    if not judges:
        raise UnknownName("the panel has no judges to ask; add a [[judge]] to tiebreak.toml")
    return judges


def _known(
    judge: JudgeConfig, environ: Mapping[str, str], beside: Path | None
) -> tuple[JudgeConfig, Any]:
    """The judge with whoever answers; a trained one is known by its weights, not by its path."""
    asked = connect(judge, environ, beside)
    if judge.provider is Provider.LOCAL:
        options = {**judge.options, "content_hash": asked.content_hash}  # type: ignore[union-attr]
        judge = judge.model_copy(update={"options": options})
    return judge, asked


def _open_run(
    session: Session,
    panel: Panel,
    judges: Sequence[JudgeConfig],
    cap: int | None,
    within: Sequence[int] | None,
) -> tuple[Run, int]:
    options: dict[str, Any] = {
        "judges": [judge.name for judge in judges],
        "constitution": panel.rules.version,
        "pairs": None if within is None else len(within),
    }
    run = start_run(session, "judge", options, cap)
    job = join_job(session, run)
    release_runs(session, [r.id for r in unfinished_runs(session, job) if _is_dead(r)])
    return run, job


def _seat(
    session: Session,
    panel: Panel,
    judge: JudgeConfig,
    asked: Any,
    orders: Sequence[Order] | None,
    samples: Sequence[int] | None,
    circuits: dict[str, Circuit],
    pauses: Sequence[float],
) -> Seat:
    rules = panel.rules
    version = judge_version(
        session,
        name=judge.name,
        family=judge.relatives,
        version=judge.version(rules),
        provider=judge.provider,
        model=judge.model,
        prompt_version=prompts.VERSION if judge.ordered else None,
        constitution_version=rules.only(judge.principles).version if judge.ordered else None,
        generation=judge.generation,
        config=judge.model_dump(mode="json", exclude_none=True),
    )
    where = judge.base_url or judge.provider.value if judge.remote else judge.name
    circuit = circuits.setdefault(where, Circuit(where, pauses=pauses))
    wanted = judge.asked_orders
    return Seat(
        judge=judge,
        version_id=version.id,
        rules=rules,
        asked=asked,
        circuit=circuit,
        orders=tuple(o for o in wanted if orders is None or o in orders or o is Order.NONE),
        samples=tuple(samples) if samples is not None else tuple(range(1, judge.samples + 1)),
    )


def _close_run(
    database: Database,
    run_id: int,
    job: int,
    status: RunStatus,
    summary: dict[str, Any],
    error: str | None,
) -> None:
    """Write down how a run ended, its own claims given back and killed runs of its job with it."""
    with database.begin() as session:
        release_runs(session, [run_id])
        finish_run(session, run_id, status, summary, error)
        for other in unfinished_runs(session, job):
            if _is_dead(other) or not has_claims(session, other.id):
                finish_run(session, other.id, RunStatus.FAILED, error="killed")


def _is_dead(run: Run) -> bool:
    """Whether the process of a run is known to be gone; only its own machine can tell."""
    if run.host != socket.gethostname() or run.pid is None or run.pid == os.getpid():
        return False
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _complain(done: JudgeRun, seats: Sequence[Seat], max_usd: float | None) -> None:
    """Raise where the run did nothing and the user must act."""
    if done.stored or not done.missing:
        return
    if done.problems:
        kind: type[TiebreakError] = KeyRefused if _refused(seats) else Unavailable
        raise kind("; ".join(done.problems))
    if done.capped:
        raise BudgetSpent(
            f"the cap of ${max_usd} leaves no room for a single question; "
            "raise --max-usd, or see `tiebreak estimate`"
        )


def _refused(seats: Sequence[Seat]) -> bool:
    return all(seat.tally.refused for seat in seats if seat.tally.problem)


def _settings(pooler: Any) -> dict[str, Any]:
    """The hyper-parameters of a label model: what its constructor takes."""
    fields = getattr(pooler, "__dataclass_fields__", {})
    return {name: getattr(pooler, name) for name, f in fields.items() if f.init}
