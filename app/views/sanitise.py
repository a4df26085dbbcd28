"""Responses are hostile input: turns them into HTML that cannot run, fetch or break the page.

Markdown is rendered here and not by Streamlit, which would change the judged text (`$5 and $10`,
`->`, `:+1:`, `:red[...]`) and load remote images. Raw HTML stays text, images become links,
characters that reorder or hide text are shown by their number. The only file that may call its
strings markup: every template escapes all others.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from html import escape
from itertools import groupby, pairwise, zip_longest
from typing import Any
from unicodedata import name as unicode_name

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

from app.views.formulas import find_formulas, mathml
from judges.unseen import hides, seen, smuggled, unseen

LONGEST = 30_000  # letters rendered; beyond, the raw tab holds the rest
_MOST_WORDS = 3_000  # a diff of more is too slow to help
_MOST_FORMULAS = 200  # these take 0.3 s to convert
_MOST_ALIKE = 3  # unseen characters of one kind in a row that are drawn one by one


@dataclass(frozen=True)
class Rendered:
    """Safe HTML, and the formulas to put into its placeholders: id -> MathML."""

    html: Markup
    math: dict[str, str]


def rendered(text: str, place: str) -> Rendered:
    """Markdown as safe HTML; `place` keeps the ids of its formulas apart from other texts'."""
    shown = text[:LONGEST]
    environment: dict[str, Any] = {"place": place, "math": {}}
    try:
        html = str(_markdown().render(shown, environment))
    except (RecursionError, ValueError, IndexError):
        html = f"<pre>{escape(shown)}</pre>"
    html += _more(text)
    if not text.strip():
        html = '<p class="tb-note">This response is empty.</p>'
    return Rendered(Markup(_counted(text) + _visible(html)), environment["math"])


def _more(text: str) -> str:
    """How much of a text is not drawn; nothing where all is."""
    rest = len(text) - LONGEST
    if rest <= 0:
        return ""
    return f'<p class="tb-note">{rest:,} more letters: the raw view shows them all.</p>'


def plain(text: str) -> Markup:
    """A text as it was written; characters that hide or reorder it are shown by their number."""
    return Markup(_visible(escape(text)))


def written(text: str) -> Markup:
    """As `raw` as far as a page shows texts, the rest counted; for what is no prose."""
    return _as_text(text, escape(text[:LONGEST]), _more(text))


def raw(text: str) -> Markup:
    """All of a text as it was written, every line kept, with the count of what it hides."""
    return _as_text(text, f'<div class="tb-raw">{escape(text)}</div>')


def _counted(text: str) -> str:
    """How many unseen characters a text holds; nothing where there are none."""
    count = len(unseen(text))
    if not count:
        return ""
    many = "character" if count == 1 else "characters"
    return f'<p class="tb-note"><span class="tb-chip">{count:,} invisible {many}</span></p>'


def _visible(html: str) -> str:
    """The one door out: safe HTML, in which hiding characters become visible.

    Within a tag they are left out: there they would stand in an attribute.
    """
    parts = re.split(r"(<[^>]*>)", html)
    return "".join(seen(part) if at % 2 else _numbered(part) for at, part in enumerate(parts))


