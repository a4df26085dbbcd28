"""The quality page: how much people answer, how well they agree, and what is left to do."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from db import annotators, figures, leases, opinions, reviews, tasks
from db.leases import HeldLease
from db.opinions import Opinion
from db.session import Database, Session
from db.vocabulary import TaskKind
from judges.trust.agreement import cohen_kappa, krippendorff_alpha
from judges.trust.intervals import Estimate, undefined
from judges.vote_arrays import CODES
from review.quality import matches, pace
from review.roles import Action, require
from review.settings import ReviewSettings

_BUSIEST = 12
_REPEATS = 300  # draws of the bootstrap: enough for a page


@dataclass(frozen=True)
class PeopleBoard:
    """Everything the quality page shows. Rows are plain dicts, ready for a table or a picture."""

    waiting: int
    disputed: int
    hours_left: float | None
    days: list[dict[str, Any]]
    people: list[dict[str, Any]]
    alpha: Estimate
    kappas: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    flags: list[dict[str, Any]]
    skips: list[tuple[str, int]]


def people_board(database: Database, asking_id: int, settings: ReviewSettings) -> PeopleBoard:
    """Gather it. Raises NotAllowed for whom it is not meant."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_QUALITY)
        everyone = annotators.people(session)
        days = figures.answers_by_day(session)
        waiting = tasks.waiting(session)
        seconds: list[float] = []
        rows = []
        again = opinions.repeats(session)
        active = {row["person"] for row in days}
        for person in everyone:
            if person.name not in active:
                continue
            mine = figures.recent_seconds(session, person.id, limit=200)
            seconds += mine
            gold = reviews.gold_answers(
                session, person.id, TaskKind.GOLD, limit=settings.gold_window
            )
            typical = pace(mine).median_seconds
            rows.append(
                {
                    "person": person.name,
                    "answers": sum(d["answers"] for d in days if d["person"] == person.name),
                    "median seconds": typical,
                    "control pairs": str(matches(gold)),
                    "same pair twice": str(matches(again.get(person.name, ()))),
                    "paused": person.paused_reason or "",
                }
            )
        alpha, kappas = _agreement(session)
        return PeopleBoard(
            waiting=waiting,
            disputed=len(tasks.disputed(session)),
            hours_left=pace(seconds).hours(waiting),
            days=days,
            people=rows,
            alpha=alpha,
            kappas=kappas,
            tasks=figures.tasks_by_state(session),
            flags=figures.content_flags(session),
            skips=leases.skips(session),
        )


def held_now(database: Database, admin_id: int) -> list[HeldLease]:
    """The pairs in somebody's hands, for an admin."""
    with database.read() as session:
        require(annotators.by_id(session, admin_id), Action.MANAGE)
        return leases.held(session)


def _agreement(session: Session) -> tuple[Estimate, list[dict[str, Any]]]:
    """Alpha of all people, and kappa of every two who share pairs."""
    said: list[Opinion] = list(opinions.opinions(session))
    names = Counter(each.annotator for each in said)
    if len(names) < 2:
        return undefined("fewer than two people have answered"), []
    busiest = [name for name, _ in names.most_common(_BUSIEST)]
    column = {name: n for n, name in enumerate(names)}
    cells: dict[int, dict[int, int]] = defaultdict(dict)
    for each in said:
        cells[each.pair_id][column[each.annotator]] = CODES[each.choice]
    shared = [pair for pair, row in cells.items() if len(row) > 1]
    if not shared:
        return undefined("no pair has answers of two people"), []
    codes = np.full((len(shared), len(names)), -1, dtype=np.int8)
    for row, pair in enumerate(shared):
        for place, code in cells[pair].items():
            codes[row, place] = code
    prompts = figures.prompts_of(session, shared)
    prompt_P = np.array([prompts[pair] for pair in shared])
    rng = np.random.default_rng(7)
    alpha = krippendorff_alpha(codes, prompt_P, rng, repeats=_REPEATS)
    kappas = []
    for one, other in combinations(busiest, 2):
        first, second = codes[:, column[one]], codes[:, column[other]]
        both = int(((first >= 0) & (second >= 0)).sum())
        if both:
            kappa = cohen_kappa(first, second, prompt_P, rng, repeats=_REPEATS)
            kappas.append(
                {
                    "one": one,
                    "other": other,
                    "pairs": both,
                    "kappa": kappa.value,
                    "words": str(kappa),
                }
            )
    return alpha, kappas
