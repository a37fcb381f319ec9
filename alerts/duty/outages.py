"""Outages as they are stored: what each gateway last said, which homes an outage holds, and the check it opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, insert, select, update

from alerts.check import id_from
from alerts.duty.outage import EVERYWHERE, Found, Gateway, OutageKind, find_outages, is_over, sizes
from alerts.duty.tables import hearing, outage, outage_home
from alerts.rows import chunks
from ingest.clock import DAY, Millis
from ingest.reading import DongCode, HouseholdId
from ingest.register import tables as register
from ingest.store import reading
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from rules.outlook import HearingTurn, QuietHome

SHOWN_FOR: Millis = 14 * DAY
LINK = "-"
"""In the place of a gateway's id: our own link to the broker, or our own run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One outage. All instants are home time."""

    id: str
    kind: OutageKind
    target: str
    dong_code: str
    began_at: Millis
    found_at: Millis
    gateways: int
    lost: int
    ended_at: Millis | None
    stage_at: Millis | None
    closed_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageHome:
    """A home inside an outage; `quiet_since` is its last sign of life before."""

    household_id: HouseholdId
    dong_code: DongCode
    quiet_since: Millis | None
    lost_at: Millis
    back_at: Millis | None
    check_id: str | None
    level: Level | None
    told_at: Millis | None


def write_turn(connection: Connection, turn: HearingTurn) -> None:
    """Keep the newest word of a gateway or of our link; an older one, told again by a replay, changes nothing."""
    device = turn.device_id or LINK
    known = connection.execute(select(hearing.c.at).where(hearing.c.device_id == device)).scalar()
    if known is not None and known > turn.at:
        return
    values: dict[str, Any] = {"heard": turn.heard, "since": turn.since, "at": turn.at}
    if turn.device_id is not None:
        home = turn.homes[0]
        values |= {"household_id": home.household_id, "quiet_since": home.quiet_since}
    if known is None:
        connection.execute(insert(hearing).values(device_id=device, **values))
    else:
        connection.execute(update(hearing).where(hearing.c.device_id == device).values(**values))
    if turn.device_id is None:
        _turn_link(connection, turn)
    elif turn.heard:
        held = outage_home.c.household_id == turn.homes[0].household_id, outage_home.c.back_at.is_(None)
        lasting = select(outage.c.id).where(outage.c.closed_at.is_(None), outage.c.kind != OutageKind.LINK)
        connection.execute(update(outage_home).where(*held, outage_home.c.outage_id.in_(lasting)).values(back_at=turn.at))


def _turn_link(connection: Connection, turn: HearingTurn) -> None:
    number = id_from("outage", f"{OutageKind.LINK}:{turn.since}")
    if turn.heard:
        ended = update(outage).where(outage.c.id == number, outage.c.ended_at.is_(None))
        connection.execute(ended.values(ended_at=turn.at, stage_at=turn.at))
        homes = update(outage_home).where(outage_home.c.outage_id == number, outage_home.c.back_at.is_(None))
        connection.execute(homes.values(back_at=turn.at))
        return
    if connection.execute(select(outage.c.id).where(outage.c.id == number)).first() is not None:
        return
    row = {"id": number, "kind": OutageKind.LINK, "target": EVERYWHERE, "dong_code": EVERYWHERE, "began_at": turn.since}
    count = len(turn.homes)
    connection.execute(insert(outage).values(**row, found_at=turn.at, gateways=count, lost=count, stage_at=turn.at))
    _hold(connection, number, [(home, turn.since) for home in turn.homes])


def _hold(connection: Connection, number: str, homes: Sequence[tuple[QuietHome, Millis]]) -> None:
    rows = {
        home.household_id: {
            "outage_id": number,
            "household_id": home.household_id,
            "dong_code": home.dong_code,
            "quiet_since": home.quiet_since,
            "lost_at": lost_at,
        }
        for home, lost_at in homes
    }
    for part in chunks(rows.values()):
        connection.execute(insert(outage_home), part)


