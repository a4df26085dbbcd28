"""Has something changed between two periods? Means, shares, sizes and words of new pairs and old.

Pairs of one prompt are not independent: every test here draws, or exchanges, whole prompts. Leaves
out drift of one judge's votes (`drift`) and what to do about a change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from judges.trust.intervals import Estimate, by_prompt, undefined
from judges.trust.vote_matrix import MISSING

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_AT_ONCE = 4_000_000  # units dealt at a time: 32 MB, however many prompts there are


@dataclass(frozen=True)
class Shift:
    """How far apart two samples are, in [0, 1], and how likely by chance alone."""

    size: float
    p_value: float
    new: int
    old: int


def mean_change(
    values_P: Floats,
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Estimate:
    """Mean of the new pairs minus mean of the old, with a bootstrap by prompt; NaN is left out."""
    known = np.isfinite(values_P)
    values, new = values_P[known], new_P[known]
    if not new.any() or new.all():
        return undefined("one of the two periods has no pair", int(known.sum()))
    one, other = new.astype(np.float64), (~new).astype(np.float64)
    components = np.stack([values * one, one, values * other, other], axis=1)

    def difference(sums: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            apart: Floats = sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3]
        return apart

    return by_prompt(components, prompt_P[known], difference, rng, repeats=repeats, level=level)


def mean_fall(
    values_P: Floats,
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    rng: np.random.Generator,
    *,
    repeats: int = 1999,
) -> Shift:
    """How far the mean of the new pairs is below that of the old; NaN is left out.

    p by dealing whole prompts to the two periods at random (a permutation test).
    """
    known = np.isfinite(values_P)
    sums, is_new = _by_unit(
        np.stack([values_P[known], np.ones(int(known.sum()))], axis=1),
        prompt_P[known],
        new_P[known],
    )

    def fall(new_RS: Floats, old_RS: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            apart: Floats = old_RS[:, 0] / old_RS[:, 1] - new_RS[:, 0] / new_RS[:, 1]
        return np.nan_to_num(apart)

    return _dealt(sums, is_new, fall, rng, repeats)


def cell_shift(
    cell_P: NDArray[np.integer],
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    rng: np.random.Generator,
    *,
    repeats: int = 1999,
    least: float = 0.0,
) -> Shift:
    """Total variation between the shares of cells, new against old; p by dealing whole prompts, of
    the G of homogeneity, which weighs rare cells by what they say. Nothing is dealt for a shift
    smaller than `least`: its p is 1.
    """
    cells = np.unique(cell_P, return_inverse=True)[1]
    counts_PC = np.eye(int(cells.max(initial=-1)) + 1)[cells]
    sums, is_new = _by_unit(counts_PC, prompt_P, new_P)
    one, other = counts_PC[new_P].mean(axis=0), counts_PC[~new_P].mean(axis=0)
    size = float(np.abs(one - other).sum() / 2)
    found = _dealt(sums, is_new, two_sample_g, rng, repeats if size >= least else 0)
    return Shift(size, found.p_value, found.new, found.old)


def two_sample_g(one_DC: Floats, two_DC: Floats) -> Floats:
    """G of homogeneity of two samples of counts, one a row (Wilks 1938); 0 for the same shares."""
    n, m = one_DC.sum(axis=1), two_DC.sum(axis=1)
    inside = xlogy(one_DC, one_DC).sum(axis=1) + xlogy(two_DC, two_DC).sum(axis=1)
    margins = xlogy(one_DC + two_DC, one_DC + two_DC).sum(axis=1) + xlogy(n, n) + xlogy(m, m)
    return np.asarray(2.0 * (inside - margins + xlogy(n + m, n + m)))


def _by_unit(values_PS: Floats, prompt_P: NDArray[np.int64], new_P: Mask) -> tuple[Floats, Mask]:
    """Sums over the pairs of a prompt in one period, [units, S], and which units are new."""
    keys, group = np.unique(np.stack([prompt_P, new_P]), axis=1, return_inverse=True)
    sums = np.zeros((keys.shape[1], values_PS.shape[1]))
    np.add.at(sums, group.reshape(-1), values_PS)
    return sums, keys[1].astype(bool)


def _dealt(
    sums_US: Floats,
    is_new_U: Mask,
    apart: Callable[[Floats, Floats], Floats],
    rng: np.random.Generator,
    repeats: int,
) -> Shift:
    """A statistic of the sums of new units and of old ones, and p when units are dealt anew."""
    total, part = sums_US.sum(axis=0), is_new_U.astype(np.float64)
    values = [apart(part[None] @ sums_US, (total - part @ sums_US)[None])]
    at_once = max(1, _AT_ONCE // max(len(part), 1))
    for low in range(0, repeats, at_once):
        some = rng.permuted(np.tile(part, (min(at_once, repeats - low), 1)), axis=1)
        new_RS = some @ sums_US
        values.append(apart(new_RS, total - new_RS))
    values_R = np.concatenate(values)
    at_least = int((values_R[1:] >= values_R[0] - 1e-12).sum())
    new = int(is_new_U.sum())
    return Shift(float(values_R[0]), (1 + at_least) / (1 + repeats), new, len(is_new_U) - new)


def agreement_of_pairs(codes_PR: NDArray[np.integer]) -> Floats:
    """Share of equal answers among the raters of each pair; NaN where fewer than two answered."""
    counts = np.stack([(codes_PR == code).sum(axis=1) for code in range(3)], axis=1)
    answers = (codes_PR != MISSING).sum(axis=1).astype(np.float64)
    equal = (counts * (counts - 1)).sum(axis=1)
    possible = answers * (answers - 1)
    return np.where(possible > 0, equal / np.maximum(possible, 1), np.nan)


def share_shift(
    label_P: NDArray[np.int64],
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    rng: np.random.Generator,
    *,
    repeats: int = 999,
) -> Shift:
    """Total variation between the shares of categories, new against old.

    p by exchanging whole prompts between the periods (a permutation test). A prompt counts as new
    where most of its pairs are.
    """
    prompts, group = np.unique(prompt_P, return_inverse=True)
    categories, label = np.unique(label_P, return_inverse=True)
    table_GC = np.zeros((len(prompts), len(categories)))
    np.add.at(table_GC, (group, label), 1)
    is_new_G = np.bincount(group, new_P, minlength=len(prompts)) * 2 > np.bincount(group)

    def apart(new_G: Mask) -> float:
        one, other = table_GC[new_G].sum(axis=0), table_GC[~new_G].sum(axis=0)
        if not one.sum() or not other.sum():
            return 0.0
        return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)

    return _permuted(apart, is_new_G, rng, repeats)


def size_shift(
    value_P: Floats,
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    rng: np.random.Generator,
    *,
    repeats: int = 999,
) -> Shift:
    """Kolmogorov–Smirnov distance between prompts' mean values, p by exchanging whole prompts."""
    prompts, group = np.unique(prompt_P, return_inverse=True)
    counts = np.bincount(group)
    mean_G = np.bincount(group, value_P) / counts
    is_new_G = np.bincount(group, new_P, minlength=len(prompts)) * 2 > counts
    order = np.argsort(mean_G, kind="stable")
    last = np.append(np.diff(mean_G[order]) > 0, True)  # equal values step together

    def apart(new_G: Mask) -> float:
        new = new_G[order]
        if not new.any() or new.all():
            return 0.0
        steps = np.cumsum(new) / new.sum() - np.cumsum(~new) / (~new).sum()
        return float(np.abs(steps[last]).max())

    return _permuted(apart, is_new_G, rng, repeats)


