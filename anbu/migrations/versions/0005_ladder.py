"""The ladder: each check keeps the one it was opened with, where it has come to, and every try to reach somebody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Checks that are open climb on from the officer's rung; what reminded them before is their present try."""
    op.create_table(
        "ladder",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_ladder")),
    )
    op.create_table(
        "attempt",
        sa.Column("check_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rung", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("result_at", sa.BigInteger(), nullable=True),
        sa.Column("result_by", sa.String(length=64), nullable=True),
        sa.Column("delivery_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["check.id"], name=op.f("fk_attempt_check_id")),
        sa.PrimaryKeyConstraint("check_id", "number", name=op.f("pk_attempt")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_attempt_delivery_id")),
    )
    # ALTER TABLE as both databases know it: a table that others refer to is not made anew.
    op.execute('ALTER TABLE "check" RENAME COLUMN reminders TO tries')
    op.add_column("check", sa.Column("ladder_version", sa.String(length=64), nullable=True))
    op.add_column("check", sa.Column("rung", sa.String(length=32), nullable=False, server_default="officer"))
    op.add_column("check", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("check", sa.Column("visit_at", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("not_after", sa.BigInteger(), nullable=True))
    op.execute("UPDATE due SET kind = 'rung' WHERE kind = 'remind_open'")


def downgrade() -> None:
    """Checks are reminded of as before."""
    op.execute("UPDATE due SET kind = 'remind_open' WHERE kind = 'rung'")
    op.drop_column("delivery", "not_after")
    for column in ("visit_at", "attempts", "rung", "ladder_version"):
        op.drop_column("check", column)
    op.execute('ALTER TABLE "check" RENAME COLUMN tries TO reminders')
    op.drop_table("attempt")
    op.drop_table("ladder")
