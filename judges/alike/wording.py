"""What a prompt asks, word by word: near-duplicates differ in nothing that changes the question.

Two wordings ask the same where they differ only in punctuation, case, white space, filler words
and plurals; `misspelling` adds slips of the pen. A number (in digits or words), an identifier, a
capitalised name, a negation, a symbol, and every other word say what is asked: prompts of one
template that differ in one of these stay apart. Chosen in docs/design/leakage.md.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from itertools import chain, islice
from typing import TypeVar

from judges.alike import fillers

HARD = "\0"
"""Begins a word that has to be the same, letter by letter."""

_NUMBERS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
_MUST = fillers.listed(
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty",
    "seventy eighty ninety hundred thousand million billion first second third fourth fifth sixth",
    "seventh eighth ninth tenth once twice half double triple",
    "not no never none nor without neither nothing nobody",
)
_CUT = frozenset("不没沒无無非未别別勿莫〇零一二三四五六七八九十百千万萬亿億两兩半")
_VERBS = fillers.listed("do does did is are was were has have had would could should")
_APART = {
    **{f"{verb}{nt}": (verb, "not") for verb in _VERBS for nt in ("nt", "n't")},
    **{
        f"{word}{s}": (word, "is")
        for word in fillers.listed("what that how where who there here")
        for s in ("s", "'s")
    },
    **dict.fromkeys(("cannot", "cant", "can't"), ("can", "not")),
    **dict.fromkeys(("wont", "won't"), ("will", "not")),
    "it's": ("it", "is"),
    "let's": ("let",),
}
_ENDINGS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "d": "would"}
_STOPS, _BULLETS, _SYMBOLS = ".!?:;\n。！？；：…", "#>*", "+*=<>^%$&|~@\\#"
_ENDS = ".!?:;,。！？；：，… "
_MINUS = re.compile(r"-(?<![\w)]-)(?=\d)")
_LETTER = re.compile(r"a(?<!\wa)(?!\w| [\"'“(*]?(?:\w\w|\d))")  # no article: f(a, b), vitamin a
_MEASURED = re.compile(r"(\d+)([^\W\d_]+)")
_INSIDE = {
    phrase: f" _{said} "
    for said, phrases in {
        "not": "ない なく なかっ ません ไม่ ห้าม อย่า",
        "1": "หนึ่ง", "2": "สอง", "3": "สาม", "4": "สี่", "5": "ห้า", "6": "หก", "7": "เจ็ด",
        "8": "แปด", "9": "เก้า", "10": "สิบ", "100": "ร้อย", "1000": "พัน", "10000": "หมื่น",
        "100000": "แสน", "1000000": "ล้าน",
    }.items()
    for phrase in phrases.split()
} | dict.fromkeys(fillers.UNSPACED, " ")  # fmt: skip
_INSIDE_TEXT = re.compile("|".join(sorted(_INSIDE, key=len, reverse=True)))
_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_LONGEST = max(map(len, fillers.PHRASES))
_REMEMBERED = 1 << 16
T = TypeVar("T")
_PHRASES: dict[str, list[tuple[str, ...]]] = defaultdict(list)
for _phrase in fillers.PHRASES:
    _PHRASES[_phrase[0]].append(_phrase)


def words(text: str) -> list[str]:
    """The words that say what is asked, in order, lower-cased; those that must match begin HARD."""
    cut = _spaced(text)
    said: list[str] = []
    for sentence in (cut.lower() if cut.isupper() else cut).split("\n"):
        tokens = sentence.split()
        while tokens and tokens[0] in _BULLETS:
            del tokens[0]
        if not _PASSED.isdisjoint(tokens):
            tokens = _without_phrases(tokens, first=not said)
        if "A" in tokens:
            tokens = _letters(tokens)
        if tokens:
            said += _BEGINNING[tokens[0]]
            said += chain.from_iterable(map(_MIDDLE.__getitem__, islice(tokens, 1, None)))
    return said


def bare(text: str) -> str:
    """A text without case, white space and the punctuation at its end: equal, the same is asked."""
    said = " ".join(text.lower().split())
    return said.rstrip(_ENDS) or said


def plain(said: list[str]) -> str:
    """Words as one string, names and other words alike: equal, the same is asked."""
    return " ".join(said).replace(HARD, "")


def joined(said: list[str]) -> str:
    """Words without plurals as one string, so that "web sites" is "website": equal, the same.

    What must match stays by itself.
    """
    return "".join(map(_JOINED.__getitem__, said))


def unspaced(word: str) -> bool:
    """Whether a word is one character of a script that is written without spaces."""
    return len(word) == 1 and _UNSPACED.match(word) is not None


def singular(word: str) -> str:
    """An English word without plural and in American spelling; others come back as they are."""
    if len(word) < 4 or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes")):
        word = word[:-2]
    elif word[-1] == "s" and word[-2] not in "sui":
        word = word[:-1]
    if len(word) > 6:
        word = re.sub(r"(?:i|y)s(?=(?:e|ing|ed|er|ation)$)", lambda at: at[0][0] + "z", word)
    return re.sub(r"(?<=[a-z]{3})our$", "or", word)


class _Characters(dict[int, str]):
    """For `str.translate`: words stay, punctuation is a space, what speaks alone stands apart."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if kind == "Nd":
            said = str(unicodedata.decimal(char))
        elif char in _STOPS:
            said = "\n"
        elif _UNSPACED.match(char) or char in _SYMBOLS:
            said = f" {char} "
        elif kind[0] in "LNM" or char in "'_":
            said = char
        elif kind == "Cf":
            said = ""
        else:
            said = f" {char} " if kind[0] == "S" and kind != "Sk" else " "
        self[code] = said
        return said


