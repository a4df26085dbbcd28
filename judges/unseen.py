"""Characters that a reader cannot see and a model can read: the one list of them.

A character hides if Unicode draws nothing for it: controls, format characters, fillers, variation
selectors, tags, private use, what is not assigned, blank symbols. Writing systems need some of
them; where one does its ordinary work it is excused, and `unseen` does not count it:

- variation selector 15 or 16 behind a symbol, or behind a digit that becomes a keycap; the
  Mongolian selectors behind a Mongolian letter;
- a joiner between two pictographs; a joiner or non-joiner behind a letter of a script that joins
  (Arabic, Indic, Khmer, Myanmar, Mongolian and their like);
- a zero width space between letters of Thai, Lao, Khmer or Myanmar;
- a single direction mark near a right-to-left letter (overrides, embeddings, isolates never);
- the tags of the three flags made of tags: England, Scotland, Wales.

Nothing is excused beside another hiding character. Leaves out how they are drawn
(`app.views.sanitise`).
"""

import re
import unicodedata
from functools import cache

_IGNORABLE = (  # Default_Ignorable_Code_Point, Unicode 17.0; tests compare it with a library's
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_BLANK = "\u2800\U0001d159"  # a braille cell without dots, a note without a head
_WRITTEN = (  # format characters that are drawn, around or under what follows them
    (0x600, 0x605), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
    (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F),
)  # fmt: skip
_GROWING = ((0x1F000, 0x1FAFF), (0x20000, 0x3FFFD))
"""Where every edition of Unicode adds pictographs and Han characters: drawn if not known here."""

_JOINING = re.compile(
    "[\u0600-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\ua840-\ua8ff\ua980-\ua9df\uaa00-\uaa7f"
    "\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010a5f\U00011000-\U00011fff]"
)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_PICTOGRAPH = re.compile("[\u2190-\u2bff\u3030\u303d\u3297\u3299©®\U0001f000-\U0001faff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # what hides in ASCII
_KEYCAP = re.compile("[0-9#*]")
_NEAR = 40  # letters on either side: a direction mark stands in the sentence it serves
_FLAGS = tuple(
    "".join(chr(0xE0000 + ord(letter)) for letter in code) + "\U000e007f"
    for code in ("gbeng", "gbsct", "gbwls")
)


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


@cache
def hides(letter: str) -> bool:
    """Whether a character is drawn as nothing at all, or changes how others are drawn."""
    code, category = ord(letter), unicodedata.category(letter)
    if letter in "\t\n\r":
        return False
    if _within(code, _IGNORABLE) or letter in _BLANK:
        return True
    if category == "Cf":
        return not _within(code, _WRITTEN)
    if category == "Cn":
        return not _within(code, _GROWING)
    return category in ("Cc", "Co", "Cs", "Zl", "Zp")


def _hiding(text: str) -> re.Pattern[str] | None:
    if text.isascii() and not _CONTROL.search(text):  # most texts, six times as fast
        return None
    letters = "".join(filter(hides, set(text)))
    return re.compile(f"[{re.escape(letters)}]") if letters else None


def unseen(text: str) -> list[int]:
    """Where characters stand in a text that hide and are not excused, in order."""
    pattern = _hiding(text)
    if pattern is None:
        return []
    places = (found.start() for found in pattern.finditer(text))
    return [place for place in places if not _excused(text, place)]


def seen(text: str) -> str:
    """The text without any character that hides, excused or not."""
    pattern = _hiding(text)
    return pattern.sub("", text) if pattern is not None else text


def smuggled(text: str) -> str:
    """What a run of tags or of variation selectors spells, as models read it; "" for others.

    A tag stands for the letter its number ends in; selector n for the byte n - 1.
    """
    letters = "".join(chr(ord(c) - 0xE0000) for c in text if "\U000e0020" <= c <= "\U000e007e")
    selected = bytes(
        ord(c) - 0xFE00 if c < "\U000e0000" else ord(c) - 0xE0100 + 16
        for c in text
        if "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"
    )
    return (letters + selected.decode("utf-8", "ignore")).strip()


def _excused(text: str, place: int) -> bool:
    """Whether a hiding character does the ordinary work of its writing system here."""
    letter, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if "\U000e0020" <= letter <= "\U000e007f":
        flag = text.rfind("\U0001f3f4", max(0, place - 6), place)
        return flag >= 0 and text.startswith(_FLAGS, flag + 1)
    if not before or (hides(before) and before != "\ufe0f"):
        return False
    if letter in "\ufe0e\ufe0f":
        return _is_styled(before, after)
    if letter in "\u180b\u180c\u180d\u180f":
        return "\u1820" <= before <= "\u18aa"
    if letter == "\u200d" and (before == "\ufe0f" or _PICTOGRAPH.match(before)):
        return bool(_PICTOGRAPH.match(after))
    if letter in "\u200c\u200d":
        return bool(_JOINING.match(before)) and not (after and hides(after))
    if letter == "\u200b":
        return bool(_UNSPACED.match(before) and _UNSPACED.match(after))
    if letter in "\u061c\u200e\u200f" and not (after and hides(after)):
        return bool(_RIGHT_TO_LEFT.search(text, max(0, place - _NEAR), place + _NEAR))
    return False


def _is_styled(before: str, after: str) -> bool:
    """Whether a selector of text or emoji style has something to style."""
    if _KEYCAP.match(before):
        return after == "\u20e3"
    return not hides(before) and (unicodedata.category(before) in ("So", "Sm") or before in "‼⁉ℹ〰")
