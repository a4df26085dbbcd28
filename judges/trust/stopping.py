"""When the cascade of judges stops asking: confidence by stage against a one-number policy.

A policy is one threshold t. A stage accepts where its confidence reaches t; the careful form asks
1 - (1 - t) / 2 of every stage but the last, because early confidence is the least tested. Order
swaps and further samples are stages like any other. The whole cascade is certified as one thing,
on the confidence each pair stopped with. Leaves out who is asked and what it costs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Policy:
    """t in (1/2, 1]: confidence wanted at the last stage; careful: ask more of the early ones."""

    threshold: float = 0.9
    careful: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise ValueError(
                f"threshold is {self.threshold!r}; more than 0 and at most 1 is allowed: 0.9, say."
            )

    def bar(self, stage: int, stages: int) -> float:
        """Confidence at which a stage (from 0) of so many accepts."""
        early = stage < stages - 1
        return 1.0 - (1.0 - self.threshold) / 2.0 if early and self.careful else self.threshold


@dataclass(frozen=True)
class Course:
    """How a cascade went: the stage each pair stopped at, whether it was accepted there, and with
    what confidence (the score of a certificate on the whole cascade)."""

    stage_P: NDArray[np.int64]
    accepted_P: NDArray[np.bool_]
    confidence_P: NDArray[np.float64]

    def cost(self, price_S: NDArray[np.float64]) -> float:
        """Spent on judges: every pair pays all stages up to the one it stopped at."""
        return float(np.cumsum(price_S)[self.stage_P].sum())


def run_policy(confidence_PS: NDArray[np.float64], policy: Policy) -> Course:
    """Play recorded confidences of all stages through a policy.

    confidence_PS: confidence after each stage, [pairs, stages]. What no stage accepts stops at the
    last one, unaccepted: for humans.
    """
    pairs, stages = confidence_PS.shape
    bars = np.array([policy.bar(stage, stages) for stage in range(stages)])
    reached = np.asarray(confidence_PS >= bars)
    accepted = np.asarray(reached.any(axis=1))
    stage = np.where(accepted, reached.argmax(axis=1), stages - 1)
    return Course(stage, accepted, confidence_PS[np.arange(pairs), stage])
