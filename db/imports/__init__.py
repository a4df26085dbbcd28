"""Import: rows of files become prompts, candidates, pairs, votes, labels, gold and rankings."""

from db.files import read_rows
from db.imports.importer import Imported, import_files
from db.imports.options import ImportOptions, Kind

__all__ = ["ImportOptions", "Imported", "Kind", "import_files", "read_rows"]
