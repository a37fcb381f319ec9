"""Proves that a changed week is found, that notes of unchanged homes stay as rare as the table says, and that what was not seen
is no quiet day."""

from __future__ import annotations

import math
from itertools import combinations, pairwise, product

import numpy as np
import pytest

from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.facts import AwayDeclared
from ingest.reading import HouseholdId, Reading, Signal
from rules.batch import Batch, Moments
from rules.columns import UNSET
from rules.discovery import discoveries, rank_test
from rules.engine import STEP, Engine
from rules.household_rows import Households
from rules.roll import MOTION_BIT
from rules.state import State
from rules.table import RulesWrong, read_table
from rules.trend import Measure, Trend, TrendNote
from rules.trend_days import PAST, RECENT
from rules.trend_store import BINS, BYTES, DAYS, MEASURES, OUTINGS, UNKNOWN, WAKING, Trends, day_of, noon
from rules.trend_words import trend_sentence
from tests.rules.rule_parts import DONG, HOME, TABLE, Days, device, enrolled, link_down, link_up, reading, without_personal

SPAN = DAYS + 3
FIRST = 20_500


def weeks(homes: int, seed: int, *, unlike: int = 0) -> list[TrendNote]:
    """All notes of so many simulated homes over one long spell; of the first `unlike` homes the last week differs.

    A home gets up and goes to bed about its own hours, is active in its own share of the day, wakes by night and goes out
    about as often each day; from day to day all of it varies, nothing drifts.
    """
    random = np.random.default_rng(seed)
    state, trend = State(), Trend(TABLE)
    for home in range(homes):
        state.households.enrol(f"hh-{home}", "dong-1")
        state.trends.add()
    state.trend_closed = FIRST - 1
    bed, rise = random.normal(44, 3, homes), random.normal(76, 3, homes)  # quarters after noon: 23:00, 07:00
    share, waking, going = random.uniform(0.3, 0.6, homes), random.uniform(0, 0.1, homes), random.uniform(0.3, 2.0, homes)
    changed = np.arange(homes) < unlike
    notes: list[TrendNote] = []
    for day in range(FIRST, FIRST + DAYS):
        last = day >= FIRST + PAST
        later = np.where(changed & last & (np.arange(homes) % 2 == 0), 8, 0)  # to bed and up two hours later
        less = np.where(changed & last & (np.arange(homes) % 2 == 1), 0.5, 1.0)  # half as active
        asleep = bed + later + random.normal(0, 2, homes)
        awake = rise + later + random.normal(0, 2, homes)
        at = np.arange(BINS)[:, None]
        chance = np.where((at > asleep) & (at < awake), waking, share * less * random.uniform(0.85, 1.15, homes))
        motion = random.random((BINS, homes)) < chance
        door = random.random((BINS, homes)) < going / BINS
        half = slice(day % 2 * BYTES, (day % 2 + 1) * BYTES)
        state.trends.motion[half, :homes] = np.packbits(motion, axis=0)
        state.trends.door[half, :homes] = np.packbits(door, axis=0)
        notes += trend.run(state, noon(day + 1) + 15 * HOUR)
    return notes


def test_of_unchanged_homes_at_most_the_stated_share_of_nights_says_anything() -> None:
    """Where nothing differs every note is false, and a night with one is a discovery rate of 1: such nights may be q of all."""
    nights = [len({note.at for note in weeks(60, seed)}) for seed in range(30)]
    looked = 30 * (RECENT + PAST - 20 - 5 + 1)  # nights on which there were days enough
    assert sum(nights) <= TABLE.trend.q * looked


def test_a_week_later_to_bed_or_half_as_active_is_found_and_the_share_of_false_notes_holds() -> None:
    notes = [note for seed in range(4) for note in weeks(200, seed, unlike=40)]
    true = [note for note in notes if int(note.household_id.removeprefix("hh-")) < 40]
    assert len(notes) - len(true) <= max(2, TABLE.trend.q * len(notes) * 1.5)
    assert len(true) >= 0.9 * 160
    shifted = [note for note in true if note.measure is Measure.SLEEP]
    assert len(shifted) >= 50 and all(1.0 < note.recent - note.past < 3.0 for note in shifted[-20:])
    assert {Measure.ACTIVITY, Measure.SLEEP} <= {note.measure for note in true}


def test_a_household_is_told_of_once_a_week_at_most() -> None:
    notes = sorted((note.household_id, note.at) for note in weeks(60, 5, unlike=60))
    assert notes
    for (home, at), (next_home, next_at) in pairwise(notes):
        assert home != next_home or next_at - at >= 7 * DAY


