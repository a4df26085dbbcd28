"""what a reservation has paid and to whom, claims on texts, the process of a run

What is set aside tells its known part apart, so that a bill can free the rest. Of what is settled
already nothing is known to be free; of what a killed run left open, stored votes are known.
"""

import sqlalchemy as sa
from alembic import op

revision = "b41f7c2d9e60"
down_revision = "7d3c0f5a9b42"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FILL = """
UPDATE reservations SET
    paid_nanousd = coalesce(settled_nanousd, (
        SELECT min(known) FROM (
            SELECT reservations.reserved_nanousd AS known
            UNION ALL
            SELECT coalesce(sum(votes.cost_nanousd), 0) FROM votes
            WHERE votes.run_id = reservations.run_id
                AND votes.judge_version_id = reservations.judge_version_id
        ) AS parts
    )),
    asked = (
        SELECT judges.name FROM judge_versions JOIN judges ON judges.id = judge_versions.judge_id
        WHERE judge_versions.id = reservations.judge_version_id
    ),
    provider = (SELECT v.provider FROM judge_versions v WHERE v.id = judge_version_id),
    model = (SELECT v.model FROM judge_versions v WHERE v.id = judge_version_id)
"""


def upgrade() -> None:
    """Bring the schema forward."""
    with op.batch_alter_table("reservations") as table:
        table.add_column(
            sa.Column(
                "paid_nanousd",
                sa.BigInteger(),
                nullable=True,
                comment="of it, what answers that came in have cost",
            )
        )
        table.add_column(
            sa.Column(
                "asked", sa.String(200), nullable=True, comment="name of the judge or generator"
            )
        )
        table.add_column(sa.Column("provider", sa.String(40), nullable=True))
        table.add_column(sa.Column("model", sa.String(300), nullable=True))
    op.execute(FILL)
    with op.batch_alter_table("reservations") as table:
        table.alter_column("paid_nanousd", existing_type=sa.BigInteger(), nullable=False)
    op.add_column(
        "runs",
        sa.Column(
            "process",
            sa.String(80),
            nullable=True,
            comment="boot and start of its process, which its number alone does not tell",
        ),
    )
    # What was called killed until now has been gone on with; from now on the word means: not yet.
    op.execute("UPDATE runs SET error = 'killed; a later run went on' WHERE error = 'killed'")
    op.create_table(
        "text_claims",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False, comment="of the event that will note it"),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("source", sa.String(300), nullable=False, comment="the label of who writes"),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_text_claims_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_claims")),
        sa.UniqueConstraint(
            "kind", "subject", "source", name=op.f("uq_text_claims_kind_subject_source")
        ),
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("text_claims")
    with op.batch_alter_table("runs") as table:
        table.drop_column("process")
    with op.batch_alter_table("reservations") as table:
        for name in ("model", "provider", "asked", "paid_nanousd"):
            table.drop_column(name)
