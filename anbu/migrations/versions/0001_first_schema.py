"""The first schema: register, alerts and checks, accounts, facts on their way to the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table, those referred to first."""
    _create_calls_file()
    _create_check()
    _create_credential()
    _create_dong()
    _create_fact_carrier()
    _create_fact_outbox()
    _create_live_event()
    _create_lost_reading()
    _create_message_outbox()
    _create_posted()
    _create_rejection()
    _create_reread()
    _create_tick_lease()
    _create_ticket()
    _create_unclaimed()
    _create_view_log()
    _create_account()
    _create_alert()
    _create_delivery()
    _create_due()
    _create_household()
    _create_token()
    _create_transition()
    _create_device()
    _create_finding()
    _create_guardian()
    _create_resident()
    _create_session()


def downgrade() -> None:
    """Drop every table, those that refer first."""
    op.drop_table("session")
    op.drop_table("resident")
    op.drop_table("guardian")
    op.drop_table("finding")
    op.drop_table("device")
    op.drop_table("transition")
    op.drop_table("token")
    op.drop_table("household")
    op.drop_table("due")
    op.drop_table("delivery")
    op.drop_table("alert")
    op.drop_table("account")
    op.drop_table("view_log")
    op.drop_table("unclaimed")
    op.drop_table("ticket")
    op.drop_table("tick_lease")
    op.drop_table("reread")
    op.drop_table("rejection")
    op.drop_table("posted")
    op.drop_table("message_outbox")
    op.drop_table("lost_reading")
    op.drop_table("live_event")
    op.drop_table("fact_outbox")
    op.drop_table("fact_carrier")
    op.drop_table("dong")
    op.drop_table("credential")
    op.drop_table("check")
    op.drop_table("calls_file")


def _create_calls_file() -> None:
    op.create_table(
        "calls_file",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_calls_file")),
    )


def _create_check() -> None:
    op.create_table(
        "check",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=48), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("risen_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check")),
    )
    op.create_index(op.f("ix_check_dong_code"), "check", ["dong_code"], unique=False)
    op.create_index(op.f("ix_check_household_id"), "check", ["household_id"], unique=False)
    op.create_index("ix_check_level_opened_at_id", "check", ["level", "opened_at", "id"], unique=False)
    op.create_index(
        "uq_check_open_code",
        "check",
        ["dong_code", "code"],
        unique=True,
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_index(
        "uq_check_open_subject",
        "check",
        ["subject"],
        unique=True,
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )


def _create_credential() -> None:
    op.create_table(
        "credential",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_credential")),
    )


def _create_dong() -> None:
    op.create_table(
        "dong",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_dong")),
    )


def _create_fact_carrier() -> None:
    op.create_table(
        "fact_carrier",
        sa.Column("journal", sa.String(length=32), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal", name=op.f("pk_fact_carrier")),
    )


def _create_fact_outbox() -> None:
    op.create_table(
        "fact_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fact_id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_outbox")),
        sa.UniqueConstraint("fact_id", name=op.f("uq_fact_outbox_fact_id")),
    )


def _create_live_event() -> None:
    op.create_table(
        "live_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("machine_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_event")),
    )
    op.create_index(op.f("ix_live_event_machine_at"), "live_event", ["machine_at"], unique=False)


def _create_lost_reading() -> None:
    op.create_table(
        "lost_reading",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("lost_at", sa.BigInteger(), nullable=False),
        sa.Column("came_late", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot", "first_seq", "noticed_at", name=op.f("pk_lost_reading")),
    )
    op.create_index(op.f("ix_lost_reading_household_id"), "lost_reading", ["household_id"], unique=False)
    op.create_index(op.f("ix_lost_reading_lost_at"), "lost_reading", ["lost_at"], unique=False)


def _create_message_outbox() -> None:
    op.create_table(
        "message_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=255), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_outbox")),
    )


def _create_posted() -> None:
    op.create_table(
        "posted",
        sa.Column("token_id", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_posted")),
    )
    op.create_index(op.f("ix_posted_at"), "posted", ["at"], unique=False)


def _create_rejection() -> None:
    op.create_table(
        "rejection",
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(length=255), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("retried_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("offset", "index", name=op.f("pk_rejection")),
    )
    op.create_index(op.f("ix_rejection_device_id"), "rejection", ["device_id"], unique=False)
    op.create_index(op.f("ix_rejection_received_at"), "rejection", ["received_at"], unique=False)


def _create_reread() -> None:
    op.create_table(
        "reread",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=True),
        sa.Column("dong_code", sa.String(length=32), nullable=True),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), nullable=True),
        sa.Column("until_fact", sa.String(length=64), nullable=True),
        sa.Column("indexes", sa.String(length=64), nullable=False),
        sa.Column("numbered", sa.Boolean(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reread")),
    )
    op.create_index(op.f("ix_reread_done_at"), "reread", ["done_at"], unique=False)


def _create_tick_lease() -> None:
    op.create_table(
        "tick_lease",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tick_lease")),
    )


def _create_ticket() -> None:
    op.create_table(
        "ticket",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=True),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=48), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("episode", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
    )
    op.create_index(op.f("ix_ticket_dong_code"), "ticket", ["dong_code"], unique=False)
    op.create_index(op.f("ix_ticket_household_id"), "ticket", ["household_id"], unique=False)
    op.create_index(
        "uq_ticket_open",
        "ticket",
        ["subject", "rule"],
        unique=True,
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )


