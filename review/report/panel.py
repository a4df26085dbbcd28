"""What the panel is worth, for the report: who agrees with whom, and how many judges there are.

Leaves out agreement with the reference as the table has it (`quality`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from judges.trust.agreement import agreement_matrix, krippendorff_alpha
from judges.trust.effective import (
    LEAST_LABELS,
    effective_number,
    error_correlation,
    judge_values,
    vote_correlation,
)
from judges.trust.intervals import Estimate, undefined
from judges.trust.label_model import LabelModel
from judges.trust.likeness import LEAST_SHARED
from judges.trust.vote_matrix import MISSING, A, B
from review.report.quality import single_choices

if TYPE_CHECKING:
    from review.report.facts import Facts

HUMANS = "humans"
MOST_JUDGES = 12
"""What each judge adds is not computed for larger panels: it takes a fit a judge."""


@dataclass(frozen=True)
class JudgeGain:
    """What one judge adds. gain: log-loss of the panel without it minus with it."""

    judge: str
    gain: Estimate
    n_eff_without: float
    drop: bool


@dataclass(frozen=True)
class Effective:
    """How many independent judges the panel is worth, by what, and what each adds."""

    n_eff: float
    basis: str
    values: tuple[JudgeGain, ...]


def matrix(facts: "Facts") -> tuple[tuple[str, ...], tuple[tuple[float | None, ...], ...]]:
    """Equal choices of every two raters, the consensus and the humans' reference among them."""
    codes = np.concatenate(
        [
            single_choices(facts.vote_matrix),
            facts.consensus.choice_P[:, None],
            facts.truth_P[:, None],
        ],
        axis=1,
    )
    values = agreement_matrix(codes)
    names = (*facts.vote_matrix.raters, "ensemble", HUMANS)
    return names, tuple(
        tuple(None if np.isnan(value) else float(value) for value in line) for line in values
    )


def alpha_judges(facts: "Facts", rng: np.random.Generator, repeats: int) -> Estimate:
    """Krippendorff's alpha between judges, each judge's orders together."""
    codes, prompts = single_choices(facts.vote_matrix), facts.vote_matrix.prompt_P
    return krippendorff_alpha(codes, prompts, rng, repeats=repeats)


def alpha_humans(facts: "Facts", rng: np.random.Generator, repeats: int) -> Estimate:
    """Krippendorff's alpha between people; who they are does not matter to it, only the counts."""
    if not len(facts.opinions_N3):
        return undefined("nobody has answered yet")
    pair, _, choice = facts.opinions_N3.T
    order = np.argsort(pair, kind="stable")
    pair, choice = pair[order], choice[order]
    start = np.searchsorted(pair, pair)
    judge_session = np.arange(len(pair)) - start
    codes = np.full((len(facts.vote_matrix), int(judge_session.max()) + 1), MISSING, np.int8)
    codes[pair, judge_session] = choice
    return krippendorff_alpha(codes, facts.vote_matrix.prompt_P, rng, repeats=repeats)


def effective(facts: "Facts", rng: np.random.Generator) -> Effective | None:
    """From errors on answered pairs where enough are answered, else from the votes alone."""
    raters = len(facts.vote_matrix.raters)
    if raters < 2:
        return None
    decided = int(np.isin(facts.truth_P, (A, B)).sum())
    if decided < LEAST_SHARED:
        found = effective_number(vote_correlation(facts.vote_matrix))
        return Effective(found, "at least; from votes, as too few pairs are answered", ())
    values: tuple[JudgeGain, ...] = ()
    taught = facts.teach_P
    labels = 0 if taught is None else int(np.isin(taught, (A, B)).sum())
    if taught is not None and labels >= LEAST_LABELS and raters <= MOST_JUDGES:
        values = tuple(
            JudgeGain(v.rater, v.gain, v.n_eff_without, v.drop)
            for v in judge_values(
                lambda: LabelModel(boosting=False), facts.vote_matrix, taught, rng
            )
        )
    n_eff = effective_number(error_correlation(facts.vote_matrix, facts.truth_P))
    return Effective(n_eff, f"from errors on {decided:,} answered pairs", values)
