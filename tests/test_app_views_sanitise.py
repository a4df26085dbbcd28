"""Hostile text as HTML: nothing runs, nothing is fetched, nothing is lost."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.views.pictures import as_csv
from app.views.sanitise import LONGEST, difference, mathml, plain, rendered

HARMLESS = {"p", "br", "em", "strong", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr"}
HARMLESS |= {"h1", "h2", "h3", "h4", "h5", "h6", "a", "span", "div", "mark"}
HARMLESS |= {"table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"href", "target", "title", "class", "start", "style", "data-math"}


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]


def check(html):
    seen = Tags(html)
    assert set(seen.tags) <= HARMLESS
    for _, name, value in seen.attributes:
        assert name in ATTRIBUTES
        if name == "href":
            assert re.match(r"(https?|mailto):", value)
        if name == "style":
            assert value.startswith("text-align:")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://evil.example/p.png)",
        "![x](javascript:alert(1))",
        "[x](javascript:alert(1)) [y](data:text/html,<script>) [z](vbscript:x)",
        '<https://e.x/"onmouseover=alert(1)> [a](https://e.x \'on" onclick="x\')',
        "$\\href{javascript:alert(1)}{x}$ \\(\\text{<script>}\\) $$\\style{x}{y}$$",
        "```html\n</code></pre><script>x</script>\n```",
        "<style>*{display:none}</style> <iframe src=//x> <svg onload=x>",
        "| a |\n|:-:|\n| <b onclick=x> |",
        "[" * 5000,
        ">" * 5000 + " deep",
        "\\(" * 500 + "$" * 501,
    ],
)
def test_known_attacks_come_out_as_text(text):
    made = rendered(text, "x")
    check(made.html)
    for formula in made.math.values():
        assert "href" not in formula
        assert "javascript" not in formula


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("<>&\"'`*_[]()!#|$\\:/ab \n\t\u202e\u200b-=~1."), max_size=120)
)
def test_any_mixture_of_marks_comes_out_harmless(text):
    check(rendered(text, "x").html)
    for side in difference(text, text[::-1]):
        check(side)


def test_streamlits_own_marks_stay_what_was_written():
    text = "It costs $5 and $10 -> :+1: :red[x] :material/home: <- <= --"
    assert unescape(re.sub(r"<[^>]+>", "", rendered(text, "x").html)).strip() == text


def test_formulas_become_mathml_and_broken_ones_stay_as_written():
    made = rendered("so $x^2$ and \\(y\\)", "p")
    assert list(made.math) == ["p-0", "p-1"]
    assert "<msup>" in made.math["p-0"]
    assert mathml("\\frac{1}{", "inline") is None
    assert "\\frac{1}{" in rendered("$\\frac{1}{$", "p").html


def test_hidden_and_reordering_characters_are_shown_by_their_number():
    shown = plain("a\u202eb\u200bc\ufeff")
    assert [f"U+{n}" in shown for n in ("202E", "200B", "FEFF")] == [True] * 3
    assert not re.search("[\u202e\u200b\ufeff]", shown)


def test_a_megabyte_is_cut_with_a_word_and_an_empty_response_says_so():
    made = rendered("word " * 200_000, "x")
    assert f"{1_000_000 - LONGEST:,} more letters" in made.html
    assert len(made.html) < 2 * LONGEST
    assert "This response is empty" in rendered(" \n", "x").html


def test_the_difference_marks_words_and_keeps_every_letter():
    left, right = difference("the cat sat", "the dog sat")
    assert "<mark>cat</mark>" in left
    assert "<mark>dog</mark>" in right
    assert re.sub(r"<[^>]+>", "", left) == "the cat sat"


def test_long_code_that_differs_in_a_word_a_line_is_marked_by_the_word():
    """2,000 lines of 5 words are too many for words at once; lines against lines are few."""
    code = "".join(f"x{n} = range({n})\n" for n in range(2_000))
    left, right = difference(code, code.replace("range", "xrange"))
    assert "x7 = <mark>range</mark>(7)" in left
    assert "x7 = <mark>xrange</mark>(7)" in right
    assert re.sub(r"<[^>]+>", "", left) == code[:LONGEST]


def test_a_cell_that_a_spreadsheet_would_run_is_disarmed():
    assert as_csv([{"note": "=HYPERLINK(1)", "n": -1}]) == "note,n\r\n'=HYPERLINK(1),-1\r\n"


def test_code_that_was_not_fenced_keeps_its_indentation():
    shown = rendered("def f(x):\n    if x:\n\treturn 1\n\n  two before", "p").html
    assert shown.splitlines() == [
        '<p>def f(x):<br><span class="tb-indent">    </span>if x:<br>'
        '<span class="tb-indent">\t</span>return 1</p>',
        '<p><span class="tb-indent">  </span>two before</p>',
    ]


def test_indentation_that_belongs_to_markdown_is_not_shown():
    shown = rendered("- a\n  b\n\n> q\n\n    code", "p").html
    assert "tb-indent" not in shown
    assert "<li>a<br>b</li>" in shown
    assert "<pre><code>code\n</code></pre>" in shown
