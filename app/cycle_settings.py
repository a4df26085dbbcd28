"""The `[cycle]` section: what the weekly cycle takes in, may spend, asks of humans and trains."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from db.errors import BadInput
from judges.trust.promise import Promise
from review.routing.options import RouteOptions

_MODES = ("min_agreement", "max_reviews", "review_share", "target_error")
FOLDERS = ("inbox", "datasets", "reports")


class CycleSettings(BaseModel):
    """Folders are beside the configuration. Of the four ways to route, one may be set.

    Where none is, a quarter of the pairs goes to humans. The webhook is no setting: its address is
    a secret, and comes from TIEBREAK_WEBHOOK or --webhook.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    inbox: Path = Field(Path("inbox"), description="files that arrived; taken in, moved to done/")
    datasets: Path = Path("datasets")
    reports: Path = Path("reports")
    max_usd: float | None = Field(None, gt=0, description="hard cap on judging, a cycle")
    spend_tolerance: float = Field(1.25, ge=1, description="bill over estimate that rings")
    min_agreement: float | None = Field(None, ge=0, le=1)
    max_reviews: int | None = Field(None, ge=0)
    review_share: float | None = Field(None, ge=0, le=1)
    target_error: float | None = Field(None, gt=0, lt=1)
    delta: float = Field(0.1, gt=0, lt=0.5)
    promise: Promise = "g2"
    audit_share: float = Field(0.02, ge=0, le=1)
    train: tuple[Literal["reward", "judge"], ...] = ("reward", "judge")
    min_new_labels: int = Field(20, ge=1, description="new settled labels worth a training")
    promote: bool = Field(True, description="false: the gate is asked by a person")
    target_agreement: float = Field(
        0.9, gt=0.5, lt=1, description="at which the gate compares how many humans are needed"
    )
    queue_weeks: float = Field(2.0, gt=0, description="weeks of waiting work that ring")
    seed: int = Field(7, ge=0)

    def route_options(self) -> RouteOptions:
        """What the router is asked for. BadInput where two ways are set."""
        given = {m: getattr(self, m) for m in _MODES if getattr(self, m) is not None}
        try:
            return RouteOptions.of(self.model_dump() | (given or {"review_share": 0.25}))
        except ValueError as error:
            raise BadInput(f"[cycle]: {error}") from None
