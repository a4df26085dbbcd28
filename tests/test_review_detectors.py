"""Detectors over the votes of one pair, with the arithmetic of each expectation."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.trust.vote_matrix import MISSING, TIE, A, B, VoteMatrix, consensus_of
from review.detectors import (
    agreement,
    disagreement,
    disagreement_scores,
    low_confidence,
    no_vote,
    reversal,
)


def matrix_of(codes: list[list[list[int]]], families: tuple[str, ...] | None = None) -> VoteMatrix:
    codes_PRO = np.array(codes, np.int8)
    raters = codes_PRO.shape[1]
    return VoteMatrix(
        codes_PRO,
        tuple(f"j{r}" for r in range(raters)),
        families or tuple("f" for _ in range(raters)),
        np.arange(len(codes_PRO)),
        np.full(len(codes_PRO), -1),
    )


def test_disagreement_counts_pairs_of_raters() -> None:
    # five raters, one dissents: ordered rater pairs that differ 8 of 20 = .4
    one_of_five = [[A, A]] * 4 + [[B, B]]
    # two raters, each split: P(differ) = 1/2
    both_split = [[A, B], [A, B]] + [[MISSING, MISSING]] * 3
    alone = [[A, B]] + [[MISSING, MISSING]] * 4
    scores = disagreement_scores(matrix_of([one_of_five, both_split, alone]))
    assert np.allclose(scores, [0.4, 0.5, 0.0])
    flags = disagreement(matrix_of([one_of_five, both_split, alone]))
    assert [(flag.pair, flag.detail["b"]) for flag in flags] == [(0, 2), (1, 2)]


def test_one_order_only_counts_as_one_vote_of_the_rater() -> None:
    # rater 0 votes once for A, rater 1 twice for B: they always differ
    assert disagreement_scores(matrix_of([[[A, MISSING], [B, B]]])).tolist() == [1.0]


def test_agreement_is_a_share_of_votes() -> None:
    share, top = agreement(matrix_of([[[A, A], [A, TIE]], [[A, B], [B, A]], [[MISSING] * 2] * 2]))
    assert share.tolist() == [0.75, 0.5, 0.0]
    assert top.tolist() == [A, MISSING, MISSING]


def test_reversal_names_raters_and_the_favoured_position() -> None:
    # order ab shows A first: (A in ab, B in ba) is the first shown, twice
    vote_matrix = matrix_of([[[A, B], [B, A], [A, TIE]], [[A, A], [B, B], [A, MISSING]]])
    flags = reversal(vote_matrix, strongest=1)
    assert len(flags) == 1
    assert flags[0].detail["favours"] == ["first", "second", "neither"]
    assert flags[0].detail["opposite"] == 2
    assert flags[0].score == 1.0
    assert flags[0].hard
    assert not reversal(vote_matrix, strongest=2)[0].hard  # a against tie is no change of sides


def test_steady_raters_raise_no_flag() -> None:
    assert reversal(matrix_of([[[A, A], [B, B]]]), strongest=0) == []
    assert reversal(matrix_of([[[A, A]]]).take(np.zeros(0, np.int64))) == []


def test_low_confidence_and_silence() -> None:
    consensus = consensus_of(np.array([np.log(3.0), np.log(9.0)]), 0.0)  # .75 and .9
    assert low_confidence(consensus, below=0.75) == []
    flags = low_confidence(consensus, below=0.8)
    assert [(flag.pair, round(flag.score, 3)) for flag in flags] == [(0, 0.25)]
    assert [f.pair for f in no_vote(matrix_of([[[A, MISSING]], [[MISSING] * 2]]))] == [1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_renaming_a_and_b_changes_no_flag(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vote_matrix = matrix_of(rng.integers(-1, 3, size=(12, 4, 2)).tolist())
    other = vote_matrix.mirrored()
    assert np.allclose(disagreement_scores(vote_matrix), disagreement_scores(other))
    assert [(f.pair, f.score, f.hard) for f in reversal(vote_matrix, strongest=0)] == [
        (f.pair, f.score, f.hard) for f in reversal(other, strongest=0)
    ]
    assert np.allclose(agreement(vote_matrix)[0], agreement(other)[0])
