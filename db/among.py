"""A condition on many keys that is one parameter, where a list of parameters would cost more."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session


def among(
    session: Session, column: InstrumentedAttribute[Any], keys: Iterable[int]
) -> ColumnElement[bool]:
    """That a column of integers is one of these."""
    wanted = [int(key) for key in keys]
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(wanted, ARRAY(BigInteger)))
    return column.in_(select(func.json_each(json.dumps(wanted)).table_valued("value").c.value))
