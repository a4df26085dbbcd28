"""Ask the panel: choose, connect, open a run, collect and ask, close the run."""

import asyncio
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from db import abstains, spared, voters
from db.errors import BadInput, BudgetSpent, KeyRefused, TiebreakError, Unavailable
from db.progress import Progress, quiet, tell
from db.runs import cap_of, ended_by
from db.session import Database
from db.vocabulary import CANARY_SAMPLE, Order, RunStatus
from db.votes import drop_held_back
from judges import lifecycle, participants
from judges.asking import Scorer
from judges.batcher import Batched
from judges.batching import Batching
from judges.connect import connect
from judges.ensemble import Ensemble
from judges.habits import unusual
from judges.judge_session import JudgeSession, Show, as_stored
from judges.panel import Panel
from judges.private import Withholding
from judges.results import JudgeRun
from judges.vote_writer import Writer


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
    after: int | None = None,
    batch: bool = False,
    retry: Collection[str] = (),
    progress: Progress = quiet,
    environ: Mapping[str, str] | None = None,
    beside: Path | None = None,
    pauses: Sequence[float] = (2.0, 10.0, 30.0),
    show: Show = as_stored,
) -> JudgeRun:
    """Ask every judge for every vote that is missing, and store the answers.

    tier, names: only these judges; within: only these pairs (ids); orders, samples: only these
    rungs (default: as each judge is configured). max_usd: hard cap over this run, any killed run
    it resumes, and the run `after`, an earlier one of the same call. batch: send questions as
    batches where the provider takes them, at half the price; a later run collects the answers
    (every run collects what is ready). retry: kinds of accidental abstains (`db.abstains.KINDS`)
    that are asked again, as answers cut off with less room than now always are. show: what is
    shown of a pair, for samples that are no votes on it.
    Raises KeyRefused where a key is missing before anything is asked, BudgetSpent where the cap
    leaves room for nothing, Unavailable where no judge gave a single answer.
    """
    started = time.monotonic()
    cap = cap_of(max_usd)
    within = None if within is None else sorted(set(within))
    withholding = Withholding.of(panel.panel.hold_private)
    spoken = _ask_first(database, panel, names, within, samples, progress, environ, beside, pauses)
    judges = [
        participants.by_weights(judge, beside) for judge in participants.chosen(panel, tier, names)
    ]
    with database.begin() as session:
        drop_held_back(session, withholding.hold)
        wanted = [
            participants.wanted(session, panel.rules, judge, orders, samples, within, retry)
            for judge in judges
        ]
        versions = [each.version_id for each in wanted]
        voters.require_probe(session, versions, panel.panel.require_probe)
    # Judges with nothing to say are not connected: a finished run needs no keys and takes no time.
    needed = [w for w in wanted if w.missing or w.in_batches]
    known = [(w, connect(w.judge, environ or os.environ, beside)) for w in needed]
    options = {
        "judges": [judge.name for judge in judges],
        "constitution": panel.rules.version,
        "pairs": None if within is None else len(within),
    }
    with database.begin() as session:
        run, job = lifecycle.open_run(session, "judge", options, cap, after)
    say = partial(tell, progress)
    judge_sessions = participants.judge_sessions(panel, known, pauses, withholding, say, show)
    try:
        asyncio.run(_ask(database, run.id, judge_sessions, batch, job, cap, within, progress))
    except BaseException as error:
        ended, why = ended_by(error)
        lifecycle.close_run(database, run.id, job, ended, {}, why)
        raise
    with database.begin() as session:
        for each in judge_sessions:
            voters.stand(session, each.version_id)
    rang = _unusual(database, run.id, judge_sessions)
    done = JudgeRun.of(
        run.id, time.monotonic() - started, judge_sessions, withholding.summary, rang
    )
    done = replace(done, notices=(*spoken, *done.notices))
    status = RunStatus.STOPPED if done.missing else RunStatus.DONE
    figures = {
        "stored": done.stored,
        "missing": done.missing,
        "cost_usd": done.cost_usd,
        "abstains": done.abstains,
    }
    problems = "; ".join(done.problems) or None
    lifecycle.close_run(database, run.id, job, status, figures, problems)
    _complain(done, judge_sessions, max_usd)
    return done


