"""Files that verbs create are for the user who runs them, unless that user shares them."""

import os
from collections.abc import Mapping

from db.errors import BadInput

VARIABLE = "TIEBREAK_UMASK"
_PRIVATE = 0o077


def keep_private(environ: Mapping[str, str]) -> None:
    """From here on this process creates files as its umask says: 077, or what the variable names.

    Databases, exports, rejected rows, pages and checkpoints hold answers, votes and texts.
    Raises BadInput where the variable is no umask.
    """
    said = environ.get(VARIABLE)
    try:
        mask = _PRIVATE if said is None else int(said, 8)
    except ValueError:
        mask = -1
    if not 0 <= mask <= 0o777 or mask & 0o700:
        raise BadInput(
            f"{VARIABLE} is {said!r}; write an octal umask that leaves the owner's rights, like "
            "027, by which the group may read, or 007, by which it may write, too"
        )
    os.umask(mask)
