"""Notes on a home's weeks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "trend_note",
        sa.Column("note_id", sa.String(length=24), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.String(length=16), nullable=False),
        sa.Column("recent", sa.Float(), nullable=False),
        sa.Column("past", sa.Float(), nullable=False),
        sa.Column("recent_days", sa.Integer(), nullable=False),
        sa.Column("past_days", sa.Integer(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=False),
        sa.Column("q", sa.Float(), nullable=False),
        sa.Column("rule_version", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_trend_note")),
    )
    with op.batch_alter_table("trend_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trend_note_household_id"), ["household_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("trend_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trend_note_household_id"))

    op.drop_table("trend_note")
