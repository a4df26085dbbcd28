"""Pool the votes: the one place where a consensus is made and stored."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.consensus import (
    add_consensus,
    add_fit,
    answers_to_learn_from,
    consensus_of,
    find_fit,
    usable_votes,
    voted_pairs,
    voting_versions,
)
from db.errors import UnknownName
from db.identity import content_hash
from db.models import ConsensusFit
from db.session import Database
from judges import pooling
from judges.pooling import Poll
from judges.results import Pooled
from judges.trust.ballots import Ballots, Consensus, Pooler


def fit_consensus(database: Database, model: str) -> Pooled:
    """Pool all votes by the label model of that name and store the fit with its probabilities.

    Raises UnknownName where there is nothing to pool. Where votes, answers and model are those of
    the newest fit, that fit stands and nothing is stored.
    """
    pooling.check_model(model)
    with database.read() as session:
        versions = voting_versions(session)
        poll = pooling.read_poll(voted_pairs(session), usable_votes(session), versions)
        answers = answers_to_learn_from(session)
    if not poll.votes:
        raise UnknownName("there are no votes to pool; run `tiebreak judge` or import votes first")
    labels = poll.labels(answers)
    known = int((labels >= 0).sum())
    version = content_hash(model, poll.digest, labels.tolist())
    with database.read() as session:
        found = find_fit(session, version)
        rows = consensus_of(session, found.id) if found is not None else {}
    if found is not None:
        stored = pooling.stored_consensus(poll, rows)
        n = len(poll.pair_ids)
        return Pooled(found.id, model, n, poll.votes, known, False, poll, stored)
    pooler, consensus = pooled(poll, labels, model)
    with database.begin() as session:
        fit = ConsensusFit(
            model=model,
            version=version,
            settings=_settings(pooler),
            raters=pooling.rater_figures(poll, consensus),
            n_pairs=len(poll.pair_ids),
            n_votes=poll.votes,
            n_labels=known,
        )
        fit_id = add_fit(session, fit)
        add_consensus(session, pooling.consensus_rows(poll, consensus, fit_id))
    n = len(poll.pair_ids)
    return Pooled(fit_id, model, n, poll.votes, known, True, poll, consensus)


def pooled(poll: Poll, labels_P: NDArray[np.int8], model: str) -> tuple[Pooler, Consensus]:
    """The label model of that name, fitted on a poll and the human answers, and what it says."""
    pooler = pooling.label_model(model)  # imported late: scikit-learn takes a second
    ballots = _with_features(poll, model)
    return pooler, pooler.fit(ballots, labels_P).predict(ballots)


def _with_features(poll: Poll, model: str) -> Ballots:
    if model != "tiebreak":
        return poll.ballots
    from judges.trust.reading import read  # scikit-learn takes a second to import

    return read(poll.ballots, poll.texts)


def _settings(pooler: Any) -> dict[str, Any]:
    """The hyper-parameters of a label model: what its constructor takes."""
    fields = getattr(pooler, "__dataclass_fields__", {})
    return {name: getattr(pooler, name) for name, f in fields.items() if f.init}
