"""Why a try told nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; of tries made before it is not known."""
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("untold", sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_column("untold")
