"""From stored votes to arrays: samples, orders and names."""

import numpy as np
import pytest

from db.consensus import UsableVote, VotedPair
from db.errors import BadInput
from db.vocabulary import Choice, Order
from judges import vote_arrays
from judges.trust.vote_matrix import MISSING, TIE, A, B

VERSIONS = [(7, "one", "f", "a" * 64), (8, "two", "g", "b" * 64), (9, "two", "g", "c" * 64)]


def pair(pair_id: int, prompt_id: int = 1, domain: str | None = None) -> VotedPair:
    return VotedPair(pair_id, prompt_id, domain, "p", "a", "b", None, None)


def vote(
    pair_id: int, version: int, order: str, choice: str, sure: float | None = None
) -> UsableVote:
    return UsableVote(pair_id, version, Order(order), Choice(choice), sure)


def test_votes_become_codes_by_pair_rater_and_order() -> None:
    pairs = [pair(5, 1, "law"), pair(9, 2)]
    votes = [vote(5, 7, "ab", "a", 0.8), vote(5, 8, "ba", "tie"), vote(9, 9, "none", "b", 0.6)]
    vote_table = vote_arrays.read_vote_table(pairs, votes, VERSIONS)
    assert vote_table.pair_ids == (5, 9)
    assert vote_table.vote_matrix.raters == ("one", "two@bbbbbbbb", "two@cccccccc")
    assert vote_table.vote_matrix.codes_PRO.tolist() == [
        [[A, MISSING], [MISSING, TIE], [MISSING, MISSING]],
        [[MISSING, MISSING], [MISSING, MISSING], [B, B]],
    ]
    assert vote_table.vote_matrix.domains == ("law",)
    assert vote_table.vote_matrix.domain_P.tolist() == [0, -1]
    assert vote_table.vote_matrix.prompt_P.tolist() == [0, 1]
    sure = vote_table.vote_matrix.confidence_PRO
    assert sure is not None
    assert sure[0, 0, 0] == pytest.approx(0.8)
    assert np.isnan(sure[0, 0, 1])
    assert vote_table.votes == 3


def test_a_trained_judge_s_probabilities_become_mean_log_odds() -> None:
    votes = [
        UsableVote(5, 7, Order.AB, Choice.A, 0.8, 0.8),
        UsableVote(5, 7, Order.BA, Choice.A, 0.6, 0.6),
        UsableVote(5, 8, Order.AB, Choice.B, 0.9),
    ]
    found = vote_arrays.read_vote_table([pair(5)], votes, VERSIONS[:2]).vote_matrix
    assert found.log_odds_PR is not None
    # (ln(.8/.2) + ln(.6/.4)) / 2 = (1.3863 + .4055) / 2
    assert found.log_odds_PR[0, 0] == pytest.approx(0.8959, abs=1e-4)
    assert np.isnan(found.log_odds_PR[0, 1])
    assert found.weighed_R.tolist() == [0]
    assert (
        vote_arrays.read_vote_table([pair(5)], votes[2:], VERSIONS).vote_matrix.log_odds_PR is None
    )


@pytest.mark.parametrize(
    ("samples", "pooled"),
    [("aab", A), ("ab", TIE), ("abt", TIE), ("tta", TIE), ("bbbaa", B)],
)
def test_samples_of_one_judge_are_pooled_by_the_most_frequent(samples: str, pooled: int) -> None:
    names = {"a": "a", "b": "b", "t": "tie"}
    votes = [vote(5, 7, "ab", names[s]) for s in samples]
    vote_table = vote_arrays.read_vote_table([pair(5)], votes, VERSIONS[:1])
    assert vote_table.vote_matrix.codes_PRO[0, 0].tolist() == [pooled, MISSING]


def test_the_digest_changes_with_any_vote() -> None:
    first = vote_arrays.read_vote_table([pair(5)], [vote(5, 7, "ab", "a")], VERSIONS[:1])
    same = vote_arrays.read_vote_table([pair(5)], [vote(5, 7, "ab", "a")], VERSIONS[:1])
    other = vote_arrays.read_vote_table([pair(5)], [vote(5, 7, "ba", "a")], VERSIONS[:1])
    assert first.digest == same.digest != other.digest


def test_an_unknown_label_model_is_named() -> None:
    with pytest.raises(BadInput, match="label model 'vote' does not exist"):
        vote_arrays.label_model("vote")
