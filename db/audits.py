"""Which audits may teach: all but those that still wait for the certificate of their batch.

A frame is frozen with its scores and choices before its audits are drawn, so that nothing learnt
from them later can change what is certified; a later frame leaves the audited pairs out.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Batch, Certificate


def waiting_batches(session: Session) -> frozenset[int]:
    """Batches whose audits teach nothing yet.

    With a target: until a certificate is stored, also one that certifies nothing, or the batch is
    given up. Without one there will be none: until a newer batch exists.
    """
    certified = set(session.scalars(select(Certificate.batch_id)))
    query = select(Batch.id, Batch.policy, Batch.given_up_at).order_by(Batch.id)
    rows = session.execute(query).all()
    newest = rows[-1][0] if rows else None
    return frozenset(
        batch_id
        for batch_id, policy, given_up_at in rows
        if given_up_at is None
        and (
            batch_id not in certified
            if policy.get("target_error") is not None
            else batch_id == newest
        )
    )
