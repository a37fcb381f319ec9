"""Proves that the account of a home says what the rules counted, what they lacked, and when they would speak, to the moment."""

from __future__ import annotations

import pytest
from msgspec import json

from ingest.clock import HOUR, MINUTE, Millis
from ingest.facts import AwayDeclared
from ingest.reading import HouseholdId, Signal
from rules.explain import HomeSeen, RuleSeen
from rules.explain_words import explain_lines
from rules.finding import Level, RuleKey, Verb
from rules.limits import OwnLimit
from rules.observability import Blind
from rules.table import read_table
from tests.rules.rule_parts import (
    HOME,
    SHIPPED,
    START,
    Days,
    device,
    enrolled,
    home_with,
    link_down,
    link_up,
    motion,
    reading,
    without_personal,
)
from tests.rules.test_rules_limits import applied, declared, own

TEXT = without_personal()


def seen(days: Days, at: Millis) -> HomeSeen:
    """The account at this moment."""
    days.until(at)
    return days.engine.explain(HouseholdId(HOME))


def rule(account: HomeSeen, key: RuleKey) -> RuleSeen:
    return next(one for one in account.rules if one.rule is key)


def test_it_says_since_when_how_long_and_when_each_level_would_speak() -> None:
    account = rule(seen(Days([*home_with(Signal.MOTION), motion(HOUR)]), 10 * HOUR), RuleKey.MOTION)
    assert (account.since, account.elapsed, account.observed, account.coverage) == (START + HOUR, 9 * HOUR, 9 * HOUR, 1.0)
    assert [(one.level, one.limit, one.reached, one.due) for one in account.levels] == [
        (Level.CAUTION, 8.0 * HOUR, True, START + 9 * HOUR),
        (Level.WARNING, 12.0 * HOUR, False, START + 13 * HOUR),
        (Level.DANGER, 24.0 * HOUR, False, START + 25 * HOUR),
    ]
    assert account.standing is Level.CAUTION and account.blind == () and account.lacking == ""


def test_what_it_foresees_is_what_the_rules_then_do() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(2 * HOUR), link_up(5 * HOUR)])
    foreseen = {one.level: one.due for one in rule(seen(days, 6 * HOUR), RuleKey.MOTION).levels}
    raised = {one.level: one.at for one in days.until(40 * HOUR) if one.rule is RuleKey.MOTION and one.verb is Verb.RAISED}
    assert raised == foreseen


def test_what_could_not_be_observed_is_named_with_its_cause_and_is_not_counted() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(2 * HOUR), link_up(5 * HOUR), link_down(7 * HOUR)])
    account = rule(seen(days, 8 * HOUR), RuleKey.MOTION)
    assert [(one.since - START, one.until and one.until - START, one.cause) for one in account.blind] == [
        (2 * HOUR, 5 * HOUR, Blind.BROKER),
        (7 * HOUR, None, Blind.BROKER),
    ]
    assert account.observed == 4 * HOUR and account.coverage == 0.5
    assert [one.due for one in account.levels] == [None, None, None]
    net = rule(days.engine.explain(HouseholdId(HOME)), RuleKey.CANNOT_VERIFY)
    assert net.observed == net.elapsed == 8 * HOUR


@pytest.mark.parametrize(
    ("facts", "key", "lacking"),
    [
        ([enrolled()], RuleKey.MOTION, "no_sensor"),
        ([enrolled(), device("pir-1", Signal.MOTION)], RuleKey.MOTION, "never_heard"),
        ([*home_with(Signal.MOTION), motion(0)], RuleKey.PERSONAL, "not_used"),
        ([*home_with(Signal.MOTION), motion(0)], RuleKey.CALL, "no_sensor"),
        ([*home_with(Signal.CALL)], RuleKey.CALL, "never_heard"),
        ([*home_with(Signal.PHONE)], RuleKey.PHONE, "phone_on"),
        ([*home_with(Signal.MOTION), motion(0)], RuleKey.AWAY, "not_away"),
        ([*home_with(Signal.MOTION), motion(0)], RuleKey.HEAT, "no_sample"),
        ([*home_with(Signal.MOTION), motion(0), reading(MINUTE, Signal.DOOR)], RuleKey.MOTION, "away_inferred"),
        ([*home_with(Signal.TEMPERATURE), reading(0, Signal.TEMPERATURE, 22.0)], RuleKey.COLD, "stale"),
    ],
)
def test_a_rule_that_counted_nothing_says_why(facts: list[object], key: RuleKey, lacking: str) -> None:
    days = Days(facts, table=read_table(TEXT))  # type: ignore[arg-type]
    account = seen(days, 3 * HOUR)
    assert rule(account, key).lacking == lacking
    assert all(explain_lines(account, lang) for lang in ("ko", "en"))


