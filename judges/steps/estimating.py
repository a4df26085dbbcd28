"""What asking would cost, and what stored answers say by today's rules: neither asks anybody."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from db.asking import (
    PairText,
    Slot,
    mean_output_tokens,
    missing_slots,
    pair_page,
    pair_texts,
    stored_answers,
)
from db.events import record
from db.judges import find_version
from db.progress import Progress, quiet
from db.session import Database
from db.vocabulary import Choice, Order
from judges import participants, verdicts
from judges.cost import CostEstimate, Estimator
from judges.judge_config import JudgeConfig
from judges.judge_session import meaning
from judges.panel import Panel
from judges.results import Reparsed


def estimate(
    database: Database,
    panel: Panel,
    *,
    tier: int | None = None,
    names: Sequence[str] | None = None,
    within: Sequence[int] | None = None,
    samples: Sequence[int] | None = None,
    batch: bool = False,
    arriving: Iterable[PairText] = (),
    progress: Progress = quiet,
    beside: Path | None = None,
) -> CostEstimate:
    """What asking the missing questions would cost, per judge and order. Asks nobody.

    tier, names, within, samples: as of `run_judges`.
    arriving: pairs that are not stored yet and would be asked about, too.
    """
    counters: list[tuple[JudgeConfig, Estimator]] = []
    within = None if within is None else sorted(set(within))
    for judge in participants.chosen(panel, tier, names):
        judge = participants.by_weights(judge, beside)
        with database.read() as session:
            version_id = find_version(session, judge.name, judge.version(panel.rules))
            mean = None if version_id is None else mean_output_tokens(session, version_id)
        counted = Estimator(judge, panel.rules, mean, batch and judge.batches)
        asked = judge.asked_orders, participants.wanted_samples(judge, samples)
        _count_missing(database, judge, version_id, within, asked, counted, progress)
        counters.append((judge, counted))
    new_pairs = 0
    for text in arriving:
        new_pairs += 1
        for judge, counted in counters:
            orders, times = judge.asked_orders, participants.wanted_samples(judge, samples)
            counted.add(text, (Slot(text.pair_id, o, s) for s in times for o in orders))
    rows = [row for _, counted in counters for row in counted.rows()]
    examples = [counted.example for judge, counted in counters if judge.ordered]
    example = next((e for e in examples if e is not None), None)
    return CostEstimate.of(rows, batch, example, new_pairs)


def reparse(database: Database, *, progress: Progress = quiet) -> Reparsed:
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
        progress("answers", read, 0)
    done = Reparsed(read, changed, before, afterwards)
    with database.begin() as session:
        record(session, "tiebreak", "votes reparsed", "votes", asdict(done))
    return done


def _count_missing(
    database: Database,
    judge: JudgeConfig,
    version_id: int | None,
    within: Sequence[int] | None,
    asked: tuple[Sequence[Order], Sequence[int]],
    counted: Estimator,
    progress: Progress,
) -> None:
    after = seen = 0
    while True:
        with database.read() as session:
            page = pair_page(session, after, 1000, within)
            slots = missing_slots(session, page, version_id or 0, *asked)
            texts = pair_texts(session, [slot.pair_id for slot in slots])
        if not page:
            return
        for pair_id, own in groupby(slots, key=lambda slot: slot.pair_id):
            counted.add(texts[pair_id], own)
        after, seen = page[-1], seen + len(page)
        progress(judge.name, seen, 0)
