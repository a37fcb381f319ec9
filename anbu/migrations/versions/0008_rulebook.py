"""The rulebook: every change of a limit, with who and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it."""
    op.create_table(
        "rule_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fact_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("season", sa.String(length=16), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("rule", sa.String(length=32), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("limit_value", sa.Float(), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_change")),
        sa.UniqueConstraint("fact_id", name=op.f("uq_rule_change_fact_id")),
    )
    with op.batch_alter_table("rule_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rule_change_household_id"), ["household_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rule_change_kind"), ["kind"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("rule_change")
