"""Where homes are silent together: carrier and building, hearing, outages, tickets under them, floods."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "flood",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flood")),
    )
    with op.batch_alter_table("flood", schema=None) as batch_op:
        batch_op.create_index(
            "uq_flood_open",
            ["login"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "hearing",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("heard", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("quiet_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_hearing")),
    )
    with op.batch_alter_table("hearing", schema=None) as batch_op:
        batch_op.create_index("ix_hearing_heard_since", ["heard", "since"], unique=False)

    op.create_table(
        "outage",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("gateways", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("stage_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
    )
    with op.batch_alter_table("outage", schema=None) as batch_op:
        batch_op.create_index(
            "uq_outage_open",
            ["kind", "target"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "outage_home",
        sa.Column("outage_id", sa.String(length=16), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("quiet_since", sa.BigInteger(), nullable=True),
        sa.Column("lost_at", sa.BigInteger(), nullable=False),
        sa.Column("back_at", sa.BigInteger(), nullable=True),
        sa.Column("check_id", sa.String(length=16), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["outage_id"], ["outage.id"], name=op.f("fk_outage_home_outage_id")),
        sa.PrimaryKeyConstraint("outage_id", "household_id", name=op.f("pk_outage_home")),
    )
    with op.batch_alter_table("outage_home", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outage_home_household_id"), ["household_id"], unique=False)

    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carrier", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("building", sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f("ix_household_building"), ["building"], unique=False)
        batch_op.create_index(batch_op.f("ix_household_carrier"), ["carrier"], unique=False)

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("outage_id", sa.String(length=16), nullable=True))
        batch_op.create_index(batch_op.f("ix_ticket_outage_id"), ["outage_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ticket_outage_id"))
        batch_op.drop_column("outage_id")

    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_household_carrier"))
        batch_op.drop_index(batch_op.f("ix_household_building"))
        batch_op.drop_column("building")
        batch_op.drop_column("carrier")

    with op.batch_alter_table("outage_home", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outage_home_household_id"))

    op.drop_table("outage_home")
    with op.batch_alter_table("outage", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_outage_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )

    op.drop_table("outage")
    with op.batch_alter_table("hearing", schema=None) as batch_op:
        batch_op.drop_index("ix_hearing_heard_since")

    op.drop_table("hearing")
    with op.batch_alter_table("flood", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_flood_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )

    op.drop_table("flood")
