"""How duty is shown to programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.duty.away import Away
from alerts.duty.gaps import NO_ROSTER
from alerts.duty.handovers import Handover
from alerts.duty.outages import Outage, OutageHome
from alerts.duty.roster import Absence, Shift
from alerts.duty.rota import OwnDay, RosterRows
from alerts.duty.silence import Silence
from alerts.duty.tonight import TonightRow
from dashboard_api.api.duty_models import (
    AbsenceOut,
    AwayOut,
    DayOut,
    DongDutyOut,
    HandoverOut,
    OnDutyOut,
    OutageHomeOut,
    OutageOut,
    RosterOut,
    SheetAwayOut,
    SheetCheckOut,
    SheetDueOut,
    SheetSilenceOut,
    ShiftOut,
    SilenceOut,
    TonightHomeOut,
)
from dashboard_api.api.models import LevelWord
from ingest.clock import Millis
from rules.finding import Level


def roster_out(
    rows: RosterRows,
    now: Millis,
    dongs: Sequence[str],
    gaps: Mapping[str, Millis],
    days: Sequence[OwnDay],
    unheard: Mapping[str, str],
) -> RosterOut:
    """The roster as it stands now."""
    period = rows.period(now)
    return RosterOut(
        part=period.part,
        ends_at=period.ends,
        dongs=[
            DongDutyOut(
                dong=dong,
                on_duty=[OnDutyOut(login=one.login, desk=one.desk, full=one.full) for one in rows.on_duty(dong, now)],
                gap=gaps.get(dong),
            )
            for dong in dongs
        ],
        no_roster=NO_ROSTER in gaps,
        shifts=[shift_out(one) for one in rows.shifts],
        absences=[absence_out(one) for one in rows.absences if one.until_at > now],
        days=[day_out(one) for one in days],
        unheard=dict(unheard),
    )


def shift_out(one: Shift) -> ShiftOut:
    """An entry of the roster."""
    return ShiftOut(
        id=one.id,
        desk=one.desk,
        login=one.login,
        dong=one.dong_code,
        position=one.position,
        part=one.part,
        weekdays=one.weekdays,
        from_day=one.from_day.isoformat(),
        until_day=None if one.until_day is None else one.until_day.isoformat(),
    )


def absence_out(one: Absence) -> AbsenceOut:
    """An absence of somebody of the roster."""
    return AbsenceOut(**{name: getattr(one, name) for name in Absence.__slots__})


def day_out(one: OwnDay) -> DayOut:
    """A day of the site's own."""
    return DayOut(day=one.day.isoformat(), off=one.off, name=one.name)


def handover_out(one: Handover) -> HandoverOut:
    """A sheet with its signature."""
    sheet = one.sheet
    return HandoverOut(
        id=one.id,
        dong=one.dong_code,
        made_at=one.made_at,
        gives=one.gives,
        takes=one.takes,
        due_at=one.due_at,
        signed_at=one.signed_at,
        signed_by=one.signed_by,
        escalated_at=one.escalated_at,
        overtaken_at=one.overtaken_at,
        unsigned_before=sheet.unsigned,
        checks=[
            SheetCheckOut(
                id=each.id,
                code=each.code,
                household=each.household_id,
                level=_level(each.level),
                state=each.state,
                owner=each.owner,
                opened_at=each.opened_at,
            )
            for each in sheet.checks
        ],
        silences=[SheetSilenceOut(kind=each.kind, target=each.target, ends_at=each.ends_at) for each in sheet.silences],
        away=[SheetAwayOut(household=each.household_id, returns_at=each.returns_at, reason=each.reason) for each in sheet.away],
        due=[
            SheetDueOut(household=each.household_id, rule=each.rule, level=_level(each.level), due_at=each.due_at)
            for each in sheet.due
        ],
    )


def tonight_out(one: TonightRow) -> TonightHomeOut:
    """A home of tonight's list."""
    return TonightHomeOut(
        household=one.household_id,
        dong=one.dong_code,
        rule=one.rule,
        level=_level(one.level),
        due_at=one.due_at,
        first_due_at=one.first_due_at,
        since=one.since,
        cleared_at=one.cleared_at,
        cleared_by=one.cleared_by,
        how=one.how,
    )


def silence_out(one: Silence) -> SilenceOut:
    """A silence."""
    return SilenceOut(
        id=one.id,
        kind=one.kind,
        target=one.target,
        dong=one.dong_code,
        reason=one.reason,
        author=one.author,
        begins_at=one.begins_at,
        ends_at=one.ends_at,
        note=one.note,
    )


def away_out(one: Away) -> AwayOut:
    """A declared absence."""
    return AwayOut(
        household=one.household_id,
        dong=one.dong_code,
        from_at=one.from_at,
        returns_at=one.returns_at,
        reason=one.reason,
        declared_by=one.declared_by,
    )


def outage_out(one: Outage) -> OutageOut:
    """An outage."""
    return OutageOut(
        id=one.id,
        kind=one.kind,
        target=one.target,
        dong=one.dong_code,
        began_at=one.began_at,
        ended_at=one.ended_at,
        closed_at=one.closed_at,
        gateways=one.gateways,
        lost=one.lost,
    )


def outage_home_out(one: OutageHome) -> OutageHomeOut:
    """A home inside an outage."""
    return OutageHomeOut(
        household=one.household_id,
        dong=one.dong_code,
        quiet_since=one.quiet_since,
        back_at=one.back_at,
        check=one.check_id,
        level=None if one.level is None else _level(one.level),
    )


def _level(level: int) -> LevelWord:
    return LevelWord.of(Level(level))
