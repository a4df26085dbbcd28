"""What the texts of a pair show without reading them: odd features, f(a) − f(b), and even ones.

Everything is a pure function of one pair, so that it streams over any number of them. Leaves out:
what the words mean; that is the text classifier's guess (text_classifier.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ODD_NAMES = (
    "length",
    "list marks",
    "digits",
    "overlap with the prompt",
    "refusal",
    "variety of words",
    "line breaks",
    "empty",
)
EVEN_NAMES = ("identical texts",)

_WORD = re.compile(r"\w+")
_LIST = re.compile(r"(?m)^\s*(?:[-*•]|\d+[.)])\s")
_DIGIT = re.compile(r"\d")
_REFUSAL = re.compile(
    r"\b(?:sorry|apologi[sz]e|unable to|i (?:can ?not|can['’]t|won['’]t)|as an ai|"
    r"not (?:able|appropriate|comfortable)|cannot (?:help|assist|provide))\b",
    re.IGNORECASE,
)
# Why each number here is what it is: docs/design/label-model-constants.md.
LONGEST = 20_000
"""Characters read for the features of style; length itself is exact."""

SHORTEST = 20.0
"""Characters added to every length, so that one word more or less is no doubling."""

REFUSAL_WITHIN = 400
"""Characters of a response in which a refusal is looked for."""

WORDS_WITHIN = 8_000
"""Characters of a response in which the text classifier counts words."""


@dataclass(frozen=True)
class PairTexts:
    """The texts of P pairs; None where one is not known. Authors are the models that wrote them."""

    prompts: Sequence[str | None]
    responses_a: Sequence[str | None]
    responses_b: Sequence[str | None]
    authors_a: Sequence[str | None] = ()
    authors_b: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.prompts)

    def mirrored(self) -> "PairTexts":
        """The same pairs with the names A and B exchanged."""
        return PairTexts(
            self.prompts, self.responses_b, self.responses_a, self.authors_b, self.authors_a
        )


def text_features(texts: PairTexts) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Odd features [P, 8] named by ODD_NAMES and even ones [P, 1]; 0 where a text is missing."""
    odd = np.zeros((len(texts), len(ODD_NAMES)), dtype=np.float32)
    even = np.zeros((len(texts), len(EVEN_NAMES)), dtype=np.float32)
    prompt, words = None, frozenset[str]()
    rows = zip(texts.prompts, texts.responses_a, texts.responses_b, strict=True)
    for pair, (asked, a, b) in enumerate(rows):
        if a is None or b is None:
            continue
        if asked != prompt:
            prompt, words = asked, frozenset(_WORD.findall((asked or "").lower()[:LONGEST]))
        odd[pair] = response_features(a, words) - response_features(b, words)
        even[pair] = a.strip() == b.strip()
    return odd, even


def response_features(text: str, prompt_words: frozenset[str]) -> NDArray[np.float32]:
    """Features of one response in the order of ODD_NAMES; length is log(characters + 20)."""
    head = text[:LONGEST]
    words = _WORD.findall(head.lower())
    own, count = set(words), len(words)
    chars = len(head) + 1
    return np.array(
        [
            np.log(len(text) + SHORTEST),
            np.log1p(len(_LIST.findall(head))),
            np.sqrt(len(_DIGIT.findall(head)) / chars),
            len(own & prompt_words) / (len(prompt_words) + 1.0),
            float(bool(_REFUSAL.search(head[:REFUSAL_WITHIN]))),
            len(own) / np.sqrt(count + 1.0) / 10.0,
            np.log1p(head.count("\n")),
            float(not head.strip()),
        ],
        dtype=np.float32,
    )
