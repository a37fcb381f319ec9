"""Proves that the rules learn how long a home is usually still, from whatever order of readings, and speak sooner for it."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import AwayDeclared, AwayEnded, HouseholdEnded, RulesApplied
from ingest.reading import Reading, Signal
from rules.baseline.gaps import DAYS, ROOM
from rules.columns import UNSET
from rules.engine import Engine, Item
from rules.finding import Level, RuleKey, Verb
from rules.pauses import Habits, Told
from rules.sentence import reason
from rules.table import DEFAULT
from rules.told import note_day
from tests.rules.rule_parts import (
    HOME,
    SHIPPED,
    START,
    TABLE,
    Days,
    device,
    enrolled,
    home_with,
    link_down,
    link_up,
    motion,
    raised,
    reading,
    received_at,
    resolved,
    without_personal,
)

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
NIGHT: Millis = 14 * HOUR  # 23:00 in Seoul, counted from START, which is 09:00


def days_of_a_clock(count: int, *, start: Millis = 0, skip: frozenset[int] = frozenset(), awake: int = 14) -> list[Reading]:
    """Somebody who moves every 40 minutes from 9 h for so many hours and sleeps through, each motion a quarter of an hour
    early or late."""
    chance = random.Random(1)
    return [
        motion(start + day * DAY + minute * MINUTE + chance.randrange(-15, 15) * MINUTE + 20 * MINUTE)
        for day in range(count)
        if day not in skip
        for minute in range(0, awake * 60 + 1, 40)
    ]


def fresh(items: list[Item]) -> Days:
    return Days([*home_with(Signal.MOTION, Signal.DOOR), *items], table=SHIPPED)


def test_a_home_of_habits_is_spoken_of_long_before_the_official_tier() -> None:
    days = fresh([*days_of_a_clock(20), motion(20 * DAY)])
    days.until(20 * DAY)
    said = days.until(20 * DAY + 13 * HOUR)
    own = raised(said, RuleKey.PERSONAL)
    official = raised(said, RuleKey.MOTION)
    assert [level for level, _ in own] == [Level.CAUTION, Level.WARNING]
    assert official == [(Level.CAUTION, 20 * DAY + 8 * HOUR), (Level.WARNING, 20 * DAY + 12 * HOUR)]
    assert 20 * DAY + HOUR <= own[0][1] < own[1][1] < 20 * DAY + 6 * HOUR


def test_it_says_what_is_usual_in_one_sentence_with_its_figures() -> None:
    days = fresh([*days_of_a_clock(20), motion(20 * DAY)])
    days.until(20 * DAY)
    found = [one for one in days.until(20 * DAY + 6 * HOUR) if one.rule is RuleKey.PERSONAL][-1]
    evidence = structs.replace(found.evidence, usual=2 * HOUR + 10 * MINUTE, value=5 * HOUR + 40 * MINUTE)
    assert found.evidence.usual >= HOUR and found.evidence.rule_version == SHIPPED.version and found.evidence.coverage == 1.0
    said = reason(found.rule, found.level, evidence, found.at)
    assert said == "평소 이 시간대 무활동은 길어야 2시간 10분인데 5시간 40분째입니다."
    english = reason(found.rule, found.level, evidence, found.at, "en")
    assert english == "At this time of day the home is usually still for 2 h 10 min at most, now for 5 h 40 min."


def test_a_home_that_is_not_known_yet_is_held_against_others_and_the_sentence_says_so() -> None:
    days = fresh([motion(0)])
    found = next(one for one in days.until(8 * HOUR) if one.rule is RuleKey.PERSONAL)
    assert found.evidence.usual == 0 and found.at < START + 8 * HOUR
    assert "다른 가구의 기준" in reason(found.rule, found.level, found.evidence, found.at)
    assert "of other homes" in reason(found.rule, found.level, found.evidence, found.at, "en")


# ---------------------------------------------------------------- what is gathered


def plain_pauses(events: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """(until, motion, enter, door) of every hour and more without an event; events as (second, kind)."""
    found = []
    moments = sorted({at for at, _ in events})
    for before, after in pairwise(moments):
        if after - before >= 3600:
            last = [max((at for at, kind in events if kind == one and at <= before), default=0) for one in range(3)]
            found.append((after, *last))
    return found


def event(second: int, kind: int, *, received: Millis) -> Reading:
    signal, value = ((Signal.MOTION, 1.0), (Signal.DOOR, 3.0), (Signal.DOOR, 1.0))[kind]
    return reading(second * SECOND, signal, value, received=received)


moments = st.lists(st.tuples(st.integers(0, 20 * 3600), st.integers(0, 2)), min_size=1, max_size=25)


@SETTINGS
@given(moments, st.randoms(use_true_random=False), st.sets(st.integers(0, 30)))
def test_pauses_are_the_same_whatever_the_order_repetition_and_split(
    events: list[tuple[int, int]], chance: random.Random, cuts: set[int]
) -> None:
    heard = events + events[: len(events) // 3]
    chance.shuffle(heard)
    days = fresh([])
    batch: list[Item] = []
    for place, (second, kind) in enumerate(heard):
        if place in cuts:
            days.engine.fold(batch)
            batch = []
        batch.append(event(second, kind, received=21 * HOUR))
    days.engine.fold(batch)
    state = days.engine._state
    start = START // SECOND
    expected = plain_pauses([(start + at, kind) for at, kind in events])
    assert [tuple(pause) for pause in state.habits.pauses(int(state.households.habit[0]))] == expected
    assert int(state.households.first_event[0]) == start + min(at for at, _ in events)


def test_habits_are_the_same_in_whatever_order_homes_had_their_first_pause() -> None:
    """Written, they lie in the order of the homes; whoever wrote them and whoever reads them go on alike."""
    seen = [("c", 0), ("b", 0), ("a", 0), ("c", 2), ("b", 4), ("a", 6)]
    moved = [motion(hour * HOUR, home=f"hh-{name}", name=f"pir-{name}") for name, hour in seen]
    stands = [device(f"pir-{name}", Signal.MOTION, home=f"hh-{name}") for name in "abc"]
    days = Days([*(enrolled(f"hh-{name}") for name in "abc"), *stands, *moved], table=SHIPPED)
    habits = days.engine._state.habits
    assert habits.home[:3].tolist() == [2, 1, 0]
    written = days.engine.snapshot()
    assert habits.home[:3].tolist() == [0, 1, 2] and habits.motion[0, :3].tolist() == [START // SECOND] * 3
    assert [habits.until[0, row] - START // SECOND for row in range(3)] == [
        6 * HOUR // SECOND,
        4 * HOUR // SECOND,
        2 * HOUR // SECOND,
    ]
    other = Engine(SHIPPED)
    other.restore(written)
    later = [motion(hour * HOUR, home=f"hh-{name}", name=f"pir-{name}") for name, hour in (("b", 9), ("a", 11))]
    assert days.engine.fold(later) == other.fold(later)
    assert days.engine.snapshot() == other.snapshot()


@settings(SETTINGS, max_examples=12)
@given(st.randoms(use_true_random=False), st.sampled_from([0, 5 * HOUR, 19 * HOUR, 25 * HOUR, 30 * HOUR]))
def test_readings_that_come_late_give_the_same_limits_as_if_they_had_come_in_time(chance: random.Random, late: Millis) -> None:
    """The last two days are learnt anew when what belongs to them comes after the night in which they were learnt."""
    items = days_of_a_clock(10)
    delayed = []
    for item in items:
        slow = item.observed_at >= START + 8 * DAY and chance.random() < 0.5
        delayed.append(structs.replace(item, received_at=item.observed_at + late) if slow else item)
    in_time, in_pieces = fresh(list(items)), fresh(sorted(delayed, key=received_at))
    in_time.until(12 * DAY)
    in_pieces.until(12 * DAY)
    for name in ("limits", "bins", "codes", "counts", "days", "fitted_days", "last_day"):
        assert np.array_equal(
            getattr(in_time.engine._state.habits, name)[..., :1], getattr(in_pieces.engine._state.habits, name)[..., :1]
        ), name


def test_what_was_learnt_takes_at_most_two_thousand_and_forty_eight_bytes() -> None:
    assert Habits().bytes_per_row() <= 2048
    assert ROOM == 480 and DAYS == 60


def test_more_pauses_than_are_kept_open_are_settled_in_their_order() -> None:
    items = [motion((number * 66 + number**2 % 7) * MINUTE) for number in range(60)]
    days = fresh([])
    days.engine.fold(items)
    state = days.engine._state
    assert int(state.habits.count[0]) == 36
    assert int(state.habits.counts[:, 0].sum()) == 59 - 36 and int(state.habits.days[0]) == 2


def test_a_pause_behind_a_closed_door_is_no_rest_at_home() -> None:
    left = [motion(0), reading(10 * MINUTE, Signal.DOOR, 1.0), reading(5 * HOUR, Signal.DOOR, 1.0), motion(5 * HOUR + 5 * MINUTE)]
    days = fresh([*left, motion(8 * HOUR)])
    gaps = days.engine.gaps(HOME)
    assert [round(minutes) for minutes in gaps.minutes] == [177]


def test_a_pause_counts_as_far_as_it_was_observed() -> None:
    days = fresh([motion(0), link_down(3 * HOUR), link_up(4 * HOUR), motion(6 * HOUR)])
    gaps = days.engine.gaps(HOME)
    assert [round(minutes) for minutes in gaps.minutes] == [183] and gaps.censored.tolist() == [True]
    blind_from_the_start = fresh([link_down(0), motion(1), link_up(4 * HOUR), motion(6 * HOUR)])
    assert not len(blind_from_the_start.engine.gaps(HOME).minutes)


def test_days_that_were_mostly_blind_or_away_are_no_observed_days() -> None:
    gone = AwayDeclared(fact_id="a", at=START + 3 * DAY, household_id=HOME, returns_at=START + 9 * DAY, reason="travel")
    back = AwayEnded(fact_id="b", at=START + 5 * DAY, household_id=HOME)
    blind = [link_down(6 * DAY), link_up(7 * DAY)]
    kept = days_of_a_clock(10, skip=frozenset({3, 4, 6}))
    days = fresh([*kept, gone, back, *blind])
    days.until(10 * DAY)
    state = days.engine._state
    assert int(state.habits.fitted_days[0]) == 10 - 2 - 1 and not state.left_out


def settled(outcome: str) -> int:
    """How many pauses of five hours or more were learnt of a home whose check ended so."""
    days = fresh([motion(number * 30 * MINUTE) for number in range(10)])
    days.until(4 * HOUR + 30 * MINUTE + 11 * HOUR)
    days.feed([resolved(16 * HOUR, outcome, RuleKey.MOTION), motion(17 * HOUR), motion(17 * HOUR + 5 * MINUTE)])
    return int((days.engine.gaps(HOME).minutes >= 300).sum())


def test_only_a_pause_that_ended_in_emergency_hospital_or_away_is_not_learnt() -> None:
    assert [settled(outcome) for outcome in ("safe_by_phone", "device_fault", "other")] == [1, 1, 1]
    assert [settled(outcome) for outcome in ("emergency_119", "hospital", "away", "death_found")] == [0, 0, 0, 0]


def test_a_pause_that_was_learnt_is_taken_back_when_its_check_ends_in_hospital_days_later() -> None:
    """Staff settle late: the pause of day 8 has long been booked, the ordinary ones since then stay."""
    nights = days_of_a_clock(15, skip=frozenset({8}), awake=17)
    checked = [resolved(8 * DAY + MINUTE, "safe_by_phone", RuleKey.PERSONAL)]
    outcomes = {}
    for outcome in ("safe_by_visit", "hospital"):
        days = fresh([*nights, *checked, resolved(12 * DAY + 5 * HOUR, outcome, RuleKey.MOTION)])
        days.until(15 * DAY)
        outcomes[outcome] = sorted(days.engine.gaps(HOME).minutes.tolist(), reverse=True)
    assert outcomes["safe_by_visit"][0] > 13 * 60 > 8 * 60 > outcomes["hospital"][0]
    assert outcomes["hospital"] == outcomes["safe_by_visit"][1:]


def test_the_limits_are_fitted_anew_at_once_when_a_pause_is_taken_back() -> None:
    days = fresh([*days_of_a_clock(12, skip=frozenset({8}), awake=17)])
    days.until(12 * DAY)
    habits = days.engine._state.habits
    before = habits.limits[:, 0].copy()
    days.feed([resolved(12 * DAY, "emergency_119", RuleKey.MOTION)])
    days.until(12 * DAY + MINUTE)
    assert not np.array_equal(before, habits.limits[:, 0])


def test_neither_the_pause_before_it_nor_those_between_it_and_a_late_settlement_are_lost_with_it() -> None:
    """Two hours of quiet end with the last motion before the fall; three hours of quiet come after the return."""
    told = [motion(0), motion(2 * HOUR), motion(15 * HOUR), motion(18 * HOUR), motion(18 * HOUR + 30 * MINUTE)]
    days = fresh([*told, resolved(19 * HOUR, "hospital", RuleKey.MOTION), motion(19 * HOUR + 30 * MINUTE)])
    assert [round(minutes) for minutes in days.engine.gaps(HOME).minutes] == [123, 183]


def test_where_no_pause_was_told_of_only_that_of_the_settlement_is_left_out() -> None:
    quiet = [motion(0), motion(90 * MINUTE), motion(3 * HOUR), motion(4 * HOUR + 40 * MINUTE)]
    days = fresh([*quiet, resolved(2 * HOUR, "hospital", RuleKey.SOS)])
    assert [round(minutes) for minutes in days.engine.gaps(HOME).minutes] == [93, 99]
    assert int(days.engine._state.households.fit_at[0]) > START


def test_every_pause_of_one_check_is_taken_back() -> None:
    twice = [motion(0), motion(14 * HOUR), motion(14 * HOUR + MINUTE), motion(28 * HOUR), motion(28 * HOUR + MINUTE)]
    days = fresh([*twice])
    days.until(28 * HOUR + 5 * MINUTE)
    assert len(days.engine.gaps(HOME).minutes) == 2
    days.feed([resolved(28 * HOUR + 10 * MINUTE, "hospital", RuleKey.MOTION)])
    assert not len(days.engine.gaps(HOME).minutes)


def test_what_is_forgotten_by_itself_is_not_taken_back_and_an_ended_home_keeps_nothing() -> None:
    days = fresh([*days_of_a_clock(75, skip=frozenset({8})), resolved(74 * DAY, "hospital", RuleKey.MOTION)])
    days.until(70 * DAY)
    assert not days.engine._state.told
    days.until(75 * DAY)
    quiet = fresh([motion(0)])
    quiet.until(13 * HOUR)
    assert quiet.engine._state.told
    quiet.feed([HouseholdEnded(fact_id="e", at=START + 14 * HOUR, household_id=HOME)])
    assert not quiet.engine._state.told


# ---------------------------------------------------------------- what is kept, and what is never later


def test_a_snapshot_on_any_day_and_the_journal_after_it_give_the_same_to_the_last_bit() -> None:
    items: list[Item] = [
        *home_with(Signal.MOTION, Signal.DOOR),
        *days_of_a_clock(12, skip=frozenset({2})),
        resolved(8 * DAY, "hospital"),
    ]
    items.sort(key=received_at)
    whole = Days(items, table=SHIPPED)
    for cut in range(5, len(items), 53):
        before, after = Days(items[:cut], table=SHIPPED), Days(table=SHIPPED)
        after.engine.restore(before.engine.snapshot())
        assert after.engine.snapshot() == before.engine.snapshot()
        after.feed(items[cut:])
        assert after.engine.snapshot() == whole.engine.snapshot()


@settings(SETTINGS, max_examples=15)
@given(st.lists(st.integers(1, 26 * 60), min_size=20, max_size=60), st.integers(1, 24 * 60))
def test_it_never_speaks_later_than_the_official_tier(gaps: list[int], last: int) -> None:
    at, items = 0, [motion(0)]
    for gap in gaps:
        at += gap * MINUTE
        items.append(motion(at))
    days = fresh(list(items))
    official = Days([*home_with(Signal.MOTION, Signal.DOOR), *items], table=TABLE)
    # Signs of life are told of the rule that was raised last, whichever that was.
    said = [one for one in days.until(at + last * MINUTE) if one.verb is not Verb.ALIVE]
    told = [one for one in official.until(at + last * MINUTE) if one.verb is not Verb.ALIVE]
    assert [one for one in said if one.rule is RuleKey.MOTION] == [
        structs.replace(one, evidence=structs.replace(one.evidence, rule_version=SHIPPED.version))
        for one in told
        if one.rule is RuleKey.MOTION
    ]
    tiers = dict(zip(Level, SHIPPED.everybody.motion, strict=True))
    for one in said:
        if one.rule is RuleKey.PERSONAL and one.verb is Verb.RAISED:
            assert one.level < Level.DANGER and one.evidence.limit < (tiers[one.level] or 0)
            assert one.at - one.evidence.since < (tiers[one.level] or 0) + 10 * SECOND
            assert 0 <= one.evidence.value - one.evidence.limit < 10 * SECOND  # on the first grid point after its deadline


def applied(at: Millis, text: str) -> RulesApplied:
    return RulesApplied(fact_id=f"applied-{at}", at=START + at, version="v", table=text)


def test_rules_without_it_say_nothing_and_rules_with_it_again_take_the_home_up_the_next_night() -> None:
    days = fresh([*days_of_a_clock(9), motion(9 * DAY)])
    assert raised(days.until(9 * DAY + 6 * HOUR), RuleKey.PERSONAL)
    days.feed([applied(9 * DAY + 6 * HOUR + MINUTE, without_personal())])
    said = days.until(9 * DAY + 7 * HOUR)
    assert [one.verb for one in said if one.rule is RuleKey.PERSONAL] == [Verb.CLEARED]
    days.feed([motion(9 * DAY + 8 * HOUR), motion(9 * DAY + 20 * HOUR)])
    assert not raised(days.until(10 * DAY), RuleKey.PERSONAL)
    days.feed([applied(10 * DAY, DEFAULT.read_text(encoding="utf-8")), *days_of_a_clock(3, start=10 * DAY)])
    days.until(13 * DAY)
    assert int(days.engine._state.households.fit_at[0]) < START + 14 * DAY


def test_a_fit_by_night_rests_on_the_day_that_has_just_ended_though_its_pauses_may_still_change() -> None:
    """Of two homes alike for nine days one was still for six hours of the tenth: the night after, that is usual there."""
    ordinary = days_of_a_clock(10)
    still = [one for one in ordinary if not 9 * DAY + 3 * HOUR < one.observed_at - START < 9 * DAY + 9 * HOUR]
    limits = []
    for items in (ordinary, still):
        days = fresh(list(items))
        days.until(9 * DAY + 20 * HOUR)  # 05:00, two hours after the fit
        habits = days.engine._state.habits
        assert int(habits.fitted_days[0]) == 10 and int(habits.days[0]) == 8  # the last two are not booked yet
        limits.append(habits.limits[:, 0].copy())
    assert (limits[1] >= limits[0]).all() and (limits[1] > limits[0]).any()


def test_a_home_that_has_ended_is_fitted_no_more() -> None:
    days = fresh([*days_of_a_clock(3), HouseholdEnded(fact_id="e", at=START + 3 * DAY, household_id=HOME)])
    days.until(5 * DAY)
    assert int(days.engine._state.households.fit_at[0]) == UNSET and int(days.engine._state.habits.fitted_days[0]) == 3
    days.engine.restore(days.engine.snapshot())
    assert int(days.engine._state.households.fit_at[0]) == UNSET


def test_what_comes_from_before_the_first_night_once_days_were_counted_begins_no_pause() -> None:
    days = fresh([motion(5 * HOUR), motion(6 * HOUR + 30 * MINUTE), *days_of_a_clock(3, start=DAY)])
    days.feed([motion(HOUR, received=3 * DAY + 20 * HOUR)])
    days.until(5 * DAY)
    early = fresh(
        [motion(5 * HOUR), motion(3 * HOUR + 30 * MINUTE, received=6 * HOUR), motion(4 * HOUR + 30 * MINUTE, received=7 * HOUR)]
    )
    assert [round(minutes) for minutes in early.engine.gaps(HOME).minutes] == [63]
    assert int(days.engine._state.households.first_event[0]) == START // SECOND + 3600


def test_a_home_that_was_never_heard_has_no_habits() -> None:
    days = fresh([])
    days.until(3 * DAY)
    assert not len(days.engine._state.habits) and len(days.engine._state.households) == 1


def test_a_day_settled_early_for_want_of_room_is_counted_once() -> None:
    """More pauses since yesterday than are kept open: the oldest were settled before the night came."""
    returns = [reading(8 * DAY + number * 61 * MINUTE, Signal.DOOR, 3.0) for number in range(60)]
    days = fresh([*days_of_a_clock(8), *returns])
    days.until(9 * DAY + 19 * HOUR)
    state = days.engine._state
    assert int(state.habits.days[0]) == int(state.habits.fitted_days[0]) == 10
    assert days.engine.gaps(HOME).days == 11  # with the one that has begun


def test_what_a_stuck_sensor_told_was_no_event() -> None:
    """It told motions at one pace for days: the pauses that they seemed to end are forgotten with them."""
    days = fresh([motion(0), motion(90 * MINUTE), *(motion(2 * HOUR + number * 2 * HOUR) for number in range(40))])
    kept = days.engine._state.habits.pauses(0)
    assert len(kept) < 5 and all(pause.until * SECOND <= START + 6 * HOUR for pause in kept)
    without_a_pause = fresh([motion(number * MINUTE) for number in range(14 * 60)])
    assert not len(without_a_pause.engine._state.habits)


def test_a_pause_booked_in_the_night_before_its_check_ends_in_hospital_is_taken_back() -> None:
    """Its day is the newest that was booked."""
    nights = days_of_a_clock(10, skip=frozenset({8}), awake=17)
    outcomes = {}
    for outcome in ("safe_by_visit", "hospital"):
        days = fresh([*nights, resolved(9 * DAY + 20 * HOUR, outcome, RuleKey.MOTION)])
        days.until(9 * DAY + 21 * HOUR)
        outcomes[outcome] = sorted(days.engine.gaps(HOME).minutes.tolist(), reverse=True)
    assert outcomes["safe_by_visit"][0] > 13 * 60
    assert outcomes["hospital"] == outcomes["safe_by_visit"][1:]


def test_a_pause_of_the_day_just_ended_counts_as_far_as_the_homes_own_gateway_let_us_see_it() -> None:
    ordinary = days_of_a_clock(10)
    still = [one for one in ordinary if not 9 * DAY + 3 * HOUR < one.observed_at - START < 9 * DAY + 9 * HOUR]
    lost = [(9 * DAY + 4 * HOUR, 0.0), (9 * DAY + 5 * HOUR, 1.0)]
    limits = []
    for status in ([], lost):
        gateway = [reading(at, Signal.STATUS, value, name="gw-1") for at, value in status]
        days = fresh([device("gw-1", Signal.STATUS), *still, *gateway])
        days.until(9 * DAY + 20 * HOUR)
        limits.append(days.engine._state.habits.limits[:, 0].copy())
    assert not np.array_equal(*limits)


def test_a_day_is_one_of_seoul_and_blind_for_more_than_half_of_it_is_not_observed() -> None:
    """From 11:00 to midnight, and from midnight to 13:00: a day each; from 18:00 to 07:00: none, though as long."""
    counts = []
    for begins in (5 * DAY + 2 * HOUR, 5 * DAY + 15 * HOUR, 5 * DAY + 9 * HOUR):
        blind = [link_down(begins), link_up(begins + 13 * HOUR)]
        days = fresh([*days_of_a_clock(10), *blind])
        days.until(9 * DAY + 20 * HOUR)
        counts.append(int(days.engine._state.habits.fitted_days[0]))
    assert counts == [9, 9, 10]


def test_what_is_usual_is_said_from_the_seventh_observed_day_on() -> None:
    usual = []
    for count in (6, 7):
        days = fresh([*days_of_a_clock(count), motion(count * DAY - 5 * HOUR)])
        days.until(count * DAY - 5 * HOUR)
        said = days.until(count * DAY + 7 * HOUR)
        assert int(days.engine._state.habits.fitted_days[0]) == count
        usual.append(next(one for one in said if one.rule is RuleKey.PERSONAL).evidence.usual > 0)
    assert usual == [False, True]


def test_a_pause_that_was_told_of_is_remembered_for_as_many_days_as_gaps_are_kept() -> None:
    state = fresh([motion(0)]).engine._state
    state.told[0] = [Told(START, age=DAYS - 2)]
    note_day(state, 0)
    assert [one.age for one in state.told[0]] == [DAYS - 1]
    note_day(state, 0)
    assert 0 not in state.told
