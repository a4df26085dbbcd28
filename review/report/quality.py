"""Agreement with the humans for the report: who agrees how often, on what, and with what doubt.

Answered pairs weigh by what they stand for (`weights`); intervals draw whole prompts.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate, by_prompt, ratio, undefined
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, VoteMatrix
from review.detectors.bias import reversal_rates
from review.detectors.votes import reversed_PR

if TYPE_CHECKING:
    from review.report.facts import Facts

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

TARGETS = (0.95, 0.98, 0.99)
_FOLDS = 5  # by prompt; the usual number, not varied
POINTWISE = "each response is scored alone, so nothing is shown first"
_NO_REFERENCE = "no pair has a human reference that decides for a or b"


@dataclass(frozen=True)
class Reversal:
    """How often one judge contradicts itself when the order is exchanged.

    rate: a different answer, a tie against a or b among them; opposite: a against b.
    """

    judge: str
    rate: Estimate
    opposite: Estimate
    low_quality: bool
    advice: str


@dataclass(frozen=True)
class OneHuman:
    """How often one person agrees with the others, and with how many of them."""

    agreement: Estimate
    against: str


class Measured(Protocol):
    """Votes, what they were pooled to, and what humans decided, on the same pairs."""

    @property
    def vote_matrix(self) -> VoteMatrix:
        """The votes."""
        ...

    @property
    def consensus(self) -> Consensus:
        """All votes pooled."""
        ...

    @property
    def truth_P(self) -> Codes:
        """What humans decided, MISSING where they did not."""
        ...


@dataclass(frozen=True)
class BudgetPoint:
    """Agreement overall when humans take this share of the pairs, least sure first."""

    share: float
    agreement: Estimate


def judge_win_probabilities(vote_matrix: VoteMatrix) -> Floats:
    """1 for a, 0 for b, one half for a tie or a flip, by pair and judge; NaN without a vote."""
    codes = vote_matrix.codes_PRO
    side = (codes == A).astype(np.float64) - (codes == B)
    cast = (codes != MISSING).any(axis=2)
    return np.where(cast, 0.5 + 0.5 * np.sign(side.sum(axis=2)), np.nan)


def single_choices(vote_matrix: VoteMatrix) -> Codes:
    """One choice a judge and pair, its orders together: a, b, or a tie where they contradict."""
    win_probability = judge_win_probabilities(vote_matrix)
    return np.where(
        np.isnan(win_probability),
        MISSING,
        np.where(win_probability == 0.5, TIE, np.where(win_probability > 0.5, A, B)),
    ).astype(np.int8)


def right(win_P: Floats, truth_P: Codes) -> Floats:
    """1 right, 0 wrong, one half for a draw; NaN where nothing is said or nothing to decide."""
    decided = np.isin(truth_P, (A, B)) & ~np.isnan(win_P)
    hit = np.where(win_P == 0.5, 0.5, (win_P > 0.5) == (truth_P == A))
    return np.where(decided, hit, np.nan)


@dataclass
class Quality:
    """Agreement of anybody with one reference, weighed and grouped the same way for all."""

    truth_P: Codes
    weight_P: Floats
    prompt_P: NDArray[np.int64]
    rng: np.random.Generator
    repeats: int

    def of_win_probability(self, win_P: Floats) -> Estimate:
        """Weighted share of pairs whose likelier side is the right one."""
        return self._mean(right(win_P, self.truth_P))

    def best_on_other_prompts(self, win_PR: Floats) -> tuple[list[int], Floats]:
        """The judges that lead on the prompts of the other folds, most often picked first; and
        what the picked one says in each fold, so that picking flatters nobody.
        """
        _, group = np.unique(self.prompt_P, return_inverse=True)
        fold_P = self.rng.permutation(int(group.max(initial=0)) + 1)[group] % _FOLDS
        hit_PR = np.stack(
            [right(win_probability, self.truth_P) for win_probability in win_PR.T], axis=1
        )
        said, picks = np.full(len(group), np.nan), []
        for fold in range(_FOLDS):
            other = fold_P != fold
            weight = np.where(np.isnan(hit_PR[other]), 0.0, self.weight_P[other][:, None])
            total = weight.sum(axis=0)
            if not total.any():
                continue
            score = np.nansum(weight * np.nan_to_num(hit_PR[other]), axis=0)
            mean = np.divide(score, total, out=np.full(len(total), -1.0), where=total > 0)
            picks.append(int(mean.argmax()))
            said[~other] = win_PR[~other, picks[-1]]
        return sorted(set(picks), key=lambda r: (-picks.count(r), r)), said

    def _mean(self, hit_P: Floats) -> Estimate:
        known = ~np.isnan(hit_P) & (self.weight_P > 0)
        if not known.any():
            return undefined(_NO_REFERENCE)
        weight = self.weight_P[known]
        return by_prompt(
            np.stack([weight * hit_P[known], weight], axis=1),
            self.prompt_P[known], ratio, self.rng, repeats=self.repeats,
        )  # fmt: skip


def reversals(
    vote_matrix: VoteMatrix, rng: np.random.Generator, repeats: int
) -> tuple[Reversal, ...]:
    """Each judge's flips between the two orders, worst first; pointwise judges have none."""
    asked, opposite = vote_matrix.swapped_PR, reversed_PR(vote_matrix, ties=False)
    rates = {finding.subject: finding for finding in reversal_rates(vote_matrix, rng)}
    found = []
    for r, judge in enumerate(vote_matrix.raters):
        if judge in vote_matrix.pointwise:
            none = undefined(POINTWISE)
            found.append(Reversal(judge, none, none, False, ""))
            continue
        rate = rates[judge]
        components = np.stack([opposite[:, r], asked[:, r]], axis=1).astype(np.float64)
        hard = by_prompt(
            components, vote_matrix.prompt_P, ratio, rng, repeats=repeats, why=rate.why or "no pair"
        )
        said = Estimate(rate.value, rate.low, rate.high, rate.n, rate.why)
        advice = f"{judge} reverses {rate.value:.0%}: {rate.advice}" if rate.alarm else ""
        found.append(Reversal(judge, said, replace(hard, n=rate.n), rate.alarm, advice))
    return tuple(sorted(found, key=lambda f: -1.0 if f.rate.value is None else -f.rate.value))


