"""Identity by content: what is stored already is recognised, also with A and B exchanged."""

from itertools import count
from pathlib import Path
from typing import Any

import import_worlds as worlds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_worlds import (
    rejected,
    stored_gold,
    stored_labels,
    stored_pairs,
    stored_votes,
    take,
    write,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.gold import draw_gold
from db.models import Dataset, DatasetItem, Judge, Pair, Preference, Prompt, Ranking, Review, Vote
from db.pairs import get_pair, names_of, resolve_names
from db.prompts import StoredPrompts
from db.session import Database
from db.status import status
from db.vocabulary import Choice, Source
from judges.alike.groups import group_of

PAIRS = [
    worlds.pair("one"),
    worlds.pair("again"),
    worlds.pair("mirror", a="second", b="first"),
    worlds.pair("same", a="x", b="x"),
]


def test_duplicates_and_mirrors_are_one_pair_with_several_names(
    any_database: Database, tmp_path: Path
) -> None:
    done = take(any_database, "pairs", tmp_path / "p.jsonl", PAIRS)
    assert done.counts == {"new": 2, "duplicates": 1, "mirrored duplicates": 1, "labels": 0}
    assert stored_pairs(any_database) == [("Q?", "first", "second"), ("Q?", "x", "x")]
    with any_database.read() as session:
        first = get_pair(session, "mirror")
        names = [(n.external_id, n.mirrored) for n in names_of(session, [first.id])[first.id]]
    assert names == [("one", False), ("again", False), ("mirror", True)]


def test_a_second_import_of_anything_adds_nothing(any_database: Database, tmp_path: Path) -> None:
    votes = [worlds.vote("one"), worlds.vote("mirror", "b", order="ab"), worlds.vote("one")]
    labels = [{"pair_id": "one", "annotator": "ann", "choice": "tie"}]
    gold = [{"pair_id": "mirror", "choice": "a"}]
    rankings = [
        {
            "prompt": "Q?",
            "responses": ["first", "second", "x"],
            "ranking": ["r1", ["r2", "r3"]],
            "annotator": "ann",
        }
    ]
    talks = [{"prompt": "Q?", "chosen": "first", "rejected": "x"}]
    sets = [{"prompt_id": "c", "prompt": "Q?", "responses": ["first", "second", "y"]}]
    files = {
        "pairs": write(tmp_path / "p.jsonl", [*PAIRS, *talks]),
        "candidates": write(tmp_path / "c.jsonl", sets),
        "votes": write(tmp_path / "v.jsonl", votes),
        "labels": write(tmp_path / "l.jsonl", labels),
        "gold": write(tmp_path / "g.jsonl", gold),
        "rankings": write(tmp_path / "r.jsonl", rankings),
    }
    for kind, file in files.items():
        take(any_database, kind, file)
    with any_database.read() as session:
        before = status(session)
    assert (before["votes"], before["labels"], before["gold"]) == (3, 2, 1)
    for kind, file in files.items():
        done = take(any_database, kind, file)
        assert done.counts["new"] == done.counts["labels"] == 0
        assert done.rejected == 0
    with any_database.read() as session:
        assert status(session) == before


def test_a_taken_sample_moves_to_the_next_and_no_vote_is_lost(
    any_database: Database, tmp_path: Path
) -> None:
    take(any_database, "pairs", tmp_path / "p.jsonl", PAIRS)
    votes = [
        worlds.vote("one", "a", order="ab", sample=1),
        worlds.vote("again", "b", order="ab", sample=1),
        worlds.vote("mirror", "b", order="ba", sample=1),  # un-swapped: a in order ab
        worlds.vote("one", "tie", order="ba", sample=3),
        worlds.vote("one", "tie", order="ba", sample=3),  # the same row twice is one vote
    ]
    done = take(any_database, "votes", tmp_path / "v.jsonl", votes)
    assert stored_votes(any_database) == [
        (1, "ab", 1, "a"),
        (1, "ab", 2, "b"),
        (1, "ab", 3, "a"),
        (1, "ba", 3, "tie"),
    ]
    assert done.counts == {"new": 4, "known already": 1, "folded to a next sample": 2}
    assert done.summary == ("votes: 5 rows read: 4 new, 1 known already, 2 folded to a next sample")


def test_votes_without_a_sample_number_that_say_the_same_are_several_votes(
    any_database: Database, tmp_path: Path
) -> None:
    """A judge asked three times may answer the same three times; the rows then look alike."""
    take(any_database, "pairs", tmp_path / "p.jsonl", PAIRS)
    file = write(tmp_path / "v.jsonl", [worlds.vote("one"), worlds.vote("one"), worlds.vote("one")])
    for new, known in ((3, 0), (0, 3)):
        done = take(any_database, "votes", file)
        assert (done.counts["new"], done.counts["known already"]) == (new, known)
    assert stored_votes(any_database) == [(1, "none", n, "a") for n in (1, 2, 3)]


def test_a_label_known_from_a_chosen_row_meets_the_stored_order(
    any_database: Database, tmp_path: Path
) -> None:
    """Whichever order the pair was stored in, the label stays with the text it chose."""
    take(any_database, "pairs", tmp_path / "p.jsonl", [PAIRS[0]])
    rows = [{"prompt": "Q?", "chosen": "second", "rejected": "first"}]
    take(any_database, "pairs", tmp_path / "c.jsonl", rows, annotator="ann")
    assert stored_pairs(any_database) == [("Q?", "first", "second")]
    assert stored_labels(any_database) == ["b"]


def test_a_name_that_looks_like_a_number_of_ours_takes_no_label_away(
    database: Database, tmp_path: Path
) -> None:
    talk = {"prompt": "Q?", "chosen": "good", "rejected": "poor"}
    take(database, "pairs", tmp_path / "p.jsonl", [talk, worlds.pair("pair 1")])
    chosen = stored_labels(database)[0]
    label = {"pair_id": "pair 1", "annotator": "recorded", "choice": chosen}
    assert take(database, "labels", tmp_path / "l.jsonl", [label]).counts["new"] == 1


def test_a_name_of_other_content_is_refused_and_the_others_stay(
    any_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "p.jsonl"
    rows = [
        PAIRS[0],
        worlds.pair("one", a="other"),
        worlds.pair("one", a="second", b="first"),
        worlds.pair("two", a="y"),
    ]
    done = take(any_database, "pairs", file, rows)
    assert (done.counts["new"], done.rejected) == (2, 2)
    assert [row["line"] for row in rejected(file)] == [2, 3]
    assert rejected(file)[0]["reason"] == (
        "pair_id 'one' already names a pair of other content, or the same with A and B exchanged; "
        "give it another id"
    )
    later = take(any_database, "pairs", tmp_path / "later.jsonl", [rows[1]])
    assert (later.rejected, later.counts["new"]) == (1, 0)


@pytest.mark.parametrize("kind", ["votes", "labels", "gold"])
def test_what_speaks_of_an_unknown_pair_is_kept_in_the_reject_file(
    any_database: Database, tmp_path: Path, kind: str
) -> None:
    who = {"votes": {"judge": "j"}, "labels": {"annotator": "ann"}, "gold": {}}[kind]
    row = {"pair_id": "nobody", **who, "choice": "a"}
    done = take(any_database, kind, tmp_path / "f.jsonl", [row])
    assert done.rejected == 1
    (found,) = rejected(tmp_path / "f.jsonl")
    assert found["row"] == row
    assert (found["line"], found["value"]) == (1, "nobody")
    assert found["reason"] == "pair_id 'nobody' is not known; import the pairs first"
    with any_database.read() as session:
        assert status(session)["votes"] == status(session)["labels"] == 0


def test_gold_keeps_its_first_answer_and_says_so_in_the_words_of_the_row(
    any_database: Database, tmp_path: Path
) -> None:
    take(any_database, "pairs", tmp_path / "p.jsonl", PAIRS)
    rows = [
        {"pair_id": "one", "choice": "a"},
        {"pair_id": "mirror", "choice": "b"},
        {"pair_id": "mirror", "choice": "a"},
    ]
    done = take(any_database, "gold", tmp_path / "g.jsonl", rows)
    assert stored_gold(any_database) == ["a"]
    assert (done.counts["new"], done.counts["known already"], done.rejected) == (1, 1, 1)
    assert rejected(tmp_path / "g.jsonl")[0]["reason"] == (
        "pair 'mirror' is frozen as gold 'b', here it is 'a'; gold never changes, so leave the "
        "row out"
    )


def test_a_family_told_later_is_taken_and_another_one_refused(
    any_database: Database, tmp_path: Path
) -> None:
    take(any_database, "pairs", tmp_path / "p.jsonl", PAIRS)
    rows = [
        worlds.vote("one"),
        worlds.vote("one", order="ab", family="fam"),
        worlds.vote("one", order="ba", family="other"),
        worlds.vote("one", order="ba"),
    ]
    done = take(any_database, "votes", tmp_path / "v.jsonl", rows)
    assert (done.counts["new"], done.rejected) == (3, 1)
    assert "has family 'fam', not 'other'" in rejected(tmp_path / "v.jsonl")[0]["reason"]
    with any_database.read() as session:
        assert session.scalars(select(Judge.family)).all() == ["fam"]


def test_an_expected_outcome_told_later_is_kept(any_database: Database, tmp_path: Path) -> None:
    told = {"kind": "exact", "value": "4"}
    rows = [worlds.pair("one"), worlds.pair("two", a="z", expected=told), worlds.pair("three")]
    rows.append(worlds.pair("four", "P?", expected=told))
    rows.append(worlds.pair("five", "P?", a="z"))
    take(any_database, "pairs", tmp_path / "a.jsonl", rows[:1])
    take(any_database, "pairs", tmp_path / "b.jsonl", rows[1:])
    take(any_database, "pairs", tmp_path / "c.jsonl", [worlds.pair("six", expected={"kind": "x"})])
    with any_database.read() as session:
        assert list(session.scalars(select(Prompt.expected).order_by(Prompt.id))) == [told, told]


def test_a_ranking_becomes_pairs_and_groups_of_candidates(
    any_database: Database, tmp_path: Path
) -> None:
    row = {
        "prompt": "Q?",
        "responses": [{"id": "x", "text": "tx"}, {"id": "y", "text": "ty"}, "tz"],
        "ranking": ["r3", ["x", "y"]],
        "annotator": "ann",
    }
    assert take(any_database, "rankings", tmp_path / "r.jsonl", [row]).counts["new"] == 1
    assert [(a, b) for _, a, b in stored_pairs(any_database)] == [
        ("tx", "ty"), ("tx", "tz"), ("ty", "tz"),
    ]  # fmt: skip
    with any_database.read() as session:
        pair = get_pair(session, "3")
        groups = session.scalars(select(Ranking.groups)).one()
    assert groups[0] == [pair.candidate_b_id]
    assert sorted(groups[1]) == sorted([pair.candidate_a_id, pair.candidate_a_id - 1])


ANSWERS = st.sampled_from(["a", "b", "tie"])
ORDERS = st.sampled_from(["ab", "ba", "none"])
TEXTS = st.sampled_from(["u", "v", "w", ""])
FLIP = {"a": "b", "b": "a", "ab": "ba", "ba": "ab"}
number = count()


@given(
    contents=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5),
    votes=st.lists(st.tuples(st.integers(0, 4), ANSWERS, ORDERS), max_size=6),
    labels=st.lists(st.tuples(st.integers(0, 4), ANSWERS), max_size=4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_importing_everything_mirrored_gives_the_mirrored_result(
    database: Database,
    tmp_path: Path,
    contents: list[tuple[str, str]],
    votes: list[tuple[int, str, str]],
    labels: list[tuple[int, str]],
) -> None:
    """Pairs, and the votes and labels about them, written with A and B exchanged, are stored with
    A and B exchanged and otherwise the same.
    """
    straight = _world(database, tmp_path, contents, votes, labels, {})
    mirrored = _world(database, tmp_path, contents, votes, labels, FLIP)
    assert mirrored["pairs"] == [(b, a) for a, b in straight["pairs"]]
    # In a pair of one text A and B cannot be told apart, so that there is nothing to exchange.
    own_mirror = {i for i, (a, b) in enumerate(straight["pairs"]) if a == b}
    for kind in ("votes", "labels"):
        expected = [(i, *(FLIP.get(x, x) for x in said)) for i, *said in straight[kind]]
        assert len(mirrored[kind]) == len(expected)
        assert _but(own_mirror, mirrored[kind]) == _but(own_mirror, expected)


def _but(left_out: set[int], answers: list[Any]) -> list[Any]:
    return sorted(answer for answer in answers if answer[0] not in left_out)


def _world(
    database: Database,
    folder: Path,
    contents: list[tuple[str, str]],
    votes: list[tuple[int, str, str]],
    labels: list[tuple[int, str]],
    flip: dict[str, str],
) -> dict[str, list[Any]]:
    """What is stored of these rows, under a prompt of their own; pairs by their position."""
    prompt = f"world {next(number)}"
    sides = [(b, a) if flip else (a, b) for a, b in contents]
    pairs = [worlds.pair(f"{prompt}:{i}", prompt, a, b) for i, (a, b) in enumerate(sides)]
    names = [f"{prompt}:{i % len(pairs)}" for i in range(5)]
    said = [
        worlds.vote(names[i], flip.get(c, c), order=flip.get(o, o), confidence=k / 10)
        for k, (i, c, o) in enumerate(votes)
    ]
    opinions = [
        {"pair_id": names[i], "annotator": f"ann{k}", "choice": flip.get(c, c)}
        for k, (i, c) in enumerate(labels)
    ]
    for kind, rows in (("pairs", pairs), ("votes", said), ("labels", opinions)):
        take(database, kind, folder / f"{kind}.jsonl", rows)
    with database.read() as session:
        found = session.scalars(select(Pair).where(Pair.id.in_(_ids(session, names))))
        stored = sorted(found, key=lambda pair: pair.id)
        place = {pair.id: i for i, pair in enumerate(stored)}
        about = {"votes": (Vote.pair_id, Vote.order, Vote.choice)}
        about["labels"] = (Review.pair_id, Review.choice)  # type: ignore[assignment]
        answers = {
            kind: [
                (place[pair_id], *(word.value for word in words))
                for pair_id, *words in session.execute(
                    select(*columns).where(columns[0].in_(place))
                )
            ]
            for kind, columns in about.items()
        }
        return {"pairs": [(p.candidate_a.text, p.candidate_b.text) for p in stored], **answers}


def _ids(session: Session, names: list[str]) -> set[int]:
    return {named.pair_id for named in resolve_names(session, names).values()}


def test_gold_is_never_taken_from_what_was_exported(any_database: Database, tmp_path: Path) -> None:
    """Of two prompts one was exported: neither its pairs nor its other pairs can become gold."""
    rows = [worlds.pair("one"), worlds.pair("two", a="y"), worlds.pair("three", "P?")]
    take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    labels = [{"pair_id": n, "annotator": "ann", "choice": "a"} for n in ("one", "two", "three")]
    take(any_database, "labels", tmp_path / "l.jsonl", labels)
    export(any_database, "one")
    with any_database.begin() as session:
        drawn = draw_gold(session, 1.0, 7, str)
    assert (drawn.prompts, drawn.pairs, drawn.new) == (1, 1, 1)
    gold = [{"pair_id": "two", "choice": "a"}, {"pair_id": "three", "choice": "a"}]
    done = take(any_database, "gold", tmp_path / "g.jsonl", gold)
    assert (done.counts["known already"], done.rejected) == (1, 1)
    assert "stands in an exported dataset" in rejected(tmp_path / "g.jsonl")[0]["reason"]


def test_gold_is_never_taken_from_a_group_that_was_exported(
    any_database: Database, tmp_path: Path
) -> None:
    """A full stop makes no other question, another number does."""
    rows = [
        worlds.pair("one", "Tell me about moon 1"),
        worlds.pair("near", "tell me about moon 1."),
        worlds.pair("far", "Tell me about moon 2"),
    ]
    take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    labels = [{"pair_id": n, "annotator": "ann", "choice": "a"} for n in ("near", "far")]
    take(any_database, "labels", tmp_path / "l.jsonl", labels)
    export(any_database, "one")
    with any_database.read() as session:
        drawn = draw_gold(session, 1.0, 7, group_of(StoredPrompts(session)))
    assert (drawn.prompts, drawn.passed_over) == (1, 1)
    assert drawn.summary.endswith(
        "; prompts passed over, as one of their group stands in an exported dataset: 1"
    )
    gold = [{"pair_id": n, "choice": "a"} for n in ("near", "far")]
    done = take(any_database, "gold", tmp_path / "g.jsonl", gold, grouping=group_of)
    assert (done.counts["new"], done.rejected) == (1, 1)
    assert rejected(tmp_path / "g.jsonl")[0]["reason"] == (
        "a prompt of the group of pair 'near' stands in an exported dataset, and gold is never "
        "trained on; choose pairs of other prompts"
    )


def export(database: Database, name: str) -> None:
    """Write down that a pair stands in a dataset."""
    with database.begin() as session:
        pair_id = get_pair(session, name).id
        dataset = Dataset(name="d", path="d", content_hash="0" * 64, manifest={})
        settled = Preference(
            pair_id=pair_id, choice=Choice.A, p_a=1.0, p_tie=0.0, p_b=0.0, source=Source.REVIEW
        )
        session.add_all([dataset, settled])
        session.flush()
        session.add(DatasetItem(dataset_id=dataset.id, preference_id=settled.id, split="train"))