def test_an_absence_that_is_declared_suspends_what_counts_and_says_until_when() -> None:
    away = AwayDeclared(fact_id="a", at=START + HOUR, household_id=HOME, returns_at=START + 9 * HOUR, reason="travel")
    days = Days([*home_with(Signal.MOTION), motion(0), away])
    account = rule(seen(days, 3 * HOUR), RuleKey.MOTION)
    assert account.lacking == "away_declared" and account.since == START + 9 * HOUR and account.levels == ()
    days.feed([motion(10 * HOUR)])
    assert rule(seen(days, 11 * HOUR), RuleKey.AWAY).lacking == "back"


def test_just_after_an_outage_it_says_that_it_waits_for_the_backlog() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(HOUR), link_up(9 * HOUR)])
    assert rule(seen(days, 9 * HOUR + MINUTE), RuleKey.MOTION).lacking == "backlog"


def test_a_value_is_told_with_its_sensor_and_each_level_with_its_dwell() -> None:
    warm = [reading(at * MINUTE, Signal.TEMPERATURE, 32.0) for at in range(0, 21, 5)]
    account = rule(seen(Days([*home_with(Signal.TEMPERATURE), *warm]), 20 * MINUTE), RuleKey.HEAT)
    assert (account.value, account.device_id, account.sampled_at) == (32.0, "pir-1", START + 20 * MINUTE)
    assert [(one.limit, one.reached, one.due) for one in account.levels] == [
        (31.0, False, START + 27 * MINUTE),
        (33.0, False, None),
        (35.0, False, None),
    ]
    assert account.since == START and account.elapsed == 20 * MINUTE


def test_it_names_the_table_the_season_and_that_the_home_has_limits_of_its_own() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), reading(HOUR, Signal.SOS), own(HOUR, "motion", 1, 5.0 * HOUR)])
    days.feed([applied(HOUR, TEXT), declared(HOUR, 20 * HOUR)])
    account = seen(days, 4 * HOUR)
    assert account.own_limits and account.seasons == ("heatwave",) and account.rule_version == read_table(TEXT).version
    assert rule(account, RuleKey.MOTION).levels[0].due == START + 5 * HOUR
    assert account.others == ((RuleKey.SOS, Level.DANGER),)
    ko, en = explain_lines(account), explain_lines(account, "en")
    assert "계절 heatwave, 가구별 기준 있음" in ko[0] and "응급 호출 위험" in ko[-1] and en[-1] == "Standing besides: SOS Danger."
    assert OwnLimit(rule="motion", level=1, limit=5.0 * HOUR).limit == 5.0 * HOUR


def test_the_words_say_the_figures() -> None:
    days = Days([*home_with(Signal.MOTION), motion(HOUR), link_down(2 * HOUR), link_up(5 * HOUR)])
    line = next(one for one in explain_lines(seen(days, 14 * HOUR)) if one.startswith("활동 없음:"))
    assert "11월 22일 10:00부터 13시간, 그중 10시간을 셈 (관측 77%)" in line
    assert "주의 발생 중" in line and "주의 8시간: 넘음" in line and "경보 12시간: 11월 23일 01:00에 발생할 예정" in line
    assert "11월 22일 11:00 - 11월 22일 14:00 관측 못 함 (브로커 연결 끊김)" in line
    english = next(one for one in explain_lines(days.engine.explain(HouseholdId(HOME)), "en") if one.startswith("No motion:"))
    assert "Caution 8 h: reached" in english and "Warning 12 h: would speak at 23 Nov 01:00" in english
    days.feed([link_down(15 * HOUR)])
    blind = explain_lines(seen(days, 16 * HOUR))
    assert any("관측할 수 없어 예정 시각 없음" in one and "부터 관측 못 함" in one for one in blind)
    warm = Days([*home_with(Signal.TEMPERATURE, Signal.HUMIDITY), reading(0, Signal.TEMPERATURE, 36.0)])
    warm.feed([reading(1, Signal.HUMIDITY, 40.0), reading(11 * MINUTE, Signal.TEMPERATURE, 36.0)])
    lines = explain_lines(seen(warm, 12 * MINUTE), "en")
    assert any("last sample 36°C" in one and "Danger 35: reached" in one for one in lines)
    assert any("last sample 40%" in one and "not breached" in one for one in lines)