# ---------------------------------------------------------------- the statistics


def test_the_rank_test_gives_the_exact_share_of_all_orders() -> None:
    """Seven values, of which three are the recent ones: against every way in which they could have fallen."""
    values = np.arange(7, dtype=np.uint8)
    ways = list(combinations(range(7), 3))
    sums = [sum(way) for way in ways]
    for way in ways:
        recent = values[list(way)][:, None]
        past = values[[place for place in range(7) if place not in way]][:, None]
        p, first, second = rank_test(recent, past, UNKNOWN)
        low = sum(one <= sum(way) for one in sums) / len(ways)
        high = sum(one >= sum(way) for one in sums) / len(ways)
        assert math.isclose(p[0], min(1.0, 2 * min(low, high))) and (first[0], second[0]) == (3, 4)


def test_ties_and_unknown_days_make_the_test_more_careful() -> None:
    recent, past = np.full((RECENT, 2), 5, dtype=np.uint8), np.full((PAST, 2), 5, dtype=np.uint8)
    assert rank_test(recent, past, UNKNOWN)[0].tolist() == [1.0, 1.0]
    past[:] = 9
    recent[:4, 1] = UNKNOWN
    p, first, _ = rank_test(recent, past, UNKNOWN)
    assert p[0] < p[1] < 0.01 and first.tolist() == [7, 3]
    past[:] = UNKNOWN
    assert rank_test(recent, past, UNKNOWN)[0].tolist() == [1.0, 1.0]


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    p = np.array([0.039, 0.001, 0.041, 0.008, 0.6])
    assert discoveries(p, 0.05).tolist() == [False, True, False, True, False]
    assert discoveries(p, 0.0).tolist() == [False] * 5
    assert discoveries(np.zeros(0), 0.05).tolist() == []
    assert {discoveries(p, share).dtype for share in (0.0, 0.05)} == {np.dtype(bool)} == {discoveries(np.zeros(0), 0.05).dtype}


# ---------------------------------------------------------------- what a day says


def moments(*at: int) -> Moments:
    """Of the first home."""
    return Moments(np.zeros(len(at), dtype=np.int64), np.array(at, dtype=np.int64))


def closed_day(motion: list[float], door: list[float] = [], *, day: int = FIRST) -> list[int]:  # noqa: B006
    """The four figures of a day in which something moved, and a door told, at these hours after noon."""
    days = Days([enrolled(at=noon(day) - START_OF_TESTS)])
    state = State()
    state.households.enrol(HOME, "dong-1")
    state.trends.add()
    state.trend_closed = day - 1
    batch = Batch(state, 0)
    batch.motion, batch.door = (moments(*(noon(day) + round(hour * HOUR) for hour in hours)) for hours in (motion, door))
    trend = Trend(TABLE)
    trend.fold(state, batch)
    assert trend.run(state, noon(day + 1) + 15 * HOUR) == [] and days is not None
    return [int(state.trends.figures(measure, np.array([day]), np.array([0]))[0, 0]) for measure in range(MEASURES)]


START_OF_TESTS: Millis = 1_763_769_600_000
AWAKE = [quarter / 4 for quarter in range(44)]  # noon to 23:00


def test_the_figures_of_a_day_are_what_was_seen() -> None:
    early = [quarter / 4 for quarter in range(76, 96)]  # from 07:00
    assert closed_day([*AWAKE, *early]) == [64, 0, UNKNOWN, 20 + 52]  # asleep 23:00-07:00, the middle is 03:00
    up = [13.0, 13.25, 15.5]  # 01:00 and 03:30
    assert closed_day([*AWAKE, *up, *early])[1] == 2
    out = [hour for hour in AWAKE if not 2 <= hour < 5]
    assert closed_day([*out, *early], [1.9])[2] == 1
    assert closed_day([*AWAKE, *early], [1.9])[2] == 0
    assert closed_day([*out, *early], [1.8, 1.9, 2.3])[2] == 1


def test_a_day_without_motion_or_without_rest_is_unknown_and_not_quiet() -> None:
    assert closed_day([]) == [UNKNOWN] * 4
    assert closed_day([quarter / 4 for quarter in range(96)])[3] == UNKNOWN


def test_a_reading_of_a_day_that_is_closed_or_not_begun_changes_nothing() -> None:
    trends = Trends()
    trends.add()
    for day in (FIRST - 1, FIRST + 2):
        trends.mark(trends.motion, np.array([0]), np.array([noon(day)]), FIRST - 1)
    assert not trends.motion.any()
    trends.mark(trends.motion, np.array([0, 0]), np.array([noon(FIRST), noon(FIRST + 1) + 15 * MINUTE]), FIRST - 1)
    assert np.unpackbits(trends.motion[:, 0]).sum() == 2