class Remembered(dict[str, T]):
    """What a function says of a word, worked out once."""

    def __init__(self, function: Callable[[str], T]) -> None:
        self._function = function

    def __missing__(self, word: str) -> T:
        if len(self) >= _REMEMBERED:
            self.clear()
        said = self[word] = self._function(word)
        return said


_CHARACTERS = _Characters()
_PUNCTUATION = {code: said for code in range(128) if (said := _CHARACTERS[code]) in (" ", "\n")}
_PASSED = frozenset(
    form
    for word in (*_PHRASES, fillers.THANKS[0], *fillers.GREETINGS)
    for form in (word, word.capitalize())
)


def _spaced(text: str) -> str:
    """The text with a space around every token and a line for every sentence."""
    if "-" in text:
        text = _MINUS.sub(" _minus ", text)
    text = _LETTER.sub("_a", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'")
        if _UNSPACED.search(text):
            text = _INSIDE_TEXT.sub(lambda at: _INSIDE[at[0]], text)
    text = text.replace("**", " ")
    if not text.isascii():
        return text.translate(_CHARACTERS)
    text = text.translate(_PUNCTUATION)
    for symbol in _SYMBOLS:
        if symbol in text:
            text = text.replace(symbol, f" {symbol} ")
    return text


def _without_phrases(tokens: list[str], first: bool) -> list[str]:
    """The tokens of a sentence without the phrases that are passed over."""
    kept: list[str] = []
    done = 0
    for i, token in enumerate(tokens):
        if token in _PASSED and i >= done:
            ahead = [each.lower() for each in tokens[i : i + _LONGEST + 1]]
            begins = first and all(each.lower() in fillers.WORDS for each in kept + tokens[done:i])
            if passed := _passed(ahead, begins):
                kept += tokens[done:i]
                done = i + passed
    return kept + tokens[done:]


def _passed(ahead: list[str], first: bool) -> int:
    """How many of these tokens are a phrase to pass over; `first` where a text begins."""
    if first and ahead[0] in fillers.GREETINGS:
        return 2 if ahead[1:2] == ["there"] else 1
    if tuple(ahead) == fillers.THANKS:
        return 2
    for phrase in _PHRASES.get(ahead[0], ()):
        if tuple(ahead[: len(phrase)]) == phrase:
            return len(phrase)
    return 0


def _letters(tokens: list[str]) -> list[str]:
    """Vitamin A is a name, A in a title is an article: the next word is written large, too."""
    after = [*tokens[1:], ""]
    return [
        f"_{token}" if token == "A" and (not after[i] or (i and after[i][0].islower())) else token
        for i, token in enumerate(tokens)
    ]


def _named(token: str) -> tuple[str, ...]:
    """The words of one token inside a sentence, where a capital marks a name."""
    said = _said(token)
    if token == token.lower() or token.split("'")[0] == "I":
        return said
    if len(token) > 1 and token.isupper():
        said = said or (token.lower(),)  # do this AND that
    return tuple(word if word[0] == HARD else HARD + word for word in said)


def _said(token: str) -> tuple[str, ...]:
    """The words of one token, lower-cased."""
    token = token.lower().strip("'")
    if not token:
        return ()
    if token in _CUT or "_" in token or any(char.isdigit() for char in token):
        measured = _MEASURED.fullmatch(token)  # 5km is 5 km
        if measured:
            return HARD + measured[1], HARD + measured[2]
        return (HARD + token,) if token.strip("_") else ()
    if token in _SYMBOLS or unicodedata.category(token[0])[0] == "S":
        return (HARD + token,) if token != "&" else ()
    parts = _APART.get(token) or _contracted(token)
    return tuple(_one(part) for part in parts if part and part not in fillers.WORDS)


def _contracted(token: str) -> tuple[str, ...]:
    """I'm is I am; of Anna's the name is left."""
    word, apostrophe, end = token.partition("'")
    if not apostrophe or end == "s":
        return (word,)
    return (word, _ENDINGS[end]) if end in _ENDINGS else (token,)


def _one(word: str) -> str:
    if word in _NUMBERS:
        return HARD + _NUMBERS[word]
    return HARD + word if word in _MUST else word


def _join(word: str) -> str:
    return f"{word} " if word[0] == HARD else singular(word)


_BEGINNING, _MIDDLE, _JOINED = Remembered(_said), Remembered(_named), Remembered(_join)