def test_the_shipped_table_is_explained_with_the_personal_baseline_and_all_of_it_is_data() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)], table=SHIPPED)
    account = seen(days, 9 * HOUR)
    assert rule(account, RuleKey.PERSONAL).levels
    assert json.decode(json.encode(account), type=HomeSeen) == account
    with pytest.raises(KeyError):
        days.engine.explain(HouseholdId("hh-none"))


def test_an_outage_that_began_after_the_moment_asked_of_is_not_named() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(8 * HOUR)
    days.feed([link_down(8 * HOUR + 1)])
    account = rule(days.engine.explain(HouseholdId(HOME)), RuleKey.MOTION)
    assert account.blind == () and account.coverage == 1.0 and account.elapsed == 8 * HOUR


def test_air_that_is_too_dry_is_not_explained_by_the_limit_of_damp_air() -> None:
    dry = [reading(at * MINUTE, Signal.HUMIDITY, 15.0) for at in range(0, 61, 10)]
    days = Days([*home_with(Signal.HUMIDITY), *dry])
    account = rule(seen(days, HOUR), RuleKey.HUMIDITY)
    assert [(one.limit, one.reached, one.due) for one in account.levels] == [(20.0, False, START + int(5.4 * HOUR))]
    assert account.since == START


def lines_of(days: Days, lang: str) -> dict[str, str]:
    """What is said of each rule, by its name."""
    first, *rules = explain_lines(days.engine.explain(HouseholdId(HOME)), lang)
    return {"": first, **dict(line.split(": ", 1) for line in rules)}


