"""Text that both databases can hold: the one place where what models say is made so."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for each NUL (PostgreSQL holds none) and each half of a surrogate pair.

    Every other character stays, also those that no screen shows.
    """
    return _UNSTORABLE.sub("\ufffd", text)
