"""The `[review]` section of tiebreak.toml: how the queue, the desk and the checks behave."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class ReviewSettings(BaseModel):
    """Rules of the review room. Times are in the unit of their name; rates are in [0, 1]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lease_minutes: float = Field(15, gt=0, description="how long a claim lasts unrenewed")
    lease_longest_minutes: float = Field(90, gt=0, description="renewed at most this long")
    min_dwell_seconds: float = Field(0.8, ge=0, description="no answer is taken sooner")
    idle_seconds: float = Field(60, gt=0, description="a longer pause does not count as work")
    undo_minutes: float = Field(60, ge=0)

    reviews_wanted: int = Field(1, ge=1, description="answers that must agree")
    reviews_most: int = Field(3, ge=1, description="then an adjudicator decides")

    session_goal: int = Field(40, ge=1, description="answers the session bar counts to")
    practice_pairs: int = Field(
        3, ge=0, description="with feedback, after the guideline; 0 leaves out both"
    )
    gold_rate: float = Field(0.05, ge=0, le=0.5, description="share of hidden gold pairs")
    repeat_rate: float = Field(0.03, ge=0, le=0.5, description="share of hidden repeats")
    repeat_after: int = Field(20, ge=1, description="own answers between a pair and its repeat")
    gold_window: int = Field(20, ge=1, description="latest gold answers that are looked at")
    gold_minimum: int = Field(8, ge=1, description="gold answers before anyone is paused")
    gold_bar: float = Field(0.6, ge=0, le=1, description="accuracy below which work is paused")
    rationale_rate: float = Field(0.05, ge=0, le=1, description="share asked for a reason")

    reviewer_accuracy: float = Field(0.9, gt=1 / 3, lt=1, description="assumed in the merge")
    adjudicator_accuracy: float = Field(0.98, gt=1 / 3, lt=1, description="assumed in the merge")

    doubt_below: float = Field(
        0.5, ge=0, le=1, description="a lone review less probable than this asks for a second"
    )

    guideline: str | None = Field(None, description="markdown file shown to annotators")
    principles: tuple[str, ...] = Field((), description="ids of principles to ask about one by one")
    admins: tuple[str, ...] = Field((), description="e-mail or subject of those who are admins")
    sign_in_hours: float = Field(12, gt=0, description="then the provider is asked again")

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts unrenewed."""
        return timedelta(minutes=self.lease_minutes)

    @property
    def dwell(self) -> timedelta:
        """No answer is taken sooner than this after the pair appears."""
        return timedelta(seconds=self.min_dwell_seconds)
