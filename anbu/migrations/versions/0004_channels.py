"""Contact points, fallbacks, digests and receipts of deliveries, synthetic households, and when each path was proven."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create and alter."""
    op.create_table(
        "contact_point",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.String(length=96), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint("person", "position", name=op.f("uq_contact_point_person_position")),
    )
    op.create_table(
        "path_proof",
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("alarmed_at", sa.BigInteger(), nullable=True),
        sa.Column("proven_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dong_code", "channel", name=op.f("pk_path_proof")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person", sa.String(length=96), nullable=True))
        batch_op.add_column(sa.Column("telling", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("rank", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("digest", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("reference", sa.String(length=128), nullable=True))
        batch_op.add_column(sa.Column("receipt", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("receipt_at", sa.BigInteger(), nullable=True))
        batch_op.create_index(batch_op.f("ix_delivery_telling"), ["telling"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_reference"), ["reference"], unique=False)
        batch_op.create_index("ix_delivery_person_sent_at", ["person", "sent_at"], unique=False)
    # Not in a batch: SQLite would copy the table, and could not while others refer to it.
    op.add_column("household", sa.Column("synthetic", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("household", "synthetic")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_delivery_person_sent_at")
        batch_op.drop_index(batch_op.f("ix_delivery_reference"))
        batch_op.drop_index(batch_op.f("ix_delivery_telling"))
        for name in ("receipt_at", "receipt", "reference", "digest", "rank", "telling", "person"):
            batch_op.drop_column(name)
    op.drop_table("path_proof")
    op.drop_table("contact_point")
