"""What the principles do: how often each decides and is broken, which clash, which say the same.

Pure: votes with verdicts by principle in, figures out. A principle held out of the prompt is judged
on its own afterwards by a twin of the judge (`held_out`), to see how much of it carries over from
the others (`carried_over`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol, TypeVar

from db.vocabulary import Choice
from judges.constitution import Constitution
from judges.judge_config import JudgeConfig

Key = TypeVar("Key")

_VIOLATES = "violates:"
_DECIDED = ("a", "b")
# By hand: marks for a person to read, nothing is decided by them.
LEAST = 20  # votes a figure about two principles needs to be called a conflict or redundant
CONFLICT = 0.3  # share of opposite verdicts from which two principles are said to clash
REDUNDANT = 0.95  # share of equal verdicts from which two principles are said to say the same


class Votes(Protocol):
    """What is read of a vote."""

    @property
    def choice(self) -> Choice:
        """The overall choice."""
        ...

    @property
    def principles(self) -> Mapping[str, str]:
        """Verdicts by principle."""
        ...


@dataclass(frozen=True)
class Adherence:
    """One principle over all votes.

    applied: share of votes in which it had a bearing; decided: share in which it preferred one
    response; with_verdict: of those (and with an overall a or b), the share it agreed with the
    overall choice; violated_a, violated_b: share of votes that say A, or B, breaks it outright.
    """

    principle: str
    votes: int
    applied: float
    decided: float
    with_verdict: float | None
    violated_a: float
    violated_b: float


@dataclass(frozen=True)
class Relation:
    """Two principles in the votes where both preferred a response.

    opposite: share of opposite preferences; overlap: votes where both decided over votes where
    either did. conflict and redundant are the verdicts on enough votes.
    """

    first: str
    second: str
    votes: int
    opposite: float
    overlap: float
    conflict: bool
    redundant: bool


@dataclass(frozen=True)
class PrincipleReport:
    """Adherence of each principle, and the pairs of principles that clash or say the same."""

    votes: int
    adherence: tuple[Adherence, ...]
    conflicts: tuple[Relation, ...]
    redundant: tuple[Relation, ...]

    @property
    def summary(self) -> str:
        """A table for people."""
        lines = [f"{'principle':34} applied decided with verdict broken by a, b"]
        for a in self.adherence:
            agreed = "     -" if a.with_verdict is None else f"{a.with_verdict:6.0%}"
            lines.append(
                f"{a.principle:34} {a.applied:6.0%} {a.decided:7.0%} {agreed:>12} "
                f"{a.violated_a:7.0%} {a.violated_b:4.0%}"
            )
        lines += [
            f"conflict: {r.first} and {r.second} differ in {r.opposite:.0%} of {r.votes} votes"
            for r in self.conflicts
        ]
        lines += [
            f"redundant: {r.first} and {r.second} agree in {1 - r.opposite:.0%} of {r.votes} votes"
            for r in self.redundant
        ]
        lines.append(f"{self.votes} votes with verdicts by principle")
        return "\n".join(lines)


@dataclass(frozen=True)
class CarryOver:
    """How far a principle held out of the prompt is still followed.

    agreement: of the votes where both the twin (asked about this principle alone) and the judge
    (asked without it) chose a or b, the share in which they agree; 0.5 is chance. missing: answers
    of the two that did not come; cost_usd: spent on asking them.
    """

    principle: str
    votes: int
    agreement: float | None
    missing: int = 0
    cost_usd: float = 0.0

    @property
    def summary(self) -> str:
        """One line for people."""
        line = f"{self.principle}: no vote of both decided between a and b; nothing to compare"
        if self.agreement is not None:
            line = (
                f"{self.principle}: without it in the prompt the judge still agrees with it in "
                f"{self.agreement:.0%} of {self.votes} votes (50% is chance)"
            )
        line += f"; ${self.cost_usd:.4f} spent" if self.cost_usd else ""
        return line + (f"; {self.missing} missing, run again to go on" if self.missing else "")


@dataclass
class _Tally:
    votes: int = 0
    applied: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    both: Counter[tuple[str, str]] = field(default_factory=Counter)
    opposite: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, vote: Votes) -> None:
        self.votes += 1
        said = {k: v for k, v in vote.principles.items() if not k.startswith(_VIOLATES)}
        self.applied.update(said.keys())
        decided = {k: v for k, v in said.items() if v in _DECIDED}
        self.decided.update(decided.keys())
        if vote.choice in (Choice.A, Choice.B):
            self.judged.update(decided.keys())
            self.agreed.update(k for k, v in decided.items() if v == vote.choice.value)
        for key, who in vote.principles.items():
            if key.startswith(_VIOLATES):
                self.broken[key.removeprefix(_VIOLATES)].update("ab" if who == "both" else who)
        for pair in combinations(sorted(decided), 2):
            self.both[pair] += 1
            self.opposite[pair] += decided[pair[0]] != decided[pair[1]]


def report(votes: Iterable[Votes], rules: Constitution) -> PrincipleReport:
    """Figures for every principle in force; those no vote names stand with zeros."""
    tally = _Tally()
    for vote in votes:
        tally.add(vote)
    adherence = tuple(_adherence(tally, p.id) for p in rules.principles)
    relations = [_relation(tally, *pair) for pair in sorted(tally.both)]
    return PrincipleReport(
        votes=tally.votes,
        adherence=adherence,
        conflicts=tuple(sorted((r for r in relations if r.conflict), key=lambda r: -r.opposite)),
        redundant=tuple(sorted((r for r in relations if r.redundant), key=lambda r: r.opposite)),
    )


def held_out(
    judge: JudgeConfig, rules: Constitution, principle: str
) -> tuple[JudgeConfig, JudgeConfig]:
    """The judge asked without a principle, and its twin asked about that principle alone."""
    without = tuple(p.id for p in rules.without(principle).principles)
    return (
        judge.model_copy(
            update={"name": f"{judge.name} without {principle}", "principles": without}
        ),
        judge.model_copy(
            update={"name": f"{judge.name} only {principle}", "principles": (principle,)}
        ),
    )


def carried_over(
    principle: str, without: Mapping[Key, Choice], only: Mapping[Key, Choice]
) -> CarryOver:
    """Compare the judge that was not told of a principle with the twin told of nothing else.

    Both by the same keys: pair, order and sample.
    """
    decided = (Choice.A, Choice.B)
    shared = [
        (without[key], choice)
        for key, choice in only.items()
        if choice in decided and without.get(key) in decided
    ]
    agreed = sum(one is other for one, other in shared)
    return CarryOver(principle, len(shared), agreed / len(shared) if shared else None)


def _adherence(tally: _Tally, principle: str) -> Adherence:
    votes = max(tally.votes, 1)
    judged = tally.judged[principle]
    return Adherence(
        principle=principle,
        votes=tally.votes,
        applied=tally.applied[principle] / votes,
        decided=tally.decided[principle] / votes,
        with_verdict=tally.agreed[principle] / judged if judged else None,
        violated_a=tally.broken[principle]["a"] / votes,
        violated_b=tally.broken[principle]["b"] / votes,
    )


def _relation(tally: _Tally, first: str, second: str) -> Relation:
    both = tally.both[first, second]
    opposite = tally.opposite[first, second] / both
    overlap = both / (tally.decided[first] + tally.decided[second] - both)
    enough = both >= LEAST
    return Relation(
        first=first,
        second=second,
        votes=both,
        opposite=opposite,
        overlap=overlap,
        conflict=enough and opposite >= CONFLICT,
        redundant=enough and 1 - opposite >= REDUNDANT and overlap >= 0.8,
    )
