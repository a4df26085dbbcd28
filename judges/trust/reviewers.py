"""How reliable human reviewers are, and how sure one may be after their reviews of a pair.

One-coin model (Dawid, Skene 1979, with one accuracy a reviewer): a reviewer names the true choice
with their accuracy, every wrong one equally often. Evidence: gold answers, overlap with other
reviewers, and hidden repeats, under a Beta prior. Leaves out who may review (review).
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta as beta_law

from judges.trust.vote_matrix import MISSING, TIE

CHOICES = TIE + 1

PRIOR = (8.0, 2.0)
"""Beta prior of an accuracy: mean .8, worth ten answers; crowds measured .72-.77, experts .96."""

_GRID = np.linspace(0.005, 0.995, 199)


@dataclass(frozen=True)
class Answers:
    """Human answers as rows: pair and reviewer numbers and the choice code (never MISSING)."""

    pair_V: NDArray[np.int64]
    reviewer_V: NDArray[np.int64]
    choice_V: NDArray[np.int8]


def fit_reviewers(
    answers: Answers,
    reviewers: int,
    pairs: int,
    *,
    gold_P: NDArray[np.int8] | None = None,
    panel_PK: NDArray[np.float64] | None = None,
    same_R: NDArray[np.int64] | None = None,
    repeated_R: NDArray[np.int64] | None = None,
    prior: tuple[float, float] = PRIOR,
    iterations: int = 50,
) -> NDArray[np.float64]:
    """Accuracy of every reviewer by EM over the unknown truths, gold pairs being known.

    The mean of each posterior, in [0, 1]; a reviewer whom no evidence reaches keeps the prior's.

    gold_P: choice codes of gold pairs, MISSING elsewhere. panel_PK: the judges' probabilities as
    prior of each truth; uniform where not given. same_R of repeated_R hidden repeats were answered
    as before: a careful reviewer repeats with a^2 + (1-a)^2 / (K-1).
    """
    weight_V, known = _evidence(answers, pairs, gold_P)
    accuracy = np.full(reviewers, prior[0] / sum(prior))
    for _ in range(iterations):
        truth = truth_posterior(answers, pairs, accuracy, panel_PK=panel_PK)
        if gold_P is not None:
            truth[known] = np.eye(CHOICES)[gold_P[known]]
        right = truth[answers.pair_V, answers.choice_V]
        hits = prior[0] + np.bincount(answers.reviewer_V, weight_V * right, reviewers)
        misses = prior[1] + np.bincount(answers.reviewer_V, weight_V * (1 - right), reviewers)
        fresh = hits / (hits + misses)
        if np.abs(fresh - accuracy).max(initial=0.0) < 1e-6:
            break
        accuracy = fresh
    none = np.zeros(reviewers, np.int64)
    repeated, same = (none if x is None else x for x in (repeated_R, same_R))
    return _posterior_mean(
        np.asarray(hits, np.float64), np.asarray(misses, np.float64), same, repeated
    )


def _evidence(
    answers: Answers, pairs: int, gold_P: NDArray[np.int8] | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Weight 1 of the answers that tell something: on gold, or on pairs that another reviewer
    answered too; and which pairs are gold.
    """
    known = np.zeros(pairs, bool) if gold_P is None else np.asarray(gold_P != MISSING)
    asked = np.unique(np.stack([answers.pair_V, answers.reviewer_V]), axis=1)
    several = np.bincount(asked[0], minlength=pairs) > 1
    return (several | known)[answers.pair_V].astype(np.float64), known


def _posterior_mean(
    a_R: NDArray[np.float64],
    b_R: NDArray[np.float64],
    same_R: NDArray[np.int64],
    repeated_R: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Mean on a grid of Beta times the likelihood of the repeats."""
    steady = repeat_rate(_GRID)
    density: NDArray[np.float64] = np.asarray(beta_law.logpdf(_GRID, a_R[:, None], b_R[:, None]))
    density = density + same_R[:, None] * np.log(steady)
    density = density + (repeated_R - same_R)[:, None] * np.log1p(-steady)
    density = np.exp(density - density.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    return np.asarray(density @ _GRID)


Share = TypeVar("Share", float, NDArray[np.float64])


def repeat_rate(accuracy: Share) -> Share:
    """Probability that a reviewer who is right with `accuracy` answers a pair twice alike."""
    return accuracy**2 + (1 - accuracy) ** 2 / (CHOICES - 1)


def truth_posterior(
    answers: Answers,
    pairs: int,
    accuracy_R: NDArray[np.float64],
    *,
    panel_PK: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Probability of each choice being right after the reviews, [pairs, (a, b, tie)].

    Reviews are independent given the truth and of the panel; the panel's probabilities are the
    prior (uniform without one). A pair without a review keeps its prior.
    """
    prior = np.full((pairs, CHOICES), 1.0 / CHOICES) if panel_PK is None else panel_PK
    accuracy = np.clip(accuracy_R, 1e-6, 1 - 1e-6)[answers.reviewer_V]
    gain = np.log(accuracy) - np.log((1 - accuracy) / (CHOICES - 1))
    log_p = np.log(np.clip(prior, 1e-9, 1.0))
    np.add.at(log_p, (answers.pair_V, answers.choice_V), gain)
    log_p -= log_p.max(axis=1, keepdims=True)
    p = np.exp(log_p)
    return np.asarray(p / p.sum(axis=1, keepdims=True))
