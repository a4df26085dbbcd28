"""conversations with tools

Prompts keep their tools, responses may be several messages, pairs keep columns of their file,
votes and reviews the scores they came from, and a review that its row gave no time. PostgreSQL
keeps messages as text from now on: chat templates write out a call's arguments in the order of
their keys, which jsonb forgets.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "d5f2a8c61b07"
down_revision = "c41e9a7d2f63"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True)
_JSONB = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_COLUMNS = (
    ("prompts", "tools", _JSON, "what may be called, as JSON schemas"),
    (
        "candidates",
        "messages",
        _JSON,
        "where it is more than one plain message; `text` is how they read",
    ),
    ("pairs", "kept", _JSONB, "columns of its file that were to be kept"),
    ("votes", "score_a", sa.Double(), "where the rater scored each response"),
    ("votes", "score_b", sa.Double(), None),
    ("reviews", "score_a", sa.Double(), "where the rater scored each response"),
    ("reviews", "score_b", sa.Double(), None),
    (
        "reviews",
        "undated",
        sa.Boolean(),
        "its row gave no time; created_at is that of the import",
    ),
)


def upgrade() -> None:
    """Bring the schema forward."""
    for table, name, kind, comment in _COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True, comment=comment))
    if op.get_context().dialect.name == "postgresql":
        op.alter_column(
            "prompts", "messages", type_=sa.JSON(), postgresql_using="messages::json"
        )


def downgrade() -> None:
    """Take the schema back."""
    if op.get_context().dialect.name == "postgresql":
        op.alter_column(
            "prompts", "messages", type_=postgresql.JSONB(), postgresql_using="messages::jsonb"
        )
    for table, name, _, _ in reversed(_COLUMNS):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(name)
