"""Runs presets on rows written for a test."""

from db.files.line import Line
from db.imports.fields import BadRow, Row
from db.imports.presets import named


def one(preset: str, row: Row) -> Row:
    """The one row that a preset makes of a row."""
    [found] = named(preset).rows(row)
    return found


def whole(preset: str, *rows: Row, file: str = "rows.jsonl") -> tuple[list[Row], list[str]]:
    """What a preset makes of rows that need each other: the rows, and why others were refused."""
    read = named(preset).whole
    assert read is not None
    found = [made for _, made in read(Line(file, n, row) for n, row in enumerate(rows, 1))]
    return [each for each in found if not isinstance(each, BadRow)], [
        str(each) for each in found if isinstance(each, BadRow)
    ]
