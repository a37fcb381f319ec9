"""The tables of duty."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from ingest.store import metadata

Id = BigInteger().with_variant(Integer, "sqlite")

duty_shift = Table(
    "duty_shift",  # the roster; a row taken off stays, so that it can be said who had duty on any day
    metadata,
    Column("id", Id, primary_key=True),
    Column("desk", String(16), nullable=False),  # dong, night, supervisor
    Column("dong_code", String(32), index=True),  # null: for every dong
    Column("login", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("part", String(8)),  # day, night; null: both
    Column("weekdays", String(7), nullable=False),  # "1" Monday to "7" Sunday
    Column("from_day", String(10), nullable=False),  # ISO date in Asia/Seoul, like `until_day`
    Column("until_day", String(10)),
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),  # home time, like `removed_at`
    Column("removed_by", String(64)),
    Column("removed_at", BigInteger),
)

duty_absence = Table(
    "duty_absence",
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", String(64), nullable=False),
    Column("from_at", BigInteger, nullable=False),  # home time, like `until_at`
    Column("until_at", BigInteger, nullable=False, index=True),
    Column("substitute", String(64)),
    Column("reason", String(16), nullable=False),  # leave, sick, training, other
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("removed_by", String(64)),
    Column("removed_at", BigInteger),
)

duty_day = Table(
    "duty_day",  # what the site says of a day itself: 임시공휴일, or a day off by law that is worked
    metadata,
    Column("day", String(10), primary_key=True),  # ISO date in Asia/Seoul
    Column("off", Boolean, nullable=False),
    Column("name", String(64), nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),
)

duty_cap = Table(
    "duty_cap",  # how many open checks a person may hold before the next is asked
    metadata,
    Column("login", String(64), primary_key=True),
    Column("open_checks", Integer, nullable=False),
)

duty_gap = Table(
    "duty_gap",  # a dong for which nobody has duty ("-": the roster is empty): an alert to the supervisors
    metadata,
    Column("id", Id, primary_key=True),
    Column("dong_code", String(32), nullable=False),
    Column("found_at", BigInteger, nullable=False),  # home time, like `closed_at`
    Column("closed_at", BigInteger),
    Index(
        "uq_duty_gap_open",
        "dong_code",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

duty_now = Table(
    "duty_now",  # who answers first for each dong since when: another login there is a change of duty
    metadata,
    Column("dong_code", String(32), primary_key=True),
    Column("login", String(64), nullable=False),
    Column("since", BigInteger, nullable=False),  # home time
)

handover = Table(
    "handover",  # 인수인계: what one desk leaves to the next, signed by the one who takes over
    metadata,
    Column("id", Id, primary_key=True),
    Column("dong_code", String(32), nullable=False, index=True),
    Column("made_at", BigInteger, nullable=False),  # home time, like all below
    Column("duty_ends_at", BigInteger, nullable=False),
    Column("gives", String(64), nullable=False),  # login
    Column("takes", String(64), nullable=False),  # login: the first of those who have duty now
    Column("body", LargeBinary, nullable=False),  # JSON of `alerts.duty.sheet.Sheet`
    Column("due_at", BigInteger, nullable=False),  # signed until then, or the supervisors are told
    Column("signed_at", BigInteger),
    Column("signed_by", String(64)),
    Column("escalated_at", BigInteger),
    Column("overtaken_at", BigInteger),  # the next change of duty came before it was signed
    Index("uq_handover_dong_made", "dong_code", "made_at", unique=True),
    Index("ix_handover_signed_at_due_at", "signed_at", "due_at"),
)

tonight = Table(
    "tonight",  # the homes whose next level falls between 18:00 and 09:00, as seen at 17:00
    metadata,
    Column("evening", String(10), primary_key=True),  # ISO date in Asia/Seoul
    Column("household_id", String(32), primary_key=True),
    Column("dong_code", String(32), nullable=False),
    Column("rule", String(32), nullable=False),  # of the worst level
    Column("level", Integer, nullable=False),  # the worst that falls due in the night
    Column("due_at", BigInteger, nullable=False),  # home time: when that level falls due, like `first_due_at`
    Column("first_due_at", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),  # the last sign of life that the rule counts from
    Column("made_at", BigInteger, nullable=False),
    Column("cleared_at", BigInteger),
    Column("cleared_by", String(64)),
    Column("how", String(16)),  # alerts.duty.tonight.How
)

away = Table(
    "away",  # absences that staff declared
    metadata,
    Column("id", Id, primary_key=True),
    Column("household_id", String(32), nullable=False, index=True),
    Column("dong_code", String(32), nullable=False),
    Column("from_at", BigInteger, nullable=False),  # home time, like `returns_at` and `ended_at`
    Column("returns_at", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("declared_by", String(64), nullable=False),
    Column("ended_at", BigInteger),  # before its return time: they are back, or another was declared
    Column("ended_by", String(64)),
)

silence = Table(
    "silence",  # 알림 중지: notices held back, never an alert
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),  # household, device, rule, dong
    Column("target", String(48), nullable=False),  # household or device id, rule key, dong code
    Column("dong_code", String(32), index=True),  # whose homes it touches; null: a rule in every dong
    Column("reason", String(16), nullable=False),  # alerts.duty.silence.SilenceReason
    Column("sealed_note", LargeBinary),
    Column("author", String(64), nullable=False),
    Column("begins_at", BigInteger, nullable=False),  # home time, like all below
    Column("ends_at", BigInteger, nullable=False, index=True),
    Column("lifted_at", BigInteger),  # before its end
    Column("lifted_by", String(64)),
    Column("closed_at", BigInteger),  # its end was told, and what it held back was looked at again
)

hearing = Table(
    "hearing",  # the newest word of each gateway, and ("-") of our own link: heard or lost
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("household_id", String(32)),  # null: our own link
    Column("heard", Boolean, nullable=False),
    Column("since", BigInteger, nullable=False),  # home time at which it was lost, like `at`
    Column("at", BigInteger, nullable=False),  # of this word: an older one told again changes nothing
    Column("quiet_since", BigInteger),  # the home's last sign of life before; null: there was none
    Index("ix_hearing_heard_since", "heard", "since"),
)

outage = Table(
    "outage",  # 통신 두절
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),  # building, dong, carrier, site, link
    Column("target", String(64), nullable=False),  # building, dong or carrier; "-": the site, or our link
    Column("dong_code", String(32), nullable=False),  # "-": of several dongs
    Column("began_at", BigInteger, nullable=False),  # home time, like all below
    Column("found_at", BigInteger, nullable=False),
    Column("gateways", Integer, nullable=False),  # how many the place has
    Column("lost", Integer, nullable=False),  # the most that were silent at once
    Column("ended_at", BigInteger),
    Column("stage_at", BigInteger),  # when its homes are looked at next: digests while it lasts, stages after its end
    Column("closed_at", BigInteger),  # the last stage is done
    Index(
        "uq_outage_open",
        "kind",
        "target",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

outage_home = Table(
    "outage_home",
    metadata,
    Column("outage_id", ForeignKey("outage.id"), primary_key=True),
    Column("household_id", String(32), primary_key=True, index=True),
    Column("dong_code", String(32), nullable=False),
    Column("quiet_since", BigInteger),  # home time of the last sign of life before the outage, like all below
    Column("lost_at", BigInteger, nullable=False),
    Column("back_at", BigInteger),
    Column("check_id", String(16)),  # the check whose notices wait for the digest
    Column("level", Integer),  # of that check when it was held
    Column("told_at", BigInteger),  # in the newest digest
    Column("released_at", BigInteger),  # from here on its check is told of like any other
)

flood = Table(
    "flood",  # one person was given more new checks than one can take (ISA-18.2)
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", String(64), nullable=False),
    Column("began_at", BigInteger, nullable=False),  # home time, like `ended_at`
    Column("second", String(64)),  # who was called in; null: nobody else is there
    Column("ended_at", BigInteger),
    Index(
        "uq_flood_open",
        "login",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)
