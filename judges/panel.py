"""The panel as configured: `[panel]`, `[[judge]]` and `[limits.NAME]` of tiebreak.toml together.

What a judge is asked and what it may cost is decided by its own section; asking is elsewhere.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from db.errors import BadInput, UnknownName
from db.validation import one_sentence
from db.vocabulary import Provider
from judges import constitution
from judges.constitution import Constitution
from judges.judge_config import JudgeConfig
from judges.private import PrivateKind
from judges.unsendable import require_sendable


class Limit(BaseModel):
    """One `[limits.NAME]`: what the judges that name it share, as those of one API key do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: int | None = Field(
        default=None, gt=0, description="requests a minute of all who share it, in one process"
    )
    tokens_per_minute: int | None = Field(
        default=None, gt=0, description="input tokens a minute of all who share it, in one process"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.requests_per_minute is None and self.tokens_per_minute is None:
            raise ValueError("it limits nothing; add requests_per_minute or tokens_per_minute")
        return self


class PanelConfig(BaseModel):
    """The `[panel]` section: what is common to all judges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    constitution: tuple[str, ...] = Field(
        default=("starter",),
        description="rules for judges: shipped names (starter, code, law, medicine) or paths of "
        "TOML files beside tiebreak.toml",
    )
    hold_private: tuple[PrivateKind | Literal["all"], ...] = Field(
        default=(),
        description="texts with private data of these kinds are not sent to a provider but left "
        "to people and to judges on this machine: card, email, iban, ip_address, national_id, "
        "phone, secret, or all; empty: they are sent, and counted",
    )
    bridge: Literal["ask", "always", "never"] = Field(
        default="ask",
        description="a changed judge that costs is asked about a sample of pairs it judged before "
        "it is paid for on everything: ask waits for `tiebreak judges accept NAME`, always goes on "
        "where it is not worse, never takes no sample",
    )
    count_history: bool = Field(
        default=False,
        description="whether judges that are configured no longer vote all the same",
    )
    require_probe: bool = Field(
        default=False,
        description="whether a judge's votes count only once `tiebreak probe` has probed the "
        "version that is asked, and it did not fail",
    )
    label_model: Literal["majority", "dawid-skene", "tiebreak"] = Field(
        default="tiebreak", description="how votes and human answers become probabilities"
    )


class Panel(BaseModel):
    """What `tiebreak judge` needs to know: the judges, their rules, how votes are pooled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    panel: PanelConfig = Field(default_factory=PanelConfig, description="common to all judges")
    judge: tuple[JudgeConfig, ...] = Field(default=(), description="the judges")
    limits: dict[str, Limit] = Field(default_factory=dict, description="what judges share, by name")
    rules: Constitution = Field(
        default_factory=lambda: Constitution(chapters=()), exclude=True, description="as read"
    )

    @property
    def asked(self) -> tuple[JudgeConfig, ...]:
        """The judges that can be asked; recorded ones only hold imported votes."""
        return tuple(j for j in self.judge if j.provider != Provider.RECORDED)

    @property
    def tiers(self) -> list[int]:
        """Tiers that have judges, cheapest first."""
        return sorted({j.tier for j in self.asked})

    def of_tier(self, tier: int) -> tuple[JudgeConfig, ...]:
        """The judges of one tier. Raises UnknownName where it has none."""
        found = tuple(j for j in self.asked if j.tier == tier)
        if not found:
            raise UnknownName(f"tier {tier!r} has no judges; tiers with judges are {self.tiers}")
        return found

    def named(self, name: str) -> JudgeConfig:
        """One judge by name. Raises UnknownName."""
        for judge in self.judge:
            if judge.name == name:
                return judge
        names = [j.name for j in self.judge]
        raise UnknownName(f"judge {name!r} is not in the panel; it has {names}")

    def without(self, names: Collection[str]) -> "Panel":
        """The same panel without these judges."""
        return self.model_copy(
            update={"judge": tuple(judge for judge in self.judge if judge.name not in names)}
        )

    def with_judges(self, *more: JudgeConfig) -> "Panel":
        """The same panel with judges added, e.g. the promoted next generation."""
        fake = any(judge.provider is Provider.FAKE for judge in self.judge)
        return checked(self.model_copy(update={"judge": (*self.judge, *more)}), allow_fake=fake)


def parse(
    sections: Mapping[str, Any], *, beside: Path | None = None, allow_fake: bool = False
) -> Panel:
    """Read `{"panel": {...}, "judge": [{...}], "limits": {...}}`; `beside` is the configuration's
    folder.

    Raises BadInput with one sentence for anything that cannot be used.
    """
    try:
        panel = Panel.model_validate(dict(sections))
    except ValidationError as error:
        raise BadInput(f"panel: {one_sentence(error, Panel)}") from None
    rules = constitution.load(panel.panel.constitution, beside)
    return checked(panel.model_copy(update={"rules": rules}), allow_fake=allow_fake)


def checked(panel: Panel, *, allow_fake: bool = False) -> Panel:
    """What single judges cannot know: names and versions are unique, tiers have no holes."""
    names: set[str] = set()
    versions: dict[tuple[str, str | None], str] = {}
    for judge in panel.judge:
        if judge.name in names:
            raise BadInput(f"two judges are named {judge.name!r}; names must differ")
        names.add(judge.name)
        if judge.limit is not None and judge.limit not in panel.limits:
            raise BadInput(
                f"judge {judge.name!r} shares limit {judge.limit!r}, which is none of "
                f"{sorted(panel.limits)}; add [limits.{judge.limit}] with requests_per_minute or "
                "tokens_per_minute"
            )
        if judge.provider == Provider.FAKE and not allow_fake:
            raise BadInput(
                f"judge {judge.name!r} uses provider 'fake', which is for tests; choose another"
            )
        require_sendable(judge)
        if judge.provider == Provider.RECORDED:
            continue
        version = judge.version(panel.rules), judge.base_url
        if version in versions:
            raise BadInput(
                f"judges {versions[version]!r} and {judge.name!r} ask exactly the same question; "
                "remove one, or raise samples on the other"
            )
        versions[version] = judge.name
        judge.price()
    for tier in range(1, max(panel.tiers, default=0)):
        if tier not in panel.tiers:
            raise BadInput(
                f"tier {tier} has no judges but tier {max(panel.tiers)} does; "
                "number tiers 1, 2, ... without a hole"
            )
    return panel
