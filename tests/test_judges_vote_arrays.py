"""From stored votes to arrays: samples, orders, names, and which human answers may teach."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session
from test_judges_steps import add

from db.consensus import VotedPair, VoteRow, answers_to_learn_from
from db.errors import BadInput
from db.models import (
    Adjudication,
    Annotator,
    Batch,
    ConsensusFit,
    Gold,
    Retraction,
    Review,
    Task,
)
from db.session import Database
from db.vocabulary import Choice, Order, TaskKind
from judges import vote_arrays
from judges.trust.vote_matrix import MISSING, TIE, A, B

VERSIONS = [(7, "one", "f", "a" * 64), (8, "two", "g", "b" * 64), (9, "two", "g", "c" * 64)]


def pair(pair_id: int, prompt_id: int = 1, domain: str | None = None) -> VotedPair:
    return VotedPair(pair_id, prompt_id, domain, "p", "a", "b", None, None)


def vote(pair_id: int, version: int, order: str, choice: str, sure: float | None = None) -> VoteRow:
    return VoteRow(pair_id, version, Order(order), Choice(choice), sure)


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


def answer(session: Session, pair_id: int, who: int, choice: str, **more: Any) -> Review:
    review = Review(pair_id=pair_id, annotator_id=who, choice=Choice(choice), **more)
    session.add(review)
    session.flush()
    return review


def test_only_answers_that_may_teach_are_learned_from(any_database: Database) -> None:
    add(any_database, 9)
    with any_database.begin() as session:
        session.add_all([Annotator(name=f"n{n}") for n in range(3)])
        fit = ConsensusFit(
            model="m", version="v", settings={}, raters=[], n_pairs=0, n_votes=0, n_labels=0
        )
        session.add(fit)
        session.flush()
        batches = [Batch(fit_id=fit.id, policy={}, seed=1, frame_hash=str(n)) for n in range(2)]
        session.add_all(batches)
        session.flush()
        tasks = [
            Task(kind=TaskKind.AUDIT, pair_id=pair_id, batch_id=batch.id)
            for pair_id, batch in ((1, batches[0]), (2, batches[1]))
        ]
        session.add_all(tasks)
        session.flush()
        answer(session, 1, 1, "a", kind=TaskKind.AUDIT, task_id=tasks[0].id)  # of an earlier batch
        answer(session, 2, 1, "a", kind=TaskKind.AUDIT, task_id=tasks[1].id)  # of the newest
        answer(session, 3, 1, "b")  # imported
        answer(session, 4, 1, "b")
        session.add(Gold(pair_id=4, choice=Choice.B, how={}))
        answer(session, 5, 1, "a", kind=TaskKind.REPEAT)
        answer(session, 6, 1, "a", kind=TaskKind.ESCALATION)  # one against one: nobody knows
        answer(session, 6, 2, "b", kind=TaskKind.ESCALATION)
        for who, choice in ((1, "a"), (2, "b"), (3, "b")):
            answer(session, 7, who, choice, kind=TaskKind.ESCALATION)
        answer(session, 8, 1, "a", kind=TaskKind.ESCALATION)
        session.add(Adjudication(pair_id=8, annotator_id=2, choice=Choice.TIE, reason="both fine"))
        taken_back = answer(session, 9, 1, "a", kind=TaskKind.ESCALATION)
        session.add(Retraction(review_id=taken_back.id, reason="slip"))
    with any_database.read() as session:
        answers = answers_to_learn_from(session)
    assert answers == {1: Choice.A, 3: Choice.B, 7: Choice.B, 8: Choice.TIE}
