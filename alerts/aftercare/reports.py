"""Neighbours' reports as they are stored: taken once, matched to a household, each the beginning of a check."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, Row, insert, select, update

from alerts.aftercare.report import LONGEST_ADDRESS, LONGEST_TEXT, Report, Words, reported
from alerts.aftercare.tables import neighbour_report
from alerts.check import Conflict, NotFound, Outcome, WrongValue, subject_of
from alerts.desk import Desk
from alerts.tables import check, open_check
from ingest.clock import Clock
from ingest.register import tables as register
from ingest.register.addresses import address_hash
from ingest.register.vault import log_view
from ingest.seal import SealBroken, Sealer
from ingest.store import reading

_log = structlog.get_logger(__name__)
BY_ADDRESS = "address"


class Reports:
    """Safe to use from several threads. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer, desk: Desk) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._sealer = sealer
        self._desk = desk

    def take(self, dong_code: str, words: Words, *, channel: str, number: str) -> Report:
        """Keep the report and open its check; the same `number` of the same channel again changes nothing.

        NotFound for a dong that is not there, WrongValue for words that are missing or too long.
        """
        if not words.address.strip() or not words.text.strip():
            raise WrongValue("report_words", "a report says where, and what is worrying")
        if len(words.address) > LONGEST_ADDRESS or len(words.text) > LONGEST_TEXT or len(words.reporter + words.phone) > 128:
            raise WrongValue("report_words", f"at most {LONGEST_ADDRESS} letters of address and {LONGEST_TEXT} of text")
        with self._engine.begin() as connection:
            if connection.execute(select(register.dong.c.code).where(register.dong.c.code == dong_code)).first() is None:
                raise NotFound("no such dong")
            said = f"{channel}:{number}"
            row = connection.execute(select(neighbour_report).where(neighbour_report.c.number == said)).one_or_none()
            if row is None:
                household = self._living_at(connection, dong_code, words.address)
                values: dict[str, Any] = {"dong_code": dong_code, "came_at": self._clock.home_now(), "channel": channel}
                values |= {"number": said, "household_id": household, "matched_by": BY_ADDRESS if household else None}
                sealed = self._sealer.seal(msgspec.json.encode(words), about=f"report:{said}")
                made = insert(neighbour_report).values(**values, sealed=sealed).returning(neighbour_report)
                row = self._open_check(connection, connection.execute(made).one())
            return self._report(row, opened=False)

    def reports(self, *, dong: str | None, login: str, unmatched: bool = False, limit: int = 100) -> list[Report]:
        """The newest first, with their words; each look is logged against the household where one is known."""
        wanted = select(neighbour_report).order_by(neighbour_report.c.id.desc()).limit(limit)
        if dong is not None:
            wanted = wanted.where(neighbour_report.c.dong_code == dong)
        if unmatched:
            wanted = wanted.where(neighbour_report.c.household_id.is_(None))
        with self._engine.begin() as connection:
            found = [self._report(row, opened=True) for row in connection.execute(wanted).all()]
            for one in found:
                subject = one.household_id or f"report:{one.id}"
                at = self._clock.machine_now()
                log_view(connection, at=at, login=login, household_id=subject, fields="report", purpose="reports")
        return found

    def match(self, report_id: int, household_id: str, *, actor: str, dong: str | None) -> Report:
        """Staff know who is meant: the report joins that household's check, and the check of the unknown address is settled.

        NotFound; Conflict where it is matched already.
        """
        with self._engine.begin() as connection:
            row = connection.execute(select(neighbour_report).where(neighbour_report.c.id == report_id)).one_or_none()
            if row is None or dong not in (None, row.dong_code):
                raise NotFound("no such report")
            if row.household_id is not None:
                raise Conflict("the report is matched to a household already")
            home = register.household
            living = select(home.c.id).where(
                home.c.id == household_id, home.c.dong_code == row.dong_code, home.c.ended_at.is_(None)
            )
            if connection.execute(living).first() is None:
                raise NotFound("no such household is looked after in this dong")
            values = {"household_id": household_id, "matched_by": actor}
            matching = update(neighbour_report).where(neighbour_report.c.id == report_id).values(**values)
            known = connection.execute(matching.returning(neighbour_report)).one()
            matched = self._report(self._open_check(connection, known, attempt=":matched"), opened=False)
        self._settle_unknown(row.check_id, actor, household_id)
        return matched

    def _settle_unknown(self, check_id: str, actor: str, household_id: str) -> None:
        try:
            text = f"가구 {household_id}의 안부확인으로 옮김"
            self._desk.resolve(check_id, actor=actor, dong=None, outcome=Outcome.OTHER, text=text)
        except Conflict:
            _log.info("the check of an unknown address was settled before", check_id=check_id)

    def _open_check(self, connection: Connection, row: Row[Any], *, attempt: str = "") -> Row[Any]:
        """Let the report be an alert of its subject's open check, and name that check in it."""
        raised = reported(self._report(row, opened=False), attempt=attempt)
        self._desk.take_within(connection, [raised])
        mine = select(check.c.id).where(check.c.subject == subject_of(raised), open_check()).scalar_subquery()
        named = update(neighbour_report).where(neighbour_report.c.id == row.id).values(check_id=mine)
        return connection.execute(named.returning(neighbour_report)).one()

    def _living_at(self, connection: Connection, dong_code: str, address: str) -> str | None:
        """The one household of the dong whose resident's address is the one reported; None where none or several are."""
        home, resident = register.household, register.resident
        living = home.c.dong_code == dong_code, home.c.ended_at.is_(None), home.c.synthetic.is_(False)
        there = select(home.c.id).join(resident, resident.c.household_id == home.c.id).where(*living)
        sought = address_hash(self._sealer, address)
        found = connection.execute(there.where(resident.c.address_hash == sought).limit(2)).scalars().all()
        return found[0] if len(found) == 1 else None

    def _report(self, row: Row[Any], *, opened: bool) -> Report:
        words = None
        if opened:
            try:
                words = msgspec.json.decode(self._sealer.open(row.sealed, about=f"report:{row.number}"), type=Words)
            except SealBroken as broken:
                _log.error("a report cannot be opened; check the key", report_id=row.id, why=broken.why)
        return Report(
            id=row.id,
            dong_code=row.dong_code,
            came_at=row.came_at,
            channel=row.channel,
            household_id=row.household_id,
            matched_by=row.matched_by,
            check_id=row.check_id,
            words=words,
        )
