"""Whether two wordings differ by slips of the pen and inflection alone.

Without a dictionary a slip cannot be told from another word by its letters (`alkane`, `alkene`),
so only long words may differ in one letter, and never in their first or last; words one slip from
a very frequent one are that word. Which errors remain: docs/design/leakage.md.
"""

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from judges.alike.fillers import COMMON, OPPOSED, RIGHT
from judges.alike.wording import HARD, Remembered, singular, unspaced

SLIPS = 4
"""At most one word in so many may be misspelt or inflected, but always one."""

UNSPACED_A_SLIP = 40
"""In a script without spaces one character in so many may be missing."""

_COMPARED = 1000  # characters from the first difference on; by hand
_SWAPPED, _DROPPED, _CHANGED = 6, 6, 8
_ENDINGS = ("ing", "ed")
_UNSPACED = "\1"


def same_but_for_slips(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether `words` of two texts differ only in misspelt and inflected words."""
    if [w for w in one if w[0] == HARD] != [w for w in other if w[0] == HARD]:
        return False
    if len(one) == len(other):
        apart = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
        if len(apart) <= max(1, len(one) // SLIPS) and all(slip(a, b) for a, b in apart):
            return True
    return _same_but_for_missing(one, other)


def outline(said: Sequence[str]) -> str | None:
    """What slips leave: the first letters of words, without accents, and words that have none.

    Wordings that are the same but for slips have the same outline. None where a word is one
    character of a script without spaces, for such a wording may lack some of its words.
    """
    kept = " ".join(map(_OUTLINED.__getitem__, said))
    return None if _UNSPACED in kept else kept


def _outlined(word: str) -> str:
    if may_slip(word):
        return unicodedata.normalize("NFD", word[0])[0]
    return _UNSPACED if unspaced(word) else word


def _same_but_for_missing(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two texts differ only in characters without spaces that one of them lacks."""
    missing = sum(map(unspaced, one)) // UNSPACED_A_SLIP
    if abs(len(one) - len(other)) > missing:
        return False
    start = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(one, other)))  # noqa: B905
    one, other = one[start:][:_COMPARED], other[start:][:_COMPARED]
    for tag, i, k, j, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag != "equal":
            missing -= k - i + m - j
            if missing < 0 or not all(map(unspaced, (*one[i:k], *other[j:m]))):
                return False
    return True


def may_slip(word: str) -> bool:
    """Whether a word could be another one misspelt or inflected."""
    return len(word) > 2 and word[0] != HARD and word.isalpha() and not unspaced(word)


def slip(one: str, other: str) -> bool:
    """Whether two lower-case words are one, inflected or misspelt."""
    if one == other:
        return True
    if not (may_slip(one) and may_slip(other)):
        return False
    if singular(one) == singular(other) or _accented(one, other):
        return True
    return any(
        _inflected(*both) or _slipped(*both)
        for both in (
            sorted((one, other), key=len),
            sorted((singular(one), singular(other)), key=len),
        )
    )


def _slipped(short: str, long: str) -> bool:
    """Whether one word is the other, misspelt."""
    kind = _edit(short, long)
    if kind is None or short[0] != long[0] or _opposed(short, long) or {short, long} <= RIGHT:
        return False
    if (short in COMMON) != (long in COMMON):
        return True
    if kind == "swapped":
        return len(short) >= _SWAPPED
    return len(short) >= (_DROPPED if kind == "dropped" else _CHANGED) and short[-1] == long[-1]


def _inflected(short: str, long: str) -> bool:
    """`plan`, `planned`; `write`, `writing`; `planned`, `planning`: a root of three letters."""
    for ending in _ENDINGS:
        root = long.removesuffix(ending)
        if root == long or len(root) < 3:
            continue
        roots = {root, root + "e"} | ({root[:-1]} if root[-1] == root[-2] else set())
        if any(short in (each, *(each + end for end in _ENDINGS)) for each in roots):
            return True
    return False


def _edit(short: str, long: str) -> str | None:
    """The one slip between two words: swapped neighbours, a dropped or a changed letter."""
    i = 0
    while i < len(short) and short[i] == long[i]:
        i += 1
    if len(long) == len(short) + 1:
        return "dropped" if short[i:] == long[i + 1 :] else None
    if len(long) != len(short) or i == len(short):
        return None
    if short[i + 1 :] == long[i + 1 :]:
        return "changed"
    swapped = short[:i] + short[i : i + 2][::-1] + short[i + 2 :]
    return "swapped" if swapped == long else None


def _accented(one: str, other: str) -> bool:
    """Whether one word is the other without its accents."""
    if one.isascii() == other.isascii():
        return False
    decomposed = unicodedata.normalize("NFD", one + "\0" + other)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char)).split("\0")
    return bare[0] == bare[1]


def _opposed(one: str, other: str) -> bool:
    return any(
        one.startswith(a) and other.startswith(b) and a != b
        for group in OPPOSED
        for a in group
        for b in group
    )


_OUTLINED = Remembered(_outlined)