def one_human(
    opinions_N3: NDArray[np.int64],
    prompt_P: NDArray[np.int64],
    rng: np.random.Generator,
    repeats: int,
) -> OneHuman:
    """Each answer against the plurality of the others' on its pair.

    Pairs with two or more others where there are any, else pairs with one. Others that draw or
    call a tie decide nothing and are left out; the person's own tie counts one half.
    """
    if not len(opinions_N3):
        return OneHuman(undefined("nobody has answered yet"), "nothing")
    pair, _, choice = opinions_N3.T
    counts = np.zeros((len(prompt_P), 3))
    np.add.at(counts, (pair, choice), 1)
    others = counts[pair]
    others[np.arange(len(pair)), choice] -= 1
    company = others.sum(axis=1)
    least = 2 if (company >= 2).any() else 1
    best = others.max(axis=1)
    clear = (others == best[:, None]).sum(axis=1) == 1
    majority = others.argmax(axis=1)
    kept = (company >= least) & clear & (majority != TIE)
    if not kept.any():
        why = "no pair was answered by two people, so no human can be compared with another"
        return OneHuman(undefined(why), "nothing")
    hit = np.where(choice == TIE, 0.5, choice == majority)[kept]
    estimate = by_prompt(
        np.stack([hit, np.ones(len(hit))], axis=1), prompt_P[pair[kept]], ratio, rng,
        repeats=repeats,
    )  # fmt: skip
    who = "the majority of two or more others" if least == 2 else "one other human, no majority"
    pairs = len(np.unique(pair[kept]))
    return OneHuman(estimate, f"{who}, {len(hit):,} answers on {pairs:,} pairs")


def budget_curve(
    facts: Measured, weight_P: Floats, rng: np.random.Generator, repeats: int
) -> tuple[BudgetPoint, ...]:
    """Agreement at 0, 5, ... 100% of the pairs given to humans, who count as right."""
    hit = right(facts.consensus.win_P, facts.truth_P)
    known = ~np.isnan(hit) & (weight_P > 0)
    if not known.any():
        return ()
    weight, hit = weight_P[known], hit[known]
    place = _place(facts, known, weight)
    points = []
    for step in range(21):
        share = step / 20
        good = np.where(place <= share, 1.0, hit)
        components = np.stack([weight * good, weight], axis=1)
        prompts = facts.vote_matrix.prompt_P[known]
        found = by_prompt(components, prompts, ratio, rng, repeats=min(repeats, 300))
        points.append(BudgetPoint(share, found))
    return tuple(points)


def shares_for(facts: "Facts", weight_P: Floats) -> dict[str, float | None]:
    """Smallest human share for 95, 98 and 99% agreement, least sure first; None: no reference."""
    hit = right(facts.consensus.win_P, facts.truth_P)
    known = ~np.isnan(hit) & (weight_P > 0)
    if not known.any():
        return {f"{target:.0%}": None for target in TARGETS}
    weight, hit = weight_P[known], hit[known]
    place = _place(facts, known, weight)
    order = np.argsort(place, kind="stable")
    lost = (weight * (1.0 - hit))[order] / weight.sum()
    left = np.concatenate([[lost.sum()], lost.sum() - np.cumsum(lost)])
    reached = np.concatenate([[0.0], place[order]])
    return {
        f"{target:.0%}": float(reached[np.argmax(left <= 1.0 - target + 1e-9)])
        for target in TARGETS
    }


def _place(facts: Measured, known: NDArray[np.bool_], weight: Floats) -> Floats:
    """Share of the pairs that are reviewed once this one is, in (0, 1]; equals come together."""
    win_probability = facts.consensus.win_P[known]
    sure = np.round(np.maximum(win_probability, 1.0 - win_probability), 9)
    levels, group = np.unique(sure, return_inverse=True)
    upto = np.cumsum(np.bincount(group, weights=weight, minlength=len(levels)))
    return np.asarray(upto[group] / weight.sum())
