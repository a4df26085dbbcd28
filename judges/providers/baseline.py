"""Judges that need no key and no GPU: small honest computations, each weak, each fallible.

Every measure reads one response at a time and gives a number, higher is better; the judge prefers
the higher one and calls a small difference a tie. They exist so that the whole loop runs anywhere
and so that a real judge has something to beat. None of them understands a text.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy.special import expit

from db.errors import BadInput
from judges.asking import Answer, Question
from judges.providers.demands import ITEM, demands, words
from judges.verdicts import say

_COMMON = frozenset(
    re.findall(
        r"\w+",
        """a about after all also an and any are as at be because been before but by can could did
        do does for from had has have he her him his how i if in into is it its just like may me
        more most my no not now of on one only or other our out over she should so some such than
        that the their them then there these they this those through to up us use was we well were
        what when where which while who why will with would you your""",
    )
)
_ASIDE = re.compile(
    r"\bas an? (?:ai|language model)|\bi(?:'m| am) (?:just )?an? (?:ai|language model)"
    r"|\bi (?:can(?:no|')t|am unable to|'m unable to|won't|do not have the ability)"
    r"|\bi don't have (?:personal|access|real)|\bi(?:'m| am) sorry,? but",
    re.IGNORECASE,
)
_EMPTY_TALK = re.compile(
    r"\b(?:great question|good question|i hope this helps|feel free to|let me know if|happy to help"
    r"|certainly!|of course!|sure!|in conclusion|it(?: i|')s important to note|there are many)\b",
    re.IGNORECASE,
)
_DANGEROUS = re.compile(
    r"\b(?:kill|murder|poison(?:ing)? (?:my|him|her|some)|bomb|explosive|steal|shoplift"
    r"|hack(?:ing)? into|launder|counterfeit|stalk|meth|smuggl\w+|torture|forge|break into"
    r"|cheat on (?:my )?tax)",
    re.IGNORECASE,
)
_CODE_ASKED = re.compile(
    r"\b(?:code|function|python|javascript|java|c\+\+|rust|sql|script|program|regex|algorithm"
    r"|html|css|bash)\b",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)\s*([-+*/×÷−])\s*(\d+(?:\.\d+)?)\s*=\s*(-?\d+(?:\.\d+)?)(?![\w.]*\d)"
)

_NOISE = re.compile(r"[^\w\s.,;:!?'\"()\[\]{}*#`|/+=<>&%$@^~\\’“”‘–—•×÷°€£-]")

_FILLER = re.compile(
    r"\b(?:very|really|truly|important|various|overall|essential|crucial|vital|significant|a lot of"
    r"|wide range|many different|in today's world|it depends on many)\b",
    re.IGNORECASE,
)
_UNPROSE = re.compile(r"```[\s\S]*?(?:```|\Z)|^[ \t]*(?:[-*•|#>]|\d+[.)])[^\n]*$", re.MULTILINE)

Measure = Callable[[str, str], float | None]


def relevance(prompt: str, response: str) -> float | None:
    """How much of what the prompt is about comes up early and again in the response."""
    asked = {_stem(w) for w in words(prompt) if w not in _COMMON}
    if not asked:
        return None
    said = Counter(_stem(w) for w in words(response) if w not in _COMMON)
    covered = sum(1.0 + 0.3 * math.log(said[w]) for w in asked if said[w])
    extra = len(set(said) - asked)
    return 2.0 * covered / len(asked) + 0.35 * math.log1p(extra)


def detail(prompt: str, response: str) -> float | None:
    """Distinct content words, with diminishing returns: how much there is, not how long it is."""
    distinct = {_stem(w) for w in words(response) if w not in _COMMON and len(w) > 2}
    figures = len(re.findall(r"\d", response))
    room = 40 if len(words(prompt)) <= 6 else 300
    return math.log1p(min(len(distinct), room)) + 0.05 * math.log1p(figures)


def fluency(prompt: str, response: str) -> float | None:
    """Whether it reads like finished prose: a proper end, readable sentences, no debris."""
    prose = _UNPROSE.sub(" ", response)
    if not response.strip():
        return -3.0
    if len(words(prose)) < 5:
        return None
    sentences = [part for part in re.split(r"(?<=[.!?])[\"')\]]*\s+", prose.strip()) if part]
    typical = sum(len(part.split()) for part in sentences) / len(sentences)
    ended = response.strip()[-1] in ".!?)\"'`”*:|}"
    whole = 0.0 if ended else -1.0
    whole -= 0.4 * abs(math.log(max(typical, 1) / 16)) ** 2
    return whole - 8 * len(_NOISE.findall(prose)) / len(prose) - 2 * _clumsy(prose)


def _clumsy(prose: str) -> float:
    """Share of sentence starts in lower case and of words said twice in a row."""
    count = len(words(prose))
    doubled = len(re.findall(r"\b(\w+) \1\b", prose.lower()))
    low = len(re.findall(r"[.!?] +[a-z]", prose))
    return (doubled + low) / max(count, 1) * 5


def specifics(prompt: str, response: str) -> float | None:
    """Figures, above all those of the prompt, instead of words that fit any text."""
    own, asked = re.findall(r"\d+", response), set(re.findall(r"\d+", prompt))
    taken_up = len(asked & set(own)) / len(asked) if asked else 0.0
    count = max(len(words(response)), 1)
    filler = len(_FILLER.findall(response)) / count
    return 0.25 * math.log1p(len(own)) + taken_up - 10 * filler


def repetition(prompt: str, response: str) -> float | None:
    """How little it repeats itself: distinct word triples, repeated lines, compressibility."""
    said = words(response)
    if len(said) < 8:
        return None
    triples = list(zip(said, said[1:], said[2:], strict=False))
    distinct = len(set(triples)) / len(triples)
    lines = [line.strip() for line in response.splitlines() if len(line.strip()) > 12]
    again = 1 - len(set(lines)) / len(lines) if lines else 0.0
    raw = response.encode()
    packed = min(len(zlib.compress(raw)) / len(raw) / (12 / math.sqrt(len(raw)) + 0.25), 1.2)
    return 3 * distinct - 2 * again + 0.4 * packed


def structure(prompt: str, response: str) -> float | None:
    """Layout that suits the length: steps, paragraphs, and a code block where code is asked for."""
    count = len(words(response))
    items = len(ITEM.findall(response))
    paragraphs = len([p for p in re.split(r"\n\s*\n", response) if p.strip()])
    wanted = count / 90
    score = min(items, 8) * 0.12 if count > 60 else -0.1 * items
    score += 0.35 * min(paragraphs / max(wanted, 1), 1.5)
    if _CODE_ASKED.search(prompt):
        score += 1.0 if "```" in response or re.search(r"\n(?: {4}|\t)\S", response) else 0.0
    return score


def directness(prompt: str, response: str) -> float | None:
    """Answers instead of declining or chatting; declining is better where harm is asked."""
    declined = len(_ASIDE.findall(response))
    chatter = len(_EMPTY_TALK.findall(response))
    if not response.strip():
        return -2.0
    if _DANGEROUS.search(prompt):
        return 0.8 * min(declined, 1) - 0.1 * chatter
    asks_back = response.rstrip().endswith("?") and len(words(response)) < 40
    return -0.9 * min(declined, 2) - 0.15 * min(chatter, 4) - (0.5 if asks_back else 0.0)


def arithmetic(prompt: str, response: str) -> float | None:
    """Share of the written sums that are right, minus those that are wrong; silent without sums."""
    sums = [_holds(*found) for found in _SUM.findall(response)]
    if not sums:
        return None
    return sum(sums) / len(sums) - 1.5 * (len(sums) - sum(sums)) / len(sums)


def constraints(prompt: str, response: str) -> float | None:
    """Share of the demands it can recognise in the prompt that the response meets."""
    met = [check(response) for check in demands(prompt)]
    return sum(met) / len(met) if met else None


@dataclass(frozen=True, slots=True)
class Baseline:
    """One measure as a judge. `tie` is the difference below which it says tie; `scale` turns a
    difference into a probability, 1 / (1 + exp(-difference / scale)).
    """

    measure: Measure
    tie: float
    scale: float

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question; abstains (empty text) where the measure has nothing to say."""
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Answer:
        shown = question.shown
        first = self.measure(shown.prompt, shown.first)
        second = self.measure(shown.prompt, shown.second)
        if first is None or second is None:
            return Answer("")
        gap = first - second
        sure = float(expit(min(abs(gap) / self.scale, 30)))
        reasoning = f"{self.measure.__name__}: {first:.2f} against {second:.2f}"
        if abs(gap) <= self.tie:
            return Answer(say("tie", confidence=1 - sure / 2, reasoning=reasoning))
        strength = "much" if abs(gap) > 4 * self.scale else "slightly"
        verdict = "1" if gap > 0 else "2"
        return Answer(say(verdict, confidence=sure, reasoning=reasoning, strength=strength))


