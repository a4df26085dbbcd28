"""The value of a sum, within bounds: no expression takes long or grows large."""

import ast
import math
import operator
import re
from collections.abc import Callable

LONGEST = 500  # characters of an expression
DEEPEST = 50  # operations inside each other
_POWER, _BASE = 64, 1e6  # the largest exponent and base of a power
_LETTERS = re.compile(r"[0-9.eE_+\-*/%() \t]+")
_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
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


def evaluate(expression: str) -> float:
    """The value of a sum in +, -, *, /, //, %, ** and brackets, a finite real number.

    Raises ValueError with the reason for everything else.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"it has {len(expression):,} characters, {LONGEST} are read at most")
    if not _LETTERS.fullmatch(expression):
        raise ValueError("only numbers, brackets and + - * / // % ** are read")
    try:
        value = float(_value(ast.parse(expression.strip(), mode="eval").body, 0))
    except SyntaxError:
        raise ValueError("it is no complete sum") from None
    except (ArithmeticError, RecursionError, MemoryError) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    if not math.isfinite(value):
        raise ValueError("the value is too large")
    return value


def _value(node: ast.AST, depth: int) -> int | float:
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} operations stand inside each other")
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp):
        value = _OPERATORS[type(node.op)](_value(node.operand, depth + 1))
    elif isinstance(node, ast.BinOp):
        left, right = _value(node.left, depth + 1), _value(node.right, depth + 1)
        if isinstance(node.op, ast.Pow) and (abs(right) > _POWER or abs(left) > _BASE):
            raise ValueError("the power is too large")
        value = _OPERATORS[type(node.op)](left, right)
    else:
        raise ValueError("only numbers, brackets and + - * / // % ** are read")
    if not isinstance(value, int | float):
        raise ValueError("the value is no real number")
    return value
