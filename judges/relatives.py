"""What the user is told of judges whose family was guessed."""

from db.judges import without_family
from db.session import Database
from judges.trust.families import told_guesses


def guessed_families(database: Database) -> str | None:
    """A sentence on recorded judges without a family, or None where no name tells one."""
    with database.read() as session:
        return told_guesses(without_family(session))
