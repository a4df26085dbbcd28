r"""Formulas in markdown: finds `$x$`, `$$x$$`, `\(x\)` and `\[x\]`, and turns LaTeX into MathML.

An opening mark belongs to the nearest closing one, and what follows a formula on its line stays
text: no letter of a response is lost. Marks are looked up in a list made once a text, so a
response of nothing but marks takes no longer than another.
"""

import re
from bisect import bisect_left
from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from judges.unseen import unseen

_CLOSING = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_LONGEST = 2_000  # letters of a formula that is converted
_MATHML = "http://www.w3.org/1998/Math/MathML"
_MATH_ATTRIBUTES = {
    "display",
    "mathvariant",
    "stretchy",
    "accent",
    "columnalign",
    "width",
    "rowspan",
    "columnspan",
    "linethickness",
    "form",
    "fence",
    "separator",
    "largeop",
    "movablelimits",
    "minsize",
    "maxsize",
}


def find_formulas(markdown: MarkdownIt) -> None:
    """Add the rules: tokens `formula` within a line and `formula_block`, content their LaTeX."""
    markdown.inline.ruler.before("escape", "formula", _inline)
    markdown.block.ruler.before("fence", "formula_block", _block)


@lru_cache(maxsize=64)
def _places(text: str, mark: str) -> tuple[int, ...]:
    """Where a mark stands in a text and is not escaped, in order."""
    found = re.finditer(rf"({re.escape(mark)})|\\.", text, re.DOTALL)
    return tuple(one.start() for one in found if one.group(1))


def _end(text: str, opened: int, mark: str) -> int | None:
    """Where the nearest closing mark stands that leaves something between; None without one."""
    closing = _CLOSING[mark]
    places = _places(text, closing)
    index = bisect_left(places, opened + len(mark) + 1)
    return places[index] if index < len(places) else None


def _inline(state: StateInline, silent: bool) -> bool:
    """A formula within a paragraph; `$` next to spaces or digits is money."""
    text, start = state.src, state.pos
    mark = _mark(text, start) or ("$" if text[start] == "$" else "")
    end = _end(text, start, mark) if mark else None
    if end is None or (mark == "$" and not _is_formula(text, start, end)):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = text[start + len(mark) : end]
        token.markup = mark
    state.pos = end + len(mark)
    return True


def _mark(text: str, start: int) -> str:
    """The opening mark of two letters that stands here."""
    mark = text[start : start + 2]
    return mark if mark in _CLOSING else ""


def _is_formula(text: str, start: int, end: int) -> bool:
    """Whether single dollars enclose a formula and are not two prices."""
    before, after = text[start - 1 : start], text[end + 1 : end + 2]
    return not (
        text[start + 1].isspace()
        or text[end - 1].isspace()
        or before.isdigit()
        or after.isdigit()
        or before == "$"
    )


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula with lines of its own, from the line of its opening mark to that of its closing."""
    start = state.bMarks[first] + state.tShift[first]
    mark = _mark(state.src, start)
    if mark not in ("$$", "\\[") or state.is_code_block(first):
        return False
    end = _end(state.src, start, mark)
    if end is None or end > state.eMarks[last - 1]:
        return False
    line = bisect_left(state.eMarks, end, first, last)
    if state.src[end + 2 : state.eMarks[line]].strip():
        return False
    if not silent:
        token = state.push("formula_block", "math", 0)
        token.block = True
        within = state.getLines(first, line + 1, state.blkIndent, False)
        token.content = within.strip()[2:-2]
        token.markup = mark
        token.map = [first, line + 1]
    state.line = line + 1
    return True


def mathml(source: str, display: str) -> str | None:
    """LaTeX as MathML with harmless attributes only; None where it cannot be read.

    None, too, where it holds unseen characters: the source then shows them.
    """
    if len(source) > _LONGEST or unseen(source):
        return None
    try:
        tree = ElementTree.fromstring(convert(source, display=display))
    except Exception:  # the converter raises whatever broken LaTeX leads it to
        return None
    for element in tree.iter():
        if not element.tag.startswith(f"{{{_MATHML}}}"):
            return None
        for attribute in set(element.attrib) - _MATH_ATTRIBUTES:
            del element.attrib[attribute]
    ElementTree.register_namespace("", _MATHML)
    return ElementTree.tostring(tree, encoding="unicode")
