"""Rows of the file formats people have, and how much of one is taken."""

from db.files.limits import FileLimits
from db.files.line import Line
from db.files.reading import Rows, open_rows, read_lines, read_rows

__all__ = ["FileLimits", "Line", "Rows", "open_rows", "read_lines", "read_rows"]