def _ask_first(
    database: Database,
    panel: Panel,
    names: Sequence[str] | None,
    within: Sequence[int] | None,
    samples: Sequence[int] | None,
    progress: Progress,
    environ: Mapping[str, str] | None,
    beside: Path | None,
    pauses: Sequence[float],
) -> tuple[str, ...]:
    """Let the judge that the gate put first answer before anybody it may spare is asked; what it
    answered, in a sentence.
    """
    if min(samples or (1,)) >= CANARY_SAMPLE:  # such answers are no votes: nobody is spared them
        return ()
    with database.read() as session:
        rule = spared.first(session)
    there = rule is not None and any(judge.name == rule.name for judge in panel.asked)
    if rule is None or not there or (names is not None and not rule.spares & set(names)):
        return ()
    try:
        done = run_judges(
            database, panel, names=[rule.name], within=within, progress=progress,
            environ=environ, beside=beside, pauses=pauses,
        )  # fmt: skip
    except TiebreakError as error:
        return (f"{rule.name} could not answer first, so the others are asked: {error}",)
    with database.read() as session:
        heard = spared.heard(session)
    if not heard:
        return (f"{rule.name} answered first, and its votes do not count, so the others are asked",)
    told = ", ".join(sorted(rule.spares))
    return (f"{rule.name} answered first ({done.summary}); what it is sure of {told} is not asked",)


def _unusual(
    database: Database, run_id: int, judge_sessions: Sequence[JudgeSession]
) -> tuple[str, ...]:
    """A sentence for each judge that abstains by accident more than it is used to."""
    rang = []
    for judge_session in judge_sessions:
        tally, judge = judge_session.tally, judge_session.judge
        now = abstains.accidental(tally.abstains), tally.stored
        if judge.ordered and now[0]:
            with database.read() as session:
                before = abstains.share(session, judge_session.version_id, run_id)
            if told := unusual(judge.name, tally.abstains, now, before):
                rang.append(told)
    return tuple(rang)


async def _ask(
    database: Database,
    run_id: int,
    judge_sessions: Sequence[JudgeSession],
    batch: bool,
    job: int,
    cap: int | None,
    within: Sequence[int] | None,
    progress: Progress,
) -> None:
    """Collect what is ready, send or ask what is missing."""
    direct = []
    try:
        for judge_session in judge_sessions:
            if judge_session.judge.batches:
                batching = Batching(
                    database,
                    run_id,
                    judge_session,
                    cast(Batched, judge_session.asked).batches,
                    job,
                    cap,
                    within,
                )
                await _by_batch(batching, batch)
            if judge_session.tally.problem is None and not (batch and judge_session.judge.batches):
                direct.append(judge_session)
                if batch and judge_session.judge.unbatched:
                    judge_session.tally.notes.append(judge_session.judge.unbatched)
        await Ensemble(run_id, direct, Writer(database, progress), job, cap, within).ask_all()
    finally:
        for judge_session in judge_sessions:
            if not isinstance(judge_session.asked, Scorer):
                await judge_session.asked.close()


async def _by_batch(batching: Batching, send: bool) -> None:
    tally = batching.judge_session.tally
    try:
        unable = await batching.collecting(sends=send).collect()
        if send and unable is not None:
            raise unable
        if send:
            await batching.submit()
    except (Unavailable, BadInput) as error:
        tally.problem, tally.refused = str(error), isinstance(error, KeyRefused)


def _complain(
    done: JudgeRun, judge_sessions: Sequence[JudgeSession], max_usd: float | None
) -> None:
    """Raise where the run did nothing and the user must act."""
    if done.stored or not done.missing or done.waiting:
        return
    if done.problems:
        refused = all(
            judge_session.tally.refused
            for judge_session in judge_sessions
            if judge_session.tally.problem
        )
        kind: type[TiebreakError] = KeyRefused if refused else Unavailable
        raise kind("; ".join((*done.problems, *done.in_doubt)))
    if done.capped:
        raise BudgetSpent(
            f"the cap of ${max_usd:g} leaves no room for a single question; "
            "raise --max-usd, or see `tiebreak estimate`"
        )
