"""${message}

Rules: `alembic check` must find nothing afterwards; tests compare the constraints of a migrated
database with the models'. Never edit a migration that was released. Large tables: add a column
as nullable, fill it in batches, then tighten it.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Bring the schema forward."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take the schema back."""
    ${downgrades if downgrades else "pass"}
