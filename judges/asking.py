"""What passes between the panel and whoever answers: a question, an answer, two protocols.

A provider is anything that answers a `Question`; there is no base class to inherit from.
How a question is worded lives in `judges.prompts`; what an answer means, too. Here is neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from db.errors import BadInput, Unavailable
from db.storable import storable

Stop = Literal[
    "end",
    "length",
    "refusal",
    "filter",
    "too long",
    "rejected",
    "cut",
    "failed",
    "unreadable",
    "unchecked",
]


@dataclass(frozen=True, slots=True)
class Shown:
    """One comparison as it is put before a judge: `first` and `second` in display order.

    `expected` is the outcome stored with the prompt, which only the verifier reads:
    `{"kind": "exact" | "regex" | "json_schema" | "arithmetic", "value": ...}`.
    """

    prompt: str
    first: str
    second: str
    domain: str | None = None
    expected: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask one judge.

    `system` is the same for every question of a judge (and domain), so that servers can cache it;
    `user` carries the comparison. `schema` is None where free text or a single token is wanted.
    `key` names the question within its run and becomes the request's name in a batch. `earlier`
    holds the turns before `user` where a conversation is continued: {role, content} each.
    """

    key: str
    system: str
    user: str
    shown: Shown
    schema: Mapping[str, Any] | None = None
    menu: tuple[str, ...] = ("1", "2", "tie")
    max_tokens: int = 2048
    sample: int = 1
    earlier: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer as the server billed them; the three kinds of input do not overlap.

    kept: how many of those written into the cache stay for an hour.
    """

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    kept: int = 0

    @property
    def read(self) -> int:
        """All input."""
        return self.input + self.cached + self.written

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.cached + other.cached,
            self.written + other.written,
            self.output + other.output,
            self.kept + other.kept,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, before anybody decided what it means.

    `text` is kept word for word, but for what no database holds (`db.storable`). `stop` says how
    it ended; "unreadable": the text is the whole reply, in which no answer can be found;
    "cut": the server did not read the whole question; "failed": the server broke off;
    "unchecked": it is why a judge that computes could not. `told`: what the server said in place of
    an answer. `held`: the server held it to the
    question's schema. `probabilities` maps entries of the question's menu (display order) to the
    probability the server gave the verdict token, where it gives one; they sum to 1. `batched`
    answers are billed at the batch price.

    `usage` is None where the server told none, or one that cannot be; `told_nanousd`: what the
    server itself says it charged; `surcharges`: the service tier, speed or region it names where
    that is not the usual one.

    `thinking` is what the model thought, which never counts; it stands in no `text`. `category`:
    what a refusal or filter says it is for.

    `out_of_fold`, of judges trained here: True where a model blind to the prompt has answered,
    False where the judge has learnt from the prompt and answers all the same.
    """

    text: str
    usage: Usage | None = field(default_factory=Usage)
    stop: Stop = "end"
    told: str | None = None
    held: bool = False
    probabilities: Mapping[str, float] | None = None
    model: str | None = None
    batched: bool = False
    told_nanousd: int | None = None
    surcharges: tuple[str, ...] = ()
    thinking: str | None = None
    category: str | None = None
    out_of_fold: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", storable(self.text))
        for name in ("model", "thinking", "category"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, storable(str(value)))


class Lost(Unavailable):
    """A request left and no answer came back: it may have been billed.

    seconds: how long the server asks to wait, None where it does not say.
    """

    def __init__(self, sentence: str, seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Later(Unavailable):
    """The server took nothing: too much is asked at once, or it is not there.

    seconds: how long it asks to wait, None where it does not say; why: in two words; words: its
    own.
    """

    def __init__(
        self,
        sentence: str,
        seconds: float | None = None,
        why: str = "rate limited",
        words: str = "",
    ) -> None:
        super().__init__(sentence)
        self.seconds, self.why, self.words = seconds, why, words


class Rejected(BadInput):
    """The server refuses one request, and bills nothing. The sentence is about the judge;
    `answer` is what it amounts to where it is the question's own fault (`judges.whose_fault`).

    alike: the same for refusals of one kind.
    """

    def __init__(self, sentence: str, answer: Answer, alike: str) -> None:
        super().__init__(sentence)
        self.answer, self.alike = answer, alike


class Client(Protocol):
    """Answers over the network, one question at a time, many at once."""

    async def ask(self, question: Question) -> Answer:
        """Raises an error of `db.errors` when no answer came (after the client's own retries)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """Answers on this machine, many questions in one call."""

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question, in order; an empty text where there is nothing to say."""
        ...
