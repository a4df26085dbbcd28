"""what probes of judges showed

A judge version has the outcomes of its probes, and a judge whether it votes without one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "e19b64d7a0c3"
down_revision = "e1b7d4a92c36"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSONB = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column(
        "judges",
        sa.Column(
            "needs_probe",
            sa.Boolean(),
            nullable=True,
            comment="whether a version votes only once it was probed; unset: no",
        ),
    )
    op.create_table(
        "probe_outcomes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("judge_version_id", KEY, nullable=False),
        sa.Column(
            "edition", sa.Integer(), nullable=False, comment="of the changes that were made"
        ),
        sa.Column(
            "verdict", sa.String(16), nullable=False, comment="passed, failed or not visible"
        ),
        sa.Column(
            "suffices",
            sa.Boolean(),
            nullable=False,
            comment="whether it votes where a probe is required",
        ),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("report", _JSONB, nullable=False, comment="figures of every change"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["judge_version_id"],
            ["judge_versions.id"],
            name=op.f("fk_probe_outcomes_judge_version_id_judge_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe_outcomes")),
    )
    op.create_index(
        op.f("ix_probe_outcomes_judge_version_id_id"),
        "probe_outcomes",
        ["judge_version_id", "id"],
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("probe_outcomes")
    with op.batch_alter_table("judges") as table:
        table.drop_column("needs_probe")
