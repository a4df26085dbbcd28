"""Orders to a judge in any words: what words do, in some thirty languages, and which of them meet.

`orders.toml` lists words by what they do, their concept (ignore, rules, judge, pick, ...). A
logistic regression on the concepts that meet within a window, alone and two by two, says how much
they sound like an order; `benchmarks/orders.py` trains it, `orders_weights.toml` holds it. No
sentence is listed, so a paraphrase is found by its words. Linear in the text: each word is looked
up once, and each set of concepts is weighed once.
"""

import codecs
import re
import tomllib
import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path

EVERY = "every"  # in place of a language: words that count in each
WINDOW = 10  # words in which what makes an order meets, by hand

_WORD = re.compile(r"\d+/\d+|[^\W_]+|[.!?;。！？।]")
_ENDS = frozenset(".!?;。！？।")
_APART = 3  # words that the end of a sentence counts for, by hand
_ITEM = re.compile(
    r"^[ \t]{0,9}\d{1,2}[.)]\s", re.MULTILINE
)  # the number of a list's item is no word
_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LETTERS_A_WORD = 2  # of writing without spaces
_MIXED = re.compile(r"[a-z]\d|\d[a-z]")
_LEET = str.maketrans("013457@$!", "oieastasi")
_WHOLE = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})
_MOST_REMEMBERED = 200_000  # different words; then the memory is emptied
_SHORTEST = 4  # letters of a word that is looked for backwards or rotated
_TURNED = 2  # such words, from which a text is read backwards or rotated as a whole

_OF_JUDGING = frozenset(
    ("judge", "compare", "verdict", "rules", "ignore", "void", "authority", "secret")
)

Concepts = frozenset[str]
_Phrases = dict[str, list[tuple[tuple[str, ...], int]]]


@dataclass(frozen=True, slots=True)
class Order:
    """How much a text sounds like an order (log-odds), and the words that do most.

    sure: it weighs what no ordinary response did, and speaks of judging or of what was told.
    """

    weight: float
    sure: bool
    quote: str
    disguise: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    """What a word does: its concepts, the phrases it begins (by their next word), what it hides."""

    concepts: tuple[int, ...] = ()
    phrases: _Phrases = field(default_factory=dict)
    unspaced: bool = False
    backwards: bool = False
    rotated: bool = False


_NOTHING = _Word()


