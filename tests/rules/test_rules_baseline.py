"""The personal baseline: what is kept of a home's past, and after how long its stillness is too long."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ingest.clock import DAY, HOUR, MINUTE, Millis
from rules.baseline.clock import WEIGHT, spread
from rules.baseline.fit import FEWEST_DAYS, NEVER, UNIT, Fitted, fit, usual_minutes
from rules.baseline.gaps import BINS, DAYS, ROOM, SHORTEST, Gaps, bin_of, empty_row, no_gaps
from rules.baseline.hazard import CLASSES, count, smooth
from rules.baseline.pace import pace_of
from rules.baseline.prior import SHIPPED, Prior, pool, read_prior, shipped, write_prior
from rules.baseline.score import scores, scores_of
from rules.baseline.tail import tail_of
from rules.columns import Ints
from tests.rules.baseline_oracle import Gap, Known
from tests.rules.baseline_oracle import fit as oracle_fit

MIDNIGHT: Millis = 20_000 * DAY - 9 * HOUR  # of a Seoul day


def gaps_of(days: int, *daily: tuple[float, float], noise: int = 0) -> Gaps:
    """The same gaps (hour begun, hours long) on each day, up to `noise` minutes longer or shorter."""
    rng = np.random.default_rng(noise)
    row = empty_row()
    for day in range(days):
        row.open_day()
        for hour, long in daily:
            length = round(long * HOUR) + int(rng.integers(-noise, noise + 1)) * MINUTE
            row.append(MIDNIGHT + day * DAY + round(hour * HOUR), length, False)
    return row.gaps(days)


ORDINARY = ((22.5, 4.0), (2.8, 3.5), (8.0, 1.2), (10.0, 1.5), (13.2, 2.0), (16.0, 1.3), (19.0, 1.6))


def hours(fitted: Fitted, level: int, hour: float) -> float:
    limit = int(fitted.limits[level, int(hour * 6)])
    return float("inf") if limit == NEVER else limit * UNIT / 60


def test_a_booked_gap_comes_back_within_its_class_of_six_minutes() -> None:
    row = empty_row()
    row.open_day()
    row.append(MIDNIGHT + 23 * HOUR, 7 * HOUR + 5 * MINUTE, False)
    row.append(MIDNIGHT + 9 * HOUR, SHORTEST, True)
    row.append(MIDNIGHT + 9 * HOUR, 40 * HOUR, False)
    kept = row.gaps(1, [(MIDNIGHT + 12 * HOUR, 2 * HOUR, False), (MIDNIGHT, SHORTEST - 1, False)])
    assert kept.bins.tolist() == [138, 54, 54, 72]
    assert kept.minutes.tolist() == [423 + 0, 63, 825, 123]
    assert kept.censored.tolist() == [False, True, False, False]
    assert kept.days == 1


def test_a_stillness_too_short_to_speak_of_is_not_kept() -> None:
    row = empty_row()
    row.open_day()
    row.append(MIDNIGHT, SHORTEST - 1, False)
    assert len(row.gaps(1).bins) == 0


def test_bins_are_ten_minutes_of_the_day_in_seoul() -> None:
    assert [bin_of(MIDNIGHT), bin_of(MIDNIGHT + 10 * MINUTE - 1), bin_of(MIDNIGHT + 10 * MINUTE), bin_of(MIDNIGHT - 1)] == [
        0,
        0,
        1,
        143,
    ]


def test_the_oldest_of_sixty_days_is_forgotten() -> None:
    row = empty_row()
    for day in range(DAYS + 3):
        row.open_day()
        row.append(MIDNIGHT + day % 24 * HOUR, 2 * HOUR, False)
        row.append(MIDNIGHT + day % 24 * HOUR, 3 * HOUR, False)
    kept = row.gaps(DAYS)
    assert len(kept.bins) == 2 * DAYS
    assert kept.bins[:2].tolist() == [3 * 6, 3 * 6]


def test_a_full_row_gives_up_its_shortest_gap_the_older_first_and_never_a_long_one() -> None:
    row = empty_row()
    row.open_day()
    row.append(MIDNIGHT, 9 * HOUR, False)
    row.append(MIDNIGHT, SHORTEST, False)
    row.open_day()
    row.append(MIDNIGHT + HOUR, SHORTEST, False)
    for number in range(ROOM - 3):
        if number % 12 == 0:
            row.open_day()
        row.append(MIDNIGHT, 2 * HOUR, False)
    row.append(MIDNIGHT, 3 * HOUR, False)
    kept = row.gaps(DAYS)
    assert len(kept.bins) == ROOM
    assert kept.minutes[:2].tolist() == [543, 63]
    assert kept.bins[1] == 6
    row.append(MIDNIGHT, SHORTEST, False)
    assert np.array_equal(row.gaps(DAYS).minutes, kept.minutes)


def test_the_store_of_a_fitted_home_takes_less_than_two_kilobytes() -> None:
    limits = fit(no_gaps(), shipped()).limits
    assert limits.nbytes + 2 * ROOM + DAYS <= 1_400


def test_of_an_unknown_home_the_prior_speaks_alone_and_its_first_days_change_nothing() -> None:
    unknown = fit(no_gaps(), shipped()).limits
    few = gaps_of(FEWEST_DAYS - 1, (22.0, 11.5), (13.0, 6.0))
    assert np.array_equal(fit(few, shipped()).limits, unknown)
    enough = gaps_of(FEWEST_DAYS, (22.0, 11.5), (13.0, 6.0))
    assert not np.array_equal(fit(enough, shipped()).limits, unknown)


def test_a_home_observed_for_long_without_a_gap_is_judged_by_the_tail_of_others() -> None:
    limits = fit(replace(no_gaps(), days=30), shipped()).limits
    assert limits.min() >= SHORTEST // MINUTE // UNIT
    assert (limits[1] <= fit(no_gaps(), shipped()).limits[1]).all()


def test_nobody_is_spoken_of_within_the_first_hour() -> None:
    assert (fit(no_gaps(), shipped(), (1e6, 1e6)).limits == SHORTEST // MINUTE // UNIT).all()


def test_alert_never_comes_before_check() -> None:
    for noise in (0, 20, 45):
        limits = fit(gaps_of(30, *ORDINARY, noise=noise), shipped()).limits
        assert (limits[1] >= limits[0]).all()


def test_a_lower_wanted_rate_is_never_spoken_of_earlier() -> None:
    gaps = gaps_of(30, *ORDINARY, noise=30)
    often, seldom = fit(gaps, shipped(), (0.1, 0.05)).limits, fit(gaps, shipped(), (0.02, 0.01)).limits
    assert (seldom >= often).all()


def test_the_habits_of_a_home_are_not_spoken_of() -> None:
    limits = fit(gaps_of(30, *ORDINARY, noise=15), shipped())
    for hour, long in ORDINARY:
        assert hours(limits, 1, hour) > long + 0.25


def test_a_new_habit_of_long_nights_is_learned() -> None:
    before = fit(gaps_of(30, *ORDINARY, noise=15), shipped())
    after = fit(gaps_of(30, (21.5, 9.5), *ORDINARY[2:], noise=15), shipped())
    assert hours(before, 1, 21.5) < 9.5 < hours(after, 1, 21.5)


def test_a_home_that_is_never_still_for_long_is_spoken_of_sooner() -> None:
    quiet = fit(gaps_of(30, *ORDINARY, noise=15), shipped()).limits
    lively = fit(gaps_of(30, *((hour, 1 + long / 8) for hour, long in ORDINARY), noise=5), shipped()).limits
    assert lively[1].mean() < quiet[1].mean() - 60 / UNIT


def test_the_order_of_the_gaps_changes_no_bit() -> None:
    gaps = gaps_of(40, *ORDINARY, noise=40)
    order: Ints = np.random.default_rng(1).permutation(len(gaps.bins)).astype(np.int64)
    mixed = Gaps(bins=gaps.bins[order], minutes=gaps.minutes[order], censored=gaps.censored[order], days=gaps.days)
    assert np.array_equal(fit(gaps, shipped()).limits, fit(mixed, shipped()).limits)


def test_a_gap_that_ended_because_we_were_blind_is_no_habit_but_was_lived_through() -> None:
    gaps = gaps_of(30, *ORDINARY, noise=15)
    blind = replace(gaps, censored=np.ones(len(gaps.bins), dtype=np.bool_))
    seen, unseen = fit(gaps, shipped()).limits, fit(blind, shipped()).limits
    assert unseen[1].mean() > seen[1].mean()


def test_the_usual_longest_stillness_is_that_of_about_the_same_time_of_day() -> None:
    gaps = gaps_of(40, *ORDINARY)
    assert usual_minutes(gaps, 22 * 6) == 243
    assert usual_minutes(gaps, 143) is None
    assert usual_minutes(gaps, 13 * 6 + 7) == 123


def test_one_long_stillness_in_forty_days_is_not_usual() -> None:
    row = empty_row()
    for day in range(40):
        row.open_day()
        row.append(MIDNIGHT + 13 * HOUR, 7 * HOUR if day == 20 else 2 * HOUR, False)
    assert usual_minutes(row.gaps(40), 13 * 6) == 123


def test_a_prior_is_the_same_after_writing_and_reading() -> None:
    made = pool([gaps_of(20, *ORDINARY, noise=20), gaps_of(40, (23.0, 8.0), (14.0, 2.0), noise=30)])
    read = read_prior(write_prior(made, ["from nowhere"]))
    assert np.array_equal(read.hazard, made.hazard)
    assert read.tail.passed(0.02) == pytest.approx(made.tail.passed(0.02), abs=1e-4)


def test_the_shipped_prior_states_its_origin() -> None:
    assert "# Origin: " in SHIPPED.read_text(encoding="utf-8")


def test_homes_with_too_few_gaps_make_no_prior() -> None:
    with pytest.raises(ValueError, match="too few for a prior"):
        pool([gaps_of(2, (23.0, 8.0))])
    with pytest.raises(ValueError, match="0 gaps in 0 homes"):
        pool([])


def oracle_limits(gaps: Gaps, prior: Prior, rates: tuple[float, float]) -> list[list[int]]:
    known = Known(
        prior.hazard.tolist(),
        prior.pace.begun.tolist(),
        prior.pace.lively.tolist(),
        (prior.tail.start, prior.tail.excess, prior.tail.per_day),
    )
    listed = [Gap(*one) for one in zip(gaps.bins.tolist(), gaps.minutes.tolist(), gaps.censored.tolist(), strict=True)]
    return oracle_fit(listed, gaps.days, known, rates)


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_that_of_a_plain_reading_of_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = int(rng.integers(5, 25))
    count = int(rng.integers(0, 5)) if seed == 3 else days * 3
    minutes = np.minimum(60 + rng.exponential(150, count), 900)
    gaps = Gaps(bins=rng.integers(0, 144, count).astype(np.uint8), minutes=minutes, censored=rng.random(count) < 0.1, days=days)
    rates = (0.05, 0.02)
    ours = fit(gaps, shipped(), rates).limits.astype(np.int64)
    theirs = np.array(oracle_limits(gaps, shipped(), rates))
    assert np.abs(ours - theirs).max() <= 1  # a half may be rounded either way
    assert (ours == theirs).mean() > 0.98


def test_the_tail_of_a_prior_is_that_of_each_home_under_what_the_others_say() -> None:
    early, late = gaps_of(20, *ORDINARY, noise=20), gaps_of(30, (2.0, 7.5), (12.0, 2.0), (18.0, 3.0), noise=30)
    under = {one.days: scores(pool([one]).hazard, pool([one]).pace) for one in (early, late)}
    expected = tail_of(np.concatenate([scores_of(under[30], early), scores_of(under[20], late)]), 50)
    assert pool([early, late]).tail == expected


def test_a_prior_can_be_made_of_one_home() -> None:
    home = gaps_of(20, *ORDINARY, noise=20)
    prior = pool([home])
    assert prior.tail == tail_of(scores_of(scores(prior.hazard, prior.pace), home), 20)


def test_homes_pooled_weigh_the_same_and_lean_on_the_mean_of_each_class_over_the_day() -> None:
    homes = [gaps_of(20, *ORDINARY, noise=20), gaps_of(40, (23.0, 8.0), (14.0, 2.0), noise=30)]
    hits, risk = np.zeros((BINS, CLASSES)), np.zeros((BINS, CLASSES))
    for home in homes:
        seen = smooth(count(home))
        hits += seen.hits * 14 / home.days
        risk += seen.risk * 14 / home.days
    expected = np.zeros((BINS, CLASSES))
    for place in range(CLASSES):
        base = (hits[:, place].sum() + 1) / (risk[:, place].sum() + 2)
        expected[:, place] = (hits[:, place] + 60 * base) / (risk[:, place] + 60)
    assert pool(homes).hazard == pytest.approx(np.clip(expected, 0.001, 0.9), abs=0.51e-4)


def test_the_pace_of_a_prior_is_the_mean_of_its_homes_and_is_written_and_read() -> None:
    homes = [gaps_of(20, *ORDINARY, noise=20), gaps_of(40, (23.0, 8.0), (14.0, 2.0), noise=30)]
    made, paces = pool(homes), [pace_of(home, None, 0.0) for home in homes]
    begun = np.maximum((paces[0].begun + paces[1].begun) / 2, 0.002)
    assert made.pace.begun == pytest.approx(begun, abs=0.51e-4)
    assert made.pace.lively == pytest.approx((paces[0].lively + paces[1].lively) / 2, abs=0.51e-4)
    read = read_prior(write_prior(made, ["from nowhere"]))
    assert np.array_equal(read.pace.begun, made.pace.begun) and np.array_equal(read.pace.lively, made.pace.lively)


def test_what_is_known_of_ten_minutes_is_known_of_those_about_it_as_a_bell_round_the_clock() -> None:
    one = np.zeros(BINS)
    one[2] = 1.0
    found = spread(one)
    for away in range(BINS // 2 + 1):
        height = round(64 * math.exp(-0.5 * (away / 8.0) ** 2)) / 64
        assert found[(2 + away) % BINS] == found[(2 - away) % BINS] == height
    assert found.sum() == WEIGHT


def test_only_the_very_gap_that_was_booked_is_taken_out_of_its_own_day() -> None:
    row = empty_row()
    for _ in range(3):
        row.open_day()
        row.append(MIDNIGHT + HOUR, 2 * HOUR, False)
        row.append(MIDNIGHT + 5 * HOUR, 3 * HOUR, True)
    for age, start, length, censored in (
        (1, MIDNIGHT + 2 * HOUR, 2 * HOUR, False),
        (1, MIDNIGHT + HOUR, 3 * HOUR, False),
        (1, MIDNIGHT + HOUR, 2 * HOUR, True),
        (3, MIDNIGHT + HOUR, 2 * HOUR, False),
    ):
        row.remove(age, start, length, censored)
        assert len(row.gaps(3).bins) == 6
    row.remove(1, MIDNIGHT + 5 * HOUR, 3 * HOUR, True)
    kept = row.gaps(3)
    assert kept.bins.tolist() == [6, 30, 6, 6, 30] and kept.censored.tolist() == [False, True, False, False, True]
    row.remove(0, MIDNIGHT + HOUR, 2 * HOUR, False)
    assert row.gaps(3).bins.tolist() == [6, 30, 6, 30]
