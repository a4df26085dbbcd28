"""What asking would cost before anything is asked: the most it can, and what to expect.

The upper bound counts a token a byte, nothing read from a cache and every answer at its full
length; it is what a run sets aside. The expectation uses the lengths of earlier answers of the
same judge where there are any. Asks nobody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from db.asking import PairText, Slot
from db.vocabulary import Order, Provider
from judges.asking import Question, Usage
from judges.constitution import Constitution
from judges.judge_config import JudgeConfig
from judges.judge_session import input_about, input_bound, template
from judges.prices import NANO, find_model, tokens_about

# By hand, for a first estimate only: a judge's own answers replace them once there are some.
_REASONING = 180  # tokens of reasoning a judge writes, as a rule
_PER_PRINCIPLE = 9  # tokens of a principle's own verdict
_THINKING = 400  # tokens a reasoning model thinks before it answers
_CACHEABLE = 1024  # tokens from which providers cache a prefix


@dataclass(frozen=True)
class JudgeEstimate:
    """One judge in one order: questions missing, and dollars to expect and at most."""

    judge: str
    order: Order
    questions: int
    expected_usd: float
    most_usd: float


@dataclass(frozen=True)
class CostEstimate:
    """Over the whole panel. `example` is one question as it would be sent, None where none is.

    new_pairs: pairs counted in that are not stored yet; canaries: what the next round of the canary
    pairs would cost beside all this, None where none is drawn.
    """

    rows: tuple[JudgeEstimate, ...]
    questions: int
    expected_usd: float
    most_usd: float
    batched: bool
    example: str | None
    new_pairs: int = 0
    canaries: "CostEstimate | None" = None

    @classmethod
    def of(
        cls,
        rows: Sequence[JudgeEstimate],
        batched: bool,
        example: Question | None,
        new_pairs: int = 0,
    ) -> "CostEstimate":
        """Summed over judges and orders."""
        return cls(
            rows=tuple(rows),
            questions=sum(row.questions for row in rows),
            expected_usd=sum(row.expected_usd for row in rows),
            most_usd=sum(row.most_usd for row in rows),
            batched=batched,
            example=None if example is None else f"{example.system}\n\n{example.user}",
            new_pairs=new_pairs,
        )

    @property
    def summary(self) -> str:
        """What all rows come to, and one rendered question, for people."""
        lines = [self._total]
        if self.canaries is not None:
            lines.append(f"a round of canary pairs, beside that: {self.canaries._total}")
        if self.example is not None:
            lines += ["", "One question as it would be sent:", "", self.example]
        return "\n".join(lines)

    @property
    def _total(self) -> str:
        return (
            f"{self.questions} questions: expected ${self.expected_usd:.4f}, "
            f"at most ${self.most_usd:.4f}" + (" (batch prices)" if self.batched else "")
        )


class Estimator:
    """Adds up one judge's missing questions; a pair costs the same in each order and sample."""

    def __init__(
        self, judge: JudgeConfig, rules: Constitution, output_tokens: float | None, batched: bool
    ) -> None:
        self.judge = judge
        self.example: Question | None = None
        self._template = template(judge, rules)
        self._prices = judge.price()
        self._output = output_tokens
        self._batched = batched
        self._questions: dict[Order, int] = {}
        self._expected: dict[Order, float] = {}
        self._most: dict[Order, int] = {}

    def add(self, text: PairText, slots: Iterable[Slot]) -> None:
        """Count the missing votes of one pair."""
        question = self._template.render(
            text.prompt, text.response_a, text.response_b, Order.AB, domain=text.domain
        )
        self.example = self.example or question
        most = self._prices.bound(
            input_bound(question),
            question.max_tokens,
            batched=self._batched,
            surcharges=self.judge.surcharges,
            kept=self.judge.keeps,
        )
        expected = self._prices.cost(
            self._usage(question), batched=self._batched, surcharges=self.judge.surcharges
        )
        for slot in slots:
            self._questions[slot.order] = self._questions.get(slot.order, 0) + 1
            self._expected[slot.order] = self._expected.get(slot.order, 0.0) + expected
            self._most[slot.order] = self._most.get(slot.order, 0) + most

    def rows(self) -> list[JudgeEstimate]:
        """One row an order."""
        return [
            JudgeEstimate(
                self.judge.name,
                order,
                count,
                self._expected[order] / NANO,
                self._most[order] / NANO,
            )
            for order, count in self._questions.items()
        ]

    def _usage(self, question: Question) -> Usage:
        """The bill to expect of one question among many: a long prefix is read from the cache."""
        total = input_about(question)
        prefix = total - tokens_about(question.user)
        cached = prefix if prefix >= _CACHEABLE and self.judge.remote else 0
        output = min(round(self._output or self._typical(question)), question.max_tokens)
        return Usage(input=total - cached, cached=cached, output=output)

    def _typical(self, question: Question) -> float:
        if self.judge.output == "token":
            return 4.0
        known = find_model(self.judge.model or "")
        thinking = _THINKING if known is not None and known.reasoning else 0
        named = question.schema["properties"].get("principles") if question.schema else None
        ruled = len(named["properties"]) * _PER_PRINCIPLE if named else 0
        return float(_REASONING + thinking + ruled)


def costs(judge: JudgeConfig) -> bool:
    """Whether asking this judge is billed."""
    return judge.provider is not Provider.RECORDED and judge.price().output > 0
