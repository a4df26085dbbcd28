"""Whole or not at all, and by one process at a time."""

import os
import stat
from pathlib import Path

import pytest

from db.errors import BadInput, Conflict
from db.whole import own_folder, publish, sole_writer, whole_file, write_whole


def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    goal = tmp_path / "deep" / "page.html"
    write_whole(goal, "old")
    goal.chmod(0o600)

    def interrupted() -> None:
        with whole_file(goal) as stream:
            stream.write("half")
            stream.flush()
            assert goal.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in goal.parent.iterdir()] == ["page.html"]
    write_whole(goal, "new")
    assert goal.read_text() == "new"
    assert stat.S_IMODE(goal.stat().st_mode) == 0o600


def test_of_two_at_once_the_last_one_whole_stands(tmp_path: Path) -> None:
    goal = tmp_path / "rows.jsonl"
    with whole_file(goal) as first:
        first.write("first\n")
        with whole_file(goal) as second:
            second.write("second\n")
        assert goal.read_text() == "second\n"
        first.write("and more\n")
    assert goal.read_text() == "first\nand more\n"


def test_a_link_stays_one_and_a_device_is_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "x"
    write_whole(Path(os.devnull), "x")
    assert not Path(os.devnull).is_file()
    with pytest.raises(BadInput, match="is a folder; name a file in a folder"):
        write_whole(tmp_path, "x")


def test_one_process_writes_and_the_others_are_told(tmp_path: Path) -> None:
    goal = tmp_path / "set[1]"
    told = pytest.raises(Conflict, match="dataset 's' is being written by another process; wait")
    with sole_writer(goal, "dataset 's'"), told, sole_writer(goal, "dataset 's'"):
        pass
    with sole_writer(goal, "dataset 's'"), sole_writer(tmp_path / "other", "another"):
        pass
    assert list(tmp_path.iterdir()) == []  # no lock is left behind


def test_what_killed_writers_left_goes_and_what_is_published_stays(tmp_path: Path) -> None:
    goal = tmp_path / "set"
    (tmp_path / ".set.1-ab.partial").mkdir()
    (tmp_path / ".sets.1-ab.partial").mkdir()
    with own_folder(goal) as place:
        (place / "data").mkdir()
        (place / "data" / "file").write_text("x")
        publish(place, goal)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".sets.1-ab.partial", "set"]
    with own_folder(goal) as place:
        (place / "file").write_text("y")
        with pytest.raises(Conflict, match="is there already; name a new folder"):
            publish(place, goal)
    assert (goal / "data" / "file").read_text() == "x"