BASELINES = {
    "relevance": Baseline(relevance, tie=0.05, scale=0.8),
    "constraints": Baseline(constraints, tie=0.01, scale=0.4),
    "detail": Baseline(detail, tie=0.04, scale=0.5),
    "fluency": Baseline(fluency, tie=0.1, scale=0.6),
    "specifics": Baseline(specifics, tie=0.05, scale=0.5),
    "repetition": Baseline(repetition, tie=0.02, scale=0.4),
    "structure": Baseline(structure, tie=0.04, scale=0.6),
    "directness": Baseline(directness, tie=0.01, scale=0.7),
    "arithmetic": Baseline(arithmetic, tie=0.01, scale=0.5),
}


def find(model: str) -> Baseline:
    """The baseline of that name. Raises BadInput."""
    if model not in BASELINES:
        raise BadInput(f"baseline {model!r} does not exist; choose one of {sorted(BASELINES)}")
    return BASELINES[model]


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "edly", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _holds(left: str, sign: str, right: str, result: str) -> bool:
    a, b, said = float(left), float(right), float(result)
    if sign in "/÷":
        true = a / b if b else math.inf
    else:
        true = {"+": a + b, "-": a - b, "−": a - b, "*": a * b, "×": a * b}[sign]
    decimals = len(result.partition(".")[2])
    return abs(true - said) <= 0.5 * 10**-decimals + 1e-9 if decimals else abs(true - said) < 1e-9
