"""looks of a batch, and batches given up

A batch with a target may plan several looks at its audits. One that was given up before it had a
certificate promises nothing and keeps no pair; so are those that a later batch had replaced, and
those that stand over pairs of a certificate in force.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7d3c0f5a9b42"
down_revision = "1c2e86b81b01"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
batches = sa.table(
    "batches",
    sa.column("id", sa.BigInteger),
    sa.column("policy", JSON),
    sa.column("given_up_at", sa.DateTime(timezone=True)),
)
certificates = sa.table(
    "certificates",
    sa.column("batch_id", sa.BigInteger),
    sa.column("payload", JSON),
    sa.column("withdrawn_at", sa.DateTime(timezone=True)),
)
routes = sa.table(
    "routes", sa.column("batch_id", sa.BigInteger), sa.column("pair_id", sa.BigInteger)
)
tasks = sa.table(
    "tasks",
    sa.column("id", sa.BigInteger),
    sa.column("batch_id", sa.BigInteger),
    sa.column("kind", sa.String),
    sa.column("status", sa.String),
    sa.column("settled_at", sa.DateTime(timezone=True)),
)
leases = sa.table("leases", sa.column("task_id", sa.BigInteger), sa.column("status", sa.String))


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column(
        "batches",
        sa.Column(
            "looks", JSON, nullable=True, comment="planned ones by stratum: [audits, delta] each"
        ),
    )
    op.add_column(
        "batches",
        sa.Column(
            "given_up_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="before it had a certificate; its answers are ordinary ones since",
        ),
    )
    give_up_replaced(op.get_bind(), datetime.now(UTC))


def give_up_replaced(connection: sa.Connection, at: datetime) -> None:
    """Batches that wait for audits and that nothing asks for any more."""
    known = connection.execute(sa.select(batches.c.id, batches.c.policy)).all()
    made = connection.execute(sa.select(certificates)).all()
    certified = {row.batch_id for row in made}
    standing = [
        row.batch_id
        for row in made
        if row.withdrawn_at is None and (row.payload or {}).get("accepted", 0) > 0
    ]
    newest = max((row.id for row in known), default=0)
    waiting = [
        row.id
        for row in known
        if (row.policy or {}).get("target_error") is not None and row.id not in certified
    ]
    certain = sa.select(routes.c.pair_id).where(routes.c.batch_id.in_(standing))
    over = connection.execute(
        sa.select(routes.c.batch_id)
        .where(routes.c.batch_id.in_(waiting), routes.c.pair_id.in_(certain))
        .distinct()
    )
    gone = {batch for batch in waiting if batch != newest} | set(over.scalars())
    held = sa.select(leases.c.task_id).where(leases.c.status == "active")
    connection.execute(
        batches.update().where(batches.c.id.in_(gone)).values(given_up_at=at)
    )
    connection.execute(
        tasks.update()
        .where(
            tasks.c.batch_id.in_(gone),
            tasks.c.kind == "audit",
            tasks.c.status == "open",
            tasks.c.id.not_in(held),
        )
        .values(status="closed", settled_at=at)
    )


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("batches") as table:
        table.drop_column("given_up_at")
        table.drop_column("looks")
