"""A site in memory that is driven by random acts, with its roster, its silences, and what must be true of it after each.

One act is three small numbers and a name, so that thousands are drawn and told apart quickly; nothing else in it is left to
chance. What is stored is read past SQLAlchemy, and only where something was written: it is read after every act.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Connection, event, insert

from alerts.attempt import BY_HAND, Answer, Untold
from alerts.check import CheckState, Conflict, NotFound, Outcome, WrongValue
from alerts.contacts import ContactBook, Kind
from alerts.delivery import Delivery, Permanent, Result, Sent, Temporary
from alerts.desk import Desk
from alerts.duty.duty_roster import DutyRoster
from alerts.duty.entry import ShiftEntry
from alerts.duty.hours import DutyDesk, period_at
from alerts.duty.rota import Rota
from alerts.duty.silence import NEVER_SILENT, SilenceKind, SilenceReason, silenced
from alerts.duty.silences import Silences, standing
from alerts.duty.teller import Teller
from alerts.duty.tick import DutyTick
from alerts.ladder import DEFAULT, EARLIEST, LATEST, MACHINE_RULES, Who, day_time, read_ladder
from alerts.outbox import Sender
from alerts.pacing import DIGEST
from alerts.policy import Policy
from alerts.rows import load_check
from alerts.tick import Tick
from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.register.tables import dong, guardian, household
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Finding, Level, RuleKey, Verb
from tests.alerts.alert_parts import Book, HandClock, finding
from tests.alerts.desk_promises import CheckRow, DeliveryRow, DueRow, Stored, TryRow, all_hold, each_open_check_came_to_its_end

Act = tuple[str, int, int, int]

HASTY = DEFAULT.read_text(encoding="utf-8")
for long, short in (("tries = 18,", "tries = 3,"), ("tries = 43,", "tries = 2,"), ("tries = 280,", "tries = 3,")):
    HASTY = HASTY.replace(long, short)
POLICY = Policy(routes=(), channels=("call", "message", "email"), ladder=read_ladder(HASTY))
SEALER = Sealer(b"k" * 32)

HOMES = ("hh-1", "hh-2", "hh-3")
RULES = (
    RuleKey.MOTION,
    RuleKey.MOTION,
    RuleKey.CALL,
    RuleKey.HEAT,
    RuleKey.SOS,
    RuleKey.CANNOT_VERIFY,
    RuleKey.REPORTED,
    RuleKey.DEVICE_SILENT,
)
VERBS = (Verb.RAISED, Verb.RAISED, Verb.RAISED, Verb.CLEARED, Verb.UNDETERMINED, Verb.ALIVE)
WAITS: tuple[Millis, ...] = (MINUTE, 5 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR, 9 * HOUR, DAY)
RESULTS: tuple[Result | Exception, ...] = (
    Sent(),
    Sent(),
    Sent(),
    Temporary(error="down"),
    Permanent(error="status 401"),
    RuntimeError("defect"),
)
ROSTERS: dict[str, tuple[tuple[str, str], ...]] = {
    "full": (("dong", "kim"), ("dong", "lee"), ("night", "night"), ("supervisor", "gu")),
    "by day": (("dong", "kim"),),
    "standing in": (("supervisor", "gu"),),
    "out of reach": (("dong", "nam"), ("night", "nam")),  # has no contact point
    "nobody": (),
}
COVERED = (
    *((SilenceKind.HOUSEHOLD, home) for home in HOMES),
    (SilenceKind.RULE, RuleKey.MOTION),
    (SilenceKind.RULE, RuleKey.HEAT),
    (SilenceKind.DONG, "dong-1"),
)

_ASK = (
    "SELECT id, subject, level, state, condition, version, attempts, visit_at, owner, rung, household_id"
    ' FROM "check" ORDER BY opened_at DESC, id',
    "SELECT check_id, subject, rule, level, condition, closed_at, cleared_at FROM alert",
    "SELECT check_id, action, old, new FROM transition WHERE check_id IS NOT NULL ORDER BY id",
    "SELECT check_id, kind, version, due_at FROM due",
    "SELECT check_id, channel, state, level, step, person, digest FROM delivery WHERE check_id IS NOT NULL",
    "SELECT check_id, number, who, actor, told, result, delivery_id, untold FROM attempt ORDER BY check_id, number",
    "SELECT id FROM finding",
)


class Died(BaseException):
    """The process ended before its transaction was committed."""


@cache
def _empty_site() -> bytes:
    """A store with a dong, its homes, and how its people are reached: made once, copied for each walk."""
    engine = open_store("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(dong).values(code="dong-1", name="하나동"))
        for home in HOMES:
            connection.execute(insert(household).values(id=home, dong_code="dong-1", grade="ordinary", enrolled_at=1))
            connection.execute(insert(guardian).values(household_id=home, position=1, sealed=b"-"))
    contacts = ContactBook(engine, SEALER, HandClock())
    for login in ("kim", "lee", "night", "gu"):
        contacts.add(login, Kind.EMAIL, f"{login}@example.invalid")
    contacts.add("kim", Kind.PHONE, "010-0000-0001")
    Rota(engine, HandClock()).set_cap("kim", 1)
    made: bytes = engine.raw_connection().driver_connection.serialize()  # type: ignore[union-attr]
    engine.dispose()
    return made


class Walk:
    """The site, and what is known of it from outside: what was given in, who ended what, what went out."""

    def __init__(self) -> None:
        self.clock, self.engine = HandClock(), open_store("sqlite://")
        self._store: Any = self.engine.raw_connection().driver_connection
        self._store.deserialize(_empty_site())
        roster = DutyRoster(POLICY)
        self.desk = Desk(self.engine, self.clock, SEALER, POLICY, roster)
        self.tick = Tick(self.engine, self.clock, POLICY, "one", roster)
        self.duty = DutyTick(self.engine, self.clock, self.desk, Teller(self.clock, POLICY), "one")
        self.rota = Rota(self.engine, self.clock)
        self.silences = Silences(self.engine, self.clock, SEALER)
        self.books = {name: Book() for name in ("email", "call", "message")}
        self.senders = [
            Sender(self.engine, self.clock, {name: _Watched(self, book)}, chance=random.Random(1))
            for name, book in self.books.items()
        ]
        self.taken: list[Finding] = []
        self.ended: set[str] = set()
        self.levels: dict[str, int] = {}
        self.roster, self.shifts = "nobody", list[int]()
        self.kim_away: tuple[Millis, str | None] = (0, None)
        self.steps = 0
        self.dying = False
        self._changes = -1
        self._stored = Stored([], [], [], [], [], [], [])
        event.listen(self.engine, "commit", self._die)
        self._sit("full")

    def close(self) -> None:
        event.remove(self.engine, "commit", self._die)
        self.engine.dispose()

    def _die(self, connection: Connection) -> None:
        if self.dying:
            self.dying = False
            raise Died

    # ------------------------------------------------------------------ acts

    def act(self, act: Act) -> None:
        """One act, then everything that must be true."""
        name, one, two, three = act
        before = self.stored()
        getattr(self, name)(one, two, three)
        self.steps += 1
        self.hold(before)

    def find(self, one: int, two: int, three: int) -> None:
        rule, verb = RULES[one % len(RULES)], VERBS[two % len(VERBS)]
        level = Level.DANGER if rule is RuleKey.SOS else Level(1 + three % 3)
        found = finding(
            rule,
            level,
            verb,
            at=self.clock.home,
            household=HOMES[(one + three) % len(HOMES)],
            episode=f"e{two // 6 % 2}",
            number=f"f{len(self.taken)}",
        )
        self.taken.append(found)
        self.desk.take_findings([found])

    def again(self, one: int, two: int, three: int) -> None:
        """What a re-read journal finds again is recorded, never delivered."""
        before = self.stored()
        self.desk.take_findings(self.taken[-(1 + one) :])
        assert self.stored() == before

    def acknowledge(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is None:
            return
        actor = ("kim", "lee")[two % 2]
        free = found.state == CheckState.OPEN or (found.state == CheckState.ACKNOWLEDGED and found.owner == actor)
        try:
            after = self.desk.acknowledge(found.id, actor=actor, dong=None, version=found.version)
        except Conflict:
            assert not free
        else:
            assert free
            assert (after.state, after.owner) == (CheckState.ACKNOWLEDGED, actor)

    def note(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is not None:
            due = self._due_at(found)
            after = self.desk.note(found.id, actor="kim", dong=None, text="메모")
            assert (after.state, after.owner, after.due and after.due.due_at) == (found.state, found.owner, due)

    def resolve(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is None:
            return
        outcome = list(Outcome)[two % len(Outcome)]
        if outcome in (Outcome.MOVED, Outcome.DEATH_FOUND):
            outcome = Outcome.SAFE_BY_PHONE  # the home is needed further
        back = self.clock.home + DAY if outcome is Outcome.AWAY else None
        with contextlib.suppress(Conflict, WrongValue):
            self.desk.resolve(found.id, actor="lee", dong=None, outcome=outcome, text="말", returns_at=back)
            assert found.state != CheckState.RESOLVED
            assert outcome is not Outcome.SAFE_BY_AUTOMATIC_CALL, "that is the machine's alone"
            self.ended.add(found.id)

    def visit(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is None:
            return
        with contextlib.suppress(Conflict):
            after = self.desk.begin_visit(found.id, actor="kim", dong=None)
            assert after.state is CheckState.ACKNOWLEDGED
            assert after.owner == (found.owner or "kim")

    def try_by_hand(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is None:
            return
        result, due = (None, *BY_HAND)[two % 4], self._due_at(found)
        with contextlib.suppress(Conflict):
            after = self.desk.try_by_hand(found.id, actor="kim", dong=None, who=list(Who)[three % 5], result=result)
            assert (after.state, after.due and after.due.due_at) == (found.state, due)

    def end_try(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is not None:
            with contextlib.suppress(Conflict, NotFound):
                self.desk.end_try(found.id, 1 + two % 4, actor="kim", dong=None, result=BY_HAND[three % 3])

    def answer(self, one: int, two: int, three: int) -> None:
        """The gateway tells of any call there ever was, once or twice."""
        calls = self._rows("SELECT delivery_id, check_id FROM attempt WHERE delivery_id IS NOT NULL ORDER BY at DESC LIMIT 4")
        if not calls:
            return
        call, check_id = calls[one % len(calls)]
        answer = list(Answer)[two % len(Answer)]
        for _ in range(1 + three % 2):
            before = self._check(check_id)
            after = self.desk.answer(call, answer)
            if after.state is CheckState.RESOLVED and before.state != CheckState.RESOLVED:
                assert answer is Answer.WELL
                self._machine_may(before)
                self.ended.add(check_id)
        if answer is Answer.HELP:
            asked = f"SELECT 1 FROM alert WHERE rule = '{RuleKey.HELP}' AND subject = '{after.subject}'"
            assert self._rows(asked), "help is never lost"

    def sit(self, one: int, two: int, three: int) -> None:
        self._sit(list(ROSTERS)[one % len(ROSTERS)])

    def leave(self, one: int, two: int, three: int) -> None:
        """Kim goes for a while, with or without somebody in the same place."""
        now, back, substitute = self.clock.home, self.clock.home + WAITS[two % len(WAITS)], ("lee", None)[one % 2]
        if now >= self.kim_away[0]:
            self.rota.add_absence(login="kim", from_at=now, until_at=back, substitute=substitute, by="gu")
            self.kim_away = back, substitute

    def silence(self, one: int, two: int, three: int) -> None:
        kind, target = COVERED[one % len(COVERED)]
        ends_at = self.clock.home + WAITS[two % 7]
        self.silences.lay(kind, target, ends_at=ends_at, reason=SilenceReason.TEST, author="kim", dong=None)

    def lift(self, one: int, two: int, three: int) -> None:
        if found := self.silences.now(dong=None):
            self.silences.lift(found[one % len(found)].id, by="lee", dong=None)

    def watch(self, one: int, two: int, three: int) -> None:
        """Duty has its turn, a second later: what no silence covers any more is told."""
        self.clock.home += SECOND
        self.clock.machine += SECOND
        self.duty.run()
        with self.engine.connect() as connection:
            holding = standing(connection, self.clock.home)
            for row in self.stored().checks:
                tries = [each for each in self.stored().attempts if each.check_id == row.id and each.actor == "tick"]
                if row.state == CheckState.OPEN and tries[-1].untold == Untold.SILENCE:
                    found = load_check(connection, row.id)
                    assert found is not None and silenced(found, holding, self.clock.home)

    def wait(self, one: int, two: int, three: int) -> None:
        length = WAITS[one % len(WAITS)]
        self.clock.home += length
        self.clock.machine += length
        self.tick.run()
        if one % 3 == 0:
            assert self.tick.run() == 0

    def send(self, one: int, two: int, three: int) -> None:
        for place, book in enumerate(self.books.values()):
            book.answers = [RESULTS[(one + place * two) % len(RESULTS)]]
        for sender in self.senders:
            sender.turn(limit=3)

    def crash(self, one: int, two: int, three: int) -> None:
        """The process dies before the commit: nothing of it is there, and done again it is done whole."""
        before = self.stored()
        kinds: list[Callable[[int, int, int], None]] = [
            self.wait,
            self.find,
            self.acknowledge,
            self.answer,
            self.visit,
            self.watch,
        ]
        act = kinds[one % len(kinds)]
        self.dying = True
        home, machine = self.clock.home, self.clock.machine
        try:
            act(two, three, one)
        except Died:
            assert self.stored() == before
        self.dying = False
        if act == self.find:
            self.desk.take_findings(self.taken[-1:])
        if act == self.watch:
            self.watch(two, three, one)
        if act == self.wait and (home, machine) != (self.clock.home, self.clock.machine):
            self.tick.run()

    # ------------------------------------------------------------------ what must be true

    def hold(self, before: Stored) -> None:
        """Every promise, of all that is stored; where nothing has been written they held already."""
        now = self.stored()
        over = {row.id for row in now.checks if row.state == CheckState.RESOLVED}
        assert over == self.ended, "nobody ends a check but a person, or a machine where it may"
        if now is before:
            return
        helped = {number for number in now.findings if len(number) == 16}
        assert set(now.findings) == {each.finding_id for each in self.taken} | helped, "every finding is kept, once"
        self.levels = all_hold(now, self.levels)
        self._those_on_duty_are_told(before, now)
        self._a_silence_holds_back(before, now)

    def _those_on_duty_are_told(self, before: Stored, now: Stored) -> None:
        known = {(row.check_id, row.number) for row in before.attempts}
        for row in now.attempts:
            if not row.to_people or (row.check_id, row.number) in known:
                continue
            if row.untold == Untold.SILENCE:
                rules = {alert[2] for alert in now.alerts if alert[0] == row.check_id}
                assert not rules & NEVER_SILENT, "whoever presses is heard through every silence"
            else:
                assert (row.untold == Untold.NO_ROSTER) == (self.roster == "nobody")
                assert (row.untold == Untold.NO_CONTACT) == (self.roster == "out of reach")
                assert bool(row.told) == (self._somebody_has_duty() and self.roster != "out of reach")

    def _somebody_has_duty(self) -> bool:
        if self.roster == "by day":
            there = self.clock.home >= self.kim_away[0] or self.kim_away[1] is not None
            return there and period_at(self.clock.home, {}).desk is DutyDesk.DONG
        return self.roster != "nobody"

    def _a_silence_holds_back(self, before: Stored, now: Stored) -> None:
        if len(now.deliveries) == len(before.deliveries):
            return
        with self.engine.connect() as connection:
            holding = standing(connection, self.clock.home)
            told = {row.check_id for row in now.deliveries[len(before.deliveries) :]} if holding else set()
            for number in told:
                found = load_check(connection, number)
                assert found is not None and silenced(found, holding, self.clock.home) is None, "a silence holds words back"

    def at_rest(self) -> None:
        """Nobody does anything more: each open check comes to its visible end, and every danger was sent to somebody."""
        self._sit("full")
        for book in self.books.values():
            book.answers = []
        started = self.clock.home
        while (due := self._next_due()) is not None:
            assert self.clock.home - started < 45 * DAY, "a ladder has an end"
            length = max(0, due - self.clock.home)
            self.clock.home += length
            self.clock.machine += max(length, MINUTE)
            self.tick.run()
            self._send_all()
        while self._rows("SELECT 1 FROM delivery WHERE state IN ('waiting', 'held')"):
            assert self.clock.machine < self.clock.home + 10**13, "whatever waits leaves"
            self.clock.machine += 10 * MINUTE
            self._send_all()
        self.hold(self._stored)
        digests = dict(self._rows(f"SELECT telling, state FROM delivery WHERE step = '{DIGEST}' ORDER BY state != 'withdrawn'"))
        each_open_check_came_to_its_end(self.stored(), digests)

    def _send_all(self) -> None:
        for sender in self.senders:
            while sender.turn():
                pass

    def _next_due(self) -> Millis | None:
        """When the next rung is over, or the next silence, after which duty has its turn."""
        [(due,)] = self._rows("SELECT min(due_at) FROM due")
        [(over,)] = self._rows("SELECT min(coalesce(lifted_at, ends_at)) FROM silence WHERE closed_at IS NULL")
        if over is not None and (due is None or over <= due):
            self.clock.home = max(self.clock.home, over)
            self.watch(0, 0, 0)
            return self.clock.home
        return due

    def _machine_may(self, found: CheckRow) -> None:
        assert found.state == CheckState.OPEN
        assert found.level < Level.DANGER
        assert found.visit_at is None
        assert found.household_id is not None
        assert {rule for (rule,) in self._rows(f"SELECT rule FROM alert WHERE check_id = '{found.id}'")} <= MACHINE_RULES

    def sent(self, given: Delivery) -> None:
        """Called before anything leaves: what it is about is still so."""
        if given.step == DIGEST and given.attempts == 1 and not given.rank:
            about = f"SELECT c.state FROM delivery d JOIN \"check\" c ON c.id = d.check_id WHERE d.digest = '{given.telling}'"
            assert (CheckState.RESOLVED,) not in self._rows(about), "after the end nothing leaves"
        if not given.check_id:
            return  # a word of duty
        found = self._check(given.check_id)
        assert found.id not in self.ended, "after the end nothing leaves"
        if given.step.startswith("rung:"):
            assert found.state == CheckState.OPEN, "of what is taken the ladder says no more"
        if given.channel == "call":
            assert found.rung == Who.RESIDENT
            self._machine_may(found)
            assert EARLIEST <= day_time(self.clock.home) < LATEST, "no machine rings at night"

    # ------------------------------------------------------------------ what is stored

    def _sit(self, roster: str) -> None:
        for number in self.shifts:
            self.rota.remove_shift(number, by="gu")
        entries = [
            ShiftEntry(desk=desk, login=login, dong="dong-1" if desk == "dong" else None, position=place)
            for place, (desk, login) in enumerate(ROSTERS[roster], 1)
        ]
        self.shifts = [shift.id for shift in self.rota.add_shifts(entries, by="gu")]
        self.roster = roster

    def _some(self, place: int) -> CheckRow | None:
        """One of the checks, the last ones more often: those that are over refuse nearly everything."""
        newest = self.stored().checks[:4]
        return newest[place % len(newest)] if newest else None

    def _check(self, check_id: str) -> CheckRow:
        [row] = self._rows(_ASK[0].replace(" ORDER", f" WHERE id = '{check_id}' ORDER"))
        return CheckRow(*row)

    def _due_at(self, found: CheckRow) -> Millis | None:
        return next((row.due_at for row in self.stored().dues if row.check_id == found.id), None)

    def _rows(self, ask: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._store.execute(ask).fetchall()
        return found

    def stored(self) -> Stored:
        """All that is stored: the same object as before where nothing has been written since."""
        if self._store.total_changes != self._changes:
            self._changes = self._store.total_changes
            checks, alerts, transitions, dues, deliveries, attempts, findings = (self._rows(ask) for ask in _ASK)
            now = Stored(
                [CheckRow(*row) for row in checks],
                alerts,
                transitions,
                [DueRow(*row) for row in dues],
                [DeliveryRow(*row) for row in deliveries],
                [TryRow(*row) for row in attempts],
                [row[0] for row in findings],
            )
            self._stored = self._stored if now == self._stored else now
        return self._stored


class _Watched:
    """A channel that looks at the walk before it sends."""

    def __init__(self, walk: Walk, book: Book) -> None:
        self._walk, self._book = walk, book

    def send(self, delivery: Delivery) -> Result:
        self._walk.sent(delivery)
        return self._book.send(delivery)
