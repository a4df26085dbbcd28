"""The `[review]` section of tiebreak.toml: how the queue, the desk and the checks behave."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class ReviewSettings(BaseModel):
    """Rules of the review room. Times are in the unit of their name; rates are in [0, 1]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Claims and the dwell, all by hand: docs/design/leases.md
    lease_minutes: float = Field(
        15, gt=0, description="minutes a claim on a pair lasts unless the screen renews it"
    )
    lease_longest_minutes: float = Field(
        90, gt=0, description="minutes after which a claim is renewed no more"
    )
    min_dwell_seconds: float = Field(
        0.8, ge=0, description="seconds a pair is on the screen before an answer is taken"
    )
    idle_seconds: float = Field(
        60, gt=0, description="seconds of a pause that still count as work; the rest does not"
    )
    undo_minutes: float = Field(
        60, ge=0, description="minutes within which one's last answer can be taken back"
    )

    reviews_wanted: int = Field(
        1, ge=1, description="answers that must agree, and be more than half, to settle a pair"
    )
    reviews_most: int = Field(
        3, ge=1, description="answers after which an unsettled pair goes to an adjudicator"
    )

    session_goal: int = Field(40, ge=1, description="answers the session bar of the desk counts to")
    # Hidden checks, their rates and their bar, by hand: docs/design/review-app.md
    practice_pairs: int = Field(
        3,
        ge=0,
        description="pairs with feedback, out of gold, before a newcomer's first; 0 leaves out "
        "these and the guideline shown before them",
    )
    gold_rate: float = Field(
        0.05, ge=0, le=0.5, description="share of pairs that are hidden gold instead of the next"
    )
    repeat_rate: float = Field(
        0.03, ge=0, le=0.5, description="share of pairs that are hidden repeats of own answers"
    )
    repeat_after: int = Field(
        20, ge=1, description="own answers between a pair and its hidden repeat"
    )
    gold_window: int = Field(
        20, ge=1, description="a person's latest answers on hidden gold that are looked at"
    )
    gold_minimum: int = Field(
        8, ge=1, description="answers on hidden gold before anybody is paused"
    )
    gold_bar: float = Field(
        0.6, ge=0, le=1, description="accuracy on hidden gold, a share, below which work is paused"
    )
    rationale_rate: float = Field(
        0.05,
        ge=0,
        le=1,
        description="share of answers asked for a reason by chance; overriding a unanimous panel "
        "always is",
    )

    # Assumed until gold and overlap have shown a person's own.
    reviewer_accuracy: float = Field(
        0.9,
        gt=1 / 3,
        lt=1,
        description="share of right answers assumed of a reviewer; worth ten answers beside what "
        "was measured",
    )
    adjudicator_accuracy: float = Field(
        0.98, gt=1 / 3, lt=1, description="share of right answers assumed of an adjudicator"
    )

    doubt_below: float = Field(
        0.5,
        ge=0,
        le=1,
        description="a single review whose choice is less probable than this asks for a second",
    )

    guideline: str | None = Field(
        None, description="markdown file shown to annotators instead of the built-in guideline"
    )
    principles: tuple[str, ...] = Field(
        (), description="ids of principles the desk asks about one by one, beside the verdict"
    )
    admins: tuple[str, ...] = Field(
        (), description="verified e-mail or subject of those who become admins at sign-in"
    )
    sign_in_hours: float = Field(
        12, gt=0, description="hours after which the identity provider is asked again"
    )

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts unrenewed."""
        return timedelta(minutes=self.lease_minutes)

    @property
    def dwell(self) -> timedelta:
        """No answer is taken sooner than this after the pair appears."""
        return timedelta(seconds=self.min_dwell_seconds)
