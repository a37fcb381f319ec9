"""The roster: shifts, absences, the site's own days, caps, and gaps in which nobody has duty."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "duty_absence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("substitute", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(length=64), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_absence")),
    )
    with op.batch_alter_table("duty_absence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_absence_until_at"), ["until_at"], unique=False)

    op.create_table(
        "duty_cap",
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("open_checks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_duty_cap")),
    )
    op.create_table(
        "duty_day",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("off", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_duty_day")),
    )
    op.create_table(
        "duty_gap",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_gap")),
    )
    with op.batch_alter_table("duty_gap", schema=None) as batch_op:
        batch_op.create_index(
            "uq_duty_gap_open",
            ["dong_code"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "duty_shift",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("desk", sa.String(length=16), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=True),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=True),
        sa.Column("weekdays", sa.String(length=7), nullable=False),
        sa.Column("from_day", sa.String(length=10), nullable=False),
        sa.Column("until_day", sa.String(length=10), nullable=True),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(length=64), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shift")),
    )
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_duty_shift_dong_code"), ["dong_code"], unique=False)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("duty_shift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_shift_dong_code"))

    op.drop_table("duty_shift")
    with op.batch_alter_table("duty_gap", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_duty_gap_open", sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")
        )

    op.drop_table("duty_gap")
    op.drop_table("duty_day")
    op.drop_table("duty_cap")
    with op.batch_alter_table("duty_absence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_duty_absence_until_at"))

    op.drop_table("duty_absence")
