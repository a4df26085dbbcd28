"""The same labels in any order of rows and files are the same bytes in every file of an export."""

import hashlib
import random
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_worlds import pair, take, vote
from sqlalchemy import select

from db.models import Pair, PairName
from db.session import Database
from review.merge import merge
from review.settings import ReviewSettings
from trainer.export.dataset import read_split
from trainer.export.selection import ExportOptions
from trainer.steps import export

Row = dict[str, Any]


def _world() -> dict[str, list[Row]]:
    """Twelve prompts with two pairs each; half the pairs come a second time, mirrored."""
    pairs, labels, votes = [], [], []
    for i in range(24):
        prompt, a, b = f"Question {i // 2}?", f"good {i}", f"bad {i}"
        domain = ("law", "code", None)[i % 3]
        pairs.append(pair(f"p{i:02d}", prompt, a, b, domain=domain))
        if i % 2:
            mirror = f"{'aq'[i % 4 == 1]}{i:02d}"  # before or after its other name
            pairs.append(pair(mirror, prompt, b, a, domain=domain))
        choice = "ab"[i % 2] if i % 5 else "tie"
        labels.append({"pair_id": f"p{i:02d}", "annotator": "ada", "choice": choice,
                       "rationale": f"because {i}"})  # fmt: skip
        votes += [
            vote(f"p{i:02d}", "abb"[j], f"judge {j}", order="ab" if j else "ba", confidence=0.5)
            for j in range(3)
        ]
    return {"pairs": pairs, "labels": labels, "votes": votes}


def _exported(folder: Path, draw: random.Random, options: ExportOptions) -> dict[str, str]:
    """Every file of an export and its sha256, after an import in a drawn order."""
    database = Database(f"sqlite:///{folder}/tiebreak.db")
    kinds = ["pairs", *draw.sample(["labels", "votes"], 2)]
    for kind in kinds:
        rows = _world()[kind]
        draw.shuffle(rows)
        cut = draw.randint(1, len(rows) - 1)
        for number, part in enumerate((rows[:cut], rows[cut:])):
            take(database, kind, folder / f"{kind}-{number}.jsonl", part)
    merge(database, ReviewSettings())
    done = export(database, folder / "set", options)
    assert done.rows["pairs"] == 24
    database.dispose()
    root = Path(done.path)
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*") if path.is_file()
    }  # fmt: skip


OPTIONS = [ExportOptions(), ExportOptions(limit=8, balance="domain", validation=0.3, test=0)]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.randoms(use_true_random=True), options=st.sampled_from(OPTIONS))
def test_the_order_of_rows_and_files_changes_no_byte(
    sqlite_tables: Path, draw: random.Random, options: ExportOptions
) -> None:
    worlds = []
    for _ in range(2):
        with TemporaryDirectory() as folder:
            shutil.copy(sqlite_tables, Path(folder) / "tiebreak.db")
            worlds.append(_exported(Path(folder), draw, options))
    assert worlds[0] == worlds[1]
    assert len(worlds[0]) == 8  # three splits, ties, votes, pairs, manifest, card


def test_a_pair_has_a_and_b_as_its_first_name_has_them(database: Database, tmp_path: Path) -> None:
    """Stored as y/x under the name z; the name a, which is first, says x/y, and so do its votes."""
    take(database, "pairs", tmp_path / "z.jsonl", [pair("z", "Q", "y", "x")])
    take(database, "pairs", tmp_path / "a.jsonl", [pair("a", "Q", "x", "y", model_a="mx")])
    take(database, "votes", tmp_path / "v.jsonl", [vote("z", "a", "j", order="ab")])
    take(database, "labels", tmp_path / "l.jsonl", [
        {"pair_id": "z", "annotator": "ada", "choice": "a"}
    ])  # fmt: skip
    merge(database, ReviewSettings())
    done = export(database, tmp_path / "set", ExportOptions(validation=0, test=0))
    (row,) = read_split(tmp_path / "set", "train")
    assert (row["meta"]["pair_id"], row["meta"]["choice"]) == ("a", "b")
    assert row["chosen"][0]["content"] == "y"
    import pyarrow.parquet as pq

    (shown,) = pq.read_table(Path(done.path) / "pairs").to_pylist()
    assert (shown["response_a"], shown["response_b"], shown["choice"]) == ("x", "y", "b")
    assert shown["names"] == [{"id": "a", "mirrored": False}, {"id": "z", "mirrored": True}]
    (cast,) = pq.read_table(Path(done.path) / "votes").to_pylist()
    assert (cast["pair_id"], cast["choice"], cast["order"]) == ("a", "b", "ba")
    with database.read() as session:
        assert session.scalars(select(PairName.mirrored).order_by(PairName.id)).all() == [
            False,
            True,
        ]
        assert len(session.scalars(select(Pair)).all()) == 1
