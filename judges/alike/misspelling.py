"""Whether two wordings differ by slips of the pen and inflection alone.

Without a dictionary a slip cannot be told from another word by its letters (`alkane`, `alkene`),
so only long words may differ in one letter, and never in their first or last; words one slip from
a very frequent one are that word. Which errors remain: docs/design/leakage.md.
"""

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from judges.alike.fillers import COMMON, OPPOSED
from judges.alike.wording import HARD, singular, unspaced

SLIPS = 4
"""At most one word in so many may be misspelt or inflected, but always one."""

UNSPACED_A_SLIP = 40
"""In a script without spaces one character in so many may be missing."""

_SWAPPED, _DROPPED, _CHANGED = 6, 7, 8
_ENDINGS = ("ing", "ed", "er", "s", "es", "d", "ly")


def same_but_for_slips(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether `words` of two texts differ only in misspelt and inflected words."""
    if [w for w in one if w[0] == HARD] != [w for w in other if w[0] == HARD]:
        return False
    slips = max(1, min(len(one), len(other)) // SLIPS)
    missing = sum(map(unspaced, one)) // UNSPACED_A_SLIP
    if abs(len(one) - len(other)) > missing:
        return False
    for tag, i, k, j, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "replace" and k - i == m - j:
            slips -= k - i
            if slips < 0 or not all(map(slip, one[i:k], other[j:m])):
                return False
        elif tag != "equal":
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
    short, long = sorted((singular(one), singular(other)), key=len)
    if short == long or _inflected(short, long) or _bare(short) == _bare(long):
        return True
    kind = _edit(short, long)
    if kind is None or short[0] != long[0] or _opposed(short, long):
        return False
    if (short in COMMON) != (long in COMMON):
        return True
    if kind == "swapped":
        return len(short) >= _SWAPPED
    return len(short) >= (_DROPPED if kind == "dropped" else _CHANGED) and short[-1] == long[-1]


def _inflected(short: str, long: str) -> bool:
    """`write`, `writing`, `written` no; `plan`, `planned`: a root of three letters, one ending."""
    for ending in _ENDINGS:
        if len(short) >= 3 and long.endswith(ending) and len(long) - len(ending) >= 3:
            root = long[: -len(ending)]
            doubled = root[:-1] if root[-1] == root[-2] else root
            if short in (root, root + "e", doubled):
                return ending not in ("er", "ly", "s", "d") or (ending == "d" and short[-1] == "e")
            if any(short == root + e or short == doubled + e for e in ("ed", "ing")):
                return ending in ("ing", "ed")
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


def _bare(word: str) -> str | None:
    """The word without accents; None where it has none to lose, unless it is plain already."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return bare if bare.isascii() else None


def _opposed(one: str, other: str) -> bool:
    return any(
        one.startswith(a) and other.startswith(b) and a != b
        for group in OPPOSED
        for a in group
        for b in group
    )