# ---------------------------------------------------------------- in the engine


def spell(days: int, *, later_from: int, home: str = HOME) -> list[Reading]:
    """Each quarter of an hour of each waking hour; from a day on all of it two hours later."""
    begin = noon(day_of(START_OF_TESTS) + 1) - START_OF_TESTS
    found = []
    for day in range(days):
        late = 2 * HOUR if day >= later_from else 0
        for quarter in [*range(44), *range(76, 96)]:
            jitter = (day * 7 + quarter * 3) % 11 * MINUTE
            found.append(reading(begin + day * DAY + quarter * 15 * MINUTE + jitter + late, Signal.MOTION, home=home))
    return found


def engine_notes(*facts: object, days: int = SPAN) -> list[TrendNote]:
    table = read_table(without_personal())
    run = Days(table=table)
    run.feed([enrolled(), device("pir-1", Signal.MOTION), *spell(days, later_from=days - 8), *facts])  # type: ignore[list-item]
    return run.engine.take_notes()


def test_a_home_that_sleeps_later_gets_a_note_and_no_finding() -> None:
    [note, *_] = engine_notes()
    assert note.household_id == HOME and note.measure in tuple(Measure)
    assert note.p_value <= note.q == 0.05 and note.recent_days >= 5 and note.past_days >= 20
    assert (note.at + 9 * HOUR) % DAY == 3 * HOUR and note.rule_version.startswith("default-1+")


def test_days_that_could_not_be_observed_or_were_spent_away_are_unknown() -> None:
    begin = noon(day_of(START_OF_TESTS) + 1) - START_OF_TESTS
    dark = [fact for day in range(9, 22) for fact in (link_down(begin + day * DAY), link_up(begin + day * DAY + 5 * HOUR))]
    assert engine_notes(*dark) == []
    states = [(day * DAY + hours * HOUR, value) for day in range(9, 22) for hours, value in ((0, 0.0), (5, 1.0))]
    gateway = [reading(begin + at, Signal.STATUS, value, name="gw-1") for at, value in states]
    assert engine_notes(device("gw-1", Signal.STATUS), *gateway) == []
    away = AwayDeclared(
        fact_id="away",
        at=START_OF_TESTS + begin,
        household_id=HouseholdId(HOME),
        returns_at=START_OF_TESTS + begin + 14 * DAY,
        reason="travel",
    )
    assert engine_notes(away) == []


def lone_home() -> State:
    """One home that is looked after, of which nothing is known."""
    state = State()
    state.households.enrol(HOME, "dong-1")
    state.households.active[0] = 1
    state.trends.add()
    return state


@pytest.mark.parametrize("why", ["an outage of ours", "a silent sensor", "an absence not said to be over", "an ended household"])
def test_a_day_that_is_unknown_for_one_reason_is_not_known_again_for_want_of_another(why: str) -> None:
    """Besides, its gateway was away for a minute, and its resident for an hour the day before."""
    at, state, trend = noon(FIRST), lone_home(), Trend(TABLE)
    state.observability.gateway_lost(0, at + HOUR)
    state.observability.gateway_found(0, at + HOUR + MINUTE)
    state.left_out[0] = [(at - DAY, at - DAY + HOUR)]
    assert trend._unknown(state, FIRST).tolist() == [False]
    if why == "an outage of ours":
        state.observability.link_lost(at, "mqtt")
        state.observability.link_found(at + 5 * HOUR, "mqtt")
    elif why == "a silent sensor":  # though its home was heard
        state.observability.sensors_lost(0, MOTION_BIT, at)
        state.observability.sensors_found(0, MOTION_BIT, at + 5 * HOUR)
    elif why == "an absence not said to be over":
        state.households.away_until[0] = at + DAY + HOUR
    else:
        state.households.active[0] = 0
    assert trend._unknown(state, FIRST).tolist() == [True]


def test_a_snapshot_on_any_evening_changes_no_note_and_no_bit() -> None:
    items = [enrolled(), device("pir-1", Signal.MOTION), *spell(SPAN, later_from=SPAN - 8)]
    whole, broken = Engine(TABLE), Engine(TABLE)
    said: list[TrendNote] = []
    for number, item in enumerate(sorted(items, key=lambda one: one.received_at if isinstance(one, Reading) else one.at)):
        at = item.received_at if isinstance(item, Reading) else item.at
        for engine in (whole, broken):
            engine.advance(at)
            engine.fold([item])
        if number % 97 == 0:
            said += broken.take_notes()
            kept, broken = broken.snapshot(), Engine(TABLE)
            broken.restore(kept)
    end = START_OF_TESTS + (SPAN + 3) * DAY
    whole.advance(end - end % STEP)
    broken.advance(end - end % STEP)
    notes = whole.take_notes()
    assert notes and said + broken.take_notes() == notes
    assert whole.snapshot() == broken.snapshot() and whole.take_notes() == []


