"""Drift: notice that a judge, or the error a certificate bounds, is no longer what it was.

Three alarms: a windowed G-test on the votes of one judge (no label needed), a replay of sentinel
pairs, and an anytime-valid test on audits that withdraws a certificate. A change of a few points
in accuracy is usually missed by the first; that is why there are three. Leaves out what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, xlogy
from scipy.stats import fisher_exact

from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, VoteMatrix

# Why each number here is what it is: docs/design/drift.md.
CELLS = 8
"""Cells of the G-test: 2 * swap outcome + agrees with the others.

Swap outcomes: 0 same side twice, 1 the first shown twice, 2 the second shown twice, 3 a tie or one
order only."""

FEW = 5
"""Fewer pairs of the reference make no cell of their own: the usual least count (Cochran 1954)."""

WINDOWS = (50, 70, 100, 140, 200, 280, 400, 800)

LEAST_REFERENCE = 50
"""Reference pairs a judge is not watched without."""

WORSE = np.linspace(0.02, 0.98, 25)
"""w of the error rates 1 − (1 − bound)(1 − w)² that a watch of audits bets on."""


def drift_cells(vote_matrix: VoteMatrix, rater: int) -> NDArray[np.int8]:
    """Cell of every pair for one judge, MISSING where it did not vote.

    "Agrees" compares the side the judge took (its answer in order ab where the orders contradict
    each other) with the side most of the other judges' votes took; where either has no side it is
    a disagreement.
    """
    codes = vote_matrix.codes_PRO
    ab, ba = codes[:, rater, AB], codes[:, rater, BA]
    outcome = np.full(len(codes), 3, np.int8)
    outcome[(ab == ba) & (ab != TIE) & (ab != MISSING)] = 0
    outcome[(ab == A) & (ba == B)] = 1
    outcome[(ab == B) & (ba == A)] = 2
    has_side = np.isin(ab, (A, B))
    side = np.where(has_side, _sign(ab), _sign(ba))
    others = np.delete(codes, rater, axis=1)
    most = np.sign(_sign(others).sum(axis=(1, 2)))
    agrees = (side == most) & (side != 0)
    cells = (2 * outcome + agrees).astype(np.int8)
    cells[(ab == MISSING) & (ba == MISSING)] = MISSING
    return np.asarray(cells)


def _sign(codes: NDArray[np.int8]) -> NDArray[np.int64]:
    return np.asarray((codes == A).astype(np.int64) - (codes == B).astype(np.int64))


@dataclass(frozen=True)
class DriftReference:
    """What a judge looked like, and how far a window may stray before it rings.

    counts_C: cells of the reference pairs. thresholds: G per window. false_alarms: probability of
    any alarm within `horizon` pairs while nothing changes, by simulation.
    """

    counts_C: NDArray[np.int64]
    windows: tuple[int, ...]
    thresholds: tuple[float, ...]
    false_alarms: float
    horizon: int


@dataclass(frozen=True)
class DriftAlarm:
    """First alarm in a stream. at: pairs seen when it rang. excess: G over its threshold."""

    at: int
    window: int
    statistic: float
    threshold: float

    @property
    def excess(self) -> float:
        """How many times the threshold was reached; above 1."""
        return self.statistic / self.threshold


def fit_reference(
    cells_T: NDArray[np.int8],
    rng: np.random.Generator,
    *,
    prompt_T: NDArray[np.int64] | None = None,
    windows: Sequence[int] = WINDOWS,
    false_alarms: float = 0.04,
    horizon: int = 2000,
    simulations: int = 400,
) -> DriftReference:
    """Thresholds by simulating both the reference and the stream after it.

    cells_T: the reference pairs' cells (300 is a good number). prompt_T: their prompts; pairs of a
    prompt are alike and come together, so whole prompts are drawn. Each simulation draws a
    population from the posterior (Jeffreys over cells; over prompts the Bayesian bootstrap, Rubin
    1981), then a reference and a stream from it, so that the error of the reference, rare cells
    above all, is part of the threshold. Together the windows ring with `false_alarms`.
    """
    known = cells_T != MISSING
    seen = cells_T[known]
    prompts = np.arange(len(seen)) if prompt_T is None else np.asarray(prompt_T)[known]
    if len(seen) < LEAST_REFERENCE:
        raise ValueError(
            f"{len(seen)!r} reference pairs; at least {LEAST_REFERENCE} are needed "
            "(300 are good): wait for more votes before watching this judge."
        )
    windows = tuple(window for window in windows if window <= horizon)
    if not windows:
        raise ValueError(
            f"a horizon of {horizon!r} pairs is shorter than every window: watch more pairs."
        )
    counts = np.bincount(seen, minlength=CELLS)
    population = _Population.of(seen, prompts)
    maxima = np.empty((simulations, len(windows)))
    for run in range(simulations):
        reference, stream = population.draw(rng, len(seen), horizon)
        paths = _paths(np.bincount(reference, minlength=CELLS), stream, windows)
        maxima[run] = np.nanmax(paths, axis=0)
    return DriftReference(
        counts, windows, _joint_thresholds(maxima, false_alarms), false_alarms, horizon
    )


@dataclass(frozen=True)
class _Population:
    """Cells sorted by prompt, and where each prompt begins and how many it has."""

    cells_N: NDArray[np.int8]
    start_G: NDArray[np.int64]
    size_G: NDArray[np.int64]

    @classmethod
    def of(cls, cells_T: NDArray[np.int8], prompt_T: NDArray[np.int64]) -> "_Population":
        order = np.argsort(prompt_T, kind="stable")
        _, start, size = np.unique(prompt_T[order], return_index=True, return_counts=True)
        return cls(cells_T[order], start, size)

    def draw(
        self, rng: np.random.Generator, first: int, then: int
    ) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Two streams of so many cells from one population out of the posterior.

        With one pair a prompt this is Dirichlet(counts + 1/2): a Dirichlet over the pairs, mixed
        with one over the cells by Beta(4, N).
        """
        weight_G = rng.dirichlet(np.ones(len(self.size_G)))
        rare_C = rng.dirichlet(np.full(CELLS, 0.5))
        rare = rng.beta(CELLS / 2, len(self.cells_N))
        one, other = (self._stream(rng, weight_G, length) for length in (first, then))
        for cells in (one, other):
            swap = rng.random(len(cells)) < rare
            cells[swap] = rng.choice(CELLS, size=int(swap.sum()), p=rare_C)
        return one, other

    def _stream(
        self, rng: np.random.Generator, weight_G: NDArray[np.float64], length: int
    ) -> NDArray[np.int8]:
        drawn: list[NDArray[np.int64]] = []
        missing = length
        while missing > 0:
            more = rng.choice(len(weight_G), size=max(1, missing // 2 + 1), p=weight_G)
            drawn.append(more)
            missing -= int(self.size_G[more].sum())
        chosen = np.concatenate(drawn)
        size = self.size_G[chosen]
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        return np.array(self.cells_N[np.repeat(self.start_G[chosen], size) + within][:length])


def _joint_thresholds(maxima: NDArray[np.float64], false_alarms: float) -> tuple[float, ...]:
    """Thresholds that any window passes in the asked share of further runs.

    Windows are brought to one scale by their own upper decile; then a single order statistic of
    the runs' largest decides, the (1 - false_alarms)(runs + 1)-th, whose level is exact for
    exchangeable runs. A quantile a window would be fitted eight times over, and ring too often.
    """
    scale = np.quantile(maxima, 0.9, axis=0)
    largest = np.sort((maxima / scale).max(axis=1))
    rank = min(ceil((1.0 - false_alarms) * (len(largest) + 1)), len(largest)) - 1
    return tuple(float(value) for value in scale * largest[rank])


def _paths(
    reference_C: NDArray[np.int64], stream_T: NDArray[np.integer], windows: Sequence[int]
) -> NDArray[np.float64]:
    """Two-sample G of the last `w` pairs against the reference, [time, windows]; NaN too early."""
    place_C = gathered(reference_C)
    reference_C = np.bincount(place_C, weights=reference_C, minlength=CELLS).astype(np.int64)
    one_hot = np.zeros((len(stream_T) + 1, CELLS), np.int64)
    one_hot[np.arange(1, len(stream_T) + 1), place_C[stream_T]] = 1
    cumulated = one_hot.cumsum(axis=0)
    size = int(reference_C.sum()) + len(stream_T) + 1
    entropy = np.asarray(xlogy(np.arange(size), np.arange(size)), np.float64)
    paths = np.full((len(stream_T), len(windows)), np.nan)
    for column, window in enumerate(windows):
        if window <= len(stream_T):
            counts = cumulated[window:] - cumulated[:-window]
            paths[window - 1 :, column] = _g(counts, reference_C, entropy)
    return paths


def gathered(reference_C: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each cell is counted [CELLS]: those the reference hardly knows share the first of them.

    A cell the reference saw once or never makes G leap at its second visit, and a threshold learnt
    from other references does not know it: such cells rang twice as often as was asked.
    """
    place_C = np.arange(CELLS)
    rare = np.flatnonzero(reference_C < FEW)
    if len(rare):
        place_C[rare] = rare[0]
    return place_C


def _g(
    window_TC: NDArray[np.int64], reference_C: NDArray[np.int64], entropy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """G of homogeneity of two samples of counts; entropy[n] holds n ln n."""
    n, m = int(window_TC[0].sum()), int(reference_C.sum())
    inside = entropy[window_TC].sum(axis=1) + entropy[reference_C].sum()
    margins = entropy[window_TC + reference_C].sum(axis=1) + entropy[n] + entropy[m]
    return np.asarray(2.0 * (inside - margins + entropy[n + m]))


def detect_drift(reference: DriftReference, cells_T: NDArray[np.int8]) -> DriftAlarm | None:
    """First alarm in the votes that came after the reference, in the order they came; or None."""
    positions = np.flatnonzero(cells_T != MISSING)
    if not len(positions):
        return None
    paths = _paths(reference.counts_C, cells_T[positions], reference.windows)
    rings = np.nan_to_num(paths, nan=-1.0) > np.array(reference.thresholds)
    if not rings.any():
        return None
    when = int(rings.any(axis=1).argmax())
    excess = np.where(rings[when], paths[when] / np.array(reference.thresholds), 0.0)
    window = int(excess.argmax())
    return DriftAlarm(
        int(positions[when]) + 1,
        reference.windows[window],
        float(paths[when, window]),
        reference.thresholds[window],
    )


@dataclass(frozen=True)
class SentinelTest:
    """Answers that changed on replayed sentinel pairs against what plain reruns change."""

    changed: int
    replayed: int
    rerun_changed: int
    reruns: int
    p_value: float
    alarm: bool


def sentinel_test(
    before_S: NDArray[np.int8],
    now_S: NDArray[np.int8],
    rerun_S: NDArray[np.int8],
    *,
    level: float = 0.01,
) -> SentinelTest:
    """Did a judge change on a fixed set of pairs, replayed at temperature 0?

    before_S, now_S: codes of the same votes then and now. rerun_S: the same votes asked again at
    the time of `before_S`, which shows the judge's own noise. Fisher's exact test, one-sided, so
    that the error in the noise counts too. Ring when p <= level.
    """
    replayed = (before_S != MISSING) & (now_S != MISSING)
    noise = (before_S != MISSING) & (rerun_S != MISSING)
    changed = int((before_S != now_S)[replayed].sum())
    noisy = int((before_S != rerun_S)[noise].sum())
    table = np.array([[changed, int(replayed.sum()) - changed], [noisy, int(noise.sum()) - noisy]])
    p_value = float(fisher_exact(table, alternative="greater")[1])
    return SentinelTest(
        changed, int(replayed.sum()), noisy, int(noise.sum()), p_value, p_value <= level
    )


@dataclass(frozen=True)
class AuditWatch:
    """Evidence that audited errors exceed their bound, valid at every moment.

    e_values_T: after each audit; P(ever >= 1 / delta) <= delta while the bound holds.
    alarm_at: audits seen when 1 / delta was reached, None if never. p_value: anytime-valid.
    """

    bound: float
    delta: float
    e_values_T: NDArray[np.float64]
    alarm_at: int | None
    p_value: float

    @property
    def withdraw(self) -> bool:
        """Whether the certificate is to be withdrawn."""
        return self.alarm_at is not None


def watch_audits(wrong_T: NDArray[np.bool_], *, bound: float, delta: float = 0.05) -> AuditWatch:
    """Bet against "at most `bound` of the delivered labels are wrong" on audits as they arrive.

    wrong_T: one audit after the other, drawn uniformly from what is delivered (or from the frame,
    counting what was not accepted as right, for a bound on the whole batch). The wealth is a
    mixture, over worse error rates q, of prod (q/bound)^x ((1-q)/(1-bound))^(1-x): a
    supermartingale while the bound holds, so Ville's inequality gives the false-alarm rate for any
    number of looks (Waudby-Smith, Ramdas 2024, "Estimating means of bounded random variables by
    betting").
    """
    if not 0.0 < bound < 1.0:
        raise ValueError(f"bound is {bound!r}; more than 0 and less than 1 is allowed: 0.02, say.")
    rates = 1.0 - (1.0 - bound) * (1.0 - WORSE) ** 2
    hits = np.cumsum(np.asarray(wrong_T, np.float64))[:, None]
    misses = np.arange(1, len(wrong_T) + 1)[:, None] - hits
    wealth = hits * np.log(rates / bound) + misses * np.log((1.0 - rates) / (1.0 - bound))
    log_e = logsumexp(wealth, axis=1) - log(len(rates)) if len(wrong_T) else np.zeros(0)
    over = log_e >= -log(delta)
    best = float(log_e.max(initial=0.0))
    return AuditWatch(
        bound,
        delta,
        np.exp(np.minimum(log_e, 700.0)),
        int(over.argmax()) + 1 if over.any() else None,
        float(np.exp(-best)),
    )
