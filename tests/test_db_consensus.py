"""A trained judge's votes do not count on the prompts it learnt from; those out of fold do."""

from review_worlds import add_pairs

from db.consensus import usable_votes
from db.judges import judge_version
from db.models import Checkpoint, Dataset, DatasetItem, Pair, Preference, Vote
from db.session import Database
from db.vocabulary import CheckpointKind, Choice, Order, Provider, Source


def test_votes_on_learnt_prompts_are_left_out(any_database: Database) -> None:
    trained_on, held_out = add_pairs(any_database, 2)
    with any_database.begin() as session:
        dataset = Dataset(name="d", path="d", content_hash="0" * 64, manifest={})
        label = Preference(
            pair_id=trained_on, choice=Choice.A, p_a=1, p_tie=0, p_b=0, source=Source.REVIEW
        )
        session.add_all([dataset, label])
        session.flush()
        session.add(DatasetItem(dataset_id=dataset.id, preference_id=label.id, split="train"))
        session.add(
            Checkpoint(
                name="judge-1", kind=CheckpointKind.JUDGE, path="c", content_hash="1" * 64,
                base="tiny", dataset_id=dataset.id, settings={}, metrics={},
            )
        )  # fmt: skip
        versions = [
            judge_version(
                session, name=name, family=name, version=name, provider=provider, config={}
            ).id
            for name, provider in (("judge-1", Provider.LOCAL), ("other", Provider.RECORDED))
        ]
        session.add_all(
            Vote(pair_id=pair, judge_version_id=version, order=Order.AB, choice=Choice.A)
            for pair in (trained_on, held_out)
            for version in versions
        )
    with any_database.read() as session:
        assert session.query(Pair).count() == 2
        counted = {(v.pair_id, v.version_id) for v in usable_votes(session)}
    local, other = versions
    assert counted == {(held_out, local), (trained_on, other), (held_out, other)}

    with any_database.begin() as session:
        # What a model blind to the prompt said counts; what says that it is learnt never does.
        for pair, blind in ((trained_on, True), (held_out, False)):
            vote = Vote(
                pair_id=pair, judge_version_id=local, order=Order.BA, choice=Choice.B,
                out_of_fold=blind,
            )  # fmt: skip
            session.add(vote)
    with any_database.read() as session:
        found = {(v.pair_id, v.order) for v in usable_votes(session) if v.version_id == local}
    assert found == {(trained_on, Order.BA), (held_out, Order.AB)}
