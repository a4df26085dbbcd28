"""Gold is drawn by whole groups of prompts from what humans settled, the same every time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_worlds import pair, take
from sqlalchemy.orm import Session

from db.errors import BadInput, Conflict
from db.gold import (
    GoldDraw,
    draw_gold,
    gold_hash,
    gold_labels,
    gold_pairs,
    gold_prompts,
)
from db.prompts import StoredPrompts
from db.session import Database
from db.vocabulary import Choice
from judges.alike.groups import group_of


def draw(session: Session, share: float, seed: int) -> GoldDraw:
    return draw_gold(session, share, seed, group_of(StoredPrompts(session)))


@pytest.fixture
def settled(any_database: Database, tmp_path):  # type: ignore[no-untyped-def]
    """Ten prompts of two pairs each, every pair labelled `a` by one person."""
    rows = [pair(f"{p}-{i}", f"P{p}?", a=f"a{i}") for p in range(10) for i in range(2)]
    take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    labels = [{"pair_id": r["pair_id"], "annotator": "ann", "choice": "a"} for r in rows]
    take(any_database, "labels", tmp_path / "l.jsonl", labels)
    return any_database


def test_a_draw_freezes_whole_prompts_and_only_once(settled: Database) -> None:
    with settled.begin() as session:
        first = draw(session, 0.3, 7)
        assert (first.prompts, first.pairs, first.new, first.settled_pairs) == (3, 6, 6, 20)
        assert first.summary == (
            "gold: 6 new of 6 pairs on 3 prompts, drawn from 20 pairs settled by humans"
        )
        assert len(gold_prompts(session)) == 3
        before = gold_hash(session)
    with settled.begin() as session:
        again = draw(session, 0.3, 7)
        assert (again.pairs, again.new) == (6, 0)
        assert gold_hash(session) == before
        assert set(gold_labels(session).values()) == {Choice.A}
        more = draw(session, 0.5, 7)
        assert (more.prompts, more.new) == (5, 4)
        assert gold_hash(session) != before


def test_another_seed_draws_other_prompts(settled: Database) -> None:
    drawn = []
    for seed in (7, 8):
        with settled.read() as session:  # never committed
            draw(session, 0.3, seed)
            drawn.append(set(gold_labels(session)))
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_outside_its_range_is_refused(database: Database, share: float) -> None:
    with database.begin() as session, pytest.raises(BadInput, match="must be more than 0 and at"):
        draw(session, share, 7)


def test_without_a_human_answer_there_is_nothing_to_draw(any_database: Database) -> None:
    with any_database.begin() as session, pytest.raises(Conflict, match="import labels or review"):
        draw(session, 0.2, 7)


@given(share=st.floats(0.01, 1.0), seed=st.integers(0, 2**31))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_a_larger_share_holds_the_smaller_one(settled: Database, share: float, seed: int) -> None:
    with settled.read() as session:
        small = draw(session, share / 2, seed)
        frozen = set(gold_labels(session))
        large = draw(session, share, seed)
        assert frozen <= set(gold_labels(session))
        assert large.pairs == len(gold_labels(session)) == 2 * large.prompts
        assert small.prompts <= large.prompts == max(1, -(-round(share * 1e9) * 10 // 10**9))


def test_a_draw_takes_whole_groups(any_database: Database, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Four conversations at three lengths each: half of twelve prompts are two conversations."""
    turns = ["Tell me about {}", "It is far.", "And its moons?", "It has two.", "Which one first?"]
    rows = []
    for planet in ("Mars", "Venus", "Saturn", "Pluto"):
        for n in (1, 3, 5):
            said = [text.format(planet) for text in turns[:n]]
            messages = [
                {"role": ("user", "assistant")[i % 2], "content": text}
                for i, text in enumerate(said)
            ]
            rows.append(pair(f"{planet}{n}", messages))
    take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    labels = [{"pair_id": r["pair_id"], "annotator": "ann", "choice": "a"} for r in rows]
    take(any_database, "labels", tmp_path / "l.jsonl", labels)
    with any_database.begin() as session:
        drawn = draw(session, 0.5, 7)
        assert (drawn.prompts, drawn.groups, drawn.pairs) == (6, 2, 6)
        assert "6 pairs on 6 prompts in 2 groups" in drawn.summary
        planets = [each.messages[0]["content"] for each in gold_pairs(session)]
    assert {planets.count(each) for each in planets} == {3}