def test_the_whole_account_reads_as_sentences_in_korean_and_in_english() -> None:
    days = Days(home_with(Signal.MOTION, Signal.PHONE, Signal.CALL, Signal.TEMPERATURE, Signal.HUMIDITY))
    days.feed([motion(HOUR), reading(HOUR, Signal.CALL), reading(2 * HOUR, Signal.PHONE, 0.0)])
    days.feed([link_down(2 * HOUR), link_up(5 * HOUR)])
    days.feed([reading(at * MINUTE, Signal.TEMPERATURE, 34.26) for at in range(780, 841, 10)])
    days.feed([reading(at * MINUTE, Signal.HUMIDITY, 40.0) for at in range(785, 841, 10)])
    days.until(14 * HOUR)
    version = days.engine.table.version
    outage = "11월 22일 11:00 - 11월 22일 14:00 관측 못 함 (브로커 연결 끊김)"
    assert lines_of(days, "fr") == lines_of(days, "ko")
    assert lines_of(days, "ko") == {
        "": f"11월 22일 23:00 현재 규칙이 본 hh-1 (위험군 ordinary, 기준표 {version}).",
        "활동 없음": "11월 22일 10:00부터 13시간, 그중 10시간을 셈 (관측 77%); 주의 발생 중; 주의 8시간: 넘음; "
        f"경보 12시간: 11월 23일 01:00에 발생할 예정; 위험 24시간: 11월 23일 13:00에 발생할 예정; {outage}.",
        "평소보다 긴 무활동": "쓰지 않는 규칙입니다.",
        "통화 없음": "11월 22일 10:00부터 13시간, 그중 10시간을 셈 (관측 77%); 주의 3일: 11월 25일 13:00에 발생할 예정; "
        f"경보 4일: 11월 26일 13:00에 발생할 예정; 위험 5일: 11월 27일 13:00에 발생할 예정; {outage}.",
        "휴대전화 꺼짐": "11월 22일 11:00부터 12시간, 그중 9시간을 셈 (관측 75%); 주의 12시간: 11월 23일 02:00에 발생할 예정; "
        f"경보 24시간: 11월 23일 14:00에 발생할 예정; 위험 2일: 11월 24일 14:00에 발생할 예정; {outage}.",
        "안부 확인 불가": "11월 22일 10:00부터 13시간, 그중 13시간을 셈 (관측 77%); "
        f"위험 24시간: 11월 23일 10:00에 발생할 예정; {outage}.",
        "귀가 지연": "등록된 부재가 없습니다.",
        "폭염": "마지막 측정 34.3°C, 11월 22일 23:00, pir-1; 경보 발생 중; 주의 31: 넘음; 경보 33: 넘음; 위험 35: 넘지 않음.",
        "한파": "마지막 측정 34.3°C, 11월 22일 23:00, pir-1; 주의 18: 넘지 않음; 경보 16: 넘지 않음; 위험 12: 넘지 않음.",
        "습도": "마지막 측정 40%, 11월 22일 22:55, pir-1; 주의 80: 넘지 않음.",
        "실내 온도 급강하": "마지막 측정 0°C, 11월 22일 23:00, pir-1; 주의 6: 넘지 않음.",
        "집 안 결빙": "마지막 측정 34.3°C, 11월 22일 23:00, pir-1; 위험 5: 넘지 않음.",
        "그 밖에 발생 중": "폭염 속 활동 없음 위험.",
    }
    days.feed([link_down(15 * HOUR)])
    days.until(16 * HOUR)
    english = lines_of(days, "en")
    unknown = "not to be foreseen, it cannot be observed"
    outages = (
        "not observed 22 Nov 11:00 - 22 Nov 14:00 (no connection to the broker); "
        "not observed since 23 Nov 00:00 (no connection to the broker)"
    )
    assert english[""] == f"hh-1 as the rules saw it at 23 Nov 01:00 (grade ordinary, table {version})."
    assert english["No motion"] == (
        "counts from 22 Nov 10:00, 15 h ago, 11 h of it counted (observed 73%); Caution stands; Caution 8 h: reached; "
        f"Warning 12 h: {unknown}; Danger 24 h: {unknown}; {outages}."
    )
    assert english["Cannot verify"] == (
        "counts from 22 Nov 10:00, 15 h ago, 15 h of it counted (observed 73%); "
        f"Danger 24 h: would speak at 23 Nov 10:00; {outages}."
    )
    assert english["Heat"] == (
        "the last sample is old: how it is now could not be known; last sample 34.3°C, 22 Nov 23:00, pir-1; "
        "Warning stands; Caution 31: reached; Warning 33: reached; Danger 35: not breached."
    )
    assert english["Standing besides"] == "No motion in heat Danger."


def test_an_absence_that_is_declared_is_said_with_its_end_and_a_level_that_is_overdue_speaks_now() -> None:
    away = AwayDeclared(fact_id="a", at=START + HOUR, household_id=HOME, returns_at=START + 9 * HOUR, reason="travel")
    days = Days([*home_with(Signal.MOTION), motion(0), away])
    days.until(3 * HOUR)
    assert lines_of(days, "ko")["활동 없음"] == "등록된 부재 중이라 11월 22일 18:00부터 셉니다."
    assert lines_of(days, "en")["No motion"] == "declared away; it counts from 22 Nov 18:00 on."
    waiting = Days([*home_with(Signal.MOTION), motion(0), link_down(9 * HOUR - MINUTE), link_up(9 * HOUR)])
    waiting.until(9 * HOUR + MINUTE)
    assert lines_of(waiting, "en")["No motion"].startswith(
        "just heard again: it was waiting for what had been queued; counts from 22 Nov 09:00, 9 h 1 min ago, "
    )


def test_at_the_return_time_itself_the_clocks_run_again() -> None:
    away = AwayDeclared(fact_id="a", at=START + HOUR, household_id=HOME, returns_at=START + 9 * HOUR, reason="travel")
    days = Days([*home_with(Signal.MOTION), motion(0), away])
    account = rule(seen(days, 9 * HOUR), RuleKey.MOTION)
    assert (account.since, account.elapsed, account.lacking, account.coverage) == (START + 9 * HOUR, 0, "", 1.0)
    assert [one.due for one in account.levels] == [START + 17 * HOUR, START + 21 * HOUR, START + 33 * HOUR]
