"""The panels a trained judge could make: beside all, in the place of some, alone, or asked first.

Each is a table of votes that a label model pools, and what its calls cost a pair. Leaves out what
of them is the cheapest (`judges.trust.panel_choice`) and where votes come from (`effect`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from judges.trust.panel_choice import Candidate
from judges.trust.vote_matrix import MISSING, Pooler, VoteMatrix
from trainer.gate.panels import TODAY

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]

ASKED_SHARES = (0.8, 0.6, 0.4, 0.2)  # of the pairs, least sure first, that others are asked about
MOST_SINGLES = 8  # members whose place it is tried in, the dearest first
# Each fold is a fit of every candidate, so few; by hand.
_FOLDS = 3


@dataclass(frozen=True)
class JudgeAnswers:
    """What a trained judge says of the pairs `rows`: choices in both orders [rows, 2], how sure it
    is of each; of A over B its calibrated log-odds and probability [rows], means of both orders.
    """

    name: str
    family: str
    rows: NDArray[np.int64]
    codes_PO: Codes
    sure_PO: Floats
    log_odds_P: Floats
    p_a_P: Floats


@dataclass(frozen=True)
class PanelVotes:
    """One candidate: its votes, the members left out; of a judge asked first, how far from one half
    its p_a must be for `spares` not to be asked, and where they are asked (None: everywhere).
    """

    name: str
    vote_matrix: VoteMatrix
    instead_of: tuple[str, ...] = ()
    threshold: float | None = None
    spares: tuple[str, ...] = ()
    asked_P: NDArray[np.bool_] | None = None

    def calls_P(self, usd: Mapping[str, float]) -> Floats:
        """Dollars of calls a pair takes."""
        each = sum(usd.get(rater, 0.0) for rater in self.vote_matrix.raters)
        if self.asked_P is None:
            return np.full(len(self.vote_matrix), each)
        calls: Floats = each * self.asked_P.astype(np.float64)
        return calls


def panels_with(
    today: VoteMatrix, others: VoteMatrix, judge: JudgeAnswers, usd: Mapping[str, float]
) -> Iterator[PanelVotes]:
    """Today's panel, then those that the judge could make with `others` (today's without it and
    without the trained judge it would replace).

    usd: dollars of calls a pair by member; those that cost nothing stay, as nothing is saved. The
    dearest are replaced first, one at a time and together; alone, the judge replaces all.
    """
    yield PanelVotes(TODAY, today)
    joined = with_rater(others, judge)
    yield PanelVotes(f"with {judge.name}", joined)
    paid = sorted((r for r in others.raters if usd.get(r, 0.0) > 0), key=lambda r: (-usd[r], r))
    groups: list[tuple[str, ...]] = [(one,) for one in paid[:MOST_SINGLES]]
    groups += [tuple(paid[:count]) for count in range(2, len(paid) + 1)]
    for group in groups:
        kept = [r for r, name in enumerate(joined.raters) if name not in group]
        told = f"{judge.name} in the place of {' and '.join(group)}"
        yield PanelVotes(told, joined.keep_raters(np.array(kept, np.int64)), group)
    if others.raters and len(paid) < len(others.raters):
        own = np.array([len(joined.raters) - 1], np.int64)
        yield PanelVotes(f"{judge.name} alone", joined.keep_raters(own), tuple(others.raters))
    if not paid:
        return
    members = np.flatnonzero([rater in paid for rater in joined.raters])
    sure_P = np.zeros(len(others))
    sure_P[judge.rows] = np.abs(judge.p_a_P - 0.5)
    for share in ASKED_SHARES:
        threshold = float(np.quantile(sure_P[judge.rows], share))
        asked_P = sure_P < threshold
        yield PanelVotes(
            f"{judge.name} first, the others about {share:.0%}",
            joined.muted(members, ~asked_P),
            threshold=threshold,
            spares=tuple(paid),
            asked_P=asked_P,
        )


def measured(
    panel: PanelVotes,
    read: Callable[[VoteMatrix], VoteMatrix],
    labels_P: Codes,
    measured_P: NDArray[np.bool_],
    pooler: Callable[[], Pooler],
    usd: Mapping[str, float],
    seed: int = 0,
) -> Candidate:
    """A candidate's leans by fits that saw no answer to any pair of the same prompt.

    read: adds what texts say. labels_P teach; measured_P are the pairs wanted, other leans are NaN.
    """
    win_P = cross_fitted(read(panel.vote_matrix), labels_P, measured_P, pooler, seed)
    return Candidate(
        panel.name, win_P, panel.calls_P(usd), panel.instead_of, panel.threshold, panel.spares
    )


def cross_fitted(
    vote_matrix: VoteMatrix,
    labels_P: Codes,
    measured_P: NDArray[np.bool_],
    pooler: Callable[[], Pooler],
    seed: int = 0,
) -> Floats:
    """Leans of a label model on the pairs wanted, by fits blind to their prompts."""
    win_P = np.full(len(vote_matrix), np.nan)
    prompts = np.unique(vote_matrix.prompt_P[measured_P])
    shuffled = np.random.default_rng(seed).permutation(prompts)
    for fold in np.array_split(shuffled, min(_FOLDS, max(len(shuffled), 1))):
        held = np.isin(vote_matrix.prompt_P, fold)
        labels = np.where(held, MISSING, labels_P).astype(np.int8)
        found = pooler().fit(vote_matrix, labels).predict(vote_matrix)
        win_P[held & measured_P] = found.win_P[held & measured_P]
    return win_P


def with_rater(vote_matrix: VoteMatrix, judge: JudgeAnswers) -> VoteMatrix:
    """The votes with one more rater, who speaks on its rows only."""
    size, raters = len(vote_matrix), len(vote_matrix.raters)
    codes = np.full((size, 1, 2), MISSING, np.int8)
    codes[judge.rows, 0] = judge.codes_PO
    confidence = vote_matrix.confidence_PRO
    if confidence is None:
        confidence = np.full(vote_matrix.codes_PRO.shape, np.nan, np.float32)
    sure = np.full((size, 1, 2), np.nan, np.float32)
    sure[judge.rows, 0] = judge.sure_PO
    weighed = vote_matrix.log_odds_PR
    if weighed is None:
        weighed = np.full((size, raters), np.nan, np.float32)
    log_odds = np.full((size, 1), np.nan, np.float32)
    log_odds[judge.rows, 0] = judge.log_odds_P
    return replace(
        vote_matrix,
        codes_PRO=np.concatenate([vote_matrix.codes_PRO, codes], axis=1),
        raters=(*vote_matrix.raters, judge.name),
        families=(*vote_matrix.families, judge.family),
        confidence_PRO=np.concatenate([confidence, sure], axis=1),
        orderless_PR=None
        if vote_matrix.orderless_PR is None
        else np.pad(vote_matrix.orderless_PR, ((0, 0), (0, 1))),
        log_odds_PR=np.concatenate([weighed, log_odds], axis=1),
    )
