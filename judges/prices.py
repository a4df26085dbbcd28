"""What answers cost: list prices shipped as data, tokens in, nano-dollars out.

Money is counted in whole nano-dollars (10⁻⁹ USD), so that sums are exact. A price of one dollar
per million tokens is a thousand nano-dollars a token.
"""

import re
import tomllib
from collections.abc import Collection, Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from math import ceil, prod
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from judges.asking import Answer, Usage
from judges.surcharges import FACTORS, UNKNOWN

NANO = 1_000_000_000
Factor = Annotated[float, Field(gt=0)]


class Charge(NamedTuple):
    """What an answer costs, nano-dollars. guessed: its server tells no usage that can be, so it
    counts at the most it can cost; above: by its server's word it was charged more than that.
    """

    nanousd: int
    guessed: bool = False
    above: bool = False


class Prices(BaseModel):
    """Dollars per million tokens. Where `cached` or `written` is missing, `input` is charged.

    Requests of more than `long_above` input tokens are billed by the `long_` prices as a whole.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    input: float = Field(ge=0, description="fresh input, $ per million tokens")
    output: float = Field(ge=0, description="output, thinking included, $ per million tokens")
    cached: float | None = Field(
        default=None,
        ge=0,
        description="input read from the cache, $ per million; as input if unset",
    )
    written: float | None = Field(
        default=None,
        ge=0,
        description="input written into the cache, $ per million; as input if unset",
    )
    batch: float = Field(
        default=0.5, ge=0, le=1, description="factor on everything in the batch interface"
    )
    long_above: int | None = Field(
        default=None, gt=0, description="input tokens above which the long_ prices hold"
    )
    long_input: float | None = Field(
        default=None, ge=0, description="as input, for long requests; as input if unset"
    )
    long_cached: float | None = Field(
        default=None, ge=0, description="as cached, for long requests; as cached if unset"
    )
    long_written: float | None = Field(
        default=None, ge=0, description="as written, for long requests; as written if unset"
    )
    long_output: float | None = Field(
        default=None, ge=0, description="as output, for long requests; as output if unset"
    )
    kept: float | None = Field(
        default=None,
        ge=0,
        description="input written into the cache for an hour, $ per million; twice input if unset",
    )
    factors: dict[str, Factor] = Field(
        default_factory=dict,
        description="what a service tier, speed or region multiplies the price by, by the name "
        "that the answer gives: `{ priority = 2.0 }`; others as documented",
    )

    def factor(self, surcharge: str) -> float:
        """What a service tier, speed or region multiplies the price by."""
        return self.factors.get(surcharge, FACTORS.get(surcharge, UNKNOWN))

    def charge(
        self, answer: Answer, most: int, counted: Collection[str] = (), ceiling: int | None = None
    ) -> Charge:
        """What an answer costs: what its server says it charged, else by its usage, else, or where
        that comes to more than the `ceiling` (default: the most), the `most` it can cost.

        counted: the service tiers and like that `most` counts already; others that the answer
        names raise it.
        """
        named = set(answer.surcharges) - set(counted)
        most = self.raised(most, named)
        ceiling = most if ceiling is None else self.raised(ceiling, named)
        if answer.told_nanousd is not None:
            return Charge(answer.told_nanousd, above=answer.told_nanousd > ceiling)
        if answer.usage is not None:
            cost = self.cost(answer.usage, batched=answer.batched, surcharges=answer.surcharges)
            if cost <= ceiling:
                return Charge(cost)
        return Charge(most, guessed=most > 0)

    def raised(self, nanousd: int, named: Iterable[str]) -> int:
        """The most something costs where these service tiers, speeds and regions may be billed."""
        factor = prod(max(1.0, self.factor(name)) for name in named)
        return ceil(round(nanousd * factor, 6))

    def cost(self, usage: Usage, *, batched: bool = False, surcharges: Iterable[str] = ()) -> int:
        """Nano-dollars for one answer, rounded up to a whole one."""
        long = self.long_above is not None and usage.read > self.long_above
        fresh = _pick(long, self.long_input, self.input)
        cached = _pick(long, self.long_cached, fresh if self.cached is None else self.cached)
        written = _pick(long, self.long_written, fresh if self.written is None else self.written)
        output = _pick(long, self.long_output, self.output)
        dollars_per_million = (
            usage.input * fresh
            + usage.cached * cached
            + (usage.written - usage.kept) * written
            + usage.kept * max(written, 2 * fresh if self.kept is None else self.kept)
            + usage.output * output
        )
        factor = self.batch if batched else 1.0
        for name in surcharges:
            factor *= self.factor(name)
        # Rounded first so that floating dust does not add a nano-dollar to an exact sum.
        return ceil(round(dollars_per_million * factor * 1000, 6))

    def bound(
        self,
        input_tokens: int,
        output_tokens: int,
        *,
        batched: bool = False,
        surcharges: Iterable[str] = (),
        kept: bool = False,
    ) -> int:
        """The most an answer can cost: all input at the dearest kind, all output used. kept: what
        is written into the cache may stay for an hour.
        """
        more = [each for each in surcharges if self.factor(each) > 1]
        sizes = {input_tokens, min(input_tokens, self.long_above or input_tokens)}
        return max(
            self.cost(usage, batched=batched, surcharges=more)
            for size in sizes  # one that turns out shorter may be billed by dearer prices
            for usage in (
                Usage(input=size, output=output_tokens),
                Usage(cached=size, output=output_tokens),
                Usage(written=size, output=output_tokens, kept=size if kept else 0),
            )
        )


class KnownModel(Prices):
    """A model of the shipped list: its prices, since when they hold, and what it refuses."""

    since: date = Field(description="the day from which they hold, or were read")
    until: date | None = Field(default=None, description="the last day they hold, where one is")
    temperature: bool = Field(default=True, description="whether it takes a temperature")
    reasoning: bool = Field(default=False, description="whether it thinks first, billed as output")

    @property
    def prices(self) -> Prices:
        """The prices alone."""
        return Prices(**{name: getattr(self, name) for name in Prices.model_fields})


FREE = Prices(input=0, output=0)


def find_model(name: str) -> KnownModel | None:
    """The shipped entry for a model, also under a dated name (`claude-haiku-4-5-20251001`)."""
    known = known_models()
    return known.get(name) or known.get(undated(name))


def undated(name: str) -> str:
    """A model's name without the day of its snapshot."""
    dated = re.fullmatch(r"(.+?)-20\d\d-?\d\d-?\d\d", name)
    return dated[1] if dated else name


def tokens_at_most(text: str) -> int:
    """A number of tokens no tokenizer in use exceeds for this text: one a UTF-8 byte."""
    return len(text.encode())


def tokens_about(text: str) -> int:
    """The usual rule of thumb: four bytes of text a token. For expectations only."""
    return ceil(len(text.encode()) / 4)


@cache
def known_models() -> dict[str, KnownModel]:
    """The shipped list, by name."""
    table = tomllib.loads((files("judges") / "prices.toml").read_text(encoding="utf-8"))
    return {name: KnownModel.model_validate(entry) for name, entry in table.items()}


def _pick(long: bool, long_price: float | None, price: float) -> float:
    return long_price if long and long_price is not None else price
