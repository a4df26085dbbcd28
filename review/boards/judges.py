"""The judges page: how each judge fares against humans, and how the panel hangs together.

Measured on a sample where there are many votes (`sample`). Leaves out money (`data`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import abstains, annotators, figures, probes, versions
from db.session import Database
from judges.probe_report import ProbeReport
from judges.trust.agreement import agreement_matrix
from judges.trust.calibration import ReliabilityBin, reliability
from judges.trust.drift import drift_cells
from judges.trust.drift_weeks import weekly_drift
from judges.trust.effective import effective_number, error_correlation
from judges.trust.intervals import Estimate, wilson
from judges.trust.likeness import LEAST_SHARED
from judges.trust.vote_matrix import MISSING, A, B, VoteMatrix
from judges.vote_arrays import VoteTable
from review.boards.sample import PanelSample, read_sample
from review.report.quality import (
    Quality,
    Reversal,
    judge_win_probabilities,
    reversals,
    right,
    single_choices,
)
from review.roles import Action, require

Floats = NDArray[np.float64]

_REPEATS = 300  # draws of the bootstrap: enough for a page, fewer than the report's 1,000
_LEAST_IN_DOMAIN = 10  # decided pairs; with fewer an interval spans half the scale
_WEEKS = 12


@dataclass(frozen=True)
class JudgesBoard:
    """Everything the judges page shows. Rows are plain dicts, ready for a table or a picture.

    voted: pairs with votes; pairs: those measured on; referenced: those of them humans decided;
    accidents: answers that were no verdicts, by judge and kind; probes: what each probe showed;
    silent: judges that a required probe keeps from voting, and why.
    """

    voted: int
    pairs: int
    referenced: int
    accuracy: list[dict[str, Any]]
    by_domain: list[dict[str, Any]]
    reversals: tuple[Reversal, ...]
    leanings: list[dict[str, Any]]
    calibration: tuple[ReliabilityBin, ...]
    matrix: list[dict[str, Any]]
    effective: float | None
    weeks: list[dict[str, Any]]
    generations: list[dict[str, Any]]
    accidents: list[dict[str, Any]]
    probes: list[dict[str, Any]]
    silent: dict[str, str]


def judges_board(database: Database, asking_id: int) -> JudgesBoard:
    """Gather it. Raises NotAllowed for whom it is not meant."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_DATA)
        sample = read_sample(session)
        generations = figures.generations(session)
        accidents = abstains.by_judge(session)
        probed = probes.outcomes(session).values()
        silent = versions.silenced(session)
    rng = np.random.default_rng(7)
    vote_table, pooled, truth_P = sample.vote_table, sample.consensus, sample.truth_P
    drawn = vote_table.vote_matrix.take(sample.drawn_P)
    accuracy, by_domain = _accuracy(sample, rng)
    return JudgesBoard(
        voted=sample.voted,
        pairs=len(vote_table.vote_matrix),
        referenced=int(np.isin(truth_P, (A, B)).sum()),
        accuracy=accuracy,
        by_domain=by_domain,
        reversals=reversals(drawn, rng, _REPEATS) if len(drawn) else (),
        leanings=_leanings(drawn, _longer(vote_table)[sample.drawn_P]),
        calibration=reliability(pooled.win_P, truth_P) if pooled is not None else (),
        matrix=_matrix(drawn.raters, single_choices(drawn)),
        effective=_effective(vote_table, truth_P),
        weeks=weekly(sample, rng),
        generations=generations,
        accidents=[
            {"judge": name, "answers": n, "no verdict, because": kind}
            for name, counts in accidents.items()
            for kind, n in counts.most_common()
        ],
        probes=[row for outcome in probed for row in _changes(outcome)],
        silent=silent,
    )


def _changes(outcome: probes.Outcome) -> list[dict[str, Any]]:
    """A row a change of one probe."""
    report = ProbeReport.of_figures(outcome.report)
    return [
        {
            "judge": outcome.judge,
            "version": outcome.version[:7],
            "change": row.change,
            "known effect": row.effect,
            "pairs": row.pairs,
            "flips": row.flips,
            "flips by the placebo": row.placebo_flips,
            "points more": row.told,
            "verdict": row.verdict,
        }
        for row in report.rows
    ]


