"""one judge, one voter

A judge names the version that votes for it, and how it stands: configured, history or retired.
"""

import sqlalchemy as sa
from alembic import op

revision = "a7c3e90b4d18"
down_revision = "d5f2a8c61b07"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("current_version_id", sa.Integer(), "the version that votes; unset: the newest"),
    ("standing", sa.String(16), "configured, history or retired; unset: nobody has said"),
)


def upgrade() -> None:
    """Bring the schema forward."""
    for name, kind, comment in _COLUMNS:
        op.add_column("judges", sa.Column(name, kind, nullable=True, comment=comment))


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("judges") as table:
        for name, *_ in _COLUMNS:
            table.drop_column(name)
