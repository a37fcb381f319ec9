"""What must be true of everything that is stored of a desk, whatever happened: the promises its random walks hold it to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from alerts.check import CheckState, Condition
from alerts.ladder import MOST_TRIES, Who
from rules.finding import Level, RuleKey


class CheckRow(NamedTuple):
    """Of one check what the promises speak of."""

    id: str
    subject: str
    level: int
    state: str
    condition: str
    version: int
    attempts: int
    visit_at: int | None
    owner: str | None
    rung: str
    household_id: str | None


class DueRow(NamedTuple):
    """What comes next of a check."""

    check_id: str
    kind: str
    version: int
    due_at: int


class DeliveryRow(NamedTuple):
    """Something that is to be told about a check, to a member of staff where `person` is a login."""

    check_id: str
    channel: str
    state: str
    level: int
    step: str
    person: str
    digest: str | None

    @property
    def to_staff(self) -> bool:
        """Not to the resident or a guardian."""
        return ":" not in self.person


class TryRow(NamedTuple):
    """A try of the ladder, or one by hand."""

    check_id: str
    number: int
    who: str
    actor: str
    told: int | None
    result: str | None
    delivery_id: str | None
    untold: str | None

    @property
    def to_people(self) -> bool:
        """Of the ladder, and not a machine's to the resident."""
        return self.actor == "tick" and self.who != Who.RESIDENT


class Stored(NamedTuple):
    """All that is stored of checks, table by table; the newest check first."""

    checks: list[CheckRow]
    alerts: list[tuple[Any, ...]]  # check_id, subject, rule, level, condition, closed_at, cleared_at
    transitions: list[tuple[Any, ...]]  # check_id, action, old, new
    dues: list[DueRow]
    deliveries: list[DeliveryRow]
    attempts: list[TryRow]
    findings: list[str]


def by_check(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """The rows of each check; the first column is its id."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def all_hold(now: Stored, levels: dict[str, int]) -> dict[str, int]:
    """Every promise; `levels` is what this returned before."""
    one_open_check_per_household(now)
    after = levels_never_fall(now, levels)
    a_check_is_raised_while_one_of_its_alerts_is(now)
    an_open_check_has_a_next_due_time_or_is_exhausted(now)
    every_change_of_state_has_its_transition(now)
    nothing_waits_to_be_sent_after_the_end(now)
    every_check_was_told_or_asked_about(now)
    a_machine_tries_at_most_twice(now)
    return after


def one_open_check_per_household(now: Stored) -> None:
    subjects = [row.subject for row in now.checks if row.state != CheckState.RESOLVED]
    assert len(subjects) == len(set(subjects))
    alerts = [(row[1], row[2]) for row in now.alerts if row[5] is None]
    assert len(alerts) == len(set(alerts))
    over = {row.id for row in now.checks if row.state == CheckState.RESOLVED}
    assert all((row[5] is not None) == (row[0] in over) for row in now.alerts)
    assert RuleKey.DEVICE_SILENT not in {row[2] for row in now.alerts}


def levels_never_fall(now: Stored, before: dict[str, int]) -> dict[str, int]:
    after = {row.id: row.level for row in now.checks}
    assert all(after[number] >= level for number, level in before.items())
    highest: dict[str, int] = defaultdict(int)
    for row in now.alerts:
        highest[row[0]] = max(highest[row[0]], row[3])
    assert highest == after
    return after


def a_check_is_raised_while_one_of_its_alerts_is(now: Stored) -> None:
    alerts = by_check(now.alerts)
    for row in now.checks:
        held = {one[4] for one in alerts[row.id]}
        assert (row.condition == Condition.RAISED) == (Condition.RAISED in held)
        assert (row.condition == Condition.CLEARED) == (held == {Condition.CLEARED})
    assert all((row[6] is not None) == (row[4] == Condition.CLEARED) for row in now.alerts)


def an_open_check_has_a_next_due_time_or_is_exhausted(now: Stored) -> None:
    dues = {row.check_id: row for row in now.dues}
    assert len(dues) == len(now.dues)
    paths = by_check(now.transitions)
    for row in now.checks:
        due = dues.get(row.id)
        if row.state == CheckState.RESOLVED:
            assert due is None
        elif due is None:
            assert row.state == CheckState.OPEN
            newest = [step[1] for step in paths[row.id] if step[1] in ("exhausted", "opened", "expired", "alive")][-1]
            assert newest == "exhausted", "an end of the ladder is shown"
        else:
            kind = "acknowledgement_expires" if row.state == CheckState.ACKNOWLEDGED else "rung"
            assert (due.kind, due.version) == (kind, row.version)


def every_change_of_state_has_its_transition(now: Stored) -> None:
    paths = by_check(now.transitions)
    for row in now.checks:
        path = paths[row.id]
        assert path[0][2] is None
        assert all(before[3] == after[2] for before, after in pairwise(path))
        assert path[-1][3] == row.state
        assert row.version == len(path)


def nothing_waits_to_be_sent_after_the_end(now: Stored) -> None:
    states = {row.id: row.state for row in now.checks}
    for row in now.deliveries:
        if row.state in ("waiting", "held"):
            assert states[row.check_id] != CheckState.RESOLVED
            assert states[row.check_id] == CheckState.OPEN or not row.step.startswith("rung:")


def every_check_was_told_or_asked_about(now: Stored) -> None:
    """A danger is told to people at once; where nobody has duty, or a silence covers all of it, its last try says so."""
    attempts, told = by_check(now.attempts), by_check(now.deliveries)
    for row in now.checks:
        tries = attempts[row.id]
        assert [one.number for one in tries] == list(range(1, row.attempts + 1))
        if row.state != CheckState.OPEN:
            continue
        people = [one for one in tries if one.to_people]
        if row.level == Level.DANGER:
            written = any(one.to_staff and one.level == Level.DANGER for one in told[row.id])
            assert written or (people and people[-1].told == 0)


def a_machine_tries_at_most_twice(now: Stored) -> None:
    for tries in by_check([row for row in now.attempts if row.who == Who.RESIDENT and row.actor == "tick"]).values():
        assert len(tries) <= MOST_TRIES


def each_open_check_came_to_its_end(now: Stored, digests: dict[str, str]) -> None:
    """At rest: it is open, and was told at its level, or shows that nobody could be. `digests`: the state of each."""
    told = {(row.check_id, row.level, digests.get(row.digest or "", row.state)) for row in now.deliveries if row.to_staff}
    alone = {row.check_id for row in now.attempts if row.to_people and row.told == 0}
    for row in now.checks:
        if row.state != CheckState.RESOLVED:
            assert row.state == CheckState.OPEN
            shown = (row.id, row.level, "failed") in told or row.id in alone
            assert (row.id, row.level, "sent") in told or shown, "it reached people at its level"
