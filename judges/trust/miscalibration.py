"""How far believed risks may be off: a shift and a scale of their log-odds, unknown but bounded.

A forecast that believes the probabilities is as sure as they are. Here the true risk of every pair
of a batch is taken as sigmoid(shift + scale * logit(believed risk)), both drawn from what recorded
sets have shown; once audits are answered, from the posterior given them. Only forecasts and plans
rest on this: no promise does.
"""

from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

# Why each number here is what it is: docs/design/certificates.md.
_SHIFT = (0.3, 0.6)
"""Mean and standard deviation of the shift, in log-odds."""
_SCALE = (0.9, 0.3)
"""Median of the scale, and standard deviation of its logarithm."""
_STEPS = (25, 13)
"""Points of the grid over shift and scale, each over three standard deviations both ways."""


@dataclass(frozen=True)
class Miscalibration:
    """Weights over a grid of shifts and scales; they sum to 1."""

    shift_G: NDArray[np.float64]
    scale_G: NDArray[np.float64]
    weight_G: NDArray[np.float64]

    @classmethod
    def given(cls, risk: NDArray[np.float64], wrong: NDArray[np.bool_]) -> Self:
        """What is left possible after audits: their believed risks, and which were wrong.

        With none of them this is what recorded sets have shown.
        """
        shift_G, scale_G, log_G = _grid()
        odds = shift_G[:, None] + scale_G[:, None] * _logit(risk)
        log_G = log_G + np.where(wrong, -np.logaddexp(0, -odds), -np.logaddexp(0, odds)).sum(axis=1)
        weight_G = np.exp(log_G - log_G.max())
        return cls(shift_G, scale_G, weight_G / weight_G.sum())

    def draw(self, risk: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """One possible set of true risks for these believed ones."""
        at = rng.choice(len(self.weight_G), p=self.weight_G)
        return np.asarray(expit(self.shift_G[at] + self.scale_G[at] * _logit(risk)))


@cache
def _grid() -> tuple[NDArray[np.float64], ...]:
    """Shifts, scales and the logarithm of their prior density, all by grid point."""
    shifts, scales = (np.linspace(-3.0, 3.0, steps) for steps in _STEPS)
    shift, scale = (axis.ravel() for axis in np.meshgrid(shifts, scales, indexing="ij"))
    density = -0.5 * (shift**2 + scale**2)
    return _SHIFT[0] + _SHIFT[1] * shift, _SCALE[0] * np.exp(_SCALE[1] * scale), density


def _logit(risk: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(risk, 1e-6, 1.0 - 1e-6)))
