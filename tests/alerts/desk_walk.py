"""A site in memory that is driven by random acts, and what must be true of it after each: the promises of the desk.

One act is three small numbers and a name, so that thousands are drawn, shrunk and told apart quickly. What is stored is
read past SQLAlchemy: it is read after every act.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, event, insert

from alerts.attempt import BY_HAND, Answer
from alerts.check import Check, CheckState, Condition, Conflict, NotFound, Outcome
from alerts.delivery import Delivery, Permanent, Result, Sent, Temporary
from alerts.desk import Desk
from alerts.ladder import DEFAULT, EARLIEST, LATEST, MACHINE_RULES, MOST_TRIES, Who, day_time, read_ladder
from alerts.outbox import Sender
from alerts.policy import Policy
from alerts.roster import PlainRoster, Recipient
from alerts.rows import load_check
from alerts.tick import Tick
from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.register.tables import dong, guardian, household
from rules.finding import Finding, Level, RuleKey, Verb
from tests.alerts.alert_parts import Book, finding, make_site

Act = tuple[str, int, int, int]

HASTY = DEFAULT.read_text(encoding="utf-8")
for long, short in (("tries = 18,", "tries = 3,"), ("tries = 43,", "tries = 2,"), ("tries = 280,", "tries = 3,")):
    HASTY = HASTY.replace(long, short)
POLICY = Policy(routes=(), channels=("call", "message"), ladder=read_ladder(HASTY))

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
SQUADS: tuple[tuple[Recipient, ...], ...] = (
    (Recipient(channel="webhook", recipient="dong"),),
    (Recipient(channel="webhook", recipient="dong"), Recipient(channel="webhook", recipient="night")),
    (),
)


class Rota(PlainRoster):
    """Who is on duty changes by hand, down to nobody."""

    def __init__(self) -> None:
        super().__init__(POLICY)
        self.squad = SQUADS[0]

    def routes(self, dong_code: str, level: Level) -> tuple[Recipient, ...]:
        return self.squad


class Died(Exception):
    """The process ended before its transaction was committed."""


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


class Stored(NamedTuple):
    """All that is stored, table by table, as plain tuples."""

    checks: list[CheckRow]
    alerts: list[tuple[Any, ...]]  # check_id, subject, rule, level, condition, closed_at, cleared_at
    transitions: list[tuple[Any, ...]]  # check_id, action, old, new
    dues: list[tuple[Any, ...]]  # check_id, kind, version
    deliveries: list[tuple[Any, ...]]  # check_id, channel, state, level, step
    attempts: list[tuple[Any, ...]]  # check_id, number, who, actor, told, result, delivery_id
    findings: list[str]


_ASK = (
    'SELECT id, subject, level, state, condition, version, attempts, visit_at FROM "check"',
    "SELECT check_id, subject, rule, level, condition, closed_at, cleared_at FROM alert",
    "SELECT check_id, action, old, new FROM transition WHERE check_id IS NOT NULL ORDER BY id",
    "SELECT check_id, kind, version FROM due",
    "SELECT check_id, channel, state, level, step FROM delivery",
    "SELECT check_id, number, who, actor, told, result, delivery_id FROM attempt ORDER BY check_id, number",
    "SELECT id FROM finding",
)


class Walk:
    """The site, and what is known of it from outside: what was given in, who ended what, what went out."""

    def __init__(self) -> None:
        self.site = make_site("sqlite://", POLICY)
        self.clock, self.engine = self.site.clock, self.site.engine
        self.rota = Rota()
        self.desk = Desk(self.engine, self.clock, self.site.sealer, POLICY, self.rota)
        self.tick = Tick(self.engine, self.clock, POLICY, "one", self.rota)
        self.books = {name: Book() for name in ("webhook", "call", "message")}
        self.senders = [Sender(self.engine, self.clock, {name: _Watched(self, book)}) for name, book in self.books.items()]
        self.taken: list[Finding] = []
        self.ended: set[str] = set()
        self.levels: dict[str, int] = {}
        self.steps = 0
        self.dying = False
        event.listen(self.engine, "commit", self._die)
        with self.engine.begin() as connection:
            connection.execute(insert(dong).values(code="dong-1", name="하나동"))
            for home in HOMES:
                connection.execute(insert(household).values(id=home, dong_code="dong-1", grade="ordinary", enrolled_at=1))
                connection.execute(insert(guardian).values(household_id=home, position=1, sealed=b"-"))

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
        getattr(self, name)(one, two, three)
        self.steps += 1
        self.hold()

    def find(self, one: int, two: int, three: int) -> None:
        rule, verb = RULES[one % len(RULES)], VERBS[two % len(VERBS)]
        level = Level.DANGER if rule is RuleKey.SOS else Level(1 + three % 3)
        found = finding(
            rule, level, verb, at=self.clock.home, household=HOMES[(one + three) % len(HOMES)], episode=f"e{two // 6 % 2}"
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
        free = found.state is CheckState.OPEN or (found.state is CheckState.ACKNOWLEDGED and found.owner == actor)
        try:
            after = self.desk.acknowledge(found.id, actor=actor, dong=None, version=found.version)
        except Conflict:
            assert not free
        else:
            assert free
            assert (after.state, after.owner) == (CheckState.ACKNOWLEDGED, actor)

    def note(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is not None:
            after = self.desk.note(found.id, actor="kim", dong=None, text="메모")
            assert (after.state, after.due, after.owner) == (found.state, found.due, found.owner)

    def resolve(self, one: int, two: int, three: int) -> None:
        if (found := self._some(one)) is None:
            return
        outcome = list(Outcome)[two % len(Outcome)]
        if outcome in (Outcome.MOVED, Outcome.DEATH_FOUND):
            outcome = Outcome.SAFE_BY_PHONE  # the home is needed further
        back = self.clock.home + DAY if outcome is Outcome.AWAY else None
        with contextlib.suppress(Conflict):
            self.desk.resolve(found.id, actor="lee", dong=None, outcome=outcome, text="말", returns_at=back)
            assert found.state is not CheckState.RESOLVED
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
        result = (None, *BY_HAND)[two % 4]
        with contextlib.suppress(Conflict):
            after = self.desk.try_by_hand(found.id, actor="kim", dong=None, who=list(Who)[three % 5], result=result)
            assert (after.state, after.due) == (found.state, found.due)

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
            if after.state is CheckState.RESOLVED and before.state is not CheckState.RESOLVED:
                assert answer is Answer.WELL
                self._machine_may(before)
                self.ended.add(check_id)
        if answer is Answer.HELP:
            asked = f"SELECT 1 FROM alert WHERE rule = '{RuleKey.HELP}' AND subject = '{after.subject}'"
            assert self._rows(asked), "help is never lost"

    def duty(self, one: int, two: int, three: int) -> None:
        self.rota.squad = SQUADS[one % len(SQUADS)]

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
        kinds: list[Callable[[int, int, int], None]] = [self.wait, self.find, self.acknowledge, self.answer, self.visit]
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
        if act == self.wait and (home, machine) != (self.clock.home, self.clock.machine):
            self.tick.run()

    # ------------------------------------------------------------------ what must be true

    def hold(self) -> None:
        """Every promise, of all that is stored."""
        now = self.stored()
        over = {row.id for row in now.checks if row.state == CheckState.RESOLVED}
        assert over == self.ended, "nobody ends a check but a person, or a machine where it may"
        assert set(now.findings) == {each.finding_id for each in self.taken} | self._helped(now), "every finding is kept, once"
        one_open_check_per_household(now)
        self.levels = levels_never_fall(now, self.levels)
        a_check_is_raised_while_one_of_its_alerts_is(now)
        an_open_check_has_a_next_due_time_or_is_exhausted(now)
        every_change_of_state_has_its_transition(now)
        nothing_waits_to_be_sent_after_the_end(now)
        every_check_was_told_or_asked_about(now)
        a_machine_tries_at_most_twice(now)

    def at_rest(self) -> None:
        """Nobody does anything more: each open check comes to its visible end, and every danger was sent to somebody."""
        self.rota.squad = SQUADS[1]
        for book in self.books.values():
            book.answers = []
        started = self.clock.home
        while (due := self._next_due()) is not None:
            assert self.clock.home - started < 30 * DAY, "a ladder has an end"
            length = max(0, due - self.clock.home)
            self.clock.home += length
            self.clock.machine += max(length, MINUTE)
            self.tick.run()
            for sender in self.senders:
                while sender.turn():
                    pass
        self.hold()
        now = self.stored()
        told = {(row[0], row[3], row[2]) for row in now.deliveries if row[1] == "webhook"}
        alone = {row[0] for row in now.attempts if row[3] == "tick" and row[2] != Who.RESIDENT and row[4] == 0}
        for row in now.checks:
            if row.state != CheckState.RESOLVED:
                assert row.state == CheckState.OPEN
                tried = (row.id, row.level, "failed") in told or row.id in alone  # nobody could be reached, and that shows
                assert (row.id, row.level, "sent") in told or tried, "it reached people at its level"

    def _next_due(self) -> Millis | None:
        found: Millis | None = self._rows("SELECT min(due_at) FROM due")[0][0]
        return found

    def _helped(self, now: Stored) -> set[str]:
        return {number for number in now.findings if len(number) == 16}

    def _machine_may(self, found: Check) -> None:
        assert found.state is CheckState.OPEN
        assert found.level < Level.DANGER
        assert found.visit_at is None
        assert found.household_id is not None
        assert {alert.rule for alert in found.alerts} <= MACHINE_RULES

    def sent(self, given: Delivery) -> None:
        """Called before anything leaves: what it is about is still so."""
        found = self._check(given.check_id)
        assert found.id not in self.ended, "after the end nothing leaves"
        if given.step.startswith("rung:"):
            assert found.state is CheckState.OPEN, "of what is taken the ladder says no more"
        if given.channel == "call":
            assert found.with_machine
            self._machine_may(found)
            assert EARLIEST <= day_time(self.clock.home) < LATEST, "no machine rings at night"

    def _some(self, place: int) -> Check | None:
        """One of the checks, the last ones more often: those that are over refuse nearly everything."""
        ids = [row[0] for row in self._rows('SELECT id FROM "check" ORDER BY opened_at DESC, id LIMIT 4')]
        return self._check(ids[place % len(ids)]) if ids else None

    def _check(self, check_id: str) -> Check:
        with self.engine.connect() as connection:
            found = load_check(connection, check_id)
        assert found is not None
        return found

    def _rows(self, ask: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.engine.raw_connection().cursor().execute(ask).fetchall()
        return found

    def stored(self) -> Stored:
        checks, *others, findings = (self._rows(ask) for ask in _ASK)
        return Stored([CheckRow(*row) for row in checks], *others, [row[0] for row in findings])


class _Watched:
    """A channel that looks at the walk before it sends."""

    def __init__(self, walk: Walk, book: Book) -> None:
        self._walk, self._book = walk, book

    def send(self, delivery: Delivery) -> Result:
        self._walk.sent(delivery)
        return self._book.send(delivery)


def _by_check(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


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
    alerts = _by_check(now.alerts)
    for row in now.checks:
        held = {one[4] for one in alerts[row.id]}
        assert (row.condition == Condition.RAISED) == (Condition.RAISED in held)
        assert (row.condition == Condition.CLEARED) == (held == {Condition.CLEARED})
    assert all((row[6] is not None) == (row[4] == Condition.CLEARED) for row in now.alerts)


def an_open_check_has_a_next_due_time_or_is_exhausted(now: Stored) -> None:
    dues = {row[0]: row for row in now.dues}
    assert len(dues) == len(now.dues)
    paths = _by_check(now.transitions)
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
            assert due[1:] == (kind, row.version)


def every_change_of_state_has_its_transition(now: Stored) -> None:
    paths = _by_check(now.transitions)
    for row in now.checks:
        path = paths[row.id]
        assert path[0][2] is None
        assert all(before[3] == after[2] for before, after in pairwise(path))
        assert path[-1][3] == row.state
        assert row.version == len(path)


def nothing_waits_to_be_sent_after_the_end(now: Stored) -> None:
    states = {row.id: row.state for row in now.checks}
    for check_id, _, state, _, step in now.deliveries:
        if state in ("waiting", "held"):
            assert states[check_id] != CheckState.RESOLVED
            assert states[check_id] == CheckState.OPEN or not step.startswith("rung:")


def every_check_was_told_or_asked_about(now: Stored) -> None:
    attempts = _by_check(now.attempts)
    told = _by_check(now.deliveries)
    for row in now.checks:
        tries = attempts[row.id]
        assert [one[1] for one in tries] == list(range(1, row.attempts + 1))
        if row.state != CheckState.OPEN:
            continue
        # A danger is told to people at once; where nobody is on duty its last try says so.
        people = [one for one in tries if one[3] == "tick" and one[2] != Who.RESIDENT]
        if row.level == Level.DANGER:
            written = any(one[1] == "webhook" and one[3] == Level.DANGER for one in told[row.id])
            assert written or (people and people[-1][4] == 0)


def a_machine_tries_at_most_twice(now: Stored) -> None:
    for tries in _by_check([row for row in now.attempts if row[2] == Who.RESIDENT and row[3] == "tick"]).values():
        assert len(tries) <= MOST_TRIES
