"""In which encoding a text is written: UTF-8, UTF-16 and UTF-32, or cp1252 where only that fits.

Eight-bit encodings share their bytes, so that each of them reads nearly any text. cp1252 is taken,
and said, where what it gives are signs and the letters of one Western language; else the text is
UTF-8 that is damaged, and a row costs itself. A guesser (charset-normalizer 3.5) was tried on a
dozen small tables: it takes French for cp1250 and Polish for cp1252.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from db.files.limits import FileLimits, Unpacked
from db.files.packed import unpacked

_CHUNK = 1 << 20
_ESCAPED = re.compile("[\udc80-\udcff]")  # a byte that is no UTF-8, as surrogateescape gives it
_LETTERS = re.compile("[^\x00-\x7f\udc80-\udcff]+")
_IN_WORD = re.compile("(?<=[A-Za-z])[\udc80-\udcbf](?=[A-Za-z])")
_SIGNS = set("“”„‘’–—…€•«»°§©®™£±²½¼¾·´¿¡ªº×µ\xa0\xad")
_IN_WORDS = set("’–—·\xad")  # those that stand between two letters
_LANGUAGES = [
    set(letters + letters.upper())
    for letters in (
        "àâçéèêëîïôœùûü", "äöüßé", "áéíóúñüç", "áâãàçéêíóôõú", "àèéìíîòóùú", "áéíóúëïöüèê",
        "åäöæøé",
    )
]  # fmt: skip


@dataclass(frozen=True)
class Encoding:
    """How bytes become letters: the codec's name, `whole` where every byte is part of a letter in
    it, and what should be said of it (None for UTF-8).
    """

    name: str
    whole: bool = True
    told: str | None = None


def encoding_of(path: Path, limits: FileLimits) -> Encoding:
    """The encoding of a text file, read through once, and twice where it is no UTF-8.

    Raises BadInput where it unpacks to more than a file may hold.
    """
    with unpacked(path) as (stream, _):
        found = json.detect_encoding(stream.read(4))
    if not found.startswith("utf-8"):
        return Encoding(found, told=f"read as {found[:6].upper()}")
    try:
        for _ in _texts(path, limits, "strict"):
            pass
        return Encoding("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if _fits_cp1252(_texts(path, limits, "surrogateescape")):
        return Encoding("cp1252", told="read as cp1252, for it is no UTF-8")
    return Encoding("utf-8-sig", whole=False, told="rows that are no UTF-8 are rejected")


def _texts(path: Path, limits: FileLimits, errors: str) -> Iterator[str]:
    """The text as UTF-8, by pieces, as far as the file can be unpacked."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    with unpacked(path) as (stream, is_packed):
        packed = Unpacked(path, limits)
        while True:
            try:
                piece = stream.read(_CHUNK)
            except Exception:  # who reads the rows meets it again, after the good ones
                return
            text = decoder.decode(piece, final=not piece)
            if not piece:
                return
            if is_packed:
                packed.add(len(text))
            yield text


def _fits_cp1252(texts: Iterable[str]) -> bool:
    """Whether bytes that are no UTF-8, more of them than letters that are, fit a Western text."""
    found: set[str] = set()
    in_words: set[str] = set()
    escaped = letters = 0
    for text in texts:
        if not text.isascii():
            odd = _ESCAPED.findall(text)
            escaped += len(odd)
            letters += sum(map(len, _LETTERS.findall(text)))
            found.update(odd)
            in_words.update(_IN_WORD.findall(text))
    try:
        signs, inside = (_in_cp1252(each) for each in (found, in_words))
    except UnicodeDecodeError:
        return False
    if letters >= escaped or not inside - {"œ", "Œ"} <= _IN_WORDS:
        return False
    return any(signs - _SIGNS <= language for language in _LANGUAGES)


def _in_cp1252(escaped: set[str]) -> set[str]:
    return set("".join(escaped).encode("utf-8", "surrogateescape").decode("cp1252"))
