"""The `[retention]` section: how long texts, raw answers and names are kept."""

from pydantic import BaseModel, ConfigDict, Field


class RetentionSettings(BaseModel):
    """What is older is removed by `tiebreak retention` and at the end of each cycle.

    Where a setting is missing nothing is removed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    raw_answer_days: int | None = Field(
        None, ge=1, description="days after which the raw answers of models are removed"
    )
    text_days: int | None = Field(
        None,
        ge=1,
        description="days after its import after which a prompt's texts are erased for good, "
        "labels and votes staying as numbers",
    )
    person_days: int | None = Field(
        None,
        ge=1,
        description="days without an answer after which a person's name and words are erased",
    )

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever removed."""
        return not (self.raw_answer_days or self.text_days or self.person_days)
