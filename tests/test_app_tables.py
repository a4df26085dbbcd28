"""Tables as a person sees them in a narrow terminal: names whole, no line ending inside a word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from app.harmless import harmless
from app.output import say, table
from app.tables import lines

WORD = st.text("abcXYZ019-/.:%é", min_size=1, max_size=26)
CELL = st.one_of(
    st.just(""),
    WORD,
    st.lists(WORD, min_size=2, max_size=16).map(" ".join),
    st.sampled_from(["0.726 [0.54, 0.88]", "50.0% (a single prompt)", "[/bold]", "[train]"]),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    count = draw(st.integers(1, 7))
    names = draw(st.lists(WORD, min_size=count, max_size=count))
    row = st.lists(CELL, min_size=count, max_size=count)
    return names, draw(st.lists(row, min_size=1, max_size=3))


@settings(deadline=None)
@given(tables(), st.sampled_from([80, 120]))
def test_every_word_of_every_cell_stands_unbroken_on_one_line(
    made: tuple[list[str], list[list[str]]], width: int
) -> None:
    names, rows = made
    drawn = lines(names, rows, width)
    assert all(cell_len(line) <= width for line in drawn)
    words = {word for line in drawn for word in line.split()}
    # A record writes `column: value`.
    words |= {word.removesuffix(":") for word in words}
    assert {word for row in rows for cell in row for word in cell.split()} <= words
    told = [name for i, name in enumerate(names) if any(row[i] for row in rows)]
    assert {word for name in told for word in name.split()} <= words


@settings(deadline=None)
@given(tables())
def test_short_names_are_never_on_two_lines(made: tuple[list[str], list[list[str]]]) -> None:
    names, rows = made
    drawn = lines(names, rows, 80)
    for first in (row[0] for row in rows if len(row[0]) <= 30):
        assert any(" ".join(first.split()) in line for line in drawn)


def test_what_fits_stands_side_by_side() -> None:
    assert lines(["who", "n"], [["panel", "3"], ["claude-haiku-4-5-20251001", "12"]], 80) == [
        "who                         n",
        "─────────────────────────  ──",
        "panel                       3",
        "claude-haiku-4-5-20251001  12",
    ]


def test_an_interval_goes_below_its_figure_before_a_name_is_broken() -> None:
    row = ["judge claude-haiku-4-5-20251001", "0.726 [0.54, 0.88]"]
    assert lines(["rater", "accuracy"], [row], 45) == [
        "rater                                accuracy",
        "───────────────────────────────  ────────────",
        "judge claude-haiku-4-5-20251001         0.726",
        "                                 [0.54, 0.88]",
    ]


def test_what_does_not_fit_becomes_records() -> None:
    said = "at most 3% of the 1,204 accepted labels are wrong, with 90% confidence, for domain law"
    row = ["7", "withdrawn", "3.0%", "1,204/1,300", said]
    assert lines(["id", "standing", "target", "accepted", "in words"], [row], 60) == [
        "id: 7",
        "  standing: withdrawn   target: 3.0%   accepted: 1,204/1,300",
        "  in words: at most 3% of the 1,204 accepted labels are",
        "    wrong, with 90% confidence, for domain law",
    ]


def test_a_column_without_a_word_is_left_out() -> None:
    assert lines(["judge", ""], [["one", ""], ["two", ""]], 80) == ["judge", "─────", "one", "two"]


def test_brackets_are_text_and_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = "pip install 'tiebreak[train]' [bold]loud[/bold] :warning:"
    table("Doctor [red]", ["check", "found"], [["extra [train]", found]])
    say("a name with [brackets] and [/red]")
    said = capsys.readouterr().out
    assert found in said
    assert "Doctor [red]" in said
    assert "extra [train]" in said
    assert "a name with [brackets] and [/red]" in said


@pytest.mark.parametrize("width", [20, 80])
def test_words_of_others_command_no_terminal(width: int) -> None:
    """A judge's name or rationale that clears the screen, rings, or turns the line around."""
    hostile = ["\x1b[2J\x1b]0;mine\x07", "a\x00b", "c\x9b31m", "right\u202etfel", "half \ud800"]
    drawn = lines(["who", "why"], [[one, one] for one in hostile], width)
    assert not {sign for line in drawn for sign in line} & set("\x1b\x07\x00\x9b\u202e\ud800")
    assert harmless("one\r\ntwo\tthree \r four") == "one\r\ntwo\tthree \\r four"
    assert harmless("日本語 👩‍👧 ‏שלום") == "日本語 👩‍👧 ‏שלום"


def test_a_table_of_nothing_has_no_lines() -> None:
    assert lines([], [], 80) == []
    assert lines(["", ""], [["", ""]], 80) == []
    assert lines(["who", "n"], [], 80) == ["who  n", "───  ─"]
