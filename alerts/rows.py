"""How checks and alerts become rows and come back; every function works inside the caller's transaction.

Nothing is locked row by row: a transaction that writes is the only one that does (ingest/store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BindParameter, Connection, Row, Select, and_, bindparam, delete, exists, insert, or_, select, update

from alerts.attempt import HAND, Attempt, Result, Untold
from alerts.check import (
    Alert,
    Check,
    CheckState,
    Condition,
    Conflict,
    Due,
    DueKind,
    Outcome,
    worst_first,
)
from alerts.code import codes_of
from alerts.delivery import DeliveryState
from alerts.ladder import Ladder, Who, load_ladder, read_ladder
from alerts.tables import alert, attempt, check, delivery, due, finding, ladder, open_check
from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey

_CHUNK = 400
"""Values in one IN list: below every store's limit on bound parameters."""

_CODES_AT_ONCE = 16

THESE: BindParameter[Any] = bindparam("these", expanding=True)
THIS: BindParameter[Any] = bindparam("this")
"""What statements that are built once, because building one takes longer than running it, are given each time."""

_ALERTS = select(alert).where(alert.c.check_id.in_(THESE))
_DUES = select(due).where(due.c.check_id.in_(THESE))
_LADDERS = select(ladder).where(ladder.c.version.in_(THESE))
_CHECK = select(check).where(check.c.id == THIS)
_OPEN_CHECKS = select(check).where(check.c.subject.in_(THESE), open_check())
_KNOWN = select(finding.c.id).where(finding.c.id.in_(THESE))
_CHANGE_CHECK = update(check).where(check.c.id == THIS, check.c.version == bindparam("was"))
_CHANGE_ALERT = update(alert).where(alert.c.id == THIS)
_DROP_DUE = delete(due).where(due.c.check_id == THIS)
_CLOSE_TRIES = update(attempt).where(attempt.c.check_id == THIS, attempt.c.result.is_(None), attempt.c.rung != HAND)

evidence_decoder: msgspec.json.Decoder[Evidence] = msgspec.json.Decoder(Evidence)
_Item = TypeVar("_Item")


def chunks(items: Iterable[_Item], most: int = _CHUNK) -> Iterator[list[_Item]]:
    """The items in lists of `most`: unless told, short enough for one statement."""
    rest = iter(items)
    while part := list(islice(rest, most)):
        yield part


def rows_in(connection: Connection, query: Select[Any], values: Collection[Any]) -> list[Row[Any]]:
    """All rows of a query that asks for `THESE`."""
    return [row for part in chunks(values) for row in connection.execute(query, {"these": part})]


def load_checks(connection: Connection, query: Select[Any], given: dict[str, Any] | None = None) -> list[Check]:
    """The checks that a select on the check table finds, in its order, with alerts, due rows and ladders: four statements.

    `given`: the values of what the select leaves open.
    """
    rows = connection.execute(query, given).all()
    ids = [row.id for row in rows]
    alerts: dict[str, list[Alert]] = {number: [] for number in ids}
    for row in rows_in(connection, _ALERTS, ids):
        alerts[row.check_id].append(_alert(row))
    dues = {(row.check_id, row.version): _due(row) for row in rows_in(connection, _DUES, ids)}
    ladders = _ladders(connection, {row.ladder_version for row in rows})
    return [_check(row, tuple(alerts[row.id]), dues.get((row.id, row.version)), ladders[row.ladder_version]) for row in rows]


def _ladders(connection: Connection, versions: Collection[str | None]) -> dict[str | None, Ladder]:
    wanted = sorted(version for version in versions if version is not None)
    found = rows_in(connection, _LADDERS, wanted)
    kept: dict[str | None, Ladder] = {row.version: read_ladder(row.text, row.version) for row in found}
    if None in versions:
        kept[None] = load_ladder()
    return kept


