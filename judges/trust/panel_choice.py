"""Which panel labels most cheaply at the same quality: candidates priced on the very same pairs.

A panel needs a share h of human answers for a target agreement, and calls; its price a pair is
h × (price of an answer) + calls. All is paired and drawn by whole prompts. Leaves out how the
candidates' probabilities came about (cross-fitted by prompt, `app.pipeline.candidates`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from judges.trust.calibration import human_shares
from judges.trust.vote_matrix import A, B

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


@dataclass(frozen=True)
class Candidate:
    """One panel's word on P pairs: win_P its leans, calls_P dollars of calls that a pair takes.

    instead_of: members that it would no longer ask. threshold: of a judge asked first, how far its
    probability of A must be from one half for the members `spares` not to be asked; None where all
    are asked about every pair.
    """

    name: str
    win_P: Floats
    calls_P: Floats
    instead_of: tuple[str, ...] = ()
    threshold: float | None = None
    spares: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What is asked for. target: agreement with gold, a share. answer_usd: price of an answer.

    log_loss_margin (nats) and human_share_margin (share of pairs): how much worse a cheaper panel
    may be at most. smallest: the saving worth looking for, as a share of an answer a pair.
    """

    target: float = 0.9
    answer_usd: float = 0.25
    log_loss_margin: float = 0.03
    human_share_margin: float = 0.05
    smallest: float = 0.02


@dataclass(frozen=True)
class Change:
    """Candidate minus today's panel: its value, standard error and 95% interval by prompt."""

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class Priced:
    """A candidate as measured. human_share at the target, calls_usd and usd (the price) a pair;
    accuracy of decided pairs and log-loss (nats). The changes are against today's panel.
    """

    candidate: Candidate
    human_share: float
    calls_usd: float
    usd: float
    accuracy: float
    log_loss: float
    usd_change: Change
    human_share_change: Change
    log_loss_change: Change

    def not_worse(self, terms: Terms) -> bool:
        """Non-inferior at 95%: neither change can be beyond its margin."""
        return (
            self.log_loss_change.high <= terms.log_loss_margin
            and self.human_share_change.high <= terms.human_share_margin
        )


@dataclass(frozen=True)
class Sample:
    """The pairs that measure: truth A or B (others are left out), prompts, weights (pairs that each
    stands for), and which of them are frozen gold.
    """

    truth_P: Codes
    prompt_P: NDArray[np.int64]
    weight_P: Floats
    gold_P: NDArray[np.bool_] = field(repr=False)

    def only(self, mask_P: NDArray[np.bool_]) -> "Sample":
        """The pairs of a mask."""
        return Sample(
            self.truth_P[mask_P], self.prompt_P[mask_P], self.weight_P[mask_P], self.gold_P[mask_P]
        )

    @property
    def decided_P(self) -> NDArray[np.bool_]:
        """Where the truth is A or B."""
        return np.asarray((self.truth_P == A) | (self.truth_P == B))


def price(
    candidates: Sequence[Candidate],
    sample: Sample,
    terms: Terms,
    *,
    seed: int = 0,
    repeats: int = 400,
) -> list[Priced]:
    """Every candidate on the sample's decided pairs; the first is today's panel.

    A change is at least one pair wide, so that what no resample moves is not held for certain.
    """
    sample_P = sample.decided_P
    sample = sample.only(sample_P)
    rounds_RP = np.concatenate(
        [sample.weight_P[None], sample.weight_P * times(sample.prompt_P, repeats, seed)]
    )
    figures = np.stack(
        [
            _figures(each.win_P[sample_P], each.calls_P[sample_P], sample, terms, rounds_RP)
            for each in candidates
        ]
    )
    least = 1.0 / max(len(sample.truth_P), 1)
    found = []
    for c, candidate in enumerate(candidates):
        apart = figures[c] - figures[0]
        floor = least * (c > 0)
        share, called, usd, right, loss = figures[c, :, 0]
        found.append(
            Priced(
                candidate,
                human_share=float(share),
                calls_usd=float(called),
                usd=float(usd),
                accuracy=float(right),
                log_loss=float(loss),
                usd_change=_change(apart[2], floor * terms.answer_usd),
                human_share_change=_change(apart[0], floor),
                log_loss_change=_change(apart[4], 0.0),
            )
        )
    return found


def cheapest(priced: Sequence[Priced], terms: Terms) -> Priced:
    """Of those not worse, the one of the lowest price; today's where none is."""
    fit = [each for each in priced[1:] if each.not_worse(terms)]
    return min([priced[0], *fit], key=lambda each: each.usd)


def times(prompt_P: NDArray[np.int64], repeats: int, seed: int) -> Floats:
    """How often each pair is drawn, [repeats, pairs]: whole prompts with replacement, as many as
    there are.
    """
    rng = np.random.default_rng(seed)
    _, group = np.unique(prompt_P, return_inverse=True)
    prompts = int(group.max()) + 1 if len(group) else 0
    drawn = rng.multinomial(prompts, np.full(prompts, 1 / max(prompts, 1)), repeats)
    often: Floats = drawn[:, group].astype(np.float64)
    return often


def _figures(
    win_P: Floats, calls_P: Floats, sample: Sample, terms: Terms, weight_RP: Floats
) -> Floats:
    """[5, rounds]: human share, calls, price, accuracy and log-loss under each weighting."""
    total = weight_RP.sum(axis=1)
    share = human_shares(win_P, sample.truth_P, terms.target, weight_RP)
    called = weight_RP @ calls_P / total
    is_a = sample.truth_P == A
    given = np.clip(np.where(is_a, win_P, 1 - win_P), 1e-12, 1.0)
    right = np.where(win_P == 0.5, 0.5, (win_P > 0.5) == is_a)
    usd = share * terms.answer_usd + called
    return np.stack(
        [share, called, usd, weight_RP @ right / total, weight_RP @ -np.log(given) / total]
    )


def _change(values_R: Floats, least: float) -> Change:
    """The first round is what was seen, the others were drawn."""
    drawn = values_R[1:]
    error = max(float(drawn.std(ddof=1)), least)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Change(float(values_R[0]), error, float(low), float(high))
