"""Outages: many gateways of one place, or our own link, are one check; its homes wait for digests and are let go in stages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.attempt import Untold
from alerts.check import CheckState, Condition, Outcome
from alerts.duty.outage import AT_LEAST, EVERYWHERE, WITHIN, Gateway, OutageKind, find_outages, is_over, sizes
from alerts.duty.outages import Outage
from alerts.duty.tables import hearing, outage, outage_home
from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.reading import DongCode, HouseholdId
from rules.finding import Level, RuleKey
from rules.outlook import HearingTurn, QuietHome
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.duty_parts import Office, make_office


def gateway(number: int, *, dong: str = "d1", carrier: str | None = None, building: str | None = None) -> Gateway:
    return Gateway(
        device_id=f"gw-{number:04}",
        household_id=HouseholdId(f"hh-{number}"),
        dong_code=DongCode(dong),
        carrier=carrier,
        building=building,
    )


def silent(one: Gateway, at: Millis) -> Gateway:
    values = {name: getattr(one, name) for name in Gateway.__slots__}
    return Gateway(**{**values, "lost_at": at})


def found(town: list[Gateway], lost: dict[int, Millis], now: Millis) -> list[tuple[OutageKind, str, int]]:
    said = find_outages([silent(town[number], at) for number, at in lost.items()], sizes(town), now)
    return [(one.kind, one.target, len(one.members)) for one in said]


TOWN = [
    gateway(number, dong=f"d{number // 100}", carrier=("KT", "SKT", "LGU")[number % 3], building=f"b{number // 20}")
    for number in range(500)
]
"""Five dongs of 100, three carriers, buildings of 20."""


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (range(100, 120), [(OutageKind.BUILDING, "b5", 20)]),
        (range(100, 200), [(OutageKind.DONG, "d1", 100)]),
        (range(0, 500, 3), [(OutageKind.CARRIER, "KT", 167)]),
        (range(500), [(OutageKind.SITE, EVERYWHERE, 500)]),
        (range(100, 109), []),  # nine, whatever their share
        ([*range(100, 120), *range(220, 240)], [(OutageKind.BUILDING, "b11", 20), (OutageKind.BUILDING, "b5", 20)]),
    ],
)
def test_the_narrowest_place_that_explains_the_silence_is_one_outage(lost: range, said: list[object]) -> None:
    assert sorted(found(TOWN, dict.fromkeys(lost, 1000), 1000 + WITHIN)) == sorted(said)  # type: ignore[type-var]


def test_a_fifth_of_the_place_is_needed_however_many_they_are() -> None:
    town = [gateway(number) for number in range(100)]
    assert found(town, dict.fromkeys(range(19), 0), WITHIN) == []
    assert found(town, dict.fromkeys(range(20), 0), WITHIN) == [(OutageKind.DONG, "d1", 20)]


def test_silences_that_lie_further_apart_than_two_minutes_are_no_outage() -> None:
    town = [gateway(number) for number in range(20)]
    assert found(town, {number: number * 15 * SECOND for number in range(20)}, HOUR) == []
    assert found(town, {number: number * 12 * SECOND for number in range(20)}, HOUR) == [(OutageKind.DONG, "d1", 20)]


def test_a_stretch_is_judged_once_it_is_over_so_that_a_wide_outage_is_not_taken_for_a_narrow_one() -> None:
    lost = {**dict.fromkeys(range(100, 120), 0), **dict.fromkeys(range(120, 200), MINUTE)}
    assert found(TOWN, lost, WITHIN - 1) == []
    assert found(TOWN, lost, WITHIN) == [(OutageKind.DONG, "d1", 100)]


def test_gateways_that_were_silent_before_are_not_part_of_it() -> None:
    lost = {**dict.fromkeys(range(3), -DAY), **dict.fromkeys(range(3, 20), 0)}
    assert found([gateway(number) for number in range(20)], lost, WITHIN) == [(OutageKind.DONG, "d1", 17)]


@given(st.dictionaries(st.integers(0, 499), st.integers(0, 10 * MINUTE)), st.integers(0, 15 * MINUTE))
def test_an_outage_is_never_made_of_too_few_and_no_gateway_is_in_two(lost: dict[int, Millis], now: Millis) -> None:
    said = find_outages([silent(TOWN[number], at) for number, at in lost.items() if at <= now], sizes(TOWN), now)
    members = [one.device_id for each in said for one in each.members]
    assert len(set(members)) == len(members)
    assert all(len(each.members) >= max(AT_LEAST, 0.2 * each.gateways) for each in said)
    assert all(one.lost_at is not None and one.lost_at >= each.began_at for each in said for one in each.members)


def test_it_is_over_at_half_of_what_began_it() -> None:
    assert [is_over(count, 100) for count in (9, 10)] == [True, False]
    assert [is_over(count, 20) for count in (4, 5)] == [True, False]


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    made = make_office(store_url).staff()
    yield made
    made.engine.dispose()


def only_outage(office: Office, dong: str | None = None) -> Outage:
    [one] = office.outages.recent(office.clock.home, dong=dong)
    return one


def begin(office: Office, homes: list[str]) -> Outage:
    """These fall silent and it is noticed."""
    office.pass_home(0)
    office.turn(*homes)
    office.pass_home(2 * MINUTE)
    office.words.take()
    return only_outage(office)


def test_many_silent_gateways_are_one_check_that_names_how_many_of_how_many(office: Office) -> None:
    homes = office.homes(30)
    one = begin(office, homes[:20])
    assert (one.kind, one.target, one.lost, one.gateways, one.began_at) == (OutageKind.DONG, "dong-1", 20, 30, MORNING)
    check = office.check_of(None)
    assert (check.level, check.dong_code, check.subject) == (Level.WARNING, "dong-1", f"outage:{one.id}")
    assert (check.alerts[0].rule, check.alerts[0].evidence.value, check.alerts[0].evidence.limit) == (RuleKey.OUTAGE, 20, 30)
    office.pass_home(HOUR)
    assert len(office.desk.checks(dong=None)) == 1


def test_its_homes_are_listed_by_how_long_they_had_been_quiet_before(office: Office) -> None:
    homes = office.homes(12)
    office.pass_home(0)
    for number, home in enumerate(homes):
        office.turn(home, quiet=MORNING - (number * 7 % 12) * HOUR)
    office.pass_home(2 * MINUTE)
    listed = office.outages.homes(only_outage(office).id, dong="dong-1")
    assert [MORNING - (one.quiet_since or 0) for one in listed] == [hours * HOUR for hours in range(11, -1, -1)]
    assert office.outages.of_home(homes[0]) == only_outage(office)
    assert office.outages.of_home("hh-2-1") is None
    assert office.outages.recent(office.clock.home, dong="dong-2") == []
    assert office.outages.homes(only_outage(office).id, dong="dong-2") == []


def test_a_gateway_that_falls_silent_later_joins_the_outage_of_its_place(office: Office) -> None:
    homes = office.homes(30)
    begin(office, homes[:20])
    office.turn(homes[20], homes[21])
    office.pass_home(20 * SECOND)
    assert only_outage(office).lost == 22 and len(office.rows(outage_home)) == 22


def test_a_gateway_that_was_silent_before_is_in_no_outage_of_today(office: Office) -> None:
    homes = office.homes(30)
    office.turn(homes[29])
    office.pass_home(HOUR)
    office.turn(*homes[:20])
    office.pass_home(2 * MINUTE)
    office.pass_home(MINUTE)
    assert only_outage(office).lost == 20
    assert homes[29] not in [one.household_id for one in office.outages.homes(only_outage(office).id, dong=None)]


def test_wrong_2_a_carrier_that_fails_in_two_dongs_is_one_outage_of_both(office: Office) -> None:
    there = [*office.homes(10, "dong-1", carrier="KT"), *office.homes(10, "dong-2", carrier="KT")]
    office.homes(20, "dong-1", carrier="SKT")
    office.homes(20, "dong-2", carrier="SKT")
    one = begin(office, there)
    assert (one.kind, one.target, one.dong_code, one.lost) == (OutageKind.CARRIER, "KT", EVERYWHERE, 20)
    assert len(office.outages.homes(one.id, dong="dong-1")) == 10


def test_tickets_of_devices_that_fall_silent_in_it_lie_under_it_until_it_is_over(office: Office) -> None:
    homes = office.homes(12)
    one = begin(office, homes)
    office.take(finding(RuleKey.DEVICE_SILENT, household=homes[0], device="gw-1-1", at=MORNING + 10 * MINUTE))
    office.take(finding(RuleKey.DEVICE_BATTERY, household=homes[0], device="gw-1-1", at=MORNING + 10 * MINUTE))
    office.pass_home(10 * MINUTE)
    assert [ticket.rule for ticket in office.desk.tickets(dong=None)] == [RuleKey.DEVICE_BATTERY]
    assert [ticket.rule for ticket in office.desk.tickets(dong=None, outage=one.id)] == [RuleKey.DEVICE_SILENT]
    office.turn(*homes[1:], heard=True, since=MORNING)
    office.pass_home(20 * SECOND)
    office.pass_home(10 * MINUTE)
    assert len(office.desk.tickets(dong=None)) == 2


def hold(office: Office, homes: list[str], level: Level = Level.WARNING) -> None:
    office.take(*(finding(RuleKey.CANNOT_VERIFY, level, household=home, at=office.clock.home) for home in homes))


def test_its_homes_limits_run_and_come_as_one_digest_for_each_person(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    office.told()
    hold(office, homes[:8])
    assert office.told() == [] and office.check_of(homes[0]).state is CheckState.OPEN
    held = office.desk.check(office.check_of(homes[0]).id, dong=None)
    assert held is not None and [(each.told, each.untold) for each in held.attempts] == [(0, Untold.OUTAGE)]
    office.pass_home(10 * MINUTE)
    assert office.words.take() == [("outage_digest", "dong-1", ("officer1",))] and office.words.codes[-1] == "8"
    hold(office, homes[8:10])
    office.pass_home(10 * MINUTE)
    assert office.words.take() == [("outage_digest", "dong-1", ("officer1",))] and office.words.codes[-1] == "2"
    office.pass_home(10 * MINUTE)
    assert office.words.take() == []
    office.desk.acknowledge(office.check_of(homes[0]).id, actor="officer1", dong=None)
    office.pass_home(HOUR - 15 * MINUTE)
    assert office.words.take()[0] == ("outage_digest", "dong-1", ("officer1",)) and office.words.codes[-1] == "7"


def test_at_danger_they_are_told_singly_and_sos_never_waits(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    office.told()
    hold(office, homes[:2])
    assert office.told() == []
    hold(office, homes[:1], Level.DANGER)
    assert office.told() == ["risen"]
    office.take(finding(RuleKey.SOS, Level.DANGER, household=homes[1]))
    assert office.told() == ["risen"]
    office.take(finding(RuleKey.HEAT, Level.WARNING, household=homes[2]))
    assert office.told() == ["opened"]


def test_what_no_outage_explains_is_told_at_once_though_it_joins_a_check_that_waits_for_the_digest(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    hold(office, homes[:2])
    assert office.told() == ["opened"]  # the outage itself
    office.take(finding(RuleKey.HEAT, Level.WARNING, household=homes[0]))
    assert office.told() == ["added"]
    office.take(finding(RuleKey.COLD, Level.CAUTION, household=homes[0]))
    assert office.told() == [], "it waits no longer: its ladder goes on as every other"
    office.desk.acknowledge(office.check_of(homes[1]).id, actor="officer1", dong=None)
    office.take(finding(RuleKey.HEAT, Level.WARNING, household=homes[1]))
    assert office.told() == [], "its owner sees it on the page"


def test_a_home_whose_level_rises_is_in_the_next_digest_again(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    hold(office, homes[:1], Level.CAUTION)
    office.pass_home(10 * MINUTE)
    office.words.take()
    hold(office, homes[:1], Level.WARNING)
    office.pass_home(10 * MINUTE)
    assert office.words.take() == [("outage_digest", "dong-1", ("officer1",))]


def test_a_new_check_of_a_home_whose_last_one_was_settled_is_in_the_next_digest(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    hold(office, homes[:1])
    office.pass_home(10 * MINUTE)
    office.desk.resolve(office.check_of(homes[0]).id, actor="officer1", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    office.words.take()
    hold(office, homes[:1])
    office.pass_home(10 * MINUTE)
    assert office.words.take() == [("outage_digest", "dong-1", ("officer1",))]


def test_a_home_that_is_heard_again_while_the_rest_is_not_goes_its_own_way(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    office.turn(homes[0], heard=True, since=MORNING)
    office.pass_home(20 * SECOND)
    office.told()
    hold(office, homes[:1])
    assert office.told() == ["opened"]
    assert office.outages.of_home(homes[0]) is None


def test_what_opens_after_its_end_waits_with_the_rest_until_they_are_let_go(office: Office) -> None:
    """All are heard again at once and their limits have run: no home of it is told of singly before it had time to settle."""
    homes = office.homes(12)
    begin(office, homes)
    office.turn(*homes, heard=True, since=MORNING)
    office.pass_home(20 * SECOND)
    assert only_outage(office).ended_at is not None
    office.told()
    hold(office, homes[:2])
    assert office.told() == []
    office.words.take()
    office.pass_home(10 * MINUTE)
    assert ("outage_digest", "dong-1", ("officer1",)) in office.words.take()
    office.told()
    hold(office, homes[2:3])
    assert office.told() == ["opened"]


def test_after_its_end_the_homes_still_unaccounted_for_are_let_go_in_stages_the_worst_first(office: Office) -> None:
    homes = office.homes(50)
    office.pass_home(0)
    for number, home in enumerate(homes):
        office.turn(home, quiet=MORNING - number * MINUTE)
    office.pass_home(2 * MINUTE)
    hold(office, homes[:45])
    office.pass_home(10 * MINUTE)
    office.words.take()
    office.turn(*homes[1:], heard=True, since=MORNING)
    ended = office.pass_home(10 * SECOND)
    assert ended and only_outage(office).ended_at == office.clock.home
    assert office.check_of(None, f"outage:{only_outage(office).id}").condition is Condition.CLEARED
    assert office.words.take() == []
    office.told()
    codes = []
    for _ in range(4):
        office.pass_home(10 * MINUTE)
        codes += [word for word in office.words.take() if word[0].startswith("outage")]
    assert codes == [*[("outage_digest", "dong-1", ("officer1",))] * 3, ("outage_over", "dong-1", ("officer1",))]
    assert office.words.codes[-4:] == ["20", "20", "5", "1"]
    first = sorted(
        (row for row in office.rows(outage_home) if row.released_at), key=lambda row: (row.released_at, row.quiet_since)
    )
    assert [row.household_id for row in first[:2]] == [homes[44], homes[43]]
    assert only_outage(office).closed_at is not None
    office.told()
    hold(office, homes[45:46])
    assert office.told() == ["opened"]


def test_an_outage_without_a_held_home_is_closed_when_it_has_settled(office: Office) -> None:
    homes = office.homes(12)
    begin(office, homes)
    office.turn(*homes, heard=True, since=MORNING)
    office.pass_home(10 * SECOND)
    office.pass_home(5 * MINUTE)
    assert only_outage(office).closed_at is None
    office.pass_home(5 * MINUTE)
    assert office.words.take() == [("outage_over", "dong-1", ("officer1",))] and office.words.codes[-1] == "0"
    office.pass_home(15 * DAY)
    assert office.outages.recent(office.clock.home, dong=None) == []


def test_where_the_roster_names_nobody_the_digest_goes_to_the_routes(store_url: str) -> None:
    office = make_office(store_url)
    homes = office.homes(12)
    begin(office, homes)
    hold(office, homes)
    office.pass_home(10 * MINUTE)
    assert office.words.take() == [("outage_digest", "dong-1", ())]
    office.turn(*homes, heard=True, since=MORNING)
    office.pass_home(10 * SECOND)
    office.pass_home(10 * MINUTE)
    assert [word[2] for word in office.words.take()] == [(), ()]
    office.engine.dispose()


def link(office: Office, *, heard: bool, since: Millis, at: Millis) -> None:
    homes = tuple(
        QuietHome(household_id=one.id, dong_code=one.dong_code, quiet_since=None)
        for one in ([] if heard else office.register.households())
    )
    office.outlook.take([HearingTurn(device_id=None, heard=heard, since=since, at=at, homes=homes)])


def test_our_own_link_is_one_outage_with_every_home_and_opens_none_besides(office: Office) -> None:
    homes = office.homes(30)
    office.pass_home(0)
    link(office, heard=False, since=MORNING, at=MORNING)
    link(office, heard=False, since=MORNING, at=MORNING)
    office.turn(*homes)
    office.pass_home(2 * MINUTE)
    one = only_outage(office)
    assert (one.kind, one.dong_code, one.gateways, one.lost) == (OutageKind.LINK, EVERYWHERE, 30, 30)
    assert office.check_of(None).dong_code == EVERYWHERE
    hold(office, homes[:1])
    link(office, heard=True, since=MORNING, at=MORNING + HOUR)
    office.turn(*homes, heard=True, since=MORNING)
    office.pass_home(HOUR)
    assert only_outage(office).ended_at == MORNING + HOUR
    assert len(office.outages.homes(one.id, dong=None)) == 30


def test_an_outage_of_ours_that_was_over_before_it_could_be_told_is_still_a_check(office: Office) -> None:
    office.homes(3)
    office.pass_home(0)
    link(office, heard=False, since=MORNING - HOUR, at=MORNING - HOUR)
    link(office, heard=True, since=MORNING - HOUR, at=MORNING)
    office.pass_home(10 * SECOND)
    assert office.check_of(None).condition is Condition.CLEARED


def test_words_told_again_by_a_replay_change_nothing(office: Office) -> None:
    [home, *_] = office.homes(3)
    office.turn(home)
    earlier = office.rows(hearing)
    office.clock.home += HOUR
    office.turn(home, heard=True, since=MORNING)
    later = office.rows(hearing)
    office.clock.home -= HOUR
    office.turn(home)
    assert office.rows(hearing) == later != earlier


def test_a_gateway_that_was_moved_or_removed_is_not_silent_where_it_was(office: Office) -> None:
    homes = office.homes(12)
    office.pass_home(0)
    office.turn(*homes)
    for home in homes[:4]:
        office.register.remove_device(home.replace("hh", "gw"), at=MORNING)
    office.pass_home(2 * MINUTE)
    assert office.rows(outage) == []
