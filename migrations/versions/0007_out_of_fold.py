"""votes of trained judges on what they learnt from

A vote says whether it was given by a model blind to the prompt, or by a judge that learnt from it.
"""

import sqlalchemy as sa
from alembic import op

revision = "e1b7d4a92c36"
down_revision = "a7c3e90b4d18"
branch_labels = None
depends_on = None

_COMMENT = "true: by a model blind to the prompt; false: by a judge that learnt from it"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("votes", sa.Column("out_of_fold", sa.Boolean(), nullable=True, comment=_COMMENT))


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("votes") as table:
        table.drop_column("out_of_fold")
