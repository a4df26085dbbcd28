"""Import: rows of files become prompts, candidates, pairs, votes, labels, gold and rankings."""

from db.files import read_rows
from db.imports.importer import Imported, ImportOptions, Kind, import_files

__all__ = ["ImportOptions", "Imported", "Kind", "import_files", "read_rows"]
