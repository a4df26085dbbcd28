"""Nearly JSON as JSON, where one reading is possible; and LaTeX as it was meant.

Only what moves no border of a string is mended: quotation marks of another kind, escapes that JSON
has not, comments, a comma too many, names of other languages. A text with quotation marks inside
its strings stays broken: where they end is a guess.
"""

import re

_STRINGS = (
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
    r"|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)"
    r"|[“”](?:[^”\\]|\\.)*+(?:”|\\?\Z)"
    r"|＂(?:[^＂\\]|\\.)*+(?:＂|\\?\Z)"
)
_PIECE = re.compile(
    rf"(?P<string>{_STRINGS})"
    r"|(?P<comment>//[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z))"
    r"|(?P<mark>[：，])"
    r"|\b(?P<name>True|False|None|undefined)\b",
    re.DOTALL,
)
_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|(?P<comma>,)(?=\s*+[}\]])', re.DOTALL)
_MEANT = {
    "True": "true",
    "False": "false",
    "None": "null",
    "undefined": "null",
    "：": ":",
    "，": ",",
}
_ESCAPE = re.compile(r'\\(?P<kept>["\\/bfnrt]|u[0-9a-fA-F]{4})|\\(?P<quote>\')|(?P<slash>\\)|"')

# Commands of LaTeX whose first letter JSON reads as an escape, without it. What can be a word after
# a line break in some language (\ne, \ni, \to) is left alone.
_BEHIND = {
    "\n": "u|eq|abla|eg|exists|mid|otin|leq|geq|onumber|ewline|ewcommand",
    "\t": "ext(?:bf|it|rm|tt|sf|sc|up|style)?|heta|imes|au|an|anh|frac|ilde|herefore|riangle|op|ag",
    "\r": "ho|ight|ightarrow|angle|ceil|floor|m|vert|oot",
}
_LATEX = re.compile(
    "[\f\b](?=[A-Za-z])|"
    + "|".join(f"{control}(?=(?:{names})(?![A-Za-z]))" for control, names in _BEHIND.items())
)
_LETTERS = {"\f": "\\f", "\b": "\\b", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def mended(text: str) -> str:
    """The text with what is surely meant; whether it is JSON then is for the decoder to say."""
    return _COMMA.sub(lambda m: "" if m["comma"] else m[0], _PIECE.sub(_piece, text))


def latex(text: str) -> str:
    """A decoded text with `\\frac` where it was read as a form feed and `rac`, and its kin."""
    return _LATEX.sub(lambda match: _LETTERS[match[0]], text)


def _piece(match: re.Match[str]) -> str:
    if match["string"]:
        inner = match[0][1:-1] if len(match[0]) > 1 else ""
        return f'"{_ESCAPE.sub(_escape, inner)}"'
    return _MEANT.get(match[0], "")


def _escape(match: re.Match[str]) -> str:
    if match["kept"]:
        return match[0]
    return "'" if match["quote"] else "\\\\" if match["slash"] else '\\"'
