"""The `[gate]` section: what an answer costs here, how much worse a cheaper panel may be."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from judges.trust.panel_choice import Terms


class GateSettings(BaseModel):
    """Why each default is what it is: docs/design/gate.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    human_usd_per_hour: float = Field(
        30.0, gt=0, description="what an hour of a person who answers costs, US dollars"
    )
    seconds_per_answer: float = Field(
        60.0,
        gt=0,
        description="seconds an answer takes, where fewer than 20 answers were timed; else their "
        "mean is taken",
    )
    log_loss_margin: float = Field(
        0.03, ge=0, description="nats by which the log-loss of a cheaper panel may be higher"
    )
    human_share_margin: float = Field(
        0.05,
        ge=0,
        le=1,
        description="share of pairs by which a panel with cheaper calls may need more humans",
    )
    smallest_saving: float = Field(
        0.02,
        gt=0,
        lt=1,
        description="the saving worth looking for, in human answers a pair (0.02: 2 of 100 pairs); "
        "a refusal says how much gold would show it",
    )

    gold_serves: int = Field(
        12,
        ge=1,
        description="decisions that a gold pair serves before it retires into training, the oldest "
        "first",
    )
    gold_least: int = Field(
        300,
        ge=1,
        description="decided gold pairs that stay, whatever they have served: fresh gold first",
    )

    def terms(self, target: float, seconds: float | None) -> "Terms":
        """What the gate asks for. seconds: mean time of an answer here, None where not known."""
        from judges.trust.panel_choice import Terms  # with SciPy behind it

        each = (seconds or self.seconds_per_answer) / 3600 * self.human_usd_per_hour
        return Terms(
            target, each, self.log_loss_margin, self.human_share_margin, self.smallest_saving
        )
