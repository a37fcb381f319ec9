"""Who has duty when: working days the dong, all other times the night desk; substitutes, overflow, never silently nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from alerts.check import Conflict, NotFound
from alerts.duty.entry import RosterWrong, ShiftEntry
from alerts.duty.hours import DutyDesk, DutyPart, holiday_name, period_at
from alerts.duty.roster import DEFAULT_CAP, OnDuty, in_turn
from alerts.duty.rota import OwnDay, Rota, duty_ends, on_duty
from ingest.clock import DAY, HOUR, Millis, parse_local
from ingest.register.tables import dong
from rules.finding import Level
from tests.alerts.alert_parts import MORNING, Site, finding, make_site

EVENING = MORNING + 10 * HOUR


@pytest.fixture
def kept(store_url: str) -> Iterator[Site]:
    """A site with two dongs."""
    site = make_site(store_url)
    with site.engine.begin() as connection:
        connection.execute(insert(dong), [{"code": "dong-1", "name": "햇살동"}, {"code": "dong-2", "name": "달빛동"}])
    yield site
    site.engine.dispose()


@pytest.fixture
def rota(kept: Site) -> Rota:
    return Rota(kept.engine, kept.clock)


def logins(site: Site, at: Millis, dong_code: str = "dong-1") -> list[str]:
    with site.engine.begin() as connection:
        return [one.login for one in on_duty(connection, dong_code, at)]


@pytest.mark.parametrize(
    ("now", "desk", "ends"),
    [
        ("2026-01-12T08:59:59", DutyDesk.NIGHT, "2026-01-12T09:00:00"),
        ("2026-01-12T09:00:00", DutyDesk.DONG, "2026-01-12T18:00:00"),
        ("2026-01-12T17:59:59", DutyDesk.DONG, "2026-01-12T18:00:00"),
        ("2026-01-12T18:00:00", DutyDesk.NIGHT, "2026-01-13T09:00:00"),
        ("2026-01-17T10:00:00", DutyDesk.NIGHT, "2026-01-17T18:00:00"),  # a Saturday
        ("2026-02-17T10:00:00", DutyDesk.NIGHT, "2026-02-17T18:00:00"),  # 설날
        ("2026-03-02T10:00:00", DutyDesk.NIGHT, "2026-03-02T18:00:00"),  # the substitute day of 삼일절
        ("2026-03-03T10:00:00", DutyDesk.DONG, "2026-03-03T18:00:00"),
    ],
)
def test_weekdays_from_nine_to_six_the_dong_answers_and_at_all_other_times_the_night_desk(
    now: str, desk: DutyDesk, ends: str
) -> None:
    period = period_at(parse_local(now), {})
    assert (period.desk, period.ends) == (desk, parse_local(ends))


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    period = period_at(parse_local("2026-01-13T03:00:00"), {})
    assert (period.day, period.part) == (date(2026, 1, 12), DutyPart.NIGHT)


@given(st.integers(0, 3 * 366), st.integers(0, DAY - 1), st.dictionaries(st.integers(0, 1100), st.booleans(), max_size=9))
def test_duty_periods_follow_on_each_other_without_gap_or_overlap(day: int, rest: Millis, own: dict[int, bool]) -> None:
    start = parse_local("2026-01-01T00:00:00") + day * DAY + rest
    first = date(2026, 1, 1).toordinal()
    days = {date.fromordinal(first + number): off for number, off in own.items()}
    periods = [period_at(start, days)]
    for _ in range(4):
        periods.append(period_at(periods[-1].ends, days))
    assert periods[0].begins <= start < periods[0].ends
    assert all(before.ends == after.begins for before, after in pairwise(periods))


def test_the_site_says_itself_which_days_are_off_or_worked_and_that_goes_before_the_law(kept: Site, rota: Rota) -> None:
    tomorrow, feast = parse_local("2026-01-13T10:00:00"), parse_local("2026-02-17T10:00:00")
    rota.add_shift(desk="dong", dong="dong-1", login="officer", by="gu")
    rota.add_shift(desk="night", login="night", by="gu")
    rota.set_day("2026-01-13", off=False, name="잘못", by="gu")
    rota.set_day("2026-01-13", off=True, name="임시공휴일", by="gu")
    rota.set_day("2026-02-17", off=False, name="근무", by="gu")
    assert (logins(kept, tomorrow), logins(kept, feast)) == (["night"], ["officer"])
    assert rota.days()[0] == OwnDay(day=date(2026, 1, 13), off=True, name="임시공휴일")
    rota.unset_day("2026-01-13")
    assert logins(kept, tomorrow) == ["officer"]
    with pytest.raises(NotFound):
        rota.unset_day("2026-01-13")
    assert (holiday_name(date(2026, 2, 17)), holiday_name(date(2026, 2, 20))) == ("설날", None)


def test_the_roster_is_asked_in_its_order_and_each_dong_has_its_own_desk(kept: Site, rota: Rota) -> None:
    rota.add_shift(desk="dong", dong="dong-1", login="second", position=2, by="gu")
    rota.add_shift(desk="dong", dong="dong-1", login="first", by="gu")
    rota.add_shift(desk="dong", dong="dong-2", login="other", by="gu")
    rota.add_shift(desk="night", login="all-nights", position=2, by="gu")
    rota.add_shift(desk="night", dong="dong-2", login="night-2", by="gu")
    assert logins(kept, MORNING) == ["first", "second"]
    assert logins(kept, MORNING, "dong-2") == ["other"]
    assert logins(kept, EVENING) == ["all-nights"]
    assert logins(kept, EVENING, "dong-2") == ["night-2", "all-nights"]


def test_an_entry_holds_on_its_weekdays_its_part_of_the_day_and_its_days(kept: Site, rota: Rota) -> None:
    rota.add_shift(desk="night", login="saturday-day", weekdays="76", part="day", by="gu")
    rota.add_shift(desk="night", login="nights", part="night", from_day="2026-01-13", until_day="2026-01-14", by="gu")
    assert logins(kept, parse_local("2026-01-17T10:00:00")) == ["saturday-day"]
    assert logins(kept, EVENING) == []
    assert logins(kept, EVENING + DAY) == ["nights"]
    assert logins(kept, parse_local("2026-01-15T08:59:00")) == ["nights"]
    assert logins(kept, EVENING + 3 * DAY) == []


def test_a_substitute_sits_in_the_place_of_whoever_is_absent_and_the_next_one_where_that_one_is_absent_too(
    kept: Site, rota: Rota
) -> None:
    rota.add_shift(desk="dong", dong="dong-1", login="kim", by="gu")
    rota.add_shift(desk="dong", dong="dong-1", login="lee", position=2, by="gu")
    away = rota.add_absence(login="kim", from_at=MORNING, until_at=MORNING + DAY, substitute="park", by="gu")
    assert logins(kept, MORNING - 1 + DAY) == []  # the night; nobody sits there
    assert logins(kept, MORNING + HOUR) == ["park", "lee"]
    rota.add_absence(login="park", from_at=MORNING, until_at=MORNING + HOUR, substitute="kim", by="gu")
    assert logins(kept, MORNING) == ["lee"]  # they stand in for each other, and neither is there
    assert logins(kept, MORNING + HOUR) == ["park", "lee"]
    with pytest.raises(Conflict):
        rota.add_absence(login="kim", from_at=MORNING + HOUR, until_at=MORNING + 2 * DAY, by="gu")
    rota.remove_absence(away.id, by="gu")
    assert logins(kept, MORNING + HOUR) == ["kim", "lee"]
    with pytest.raises(NotFound):
        rota.remove_absence(away.id, by="gu")


def test_nobody_sits_twice_in_one_roster(kept: Site, rota: Rota) -> None:
    rota.add_shift(desk="dong", dong="dong-1", login="kim", by="gu")
    rota.add_shift(desk="dong", dong="dong-1", login="lee", position=2, by="gu")
    rota.add_absence(login="lee", from_at=MORNING, until_at=MORNING + DAY, substitute="kim", by="gu")
    assert logins(kept, MORNING) == ["kim"]


def test_where_nobody_has_duty_the_supervisor_stands_in(kept: Site, rota: Rota) -> None:
    assert logins(kept, EVENING) == []
    rota.add_shift(desk="supervisor", login="gu", by="gu")
    assert logins(kept, EVENING) == ["gu"]
    rota.add_shift(desk="night", login="night", by="gu")
    assert logins(kept, EVENING) == ["night"]


def test_somebody_with_as_many_open_checks_as_they_may_hold_is_passed_over(kept: Site, rota: Rota) -> None:
    rota.add_shift(desk="dong", dong="dong-1", login="kim", by="gu")
    rota.add_shift(desk="dong", dong="dong-1", login="lee", position=2, by="gu")
    rota.add_shift(desk="supervisor", login="gu", by="gu")
    rota.set_cap("kim", 5)
    rota.set_cap("kim", 1)
    kept.take(finding(level=Level.WARNING))
    kept.desk.acknowledge(kept.only().id, actor="kim", dong=None)
    assert logins(kept, MORNING) == ["lee", "kim"]
    rota.remove_shift(rota.rows().shifts[1].id, by="gu")
    with kept.engine.begin() as connection:
        found = on_duty(connection, "dong-1", MORNING)
    assert found == [OnDuty(login="kim", desk=DutyDesk.DONG, full=True), OnDuty(login="gu", desk=DutyDesk.SUPERVISOR)]


names = st.sampled_from(["kim", "lee", "park", "choi"])


@given(
    st.lists(names, unique=True),
    st.lists(names, unique=True),
    st.dictionaries(names, st.integers(0, 40)),
    st.dictionaries(names, st.integers(1, 40)),
)
def test_nobody_on_duty_is_ever_lost_and_whoever_has_room_comes_first(
    rostered: list[str], standby: list[str], loads: dict[str, int], caps: dict[str, int]
) -> None:
    found = in_turn(
        [OnDuty(login=name, desk=DutyDesk.DONG) for name in rostered],
        [OnDuty(login=name, desk=DutyDesk.SUPERVISOR) for name in standby],
        loads,
        caps,
    )
    order = [one.login for one in found]
    assert len(set(order)) == len(order)
    assert set(rostered) <= set(order)
    assert bool(order) == bool(rostered or standby)
    room = [name for name in rostered if loads.get(name, 0) < caps.get(name, DEFAULT_CAP)]
    if room:
        assert order[: len(room)] == room
        assert set(order) == set(rostered)
    else:
        assert set(order) == set(rostered) | set(standby)
        held = [loads.get(name, 0) for name in order[: len(rostered)]]
        assert held == sorted(held)


def test_duty_ends_at_the_next_change(kept: Site, rota: Rota) -> None:
    with kept.engine.begin() as connection:
        assert duty_ends(connection, MORNING) == MORNING + 9 * HOUR
    rota.set_day("2026-01-12", off=True, name="임시공휴일", by="gu")
    with kept.engine.begin() as connection:
        assert duty_ends(connection, MORNING + 9 * HOUR) == MORNING + DAY


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"desk": "hall"}, "desk"),
        ({"desk": "dong", "dong": None}, "dong"),
        ({"dong": "dong-9"}, "dong"),
        ({"login": ""}, "login"),
        ({"position": 0}, "position"),
        ({"part": "noon"}, "part"),
        ({"weekdays": "08"}, "weekdays"),
        ({"weekdays": "11"}, "weekdays"),
        ({"from_day": "tomorrow"}, "from_day"),
        ({"from_day": "2026-01-13", "until_day": "2026-01-12"}, "until_day"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_field(rota: Rota, wrong: dict[str, str], field: str) -> None:
    entry: dict[str, object] = {"desk": "dong", "dong": "dong-1", "login": "kim", "by": "gu", **wrong}
    with pytest.raises(RosterWrong, match=f"^{field}:"):
        rota.add_shift(**entry)  # type: ignore[arg-type]
    assert rota.rows().shifts == ()


def test_entries_are_put_on_together_or_not_at_all(kept: Site, rota: Rota) -> None:
    right, wrong = ShiftEntry(desk="night", login="night"), ShiftEntry(desk="night", login="")
    assert rota.check(right).login == "night" and rota.now() == MORNING
    with pytest.raises(RosterWrong):
        rota.add_shifts([right, wrong], by="gu")
    assert rota.rows().shifts == ()
    assert [one.login for one in rota.add_shifts([right, right], by="gu")] == ["night", "night"]


def test_wrong_absences_days_and_caps_are_refused(rota: Rota) -> None:
    with pytest.raises(RosterWrong, match=r"^until_at"):
        rota.add_absence(login="kim", from_at=MORNING, until_at=MORNING, by="gu")
    with pytest.raises(RosterWrong, match=r"^substitute"):
        rota.add_absence(login="kim", from_at=MORNING, until_at=EVENING, substitute="kim", by="gu")
    with pytest.raises(RosterWrong, match=r"^reason"):
        rota.add_absence(login="kim", from_at=MORNING, until_at=EVENING, reason="bored", by="gu")
    with pytest.raises(RosterWrong, match=r"^name"):
        rota.set_day("2026-01-13", off=True, name=" ", by="gu")
    with pytest.raises(RosterWrong, match=r"^open_checks"):
        rota.set_cap("kim", 0)
    with pytest.raises(NotFound):
        rota.remove_shift(7, by="gu")
