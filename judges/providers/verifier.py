"""A judge that checks outcomes: the expected one is stored with the prompt, nothing is guessed.

The response that passes is better; where both pass or both fail it is a tie (a bad one in the
second case). Without an expected outcome it abstains, and so it does where one cannot be checked,
with the reason. What may be expected is in `db.expected.outcome`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from db.expected.outcome import Exact, Outcome, Pattern, Schema, Value, read
from judges.asking import Answer, Question
from judges.providers.schema_process import SchemaProcess
from judges.verdicts import say

_FINAL = re.compile(r"(?:final answer|answer)\s*(?:is|:|=)?\s*:?\s*(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})++(?:\.\d+)?|-?\d++(?:\.\d++)?(?:[eE][-+]?\d++)?")


@dataclass(frozen=True, slots=True)
class Verifier:
    """`fallback`, from the judge's options, is the expected outcome where the prompt has none."""

    fallback: Mapping[str, Any] | None = None
    _schemas: SchemaProcess = field(default_factory=SchemaProcess, repr=False, compare=False)

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question."""
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Answer:
        expected = question.shown.expected or self.fallback
        if not expected:
            return Answer("")
        try:
            outcome = read(expected)
            first = self.passes(question.shown.first, outcome)
            second = self.passes(question.shown.second, outcome)
        except Exception as error:  # of this pair alone, whatever it is
            return Answer(str(error) or type(error).__name__, stop="unchecked")
        reasoning = f"{expected['kind']}: first {_word(first)}, second {_word(second)}"
        if first is second:
            return Answer(say("tie", confidence=1.0, reasoning=reasoning, both_bad=not first))
        verdict = "1" if first else "2"
        return Answer(say(verdict, confidence=1.0, reasoning=reasoning, strength="much"))

    def passes(self, response: str, outcome: Outcome) -> bool:
        """Whether a response has the expected outcome. Raises where that cannot be told."""
        match outcome:
            case Exact(answers):
                found = {_plain(answer) for answer in _final_answers(response)}
                return any(_plain(answer) in found for answer in answers)
            case Pattern(pattern):
                return pattern.search(response) is not None
            case Schema(schema):
                return self._schemas.fits(schema, response)
            case Value(number, tolerance):
                return _ends_in(response, number, tolerance)


def _final_answers(response: str) -> list[str]:
    lines = [line for line in response.strip().splitlines() if line.strip()]
    said = [match[1] for line in lines for match in [_FINAL.search(line)] if match]
    return [response, *(lines[-1:]), *(said[-1:])]


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("*_`\"'.!$ ").casefold().split())


def _ends_in(response: str, wanted: float, tolerance: float) -> bool:
    numbers = _NUMBER.findall(response)
    if not numbers:
        return False
    last = float(numbers[-1].replace(",", ""))
    if not math.isfinite(last):
        raise ValueError(f"the response's last number has {len(numbers[-1]):,} digits")
    return math.isclose(last, wanted, rel_tol=tolerance, abs_tol=tolerance)


def _word(passed: bool) -> str:
    return "passes" if passed else "fails"
