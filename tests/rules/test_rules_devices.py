"""Proves that device findings say which device needs an installer, one each, and end when it is well again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE
from ingest.facts import DeviceRemoved, HouseholdEnded
from ingest.reading import DeviceId, Reading, Reason, Signal
from rules.engine import Engine, Item
from rules.finding import DEVICE, Level, RuleKey, Verb
from rules.observability import Blind
from rules.sentence import reason
from tests.rules.rule_parts import (
    HOME,
    START,
    TABLE,
    Days,
    device,
    enrolled,
    home_with,
    link_down,
    link_up,
    living,
    motion,
    reading,
    received_at,
    rejection,
    told,
)


def silent(days: Days, at: int) -> list[tuple[str, str, int, float]]:
    return told(days.until(at), RuleKey.DEVICE_SILENT)


def test_three_missed_reports_make_a_device_silent_and_any_report_ends_it() -> None:
    days = Days([*home_with(Signal.MOTION, interval_s=600), motion(0)])
    assert silent(days, HOUR) == [("device_silent", "raised", 1, round(32 / 60, 4))]
    days.feed([reading(2 * HOUR, Signal.HEARTBEAT)])
    assert silent(days, 2 * HOUR + MINUTE) == [("device_silent", "cleared", 1, 2.0028)]


def test_a_device_that_speaks_only_when_something_happens_is_never_silent() -> None:
    assert silent(Days([*home_with(Signal.MOTION), motion(0)]), 7 * HOUR) == []


def test_silence_counts_only_while_we_could_hear() -> None:
    days = Days([*home_with(Signal.MOTION, interval_s=600), motion(0), link_down(10 * MINUTE), link_up(5 * HOUR)])
    assert silent(days, 6 * HOUR) == [("device_silent", "raised", 1, round(5 + 22 / 60, 4))]


def test_a_low_battery_rises_to_urgent_and_clears_above_its_limit() -> None:
    levels = [(1, 19.0), (2, 21.0), (3, 4.0), (4, 24.0), (5, 25.0)]
    days = Days([*home_with(Signal.MOTION), *(reading(hour * HOUR, Signal.BATTERY, percent) for hour, percent in levels)])
    assert told(days.until(6 * HOUR), RuleKey.DEVICE_BATTERY) == [
        ("device_battery", "raised", 1, 1.0028),
        ("device_battery", "raised", 2, 3.0028),
        ("device_battery", "cleared", 2, 5.0028),
    ]


def test_a_weak_radio_link_is_a_ticket_until_it_is_well_again() -> None:
    levels = [(1, 8.0), (2, 7.4), (3, 5.0), (4, 11.0), (5, 12.0)]
    days = Days([*home_with(Signal.MOTION), *(reading(hour * HOUR, Signal.LINK, percent) for hour, percent in levels)])
    assert told(days.until(6 * HOUR), RuleKey.DEVICE_LINK) == [
        ("device_link", "raised", 1, 2.0028),
        ("device_link", "cleared", 1, 5.0028),
    ]


def test_wrongly_dated_readings_are_a_clock_finding_and_end_an_hour_after_the_last() -> None:
    wrong = [reading(at * MINUTE, Signal.MOTION, credible=False, observed_at=1_000_000) for at in (1, 2)]
    days = Days([*home_with(Signal.MOTION), *wrong])
    assert told(days.until(3 * MINUTE), RuleKey.DEVICE_CLOCK) == []
    days.feed([reading(4 * MINUTE, Signal.MOTION, skewed=True)])
    assert told(days.until(3 * HOUR), RuleKey.DEVICE_CLOCK) == [
        ("device_clock", "raised", 1, pytest.approx(4 / 60 + 10 / 3600, abs=1e-4)),
        ("device_clock", "cleared", 1, pytest.approx(1 + 4 / 60, abs=1e-4)),
    ]


def test_a_number_of_rejections_within_an_hour_is_a_finding() -> None:
    few = [rejection(at * MINUTE) for at in range(9)]
    days = Days([*home_with(Signal.MOTION), *few, rejection(9 * MINUTE, reason=Reason.DUPLICATE)])
    assert told(days.until(10 * MINUTE), RuleKey.DEVICE_REJECTED) == []
    days.feed([rejection(10 * MINUTE)])
    assert [one.verb for one in days.until(3 * HOUR) if one.rule is RuleKey.DEVICE_REJECTED] == [Verb.RAISED, Verb.CLEARED]


def test_a_removed_device_takes_its_findings_with_it() -> None:
    days = Days([*home_with(Signal.MOTION, interval_s=600), motion(0)])
    days.until(HOUR)
    days.feed([DeviceRemoved(fact_id="x", at=START + HOUR, device_id=DeviceId("pir-1"))])
    assert [one.verb for one in days.until(20 * HOUR) if one.rule in DEVICE] == [Verb.CLEARED]


def test_device_findings_name_the_device_and_its_household() -> None:
    days = Days([*home_with(Signal.MOTION, interval_s=600), motion(0)])
    [said] = [one for one in days.until(HOUR) if one.rule in DEVICE]
    assert (said.household_id, said.evidence.device_id, said.level) == ("hh-1", "pir-1", Level.CAUTION)


def test_wrong_2_a_gateway_that_stops_is_one_finding_and_not_one_for_each_device() -> None:
    sensors = [f"th-{number}" for number in range(12)]
    items = [enrolled(), device("gw-1", Signal.STATUS)]
    items += [device(name, Signal.TEMPERATURE, interval_s=600) for name in sensors]
    heard = [reading(0, Signal.TEMPERATURE, 22.0, name=name) for name in sensors]
    days = Days([*items, *heard, reading(MINUTE, Signal.STATUS, 0.0, name="gw-1")])
    said = [one for one in days.until(6 * HOUR) if one.rule in DEVICE]
    assert [(one.rule, one.evidence.device_id, one.at - START) for one in said] == [(RuleKey.DEVICE_SILENT, "gw-1", 16 * MINUTE)]
    days.feed([reading(6 * HOUR, Signal.STATUS, 1.0, name="gw-1")])
    days.feed([reading(6 * HOUR + MINUTE, Signal.TEMPERATURE, 22.0, name=name) for name in sensors])
    assert [one.verb for one in days.until(6 * HOUR + 5 * MINUTE) if one.rule in DEVICE] == [Verb.CLEARED]


@pytest.mark.parametrize("signals", [(Signal.MOTION, Signal.CALL), (Signal.CALL, Signal.PHONE), ()])
def test_wrong_5_a_household_never_heard_is_a_ticket_after_an_hour_and_a_check_after_a_day(signals: tuple[Signal, ...]) -> None:
    """Whatever stands there: a home that has a phone alone is verified by calls, but only once it is heard at all."""
    days = Days(home_with(*signals, interval_s=600))
    said = days.until(30 * HOUR)
    assert told(said) == [("not_commissioned", "raised", 1, 1.0), ("cannot_verify", "raised", 3, 24.0)]
    ticket, check = said
    assert (ticket.evidence.since, ticket.evidence.limit, ticket.evidence.value) == (START, float(HOUR), float(HOUR))
    assert (check.evidence.coverage, check.evidence.blind) == (0.0, "not_commissioned")
    assert "0%만 관측, 미개통" in reason(check.rule, check.level, check.evidence, check.at)
    days.feed([reading(30 * HOUR, Signal.CALL), motion(30 * HOUR)])
    assert told(days.until(31 * HOUR))[:2] == [
        ("cannot_verify", "cleared", 3, 30.0028),
        ("not_commissioned", "cleared", 1, 30.0028),
    ]


def test_wrong_5_a_household_heard_within_the_hour_is_commissioned() -> None:
    days = Days([*home_with(Signal.MOTION), *living(30, 30 * MINUTE, DAY)])
    assert days.until(DAY) == []


def told_of(days: Days, rule: RuleKey, at: int) -> tuple[float, float, float]:
    """Hours since, limit and value of the only raise of this rule up to then."""
    [one] = [one for one in days.until(at) if one.rule is rule and one.verb is Verb.RAISED]
    return (one.evidence.since - START) / HOUR, one.evidence.limit, one.evidence.value


def test_every_device_finding_says_since_when_against_which_limit_and_what_was_seen() -> None:
    silent_one = Days([*home_with(Signal.MOTION, interval_s=600), motion(HOUR)])
    assert told_of(silent_one, RuleKey.DEVICE_SILENT, 2 * HOUR) == (1.0, 32.0 * MINUTE, 32.0 * MINUTE)
    gateway = Days([enrolled(), device("gw-1", Signal.STATUS), reading(HOUR, Signal.STATUS, 0.0, name="gw-1")])
    assert told_of(gateway, RuleKey.DEVICE_SILENT, 2 * HOUR) == (1.0, 15.0 * MINUTE, 15.0 * MINUTE)
    flat = Days([*home_with(Signal.MOTION), reading(HOUR, Signal.BATTERY, 19.5)])
    assert told_of(flat, RuleKey.DEVICE_BATTERY, 2 * HOUR)[1:] == (20.0, 19.5)
    flat.feed([reading(3 * HOUR, Signal.BATTERY, 4.5)])
    assert told_of(flat, RuleKey.DEVICE_BATTERY, 4 * HOUR)[1:] == (5.0, 4.5)
    weak = Days([*home_with(Signal.MOTION), reading(HOUR, Signal.LINK, 7.5)])
    assert told_of(weak, RuleKey.DEVICE_LINK, 2 * HOUR)[1:] == (8.0, 7.5)
    wrong = [reading(HOUR + at * MINUTE, Signal.MOTION, credible=False, observed_at=1_000_000) for at in (1, 2, 3)]
    assert told_of(Days([*home_with(Signal.MOTION), *wrong]), RuleKey.DEVICE_CLOCK, 2 * HOUR) == (1.05, 3.0, 3.0)
    bad = [rejection(HOUR + at * MINUTE) for at in range(10)]
    assert told_of(Days([*home_with(Signal.MOTION), *bad]), RuleKey.DEVICE_REJECTED, 2 * HOUR) == (1.15, 10.0, 10.0)


def test_the_battery_of_one_device_says_nothing_of_another() -> None:
    devices = [enrolled(), *(device(name, Signal.MOTION) for name in ("pir-1", "pir-2"))]
    days = Days([*devices, reading(HOUR, Signal.BATTERY, 10.0), reading(HOUR, Signal.BATTERY, 90.0, name="pir-2")])
    said = [one for one in days.until(2 * HOUR) if one.rule is RuleKey.DEVICE_BATTERY]
    assert [one.evidence.device_id for one in said] == ["pir-1"]


def test_a_device_whose_home_ended_before_it_was_looked_at_says_nothing() -> None:
    ended = HouseholdEnded(fact_id="e", at=START + 1, household_id=HOME)
    days = Days([*home_with(Signal.MOTION), reading(0, Signal.BATTERY, 3.0), ended])
    assert days.until(HOUR) == []
    assert days.engine.standing() == []


def behind_gateways(homes: int) -> list[Item]:
    """Homes with a gateway and a motion sensor that tells every ten minutes, both heard; the gateways go after ten."""
    items: list[Item] = []
    for home in (f"hh-{number}" for number in range(1, homes + 1)):
        items += [enrolled(home), device(f"gw-{home}", Signal.STATUS, home=home)]
        items += [device(f"pir-{home}", Signal.MOTION, home=home, interval_s=600), motion(0, home=home, name=f"pir-{home}")]
    return items + [gateway(10 * MINUTE, 0.0, f"hh-{number}") for number in range(1, homes + 1)]


def gateway(at: int, online: float, home: str) -> Reading:
    return reading(at, Signal.STATUS, online, name=f"gw-{home}", home=home)


def test_a_sensor_that_died_behind_its_gateway_is_found_silent_in_a_site_of_one_home() -> None:
    days = Days([*behind_gateways(1), gateway(3 * HOUR, 1.0, HOME)])
    found = [one.verb for one in days.until(6 * HOUR) if one.evidence.device_id == f"pir-{HOME}"]
    assert found == [Verb.RAISED]


def test_all_gateways_that_come_back_in_one_batch_mean_what_they_mean_one_by_one() -> None:
    back = [gateway(3 * HOUR, 1.0, home) for home in ("hh-1", "hh-2")]
    said = []
    for parts in ([back], [back[:1], back[1:]]):
        engine = Engine(TABLE)
        for item in behind_gateways(2):
            engine.advance(received_at(item))
            engine.fold([item])
        engine.advance(START + 3 * HOUR)
        for part in parts:
            engine.fold(part)
        found = engine.advance(START + 12 * HOUR)
        assert {one.evidence.device_id for one in found if one.verb is Verb.RAISED} >= {"pir-hh-1", "pir-hh-2"}
        said.append((found, engine.snapshot()))
    assert said[0] == said[1]


def test_what_a_claimed_device_had_sent_before_blames_no_clock_and_is_no_report_of_now() -> None:
    """It is older than the enrolment for the best of reasons."""
    before = [
        reading(2 * HOUR, Signal.MOTION, observed_at=START - at * MINUTE, credible=credible, skewed=skewed, again=True)
        for at, credible, skewed in [*((at, False, False) for at in range(9)), (9, True, True), (10, True, False)]
    ]
    days = Days([*home_with(Signal.MOTION, interval_s=600), motion(0), *before])
    assert told(days.until(4 * HOUR), RuleKey.DEVICE_CLOCK, RuleKey.DEVICE_SILENT) == [
        ("device_silent", "raised", 1, round(32 / 60, 4)),
    ]


def test_each_silence_of_a_device_is_an_episode_of_its_own_and_so_is_that_of_each_home() -> None:
    names = ("hh-1", "hh-2")
    stands = [fact for home in names for fact in (enrolled(home), device(f"d-{home}", Signal.MOTION, home=home, interval_s=600))]
    moved = [motion(at, home=home, name=f"d-{home}") for home in names for at in (0, 2 * HOUR)]
    said = [one for one in Days([*stands, *moved]).until(4 * HOUR) if one.rule is RuleKey.DEVICE_SILENT]
    raised = [one for one in said if one.verb is Verb.RAISED]
    assert len(raised) == 4 and len({one.episode for one in raised}) == len({one.finding_id for one in raised}) == 4
    assert {one.episode for one in said if one.verb is Verb.CLEARED} < {one.episode for one in raised}


def together(*items: Reading, stands: Sequence[Item]) -> Days:
    """What is read in one go: readings of several devices in one batch."""
    days = Days(stands)
    days.engine.advance(max(item.received_at for item in items))
    days.engine.fold(items)
    return days


def test_wrong_dates_of_one_device_are_no_fault_of_those_that_are_read_with_it() -> None:
    stands = [*home_with(Signal.MOTION), device("th-1", Signal.TEMPERATURE), device("gw-1", Signal.STATUS)]
    wrong = [reading(MINUTE + at, Signal.MOTION, skewed=True) for at in range(3)]
    right = [reading(MINUTE + at, Signal.TEMPERATURE, 21.0, name="th-1") for at in range(3)]
    online = [reading(MINUTE + at, Signal.STATUS, 1.0, name="gw-1", skewed=True) for at in range(3)]
    days = together(*wrong, *right, *online, stands=stands)
    found = [one for one in days.until(5 * MINUTE) if one.rule is RuleKey.DEVICE_CLOCK]
    assert [(one.evidence.device_id, one.evidence.value) for one in found] == [("pir-1", 3.0)]


def test_a_clock_that_is_behind_is_found_though_a_gateway_speaks_in_the_same_batch() -> None:
    days = Days([*home_with(Signal.MOTION), device("gw-1", Signal.STATUS), device("gw-2", Signal.STATUS)])
    for minute in range(5, 130, 5):
        at = minute * MINUTE
        days.engine.advance(START + at)
        behind = reading(at - 3 * MINUTE, Signal.LIGHT, 9.0, received=at)
        old = [reading(at - HOUR, Signal.STATUS, 1.0, name=name, received=at) for name in ("gw-1", "gw-2")]
        days.engine.fold([behind, *old])
    found = {key for key, rule, _ in days.engine.standing() if rule is RuleKey.DEVICE_DRIFT}
    days.engine.advance(START + 131 * MINUTE)
    found |= {key for key, rule, _ in days.engine.standing() if rule is RuleKey.DEVICE_DRIFT}
    assert found == {"device:pir-1"}


def test_a_gateway_that_says_it_is_online_is_heard_and_the_brokers_word_that_it_is_not_is_no_word_of_its_home() -> None:
    found = []
    for online in (1.0, 0.0):
        days = Days([enrolled(), device("gw-1", Signal.STATUS), reading(10 * MINUTE, Signal.STATUS, online, name="gw-1")])
        days.until(11 * MINUTE)
        sight = days.engine.sights().of(HOME)
        found.append(None if sight is None else sight.cause)
    assert found == [None, Blind.NOT_COMMISSIONED]


def test_a_home_that_ends_takes_its_ticket_and_those_of_its_devices_with_it() -> None:
    days = Days([enrolled(), device("pir-1", Signal.MOTION, interval_s=600), *(rejection(at * MINUTE) for at in range(50, 62))])
    days.until(70 * MINUTE)
    stood = {rule for _, rule, _ in days.engine.standing()}
    assert stood >= {RuleKey.DEVICE_REJECTED, RuleKey.NOT_COMMISSIONED}
    days.feed([HouseholdEnded(fact_id="e", at=START + 71 * MINUTE, household_id=HOME)])
    assert {one.rule for one in days.until(80 * MINUTE) if one.verb is Verb.CLEARED} == stood and not days.engine.standing()


def test_a_battery_that_goes_on_falling_is_told_of_once_at_each_level_and_since_when_it_is_low() -> None:
    told_at = [(1, 19.0), (2, 18.0), (3, 17.0), (4, 4.0), (5, 3.0)]
    days = Days([*home_with(Signal.MOTION), *(reading(hour * HOUR, Signal.BATTERY, percent) for hour, percent in told_at)])
    said = [one for one in days.until(6 * HOUR) if one.rule is RuleKey.DEVICE_BATTERY]
    assert [(one.level, one.evidence.value) for one in said] == [(Level.CAUTION, 19.0), (Level.WARNING, 4.0)]
    assert said[0].episode == said[1].episode and said[0].evidence.since == said[1].evidence.since


def test_two_devices_of_one_id_are_found_out_of_what_is_read_in_one_go() -> None:
    """Numbers of both by turns."""
    mixed = [structs.replace(motion(MINUTE + at), boot=1, seq=seq) for at, seq in enumerate((1_000, 1, 1_001, 2, 1_002, 3))]
    days = together(*mixed, stands=home_with(Signal.MOTION))
    found = [one for one in days.until(5 * MINUTE) if one.rule is RuleKey.DEVICE_DUPLICATE]
    assert [(one.evidence.device_id, one.evidence.value) for one in found] == [("pir-1", 3.0)]


def test_a_reading_of_a_device_that_nobody_enrolled_takes_nothing_from_those_it_is_read_with() -> None:
    days = together(motion(MINUTE), reading(MINUTE, Signal.MOTION, name="nobodys"), stands=home_with(Signal.MOTION))
    assert told(days.until(9 * HOUR), RuleKey.MOTION) == [("motion", "raised", 1, round(8 + 1 / 60, 4))]


@pytest.mark.parametrize(("signal", "low", "well"), [(Signal.BATTERY, 4.0, 90.0), (Signal.LINK, 3.0, 60.0)])
def test_what_a_device_said_of_itself_before_and_comes_late_says_nothing_against_what_it_says_now(
    signal: Signal, low: float, well: float
) -> None:
    """A battery that was changed, a gateway that stands elsewhere; and where the clock is wrong, what came last counts."""
    late = reading(HOUR, signal, low, received=3 * HOUR)
    days = Days([*home_with(Signal.MOTION), motion(0), reading(2 * HOUR, signal, well), late])
    assert days.until(4 * HOUR) == []
    days.feed([reading(-50 * 365 * DAY, signal, low, received=5 * HOUR, credible=False)])
    tickets = [one for one in days.until(6 * HOUR) if one.rule in (RuleKey.DEVICE_BATTERY, RuleKey.DEVICE_LINK)]
    assert [one.evidence.value for one in tickets] == [low]


def test_of_two_things_a_device_says_of_itself_at_one_second_the_worse_counts_whichever_came_first() -> None:
    for order in ([4.0, 90.0], [90.0, 4.0]):
        days = Days([*home_with(Signal.MOTION), *(reading(HOUR, Signal.BATTERY, percent) for percent in order)])
        assert [verb for _, verb, _, _ in told(days.until(2 * HOUR), RuleKey.DEVICE_BATTERY)] == ["raised"]


def test_a_card_that_was_in_the_phone_before_and_is_told_late_is_the_first_one() -> None:
    phone = [enrolled(), device("ph-1", Signal.PHONE, Signal.SIM)]
    late = reading(HOUR, Signal.SIM, 47.0, name="ph-1", received=3 * HOUR)
    days = Days([*phone, reading(2 * HOUR, Signal.SIM, 881.0, name="ph-1"), late])
    assert [verb for _, verb, _, _ in told(days.until(4 * HOUR), RuleKey.DEVICE_SIM)] == ["raised"]
    days.feed([structs.replace(phone[1], fact_id="again", at=START + 4 * HOUR)])  # an installer has seen which card is in it
    later = reading(90 * MINUTE, Signal.SIM, 5.0, name="ph-1", received=5 * HOUR)
    assert [verb for _, verb, _, _ in told(days.feed([later]).until(6 * HOUR), RuleKey.DEVICE_SIM)] == ["cleared"]


def test_when_a_household_ends_the_tickets_of_all_its_devices_do() -> None:
    names = ("pir-1", "pir-2", "pir-3")
    low = [reading(HOUR, Signal.BATTERY, 4.0, name=name) for name in names]
    days = Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), device("pir-3", Signal.MOTION), motion(0), *low])
    days.until(2 * HOUR)
    days.feed([HouseholdEnded(fact_id="e", at=START + 2 * HOUR, household_id=HOME)])
    cleared = [one for one in days.until(3 * HOUR) if one.rule is RuleKey.DEVICE_BATTERY and one.verb is Verb.CLEARED]
    assert {str(one.evidence.device_id) for one in cleared} == set(names)


def test_a_ticket_that_was_open_before_a_restart_ends_with_the_first_word_after_it() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), reading(HOUR, Signal.BATTERY, 15.0)])
    days.until(2 * HOUR)
    other = Engine(TABLE)
    other.restore(days.engine.snapshot())
    other.advance(START + 3 * HOUR)
    other.fold([reading(3 * HOUR, Signal.BATTERY, 90.0)])
    assert told(other.advance(START + 3 * HOUR + MINUTE), RuleKey.DEVICE_BATTERY) == [("device_battery", "cleared", 1, 3.0028)]