def word_shift(
    text_P: Sequence[str],
    prompt_P: NDArray[np.int64],
    new_P: Mask,
    rng: np.random.Generator,
    *,
    repeats: int = 99,
) -> Shift:
    """Can new prompts be told from old ones by their words? size = 2 AUC - 1, 0 where not.

    A classifier two-sample test (Lopez-Paz, Oquab 2017): logistic regression on hashed words,
    scored out of fold on one text a prompt; p by shuffling the scores, which are fixed.
    """
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    _, first = np.unique(prompt_P, return_index=True)
    is_new = np.asarray(new_P)[first]
    if min(is_new.sum(), (~is_new).sum()) < 5:
        return Shift(0.0, 1.0, int(is_new.sum()), int((~is_new).sum()))
    words = HashingVectorizer(n_features=2**14, alternate_sign=False)
    columns = words.transform([text_P[i] for i in first])
    folds = StratifiedKFold(5, shuffle=True, random_state=int(rng.integers(2**31)))
    classifier = LogisticRegression(C=10.0, class_weight="balanced", max_iter=500)
    score = cross_val_predict(classifier, columns, is_new, cv=folds, method="decision_function")
    ranks = score.argsort(kind="stable").argsort(kind="stable") + 1.0

    def apart(new: Mask) -> float:
        n, m = int(new.sum()), int((~new).sum())
        return max(0.0, 2 * float((ranks[new].sum() - n * (n + 1) / 2) / (n * m)) - 1)

    return _permuted(apart, is_new, rng, repeats)


def distinctness(text_N: Sequence[str], group_N: NDArray[np.int64]) -> Floats:
    """How unlike the others each text is: 1 - mean cosine of TF-IDF with the texts of its group.

    In [0, 1]; NaN for a text alone in its group. The weights of words are those of all texts, so
    that groups can be compared.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    out = np.full(len(text_N), np.nan)
    filled = [text if text.strip() else "empty" for text in text_N]
    if not filled:
        return out
    rows = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\w+|\S").fit_transform(filled)
    for group in np.unique(group_N):
        inside = np.flatnonzero(group_N == group)
        if len(inside) < 2:
            continue
        own = rows[inside]
        total = np.asarray(own.sum(axis=0)).ravel()
        alike = (own @ total - 1.0) / (len(inside) - 1)
        out[inside] = np.clip(1.0 - alike, 0.0, 1.0)
    return out


def _permuted(
    apart: Callable[[Mask], float], is_new: Mask, rng: np.random.Generator, repeats: int
) -> Shift:
    seen = apart(is_new)
    drawn = [apart(rng.permutation(is_new)) for _ in range(repeats)]
    at_least = sum(value >= seen - 1e-12 for value in drawn)
    new = int(is_new.sum())
    return Shift(seen, (1 + at_least) / (1 + repeats), new, len(is_new) - new)
