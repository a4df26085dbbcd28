"""Probabilities of the three choices: one type, so that no order of numbers has to be remembered.

Arrays (`judges.trust`) keep their own axis of choices; `judges.vote_arrays` converts at that edge.
"""

from dataclasses import dataclass
from typing import Self

from db.errors import BadInput
from db.vocabulary import Choice

_CLOSE = 1e-6  # as the database checks it
_UNDECIDED = 1e-9


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Of a, of tie and of b, each in [0, 1] and together 1. Raises BadInput where they are not."""

    p_a: float
    p_tie: float
    p_b: float

    def __post_init__(self) -> None:
        total = self.p_a + self.p_tie + self.p_b
        if not (abs(total - 1.0) < _CLOSE and min(self.p_a, self.p_tie, self.p_b) >= 0.0):
            raise BadInput(
                f"a {self.p_a!r}, tie {self.p_tie!r} and b {self.p_b!r} are no probabilities; "
                "none may be under 0, and they must sum to 1"
            )

    @classmethod
    def of_weights(cls, *, a: float, tie: float, b: float) -> Self:
        """In proportion to weights, which are 0 or more and not all 0."""
        total = a + tie + b
        return cls(a / total, tie / total, b / total)

    @classmethod
    def sure(cls, choice: Choice) -> Self:
        """All on one choice."""
        a, tie, b = (float(choice is one) for one in (Choice.A, Choice.TIE, Choice.B))
        return cls(a, tie, b)

    def of(self, choice: Choice) -> float:
        """That this choice is right; 0 for an abstain."""
        return {Choice.A: self.p_a, Choice.TIE: self.p_tie, Choice.B: self.p_b}.get(choice, 0.0)

    def mirrored(self) -> Self:
        """The same after A and B exchange names."""
        return type(self)(self.p_b, self.p_tie, self.p_a)

    @property
    def choice(self) -> Choice:
        """The most probable choice; an exact draw of a and b is a tie."""
        if self.p_tie > max(self.p_a, self.p_b) or self.p_a == self.p_b:
            return Choice.TIE
        return Choice.A if self.p_a > self.p_b else Choice.B

    @property
    def confidence(self) -> float:
        """Probability of the most probable choice, in [1/3, 1]."""
        return max(self.p_a, self.p_tie, self.p_b)

    @property
    def win_probability(self) -> float:
        """p_a / (p_a + p_b): that a is better, where one is; one half where a tie is certain."""
        decided = self.p_a + self.p_b
        return 0.5 if decided < _UNDECIDED else self.p_a / decided

    @property
    def soft_target(self) -> float:
        """p_a + p_tie / 2: what a reward model learns for a, a tie counted half."""
        return self.p_a + self.p_tie / 2


FLAT = Probabilities(1 / 3, 1 / 3, 1 / 3)
"""Where nothing is known."""
