"""What a column that names the better response says, by one stated table. Pure."""

from typing import Any

from db.imports.fields import BadRow, Row

VERDICTS = ("choice", "winner", "label", "preference", "preferred", "verdict")
"""Columns that name the better response; several of a row must agree."""
ONE_HOT = {"winner_model_a": "a", "winner_model_b": "b", "winner_tie": "tie"}
"""Columns of which exactly one is 1."""

_SAID = {
    "a": "a, model_a, response_a, 1, first, left",
    "b": "b, model_b, response_b, 2, second, right",
    "tie": "tie, 0, draw, equal, same",
    "both bad": "both_bad, bothbad, tie (bothbad), tie (both bad), neither",
    "abstain": "abstain",
}
WORDS: dict[str, Row] = {
    word: {"choice": "tie", "both_bad": True} if choice == "both bad" else {"choice": choice}
    for choice, words in _SAID.items()
    for word in words.split(", ")
}
"""Case and spaces aside; a number may be a text or a whole float."""


def verdict(row: Row) -> Row | None:
    """`choice`, and `both_bad` where it is said; None where no column names the better response.

    Raises BadRow for a word that is not known, and for columns that disagree.
    """
    said = {name: _word(name, row[name]) for name in VERDICTS if row.get(name) not in (None, "")}
    if (flagged := _one_hot(row)) is not None:
        said["winner_model_a"] = flagged
    found = list(said.values())
    if any(each != found[0] for each in found):
        names = " and ".join(said)
        raise BadRow({name: row[name] for name in said}, f"{names} do not say the same")
    return dict(found[0]) if found else None


def coded(rows: list[Row]) -> str | None:
    """A verdict column of these rows that holds 0 and 1 and no 2: what 1 means is not known."""
    for name in VERDICTS:
        words = {_spelled(row[name]) for row in rows if row.get(name) not in (None, "")}
        if "0" in words and words <= {"0", "1"}:
            return name
    return None


def _word(name: str, value: Any) -> Row:
    word = None if isinstance(value, bool | list | dict) else _spelled(value)
    if word not in WORDS:
        raise BadRow(value, f"{name} is {value!r:.80}; it must be one of {', '.join(WORDS)}")
    return WORDS[word]


def _spelled(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = str(value).strip().lower()
    return word.removesuffix(".0") if word[:1].isdigit() else word


def _one_hot(row: Row) -> Row | None:
    there = {name: row[name] for name in ONE_HOT if row.get(name) not in (None, "")}
    if not there:
        return None
    won = [name for name, value in there.items() if _spelled(value) in ("1", "true")]
    if len(won) != 1 or any(_spelled(v) not in ("0", "1", "true", "false") for v in there.values()):
        raise BadRow(there, f"exactly one of {', '.join(ONE_HOT)} must be 1, the others 0")
    return {"choice": ONE_HOT[won[0]]}
