"""The tables of alerts and checks, of what is due, and of what goes out."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from ingest.store import metadata

Id = BigInteger().with_variant(Integer, "sqlite")

finding = Table(
    "finding",
    metadata,
    Column("id", String(64), primary_key=True),  # Finding.finding_id: taking one again changes nothing
    Column("episode", String(64), nullable=False, index=True),
    Column("subject", String(48), nullable=False, index=True),  # household id, or `device:<id>` of an unclaimed device
    Column("dong_code", String(32), nullable=False),
    Column("rule", String(32), nullable=False),
    Column("level", Integer, nullable=False),
    Column("verb", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),  # home time
    Column("evidence", LargeBinary, nullable=False),  # JSON of `Evidence`
    Column("alert_id", ForeignKey("alert.id")),  # both null: recorded only
    Column("ticket_id", ForeignKey("ticket.id")),
)

ladder = Table(
    "ladder",  # every ladder that a check was ever opened with
    metadata,
    Column("version", String(64), primary_key=True),  # declared, and the hash of the text
    Column("text", Text, nullable=False),  # TOML
)

check = Table(
    "check",  # 안부확인
    metadata,
    Column("id", String(16), primary_key=True),
    Column("code", String(8), nullable=False),  # short, spoken on the phone: A-2K7
    Column("subject", String(48), nullable=False),
    Column("household_id", String(32), index=True),  # null: an urgent signal of an unclaimed device
    Column("dong_code", String(32), nullable=False, index=True),
    Column("level", Integer, nullable=False),  # the highest of its alerts
    Column("state", String(16), nullable=False),  # open, acknowledged, resolved
    Column("condition", String(16), nullable=False),  # raised while any alert is, else undetermined while any is, else cleared
    Column("owner", String(64)),
    Column("opened_at", BigInteger, nullable=False),  # home time, like all below
    Column("risen_at", BigInteger, nullable=False),  # when the level last rose
    Column("acknowledged_at", BigInteger),
    Column("resolved_at", BigInteger),
    Column("outcome", String(32)),
    Column("ladder_version", String(64)),  # of the table above; null: opened before ladders were; climbs the shipped one
    Column("rung", String(32), nullable=False, server_default="officer"),  # the furthest it has come to
    Column("tries", Integer, nullable=False),  # on it, since it last went to the queue
    Column("attempts", Integer, nullable=False, server_default="0"),  # in all
    Column("visit_at", BigInteger),  # since when somebody is on the way
    Column("version", Integer, nullable=False),  # rises at every transition; a stale writer is refused
    Index("ix_check_level_opened_at_id", "level", "opened_at", "id"),
    Index(
        "uq_check_open_code",
        "dong_code",
        "code",
        unique=True,
        sqlite_where=text("state <> 'resolved'"),
        postgresql_where=text("state <> 'resolved'"),
    ),
    Index(
        "uq_check_open_subject",
        "subject",
        unique=True,
        sqlite_where=text("state <> 'resolved'"),
        postgresql_where=text("state <> 'resolved'"),
    ),
)

alert = Table(
    "alert",  # 이상신호: one open per subject and rule
    metadata,
    Column("id", String(16), primary_key=True),
    Column("check_id", ForeignKey("check.id"), nullable=False, index=True),
    Column("subject", String(48), nullable=False),
    Column("rule", String(32), nullable=False),
    Column("level", Integer, nullable=False),  # only ever rises
    Column("condition", String(16), nullable=False),  # raised, cleared, undetermined
    Column("episode", String(64), nullable=False),  # the newest
    Column("raised_at", BigInteger, nullable=False),  # first
    Column("at", BigInteger, nullable=False),  # of the newest finding that raised it
    Column("cleared_at", BigInteger),  # null unless the condition is cleared
    Column("closed_at", BigInteger),  # with its check
    Column("evidence", LargeBinary, nullable=False),  # of the newest finding that raised it
    Column("evidence_level", Integer, nullable=False),  # what that finding said: a later episode may be milder than `level`
    Index(
        "uq_alert_open",
        "subject",
        "rule",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

ticket = Table(
    "ticket",  # 기기 점검
    metadata,
    Column("id", String(16), primary_key=True),
    Column("household_id", String(32), index=True),
    Column("dong_code", String(32), nullable=False, index=True),
    Column("device_id", String(32)),
    Column("rule", String(32), nullable=False),
    Column("level", Integer, nullable=False),
    Column("subject", String(48), nullable=False),  # `device:<id>`, or the household id where no device is named
    Column("state", String(16), nullable=False),  # open, resolved
    Column("condition", String(16), nullable=False),
    Column("episode", String(64), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),  # of the newest finding that raised it
    Column("cleared_at", BigInteger),
    Column("resolved_at", BigInteger),
    Column("resolved_by", String(64)),
    Column("evidence", LargeBinary, nullable=False),
    Column("outage_id", String(16), index=True),  # held under this outage; null: for the installer now
    Index(
        "uq_ticket_open",
        "subject",
        "rule",
        unique=True,
        sqlite_where=text("state <> 'resolved'"),
        postgresql_where=text("state <> 'resolved'"),
    ),
)

transition = Table(
    "transition",  # every change of a check or ticket: who, when, why
    metadata,
    Column("id", Id, primary_key=True),
    Column("check_id", ForeignKey("check.id"), index=True),
    Column("ticket_id", ForeignKey("ticket.id"), index=True),
    Column("at", BigInteger, nullable=False),  # home time
    Column("actor", String(64), nullable=False),  # a login, or `rules`, `tick`
    Column("action", String(32), nullable=False),  # alerts.check.Action
    Column("old", String(16)),  # state before; null: it did not exist
    Column("new", String(16), nullable=False),
    Column("owner", String(64)),  # who held the check until then
    Column("level", Integer, nullable=False),
    Column("reason", String(64), nullable=False),  # a code: the rule, the outcome, `acknowledgement_expired`
    Column("sealed_note", LargeBinary),
)

due = Table(
    "due",  # what must happen at a moment of home time
    metadata,
    Column("id", Id, primary_key=True),
    Column("check_id", ForeignKey("check.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),  # rung, acknowledgement_expires
    Column("due_at", BigInteger, nullable=False, index=True),  # home time
    Column("version", Integer, nullable=False),  # of the check when it was set: a later transition makes it void
    UniqueConstraint("check_id", "kind", "version"),
)

delivery = Table(
    "delivery",  # the outbox
    metadata,
    Column("id", String(32), primary_key=True),  # made of check, step, channel, recipient; the receiver's idempotency key
    Column("check_id", ForeignKey("check.id"), index=True),
    Column("ticket_id", ForeignKey("ticket.id")),
    Column("channel", String(16), nullable=False),  # alerts.contacts.CHANNELS, console
    Column("recipient", String(128), nullable=False),  # a label the channel knows, or a person
    Column("step", String(32), nullable=False),  # <kind>:<n>; rung:<n>:<kind> where it stands only until the check is taken
    Column("level", Integer, nullable=False),  # the gravest goes first
    Column("body", Text, nullable=False),  # JSON without personal fields: level, dong, code, link
    Column("created_at", BigInteger, nullable=False),  # machine time, like all below
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("lease_until", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # alerts.delivery.DeliveryState
    Column("sent_at", BigInteger),
    Column("error", String(255)),
    Column("person", String(96)),  # null: a route of the settings, whose receiver is no person
    Column("telling", String(32), index=True),  # the same for all channels that carry one message to one person
    Column("rank", Integer, nullable=False, server_default="0"),  # 0 goes first, the next is its fallback
    Column("digest", String(32)),  # the telling of the digest it went out in
    Column("reference", String(128), index=True),  # what the provider calls it
    Column("receipt", String(32)),  # what became of it at the receiver's: alerts.delivery.Receipt
    Column("receipt_at", BigInteger),
    Column("not_after", BigInteger),  # home time, alone among these: from then on it must not leave any more
    UniqueConstraint("check_id", "step", "channel", "recipient"),
    Index("ix_delivery_state_channel", "state", "channel"),
    Index("ix_delivery_person_sent_at", "person", "sent_at"),
)

contact_point = Table(
    "contact_point",  # how a person is reached
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", String(96), nullable=False),  # a login
    Column("kind", String(16), nullable=False),  # alerts.contacts.Kind
    Column("position", Integer, nullable=False),  # the lowest is tried first
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM of the address
    Column("created_at", BigInteger, nullable=False),  # machine time
    UniqueConstraint("person", "position"),
)

path_proof = Table(
    "path_proof",  # when a synthetic alarm last came through, for each dong and channel
    metadata,
    Column("dong_code", String(32), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("since", BigInteger, nullable=False),  # machine time like the two below: from when on it has to be proven
    Column("alarmed_at", BigInteger),  # the last alarm that was published
    Column("proven_at", BigInteger),  # the last that its receiver took
    Column("heard_at", BigInteger),  # the rules have found it and the tick has not told it yet
)

attempt = Table(
    "attempt",  # every try to reach somebody: by a rung of the ladder, or by hand
    metadata,
    Column("check_id", ForeignKey("check.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1
    Column("rung", String(32), nullable=False),  # its name, or `hand`
    Column("who", String(16), nullable=False),  # alerts.ladder.Who
    Column("channel", String(16), nullable=False),  # call, message, duty, phone, visit
    Column("actor", String(64), nullable=False),  # `tick`, or a login
    Column("at", BigInteger, nullable=False),  # home time, like all below
    Column("ends_at", BigInteger),  # when the ladder goes on; null: by hand
    Column("told", Integer, nullable=False),  # deliveries written for it to staff
    Column("untold", String(16)),  # alerts.attempt.Untold: why nobody was told; null with told 0: nobody was on duty
    Column("result", String(16)),  # alerts.attempt.Result; null: not known yet
    Column("result_at", BigInteger),
    Column("result_by", String(64)),
    Column("delivery_id", String(32), unique=True),  # of a call or message to the resident
)

live_event = Table(
    "live_event",  # what the live stream replays by Last-Event-ID
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),  # home time
    Column("dong_code", String(32), nullable=False),
    Column("kind", String(32), nullable=False),  # check, ticket
    Column("ref", String(16), nullable=False),  # check or ticket id
    Column("action", String(32), nullable=False),  # alerts.check.Action
    Column("machine_at", BigInteger, nullable=False, index=True),
)

tick_lease = Table(
    "tick_lease",  # whichever process holds it runs the tick
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),  # machine time
)


def open_check() -> ColumnElement[bool]:
    """The checks not resolved; written as the partial indexes are, because SQLite matches them by their text."""
    return check.c.state != literal_column("'resolved'")


def open_ticket() -> ColumnElement[bool]:
    """The tickets not resolved."""
    return ticket.c.state != literal_column("'resolved'")
