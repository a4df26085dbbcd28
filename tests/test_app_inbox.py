"""The inbox: whatever lies in it, what is good is taken; the rest is set aside with its reason."""

from pathlib import Path

import pytest
from campaign.odd_files import outcomes
from import_worlds import pair, write

from app.pipeline.inbox import Taken, arrived, take_in, waiting
from db.errors import BadInput
from db.files import FileLimits
from db.imports import ImportOptions
from db.session import Database

SMALL = FileLimits(longest_row=20_000, largest_unpacked=30_000, most_rejected=50)
REFUSED = {
    "quote-in-header.csv": "begins with no header of CSV",
    "unclosed-header.csv": "begins with no header of CSV",
    "long-header.csv": "has more than 20,000 letters",
    "column-twice.csv": "names a column twice: 'prompt'",
    "bomb-of-one-line.jsonl.gz": "holds more than 30,000 letters unpacked",
    "bomb-of-lines.jsonl.gz": "holds more than 30,000 letters unpacked",
    "bomb-of-blank-lines.jsonl.gz": "holds more than 30,000 letters unpacked",
    "bomb-of-one-cell.csv.gz": "holds more than 30,000 letters unpacked",
    "bomb-of-one-value.parquet": "holds more than 30,000 letters unpacked",
    "bomb-of-rows.parquet": "holds more than 30,000 letters unpacked",
    "gzip-in-gzip.jsonl.gz": "is packed twice",
    "far-duration.parquet": "column 'odd' of type duration",
    "no-such-zone.parquet": "Mars/Olympus",
    "no-utf8.arrow": "column 'odd' of type string cannot be read",
    "link.jsonl": "it is a link, which is not followed",
    "link-to-nowhere.jsonl": "it is a link, which is not followed",
    "pipe.jsonl": "it is no regular file",
    "folder.jsonl": "it is a folder",
}
TAKEN = (  # with their bad rows aside
    *("list-first.jsonl", "number-first.jsonl", "deep.jsonl", "deep-but-read.jsonl"),
    *("many-digits.jsonl", "half-a-sign.jsonl", "no-utf8.jsonl", "escapes.jsonl"),
    *("utf-16.jsonl", "utf-16-unmarked.jsonl", "utf-32.jsonl", "utf-32-unmarked.jsonl"),
    *("one-list.jsonl", "zip.jsonl", "bzip2.jsonl", "semicolons.csv", "utf-16.csv"),
    *("quote-in-row.csv", "crooked.csv", "unclosed-row.csv"),
    *("no-utf8.parquet", "far-date.parquet", "far-time.parquet"),
)


def taken(database: Database, inbox: Path) -> Taken:
    return take_in(database, inbox, None, lambda _: None, lambda _: ImportOptions())


def test_fifty_odd_files_cost_nobody_but_themselves(tmp_path: Path) -> None:
    found = {
        one.name.removeprefix("pairs-"): one.refused for one in outcomes(tmp_path, 200_000, SMALL)
    }
    assert len(found) >= 50
    for name, reason in REFUSED.items():
        assert reason in str(found[name]), name
    assert [name for name in TAKEN if found[name] is not None] == []
    refused = tmp_path / "inbox" / "refused"
    for name, reason in found.items():
        if reason is not None and name.isprintable() and len(name) < 100:
            assert (refused / f"pairs-{name}.reason.txt").read_text("utf-8") == f"{reason}\n"
    rejects = [p.read_text("utf-8") for p in tmp_path.rglob("*.rejects.jsonl")]
    assert not any("root:x" in text for text in rejects)  # what the link points to


def test_a_link_moves_itself_and_not_what_it_points_to(database: Database, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    target = write(tmp_path / "elsewhere.jsonl", [pair("p1")])
    (inbox / "pairs.jsonl").symlink_to(target)
    assert list(waiting(database, arrived(inbox), lambda _: ImportOptions())) == []
    assert "pairs.jsonl" in taken(database, inbox).refused
    assert target.is_file()
    assert (inbox / "refused" / "pairs.jsonl").is_symlink()
    for own in ("done", "refused"):
        folder = tmp_path / own
        (folder / own).parent.mkdir(exist_ok=True)
        (folder / own).symlink_to(tmp_path)
        write(folder / "pairs.jsonl", [pair("p1")] if own == "done" else [{}])
        with pytest.raises(BadInput, match="is a link; put a folder in its place"):
            taken(database, folder)


def test_two_files_of_one_name_lie_beside_one_another(database: Database, tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "pairs.csv").write_text('"a"b\n')
        assert taken(database, tmp_path).refused
    names = {path.name for path in (tmp_path / "refused").iterdir()}
    assert names == {
        *("pairs.csv", "pairs.csv.reason.txt", "2-pairs.csv", "2-pairs.csv.reason.txt"),
    }


def test_a_folder_that_says_no_kind_is_somebodys_own(database: Database, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert taken(database, tmp_path).line == "nothing arrived"
    assert (tmp_path / "notes").is_dir()
