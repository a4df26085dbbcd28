"""What a text says once its disguise is off: look-alike letters, spaced letters, encodings.

A judge reads through all of these, and a pattern through none. `plain` is the text as it would be
written plainly; `readings` adds what is encoded in it, each with the name of its disguise. Linear
in the text. Leaves out what the text then says (`orders`, `injection`).
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote

from judges.unseen import seen, smuggled

_ALIKE = str.maketrans(
    "асеорхуіјѕһԁԛԝѵӏкмнтгвпьАВСЕНІЈКМОРЅТХУαονρτυικεγηωχβςσδΑΒΕΖΗΙΚΜΝΟΡΤΥΧոսօցհաՏՍՕүⅼ",
    "aceopxyijshdqwvlkmhtrbnbABCEHIJKMOPSTXYaovptuikeynwxbcodABEZHIKMNOPTYXnuoghwSUOyl",
)
_STYLED = str.maketrans(
    "ɑɡıłøđħŧɛʟɪɴᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
    "agilodhtelinabcdefghjkmoprstuvwyz",
)
"""Letters of other scripts drawn like Latin ones; styled Latin letters that NFKC keeps."""

_FOREIGN = re.compile("[" + "".join(map(chr, _ALIKE)) + "]")
_TWINS = frozenset("асеорхуіјѕһԁԛԝӏАВСЕНІЈКМОРЅТХοναΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
_LATIN = re.compile("[A-Za-z]")
_WORD = re.compile(r"[^\W_]+")
_SMUGGLED = re.compile("[\U000e0020-\U000e007e\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:[ \t.\-_*|·•]{1,3}[^\W_]){4,}(?![^\W_])")
_BASE64 = re.compile(r"(?<![\w+/])[A-Za-z0-9+/_-]{12,}={0,2}(?![\w+/])")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ ,:]{0,2}){7,}(?![0-9A-Fa-f])")
_PERCENT = re.compile("(?:%[0-9A-Fa-f]{2})[^\\s%]{0,3}(?:%[0-9A-Fa-f]{2})")
_ENTITY = re.compile(r"&#?\w{1,8};")
_ESCAPE = re.compile(r"(?:\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\u\{[0-9A-Fa-f]{1,6}\}){4,}")
_LEGIBLE = 0.9  # share of a decoded text that is letters, marks and spaces, by hand
_SHORTEST = 4  # letters of a word all of whose letters are look-alikes
_FEWEST = 8  # letters of a decoded text that says something


def plain(text: str) -> str:
    """The text with what hides removed and look-alike letters as the ones they look like.

    A letter of another script becomes Latin only in a word that holds Latin letters, or in a text
    that is mostly Latin and where the whole word looks Latin: Russian stays Russian.
    """
    if text.isascii():
        return text
    clean = _without_piled_marks(unicodedata.normalize("NFKC", seen(text))).translate(_STYLED)
    if not _FOREIGN.search(clean) or not _LATIN.search(clean):
        return clean
    latin = 2 * len(_LATIN.findall(clean)) > sum(map(len, _WORD.findall(clean)))

    def fold(found: re.Match[str]) -> str:
        word = found.group()
        folded = word.translate(_ALIKE)
        alike = latin and len(word) >= _SHORTEST and _TWINS.issuperset(word)
        return folded if alike or _LATIN.search(word) else word

    return _WORD.sub(fold, clean)


def _without_piled_marks(text: str) -> str:
    """Marks that no writing needs on the letters they stand on: those left over by NFKC."""
    if text.isascii():
        return text
    marks = "".join(c for c in set(text) if "\u0300" <= c <= "\u036f" or "\u20d0" <= c <= "\u20ff")
    return re.sub(f"[{marks}]", "", text) if marks else text


def readings(text: str) -> Iterator[tuple[str, str]]:
    """("", the plain text), then what it holds in disguise: (name, what it says)."""
    clean = plain(text)
    yield "", clean
    if not text.isascii():
        hidden = " ".join(map(smuggled, _SMUGGLED.findall(text)))
        if len(hidden) >= _FEWEST:
            yield "invisible letters", plain(hidden)
    for name, sign, pattern, decode in _ENCODED:
        found = " ".join(filter(None, map(decode, pattern.findall(clean)))) if sign in clean else ""
        if found:
            yield name, plain(found)
    if _PERCENT.search(clean):
        yield "percent signs", plain(unquote(clean, errors="ignore"))
    if len(_ENTITY.findall(clean)) > 3:
        yield "entities", plain(unescape(clean))


def _joined(run: str) -> str:
    """Letters that stand apart, as words: two spaces end a word, and so does one between dots."""
    if re.search(r"[^\W_][.\-_*|·•]", run):
        return re.sub(r"[.\-_*|·•]", "", run)
    words = re.split(r"[ \t]{2,}", run)
    return " ".join(word.replace(" ", "").replace("\t", "") for word in words)


def _of_base64(run: str) -> str:
    padded = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _legible(base64.b64decode(padded + "=" * (-len(padded) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _of_hex(run: str) -> str:
    digits = re.sub(r"\\x|0x|[ ,:]", "", run)
    return _legible(bytes.fromhex(digits)) if len(digits) % 2 == 0 else ""


def _of_escapes(run: str) -> str:
    codes = (int(code, 16) for code in re.findall(r"\\[uU]\{?([0-9A-Fa-f]+)", run))
    return "".join(chr(c) for c in codes if c < 0x110000 and not 0xD800 <= c < 0xE000)


def _legible(raw: bytes) -> str:
    """Bytes as text where that is what they are; "" for pictures, keys and hashes."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    good = sum(c.isalnum() or c.isspace() or c in ".,:;!?'\"()[]{}|/*_=<>-" for c in text)
    return text if len(text) >= _FEWEST and good >= _LEGIBLE * len(text) else ""


_ENCODED: tuple[tuple[str, str, re.Pattern[str], Callable[[str], str]], ...] = (
    ("spaced letters", "", _SPACED, _joined),
    ("base64", "", _BASE64, _of_base64),
    ("hexadecimal", "", _HEX, _of_hex),
    ("escapes", "\\", _ESCAPE, _of_escapes),
)
"""What it is called, what a text must hold to be searched, the pattern, how it is read."""
