"""Duty by itself: gaps are told, a change of duty makes a sheet that is signed or escalated, floods call in a second person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from alerts.attempt import Untold
from alerts.check import Conflict, NotFound
from alerts.contacts import ContactBook, Kind
from alerts.desk import Desk
from alerts.duty.away import AwayReason
from alerts.duty.duty_roster import DutyRoster
from alerts.duty.flood import Flood, floods_now
from alerts.duty.gaps import NO_ROSTER, Gap, open_gaps
from alerts.duty.handovers import NotYours
from alerts.duty.office import DutyOffice
from alerts.duty.sheet import Change, changes
from alerts.duty.silence import SilenceKind, SilenceReason
from alerts.duty.tables import duty_gap, duty_now
from alerts.duty.teller import Teller
from alerts.duty.telling import DutyKind, DutyWord
from alerts.duty.tick import DutyTick
from alerts.policy import Policy, Route
from alerts.tables import delivery
from ingest.clock import DAY, HOUR, MINUTE, SECOND
from ingest.seal import Sealer
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.duty_parts import EVENING, WEBHOOK, Office, make_office


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    made = make_office(store_url)
    yield made
    made.engine.dispose()


def test_nobody_on_duty_is_told_to_the_supervisor_once_and_closed_when_somebody_sits_there(office: Office) -> None:
    office.rota.add_shift(desk="supervisor", login="gu", by="gu")
    office.rota.add_shift(desk="dong", dong="dong-1", login="officer1", by="gu")
    office.pass_home(0)
    assert office.words.take() == [("duty_gap", "dong-2", ("gu",))]
    assert office.pass_home(SECOND) == 0 and office.words.take() == []
    assert open_gaps(office.engine, dong="dong-1") == []
    assert open_gaps(office.engine, dong=None) == [Gap(dong_code="dong-2", found_at=MORNING)]
    office.rota.add_shift(desk="dong", dong="dong-2", login="officer2", by="gu")
    office.pass_home(SECOND)
    assert open_gaps(office.engine, dong=None) == [] and office.rows(duty_gap)[0].closed_at == MORNING + 2 * SECOND
    office.pass_home(9 * HOUR)  # the night, and no night desk
    assert [word for word in office.words.take() if word[0] == "duty_gap"] == [
        ("duty_gap", "dong-1", ("gu",)),
        ("duty_gap", "dong-2", ("gu",)),
    ]


def test_a_site_without_a_roster_is_one_gap_and_not_one_for_each_dong(office: Office) -> None:
    office.pass_home(0)
    assert office.words.take() == [("duty_gap", NO_ROSTER, ())]
    assert open_gaps(office.engine, dong="dong-1") == [Gap(dong_code=NO_ROSTER, found_at=MORNING)]


def test_a_change_of_duty_makes_a_sheet_of_all_that_is_handed_over(office: Office) -> None:
    office.staff()
    [home, other] = office.homes(2)
    office.pass_home(0)
    assert office.words.take() == []
    office.take(finding(level=Level.WARNING, household=home), finding(level=Level.DANGER, household=other))
    office.desk.acknowledge(office.check_of(home).id, actor="officer1", dong=None)
    office.silences.lay(
        SilenceKind.HOUSEHOLD, home, ends_at=MORNING + DAY, reason=SilenceReason.REPAIR, author="officer1", dong="dong-1"
    )
    office.absences.declare(home, returns_at=MORNING + 2 * DAY, reason=AwayReason.TRAVEL, by="officer1", dong="dong-1")
    office.pass_home(EVENING - MORNING)
    assert ("handover", "dong-1", ("night",)) in office.words.take()
    [sheet] = office.handovers.recent(dong="dong-1")
    assert (sheet.gives, sheet.takes, sheet.made_at, sheet.due_at) == ("officer1", "night", EVENING, EVENING + 15 * MINUTE)
    assert [(one.household_id, one.level) for one in sheet.sheet.checks] == [(other, 3), (home, 2)]
    assert [(one.target, one.ends_at) for one in sheet.sheet.silences] == [(home, MORNING + DAY)]
    assert [one.household_id for one in sheet.sheet.away] == [home]
    assert sheet.duty_ends_at == MORNING + DAY and not sheet.sheet.unsigned


def test_duty_that_stays_with_the_same_person_is_no_change(office: Office) -> None:
    office.staff()
    office.pass_home(EVENING - MORNING)
    office.pass_home(5 * DAY - 8 * HOUR)  # a Saturday at 10:00
    office.words.take()
    office.pass_home(9 * HOUR)
    assert office.words.take() == []


def test_the_one_who_takes_over_signs_and_nobody_else(office: Office) -> None:
    office.staff()
    office.pass_home(0)
    office.pass_home(EVENING - MORNING)
    first, second = office.handovers.recent(dong=None)
    with pytest.raises(NotYours):
        office.handovers.sign(first.id, by="officer1", dong=None)
    with pytest.raises(NotFound):
        office.handovers.sign(first.id, by="night", dong="dong-9")
    with pytest.raises(NotFound):
        office.handovers.sign(99, by="night", dong=None)
    signed = office.handovers.sign(first.id, by="night", dong=None)
    assert (signed.signed_by, signed.signed_at) == ("night", EVENING)
    with pytest.raises(Conflict):
        office.handovers.sign(first.id, by="night", dong=None)
    assert [one.id for one in office.handovers.recent(dong=None)] == [second.id, first.id]
    assert office.handovers.sign(second.id, by="gu", dong=None).signed_by == "gu"


def test_a_sheet_nobody_signs_within_a_quarter_of_an_hour_goes_to_the_supervisor_once(office: Office) -> None:
    office.staff()
    office.pass_home(0)
    office.pass_home(EVENING - MORNING)
    office.words.take()
    office.pass_home(15 * MINUTE - 1)
    assert office.words.take() == []
    office.pass_home(1)
    assert office.words.take() == [("handover_unsigned", "dong-1", ("gu",)), ("handover_unsigned", "dong-2", ("gu",))]
    office.pass_home(HOUR)
    assert office.words.take() == []
    office.pass_home(14 * HOUR)
    newest = office.handovers.recent(dong="dong-1")[0]
    assert newest.takes == "officer1" and newest.sheet.unsigned
    assert office.handovers.recent(dong="dong-1")[1].overtaken_at is not None


def test_an_absence_in_the_middle_of_a_duty_is_a_change_as_well(office: Office) -> None:
    office.staff()
    office.pass_home(0)
    office.rota.add_absence(login="officer1", from_at=MORNING + HOUR, until_at=MORNING + DAY, substitute="sub", by="gu")
    office.pass_home(HOUR)
    assert office.words.take() == [("handover", "dong-1", ("sub",))]


def test_where_nobody_takes_over_the_supervisor_gets_the_sheet(office: Office) -> None:
    office.rota.add_shift(desk="supervisor", login="gu", by="gu")
    office.rota.add_shift(desk="dong", dong="dong-1", login="officer1", by="gu")
    office.pass_home(0)
    office.words.take()
    office.pass_home(EVENING - MORNING)
    assert ("handover", "dong-1", ("gu",)) in office.words.take()


def test_a_dong_that_nobody_answered_for_before_hands_nothing_over() -> None:
    assert changes({"a": "kim", "b": "lee"}, {"a": "park", "b": "lee", "c": "choi"}) == [
        Change(dong_code="a", gives="kim", takes="park")
    ]


def test_more_checks_than_one_can_take_call_in_a_second_person_dong_by_dong(office: Office) -> None:
    office.staff()
    office.rota.add_shift(desk="dong", dong="dong-1", login="second", position=2, by="gu")
    homes = office.homes(12)
    office.pass_home(0)
    office.take(*(finding(level=Level.WARNING, household=home) for home in homes[:10]))
    office.pass_home(SECOND)
    assert office.words.take() == []
    office.take(finding(level=Level.WARNING, household=homes[10]))
    office.pass_home(SECOND)
    assert office.words.take() == [("flood", "dong-1", ("second",))] and office.words.codes[-1] == "11"
    office.take(finding(level=Level.WARNING, household=homes[11]))
    newest = [row.person for row in office.rows(delivery) if row.check_id == office.check_of(homes[11]).id and row.person]
    assert newest == ["officer1", "second"]
    office.pass_home(SECOND)
    assert office.words.take() == []
    assert floods_now(office.engine) == [Flood(login="officer1", began_at=MORNING + 2 * SECOND, second="second")]
    office.pass_home(10 * MINUTE)
    assert floods_now(office.engine) == []


@pytest.mark.parametrize("reached", [(), ("gu",), ("gu", "second"), ("gu", "second", "officer1")])
def test_where_the_one_on_duty_has_no_contact_point_the_next_who_has_is_told_as_well(
    office: Office, reached: tuple[str, ...]
) -> None:
    office.staff()
    office.rota.add_shift(desk="dong", dong="dong-1", login="second", position=2, by="gu")
    contacts = ContactBook(office.engine, Sealer(b"k" * 32), office.clock)
    for login in reached:
        contacts.add(login, Kind.EMAIL, f"{login}@example.invalid")
    for level in (Level.CAUTION, Level.DANGER):
        [home] = office.homes(1)
        office.take(finding(level=level, household=home, rule=RuleKey.HEAT))
        written = {
            row.person: row.state for row in office.rows(delivery) if row.check_id == office.check_of(home).id and row.person
        }
        asked = ["officer1", "second"] if level is Level.DANGER else ["officer1"]
        besides = [login for login in ("second", "gu") if login in reached][:1]
        expected = asked if set(asked) & set(reached) else [*asked, *besides]
        assert written == {login: "waiting" if login in reached else "failed" for login in expected}
        routes = 1  # told besides
        made = office.desk.check(office.check_of(home).id, dong=None)
        assert made is not None and made.attempts[0].told == routes + sum(login in reached for login in expected)


def test_a_try_that_nobody_on_duty_can_receive_told_nobody_and_says_why(office: Office) -> None:
    alone = Desk(office.engine, office.clock, Sealer(b"k" * 32), Policy(routes=()), DutyRoster(Policy(routes=())))
    office.staff()
    [home] = office.homes(1)
    alone.take_findings([finding(household=home, rule=RuleKey.HEAT)])
    made = alone.check(office.check_of(home).id, dong=None)
    assert made is not None and [(each.told, each.untold) for each in made.attempts] == [(0, Untold.NO_CONTACT)]


def test_in_a_flood_the_supervisor_comes_where_nobody_else_sits(office: Office) -> None:
    office.staff()
    office.take(*(finding(household=home) for home in office.homes(11)))
    office.pass_home(SECOND)
    assert ("flood", "dong-1", ("gu",)) in office.words.take()


def test_in_a_flood_a_supervisor_of_that_very_dong_comes(office: Office) -> None:
    office.rota.add_shift(desk="dong", dong="dong-1", login="officer1", by="gu")
    office.rota.add_shift(desk="supervisor", dong="dong-2", login="elsewhere", by="gu")
    office.rota.add_shift(desk="supervisor", dong="dong-1", login="here", by="gu")
    office.take(*(finding(household=home) for home in office.homes(11)))
    office.pass_home(SECOND)
    assert ("flood", "dong-1", ("here",)) in office.words.take()


def test_a_flood_with_nobody_left_to_call_is_told_to_the_routes(office: Office) -> None:
    office.rota.add_shift(desk="dong", dong="dong-1", login="officer1", by="gu")
    office.take(*(finding(household=home) for home in office.homes(11)))
    office.pass_home(SECOND)
    assert ("flood", "dong-1", ()) in office.words.take()
    assert floods_now(office.engine)[0].second is None


def test_checks_of_a_dong_nobody_answers_for_flood_nobody(office: Office) -> None:
    office.take(*(finding(household=home) for home in office.homes(11)))
    office.pass_home(SECOND)
    assert floods_now(office.engine) == []


def test_words_of_duty_go_to_the_persons_meant_and_to_the_routes_once(office: Office) -> None:
    routes = (
        WEBHOOK,
        Route(channel=None, recipient="chief", least=Level.WARNING),
        Route(channel="console", recipient="x", dong_code="dong-2"),
    )
    tell = Teller(office.clock, Policy(routes=routes))
    word = DutyWord(key="k", kind=DutyKind.HANDOVER, level=Level.CAUTION, dong="dong-1", code="3", path="/handover")
    for _ in range(2):
        with office.engine.begin() as connection:
            tell(connection, word, ["night"])
    assert {(row.recipient, row.check_id) for row in office.rows(delivery)} == {("night", None), ("centre", None)}
    with office.engine.begin() as connection:
        tell(connection, replace(word, key="l", level=Level.WARNING), [])
    assert sorted(row.recipient for row in office.rows(delivery)) == ["centre", "centre", "chief", "night"]
    office.sender.turn()
    assert [(one.kind, one.code, one.link) for one in office.book.messages] == [
        ("handover", "3", "http://127.0.0.1:8080/handover"),
    ] * 2


def test_only_one_of_two_processes_has_duty_and_the_other_takes_over(office: Office) -> None:
    office.staff()
    other = DutyTick(office.engine, office.clock, office.desk, office.words, "two")
    office.pass_home(0)
    assert other.run() == 0
    office.clock.home += EVENING - MORNING
    assert other.run() == 0 and office.words.take() == []
    office.clock.machine += 5 * SECOND
    assert other.run() == 2
    assert [word[0] for word in office.words.take()] == ["handover", "handover"]
    assert office.duty.run() == 0


def test_one_part_that_fails_holds_up_no_other(office: Office) -> None:
    office.staff()
    [home] = office.homes(1)
    office.pass_home(0)
    office.silences.lay(SilenceKind.HOUSEHOLD, home, ends_at=EVENING, reason=SilenceReason.VISIT, author="officer1", dong=None)

    def broken(connection: Connection, word: DutyWord, persons: Sequence[str]) -> None:
        if word.kind == "handover":
            raise OSError("no words")
        office.words(connection, word, persons)

    failing = DutyTick(office.engine, office.clock, office.desk, broken, "one")
    office.clock.home = EVENING
    with pytest.raises(OSError, match="no words"):
        failing.run()
    assert [word[0] for word in office.words.take()] == ["silence_over"]
    office.duty.run()
    assert [word[0] for word in office.words.take()] == ["handover", "handover"]


def test_an_office_over_a_store_is_all_of_duty_on_it(office: Office) -> None:
    office.staff().homes(1)
    over = DutyOffice.over(office.engine, office.clock, Sealer(b"k" * 32))
    laid = over.silences.lay(
        SilenceKind.HOUSEHOLD, "hh-1-1", ends_at=MORNING + HOUR, reason=SilenceReason.OTHER, author="gu", dong=None, text="수리"
    )
    assert over.silences.now(dong="dong-1") == [laid] and (laid.note, laid.begins_at) == ("수리", MORNING)
    away = over.absences.declare("hh-1-1", returns_at=MORNING + DAY, reason=AwayReason.TRAVEL, by="gu", dong="dong-1")
    assert over.absences.now(dong="dong-1") == [away] and away.from_at == MORNING
    assert [one.login for one in over.rota.rows().on_duty("dong-1", over.rota.now())] == ["officer1"]
    assert over.handovers.recent(dong=None) == over.gaps(dong=None) == over.floods() == []
    assert over.tonight.newest(dong=None) == (None, [])


def test_who_answers_for_a_dong_is_known_with_since_when(office: Office) -> None:
    office.staff().pass_home(SECOND)
    began = office.clock.home
    office.pass_home(HOUR)
    rows = {row.dong_code: (row.login, row.since) for row in office.rows(duty_now)}
    assert rows == {"dong-1": ("officer1", began), "dong-2": ("officer2", began)}
    office.clock.home = EVENING
    office.pass_home(SECOND)
    rows = {row.dong_code: (row.login, row.since) for row in office.rows(duty_now)}
    assert rows == {"dong-1": ("night", EVENING + SECOND), "dong-2": ("night", EVENING + SECOND)}


def test_where_nobody_has_duty_a_supervisor_of_that_very_dong_stands_in(office: Office) -> None:
    office.rota.add_shift(desk="supervisor", dong="dong-2", login="elsewhere", by="gu")
    office.rota.add_shift(desk="supervisor", dong="dong-1", login="here", by="gu")
    rows = office.rota.rows()
    assert [one.login for one in rows.on_duty("dong-1", MORNING)] == ["here"]
    assert [one.login for one in rows.on_duty("dong-2", MORNING)] == ["elsewhere"]