def test_before_the_first_grid_point_there_is_no_day_to_close() -> None:
    state = State()
    assert Trend(TABLE).run(state, 0) == [] and state.trend_closed is None


def test_a_home_and_its_trends_take_at_most_four_hundred_bytes() -> None:
    assert Households().bytes_per_row() + Trends().bytes_per_row() <= 400


def test_waking_and_outings_share_a_byte_and_neither_touches_the_other() -> None:
    """Every pair comes back as it went in; 14 and more are alike, unknown stays unknown, and a place's neighbours stay too."""
    counts = [*range(32), UNKNOWN]
    waking, outings = (np.array(column, dtype=np.uint8) for column in zip(*product(counts, counts), strict=True))
    trends = Trends()
    trends.add(len(waking))
    other = np.full(len(waking), 7, dtype=np.uint8)
    for day in (FIRST - 1, FIRST + 1):
        trends.keep(day, slice(0, len(waking)), other, other, other, other)
    trends.keep(FIRST, slice(0, len(waking)), other, waking, outings, other)
    for measure, given in ((WAKING, waking), (OUTINGS, outings)):
        found = trends.figures(measure, FIRST + np.arange(-1, 2), trends.rows())
        assert found[1].tolist() == [UNKNOWN if one == UNKNOWN else min(int(one), 14) for one in given]
        assert (found[[0, 2]] == 7).all()
    fresh = Trends()
    fresh.add()
    assert [int(fresh.figures(measure, np.array([FIRST]), np.array([0]))[0, 0]) for measure in range(MEASURES)] == [UNKNOWN] * 4


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("quiet_days = 7", "quiet_days = 6", "at most one note a household a week"),
        ("recent_days = 5", "recent_days = 8", "recent_days at most 7"),
        ("past_days = 20", "past_days = 29", "must be at most 28"),
        ("q = 0.05", "q = 0.9", "a number from 0 to 0.5"),
    ],
)
def test_a_wrong_trend_section_is_refused(old: str, new: str, what: str) -> None:
    with pytest.raises(RulesWrong) as caught:
        read_table(without_personal().replace(old, new))
    assert any(what in problem for problem in caught.value.lines("en"))


@pytest.mark.parametrize(
    ("measure", "recent", "past", "days", "ko", "en"),
    [
        (
            Measure.ACTIVITY,
            4.1,
            8.3,
            (7, 28),
            "지난 1주 하루 활동 시간이 평균 4.1시간으로, 그 전 4주의 8.3시간보다 줄었습니다.",
            "Active for 4.1 h a day in the last week, down from 8.3 h in the four before.",
        ),
        (
            Measure.SLEEP,
            11.0,
            9.0,
            (6, 25),
            "지난 1주 잠의 가운데 시각이 05:00 무렵으로, 그 전 4주의 03:00보다 2.0시간 늦어졌습니다 (관측한 날 6/7, 25/28).",
            "The middle of sleep was about 05:00 in the last week, 2.0 h later than in the four before (03:00)"
            " (days observed 6/7, 25/28).",
        ),
    ],
)
def test_a_note_says_its_figures_in_one_sentence(
    measure: Measure, recent: float, past: float, days: tuple[int, int], ko: str, en: str
) -> None:
    note = TrendNote(
        note_id="n",
        household_id=HouseholdId(HOME),
        dong_code=DONG,
        at=0,
        measure=measure,
        recent=recent,
        past=past,
        recent_days=days[0],
        past_days=days[1],
        p_value=1e-5,
        q=0.05,
        rule_version="v",
    )
    assert trend_sentence(note) == ko and trend_sentence(note, "en") == en


def test_half_a_pair_of_equals_counts_and_each_row_by_itself() -> None:
    """Of three and three, U is 7 of 9 in the first row: 4 of 20 orders go so far on that side. In the second it is 9: 1 of 20."""
    recent = np.array([[5, 7], [5, 8], [9, 9]], dtype=np.uint8)
    past = np.array([[5, 1], [5, 2], [1, 3]], dtype=np.uint8)
    assert rank_test(recent, past, UNKNOWN)[0].tolist() == pytest.approx([0.4, 0.1])


