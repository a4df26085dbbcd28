"""Pool the votes: the one place where a consensus is made and stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import abstains
from db.consensus import (
    add_consensus,
    add_fit,
    consensus_of,
    find_fit,
    usable_votes,
    voted_pairs,
    voting_versions,
)
from db.errors import UnknownName
from db.identity import content_hash
from db.models import ConsensusFit
from db.opinions import TEACHING, human_answers
from db.probabilities import Probabilities
from db.session import Database, Session
from db.upsert import take_turn
from db.versions import silenced
from judges import vote_arrays
from judges.results import FittedConsensus
from judges.trust.vote_matrix import Consensus, Pooler, VoteMatrix
from judges.vote_arrays import VoteTable

_TURN = 7_246_004  # names the turn in which fits are stored, on PostgreSQL


def fit_consensus(database: Database, model: str) -> FittedConsensus:
    """Pool all votes by the label model of that name and store the fit with its probabilities.

    Raises UnknownName where there is nothing to pool. Where votes, answers and model are those of
    the newest fit, that fit stands and nothing is stored.
    """
    vote_arrays.check_model(model)
    with database.read() as session:
        versions = voting_versions(session)
        vote_table = vote_arrays.read_vote_table(
            voted_pairs(session), usable_votes(session), versions
        )
        answers = human_answers(session, TEACHING)
        why = _nothing(session) if not vote_table.votes else ""
    if not vote_table.votes:
        raise UnknownName(f"there are no votes to pool{why}")
    labels = vote_table.labels(answers)
    known = int((labels >= 0).sum())
    version = content_hash(model, vote_table.digest, labels.tolist())
    with database.read() as session:
        found = find_fit(session, version)
        rows = consensus_of(session, found.id) if found is not None else {}
    if found is not None:
        return _known(found, vote_table, rows, known)
    pooler, consensus = pooled(vote_table, labels, model)
    with database.begin() as session:
        take_turn(session, _TURN)
        found = find_fit(session, version)  # another process may have pooled the same meanwhile
        if found is not None:
            return _known(found, vote_table, consensus_of(session, found.id), known)
        fit = ConsensusFit(
            model=model,
            version=version,
            settings=_settings(pooler),
            raters=vote_arrays.rater_figures(vote_table, consensus),
            n_pairs=len(vote_table.pair_ids),
            n_votes=vote_table.votes,
            n_labels=known,
        )
        fit_id = add_fit(session, fit)
        add_consensus(session, vote_arrays.consensus_rows(vote_table, consensus, fit_id))
    n = len(vote_table.pair_ids)
    return FittedConsensus(fit_id, model, n, vote_table.votes, known, True, vote_table, consensus)


def _known(
    fit: ConsensusFit, vote_table: VoteTable, rows: Mapping[int, Probabilities], labels: int
) -> FittedConsensus:
    """The same votes were pooled before."""
    stored = vote_arrays.stored_consensus(vote_table, rows)
    n = len(vote_table.pair_ids)
    return FittedConsensus(
        fit.id, fit.model, n, vote_table.votes, labels, False, vote_table, stored
    )


def pooled(
    vote_table: VoteTable, labels_P: NDArray[np.int8], model: str
) -> tuple[Pooler, Consensus]:
    """The label model of that name, fitted on votes and human answers, and what it says."""
    pooler = vote_arrays.label_model(model)  # imported late: scikit-learn takes a second
    vote_matrix = _with_features(vote_table, model)
    return pooler, pooler.fit(vote_matrix, labels_P).predict(vote_matrix)


def _with_features(vote_table: VoteTable, model: str) -> VoteMatrix:
    if model != "tiebreak":
        return vote_table.vote_matrix
    from judges.trust.reading import read  # scikit-learn takes a second to import

    return read(vote_table.vote_matrix, vote_table.texts)


def _settings(pooler: Any) -> dict[str, Any]:
    """The hyper-parameters of a label model: what its constructor takes."""
    fields = getattr(pooler, "__dataclass_fields__", {})
    return {name: getattr(pooler, name) for name, f in fields.items() if f.init}


def _nothing(session: Session) -> str:
    """Why nothing can be pooled, and the way out."""
    if silent := silenced(session):
        told = "".join(f"; judge {name!r} does not vote: {why}" for name, why in silent.items())
        return f"; run `tiebreak probe`{told}"
    if not (reasons := abstains.without_a_word(session)):
        return "; run `tiebreak judge` or import votes first"
    way = "ask other judges, or import votes"
    if abstains.accidental(reasons):
        way = "mend it, and ask again with `tiebreak judge --retry-abstains all`"
    return (
        f", as {reasons.total():,} say nothing ({abstains.told(reasons)}); see what was said with "
        f"`tiebreak show PAIR`, {way}"
    )
