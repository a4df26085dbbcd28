"""What the steps of this room give back: figures, and one line for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from db import abstains
from db.batch_jobs import waited
from judges.judge_session import JudgeSession, Tally
from judges.prices import NANO
from judges.trust.text_features import WORDS_WITHIN
from judges.trust.vote_matrix import Consensus
from judges.vote_arrays import VoteTable


@dataclass(frozen=True)
class JudgeRun:
    """What asking the panel did.

    stored counts abstains among it; missing: wanted votes that are not there; capped: the money
    allowed ran out; problems: one sentence for each judge that was stopped; waiting: questions
    that lie in batches at a provider, the oldest `waiting_since`; private: what was sent, and what
    was held back, of texts with personal data or secrets, in words and counts; notices: what a user
    is to hear of servers and of batches; alarms: a sentence for each judge that abstains by
    accident more than it is used to; lost: requests that may have been billed and brought no
    answer, counted at the most they cost.
    """

    run_id: int
    seconds: float
    stored: int
    abstained: int
    abstains: dict[str, int]
    missing: int
    cost_usd: float
    capped: bool
    problems: tuple[str, ...]
    tallies: dict[str, Tally]
    waiting: int = 0
    waiting_since: datetime | None = None
    private: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    lost: int = 0
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        run_id: int,
        seconds: float,
        judge_sessions: Sequence[JudgeSession],
        private: tuple[str, ...] = (),
        alarms: tuple[str, ...] = (),
    ) -> "JudgeRun":
        """Summed over the judge sessions of a run."""
        tallies = {
            judge_session.judge.name: judge_session.tally for judge_session in judge_sessions
        }
        every = tallies.values()
        return cls(
            run_id=run_id,
            seconds=round(seconds, 3),
            stored=sum(t.stored for t in every),
            abstained=sum(t.abstained for t in every),
            abstains=dict(sum((t.abstains for t in every), Counter())),
            missing=sum(max(t.wanted - t.stored, 0) for t in every),
            cost_usd=sum(t.cost_nanousd for t in every) / NANO,
            capped=any(t.capped for t in every),
            problems=tuple(t.problem for t in every if t.problem),
            tallies=tallies,
            waiting=sum(t.waiting for t in every),
            waiting_since=min((t.waiting_since for t in every if t.waiting_since), default=None),
            private=private,
            alarms=alarms,
            lost=sum(t.lost for t in every),
            notices=tuple(
                n
                for s in judge_sessions
                for n in (*getattr(s.asked, "notices", ()), *s.tally.notes)
            ),
        )

    @property
    def in_doubt(self) -> tuple[str, ...]:
        """What may have been paid for nothing, for people."""
        what = "requests" if self.lost != 1 else "request"
        line = f"{self.lost} {what} without an answer may have been billed (counted at the most)"
        return (line,) if self.lost else ()

    @property
    def summary(self) -> str:
        """One line for people."""
        parts = [f"{self.stored} votes stored"]
        if self.abstained:
            parts.append(f"{self.abstained} of them abstain: {abstains.told(self.abstains)}")
        if self.cost_usd:
            parts.append(f"${self.cost_usd:.4f} spent")
        parts += self.in_doubt
        if guessed := sum(t.guessed for t in self.tallies.values()):
            most = sum(t.guessed_nanousd for t in self.tallies.values()) / NANO
            parts.append(
                f"{guessed} answers came without a usable usage and are counted at the most they "
                f"can cost, ${most:.4f}"
            )
        if above := sum(t.above for t in self.tallies.values()):
            charged = sum(t.above_nanousd for t in self.tallies.values()) / NANO
            parts.append(
                f"{above} answers were charged more than they can cost at the judge's prices, by "
                f"their server's word: ${charged:.4f}, which counts; correct its prices"
            )
        parts += self.private
        if self.waiting:
            parts.append(f"{self.waiting} questions wait in batches{waited(self.waiting_since)}")
            parts[-1] += "; run again to collect them"
        elif self.missing:
            why = "see the problems named" if self.problems else "another run asks them"
            why = "the cap is reached" if self.capped else why
            parts.append(f"{self.missing} missing ({why}; run again to go on)")
        return ", ".join(parts)


@dataclass(frozen=True)
class FittedConsensus:
    """What `fit_consensus` did; `new` is false where the same fit was there already."""

    fit_id: int
    model: str
    pairs: int
    votes: int
    labels: int
    new: bool
    vote_table: VoteTable = field(repr=False)
    consensus: Consensus = field(repr=False)

    @property
    def summary(self) -> str:
        """One line for people."""
        what = f"{self.pairs} pairs pooled from {self.votes} votes and {self.labels} human answers"
        same = "" if self.new else " (nothing had changed)"
        part = self.read_in_part
        long = (
            f"; of {part} it read only the first {WORDS_WITHIN:,} letters for words" if part else ""
        )
        return f"{what} by {self.model}{same}{long}"

    @property
    def read_in_part(self) -> int:
        """Pairs with a response longer than the label model counts words in; votes are whole."""
        if self.model != "tiebreak":
            return 0
        return sum(letters > WORDS_WITHIN for letters in self.vote_table.letters)


@dataclass(frozen=True)
class Reparsed:
    """What reading stored answers again did: votes looked at, and those that now say otherwise."""

    read: int
    changed: int
    abstains_before: int
    abstains_after: int

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.read} stored answers read again without a call: {self.changed} changed, "
            f"abstains {self.abstains_before} before, {self.abstains_after} after"
        )
