"""One pair is found by number, outside name or hash, and anything else is one sentence."""

from pathlib import Path

import pytest
from import_worlds import pair, take

from db.errors import UnknownName
from db.pairs import count_pairs, get_pair
from db.session import Database


def test_a_pair_is_found_by_number_name_and_hash(any_database: Database, tmp_path: Path) -> None:
    rows = [pair("one"), pair("2", a="other"), pair("100%", a="third")]
    take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    with any_database.read() as session:
        assert count_pairs(session) == 3
        first = get_pair(session, "one")
        assert get_pair(session, "1").id == first.id
        assert get_pair(session, first.content_hash[:8]).id == first.id
        assert get_pair(session, "2").candidate_a.text == "other"  # a name goes before a number
        assert get_pair(session, "100%").candidate_a.text == "third"


@pytest.mark.parametrize("key", ["", "0", "99", "9" * 30, "nobody", "%%%%%%%%", "٣٣٣", "-1"])
def test_what_names_no_pair_says_what_would(
    any_database: Database, tmp_path: Path, key: str
) -> None:
    take(any_database, "pairs", tmp_path / "p.jsonl", [pair("one")])
    with any_database.read() as session, pytest.raises(UnknownName, match="give its number, its"):
        get_pair(session, key)
