"""One pair is found by number, outside name or hash, and anything else is one sentence."""

from pathlib import Path

import pytest
from import_worlds import pair, stored_votes, take, vote

from db.errors import UnknownName
from db.models import Vote
from db.pairs import count_pairs, get_pair
from db.session import Database
from db.votes import count_votes, stream_votes


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


def test_votes_are_streamed_by_pair(any_database: Database, tmp_path: Path) -> None:
    take(any_database, "pairs", tmp_path / "p.jsonl", [pair("one"), pair("two", a="x")])
    said = [vote("two"), vote("one", "b"), vote("two", "tie", order="ab")]
    take(any_database, "votes", tmp_path / "v.jsonl", said)
    with any_database.read() as session:
        streamed = list(stream_votes(session, Vote.pair_id, Vote.choice, size=1))
        assert count_votes(session) == 3
    assert [(p, c.value) for p, c in streamed] == [(1, "b"), (2, "a"), (2, "tie")]
    assert len(stored_votes(any_database)) == 3
