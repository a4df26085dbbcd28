"""Annotated column types shared by the tables: keys, UTC time, short and long text, JSON."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time that is always aware and always UTC, also on SQLite.

    Raises ValueError for a naive datetime on the way in.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, as the column stores it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: give it a timezone, e.g. datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Back from the column, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """The present moment, UTC-aware."""
    return datetime.now(UTC)


def word(words: type[StrEnum], name: str) -> Enum:
    """A text column that holds one of the vocabulary's words, kept so by a CHECK."""
    return Enum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


BigKey = BigInteger().with_variant(Integer(), "sqlite")
JsonText = JSON(none_as_null=True)  # keeps the order of keys, which chat templates write out
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

Key = Annotated[int, mapped_column(BigKey, primary_key=True)]
Name = Annotated[str, mapped_column(String(200))]
Hash = Annotated[str, mapped_column(String(64))]
LongText = Annotated[str, mapped_column(Text)]
Time = Annotated[datetime, mapped_column(UtcDateTime, default=now)]
OptionalTime = Annotated[datetime | None, mapped_column(UtcDateTime)]
JsonDict = Annotated[dict[str, Any], mapped_column(Json)]
JsonList = Annotated[list[Any], mapped_column(Json)]
Money = Annotated[int, mapped_column(BigInteger)]  # nano-dollars: 1 USD = 1_000_000_000
