"""What a column that names the better response says, by one stated table. Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from db.imports.fields import BadRow, Row
from db.imports.presets.cells import score_of
from db.imports.ratings import better

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

    The name of one of the row's two models is a word, too. Raises BadRow for a word that is not
    known, and for columns that disagree.
    """
    said = {name: _word(name, row) for name in VERDICTS if row.get(name) not in (None, "")}
    if (flagged := _one_hot(row)) is not None:
        said["winner_model_a"] = flagged
    found = list(said.values())
    if any(each != found[0] for each in found):
        names = " and ".join(said)
        raise BadRow({name: row[name] for name in said}, f"{names} do not say the same")
    return dict(found[0]) if found else None


def require_agreeing(choice: str, row: Row) -> None:
    """Raise BadRow where a row chooses the response to which it gives the lower score."""
    score_a, score_b = score_of(row, "score_a"), score_of(row, "score_b")
    if {choice, higher := better(score_a, score_b).value} == {"a", "b"}:
        raise BadRow(
            [score_a, score_b],
            f"{choice} is chosen, and score_a and score_b say {higher}; leave one of them out",
        )


def coded(rows: Iterable[Row], known: Collection[str] = ()) -> str | None:
    """A verdict column of these rows, none of the `known`, that holds 0 or 1 and no 2.

    It may count from 0 or from 1, so that what 1 means is not known.
    """
    for name, words in _words(rows).items():
        if name not in known and words & {"0", "1"} and "2" not in words:
            return name
    return None


def counted(rows: Iterable[Row]) -> frozenset[str]:
    """The verdict columns of these rows that hold a 2, so that 1 is the first response."""
    return frozenset(name for name, words in _words(rows).items() if "2" in words)


def _words(rows: Iterable[Row]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        for name in VERDICTS:
            if row.get(name) not in (None, ""):
                found.setdefault(name, set()).add(_spelled(row[name]))
    return found


def _word(name: str, row: Row) -> Row:
    value = row[name]
    word = None if isinstance(value, bool | list | dict) else _spelled(value)
    meant = [WORDS[word]] if word in WORDS else []
    meant += [{"choice": side} for side in "ab" if value == row.get(f"model_{side}")]
    if not meant:
        raise BadRow(value, f"{name} is {value!r:.80}; it must be one of {', '.join(WORDS)}")
    if any(each != meant[0] for each in meant):
        raise BadRow(value, f"{name} is {value!r:.80}, which may mean either response; say a or b")
    return meant[0]


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
