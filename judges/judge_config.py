"""One judge as configured: `[[judge]]` of tiebreak.toml as a typed model.

A judge's version hashes everything that can change its answer and nothing else: raising its
concurrency or correcting its price does not make a new judge.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from db.errors import BadInput
from db.reservations import Asked
from db.types import now
from db.validation import Variable
from db.vocabulary import Order, Provider
from judges import prompts, reach
from judges.constitution import Constitution
from judges.hosts import is_own
from judges.prices import FREE, Prices, find_model
from judges.reach import ExtraBody, Headers, LongestWait, Project, Query, Region, TokenLimit, Via
from judges.surcharges import keeps_an_hour, surcharges

REMOTE = (Provider.ANTHROPIC, Provider.OPENAI, Provider.OPENAI_COMPATIBLE)
_KEY_ENV = {Provider.ANTHROPIC: "ANTHROPIC_API_KEY", Provider.OPENAI: "OPENAI_API_KEY"}
_FAMILY = {Provider.ANTHROPIC: "anthropic", Provider.OPENAI: "openai"}
_BOTH = (Order.AB, Order.BA)
# By hand: an answer takes some 200 tokens; what a model thinks before it is cut off at its end.
_ROOM, _ROOM_THINKING, _ROOM_HIGH = 2048, 8192, 32_768
_HIGH = ("high", "xhigh", "max")
_COMPUTED = {  # raise a number whenever the computation changes; a test remembers
    Provider.BASELINE: 2,
    Provider.VERIFIER: 2,
}

COUNTS = frozenset({
    "provider", "model", "temperature", "effort", "output", "explain", "logprobs", "principles",
    "per_principle", "headers", "query", "extra_body", "options",
})  # fmt: skip
"""Settings that can change an answer: another value is another version of the judge."""

COUNTS_NOT = frozenset({
    "name", "family", "tier", "samples", "orders", "max_tokens", "base_url", "token_limit", "via",
    "region", "project", "api_key_env", "prices", "free", "requests_per_minute",
    "tokens_per_minute", "limit", "concurrency", "timeout", "retries", "longest_wait", "generation",
})  # fmt: skip
"""Settings that change no answer that was given whole: how it is reached, paid for and paced."""


class JudgeConfig(BaseModel):
    """One `[[judge]]`: who is asked, how, at what price, and how fast."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        min_length=1, max_length=200, description="what it is called everywhere; unique"
    )
    provider: Provider = Field(
        description="who answers: a vendor, a server of the OpenAI protocol, a checkpoint on this "
        "machine (local), a check of an expected outcome (verifier), a small computation "
        "(baseline), or nobody, for imported votes (recorded); fake is for tests"
    )
    model: str | None = Field(
        default=None,
        description="the provider's name of the model; local: the checkpoint's folder; baseline: "
        "the computation; recorded and verifier need none",
    )
    family: str | None = Field(
        default=None,
        description="judges of one family err together and count for less; default: the vendor, "
        "else the name up to its first slash",
    )
    tier: int = Field(
        default=1, ge=1, description="group in the cascade; 1 is asked first, without holes"
    )
    samples: int = Field(
        default=1, ge=1, le=100, description="answers wanted on each pair in each order"
    )
    orders: Literal["both", "ab"] = Field(
        default="both", description="whether it is asked with A first and with B first, or A only"
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="sampling temperature; unset: the provider's default"
    )
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = Field(
        default=None, description="how long a reasoning model thinks; unset: the provider's default"
    )
    output: Literal["structured", "text", "token"] = Field(
        default="structured",
        description="form of the answer: a JSON object held to a schema, reasons that end in a "
        "verdict line, or one word with its probability",
    )
    explain: prompts.Explain = Field(
        default="full",
        description="what it says of its choice: what speaks for and against each response, two or "
        "three sentences, or nothing",
    )
    logprobs: bool = Field(default=False, description="ask for the verdict token's probability")
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="longest answer, tokens, thinking included; unset: 2,048, for a model that "
        "thinks first 8,192, at high effort 32,768",
    )
    principles: tuple[str, ...] | None = Field(
        default=None, description="ids of the principles it is given; all where unset"
    )
    per_principle: bool = Field(
        default=True, description="ask for a verdict on each principle, too; not with one word"
    )
    base_url: str | None = Field(
        default=None,
        description="address of the server, with /v1 where it speaks OpenAI's protocol; unset: "
        "OPENAI_BASE_URL or ANTHROPIC_BASE_URL, else the vendor's own",
    )
    headers: Headers = {}
    query: Query = {}
    extra_body: ExtraBody = {}
    token_limit: TokenLimit = None
    via: Via = None
    region: Region = None
    project: Project = None
    api_key_env: Variable | None = Field(
        default=None, description="environment variable of the key, where it is not the usual one"
    )
    prices: Prices | None = Field(
        default=None, description="what it charges; needed where the vendor's model is not listed"
    )
    free: bool = Field(
        default=False,
        description="nobody bills for it; for an openai-compatible server beyond this machine and "
        "private networks either this or prices is needed",
    )
    requests_per_minute: int | None = Field(
        default=None, gt=0, description="its own limit, requests a minute in one process"
    )
    tokens_per_minute: int | None = Field(
        default=None, gt=0, description="its own limit, input tokens a minute in one process"
    )
    limit: str | None = Field(default=None, description="the [limits.NAME] it shares with others")
    # By hand; at 64 in flight a run kept 96% of a bare client's pace.
    concurrency: int = Field(default=32, ge=1, le=4096, description="requests in flight at once")
    # By hand, both: a reasoning model may take a minute, an overload some seconds.
    timeout: float = Field(default=120.0, gt=0, description="seconds for one attempt")
    retries: int = Field(
        default=4, ge=0, le=20, description="further attempts after a passing failure"
    )
    longest_wait: LongestWait = 600.0
    generation: int = Field(
        default=0, ge=0, description="its place in the judge line; 0 is a prompted judge"
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="for the verifier alone: `expected`, the outcome of prompts that bring none",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.model and self.provider not in (Provider.RECORDED, Provider.VERIFIER):
            raise ValueError(f"judge {self.name!r} has no model; add model = ...")
        if self.provider == Provider.OPENAI_COMPATIBLE and not self.base_url:
            raise ValueError(
                f"judge {self.name!r} is openai-compatible and has no base_url; "
                'add e.g. base_url = "http://localhost:8000/v1"'
            )
        if self.free and self.prices is not None:
            raise ValueError(f"judge {self.name!r} is free and has prices; leave one of them out")
        known = find_model(self.model) if self.model else None
        if known is not None and not known.temperature and self.temperature is not None:
            raise ValueError(
                f"model {self.model!r} of judge {self.name!r} refuses a temperature; "
                "leave temperature out"
            )
        if self.provider == Provider.ANTHROPIC and (self.logprobs or self.output == "token"):
            raise ValueError(
                f"judge {self.name!r}: this provider gives no token probabilities; "
                'use output = "structured" without logprobs'
            )
        return self

    @property
    def leaves(self) -> bool:
        """Whether what it is asked leaves this program, to wherever its server may send it."""
        return self.remote or self.provider is Provider.FAKE

    @property
    def remote(self) -> bool:
        """Whether asking means a request over the network."""
        return self.provider in REMOTE

    @property
    def batches(self) -> bool:
        """Whether its server takes batches (an own server need not)."""
        return self.provider in (Provider.ANTHROPIC, Provider.OPENAI) and self.via is None

    @property
    def unbatched(self) -> str | None:
        """Why it is asked directly where batches are wanted; None where that says itself."""
        if self.batches or not self.remote:
            return None
        where = f"through {self.via}" if self.via else "by a server of its own"
        return (
            f"judge {self.name!r} is asked directly, at its full price: {where} no batches are sent"
        )

    @property
    def ordered(self) -> bool:
        """Whether it matters which response is shown first (pointwise judges vote once)."""
        return self.provider in (*REMOTE, Provider.LOCAL, Provider.FAKE)

    @property
    def asked_orders(self) -> tuple[Order, ...]:
        """The orders this judge is asked in."""
        if not self.ordered:
            return (Order.NONE,)
        return _BOTH if self.orders == "both" else (Order.AB,)

    @property
    def key_env(self) -> str | None:
        """The environment variable that holds the key; None where no key is needed: a header
        takes its place, or a cloud's own credentials do.
        """
        if self.via is not None or reach.authenticates(self.headers):
            return self.api_key_env
        return self.api_key_env or _KEY_ENV.get(self.provider)

    @property
    def secrets(self) -> frozenset[str]:
        """Every environment variable that must be set before it can be asked."""
        named = (*self.headers.values(), *self.query.values())
        from_there = {value.env for value in named if not isinstance(value, str)}
        return frozenset(from_there | ({self.key_env} if self.key_env else set()))

    @property
    def relatives(self) -> str:
        """The family, by default the vendor's name or the judge's own."""
        return self.family or _FAMILY.get(self.provider) or self.name.split("/")[0]

    @property
    def asked_as(self) -> Asked:
        """Whom money is set aside for when it is asked."""
        return Asked(self.name, self.provider.value, self.model)

    @property
    def lasts(self) -> timedelta:
        """How long a claim may stand: every attempt at its longest, twice over."""
        return timedelta(seconds=max(600.0, 2 * self.timeout * (self.retries + 1)))

    @property
    def room(self) -> int:
        """The longest its answer may be, in tokens: `max_tokens`, or what fits its model."""
        if self.max_tokens is not None:
            return self.max_tokens
        if self.effort in _HIGH:
            return _ROOM_HIGH
        known = find_model(self.model or "")
        thinks = self.effort not in (None, "none", "minimal") or (
            self.effort is None and known is not None and known.reasoning
        )
        return _ROOM_THINKING if thinks else _ROOM

    @property
    def surcharges(self) -> tuple[str, ...]:
        """The service tier, speed and region it asks for beyond the usual ones."""
        return surcharges(self.extra_body)

    @property
    def keeps(self) -> bool:
        """Whether what it writes into the cache may stay for an hour, at a price of its own."""
        return keeps_an_hour(self.extra_body)

    def price(self) -> Prices:
        """What its answers cost. Raises BadInput for a priced service with unknown prices."""
        if self.prices is not None:
            return self.prices
        if self.free or self.provider not in (Provider.ANTHROPIC, Provider.OPENAI):
            if self.provider is Provider.OPENAI_COMPATIBLE and not (
                self.free or is_own(self.base_url or "")
            ):
                raise BadInput(
                    f"judge {self.name!r} is asked at {urlsplit(self.base_url or '').netloc}, "
                    "which may bill for it; add prices = { input = ..., output = ... } in dollars "
                    "per million tokens, or free = true"
                )
            return FREE
        if self.via is not None:
            raise BadInput(
                f"judge {self.name!r} is billed by {self.via}, whose prices are not known here; "
                "add prices = { input = ..., output = ... } in dollars per million tokens"
            )
        known = find_model(self.model or "")
        if known is None:
            raise BadInput(
                f"no prices are known for model {self.model!r} of judge {self.name!r}; add prices "
                "= { input = ..., output = ... } to its section of tiebreak.toml, in dollars per "
                "million tokens (`tiebreak prices list` shows which are known)"
            )
        if known.until is not None and known.until < now().date():
            raise BadInput(
                f"the prices of model {self.model!r} of judge {self.name!r} held until "
                f"{known.until}; add today's, prices = {{ input = ..., output = ... }}, to its "
                "section of tiebreak.toml, in dollars per million tokens"
            )
        return known.prices

    @property
    def _sent_beside(self) -> dict[str, Any]:
        """What else is sent that can change an answer; what the environment holds is no part."""
        tables = {"headers": self.headers, "query": self.query}
        said = {
            name: {key.lower(): value for key, value in table.items() if isinstance(value, str)}
            for name, table in tables.items()
        }
        return {k: v for k, v in {**said, "extra_body": self.extra_body}.items() if v}

    def version(self, rules: Constitution) -> str:
        """Hash of everything that can change an answer; changes nothing else.

        The constitution counts only for judges that read it.
        """
        parts: dict[str, Any] = {
            "provider": self.provider.value,
            "model": self.model,
            "base_url": None,  # the same model at another address is the same judge
            "temperature": self.temperature,
            "effort": self.effort,
            "output": self.output,
            "logprobs": self.logprobs,
            "max_tokens": _ROOM,  # what was cut off is asked again; nothing else changes
            "options": {k: v for k, v in sorted(self.options.items()) if not k.startswith("_")},
            **self._sent_beside,
        }
        if self.provider in _COMPUTED:
            parts["computation"] = _COMPUTED[self.provider]
        if self.ordered:
            parts["template"] = prompts.VERSION
            parts["per_principle"] = self.per_principle
            if self.explain != "full":  # what was asked before there was a choice
                parts["explain"] = self.explain
            parts["constitution"] = rules.only(self.principles).version
        if not self.remote:
            parts |= {"temperature": None, "effort": None, "logprobs": False}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