def _create_unclaimed() -> None:
    op.create_table(
        "unclaimed",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("dialect", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=True),
        sa.Column("first_offset", sa.BigInteger(), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), nullable=False),
        sa.Column("last_received_at", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(length=255), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_unclaimed")),
    )


def _create_view_log() -> None:
    op.create_table(
        "view_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=False),
        sa.Column("fields", sa.String(length=255), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_view_log")),
    )
    op.create_index("ix_view_log_household_id_at", "view_log", ["household_id", "at"], unique=False)


def _create_account() -> None:
    op.create_table(
        "account",
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dong_code"], ["dong.code"], name=op.f("fk_account_dong_code")),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_account")),
    )


def _create_alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("check_id", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=48), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("episode", sa.String(length=64), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("evidence_level", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["check_id"], ["check.id"], name=op.f("fk_alert_check_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_check_id"), "alert", ["check_id"], unique=False)
    op.create_index(
        "uq_alert_open",
        "alert",
        ["subject", "rule"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("check_id", sa.String(length=16), nullable=True),
        sa.Column("ticket_id", sa.String(length=16), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("recipient", sa.String(length=128), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["check.id"], name=op.f("fk_delivery_check_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_delivery_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("check_id", "step", "channel", "recipient", name=op.f("uq_delivery_check_id_step_channel_recipient")),
    )
    op.create_index(op.f("ix_delivery_check_id"), "delivery", ["check_id"], unique=False)
    op.create_index(op.f("ix_delivery_due_at"), "delivery", ["due_at"], unique=False)
    op.create_index("ix_delivery_state_channel", "delivery", ["state", "channel"], unique=False)


def _create_due() -> None:
    op.create_table(
        "due",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("check_id", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["check_id"], ["check.id"], name=op.f("fk_due_check_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due")),
        sa.UniqueConstraint("check_id", "kind", "version", name=op.f("uq_due_check_id_kind_version")),
    )
    op.create_index(op.f("ix_due_check_id"), "due", ["check_id"], unique=False)
    op.create_index(op.f("ix_due_due_at"), "due", ["due_at"], unique=False)


def _create_household() -> None:
    op.create_table(
        "household",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("grade", sa.String(length=16), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dong_code"], ["dong.code"], name=op.f("fk_household_dong_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
    )
    op.create_index(op.f("ix_household_dong_code"), "household", ["dong_code"], unique=False)


def _create_token() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dong_code"], ["dong.code"], name=op.f("fk_token_dong_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )


def _create_transition() -> None:
    op.create_table(
        "transition",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("check_id", sa.String(length=16), nullable=True),
        sa.Column("ticket_id", sa.String(length=16), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("old", sa.String(length=16), nullable=True),
        sa.Column("new", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("sealed_note", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["check.id"], name=op.f("fk_transition_check_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_transition_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transition")),
    )
    op.create_index(op.f("ix_transition_check_id"), "transition", ["check_id"], unique=False)
    op.create_index(op.f("ix_transition_ticket_id"), "transition", ["ticket_id"], unique=False)


def _create_device() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("signals", sa.String(length=255), nullable=False),
        sa.Column("report_interval_s", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.String(length=255), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_device_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("address", name=op.f("uq_device_address")),
    )
    op.create_index(op.f("ix_device_household_id"), "device", ["household_id"], unique=False)


def _create_finding() -> None:
    op.create_table(
        "finding",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("episode", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=48), nullable=False),
        sa.Column("dong_code", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("alert_id", sa.String(length=16), nullable=True),
        sa.Column("ticket_id", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_finding_alert_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_finding_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_episode"), "finding", ["episode"], unique=False)
    op.create_index(op.f("ix_finding_subject"), "finding", ["subject"], unique=False)


def _create_guardian() -> None:
    op.create_table(
        "guardian",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_guardian_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian")),
    )
    op.create_index(op.f("ix_guardian_household_id"), "guardian", ["household_id"], unique=False)


def _create_resident() -> None:
    op.create_table(
        "resident",
        sa.Column("household_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_resident_household_id")),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_resident")),
    )
    op.create_index(op.f("ix_resident_phone_hash"), "resident", ["phone_hash"], unique=False)


def _create_session() -> None:
    op.create_table(
        "session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["login"], ["account.login"], name=op.f("fk_session_login")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_login"), "session", ["login"], unique=False)