def turn_outages(connection: Connection, now: Millis) -> int:
    """Open the outages that the silent gateways make up, let others join and end; how many began or ended."""
    silent = lost_gateways(connection)
    open_ones = _outages(connection, outage.c.ended_at.is_(None))
    rest = _join(connection, open_ones, silent)
    began: list[Outage] = []
    if rest and not any(one.kind is OutageKind.LINK for one in open_ones):
        began = [_begin(connection, found, now) for found in find_outages(rest, sizes(gateways(connection)), now)]
    return len(began) + len(_end(connection, open_ones, silent, now))


def findings_of(connection: Connection, now: Millis) -> list[Finding]:
    """What the desk has to know of every outage that is not closed; told again, it changes nothing."""
    found: list[Finding] = []
    for one in _outages(connection, outage.c.closed_at.is_(None)):
        found.append(_finding(one, Verb.RAISED, now))
        if one.ended_at is not None:
            found.append(_finding(one, Verb.CLEARED, one.ended_at))
    return found


def _begin(connection: Connection, found: Found, now: Millis) -> Outage:
    number = id_from("outage", f"{found.kind}:{found.target}:{found.began_at}")
    row: dict[str, Any] = {
        "id": number,
        "kind": found.kind,
        "target": found.target,
        "dong_code": found.dong_code,
        "began_at": found.began_at,
        "found_at": now,
        "gateways": found.gateways,
        "lost": len(found.members),
        "stage_at": now,
    }
    connection.execute(insert(outage).values(**row))
    _hold(connection, number, [(_quiet(one), one.lost_at or now) for one in found.members])
    return _outage(connection.execute(select(outage).where(outage.c.id == number)).one())


def _join(connection: Connection, open_ones: Sequence[Outage], lost: Sequence[Gateway]) -> list[Gateway]:
    """Put silent gateways into the open outage of their place; those that are in none."""
    rest: list[Gateway] = []
    joined: dict[str, list[Gateway]] = {one.id: [] for one in open_ones}
    held = {
        (row.outage_id, row.household_id)
        for row in connection.execute(
            select(outage_home.c.outage_id, outage_home.c.household_id).where(outage_home.c.outage_id.in_(list(joined)))
        )
    }
    for one in lost:
        own = next((each for each in open_ones if _explains(each, one)), None)
        if own is None:
            rest.append(one)
        elif (own.id, one.household_id) not in held:
            joined[own.id].append(one)
            held.add((own.id, one.household_id))
    for number, members in joined.items():
        _hold(connection, number, [(_quiet(one), one.lost_at or 0) for one in members])
    return rest


def _explains(one: Outage, gateway: Gateway) -> bool:
    """Whether this gateway fell silent in this outage: never one that had been silent before."""
    if gateway.lost_at is None or gateway.lost_at < one.began_at:
        return False
    return one.kind is OutageKind.LINK or (one.kind, one.target) in gateway.places()


def _end(connection: Connection, open_ones: Sequence[Outage], silent: Sequence[Gateway], now: Millis) -> list[Outage]:
    dark = {one.household_id for one in silent}
    ended = []
    for one in open_ones:
        if one.kind is OutageKind.LINK:
            continue
        held = select(outage_home.c.household_id).where(outage_home.c.outage_id == one.id, outage_home.c.back_at.is_(None))
        count = sum(household in dark for household in connection.execute(held).scalars())
        values: dict[str, Any] = {"lost": max(count, one.lost)}
        if is_over(count, one.gateways):
            values |= {"ended_at": now, "stage_at": now}
            ended.append(one)
        connection.execute(update(outage).where(outage.c.id == one.id).values(**values))
    return ended


def _finding(one: Outage, verb: Verb, at: Millis) -> Finding:
    """The outage as the desk takes it: one check, whose condition is over when the outage is."""
    evidence = Evidence(since=one.began_at, value=float(one.lost), limit=float(one.gateways))
    return Finding(
        finding_id=f"{one.id}:{verb}",
        episode=one.id,
        dong_code=DongCode(one.dong_code),
        household_id=None,
        rule=RuleKey.OUTAGE,
        level=Level.WARNING,
        verb=verb,
        at=at,
        evidence=evidence,
    )


