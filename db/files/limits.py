"""How much one file, or one row of it, may be; and the count that holds a packed file to it."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from db.errors import BadInput

# By hand: letters that may come out of any packed file, however small it is; and what a line
# counts for at least.
_FREE, _LEAST = 64_000_000, 32


class FileLimits(BaseModel):
    """The `[files]` section: what is more is refused in one sentence, and memory stays flat."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    longest_row: int = Field(
        16_000_000,
        ge=100,
        le=1_000_000_000,
        description="letters that one row of an imported file may hold; a longer one is rejected, "
        "and the others are taken",
    )
    deepest_row: int = Field(
        64,
        ge=4,
        le=200,
        description="how many lists and objects may stand inside one another in an imported row; "
        "a deeper one is rejected",
    )
    largest_unpacked: int = Field(
        20_000_000_000,
        ge=100,
        description="letters that may come out of one packed file (gzip, zstd, Parquet and so "
        "on); a file that holds more is refused",
    )
    largest_ratio: float = Field(
        200.0,
        ge=1,
        allow_inf_nan=False,
        description="how many times its own size may come out of a packed file, once that is more "
        "than 64 million letters (a line counts for 32 at least); texts pack to a fifth or a "
        "twentieth, a file made to fill memory to a thousandth",
    )
    most_rejected: int = Field(
        100_000,
        ge=1,
        description="rows of one file that may be rejected; a file with more bad rows is refused, "
        "though what was good before them stays taken",
    )

    def require_few(self, file: str | Path, rejected: int, first: str) -> None:
        """Raise BadInput where more rows of a file were rejected than may be."""
        if rejected > self.most_rejected:
            raise BadInput(
                f"{str(file)!r} has more than {self.most_rejected:,} bad rows "
                f"(the first: {first}); what was good before them was taken; mend it, or raise "
                "most_rejected in [files]"
            )


@dataclass
class Unpacked:
    """Counts what comes out of one packed file, so that none fills memory or time."""

    path: Path
    limits: FileLimits
    letters: int = 0
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes = self.path.stat().st_size

    def add(self, letters: int) -> None:
        """Count what came out. Raises BadInput where that is more than a file may hold."""
        self.letters += max(letters, _LEAST)
        self.require(self.letters)

    def require(self, letters: int) -> None:
        """Raise BadInput where a file that says it holds so much may not hold it."""
        limits = self.limits
        if letters > limits.largest_unpacked:
            raise BadInput(
                f"{str(self.path)!r} holds more than {limits.largest_unpacked:,} letters unpacked; "
                "split it, or raise largest_unpacked in [files]"
            )
        if letters > max(_FREE, limits.largest_ratio * self.bytes):
            raise BadInput(
                f"{str(self.path)!r} has {self.bytes:,} bytes and unpacks to more than "
                f"{letters / self.bytes:,.0f} times that; unpack it yourself if you trust it, or "
                "raise largest_ratio in [files]"
            )
