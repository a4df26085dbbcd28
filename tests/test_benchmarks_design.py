"""The benchmarks behind the notes of docs/design measure what they say."""

import sys
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from db.models import Base, Reservation, Vote, VoteClaim
from db.session import Database
from judges.trust.vote_matrix import AB, BA, MISSING, A, B, VoteMatrix

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from durability import asked, fill
from folders import Folder
from gate_power import share_promoted
from orders import raters, shown

from judges.trust.text_features import PairTexts


def test_every_question_is_claimed_paid_and_stored(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'blocks.db'}")
    Base.metadata.create_all(database.engine)
    fill(database, 10)
    assert asked(database, 10, 4)["block"] == 4
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Vote)) == 10
        assert session.scalar(select(func.count()).select_from(VoteClaim)) == 0
        settled = session.scalars(select(Reservation.settled_nanousd).order_by(Reservation.id))
        assert list(settled) == [2_000_000, 2_000_000, 1_000_000]  # 4, 4, 2 at 500,000
    database.dispose()


def folder() -> Folder:
    """Three pairs: the rater says A both times, what is first both times, and one order only."""
    codes = np.array([[[A, A]], [[A, B]], [[A, MISSING]]], dtype=np.int8)
    zeros = np.zeros(3, np.int64)
    votes = VoteMatrix(codes, ("judge",), ("judge",), np.arange(3), zeros - 1)
    texts = PairTexts(["p"] * 3, ["x"] * 3, ["y"] * 3, [None] * 3, [None] * 3)
    return Folder("three", votes, texts, zeros.astype(np.int8))


def test_contradictions_and_first_places_are_counted_on_pairs_with_both_orders() -> None:
    (row,) = raters(folder())
    assert row["pairs"] == 2
    assert row["contradicts"] == 0.5  # one of two pairs
    assert row["first_wins"] == 0.75  # ab: A, A are first; ba: A is second, B is first


def test_votes_of_the_order_that_was_not_asked_are_gone() -> None:
    asked_as = shown(folder(), seed=1)
    assert (asked_as["ab alone"].codes_PRO[:, :, BA] == MISSING).all()
    assert (asked_as["ab alone"].codes_PRO[:, :, AB] == A).all()
    kept = (asked_as["one drawn a pair"].codes_PRO != MISSING).sum(axis=(1, 2))
    assert kept.max() == 1


def test_an_equal_challenger_passes_seldom_and_a_much_better_one_always() -> None:
    assert share_promoted(200, 0.0, trials=40, seed=3) <= 0.15  # 2.5% expected
    assert share_promoted(600, 0.14, trials=40, seed=3) == 1.0
