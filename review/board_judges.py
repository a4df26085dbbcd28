"""The judges page: how each judge fares against humans, and how the panel hangs together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import annotators, figures
from db.consensus import consensus_of, newest_fit, usable_votes, voted_pairs, voting_versions
from db.gold import settled_by_humans
from db.session import Database
from db.vocabulary import Choice, Order
from judges.pooling import Poll, read_poll, stored_consensus
from judges.trust.agreement import agreement_matrix
from judges.trust.ballots import MISSING, A, B, Consensus
from judges.trust.calibration import ReliabilityBin, reliability
from judges.trust.effective import LEAST_SHARED, effective_number, error_correlation
from judges.trust.intervals import Estimate, mean_by_prompt, wilson
from review.report_quality import Reversal, judge_leans, reversals, right, single_choices
from review.roles import Action, require

Floats = NDArray[np.float64]

_REPEATS = 300
_LEAST_IN_DOMAIN = 10


@dataclass(frozen=True)
class JudgesBoard:
    """Everything the judges page shows. Rows are plain dicts, ready for a table or a picture."""

    pairs: int
    referenced: int
    accuracy: list[dict[str, Any]]
    by_domain: list[dict[str, Any]]
    reversals: tuple[Reversal, ...]
    leanings: list[dict[str, Any]]
    calibration: tuple[ReliabilityBin, ...]
    matrix: list[dict[str, Any]]
    effective: float | None
    budget: list[dict[str, Any]]
    weeks: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    generations: list[dict[str, Any]]


def judges_board(database: Database, asking_id: int) -> JudgesBoard:
    """Gather it. Raises NotAllowed for whom it is not meant."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_DATA)
        poll = read_poll(voted_pairs(session), usable_votes(session), voting_versions(session))
        fit = newest_fit(session)
        known = consensus_of(session, fit.id) if fit is not None else {}
        truth_P = poll.labels(settled_by_humans(session))
        days = figures.choices_by_day(session)
        costs = figures.spend_by_judge(session)
        generations = figures.generations(session)
    rng = np.random.default_rng(7)
    pooled = stored_consensus(poll, known) if set(poll.pair_ids) <= set(known) else None
    leans_PR = judge_leans(poll.ballots)
    codes_PR = single_choices(poll.ballots)
    accuracy, by_domain = _accuracy(poll, leans_PR, pooled, truth_P, rng)
    return JudgesBoard(
        pairs=len(poll.ballots),
        referenced=int(np.isin(truth_P, (A, B)).sum()),
        accuracy=accuracy,
        by_domain=by_domain,
        reversals=reversals(poll.ballots, (), rng, _REPEATS) if len(poll.ballots) else (),
        leanings=_leanings(poll),
        calibration=reliability(pooled.lean_P, truth_P) if pooled is not None else (),
        matrix=_matrix(poll.ballots.raters, codes_PR),
        effective=_effective(poll, truth_P),
        budget=_budget(pooled, truth_P) if pooled is not None else [],
        weeks=weekly(days),
        costs=costs,
        generations=generations,
    )


