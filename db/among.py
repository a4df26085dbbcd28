"""A condition on many keys that is one parameter, where a list of parameters would cost more."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session


def among(
    session: Session, column: InstrumentedAttribute[Any], keys: Iterable[int | str]
) -> ColumnElement[bool]:
    """That a column of integers, or one of texts, is one of these."""
    wanted = [key if isinstance(key, str) else int(key) for key in keys]
    if session.get_bind().dialect.name == "postgresql":
        kind = Text if isinstance(column.type, String) else BigInteger
        return column == any_(literal(wanted, ARRAY(kind)))
    return column.in_(select(func.json_each(json.dumps(wanted)).table_valued("value").c.value))