def test_all_up_to_the_last_that_passes_are_told_and_one_that_just_passes_too() -> None:
    assert discoveries(np.array([0.03, 0.001, 0.6, 0.008]), 0.05).tolist() == [True, True, False, True]
    assert discoveries(np.array([0.025, 0.9]), 0.05).tolist() == [True, False]


def known_weeks(recent: int, past: int) -> tuple[State, Trend]:
    """A home twice as active on so many known days of its last week as on so many of the four before; the rest is unknown."""
    state, trend = lone_home(), Trend(TABLE)
    unknown = np.array([UNKNOWN], dtype=np.uint8)
    for day in range(FIRST - DAYS, FIRST):
        last = day >= FIRST - RECENT
        known = day - (FIRST - RECENT) < recent if last else day - (FIRST - DAYS) < past
        active = np.array([(60 if last else 30) if known else UNKNOWN], dtype=np.uint8)
        state.trends.keep(day, slice(0, 1), active, unknown, unknown, unknown)
    return state, trend


@pytest.mark.parametrize(("recent", "past", "told"), [(5, 20, 1), (4, 20, 0), (5, 19, 0)])
def test_a_note_needs_five_known_days_and_twenty_before_them_and_no_more(recent: int, past: int, told: int) -> None:
    state, trend = known_weeks(recent, past)
    notes = trend._compare(state, FIRST - 1, noon(FIRST) + 15 * HOUR)
    assert [(note.recent, note.past, note.recent_days, note.past_days) for note in notes] == [(15.0, 7.5, recent, past)] * told


def test_a_household_may_be_told_of_again_once_the_week_is_over_and_not_before() -> None:
    state, trend = known_weeks(RECENT, PAST)
    assert len(trend._compare(state, FIRST - 1, noon(FIRST))) == 1
    kept = state.trends.days.reshape(3, DAYS, -1).copy()
    for day, told in ((FIRST + 5, 0), (FIRST + 6, 1)):  # the same weeks again, some days later
        state.trends.days[:] = np.roll(kept, day - (FIRST - 1), axis=1).reshape(state.trends.days.shape)
        assert len(trend._compare(state, day, noon(day + 1))) == told


def test_a_day_is_closed_in_the_night_after_it_and_its_half_is_gathered_anew() -> None:
    state, trend = State(), Trend(TABLE)
    assert trend.due(state) == UNSET
    state.households.enrol(HOME, "dong-1")
    state.trends.add()
    state.trend_closed = FIRST - 1
    for day in range(FIRST, FIRST + 5):
        batch = Batch(state, 0)
        batch.motion = moments(*([noon(day) + HOUR] if day in (FIRST, FIRST + 2) else []))
        batch.door = moments(*([noon(day) + 2 * HOUR] if day == FIRST else []))
        trend.fold(state, batch)
        closes = noon(day + 1) + 15 * HOUR  # 03:00
        assert trend.due(state) == closes
        trend.run(state, closes)
    days, home = np.array([FIRST, FIRST + 2, FIRST + 4]), np.array([0])
    figures = np.hstack([state.trends.figures(one, days, home) for one in range(MEASURES)])
    assert figures[0, :3].tolist() == [1, 0, 1]
    assert figures[1, :3].tolist() == [1, 0, UNKNOWN] and figures[2].tolist() == [UNKNOWN] * 4


def test_a_note_says_its_means_to_the_hundredth() -> None:
    state, trend = known_weeks(RECENT, PAST)
    unknown = np.array([UNKNOWN], dtype=np.uint8)
    for day in range(FIRST - DAYS, FIRST):
        active = np.array([(60 if day >= FIRST - RECENT else 30) + day % 2], dtype=np.uint8)
        state.trends.keep(day, slice(0, 1), active, unknown, unknown, unknown)
    [note] = trend._compare(state, FIRST - 1, noon(FIRST))
    odd = sum(day % 2 for day in range(FIRST - RECENT, FIRST))
    assert (note.recent, note.past) == (round((60 + odd / 7) / 4, 2), 7.62)


def test_what_could_not_be_observed_after_its_noon_leaves_a_day_known() -> None:
    """Each day is closed in the night after it: what is blind between belongs to the next."""
    state, trend = State(), Trend(TABLE)
    state.households.enrol(HOME, "dong-1")
    state.observability.link_lost(noon(FIRST + 1), "mqtt")
    state.observability.link_found(noon(FIRST + 1) + 5 * HOUR, "mqtt")
    assert [bool(trend._unknown(state, day)[0]) for day in (FIRST, FIRST + 1)] == [False, True]