def _accuracy(
    sample: PanelSample, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Agreement with humans of each judge and of all votes pooled, overall and by domain.

    Decided pairs weigh as they do in the report.
    """
    vote_matrix, truth_P = sample.vote_matrix, sample.truth_P
    win_PR = judge_win_probabilities(vote_matrix)
    raters = [(name, win_PR[:, r]) for r, name in enumerate(vote_matrix.raters)]
    if sample.consensus is not None:
        raters.append(("all votes pooled", sample.consensus.win_P))
    overall, by_domain = [], []
    for name, win_P in raters:
        hit_P = right(win_P, truth_P)

        def among(kept_P: NDArray[np.bool_], win_P: Floats = win_P) -> dict[str, Any]:
            measured = Quality(
                np.where(kept_P, truth_P, MISSING).astype(np.int8),
                sample.weight_P, vote_matrix.prompt_P, rng, _REPEATS,
            )  # fmt: skip
            return _fields(measured.of_win_probability(win_P))

        overall.append({"judge": name, **among(np.ones(len(truth_P), bool))})
        for number, domain in enumerate(vote_matrix.domains):
            inside = vote_matrix.domain_P == number
            if np.isfinite(hit_P[inside]).sum() >= _LEAST_IN_DOMAIN:
                by_domain.append({"judge": name, "domain": domain, **among(inside)})
    return overall, by_domain


def _fields(found: Estimate) -> dict[str, Any]:
    return {
        "share": found.value,
        "low": found.low,
        "high": found.high,
        "pairs": found.n,
        "words": str(found),
    }


def _longer(vote_table: VoteTable) -> Floats:
    """1 where A is longer, -1 where B is, by pair."""
    texts = zip(vote_table.texts.responses_a, vote_table.texts.responses_b, strict=True)
    return np.sign(np.array([len(a or "") - len(b or "") for a, b in texts], dtype=np.float64))


def _leanings(vote_matrix: VoteMatrix, longer_P: Floats) -> list[dict[str, Any]]:
    """How often each judge prefers the response shown first, where it was shown so, and the longer
    one."""
    codes_PRO = vote_matrix.codes_PRO
    rows = []
    for r, name in enumerate(vote_matrix.raters):
        decided_PO = np.isin(codes_PRO[:, r], (A, B))
        first_PO = np.stack([codes_PRO[:, r, 0] == A, codes_PRO[:, r, 1] == B], axis=1)
        both = (
            decided_PO.all(axis=1) & vote_matrix.swapped_PR[:, r]
        )  # asked both ways, so that being first is not being better
        position = wilson(int(first_PO[both].sum()), 2 * int(both.sum()))
        unequal = decided_PO & (longer_P != 0)[:, None]
        long_PO = (codes_PRO[:, r] == A) == (longer_P > 0)[:, None]
        length = wilson(int(long_PO[unequal].sum()), int(unequal.sum()))
        if name not in vote_matrix.pointwise:
            rows.append({"judge": name, "preference": "the first shown", **_fields(position)})
        rows.append({"judge": name, "preference": "the longer", **_fields(length)})
    return rows


def _matrix(names: Sequence[str], codes_PR: NDArray[np.int8]) -> list[dict[str, Any]]:
    matrix = agreement_matrix(codes_PR)
    given = (codes_PR >= 0).astype(np.int64)
    both = given.T @ given
    return [
        {"one": one, "other": other, "same answers": float(matrix[i, j]), "pairs": int(both[i, j])}
        for i, one in enumerate(names)
        for j, other in enumerate(names)
        if not np.isnan(matrix[i, j])
    ]


def _effective(vote_table: VoteTable, truth_P: NDArray[np.int8]) -> float | None:
    """Effective number of independent judges; None with fewer answered pairs than it needs."""
    if len(vote_table.vote_matrix.raters) < 2 or (truth_P != MISSING).sum() < LEAST_SHARED:
        return None
    return effective_number(error_correlation(vote_table.vote_matrix, truth_P))


def weekly(sample: PanelSample, rng: np.random.Generator) -> list[dict[str, Any]]:
    """By judge and week, of the drawn pairs: how unlike the weeks before its votes are."""
    vote_matrix = sample.vote_matrix.take(sample.drawn_P)
    week_PR = sample.week_PR[sample.drawn_P]
    rows = []
    for r, name in enumerate(vote_matrix.raters):
        cells_P = drift_cells(vote_matrix, r)
        for found in weekly_drift(cells_P, week_PR[:, r], vote_matrix.prompt_P, rng)[-_WEEKS:]:
            rows.append(
                {
                    "week": datetime.fromtimestamp(found.week, UTC).date().isoformat(),
                    "judge": name,
                    "pairs": found.pairs,
                    "drift": found.excess,
                    "G": found.statistic,
                    "limit": found.limit,
                }
            )
    return rows
