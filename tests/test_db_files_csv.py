"""CSV and TSV as people save them: separators, encodings, and lists written into cells."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import BadInput
from db.files import open_rows, read_lines, read_rows
from db.files.cells import BadCell, cell
from db.files.literals import NoLiteral, literal

TALK = [
    {"role": "user", "content": 'it\'s\n"so" \\ [1]'},
    {"role": "assistant", "content": 'ü 🙂 "yes"'},
]


def saved(path: Path, text: str, encoding: str = "utf-8") -> tuple[list[dict[str, Any]], list[str]]:
    """The rows and the notes of a table that was saved so."""
    path.write_bytes(text.encode(encoding))
    rows = open_rows(path)
    lines = list(rows.lines)
    assert [line.problem for line in lines if line.problem] == []
    return [line.row for line in lines], [note.split(": ", 1)[1] for note in rows.notes]


def test_columns_whose_cells_are_lists_are_named(tmp_path: Path) -> None:
    rows, notes = saved(tmp_path / "r.csv", "prompt,chosen\nhi,\"['a', 'b']\"\n[1] see,c\n")
    assert rows == [{"prompt": "hi", "chosen": ["a", "b"]}, {"prompt": "[1] see", "chosen": "c"}]
    assert notes == ["lists or objects in column 'chosen' are read as such"]


@pytest.mark.parametrize("name", ["r.csv", "r.tsv"])
@pytest.mark.parametrize(
    ("mark", "told"),
    [(",", []), (";", ["separator ;"]), ("\t", ["separator tab"]), ("|", ["separator |"])],
)
def test_the_separator_is_told_by_header_and_rows(
    tmp_path: Path, name: str, mark: str, told: list[str]
) -> None:
    table = [["prompt", "chosen"], ["a, b; c | d\te", "x;y,z\n1,2"], ['say "it"', "4,5;6"]]
    held = io.StringIO()
    csv.writer(held, delimiter=mark).writerows(table)
    expected = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
    assert saved(tmp_path / name, held.getvalue()) == (expected, told)
    assert saved(tmp_path / name, f"sep={mark}\r\n{held.getvalue()}")[0] == expected


def test_a_header_that_two_separators_divide_is_decided_by_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    assert saved(path, "prompt, long;chosen\na;b\n")[0] == [{"prompt, long": "a", "chosen": "b"}]
    with pytest.raises(BadInput, match=r"may separate its columns by ',' or ';'; put quotes"):
        saved(path, "a,b;c\n1,2;3\n")
    assert saved(path, 'a,"b;c"\n1,2;3\n')[0] == [{"a": "1", "b;c": "2;3"}]


def test_quotes_in_a_tsv_that_quotes_nothing_are_letters(tmp_path: Path) -> None:
    rows, notes = saved(tmp_path / "r.tsv", 'prompt\tchosen\n"Hi" he said\t"\n5" wide\ttall\n')
    assert rows == [
        {"prompt": '"Hi" he said', "chosen": '"'},
        {"prompt": '5" wide', "chosen": "tall"},
    ]
    assert notes == ["separator tab, quotes are letters"]


def test_names_of_columns_lose_marks_and_spaces_and_a_nameless_one_gets_its_place(
    tmp_path: Path,
) -> None:
    text = "\ufeff, prompt ,chosen\xa0\n0,a,b\n"
    assert saved(tmp_path / "r.csv", text)[0] == [{"column 1": "0", "prompt": "a", "chosen": "b"}]
    with pytest.raises(BadInput, match="names a column twice: 'a'"):
        saved(tmp_path / "r.csv", "a, a\n1,2\n")


WESTERN = {
    "French": "Où est le café préféré à Noël ? Le Procope – « célèbre », 5 €",
    "German": "Welche Straße führt über die Brücke? „Schöne Königsallee“",
    "Spanish": "¿Cuál es la capital de España? Mañana, señor: el 1º",
    "English": "What’s “this”? It’s a test—really… 20 °C",
    "Danish": "Hvad hedder øen? Ærø, på dansk så smuk",
    "Portuguese": "Não há ações à venda, você não vê?",
}
OTHERS = {
    ("cp1250", "Polish"): "Największe miasto to Łódź, gdzie żyją ludzie",
    ("cp1250", "Czech"): "Příliš žluťoučký kůň úpěl ďábelské ódy",
    ("cp1250", "Hungarian"): "Erdős hegyű őszi tűz, szép és jó",
    ("cp1251", "Russian"): "Москва это столица",
    ("cp1253", "Greek"): "Η Αθήνα είναι η πρωτεύουσα",
    ("cp1254", "Turkish"): "Ankara şehri ığdır, başkenti",
    ("shift_jis", "Japanese"): "日本の首都はどこですか",
    ("gb18030", "Chinese"): "中国的首都是哪里",
    ("mac_roman", "French"): "Où est le café préféré à Noël",
    ("cp850", "German"): "Welche Straße führt über die schöne Brücke",
}


@pytest.mark.parametrize("language", WESTERN)
def test_cp1252_is_read_and_said_where_it_fits(tmp_path: Path, language: str) -> None:
    text = f"prompt;chosen\n{WESTERN[language]};yes\n"
    rows, notes = saved(tmp_path / "r.csv", text, "cp1252")
    assert rows == [{"prompt": WESTERN[language], "chosen": "yes"}]
    assert notes == ["read as cp1252, for it is no UTF-8", "separator ;"]


@pytest.mark.parametrize(("encoding", "language"), OTHERS)
def test_what_other_encodings_hold_is_never_taken_for_cp1252(
    tmp_path: Path, encoding: str, language: str
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(f"prompt,chosen\nplain,row\n{OTHERS[encoding, language]},x\n".encode(encoding))
    rows = open_rows(path)
    lines = list(rows.lines)
    assert [line.row for line in lines] == [{"prompt": "plain", "chosen": "row"}, {}]
    assert rows.notes == ["r.csv: rows that are no UTF-8 are rejected"]
    problem = str(lines[1].problem)
    assert "which is no UTF-8; save the file as UTF-8" in problem or "values where the" in problem


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_unicode_with_or_without_its_mark_is_read(tmp_path: Path, encoding: str) -> None:
    rows, notes = saved(tmp_path / "r.csv", "prompt\tchosen\nünï 🙂\t日本\n", encoding)
    assert rows == [{"prompt": "ünï 🙂", "chosen": "日本"}]
    assert notes == (["read as UTF-16"] if "16" in encoding else []) + ["separator tab"]


READ = {
    '["Name a prime.", "And a larger one?"]': ["Name a prime.", "And a larger one?"],
    '[ "one" ]': ["one"],
    '["said", null]': ["said", None],
    "['a', \"it's\", 'ü\\n\\x41']": ["a", "it's", "ü\nA"],
    "['a' 'b'\n 'c']": ["a", "b", "c"],
    "array(['a', 'b'], dtype=object)": "array(['a', 'b'], dtype=object)",
    "[array(['a', 'b'], dtype=object), array(['c'], dtype='<U1')]": [["a", "b"], ["c"]],
    '{"role": "user", "content": "hi"}': {"role": "user", "content": "hi"},
    "{'role': 'user', 'content': None, 'tool_calls': [{'id': 1}]}": {
        "role": "user", "content": None, "tool_calls": [{"id": 1}],
    },
    "[{'from': 'human', 'value': 'hi'}]": [{"from": "human", "value": "hi"}],
    "[['a', 'b'], ['c']]": [["a", "b"], ["c"]],
    json.dumps(TALK): TALK,
    repr(TALK): TALK,
    str(np.array(TALK)): TALK,
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_list_of_texts_or_messages_in_a_cell_is_read_as_one(text: str) -> None:
    assert cell("output_1", text) == READ[text]


@pytest.mark.parametrize(
    "text",
    [
        "[INST] Go on [/INST]", "[1] see there [2]", "[1, 2]", "[]", "{}", "[x for x in y]", "[",
        "{",
        '["a"] is a list', "['a', 'b'].sort()", '{"name": "Bob"}', '{"name": ', "[[1, 2], [3]]",
        "[source: the Times]", "[’quoted’]", '[{"name": "Bob"}]', "{curly} text", "[[wiki]] link",
    ],
)  # fmt: skip
def test_a_text_that_merely_begins_with_a_bracket_stays_a_text(text: str) -> None:
    assert cell("prompt", text) == text
    assert cell("chosen", f"  {text}\n") == f"  {text}\n"


@pytest.mark.parametrize(
    "text",
    [
        "['a' ... 'b']", '["a", "b', "[{'role': 'user', 'content': 'cut", "['it's']",
        "['a', Obj()]",
        '[{"role": "user" "content": 1}]', "{'role': 'user', 'content': <b>}", '["a", b"c"]',
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_refused_and_costs_its_row_alone(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(BadCell, match=r"column 'prompt' holds a list .* cannot be read \(.*JSON"):
        cell("prompt", text)
    pd.DataFrame({"prompt": ["a", text, "b"], "n": 1}).to_csv(tmp_path / "r.csv")
    lines = list(read_lines(tmp_path / "r.csv"))
    assert [line.row.get("prompt") for line in lines] == ["a", None, "b"]
    assert not any(line.problem for line in open_rows(tmp_path / "r.csv", ignore=["prompt"]).lines)


def test_columns_that_never_hold_texts_are_read_whatever_their_lists_hold() -> None:
    assert cell("ranking", '[["r1", "r2"], "r3"]') == [["r1", "r2"], "r3"]
    assert cell("expected", '{"kind": "exact"}') == {"kind": "exact"}
    assert cell("labels", "[True False\n True]") == [True, False, True]
    assert cell("scores", "[1.5, nan]") == [1.5, None]
    assert cell("tools", "[]") == []
    with pytest.raises(BadCell):
        cell("labels", "[1, 2")


def test_what_pandas_writes_of_lists_and_arrays_comes_back(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "prompt": [TALK, TALK[:1]],
            "chosen": [np.array(TALK, dtype=object), np.array(["x"] * 40, dtype=object)],
            "n": [18.0, None],
        }
    )
    frame.to_csv(tmp_path / "r.csv", index=False)
    assert list(read_rows(tmp_path / "r.csv")) == [
        {"prompt": TALK, "chosen": TALK, "n": "18.0"},
        {"prompt": TALK[:1], "chosen": ["x"] * 40},
    ]


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize("piece", ["[", "[ ", "['a' ", "{'a':", "1", "'\\\\", " ", "array(", "[[1"])
def test_a_long_cell_takes_no_longer_than_its_letters(piece: str) -> None:
    text = "['" + piece * (200_000 // len(piece)) + "x"
    for odd in (text, text[2:], "[" + text[2:], "[array(" + text[2:]):
        with suppress(BadCell):
            assert cell("prompt", odd) == odd


@given(LITERALS)
def test_what_python_prints_is_read_back(value: Any) -> None:
    printed = repr(value)
    if "inf" not in printed:
        assert literal(printed) == (value, len(printed))


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_what_numpy_prints_is_read_back(texts: list[str]) -> None:
    assert cell("prompt", str(np.array(texts, dtype=object))) == texts


@given(st.text(alphabet="[]{}()'\",:\\ \n\tabx01.-NTFnaru", max_size=40))
def test_reading_a_literal_ends_in_a_value_or_a_sentence(text: str) -> None:
    with suppress(NoLiteral):
        _, end = literal(text)
        assert 0 < end <= len(text)


@given(
    st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=4),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_text_survives_a_table(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], mark: str, encoding: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "r.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=mark, quoting=csv.QUOTE_ALL)
        writer.writerows([("prompt", "note"), *texts])
    found = list(read_rows(path))
    assert found == [{k: v for k, v in zip(("prompt", "note"), t, strict=True) if v} for t in texts]
