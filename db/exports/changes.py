"""What became of labels that a continued dataset holds, as its increment tells it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from db.among import among
from db.exports.names import named
from db.models import Pair, Preference
from db.upsert import chunks
from db.vocabulary import Choice

_AT_ONCE = 1000


class Change(NamedTuple):
    """A label that is replaced, or that is withdrawn for a reason."""

    pair_id: int
    preference_id: int
    withdrawn: str | None = None


class ExportChange(NamedTuple):
    """A change as outsiders read it: what the pair is called, and what its label was."""

    pair_id: str
    pair_hash: str
    was: str
    withdrawn: str | None


def export_changes(session: Session, changes: Sequence[Change]) -> Iterator[ExportChange]:
    """The changes under the pairs' first names, with A and B as those have them."""
    for page in chunks(changes, _AT_ONCE):
        names = named(session, [each.pair_id for each in page])
        query = (
            select(Preference.id, Pair.content_hash, type_coerce(Preference.choice, String))
            .join(Pair, Pair.id == Preference.pair_id)
            .where(among(session, Preference.id, (each.preference_id for each in page)))
        )
        told = {row[0]: (row[1], Choice(row[2])) for row in session.execute(query)}
        for each in page:
            name, turned, _ = names[each.pair_id]
            digest, choice = told[each.preference_id]
            was = choice.mirrored() if turned else choice
            yield ExportChange(name, digest, was.value, each.withdrawn)
