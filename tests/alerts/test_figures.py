"""The figures of a month say what happened, by definitions that stand beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from alerts.aftercare.referral import CareKind, ReferralState
from alerts.check import Outcome
from alerts.figures.figures import Figures
from alerts.figures.handled import Answered, Handled, answered, by_end_of_duty, parts, times
from alerts.figures.month import MONTH, month_around, month_named
from alerts.proof import STEP
from alerts.tables import delivery
from ingest.clock import DAY, HOUR, MINUTE, SECOND, parse_local
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.care_parts import KIM, Care

JANUARY = month_named("2026-01")
ONE = Handled(
    check_id="a",
    code="A-2K7",
    dong_code="dong-1",
    level=Level.WARNING,
    opened_at=MORNING + HOUR,
    asked_at=MORNING + HOUR,
    acted_at=None,
    acknowledged_at=None,
    resolved_at=None,
)


@pytest.fixture
def care(store_url: str) -> Iterator[Care]:
    made = Care(store_url)
    yield made
    made.site.engine.dispose()


def acted(after: int | None, **changed: object) -> Handled:
    return replace(ONE, acted_at=None if after is None else ONE.opened_at + after, **changed)  # type: ignore[arg-type]


def test_a_month_is_a_calendar_month_of_seoul() -> None:
    assert JANUARY.begin == parse_local("2026-01-01T00:00:00")
    assert JANUARY.end == month_named("2026-02").begin
    assert month_named("2025-12").end == JANUARY.begin
    assert month_around(JANUARY.begin - 1).name == "2025-12"
    assert month_around(JANUARY.begin) == JANUARY


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "1999-12", "26-01", "", "2026-01-01"])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a month"):
        month_named(name)


def test_answered_counts_from_the_telling_of_a_person() -> None:
    waits = [acted(60 * SECOND), acted(61 * SECOND), acted(180 * SECOND), acted(181 * SECOND), acted(None)]
    asked_later = replace(acted(20 * MINUTE), asked_at=ONE.opened_at + 20 * MINUTE - SECOND)
    nobody_told = acted(SECOND, asked_at=None)
    early = replace(acted(SECOND), asked_at=ONE.opened_at + MINUTE)  # seen on the page before the telling
    assert answered([*waits, asked_later, nobody_told, early]) == Answered(asked=7, within_60_s=3, within_180_s=5)


def test_times_are_medians_and_ninetieth_percentiles_by_level() -> None:
    checks = [replace(ONE, acknowledged_at=ONE.opened_at + minutes * MINUTE) for minutes in range(1, 12)]
    danger, warning, caution = times([*checks, replace(ONE, level=Level.DANGER, resolved_at=ONE.opened_at + HOUR)])
    assert (warning.acknowledged.count, warning.acknowledged.median, warning.acknowledged.p90) == (11, 6 * MINUTE, 10 * MINUTE)
    assert (danger.opened, danger.resolved.median, danger.acknowledged.median) == (1, HOUR, None)
    assert (caution.opened, caution.resolved.count) == (0, 0)


def test_every_warning_and_danger_not_acted_on_by_end_of_duty_is_an_exception() -> None:
    ends = MORNING + 9 * HOUR
    in_time = replace(ONE, acted_at=ends)
    late = replace(ONE, check_id="b", acted_at=ends + 1)
    never = replace(ONE, check_id="c", level=Level.DANGER)
    mild = replace(ONE, check_id="d", level=Level.CAUTION)
    found = by_end_of_duty([never, late, in_time, mild], {}, ends + DAY)
    assert (found.due, found.met, [(miss.check_id, miss.due_at) for miss in found.missed]) == (3, 1, [("b", ends), ("c", ends)])


def test_a_check_whose_duty_still_runs_is_not_missed_yet() -> None:
    found = by_end_of_duty([ONE], {}, MORNING + 9 * HOUR)
    assert (found.due, found.missed) == (0, ())


def test_day_and_night_are_told_by_the_desk_that_had_duty() -> None:
    night, sunday = (replace(ONE, opened_at=at) for at in (MORNING + 12 * HOUR, MORNING - 20 * HOUR))
    found = parts([ONE, night, sunday], {})
    assert (found.day, found.night) == (1, 2)


@given(st.lists(st.tuples(st.integers(0, 40 * HOUR), st.one_of(st.none(), st.integers(0, 40 * HOUR)), st.sampled_from(Level))))
def test_met_and_missed_are_all_that_are_due(drawn: list[tuple[int, int | None, Level]]) -> None:
    checks = [
        replace(
            ONE, check_id=str(n), level=level, opened_at=MORNING + at, acted_at=None if after is None else MORNING + at + after
        )
        for n, (at, after, level) in enumerate(drawn)
    ]
    found = by_end_of_duty(checks, {}, MORNING + 200 * HOUR)
    assert found.due == found.met + len(found.missed) == sum(level > Level.CAUTION for _, _, level in drawn)


def january(care: Care, dong: str | None = None) -> Figures:
    return care.figures.figures(JANUARY, dong=dong)


def test_figures_of_a_month_without_anything_are_zero_and_not_wrong(care: Care) -> None:
    found = care.figures.figures(month_named("2025-11"), dong="dong-1")
    assert (found.household_months, found.answered.asked, found.rules, found.people) == (0, 0, (), ())


def test_false_alarms_are_counted_by_rule_and_household_month(care: Care) -> None:
    care.site.take(finding(), finding(rule=RuleKey.CALL), finding(household="hh-2", dong="dong-2"))
    for check in care.site.desk.checks(dong=None):
        outcome = Outcome.SAFE_BY_PHONE if check.household_id == "hh-1" else Outcome.EMERGENCY_119
        care.site.desk.resolve(check.id, actor=KIM, dong=None, outcome=outcome)
    care.site.clock.home = JANUARY.end
    both, mine = january(care), january(care, "dong-1")
    months = (JANUARY.end - JANUARY.begin) / MONTH
    assert both.household_months == pytest.approx(2 * months, abs=1e-3)
    motion = next(rule for rule in both.rules if rule.rule == "motion")
    assert (motion.alerts, motion.false, motion.needed) == (2, 1, 1)
    assert motion.false_per_household_month == pytest.approx(1 / (2 * months), abs=1e-3)
    assert [(rule.rule, rule.false) for rule in mine.rules] == [("call", 1), ("motion", 1)]
    assert both.outcomes == ((Outcome.SAFE_BY_PHONE, 1), (Outcome.EMERGENCY_119, 1))
    assert january(care, "dong-9").rules == ()


def test_without_a_household_there_is_no_rate(care: Care) -> None:
    care.site.take(finding(dong="dong-3", household=None, device="d-1", rule=RuleKey.SOS, level=Level.DANGER))
    care.site.desk.resolve(care.site.only().id, actor=KIM, dong=None, outcome=Outcome.DEVICE_FAULT)
    assert [rule.false_per_household_month for rule in january(care, "dong-3").rules] == [None]


def test_what_a_machine_did_is_no_answer_of_a_person(care: Care) -> None:
    care.site.take(finding(level=Level.DANGER))
    care.site.pass_home(SECOND)
    assert january(care).answered.within_60_s == 0
    care.site.desk.acknowledge(care.site.only().id, actor=KIM, dong=None)
    found = january(care)
    assert (found.answered.asked, found.answered.within_60_s) == (1, 1)
    assert [(one.login, one.acknowledged, one.resolved) for one in found.people] == [(KIM, 1, 0)]
    assert found.times[0].acknowledged.median == SECOND


def test_deliveries_are_counted_by_channel_and_how_they_went(care: Care) -> None:
    care.site.clock.machine = MORNING
    care.site.take(finding(level=Level.DANGER))
    (email,) = [one for one in january(care, "dong-1").channels if one.channel == "email"]
    assert (email.written, email.sent, email.failed) == (1, 0, 0)


def test_referrals_are_counted_by_kind_and_state_in_the_month_they_came_into_it(care: Care) -> None:
    made = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1")
    care.site.clock.home = JANUARY.end
    care.referrals.advance(made.id, ReferralState.ACCEPTED, actor=KIM, dong="dong-1")
    (first,) = january(care, "dong-1").referrals
    (second,) = care.figures.figures(month_named("2026-02"), dong=None).referrals
    assert (first.kind, first.offered, first.accepted) == (CareKind.MEALS, 1, 0)
    assert (second.offered, second.accepted) == (0, 1)


def test_the_hourly_proof_of_a_path_is_nobodys_delivery(care: Care) -> None:
    care.site.clock.machine = MORNING
    care.site.take(finding(level=Level.DANGER))
    with care.site.engine.begin() as connection:
        connection.execute(update(delivery).values(step=f"{STEP}email"))
    assert january(care).channels == ()
