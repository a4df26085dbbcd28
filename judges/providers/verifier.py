"""A judge that checks outcomes: the expected one is stored with the prompt, nothing is guessed.

The response that passes is better; where both pass or both fail it is a tie (a bad one in the
second case). Without an expected outcome it abstains. Kinds:
`exact` (the final answer, case and surrounding punctuation aside), `regex` (found anywhere),
`json_schema` (the response, or its last fenced block, is JSON that fits), `arithmetic` (the last
number equals the value of an expression).
"""

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema

from db.errors import BadInput
from judges.asking import Answer, Question
from judges.verdicts import say

KINDS = ("exact", "regex", "json_schema", "arithmetic")
_FINAL = re.compile(r"(?:final answer|answer)\s*(?:is|:|=)?\s*:?\s*(.+)", re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


@dataclass(frozen=True, slots=True)
class Verifier:
    """`fallback`, from the judge's options, is the expected outcome where the prompt has none."""

    fallback: Mapping[str, Any] | None = None

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer a question."""
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Answer:
        expected = question.shown.expected or self.fallback
        if not expected:
            return Answer("")
        first = passes(question.shown.first, expected)
        second = passes(question.shown.second, expected)
        reasoning = f"{expected['kind']}: first {_word(first)}, second {_word(second)}"
        if first is second:
            return Answer(say("tie", confidence=1.0, reasoning=reasoning, both_bad=not first))
        verdict = "1" if first else "2"
        return Answer(say(verdict, confidence=1.0, reasoning=reasoning, strength="much"))


def passes(response: str, expected: Mapping[str, Any]) -> bool:
    """Whether a response has the expected outcome. Raises BadInput for an unusable expectation."""
    kind, value = expected.get("kind"), expected.get("value")
    if kind == "exact":
        wanted = value if isinstance(value, list) else [value]
        found = {_plain(answer) for answer in _final_answers(response)}
        return any(_plain(str(w)) in found for w in wanted)
    if kind == "regex":
        try:
            return re.search(str(value), response, re.MULTILINE) is not None
        except re.error as error:
            raise BadInput(f"expected regex {value!r} cannot be read: {error}") from None
    if kind == "json_schema":
        return _fits(response, value)
    if kind == "arithmetic":
        return _same_number(response, str(value), float(expected.get("tolerance", 1e-6)))
    raise BadInput(f"expected kind {kind!r} is unknown; choose one of {list(KINDS)}")


def evaluate(expression: str) -> float:
    """The value of a sum in +, -, *, /, //, %, ** and brackets. Raises BadInput otherwise."""
    try:
        return float(_value(ast.parse(expression, mode="eval").body))
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, KeyError) as error:
        raise BadInput(f"expression {expression!r} cannot be computed: {error}") from None


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > 64 or abs(left) > 1e6):
            raise ValueError("the power is too large")
        return _OPERATORS[type(node.op)](left, right)
    raise ValueError(f"{type(node).__name__} is not allowed in a sum")


def _final_answers(response: str) -> list[str]:
    lines = [line for line in response.strip().splitlines() if line.strip()]
    said = [match[1] for line in lines for match in [_FINAL.search(line)] if match]
    return [response, *(lines[-1:]), *(said[-1:])]


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("*_`\"'.!$ ").casefold().split())


def _fits(response: str, schema: Any) -> bool:
    if not isinstance(schema, dict):
        raise BadInput(f"expected json_schema {schema!r} is not an object; give a JSON schema")
    blocks = _FENCE.findall(response)
    for text in (response, *(blocks[-1:])):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        try:
            jsonschema.validate(value, schema)
        except jsonschema.ValidationError:
            return False
        except jsonschema.SchemaError as error:
            raise BadInput(f"expected json_schema is not a schema: {error.message}") from None
        return True
    return False


def _same_number(response: str, expression: str, tolerance: float) -> bool:
    wanted = evaluate(expression)
    numbers = _NUMBER.findall(response)
    if not numbers:
        return False
    last = float(numbers[-1].replace(",", ""))
    return math.isclose(last, wanted, rel_tol=tolerance, abs_tol=tolerance)


def _word(passed: bool) -> str:
    return "passes" if passed else "fails"
