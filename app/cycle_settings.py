"""The `[cycle]` section: what the weekly cycle takes in, may spend, asks of humans and trains."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from db.errors import BadInput
from judges.trust.promise import Promise
from review.routing.options import RouteOptions

_Read = Literal["pairs", "candidates", "gold", "rankings", "votes", "labels"]
_MODES = ("min_agreement", "max_reviews", "review_share", "target_error")
FOLDERS = ("inbox", "datasets", "reports")


class CycleSettings(BaseModel):
    """Folders are beside the configuration. Of the four ways to route, one may be set.

    Where none is, a quarter of the pairs goes to humans. The webhook is no setting: its address is
    a secret, and comes from TIEBREAK_WEBHOOK or --webhook.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    inbox: Path = Field(
        Path("inbox"),
        description="folder of files that arrived; what was taken in moves to its done/",
    )
    ignore: tuple[str, ...] = Field(
        (), description="columns of files in the inbox that are passed over, as --ignore does"
    )
    keep: tuple[str, ...] = Field(
        (),
        description="columns of files of pairs and candidates in the inbox that are kept with "
        "their pairs, as --keep does",
    )
    map: dict[_Read, str] = Field(
        {},
        description="kinds of files in the inbox, and the `[maps.NAME]` by which each is read, as "
        '--map does: `{ pairs = "NAME" }`',
    )
    datasets: Path = Field(
        Path("datasets"), description="folder into which each cycle exports its dataset"
    )
    reports: Path = Field(
        Path("reports"), description="folder into which each cycle writes its HTML page"
    )
    max_usd: float | None = Field(
        None,
        gt=0,
        description="hard cap on judging, US dollars a cycle; needed where answers cost",
    )
    missing_votes: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the panel's votes that may be missing for the cycle to go on without "
        "them; 0 stops it for any, and the next run goes on",
    )
    spend_tolerance: float = Field(
        1.25, ge=1, description="bill divided by estimate above which the alarm `spend` rings"
    )
    min_agreement: float | None = Field(
        None, ge=0, le=1, description="accept where at least this share of the votes agrees"
    )
    max_reviews: int | None = Field(
        None, ge=0, description="human answers to ask for each time, audits included"
    )
    review_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="the same as a share of the pairs; 0.25 where none of the four ways is set",
    )
    target_error: float | None = Field(
        None, gt=0, lt=1, description="share of wrong labels that a certificate bounds"
    )
    delta: float = Field(
        0.1, gt=0, lt=0.5, description="probability that a certificate is wrong, with target_error"
    )
    promise: Promise = Field(
        "g2",
        description="what target_error bounds: errors among the accepted pairs (g1) or wrong "
        "labels in the whole batch (g2)",
    )
    seed_questions: int = Field(
        0,
        ge=0,
        description="questions asked before the first frame is frozen, with target_error, where "
        "fewer than 50 answers are known",
    )
    audit_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="share of the accepted pairs audited blind where no target_error is set",
    )
    gold_share: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="share of the prompts newly settled by people that the cycle freezes as gold, "
        "by whole conversations, until the gate sees the saving it looks for; 0 leaves gold to you",
    )
    train: tuple[Literal["reward", "judge"], ...] = Field(
        ("reward", "judge"), description="what is trained on the cycle's dataset; [] for nothing"
    )
    min_new_labels: int = Field(
        20, ge=1, description="settled labels new since the last dataset below which none trains"
    )
    promote: bool = Field(
        True, description="ask the gate at once; false leaves `tiebreak promote` to a person"
    )
    target_agreement: float = Field(
        0.9,
        gt=0.5,
        lt=1,
        description="agreement with gold, as a share, at which the gate compares how many humans "
        "are needed with and without a new judge",
    )
    queue_weeks: float = Field(
        2.0, gt=0, description="weeks of waiting work above which the alarm `queue` may ring"
    )
    seed: int = Field(
        7, ge=0, description="seed of the draws of routing, export and the diversity check"
    )

    def route_options(self) -> RouteOptions:
        """What the router is asked for. BadInput where two ways are set."""
        given = {m: getattr(self, m) for m in _MODES if getattr(self, m) is not None}
        try:
            return RouteOptions.of(self.model_dump() | (given or {"review_share": 0.25}))
        except ValueError as error:
            raise BadInput(f"[cycle]: {error}") from None
