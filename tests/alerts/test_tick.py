"""Home time does its part: acknowledgements expire, what nobody takes is brought up again, and each of it happens once."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts import metrics
from alerts.check import CheckState, Outcome
from alerts.ladder import DEFAULT, read_ladder
from alerts.lease import LEASE
from alerts.policy import Policy
from alerts.record import Recorder
from alerts.roster import PlainRoster
from alerts.tables import delivery, due, live_event, tick_lease, transition
from alerts.tick import Tick
from alerts.work import note
from ingest.clock import HOUR, MINUTE, parse_local
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, WEBHOOK, Site, finding, make_site


@pytest.mark.parametrize(
    ("level", "held"), [(Level.DANGER, 15 * MINUTE), (Level.WARNING, 60 * MINUTE), (Level.CAUTION, 9 * HOUR)]
)
def test_acknowledged_check_reopens_when_its_acknowledgement_expires(site: Site, level: Level, held: int) -> None:
    site.take(finding(level=level))
    site.sender.turn()
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    assert site.pass_home(held - 1) == 0
    assert site.only().state is CheckState.ACKNOWLEDGED
    assert site.pass_home(1) == 1
    found = site.only()
    assert (found.state, found.owner, found.acknowledged_at) == (CheckState.OPEN, None, None)
    last = site.rows(transition)[-1]
    assert (last.actor, last.action, last.reason, last.owner) == ("tick", "expired", "acknowledgement_expired", "kim")
    assert site.rows(live_event)[-1].action == "expired"
    site.sender.turn()
    assert site.book.kinds == ["opened", "expired"]


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-01-12T09:00:00", "2026-01-12T18:00:00"),
        ("2026-01-12T17:59:59", "2026-01-12T18:00:00"),
        ("2026-01-12T18:00:00", "2026-01-13T09:00:00"),
        ("2026-01-12T03:00:00", "2026-01-12T09:00:00"),
        ("2026-01-16T18:00:00", "2026-01-19T09:00:00"),  # a Friday evening: until Monday morning
        ("2026-01-17T12:00:00", "2026-01-19T09:00:00"),
    ],
)
def test_plain_duty_ends_at_nine_and_at_six_of_weekdays_in_seoul(site: Site, now: str, ends: str) -> None:
    with site.engine.begin() as connection:
        assert PlainRoster(Policy()).ends(connection, "dong-1", parse_local(now)) == parse_local(ends)


@pytest.mark.parametrize(
    ("level", "waits", "kinds"),
    [
        (Level.DANGER, [5, 5, 10], ["reminder", "contact", "visit"]),
        (Level.WARNING, [30, 30, 30], ["reminder", "reminder", "reminder"]),
        (Level.CAUTION, [240, 240, 240], ["reminder", "reminder", "reminder"]),
    ],
)
def test_a_check_nobody_takes_is_brought_up_again_and_again(site: Site, level: Level, waits: list[int], kinds: list[str]) -> None:
    site.take(finding(level=level))
    site.sender.turn()
    assert site.pass_home(waits[0] * MINUTE - 1) == 0
    site.clock.home += 1 - waits[0] * MINUTE
    for wait in waits:
        assert site.pass_home(wait * MINUTE) == 1
        site.sender.turn()
    assert site.book.kinds == ["opened", *kinds]
    assert len({each.id for each in site.book.given}) == 4
    assert site.only().version == 1  # nobody's acknowledgement is refused for a try of the ladder


def test_a_ladder_ends_visibly_and_resolves_nothing(tmp_path: Path) -> None:
    text = DEFAULT.read_text(encoding="utf-8").replace("tries = 280", "tries = 1").replace("tries = 3,", "tries = 1,")
    policy = Policy(routes=(WEBHOOK,), ladder=read_ladder(text))
    site = make_site(f"sqlite:///{tmp_path / 'anbu.db'}", policy)
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    for wait in (5, 5, 10, 10, 5, 600):
        site.pass_home(wait * MINUTE)
        site.sender.turn()
    found = site.only()
    assert (found.state, found.exhausted, found.rung) == (CheckState.OPEN, True, "emergency")
    assert site.actions() == ["opened", "exhausted"]
    assert site.book.kinds == ["opened", "reminder", "contact", "visit", "emergency", "exhausted"]
    site.take(finding(RuleKey.SOS, Level.DANGER))
    assert not site.only().exhausted  # news begins the telling anew
    site.desk.acknowledge(found.id, actor="kim", dong=None)
    site.pass_home(15 * MINUTE)
    assert not site.only().exhausted  # so does an acknowledgement that expired
    site.engine.dispose()


def test_a_rise_begins_the_telling_anew_at_the_pace_of_its_level(site: Site) -> None:
    site.take(finding(level=Level.WARNING))
    site.pass_home(30 * MINUTE)
    assert site.only().tries == 2
    site.take(finding(level=Level.DANGER, at=site.clock.home))
    found = site.only()
    assert found.tries == 1
    assert found.due is not None
    assert found.due.due_at == site.clock.home + 5 * MINUTE


def test_an_acknowledgement_stops_the_reminders_even_those_not_sent_yet(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    site.pass_home(5 * MINUTE)
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    site.sender.turn()
    assert site.book.kinds == ["opened"]
    assert site.pass_home(5 * MINUTE) == 0


def test_nothing_falls_due_after_the_end(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.EMERGENCY_119)
    assert site.rows(due) == []
    assert site.pass_home(100 * HOUR) == 0
    assert site.only().state is CheckState.RESOLVED


def test_a_later_transition_makes_a_due_row_void(site: Site) -> None:
    site.take(finding(level=Level.WARNING))
    number = site.only().id
    with site.engine.begin() as connection:
        old = {"check_id": number, "kind": "acknowledgement_expires", "due_at": MORNING, "version": 0}
        connection.execute(due.insert().values(old))
    assert site.tick.run() == 1
    assert site.actions() == ["opened"]
    assert [row.version for row in site.rows(due)] == [1]


def test_a_note_moves_no_deadline(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    site.clock.home += 14 * MINUTE
    site.desk.note(site.only().id, actor="kim", dong=None, text="전화 안 받음")
    assert site.pass_home(MINUTE) == 1
    assert site.only().state is CheckState.OPEN


def test_a_tick_run_twice_does_a_thing_once(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    assert site.pass_home(5 * MINUTE) == 1
    before = [site.rows(table) for table in (transition, due, delivery, live_event)]
    assert site.tick.run() == 0
    assert [site.rows(table) for table in (transition, due, delivery, live_event)] == before


def test_wrong_11_a_late_tick_skips_nothing_and_makes_no_burst(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    assert site.pass_home(24 * HOUR) == 1
    assert site.only().due is not None
    assert site.only().due.due_at == site.clock.home + 5 * MINUTE


def test_findings_read_late_are_not_followed_by_a_burst_of_reminders(site: Site) -> None:
    site.clock.home += 24 * HOUR
    site.take(finding(level=Level.DANGER, at=MORNING))
    assert site.tick.run() == 0
    assert site.only().opened_at == MORNING


def test_two_ticks_on_one_database_share_one_lease(site: Site) -> None:
    other = Tick(site.engine, site.clock, site.policy, "two")
    site.take(finding(level=Level.DANGER))
    assert site.pass_home(5 * MINUTE) == 1
    site.clock.home += 5 * MINUTE
    assert other.run() == 0  # the first one holds the lease
    site.clock.machine += LEASE
    assert other.run() == 1  # it fell silent: the second takes over
    assert site.tick.run() == 0
    assert [row.holder for row in site.rows(tick_lease)] == ["two"]
    assert site.only().tries == 1  # the first on the second rung


def test_many_due_rows_are_all_done_in_one_turn(site: Site) -> None:
    site.take(*(finding(household=f"hh-{number}") for number in range(250)))
    assert site.pass_home(4 * HOUR) == 250
    assert site.tick.run() == 0


def test_who_writes_no_words_refuses_them(site: Site) -> None:
    site.take(finding())
    found = site.only()
    recorder = Recorder(site.clock, None, site.policy)
    with pytest.raises(ValueError, match="without a sealer"), site.engine.begin() as connection:
        recorder.write(connection, found, note(found, "kim", site.clock.home, "말"), "말")
    assert site.only() == found


def test_when_it_last_turned_is_a_figure_in_seconds(site: Site) -> None:
    ticks = metrics.ticks._value.get()
    site.tick.run()
    assert metrics.tick_at._value.get() == site.clock.machine / 1_000
    assert metrics.ticks._value.get() == ticks + 1