def key(text: str) -> str:
    """A text as words are compared: without case, accents and vowel marks."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    loose = unicodedata.normalize("NFKD", folded.translate(_WHOLE))
    marks = "".join(c for c in set(loose) if unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", re.sub(f"[{marks}]", "", loose) if marks else loose)


class Lexicon:
    """The words of `orders.toml`, ready to be looked up; a concept of a language is a number."""

    def __init__(self, words: Mapping[str, Mapping[str, str]]) -> None:
        self._whole: dict[str, set[int]] = {}
        self._begins: dict[str, set[int]] = {}
        self._phrases: dict[str, _Phrases] = {}
        self._known: dict[str, _Word] = {}
        self.unspaced: dict[str, set[int]] = {}
        self.concepts = [(language, what) for what, said in words.items() for language in said]
        for number, (language, what) in enumerate(self.concepts):
            for entry in words[what][language].split():
                self._add(entry, number)
        self._longest = max(map(len, self._begins), default=0)
        longest_first = sorted(self.unspaced, key=len, reverse=True)
        self.within = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def _add(self, entry: str, concept: int) -> None:
        if _UNSPACED.search(entry):
            self.unspaced.setdefault(key(entry), set()).add(concept)
            return
        first, *rest = key(entry).split("_")
        if rest:
            following = self._phrases.setdefault(first, {})
            following.setdefault(rest[0], []).append((tuple(rest[1:]), concept))
        elif first.endswith("*"):
            self._begins.setdefault(first[:-1], set()).add(concept)
        else:
            self._whole.setdefault(first, set()).add(concept)

    def _concepts(self, word: str) -> set[int]:
        found = set(self._whole.get(word, ()))
        for length in range(2, min(len(word), self._longest) + 1):
            found |= self._begins.get(word[:length], set())
        return found

    def look_up(self, word: str) -> _Word:
        """What a word does; remembered, as texts use few words often."""
        found = self._known.get(word)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = self._known[word] = self._read(word)
        return found

    def _read(self, word: str) -> _Word:
        concepts = self._concepts(word)
        phrases = self._phrases.get(word, {})
        unspaced = bool(_UNSPACED.search(word))
        if concepts or phrases or unspaced:
            return _Word(tuple(sorted(concepts)), phrases, unspaced)
        if len(word) < _SHORTEST or not word.isascii():
            return _NOTHING
        backwards = bool(self._concepts(word[::-1]))
        rotated = bool(self._concepts(codecs.encode(word, "rot13")))
        return _Word(backwards=backwards, rotated=rotated) if backwards or rotated else _NOTHING


class _Reading:
    """One pass over the words of a text: which concepts of a language meet, and where."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._recent: dict[str, deque[tuple[int, str]]] = {EVERY: deque()}
        self.backwards = self.rotated = 0

    def windows(self, words: list[str]) -> Iterator[tuple[Concepts, int]]:
        """Each set of concepts that meet, of two words at least, and the place of its last word."""
        look_up = self._lexicon.look_up
        shift = 0
        for at, word in enumerate(words):
            found = look_up(word)
            if found is _NOTHING:
                shift += _APART * (word in _ENDS)
                continue
            place = at + shift
            concepts = list(found.concepts)
            if found.phrases and at + 1 < len(words):
                concepts += _begun(found.phrases, words, at + 1)
            for concept in concepts:
                self._meet(concept, place)
            if found.unspaced:
                for inner in self._lexicon.within.finditer(word):
                    for concept in self._lexicon.unspaced[inner.group()]:
                        self._meet(concept, place + inner.start() // _LETTERS_A_WORD)
                        concepts.append(concept)
                shift += len(word) // _LETTERS_A_WORD
            self.backwards += found.backwards
            self.rotated += found.rotated
            if concepts:
                for met in self._met(concepts, at + shift):
                    yield met, at

    def _meet(self, concept: int, place: int) -> None:
        language, what = self._lexicon.concepts[concept]
        self._recent.setdefault(language, deque()).append((place, what))

    def _met(self, concepts: list[int], place: int) -> Iterator[Concepts]:
        """Of each language just spoken, what meets; of all that are recent after a digit."""
        spoken = {self._lexicon.concepts[concept][0] for concept in concepts}
        for language in list(self._recent) if EVERY in spoken else spoken:
            recent = (self._recent[language], self._recent[EVERY])
            for hits in recent:
                while hits and hits[0][0] < place - WINDOW:
                    hits.popleft()
            if language != EVERY and len({at for hits in recent for at, _ in hits}) > 1:
                yield frozenset(what for hits in recent for _, what in hits)


def _begun(phrases: _Phrases, words: list[str], at: int) -> Iterator[int]:
    """The concepts of the phrases that go on so; their last word may be a beginning."""
    following = list(phrases.get(words[at], ()))
    for second, ends in phrases.items():
        if second.endswith("*") and words[at].startswith(second[:-1]):
            following += ends
    for end, concept in following:
        there = words[at + 1 : at + 1 + len(end)]
        if len(there) == len(end) and all(
            word.startswith(said[:-1]) if said.endswith("*") else word == said
            for word, said in zip(there, end, strict=True)
        ):
            yield concept


@dataclass(frozen=True)
class Weights:
    """The trained regression: log-odds of single concepts and of two that meet.

    soft, hard: log-odds from which an order is told, and from which it is sure.
    """

    one: Mapping[str, float]
    two: Mapping[tuple[str, str], float]
    soft: float
    hard: float
    _weighed: dict[Concepts, float] = field(default_factory=dict, repr=False)

    def of(self, concepts: Concepts) -> float:
        """How much concepts that meet sound like an order."""
        weight = self._weighed.get(concepts)
        if weight is None:
            if len(self._weighed) >= _MOST_REMEMBERED:
                self._weighed.clear()
            weight = sum(self.one.get(what, 0.0) for what in concepts) + sum(
                self.two.get(both, 0.0) for both in combinations(sorted(concepts), 2)
            )
            self._weighed[concepts] = weight
        return weight


@cache
def lexicon() -> Lexicon:
    """The words of `orders.toml` beside this file."""
    raw = Path(__file__).with_name("orders.toml").read_text(encoding="utf-8")
    return Lexicon(tomllib.loads(raw))


@cache
def weights() -> Weights:
    """The weights of `orders_weights.toml` beside this file."""
    raw = tomllib.loads(Path(__file__).with_name("orders_weights.toml").read_text("utf-8"))
    two = {(a, b): w for both, w in raw["two"].items() for a, b in [both.split()]}
    return Weights(raw["one"], two, raw["soft"], raw["hard"])


def _words(folded: str) -> list[str]:
    """The words of a folded text; digits within a word are the letters they look like."""
    words = _WORD.findall(folded)
    if not _MIXED.search(folded):
        return words
    return [word.translate(_LEET) if _MIXED.search(word) else word for word in words]


def meetings(text: str) -> set[Concepts]:
    """Every set of concepts that meet in a plain text: what the weights are trained on."""
    words = _words(key(_ITEM.sub(" ", text)))
    return {met for met, _ in _Reading(lexicon()).windows(words)}


def strongest_order(text: str) -> Order | None:
    """What in a plain text sounds most like an order, where anything sounds like one at all.

    A text whose words make sense backwards or in rotated letters is read so, too.
    """
    folded = key(_ITEM.sub(" ", text))
    reading = _Reading(lexicon())
    found = _strongest(reading, folded, "")
    turned = []
    if reading.backwards >= _TURNED:
        turned.append((folded[::-1], "backwards"))
    if reading.rotated >= _TURNED:
        turned.append((codecs.encode(folded, "rot13"), "rotated letters"))
    for said, disguise in turned:
        found = _strongest(_Reading(lexicon()), said, disguise) or found
    return found


def _strongest(reading: _Reading, folded: str, disguise: str) -> Order | None:
    words = _words(folded)
    most, where, sure = weights().soft, -1, False
    for met, at in reading.windows(words):
        weight = weights().of(met)
        if weight > most:
            most, where = weight, at
            sure = weight >= weights().hard and bool(met & _OF_JUDGING)
    if where < 0:
        return None
    quote = " ".join(words[max(0, where - WINDOW) : where + 1])[-120:]
    return Order(most, sure, quote, disguise)
