"""The order of what certified batches still ask: as answers come, the rest is asked anew."""

import numpy as np

from db import batches, rankings
from db.gold import gold_labels
from db.opinions import human_answers
from db.session import Database
from db.tasks import change, open_escalations
from judges.steps import fit_consensus
from review.routing.ordering import queue_order, review_value
from review.routing.router import RouteOptions


def reorder(database: Database, label_model: str, options: RouteOptions) -> int:
    """Refit, and put the open escalations of batches with a target in the order that teaches most.

    Those of a batch that waits for audits stay mixed among them. How many were put in order; the
    same fit gives the same order.
    """
    with database.read() as session:
        waiting = {batch.id for batch in batches.uncertified(session) if batch.looks != {}}
        target = {
            batch.id
            for batch in batches.all_batches(session)
            if batch.policy.get("target_error") is not None
        }
        rest = [
            (task_id, pair_id, "hard" in reasons)
            for task_id, pair_id, batch_id, reasons in open_escalations(session)
            if batch_id in target - waiting
        ]
    if not rest:
        return 0
    fitted = fit_consensus(database, label_model)
    vote_table = fitted.vote_table
    with database.read() as session:
        settled = rankings.settled(session) | human_answers(session) | gold_labels(session)
    labels_P = vote_table.labels(settled)
    value_P = review_value(
        vote_table.vote_matrix, fitted.consensus, labels_P, tie_ok=options.tie_ok
    )
    row = {pair_id: p for p, pair_id in enumerate(vote_table.pair_ids)}
    known = [(task_id, row[pair_id], hard) for task_id, pair_id, hard in rest if pair_id in row]
    value = value_P[np.array([p for _, p, _ in known], np.int64)]
    hard_T = np.array([hard for *_, hard in known], bool)
    rng = np.random.default_rng(fitted.fit_id)
    order, _ = queue_order(value, hard_T, rng, random_share=options.random_share)
    places = [{"id": known[at][0], "priority": 1.0 - n / len(order)} for n, at in enumerate(order)]
    with database.begin() as session:
        change(session, places)
    return len(places)