def _accuracy(
    poll: Poll,
    leans_PR: Floats,
    pooled: Consensus | None,
    truth_P: NDArray[np.int8],
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Agreement with humans of each judge and of all votes pooled, overall and by domain."""
    raters = [(name, leans_PR[:, r]) for r, name in enumerate(poll.ballots.raters)]
    if pooled is not None:
        raters.append(("all votes pooled", pooled.lean_P))
    overall, by_domain = [], []
    for name, lean_P in raters:
        hit_P = right(lean_P, truth_P)
        found = mean_by_prompt(hit_P, poll.ballots.prompt_P, rng, repeats=_REPEATS)
        overall.append({"judge": name, **_fields(found)})
        for number, domain in enumerate(poll.ballots.domains):
            inside = poll.ballots.domain_P == number
            if np.isfinite(hit_P[inside]).sum() >= _LEAST_IN_DOMAIN:
                part = mean_by_prompt(
                    hit_P[inside], poll.ballots.prompt_P[inside], rng, repeats=_REPEATS
                )
                by_domain.append({"judge": name, "domain": domain, **_fields(part)})
    return overall, by_domain


def _fields(found: Estimate) -> dict[str, Any]:
    return {
        "share": found.value,
        "low": found.low,
        "high": found.high,
        "pairs": found.n,
        "words": str(found),
    }


def _leanings(poll: Poll) -> list[dict[str, Any]]:
    """How often each judge prefers the response shown first, and the longer one."""
    codes_PRO = poll.ballots.codes_PRO
    longer_P = np.sign(
        [
            len(a or "") - len(b or "")
            for a, b in zip(poll.texts.responses_a, poll.texts.responses_b, strict=True)
        ]
        or np.zeros(0)
    )
    rows = []
    for r, name in enumerate(poll.ballots.raters):
        decided_PO = np.isin(codes_PRO[:, r], (A, B))
        first_PO = np.stack([codes_PRO[:, r, 0] == A, codes_PRO[:, r, 1] == B], axis=1)
        both = decided_PO.all(axis=1)  # asked both ways, so that being first is not being better
        position = wilson(int(first_PO[both].sum()), 2 * int(both.sum()))
        unequal = decided_PO & (longer_P != 0)[:, None]
        long_PO = (codes_PRO[:, r] == A) == (longer_P > 0)[:, None]
        length = wilson(int(long_PO[unequal].sum()), int(unequal.sum()))
        rows += [
            {"judge": name, "preference": "the first shown", **_fields(position)},
            {"judge": name, "preference": "the longer", **_fields(length)},
        ]
    return rows


def _matrix(names: Sequence[str], codes_PR: NDArray[np.int8]) -> list[dict[str, Any]]:
    matrix = agreement_matrix(codes_PR)
    return [
        {"one": one, "other": other, "same answers": float(matrix[i, j])}
        for i, one in enumerate(names)
        for j, other in enumerate(names)
        if not np.isnan(matrix[i, j])
    ]


def _effective(poll: Poll, truth_P: NDArray[np.int8]) -> float | None:
    """Effective number of independent judges; None with fewer answered pairs than it needs."""
    if len(poll.ballots.raters) < 2 or (truth_P != MISSING).sum() < LEAST_SHARED:
        return None
    return effective_number(error_correlation(poll.ballots, truth_P))


def _budget(pooled: Consensus, truth_P: NDArray[np.int8]) -> list[dict[str, Any]]:
    """Agreement with humans when they take the least sure share themselves."""
    known = np.isin(truth_P, (A, B))
    if not known.any():
        return []
    hit_P = np.nan_to_num(right(pooled.lean_P, truth_P))[known]
    hit_P = hit_P[np.argsort(np.maximum(pooled.lean_P, 1 - pooled.lean_P)[known], kind="stable")]
    n = len(hit_P)
    rows = []
    for share in np.linspace(0, 1, 21):
        asked = round(share * n)
        rows.append(
            {
                "share asked": float(share),
                "agreement": float((asked + hit_P[asked:].sum()) / n),
                "pairs": n,
            }
        )
    return rows


def weekly(days: Sequence[tuple[str, str, Order, Choice, int]]) -> list[dict[str, Any]]:
    """By judge and week: ties, abstains and how often the first shown was preferred."""
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for day, judge, order, choice, votes in days:
        on = date.fromisoformat(day)
        monday = (on - timedelta(days=on.weekday())).isoformat()
        cell = counts[monday, judge]
        cell["votes"] += votes
        cell["ties"] += votes * (choice is Choice.TIE)
        cell["abstains"] += votes * (choice is Choice.ABSTAIN)
        if order is not Order.NONE and choice in (Choice.A, Choice.B):
            cell["ordered"] += votes
            cell["first"] += votes * ((order is Order.AB) == (choice is Choice.A))
    return [
        {
            "week": week,
            "judge": judge,
            "votes": cell["votes"],
            "ties": cell["ties"] / cell["votes"],
            "abstains": cell["abstains"] / cell["votes"],
            "first shown": cell["first"] / cell["ordered"] if cell["ordered"] else None,
        }
        for (week, judge), cell in sorted(counts.items())
    ]
