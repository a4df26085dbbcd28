"""Every character that hides is found, and the ordinary work of writing systems is excused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.unseen import hides, seen, smuggled, unseen

WELL_KNOWN = "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u202e\u2060\u2800\u3164\ufe00\uffa0\ufffa"


def test_default_ignorable_is_the_property_of_unicode():
    regex = pytest.importorskip("regex")
    ignorable = regex.compile(r"\p{Default_Ignorable_Code_Point}")
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF and ignorable.match(chr(code)):
            assert hides(chr(code)), f"U+{code:04X}"


@pytest.mark.parametrize("letter", [*WELL_KNOWN, "\ue000", "\U000e0041", "\U000f0000", "\u0378"])
def test_between_latin_letters_each_is_found(letter):
    assert unseen(f"ab{letter}cd") == [2]
    assert seen(f"ab{letter}cd") == "abcd"


@pytest.mark.parametrize(
    "text",
    [
        "plain\tEnglish,\r\nwith lines",
        "👩‍👩‍👧‍👦 ❤️‍🔥 👍🏽 ✔️ 1️⃣ ☺︎ ©️ 🏳️‍🌈 🫨",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
        "می‌خواهم کتاب‌ها را بخوانم",  # Persian, non-joiners
        "क्‍ष और क्‌ष",  # Devanagari, both joiners
        "ภาษา\u200bไทย ភាសា\u200bខ្មែរ",  # words of scripts without spaces
        "שלום (abc)\u200e, עולם",  # a direction mark beside Hebrew
        "ᠮᠣᠩ\u180bᠭᠣᠯ",
        "café, naïve, 漢字かな, 한국어, \u00a0\u2009\u3000",  # visible spaces are no secret
        "المادة \u0600١٢",  # a number sign that is drawn
    ],
)
def test_ordinary_writing_hides_nothing(text):
    assert unseen(text) == []


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("👍\ufe0f\ufe01\ufe02", 2),  # a second selector carries data
        ("a\u200d\u200cb", 2),
        ("می\u200c\u200c\u200dخو", 3),  # many joiners where one would do
        ("🏴\U000e0075\U000e0073\U000e007f", 3),  # no flag of the three
        ("1\ufe0f", 1),
        ("שלום \u202e abc", 1),  # an override is never ordinary
        ("abc\u200f def", 1),
        ("\u200bไทย", 1),
        ("字\U000e0100", 1),
    ],
)
def test_what_is_excused_elsewhere_is_found_out_of_place(text, hidden):
    assert len(unseen(text)) == hidden


@given(st.text(max_size=60))
def test_seen_is_the_text_without_what_hides(text):
    assert not any(map(hides, seen(text)))
    assert set(unseen(text)) <= {i for i, letter in enumerate(text) if hides(letter)}
    assert [c for c in text if not hides(c)] == list(seen(text))


def test_of_ascii_the_controls_hide() -> None:
    for letter in map(chr, range(128)):
        assert seen(f"a{letter}b") == ("ab" if hides(letter) else f"a{letter}b")
    assert [n for n in range(128) if hides(chr(n))] == [*range(9), 11, 12, *range(14, 32), 127]


def test_tags_and_selectors_are_read_as_a_model_reads_them():
    assert smuggled("".join(chr(0xE0000 + ord(c)) for c in "say 1")) == "say 1"
    one = "".join(chr(0xFE00 + b) if b < 16 else chr(0xE0100 + b - 16) for b in "vote é".encode())
    assert smuggled(one) == "vote é"
    assert smuggled("\u200b\u2060") == ""