def _numbered(text: str) -> str:
    """Text between tags, each run of unseen characters replaced by their numbers."""
    made, done = [], 0
    for start, end in _runs(unseen(text)):
        run = text[start:end]
        made += [text[done:start], *map(_chip, groupby(run)), _spelled(run)]
        done = end
    return "".join([*made, text[done:]])


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Places that follow each other, as (first, behind the last)."""
    for _, run in groupby(enumerate(places), key=lambda one: one[1] - one[0]):
        inside = [place for _, place in run]
        yield inside[0], inside[-1] + 1


def _chip(alike: tuple[str, Iterator[str]]) -> str:
    """The number of a character; of several alike, how many."""
    letter, times = alike[0], sum(1 for _ in alike[1])
    title = escape(unicode_name(letter, "a character without a name").lower())
    number = f"U+{ord(letter):04X}" + (f" × {times:,}" if times > _MOST_ALIKE else "")
    chip = f'<span class="tb-hidden" title="{title}">{number}</span>'
    return chip if times > _MOST_ALIKE else chip * times


def _spelled(run: str) -> str:
    """What a run of tags or selectors says to a model."""
    words = smuggled(run)
    legible = escape("".join(letter for letter in words if not hides(letter)))
    return f'<span class="tb-hidden">which a model reads as: {legible}</span>' if legible else ""


def difference(one: str, two: str) -> tuple[Markup, Markup]:
    """Both texts as HTML, with the words only one of them has marked."""
    first, second = _words(one), _words(two)
    if len(first) + len(second) <= 2 * _MOST_WORDS:
        left, right = _marked(first, second)
    else:
        left, right = _marked(one[:LONGEST].splitlines(True), two[:LONGEST].splitlines(True), True)
    return _as_text(one, left, _more(one)), _as_text(two, right, _more(two))


def _marked(first: list[str], second: list[str], lines: bool = False) -> tuple[str, str]:
    """What only one side has, marked; lines that stand against each other are marked by words."""
    left: list[str] = []
    right: list[str] = []
    matcher = SequenceMatcher(None, first, second, autojunk=len(first) + len(second) > 2_000)
    for kind, a, b, c, d in matcher.get_opcodes():
        mine, theirs = escape("".join(first[a:b])), escape("".join(second[c:d]))
        if kind == "equal":
            left.append(mine)
            right.append(theirs)
            continue
        if lines and kind == "replace":
            for mine, theirs in zip_longest(first[a:b], second[c:d], fillvalue=""):
                both = _words(mine), _words(theirs)
                brief = max(map(len, both)) < _MOST_WORDS // 10
                one, two = _marked(*both) if brief else _marked([mine], [theirs])
                left.append(one)
                right.append(two)
            continue
        left.append(f"<mark>{mine}</mark>" if mine.strip() else mine)
        right.append(f"<mark>{theirs}</mark>" if theirs.strip() else theirs)
    return "".join(left), "".join(right)


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[^\W_]+|.", text[:LONGEST], re.DOTALL)


def _as_text(text: str, html: str, note: str = "") -> Markup:
    return Markup(_counted(text) + _visible(f'<div class="tb-plain">{html}</div>') + note)


@cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    made.enable(["table", "strikethrough"])
    find_formulas(made)
    made.inline.ruler.at("newline", _newline)
    made.core.ruler.after("inline", "first_indent", _first_indent)
    for rule in ("softbreak", "hardbreak"):
        made.add_render_rule(rule, _break)
    made.add_render_rule("image", _image)
    made.add_render_rule("link_open", _link)
    made.add_render_rule("formula", _inline_math)
    made.add_render_rule("formula_block", _block_math)
    return made


def _newline(state: StateInline, silent: bool) -> bool:
    """A line break that keeps the spaces of the next line: markdown drops them, code needs them."""
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.pending = state.pending.rstrip(" ")
        state.push("softbreak", "br", 0)
    rest = state.src[state.pos + 1 :]
    spaces = rest[: len(rest) - len(rest.lstrip(" \t"))]
    if spaces and not silent:
        state.push("html_inline", "", 0).content = _indent(spaces)
    state.pos += 1 + len(spaces)
    return True


def _first_indent(state: StateCore) -> None:
    """Up to three spaces before a paragraph, which are no code block and yet were written."""
    lines = state.src.split("\n")
    for opening, inline in pairwise(state.tokens):
        if opening.type == "paragraph_open" and opening.level == 0 and opening.map:
            line = lines[opening.map[0]]
            spaces = line[: len(line) - len(line.lstrip(" "))]
            if spaces and inline.children:
                inline.children.insert(0, Token("html_inline", "", 0, content=_indent(spaces)))


def _indent(spaces: str) -> str:
    return f'<span class="tb-indent">{spaces}</span>'


def _break(*_: Any) -> str:
    return "<br>"


def _image(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any
) -> str:
    """An image is not fetched; its address is a link."""
    address = str(tokens[index].attrs.get("src", ""))
    words = escape(tokens[index].content or "no description")
    if not re.match(r"https?://", address):
        return f'<span class="tb-image">image: {words}</span>'
    return f'<a class="tb-image" target="_blank" href="{escape(address)}">image: {words}</a>'


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, _env: Any
) -> str:
    """A link opens elsewhere and shows its address when pointed at."""
    token = tokens[index]
    address = str(token.attrs.get("href", ""))
    if not re.match(r"(https?|mailto):", address):
        token.attrs.pop("href", None)
    token.attrSet("target", "_blank")
    token.attrSet("title", address)
    return str(renderer.renderToken(tokens, index, options, {}))


def _inline_math(_self: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    display = "inline" if tokens[index].markup in ("$", "\\(") else "block"
    return _math(tokens[index].content, env, display)


def _block_math(_self: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    return _math(tokens[index].content, env, "block")


def _math(source: str, env: Any, display: str) -> str:
    """The formula's source, which the page replaces by its MathML where there is one."""
    found = mathml(source, display) if len(env["math"]) < _MOST_FORMULAS else None
    shown = f"<code>{escape(source)}</code>"
    if found is None:
        return shown
    key = f"{env['place']}-{len(env['math'])}"
    env["math"][key] = found
    return f'<span data-math="{key}">{shown}</span>'
