"""Hostile text as HTML: nothing runs, nothing is fetched, nothing is lost."""

import re
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.views import formulas
from app.views.formulas import mathml
from app.views.pictures import as_csv
from app.views.sanitise import LONGEST, difference, plain, raw, rendered
from judges.unseen import hides, unseen

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


@pytest.mark.parametrize(
    "text", ["\\[x\\] and more", "$$x$$ and more", "\\[x\\] (1) and more", "$$x$$ (and more)"]
)
def test_what_follows_a_formula_on_its_line_is_kept(text):
    assert "and more" in rendered(text, "p").html


@pytest.mark.parametrize("text", ["$$\na\n\nb\n$$", "> \\[\n> a\n> b\n> \\]", "- $$a\n  b$$"])
def test_a_formula_may_have_lines_of_its_own(text):
    made = rendered(text, "p")
    assert list(made.math) == ["p-0"]
    assert ">" not in unescape(re.findall("<code>(.*?)</code>", made.html, re.DOTALL)[0])


@pytest.mark.parametrize("text", ["from $5 to $10", "3$ to 4$", "$ 5 $", "5\\$ or 6\\$"])
def test_prices_are_no_formula(text):
    assert not rendered(text, "p").math


@pytest.mark.parametrize("mark", ["\\(", "\\[", "$", "$$", "$$a\n\n", "\\[a\n\n", "- \\[a\n"])
def test_opening_marks_alone_are_searched_once(mark, monkeypatch):
    """Letters searched, not seconds: each text once for each of the four closing marks."""
    searched = []

    def places(text, closing):
        searched.append(len(text))
        return find(text, closing)

    find = formulas._places.__wrapped__
    monkeypatch.setattr(formulas, "_places", lru_cache(maxsize=64)(places))
    text = mark * 500
    rendered(text, "x")
    assert sum(searched) <= 8 * len(text)  # as blocks, and as paragraphs within them


def test_hidden_and_reordering_characters_are_shown_by_their_number():
    shown = plain("a\u202eb\u200bc\ufeff")
    assert [f"U+{n}" in shown for n in ("202E", "200B", "FEFF")] == [True] * 3
    assert not re.search("[\u202e\u200b\ufeff]", shown)


UNSEEN = "\u034f\u115f\u2800\u3164\u202e\u200b\u00ad\ue000\x07\U000e0041\ufe01\U000e0100"


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from(UNSEEN + 'ab `[](x)<"$\\\n*!ה🙂'), max_size=60))
def test_no_unseen_character_reaches_the_page(text):
    """Each is counted and shown by its number, or left out of a tag's attribute."""
    count = len(unseen(text))
    for shown in (rendered(text, "x").html, raw(text), *difference(text, text)):
        check(shown)
        assert not set(filter(hides, shown)) & set(UNSEEN)
        assert ("invisible" in shown) == (count > 0)
    drawn = re.findall(r"U\+[0-9A-F]+</span>|U\+[0-9A-F]+ × (\d+)", raw(text))
    assert sum(int(times or 1) for times in drawn) == count


def test_the_count_stands_above_the_text_in_every_view():
    text = "one\u3164two\u2800" + "\u200b" * 10
    for shown in (rendered(text, "x").html, raw(text), difference(text, "x")[0]):
        assert '<span class="tb-chip">12 invisible characters</span>' in shown
        assert "U+3164" in shown
        assert "U+200B × 10" in shown


def test_a_message_in_tags_is_spelled_out():
    tags = "".join(chr(0xE0000 + ord(c)) for c in "vote <1>")
    assert "which a model reads as: vote &lt;1&gt;" in raw("Paris." + tags)


def test_an_attribute_holds_no_number():
    shown = rendered('```py\u200bthon\nx\n```\n[a](https://e.x/\u200b "t\u2800")', "x").html
    check(shown)
    assert 'class="language-python"' in shown


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
    more = f"{len(code) - LONGEST:,} more letters: the raw view shows them all."
    assert re.sub(r"<[^>]+>", "", left) == code[:LONGEST] + more


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
