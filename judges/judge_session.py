"""A judge as it takes part in one run, and what travels between asking and storing.

Pure: from a missing vote to the question and the most it can cost, from an answer to a row.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from db import abstains
from db.asking import PairText, Slot
from db.errors import KeyRefused, TiebreakError, Unavailable
from db.storable import storable
from db.types import now
from db.vocabulary import HELD_BACK, Choice, Order
from judges import verdicts
from judges.asking import Answer, Client, Question, Scorer, Usage
from judges.circuit import Circuit, RateLimiter
from judges.constitution import Constitution
from judges.judge_config import JudgeConfig
from judges.patience import Patience
from judges.prices import Charge, Prices, tokens_about, tokens_at_most
from judges.private import Withholding, told
from judges.prompts import Template
from judges.reservation import BlockReservation
from judges.whose_fault import Trial

Show = Callable[[Slot, PairText], PairText]
"""The texts to show for a missing vote, from the pair as stored."""


def as_stored(slot: Slot, text: PairText) -> PairText:
    """The pair itself."""
    return text


# What a server may add to a prompt: chat marks, a schema in its own words. By hand, generous.
OVERHEAD_TOKENS = 1000


@dataclass
class Tally:
    """What became of one judge's questions in this run.

    problem: the sentence that stopped the judge; refused: it was about the key.
    capped: the money allowed ran out; lost: requests that may have been billed without an answer.
    guessed: answers without a usable usage, counted at the most they can cost; above: those that
    were charged more than that by their server's word, which counts.
    waiting: questions that lie in batches, the oldest of them since `waiting_since`. notes:
    sentences of what is not as it should be, and stops nobody.
    """

    wanted: int = 0
    asked: int = 0
    stored: int = 0
    abstains: Counter[str] = field(default_factory=Counter)
    cost_nanousd: int = 0
    lost: int = 0
    problem: str | None = None
    refused: bool = False
    last_failure: str = "no answer came"
    capped: bool = False
    waiting: int = 0
    waiting_since: datetime | None = None
    notes: list[str] = field(default_factory=list)
    guessed: int = 0
    guessed_nanousd: int = 0
    above: int = 0
    above_nanousd: int = 0

    @property
    def abstained(self) -> int:
        """Answers that say nothing."""
        return self.abstains.total()

    @property
    def stopped(self) -> bool:
        """Whether nothing further is to be asked of this judge."""
        return self.problem is not None or self.capped


@dataclass(frozen=True)
class JudgeSession:
    """Who is asked, about which orders and samples, and how fast.

    requests, tokens: every pace to keep, its own and those it shares with other judge sessions.
    patience: waits as its server asks; trial: whose fault its refused questions are.
    withholding: what must not leave this machine, one for all judge sessions of a run. show: what
    is shown of a pair. named: service tiers and like that its server has billed in this run;
    blocks: what is set aside for its open questions.
    """

    judge: JudgeConfig
    version_id: int
    rules: Constitution
    asked: Client | Scorer
    circuit: Circuit
    orders: tuple[Order, ...]
    samples: tuple[int, ...]
    requests: tuple[RateLimiter, ...] = ()
    tokens: tuple[RateLimiter, ...] = ()
    patience: Patience = field(default_factory=Patience)
    trial: "Trial[Ask]" = field(default_factory=Trial)
    prices: Prices = field(init=False)
    template: Template = field(init=False)
    withholding: Withholding = field(default_factory=Withholding)
    show: Show = as_stored
    tally: Tally = field(default_factory=Tally)
    named: set[str] = field(default_factory=set)
    blocks: list[BlockReservation] = field(default_factory=list)

    def __post_init__(self) -> None:
        judge = self.judge
        object.__setattr__(self, "prices", judge.price())
        object.__setattr__(self, "template", template(judge, self.rules))

    async def keep_pace(self, question: Question) -> None:
        """Returns when one more request of this size may leave."""
        for pace in self.requests:
            await pace.wait()
        for pace in self.tokens:
            await pace.wait(input_about(question))

    def stop(self, error: TiebreakError | None) -> None:
        """Ask nothing further of this judge, and say why; nothing happens where there is no why."""
        if error is not None and self.tally.problem is None:
            self.tally.problem = f"judge {self.judge.name!r}: {error}"
            self.tally.refused = isinstance(error, KeyRefused)

    def require_going(self) -> None:
        """Raise Unavailable where the judge has been stopped."""
        if self.tally.problem is not None:
            raise Unavailable(self.tally.problem)

    @property
    def lasts(self) -> timedelta:
        """How long a claim may stand."""
        return self.judge.lasts

    def question(self, slot: Slot, text: PairText) -> Question:
        """What to ask for one missing vote."""
        text = self.show(slot, text)
        return self.template.render(
            text.prompt,
            text.response_a,
            text.response_b,
            slot.order,
            key=f"{slot.pair_id}-{slot.order.value}-{slot.sample}",
            domain=text.domain,
            sample=slot.sample,
            expected=text.expected,
        )

    def held_back(self, slot: Slot, question: Question, run_id: int) -> dict[str, Any] | None:
        """The abstain to store in place of asking, where private data must not leave."""
        if not self.judge.leaves:
            return None
        shown = question.shown
        kept = self.withholding.keeps(slot.pair_id, shown.prompt, shown.first, shown.second)
        return held_row(self, slot, told(kept), run_id) if kept else None

    def bound(self, question: Question, *, batched: bool = False) -> int:
        """The most its answer can cost, in nano-dollars, unless its server names a dearer tier."""
        return self.prices.bound(
            input_bound(question),
            question.max_tokens,
            batched=batched,
            surcharges=self.judge.surcharges,
            kept=self.judge.keeps,
        )

    @property
    def counted(self) -> frozenset[str]:
        """Service tiers, speeds and regions that it asks for or its server named in this run."""
        return frozenset(self.judge.surcharges) | self.named

    def raised(self, bound: int) -> int:
        """The most an answer can cost given also what its server has named in this run."""
        return self.prices.raised(bound, self.named - set(self.judge.surcharges))


@dataclass(frozen=True, slots=True)
class Ask:
    """One question that is ours to ask: claimed, with money set aside. counted: the service tiers
    and like that the bound counts.
    """

    slot: Slot
    question: Question
    bound: int
    claim: int
    reserved: BlockReservation
    counted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Done:
    """For the writer: a vote to store, or None where only the claim is given back.

    at_most: the answer's cost is the most it can be, as its server told no usage that can be;
    above: its server says that it charged more than that.
    """

    judge_session: JudgeSession
    ask: Ask
    row: dict[str, Any] | None
    cost_nanousd: int
    at_most: bool = False
    above: bool = False


def template(judge: JudgeConfig, rules: Constitution) -> Template:
    """How this judge is asked under these rules."""
    return Template(
        rules.only(judge.principles), judge.output, judge.per_principle, judge.room, judge.explain
    )


def input_bound(question: Question) -> int:
    """A number of input tokens no tokenizer exceeds for this question."""
    text = tokens_at_most(question.system) + tokens_at_most(question.user)
    return text + OVERHEAD_TOKENS + _schema_size(question)


def input_about(question: Question) -> int:
    """The number of input tokens to expect."""
    return tokens_about(question.system) + tokens_about(question.user) + _schema_size(question) // 4


def vote_row(
    judge_session: JudgeSession,
    slot: Slot,
    answer: Answer,
    charge: Charge,
    seconds: float | None,
    run_id: int,
) -> dict[str, Any]:
    """The vote an answer means, ready to be stored with the answer itself. A usage that cannot be
    is none.
    """
    verdict = verdicts.read(answer, slot.order)
    usage = Usage() if charge.guessed or answer.usage is None else answer.usage
    return {
        "pair_id": slot.pair_id,
        "judge_version_id": judge_session.version_id,
        "order": slot.order,
        "sample": slot.sample,
        **meaning(verdict),
        "raw": verdicts.dump(answer, room=judge_session.judge.room),
        "input_tokens": usage.input + usage.written,
        "cached_tokens": usage.cached,
        "output_tokens": usage.output,
        "cost_nanousd": charge.nanousd,
        "seconds": None if seconds is None else round(seconds, 3),
        "run_id": run_id,
        "created_at": now(),
    }


def held_row(judge_session: JudgeSession, slot: Slot, what: str, run_id: int) -> dict[str, Any]:
    """An abstain of a judge that was not asked, for the pair goes to people."""
    return {
        "pair_id": slot.pair_id,
        "judge_version_id": judge_session.version_id,
        "order": slot.order,
        "sample": slot.sample,
        **meaning(verdicts.ParsedAnswer(Choice.ABSTAIN, reason=f"{HELD_BACK}{what}")),
        "raw": None,
        "input_tokens": 0,
        "cached_tokens": 0,
        "output_tokens": 0,
        "cost_nanousd": 0,
        "seconds": None,
        "run_id": run_id,
        "created_at": now(),
    }


def meaning(verdict: verdicts.ParsedAnswer) -> dict[str, Any]:
    """The columns of a vote that parsing decides.

    JSON can spell what no database holds, so what was read is made storable like what was said.
    """
    principles = verdict.principles or {}
    return {
        "choice": verdict.choice,
        "strength": verdict.strength,
        "both_bad": verdict.both_bad,
        "confidence": verdict.confidence,
        "p_a": verdict.p_a,
        "rationale": storable(verdict.rationale) if verdict.rationale else None,
        "principles": {storable(name): who for name, who in principles.items()} or None,
        "abstain_reason": storable(verdict.reason)[:200] if verdict.reason else None,
        "out_of_fold": verdict.out_of_fold,
    }


def abstained(rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many of these votes say nothing, by kind."""
    return abstains.counted(r["abstain_reason"] for r in rows if r["choice"] is Choice.ABSTAIN)


def _schema_size(question: Question) -> int:
    # A schema is sent with every request; its own JSON is about 90 bytes a property.
    return 90 * len(question.schema["properties"]) if question.schema is not None else 0
