"""prompts that were erased

A prompt whose texts are gone keeps its hash, so that they do not come back. Nothing is erased yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "c41e9a7d2f63"
down_revision = "b41f7c2d9e60"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column(
        "prompts",
        sa.Column(
            "erased_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="its texts are gone since; the hash stays, so that they do not come back",
        ),
    )


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("prompts") as table:
        table.drop_column("erased_at")
