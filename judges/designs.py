"""Which candidates of a prompt to compare: all of them, a random few, or neighbours by score.

Pure. A full design over n candidates has n(n-1)/2 pairs; Swiss rounds rank them with about
n/2 · log₂ n (each round compares neighbours in the standing that have not met yet).
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.special import expit

Met = Collection[frozenset[int]]
_PATIENCE = 5000  # tries to pair everybody before some sit out; by hand


def all_pairs(candidates: Sequence[int], met: Met = ()) -> list[tuple[int, int]]:
    """Every pair that has not met."""
    return [pair for pair in combinations(candidates, 2) if frozenset(pair) not in met]


def random_pairs(
    candidates: Sequence[int], each: int, rng: np.random.Generator, met: Met = ()
) -> list[tuple[int, int]]:
    """Each candidate in about `each` pairs: a random cycle repeated, which keeps all connected.

    Raises nothing; gives fewer where fewer have not met. Sides are drawn at random, too.
    """
    n = len(candidates)
    chosen: dict[frozenset[int], tuple[int, int]] = {}
    degree = dict.fromkeys(candidates, 0)
    for pair in met:
        for candidate in pair & set(candidates):
            degree[candidate] += 1
    for _ in range(4 * each):
        ring = [candidates[i] for i in rng.permutation(n)]
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            key = frozenset((a, b))
            if len(key) == 2 and key not in met and key not in chosen:
                if degree[a] < each and degree[b] < each:
                    chosen[key] = (a, b)
                    degree[a] += 1
                    degree[b] += 1
    return list(chosen.values())


def swiss_round(
    scores: Mapping[int, float], met: Met, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """One round: everybody meets the nearest in the standing they have not met; one may sit out.

    Equal scores stand in random order, so the first round is a random pairing.
    """
    order = sorted(scores, key=lambda c: (-scores[c], rng.random()))
    steps = [_PATIENCE]
    return _matched(order, met, len(order) % 2, steps) or _greedy(order, met)


def _matched(
    order: list[int], met: Met, spare: int, steps: list[int]
) -> list[tuple[int, int]] | None:
    """Everybody paired with a near neighbour, `spare` sitting out; None where that cannot be."""
    if len(order) <= spare:
        return []
    steps[0] -= 1
    if steps[0] < 0:
        return None
    first, rest = order[0], order[1:]
    for i, rival in enumerate(rest):
        if frozenset((first, rival)) not in met:
            others = _matched(rest[:i] + rest[i + 1 :], met, spare, steps)
            if others is not None:
                return [(first, rival), *others]
    return _matched(rest, met, spare - 1, steps) if spare else None


def _greedy(order: list[int], met: Met) -> list[tuple[int, int]]:
    pairs = []
    left = list(order)
    while len(left) > 1:
        first = left.pop(0)
        rival = next((c for c in left if frozenset((first, c)) not in met), None)
        if rival is not None:
            left.remove(rival)
            pairs.append((first, rival))
    return pairs


def standings(
    candidates: Sequence[int], results: Mapping[tuple[int, int], float], ridge: float = 0.5
) -> dict[int, float]:
    """Bradley–Terry log-strengths from p(first better) by pair, with a ridge; they sum to 0.

    Bradley & Terry (1952); fitted by Newton's method on the penalised likelihood of the soft
    outcomes, so a candidate that only ever won stays finite.
    """
    index = {c: i for i, c in enumerate(candidates)}
    theta = np.zeros(len(candidates))
    rows = [(index[a], index[b], p) for (a, b), p in results.items() if a in index and b in index]
    for _ in range(25):
        gradient = -2 * ridge * theta
        hessian = np.eye(len(candidates)) * 2 * ridge
        for i, j, p in rows:
            q = expit(theta[i] - theta[j])
            gradient[i] += p - q
            gradient[j] -= p - q
            weight = q * (1 - q)
            hessian[[i, j], [i, j]] += weight
            hessian[[i, j], [j, i]] -= weight
        step = np.linalg.solve(hessian, gradient)
        theta += step
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    theta -= theta.mean() if len(theta) else 0.0
    return {c: float(theta[i]) for c, i in index.items()}