def load_check(connection: Connection, check_id: str) -> Check | None:
    """The check; None where there is none."""
    found = load_checks(connection, _CHECK, {"this": check_id})
    return found[0] if found else None


def open_checks_of(connection: Connection, subjects: Collection[str]) -> dict[str, Check]:
    """The open check of each of these subjects that has one."""
    found: list[Check] = []
    for part in chunks(sorted(subjects)):
        found += load_checks(connection, _OPEN_CHECKS, {"these": part})
    return {each.subject: each for each in found}


def known_findings(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of the finding ids that were taken before."""
    return {row.id for row in rows_in(connection, _KNOWN, ids)}


def free_code(connection: Connection, check_id: str, dong_code: str) -> str:
    """The first of the check's codes that no open check of the dong has."""
    start = 0
    while True:
        wanted = codes_of(check_id, _CODES_AT_ONCE, start)
        query = select(check.c.code).where(open_check(), check.c.dong_code == dong_code, check.c.code.in_(wanted))
        taken = set(connection.execute(query).scalars())
        for code in wanted:
            if code not in taken:
                return code
        start += _CODES_AT_ONCE


def write_check(connection: Connection, before: Check | None, after: Check, ladders: set[str]) -> None:
    """Write what changed between `before` (None: it is new) and `after`; Conflict if another writer was in between.

    `ladders`: the versions known to be kept; what is found out about them is added.
    """
    values = {name: getattr(after, name) for name in _CHECK_COLUMNS}
    if before is None:
        connection.execute(insert(check), {"ladder_version": _kept(connection, after.ladder, ladders), **values})
    else:
        done = connection.execute(_CHANGE_CHECK, {"this": after.id, "was": before.version, **values})
        if done.rowcount != 1:
            raise Conflict("the check has just been changed by somebody else")
    known = {each.id: each for each in before.alerts} if before else {}
    for each in after.alerts:
        if each != known.get(each.id):
            _write_alert(connection, after, each, new=each.id not in known)
    if after.state is CheckState.RESOLVED:
        connection.execute(update(alert).where(alert.c.check_id == after.id).values(closed_at=after.resolved_at))
    if before is None or before.due != after.due or before.version != after.version:
        if before is not None:
            connection.execute(_DROP_DUE, {"this": after.id})
        if after.due is not None:
            row = {"check_id": after.id, "kind": after.due.kind, "due_at": after.due.due_at, "version": after.version}
            connection.execute(insert(due), row)


def _kept(connection: Connection, policy: Ladder, known: set[str]) -> str:
    """The version of the ladder, whose text is kept from the first check on that climbs it."""
    if policy.version in known:
        return policy.version
    known.add(policy.version)
    if connection.execute(select(ladder.c.version).where(ladder.c.version == policy.version)).first() is None:
        connection.execute(insert(ladder).values(version=policy.version, text=policy.text))
    return policy.version


def close_attempts(connection: Connection, check_id: str, result: Result, at: Millis, by: str) -> None:
    """What became of the ladder's tries of which nothing is known yet."""
    connection.execute(_CLOSE_TRIES, {"this": check_id, "result": result, "result_at": at, "result_by": by})


def add_attempt(connection: Connection, each: Attempt, told: int, untold: Untold | None) -> None:
    """Write a new try; `told`: the deliveries written for it to staff, `untold`: why there is none."""
    values = {name: getattr(each, name) for name in Attempt.__slots__}
    connection.execute(insert(attempt), {"told": told, "untold": untold, **values})


def mend_attempt(connection: Connection, each: Attempt) -> None:
    """Write what is known better of a try than before."""
    values = {name: getattr(each, name) for name in Attempt.__slots__}
    known = attempt.c.check_id == each.check_id, attempt.c.number == each.number
    connection.execute(update(attempt).where(*known).values(values))


def attempt_of(row: Row[Any]) -> Attempt:
    """The try a row holds."""
    values = {name: getattr(row, name) for name in Attempt.__slots__}
    return Attempt(**{**values, "who": Who(row.who), "result": optional(Result, row.result)})


def hurry(connection: Connection, failed_id: str, home_now: Millis) -> None:
    """This delivery has failed for good: where nobody was reached by its telling, the rung it is of is over now."""
    failed = connection.execute(select(delivery.c.check_id, delivery.c.step).where(delivery.c.id == failed_id)).one()
    unknown = attempt.c.delivery_id == failed_id, attempt.c.result.is_(None)
    connection.execute(update(attempt).where(*unknown).values(result=Result.UNREACHABLE, result_at=home_now, result_by="outbox"))
    sent = and_(delivery.c.state == DeliveryState.SENT, delivery.c.step == failed.step)
    unsent = delivery.c.state.in_([DeliveryState.WAITING, DeliveryState.HELD])
    hope = exists().where(delivery.c.check_id == failed.check_id, or_(unsent, sent))
    if failed.check_id is not None and not connection.execute(select(hope)).scalar():
        waits = due.c.check_id == failed.check_id, due.c.kind == DueKind.RUNG, due.c.due_at > home_now
        connection.execute(update(due).where(*waits).values(due_at=home_now))


def write_findings(connection: Connection, rows: Sequence[tuple[Finding, str, str | None, str | None]]) -> None:
    """Record findings, each with its subject and the alert or ticket it went to (both None: recorded only)."""
    if not rows:
        return
    values = [
        {
            "id": each.finding_id,
            "episode": each.episode,
            "subject": subject,
            "dong_code": each.dong_code,
            "rule": each.rule,
            "level": each.level,
            "verb": each.verb,
            "at": each.at,
            "evidence": msgspec.json.encode(each.evidence),
            "alert_id": alert_id,
            "ticket_id": ticket_id,
        }
        for each, subject, alert_id, ticket_id in rows
    ]
    connection.execute(insert(finding), values)


def _write_alert(connection: Connection, owner: Check, each: Alert, *, new: bool) -> None:
    values: dict[str, Any] = {name: getattr(each, name) for name in Alert.__slots__ if name != "evidence"}
    values["evidence"] = msgspec.json.encode(each.evidence)
    if new:
        connection.execute(insert(alert), {"check_id": owner.id, "subject": owner.subject, **values})
    else:
        connection.execute(_CHANGE_ALERT, {"this": each.id, **values})


_CHECK_COLUMNS = [name for name in Check.__slots__ if name not in ("alerts", "due", "ladder")]


def _check(row: Row[Any], alerts: tuple[Alert, ...], next_due: Due | None, climbs: Ladder) -> Check:
    return Check(
        id=row.id,
        code=row.code,
        dong_code=DongCode(row.dong_code),
        household_id=optional(HouseholdId, row.household_id),
        subject=row.subject,
        level=Level(row.level),
        state=CheckState(row.state),
        condition=Condition(row.condition),
        owner=row.owner,
        opened_at=row.opened_at,
        risen_at=row.risen_at,
        acknowledged_at=row.acknowledged_at,
        resolved_at=row.resolved_at,
        outcome=optional(Outcome, row.outcome),
        ladder=climbs,
        rung=row.rung,
        tries=row.tries,
        attempts=row.attempts,
        visit_at=row.visit_at,
        version=row.version,
        due=next_due,
        alerts=worst_first(alerts),
    )


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        rule=RuleKey(row.rule),
        level=Level(row.level),
        condition=Condition(row.condition),
        episode=row.episode,
        raised_at=row.raised_at,
        at=row.at,
        cleared_at=row.cleared_at,
        evidence=evidence_decoder.decode(row.evidence),
        evidence_level=Level(row.evidence_level),
    )


def _due(row: Row[Any]) -> Due:
    return Due(kind=DueKind(row.kind), due_at=row.due_at)


def optional(kind: Callable[[Any], _Item], value: Any) -> _Item | None:
    """A column that may be empty, as what it stands for."""
    return None if value is None else kind(value)
