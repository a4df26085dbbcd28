"""The judging room's steps: ask the panel, pool its votes. Each opens its own transactions.

`fit_consensus` is the one owner of the consensus. Every step may be killed and run again.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from db.asking import (
    count_wanted,
    mean_output_tokens,
    missing_slots,
    pair_page,
    pair_texts,
    stored_answers,
)
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
from db.errors import BadInput, BudgetSpent, KeyRefused, TiebreakError, Unavailable, UnknownName
from db.events import record
from db.identity import content_hash
from db.judges import find_version
from db.models import ConsensusFit
from db.session import Database
from db.vocabulary import Choice, Order, RunStatus
from judges import lifecycle, pooling, seating, verdicts
from judges.asking import Batcher, Scorer
from judges.batching import Batching
from judges.cost import Estimate, Estimator, JudgeEstimate
from judges.ensemble import Ensemble
from judges.panel import JudgeConfig, Panel
from judges.pooling import Poll
from judges.prices import NANO
from judges.results import JudgeRun, Pooled, Reparsed
from judges.seats import Seat, meaning
from judges.trust.ballots import Ballots
from judges.writer import Writer

Progress = Callable[[str, int, int], None]


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
    batch: bool = False,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    beside: Path | None = None,
    pauses: Sequence[float] = (2.0, 10.0, 30.0),
) -> JudgeRun:
    """Ask every judge for every vote that is missing, and store the answers.

    tier, names: only these judges; within: only these pairs (ids); orders, samples: only these
    rungs (default: as each judge is configured). max_usd: hard cap over this run and any killed
    run it resumes. batch: send questions as batches where the provider takes them, at half the
    price; a later run collects the answers (every run collects what is ready).
    Raises KeyRefused where a key is missing before anything is asked, BudgetSpent where the cap
    leaves room for nothing, Unavailable where no judge gave a single answer.
    """
    started = time.monotonic()
    judges = seating.chosen(panel, tier, names)
    known = [seating.connected(judge, environ or os.environ, beside) for judge in judges]
    cap = None if max_usd is None else round(max_usd * NANO)
    with database.begin() as session:
        count = None if within is None else len(within)
        run, job = lifecycle.open_run(session, "judge", panel, judges, cap, count)
        seats = seating.seats(session, panel.rules, known, orders, samples, pauses)
        for seat in seats:
            seat.tally.wanted = count_wanted(
                session, seat.version_id, seat.orders, seat.samples, within
            )
    try:
        waiting = asyncio.run(_ask(database, run.id, seats, batch, job, cap, within, progress))
    except BaseException as error:
        lifecycle.close_run(database, run.id, job, RunStatus.FAILED, {}, str(error))
        raise
    done = JudgeRun.of(run.id, time.monotonic() - started, seats, waiting)
    status = RunStatus.STOPPED if done.missing else RunStatus.DONE
    figures = {"stored": done.stored, "missing": done.missing, "cost_usd": done.cost_usd}
    problems = "; ".join(done.problems) or None
    lifecycle.close_run(database, run.id, job, status, figures, problems)
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


def estimate(
    database: Database,
    panel: Panel,
    *,
    tier: int | None = None,
    names: Sequence[str] | None = None,
    within: Sequence[int] | None = None,
    batch: bool = False,
    progress: Progress | None = None,
) -> Estimate:
    """What asking the missing questions would cost, per judge and order. Asks nobody."""
    rows: list[JudgeEstimate] = []
    example = None
    for judge in seating.chosen(panel, tier, names):
        with database.read() as session:
            version_id = find_version(session, judge.name, judge.version(panel.rules))
            mean = None if version_id is None else mean_output_tokens(session, version_id)
        counted = Estimator(judge, panel.rules, mean, batch and judge.batches)
        _count_missing(database, judge, version_id, within, counted, progress)
        rows += counted.rows()
        if counted.example is not None and judge.ordered:
            example = example or counted.example
    return Estimate.of(rows, batch, example)


def reparse(database: Database, *, progress: Progress | None = None) -> Reparsed:
    """Read every stored answer again by today's rules of parsing, without a call.

    A vote whose answer now says something else is changed in place: the answer itself never is.
    """
    after = read = changed = before = afterwards = 0
    while True:
        with database.begin() as session:
            votes = list(stored_answers(session, after, 1000))
            for vote in votes:
                meant = meaning(verdicts.read(verdicts.load(vote.raw or ""), vote.order))
                before += vote.choice is Choice.ABSTAIN
                afterwards += meant["choice"] is Choice.ABSTAIN
                if any(getattr(vote, name) != value for name, value in meant.items()):
                    changed += 1
                    for name, value in meant.items():
                        setattr(vote, name, value)
        if not votes:
            break
        after, read = votes[-1].id, read + len(votes)
        if progress is not None:
            progress("answers", read, 0)
    done = Reparsed(read, changed, before, afterwards)
    with database.begin() as session:
        record(session, "tiebreak", "votes reparsed", "votes", asdict(done))
    return done


async def _ask(
    database: Database,
    run_id: int,
    seats: Sequence[Seat],
    batch: bool,
    job: int,
    cap: int | None,
    within: Sequence[int] | None,
    progress: Progress | None,
) -> int:
    """Collect what is ready, send or ask what is missing; the questions now lying in batches."""
    waiting = 0
    direct = []
    try:
        for seat in seats:
            if seat.judge.batches:
                batching = Batching(
                    database, run_id, seat, cast(Batcher, seat.asked), job, cap, within
                )
                waiting += await _by_batch(batching, batch)
            if seat.tally.problem is None and not (batch and seat.judge.batches):
                direct.append(seat)
        await Ensemble(run_id, direct, Writer(database, progress), job, cap, within).ask_all()
    finally:
        for seat in seats:
            if not isinstance(seat.asked, Scorer):
                await seat.asked.close()
    return waiting


async def _by_batch(batching: Batching, send: bool) -> int:
    tally = batching.seat.tally
    try:
        waiting = await batching.collect()
        return waiting + (await batching.submit() if send else 0)
    except (Unavailable, BadInput) as error:
        tally.problem, tally.refused = str(error), isinstance(error, KeyRefused)
        return 0


def _count_missing(
    database: Database,
    judge: JudgeConfig,
    version_id: int | None,
    within: Sequence[int] | None,
    counted: Estimator,
    progress: Progress | None,
) -> None:
    orders, samples = judge.asked_orders, range(1, judge.samples + 1)
    after = seen = 0
    while True:
        with database.read() as session:
            page = pair_page(session, after, 1000, within)
            slots = missing_slots(session, page, version_id or 0, orders, samples)
            texts = pair_texts(session, [slot.pair_id for slot in slots])
        if not page:
            return
        for pair_id, own in groupby(slots, key=lambda slot: slot.pair_id):
            counted.add(texts[pair_id], own)
        after, seen = page[-1], seen + len(page)
        if progress is not None:
            progress(judge.name, seen, 0)


def _with_features(poll: Poll, model: str) -> Ballots:
    if model != "tiebreak":
        return poll.ballots
    from judges.trust.reading import read  # scikit-learn takes a second to import

    return read(poll.ballots, poll.texts)


def _complain(done: JudgeRun, seats: Sequence[Seat], max_usd: float | None) -> None:
    """Raise where the run did nothing and the user must act."""
    if done.stored or not done.missing or done.waiting:
        return
    if done.problems:
        refused = all(seat.tally.refused for seat in seats if seat.tally.problem)
        kind: type[TiebreakError] = KeyRefused if refused else Unavailable
        raise kind("; ".join(done.problems))
    if done.capped:
        raise BudgetSpent(
            f"the cap of ${max_usd} leaves no room for a single question; "
            "raise --max-usd, or see `tiebreak estimate`"
        )


def _settings(pooler: Any) -> dict[str, Any]:
    """The hyper-parameters of a label model: what its constructor takes."""
    fields = getattr(pooler, "__dataclass_fields__", {})
    return {name: getattr(pooler, name) for name, f in fields.items() if f.init}