def gateways(connection: Connection) -> list[Gateway]:
    """Every gateway that stands in a home."""
    return [_gateway(row) for row in connection.execute(_standing())]


def lost_gateways(connection: Connection) -> list[Gateway]:
    """Those that are silent now, the first to fall silent first."""
    wanted = _standing().where(hearing.c.heard.is_(False)).order_by(hearing.c.since, hearing.c.device_id)
    return [_gateway(row) for row in connection.execute(wanted)]


def _standing() -> Any:
    homes, devices = register.household, register.device
    joined = devices.join(homes, homes.c.id == devices.c.household_id)
    joined = joined.outerjoin(hearing, and_(hearing.c.device_id == devices.c.id, hearing.c.household_id == homes.c.id))
    columns = (devices.c.id, devices.c.household_id, homes.c.dong_code, homes.c.carrier, homes.c.building)
    known = (hearing.c.heard, hearing.c.since, hearing.c.quiet_since)
    tells = ("," + devices.c.signals + ",").like("%,status,%")
    return select(*columns, *known).select_from(joined).where(tells, homes.c.ended_at.is_(None), homes.c.synthetic.is_(False))


def _gateway(row: Row[Any]) -> Gateway:
    return Gateway(
        device_id=row.id,
        household_id=row.household_id,
        dong_code=row.dong_code,
        carrier=row.carrier,
        building=row.building,
        lost_at=row.since if row.heard is False else None,
        quiet_since=row.quiet_since,
    )


def _quiet(one: Gateway) -> QuietHome:
    return QuietHome(household_id=one.household_id, dong_code=one.dong_code, quiet_since=one.quiet_since)


class Outages:
    """What people ask of outages. `dong` None sees all; a dong sees those that touch it, with its own homes."""

    def __init__(self, engine: Engine) -> None:
        self._reading = reading(engine)

    def recent(self, now: Millis, *, dong: str | None) -> list[Outage]:
        """Those that last, then those of the last 14 days, the newest first."""
        wanted = (outage.c.ended_at.is_(None)) | (outage.c.ended_at > now - SHOWN_FOR)
        with self._reading.begin() as connection:
            found = _outages(connection, wanted)
            if dong is not None:
                here_and_listed = outage_home.c.dong_code == dong, outage_home.c.outage_id.in_([one.id for one in found])
                touched = select(outage_home.c.outage_id).where(*here_and_listed).distinct()
                here = set(connection.execute(touched).scalars())
                found = [one for one in found if one.id in here]
        return sorted(found, key=lambda one: (one.ended_at is not None, -one.began_at))

    def homes(self, outage_id: str, *, dong: str | None) -> list[OutageHome]:
        """The homes of this outage, those that had been quiet longest before it first; never heard is longest of all."""
        wanted = select(outage_home).where(outage_home.c.outage_id == outage_id)
        if dong is not None:
            wanted = wanted.where(outage_home.c.dong_code == dong)
        with self._reading.begin() as connection:
            found = [_home(row) for row in connection.execute(wanted)]
        return sorted(found, key=lambda one: (one.quiet_since or 0, one.household_id))

    def of_home(self, household_id: str) -> Outage | None:
        """The outage this home is in now."""
        inside = select(outage_home.c.outage_id).where(
            outage_home.c.household_id == household_id, outage_home.c.back_at.is_(None)
        )
        with self._reading.begin() as connection:
            return next(iter(_outages(connection, and_(outage.c.ended_at.is_(None), outage.c.id.in_(inside)))), None)


def _outages(connection: Connection, where: Any) -> list[Outage]:
    return [_outage(row) for row in connection.execute(select(outage).where(where).order_by(outage.c.began_at, outage.c.id))]


def _outage(row: Row[Any]) -> Outage:
    values = {name: getattr(row, name) for name in Outage.__slots__ if name != "kind"}
    return Outage(**values, kind=OutageKind(row.kind))


def _home(row: Row[Any]) -> OutageHome:
    values = {name: getattr(row, name) for name in OutageHome.__slots__ if name != "level"}
    return OutageHome(**values, level=None if row.level is None else Level(row.level))
