"""Files go in: bad rows are kept aside, a kill loses nothing, and memory stays flat."""

import json
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import import_worlds as worlds
import pytest
from import_worlds import rejected, stored_pairs, stored_votes, take, write

from db.errors import BadInput
from db.imports import ImportOptions, Kind, import_files, importer
from db.session import Database
from db.status import status

MIXED = [
    worlds.pair("one"),
    {"pair_id": "two", "prompt": "Q?", "response_a": "x"},
    worlds.pair("three", a="nul\x00"),
    worlds.pair("four", a="half \ud83d of a pair"),
    worlds.pair("five", domain="d" * 101),
    worlds.pair("six", a="z", expected={"kind": "exact", "value": float("inf")}),
    worlds.pair("last", a="ok"),
]


def test_bad_rows_are_kept_aside_with_file_line_value_and_reason(
    any_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "p.jsonl"
    done = take(any_database, "pairs", file, MIXED)
    assert (done.rows, done.counts["new"], done.rejected) == (7, 2, 5)
    assert [b for _, a, b in stored_pairs(any_database)] == ["second", "second"]
    found = rejected(file)
    assert [(row["file"], row["line"], row["value"]) for row in found[:3]] == [
        (str(file), 2, None),
        (str(file), 3, "nul\x00"),
        (str(file), 4, "half \ud83d of a pair"),
    ]
    assert [row["reason"].split(";")[0].split(" (")[0] for row in found] == [
        "response_b is missing",
        "response_a holds a NUL character, which no database stores",
        r"response_a holds '\ud83d', which is no Unicode text",
        f"domain is '{'d' * 76}...",
        "expected cannot be kept as JSON",
    ]
    assert found[1]["row"] == MIXED[2]
    assert done.summary == (
        f"pairs: 7 rows read: 2 new; 5 rejected, see {file}.rejects.jsonl "
        "(first: line 2: response_b is missing; it must be a text or a list of messages)"
    )


def test_strict_stores_nothing_of_a_file_with_a_bad_row(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "_ROWS", 2)
    good = [worlds.pair(str(i), a=str(i)) for i in range(5)]
    file = write(tmp_path / "p.jsonl", [*good, MIXED[1]])
    with pytest.raises(BadInput, match=r"p.jsonl line 6: response_b is missing.*\(--strict\)$"):
        take(any_database, "pairs", file, strict=True)
    assert stored_pairs(any_database) == []
    assert not Path(f"{file}.rejects.jsonl").exists()
    write(file, good)
    assert take(any_database, "pairs", file, strict=True).counts["new"] == 5


def test_strict_refuses_what_only_the_database_knows_to_be_wrong(
    any_database: Database, tmp_path: Path
) -> None:
    file = write(tmp_path / "v.jsonl", [worlds.vote("nobody")])
    with pytest.raises(BadInput, match="line 1: pair_id 'nobody' is not known; import the pairs"):
        take(any_database, "votes", file, strict=True)


def test_rejects_go_to_the_current_folder_or_where_they_are_told(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files = [write(tmp_path / "in" / name, MIXED[1:2]) for name in ("a.jsonl", "b.jsonl")]
    done = import_files(database, Kind.PAIRS, [*files, tmp_path / "in" / "a.jsonl"])
    assert done.reject_files == ["a.jsonl.rejects.jsonl", "b.jsonl.rejects.jsonl"]
    assert len(Path("a.jsonl.rejects.jsonl").read_text().splitlines()) == 2
    told = ImportOptions(rejects=tmp_path / "all.jsonl")
    assert import_files(database, Kind.PAIRS, files, told).rejected == 2
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 2
    nowhere = ImportOptions(rejects=tmp_path / "no" / "such.jsonl")
    with pytest.raises(BadInput, match=r"such.jsonl' cannot be written .*with --rejects"):
        import_files(database, Kind.PAIRS, files, nowhere)


def test_a_corrected_reject_file_can_be_imported(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    take(database, "pairs", file, MIXED)
    again = [{**row["row"], "response_b": "now here"} for row in rejected(file)[:1]]
    assert take(database, "pairs", tmp_path / "again.jsonl", again).counts["new"] == 1


def test_a_kill_in_the_middle_loses_nothing_and_doubles_nothing(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after storing the third of five portions, before it is committed."""
    monkeypatch.setattr(importer, "_ROWS", 10)
    take(any_database, "pairs", tmp_path / "p.jsonl", [worlds.pair("one")])
    rows = [worlds.vote("one", "ab"[i % 2]) for i in range(50)]
    file = write(tmp_path / "v.jsonl", rows)
    stored = importer.store
    calls: list[int] = []

    def killed(*args: Any) -> Any:
        calls.append(1)
        result = stored(*args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(importer, "store", killed)
    with pytest.raises(KeyboardInterrupt):
        take(any_database, "votes", file)
    assert len(stored_votes(any_database)) == 20
    done = take(any_database, "votes", file)
    assert (done.counts["new"], done.counts["known already"]) == (30, 20)
    assert sorted(v[2] for v in stored_votes(any_database)) == list(range(1, 51))


def test_a_truncated_file_keeps_whole_portions_and_the_rest_comes_with_the_repaired_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "_ROWS", 500)
    rows = [worlds.pair(str(i), a=f"{i} {i * 2654435761 % 2**32}") for i in range(2_000)]
    file = write(tmp_path / "p.jsonl.gz", rows)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="cannot be read after row"):
        take(database, "pairs", file)
    held = len(stored_pairs(database))
    assert 0 < held < 2_000
    file.write_bytes(whole)
    done = take(database, "pairs", file)
    assert (done.counts["new"], done.counts["duplicates"]) == (2_000 - held, held)


def test_two_imports_of_one_file_at_once_store_it_once(
    any_database: Database, tmp_path: Path
) -> None:
    rows = [worlds.pair(str(i), f"P{i % 40}?", a=f"a{i}") for i in range(400)]
    pairs = write(tmp_path / "p.jsonl", rows)
    # The other goes through the same content backwards, which is how writers lock each other out.
    backwards = write(tmp_path / "q.jsonl", rows[::-1])
    votes = write(tmp_path / "v.jsonl", [worlds.vote(str(i % 400)) for i in range(800)])
    for kind, files in (("pairs", [pairs, backwards, pairs]), ("votes", [votes, votes, votes])):
        errors: list[BaseException] = []

        def work(kind: str, file: Path, errors: list[BaseException]) -> None:
            own = Database(any_database.url)
            try:
                take(own, kind, file)
            except BaseException as error:
                errors.append(error)
            finally:
                own.dispose()

        threads = [threading.Thread(target=work, args=(kind, file, errors)) for file in files]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
    with any_database.read() as session:
        counts = status(session)
    assert (counts["prompts"], counts["pairs"], counts["votes"]) == (40, 400, 800)


def test_one_prompt_with_many_responses_is_stored_in_parts(
    database: Database, tmp_path: Path
) -> None:
    """60 responses are 60 * 59 / 2 = 1,770 pairs: more than one statement should carry."""
    row = {"prompt_id": "p", "prompt": "Q?", "responses": [f"r {i}" for i in range(60)]}
    assert take(database, "candidates", tmp_path / "c.jsonl", [row]).counts["new"] == 1_770


def test_long_texts_are_stored_in_small_portions(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 rows of 2 MB are 80 MB; a portion holds 8, and not more than a few are held at once."""
    portions: list[int] = []
    cut = importer._portions

    def counted(lines: Any) -> Any:
        for portion in cut(lines):
            portions.append(len(portion))
            yield portion

    monkeypatch.setattr(importer, "_portions", counted)
    file = tmp_path / "p.jsonl"
    with file.open("w") as stream:
        for i in range(40):
            stream.write(json.dumps(worlds.pair(str(i), a=f"{i}" + "a" * 10**6, b="b" * 10**6)))
            stream.write("\n")
    tracemalloc.start()
    done = take(any_database, "pairs", file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert done.counts["new"] == 40
    assert portions == [4] * 10
    assert peak < 48e6
    with any_database.read() as session:
        assert status(session)["pairs"] == 40


def test_progress_counts_the_rows_of_each_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "_ROWS", 500)
    seen: list[tuple[str, int, int]] = []
    file = write(tmp_path / "p.jsonl", [worlds.pair(str(i), a=str(i)) for i in range(1_100)])
    import_files(database, Kind.PAIRS, [file], None, lambda *step: seen.append(step))
    assert seen == [("pairs p.jsonl", n, 0) for n in (500, 1_000, 1_100)]


def test_an_annotator_without_a_name_signs_nothing(database: Database, tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [worlds.pair("one")])
    with pytest.raises(BadInput, match="annotator is ''; it must be a name of 1 to 200 letters"):
        take(database, "pairs", file, annotator="")


def test_an_empty_file_is_nothing_new(database: Database, tmp_path: Path) -> None:
    for name in ("p.jsonl", "p.csv"):
        (tmp_path / name).touch()
        assert take(database, "pairs", tmp_path / name).summary == "pairs: 0 rows read: nothing new"


def test_the_recorded_data_is_counted_as_its_files_say(
    database: Database, tmp_path: Path, shared_data: Path
) -> None:
    """Folded pairs by hand from the folder's README: pandalm holds 136 contents under two ids."""
    for kind in ("pairs", "votes", "labels", "gold"):
        file = shared_data / "vicuna80" / f"{kind}.jsonl.gz"
        assert import_files(database, Kind(kind), [file]).rejected == 0
    with database.read() as session:
        counts = status(session)
    assert (counts["prompts"], counts["pairs"], counts["votes"]) == (50, 500, 5_100)
    assert (counts["labels"], counts["judges"], counts["reviews"]) == (1_100, 5, 0)
    for kind in ("pairs", "votes"):
        file = shared_data / "pandalm" / f"{kind}.jsonl.gz"
        done = import_files(database, Kind(kind), [file])
        assert done.rejected == 0
    with database.read() as session:
        counts = status(session)
    assert (counts["pairs"], counts["votes"]) == (500 + 999 - 136, 5_100 + 1_998)
