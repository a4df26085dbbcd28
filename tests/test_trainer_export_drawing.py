"""`--limit` and `--balance`: how many of which labels an export takes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainer_worlds import add_pair, settle

from db.errors import BadInput
from db.session import Database
from trainer import steps
from trainer.export.dataset import read_split
from trainer.export.drawing import balanced, drawn
from trainer.export.selection import ExportOptions

NAMES = ("chat", "maths", "law")


def _balanced(groups: list[int], ties: list[bool], limit: int | None) -> tuple[list[int], str]:
    draws = np.random.default_rng(5).integers(0, 2**63, len(groups)).astype(np.uint64)
    taken, note = balanced(draws, np.array(groups, np.int64), np.array(ties, bool), NAMES, limit)
    return np.flatnonzero(taken).tolist(), note


def test_a_limit_is_shared_equally() -> None:
    groups = [0] * 30 + [1] * 12
    taken, note = _balanced(groups, [False] * 42, 10)
    assert [groups[i] for i in taken].count(0) == [groups[i] for i in taken].count(1) == 5
    assert note == "5 of each of chat, maths, together 10 (limit 10)"


def test_what_a_limit_leaves_over_is_said() -> None:
    taken, note = _balanced([0, 1, 2] * 9, [False] * 27, 10)  # 10 // 3 = 3
    assert len(taken) == 9
    assert note == "3 of each of chat, maths, law, together 9 (limit 10)"


def test_without_a_limit_the_smallest_group_says_how_many() -> None:
    taken, note = _balanced([0] * 7 + [1] * 3, [False] * 10, None)
    assert len(taken) == 6
    assert note == "3 of each of chat, maths, as many as the smallest has"


def test_ties_count_in_no_group_and_take_what_a_limit_leaves() -> None:
    """Four preferences of chat and two of maths; one tie of law, two of chat."""
    groups, ties = [0, 0, 0, 0, 1, 1, 2, 0, 0], [False] * 6 + [True] * 3
    taken, note = _balanced(groups, ties, None)
    assert len(taken) == 2 + 2 + 3  # law has ties alone, and is no group
    assert note.startswith("2 of each of chat, maths,")
    assert len(_balanced(groups, ties, 5)[0]) == 2 + 2 + 1
    assert len(_balanced(groups, ties, 4)[0]) == 2 + 2


def test_a_limit_under_the_number_of_groups_is_refused() -> None:
    with pytest.raises(BadInput, match=r"limit 1 cannot be shared by 2 groups \(chat, maths\)"):
        _balanced([0, 1], [False, False], 1)
    assert _balanced([0], [True], 1) == ([0], "")


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans())), st.integers(3, 40))
def test_groups_are_equal_and_the_limit_holds(rows: list[tuple[int, bool]], limit: int) -> None:
    groups, ties = [g for g, _ in rows], [tie for _, tie in rows]
    taken, _ = _balanced(groups, ties, limit)
    counts = {g: sum(groups[i] == g and not ties[i] for i in taken) for g in range(3)}
    there = {g for g, tie in rows if not tie}
    assert len({counts[g] for g in there}) <= 1
    assert len(taken) <= limit


@given(st.lists(st.integers(0, 5)), st.integers(1, 9))
def test_a_limit_takes_those_drawn_first(draws: list[int], limit: int) -> None:
    taken = drawn(np.array(draws, np.uint64), limit)
    assert taken.sum() == min(limit, len(draws))
    kept = [d for d, is_taken in zip(draws, taken, strict=True) if is_taken]
    assert sorted(kept) == sorted(draws)[:limit]


def test_balance_with_limit_is_balanced(database: Database, tmp_path: Path) -> None:
    """36 pairs of chat and 6 of maths at a limit of 10: five of each."""
    with database.begin() as session:
        for i in range(42):
            pair = add_pair(
                session, f"Say {i}.", f"{i}", "no", domain="maths" if i > 35 else "chat"
            )
            settle(session, pair, "a")
        for i in range(3):
            settle(session, add_pair(session, f"Tie {i}.", "x", "y", domain="chat"), "tie")
    options = ExportOptions(balance="domain", limit=10, validation=0, test=0)
    done = steps.export(database, tmp_path / "out", options)
    domains = [row["meta"]["domain"] for row in read_split(tmp_path / "out", "train")]
    assert (domains.count("chat"), domains.count("maths")) == (5, 5)
    assert done.rows["ties"] == 0
    assert done.left_out == {"limit_or_balance": 45 - 10}
    assert "--balance domain: 5 of each of chat, maths, together 10 (limit 10)" in done.summary


def test_by_choice_ties_are_no_group(database: Database, tmp_path: Path) -> None:
    """Six of a, three of b, one tie: three of a, three of b, and the tie."""
    with database.begin() as session:
        for i, choice in enumerate("aaaaaabbbt"):
            choice = "tie" if choice == "t" else choice
            settle(session, add_pair(session, f"Q{i}", "x", "y"), choice)
    options = ExportOptions(balance="choice", validation=0, test=0)
    done = steps.export(database, tmp_path / "out", options)
    assert (done.rows["train"], done.rows["ties"]) == (6, 1)


def test_how_shares_came_out_and_what_is_empty_is_said(database: Database, tmp_path: Path) -> None:
    """Three prompts at a share of a hundredth each: nothing falls to validation or test."""
    with database.begin() as session:
        for i in range(3):
            settle(session, add_pair(session, f"Q{i}", "x", "y"), "a")
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0.01, test=0.01))
    assert done.notes == [
        "of 3 prompts with a preference: validation 0 (0.0%, asked 1.0%), test 0 (0.0%, asked "
        "1.0%); each group is drawn by its hash",
        "the split validation is empty",
        "the split test is empty",
    ]
    assert all(note in done.summary for note in done.notes)
    alone = steps.export(database, tmp_path / "two", ExportOptions(validation=0, test=0))
    assert alone.notes == []
