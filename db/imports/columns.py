"""The columns of a file: their names, which of them were read, and what those look like that were
not. Pure.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from db.imports.fields import Row

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_LOOKS = {
    "an answer": (
        "answer answers response responses completion completions output outputs generation "
        "generations reply replies chosen rejected winner choice label labels preference "
        "preferences preferred vote votes verdict judgment judgement rank ranks ranking rating "
        "ratings score scores better worse best win wins won tie ties pick picked selected "
        "comparison comparisons annotation annotations"
    ),
    "an annotator": (
        "annotator annotators rater raters rated reviewer reviewers worker workers judge judges "
        "judged labeler labelers labeller labellers labeling labelling labeled labelled grader "
        "graders graded evaluator evaluators evaluated annotated"
    ),
    "a system prompt": "system developer instruction instructions persona",
    "a history": (
        "history conversation conversations messages turns dialogue dialog chat transcript context"
    ),
    "tools": "tool tools function functions",
    "an id": "id ids uid uuid guid qid",
}
_WORDS = {word: what for what, words in _LOOKS.items() for word in words.split()}
_LATIN = re.compile(r"[A-Za-z]")
_ID = re.compile(r"-?\d+\.0+")


def looks_like(column: str) -> str | None:
    """What a column looks like by its name that no import may lose; None for any other.

    A name without a Latin letter tells nothing, so it may be any of them.
    """
    words = [part.lower() for part in _PART.findall(column)]
    if not _LATIN.search(column) and any(letter.isalpha() for letter in column):
        return "a name in a script that is not read"
    return next((_WORDS[word] for word in words if word in _WORDS), None)


def is_empty(value: Any) -> bool:
    """Whether a value says nothing."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def whole_id(value: Any) -> Any:
    """A whole number that a table wrote as 18.0, as 18."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value.partition(".")[0]
    return value


class Names:
    """Reads the names of columns without regard to case, or to spaces around them; spaces and
    hyphens are `_`.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {name: name for name in known}
        self._folded = {_folded(name): name for name in self._known}
        self.read_as: dict[str, str] = {}

    def of(self, row: Row) -> Row:
        """The row under the names that are known; itself where they are. Two never become one."""
        odd = [name for name in row if name not in self._known]
        found: Row | None = None
        for name in odd:
            meant = self._folded.get(_folded(name))
            if meant is not None and meant not in row and meant not in (found or ()):
                found = found or dict(row)
                found[meant] = found.pop(name)
                self.read_as[name] = meant
        return row if found is None else found


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def listed(columns: Collection[str], most: int = 20) -> str:
    """Columns as a sentence names them."""
    shown = ", ".join(list(columns)[:most])
    return shown + (", ..." if len(columns) > most else "")
