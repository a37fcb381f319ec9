"""Proves that the account of a home says what the rules counted, what they lacked, and when they would speak, to the moment."""

from __future__ import annotations

import pytest
from msgspec import json

from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.facts import AwayDeclared
from ingest.reading import HouseholdId, Signal
from rules.engine import STEP
from rules.explain_words import explain_lines
from rules.finding import Level, RuleKey, Verb
from rules.limits import OwnLimit
from rules.observability import Blind
from rules.seen import HomeSeen, RuleSeen
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
    raised,
    reading,
    rejection,
    resolved,
    without_personal,
)
from tests.rules.test_rules_limits import applied, declared, own

TEXT = without_personal()


def seen(days: Days, at: Millis) -> HomeSeen:
    """The account at this moment."""
    days.until(at)
    return days.engine.explain(HouseholdId(HOME))


def rule(account: HomeSeen, key: RuleKey, name: str | None = None) -> RuleSeen:
    """The rule's entry, over this device where one is named."""
    return next(one for one in account.rules if one.rule is key and name in (None, one.device_id))


def line(account: HomeSeen, start: str, lang: str = "ko") -> str:
    return next(one for one in explain_lines(account, lang) if one.startswith(start))


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


def test_what_came_since_the_last_grid_point_has_lasted_for_no_time_and_is_no_declared_absence() -> None:
    stands = [*home_with(Signal.MOTION, Signal.TEMPERATURE, interval_s=600), device("ph-1", Signal.CALL)]
    days = Days([*stands, motion(0), reading(0, Signal.TEMPERATURE, 22.0), motion(3 * HOUR + 3 * SECOND)])
    days.feed([reading(3 * HOUR + 4 * SECOND, Signal.TEMPERATURE, 32.0)])
    account = days.engine.explain(HouseholdId(HOME))
    moved = rule(account, RuleKey.MOTION)
    assert account.at == START + 3 * HOUR and (moved.since, moved.lacking) == (START + 3 * HOUR + 3 * SECOND, "")
    assert [one.due for one in moved.levels] == [START + hours * HOUR + 3 * SECOND for hours in (11, 15, 27)]
    assert rule(account, RuleKey.COLD_INACTIVE).lacking == "needs_cold"
    assert min(min(one.elapsed, one.observed) for one in account.rules) == 0
    assert "0분, 그중 0분을 셈 (관측 100%)" in line(account, "활동 없음")


def test_just_after_an_outage_it_says_that_it_waits_for_the_backlog() -> None:
    hot = [reading(at * MINUTE, Signal.TEMPERATURE, 32.0) for at in range(0, 60, 5)]
    days = Days([*home_with(Signal.MOTION, Signal.TEMPERATURE), motion(0), *hot, link_down(HOUR), link_up(9 * HOUR)])
    account = seen(days, 9 * HOUR + MINUTE)
    assert rule(account, RuleKey.MOTION).lacking == rule(account, RuleKey.HEAT_INACTIVE).lacking == "backlog"
    assert rule(account, RuleKey.COLD_INACTIVE).lacking == "needs_cold"


def test_a_value_is_told_with_its_sensor_and_each_level_with_its_dwell() -> None:
    warm = [reading(at * MINUTE, Signal.TEMPERATURE, 32.0) for at in range(0, 21, 5)]
    account = rule(seen(Days([*home_with(Signal.TEMPERATURE), *warm]), 20 * MINUTE + STEP), RuleKey.HEAT)
    assert (account.value, account.device_id, account.sampled_at) == (32.0, "pir-1", START + 20 * MINUTE)
    assert [(one.limit, one.reached, one.due) for one in account.levels] == [
        (31.0, False, START + 27 * MINUTE),
        (33.0, False, None),
        (35.0, False, None),
    ]
    assert account.since == START and account.elapsed == 20 * MINUTE + STEP


def test_it_names_the_table_the_season_and_that_the_home_has_limits_of_its_own() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), reading(HOUR, Signal.SOS), own(HOUR, "motion", 1, 5.0 * HOUR)])
    days.feed([applied(HOUR, TEXT), declared(HOUR, 20 * HOUR)])
    account = seen(days, 4 * HOUR)
    assert account.own_limits and account.seasons == ("heatwave",) and account.rule_version == read_table(TEXT).version
    assert rule(account, RuleKey.MOTION).levels[0].due == START + 5 * HOUR
    assert "계절 heatwave, 가구별 기준 있음" in explain_lines(account)[0]
    assert "season heatwave, limits of its own" in explain_lines(account, "en")[0]
    assert OwnLimit(rule="motion", level=1, limit=5.0 * HOUR).limit == 5.0 * HOUR


def test_the_words_say_the_figures() -> None:
    days = Days([*home_with(Signal.MOTION), motion(HOUR), link_down(2 * HOUR), link_up(5 * HOUR)])
    line = next(one for one in explain_lines(seen(days, 14 * HOUR)) if one.startswith("활동 없음:"))
    assert "11월 22일 10:00부터 13시간, 그중 10시간을 셈 (관측 77%)" in line
    assert "주의 발생 중" in line and "주의 8시간: 넘음" in line and "경보 12시간: 11월 23일 01:00에 발생할 예정" in line
    assert "11월 22일 11:00 - 11월 22일 14:00 관측 못 함 (메시지 서버 연결 끊김)" in line
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


def test_every_rule_there_is_gives_an_account_but_those_the_desk_raises() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    told = {one.rule for one in seen(days, HOUR).rules}
    assert told == set(RuleKey) - {RuleKey.HELP, RuleKey.REPORTED, RuleKey.OUTAGE}


def test_two_rules_together_say_which_half_is_missing_and_when_both_would_stand() -> None:
    off = reading(HOUR, Signal.PHONE, 0.0, name="ph")
    days = Days([*home_with(Signal.MOTION), device("ph", Signal.PHONE), motion(0)])
    both = rule(seen(days, HOUR - MINUTE), RuleKey.MOTION_PHONE)
    assert (both.lacking, both.since, [one.due for one in both.levels]) == ("needs_both", START, [None])
    days.feed([off])
    both = rule(seen(days, 9 * HOUR), RuleKey.MOTION_PHONE)
    assert (both.lacking, both.since, both.standing) == ("needs_phone", START + HOUR, None)
    assert [(one.level, one.reached, one.due) for one in both.levels] == [(Level.DANGER, False, START + 13 * HOUR)]
    raised = [one for one in days.until(13 * HOUR) if one.rule is RuleKey.MOTION_PHONE]
    assert [(one.level, one.at) for one in raised] == [(Level.DANGER, START + 13 * HOUR)]
    both = rule(days.engine.explain(HOME), RuleKey.MOTION_PHONE)
    assert (both.lacking, both.standing, both.levels[0].reached) == ("", Level.DANGER, True)
    assert line(days.engine.explain(HOME), "활동 없음·휴대전화 꺼짐:").endswith("11월 22일 10:00부터; 위험 발생 중; 위험: 넘음.")


def test_heat_with_nobody_moving_says_since_when_and_what_it_foresees_happens() -> None:
    hot = [reading(at * 10 * MINUTE, Signal.TEMPERATURE, 31.5, name="th") for at in range(36)]
    days = Days([*home_with(Signal.MOTION), device("th", Signal.TEMPERATURE, interval_s=600), motion(0), *hot[:2]])
    account = seen(days, 20 * MINUTE)
    still = rule(account, RuleKey.HEAT_INACTIVE)
    assert (still.lacking, still.elapsed, still.levels[0].due) == ("needs_heat", 20 * MINUTE, None)
    assert line(account, "폭염 속 활동 없음:").endswith("경보 4시간: 그 규칙이 발생하면 함께 판단.")
    days.feed(hot[2:18])
    still = rule(seen(days, 3 * HOUR), RuleKey.HEAT_INACTIVE)
    assert (still.lacking, [(one.level, one.due) for one in still.levels]) == ("", [(Level.WARNING, START + 4 * HOUR)])
    days.feed(hot[18:])
    raised = [one for one in days.until(6 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE]
    assert [(one.level, one.at) for one in raised] == [(Level.WARNING, START + 4 * HOUR)]
    assert rule(days.engine.explain(HOME), RuleKey.HEAT_INACTIVE).standing is Level.WARNING
    gone = Days([*home_with(Signal.MOTION), motion(0), reading(MINUTE, Signal.DOOR)])
    assert rule(seen(gone, HOUR), RuleKey.COLD_INACTIVE).lacking == "away_inferred"


def test_motion_while_away_says_whether_anybody_moved() -> None:
    away = AwayDeclared(fact_id="a", at=START + HOUR, household_id=HOME, returns_at=START + 9 * HOUR, reason="travel")
    days = Days([*home_with(Signal.MOTION), motion(0)])
    assert rule(seen(days, HOUR - MINUTE), RuleKey.AWAY_MOTION).lacking == "not_away"
    days.feed([away])
    moved = rule(seen(days, 2 * HOUR), RuleKey.AWAY_MOTION)
    assert (moved.lacking, moved.since, moved.sampled_at) == ("nobody_moved", START + HOUR, START)
    days.feed([motion(4 * HOUR)])
    moved = rule(seen(days, 5 * HOUR), RuleKey.AWAY_MOTION)
    assert (moved.lacking, moved.standing, moved.levels[0].reached) == ("", Level.CAUTION, True)


def test_sos_says_that_none_was_heard_or_that_none_could_have_been() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    assert rule(seen(days, HOUR), RuleKey.SOS).lacking == "none_heard"
    assert line(days.engine.explain(HOME), "SOS:", "en") == (
        "SOS: no such signal has come that is not settled; Danger: would speak at once when it comes."
    )
    days.feed([link_down(HOUR)])
    deaf = rule(seen(days, 2 * HOUR), RuleKey.SMOKE)
    assert (deaf.lacking, [one.cause for one in deaf.blind]) == ("could_not_hear", [Blind.BROKER])
    days.feed([link_up(2 * HOUR), reading(3 * HOUR, Signal.SOS)])
    pressed = rule(seen(days, 3 * HOUR + MINUTE), RuleKey.SOS)
    assert (pressed.lacking, pressed.standing, pressed.since, pressed.blind) == ("", Level.DANGER, START + 3 * HOUR, ())


def test_each_device_rule_says_what_it_saw_of_each_device_and_what_it_foresees_happens() -> None:
    told = [motion(0), reading(HOUR, Signal.BATTERY, 15.0), reading(HOUR, Signal.LINK, 50.0), reading(HOUR, Signal.SIM, 4.0)]
    days = Days([enrolled(), device("pir-1", Signal.MOTION, interval_s=3600), device("th"), *told])
    account = seen(days, 2 * HOUR)
    silent = rule(account, RuleKey.DEVICE_SILENT, "pir-1")
    assert (silent.since, silent.elapsed, silent.levels[0].due) == (START + HOUR, HOUR, START + HOUR + 192 * MINUTE)
    battery = rule(account, RuleKey.DEVICE_BATTERY, "pir-1")
    assert (battery.value, [one.reached for one in battery.levels]) == (15.0, [True, False])
    assert rule(account, RuleKey.DEVICE_LINK, "pir-1").value == 50.0
    assert rule(account, RuleKey.DEVICE_SIM, "pir-1").value == 0.0
    assert rule(account, RuleKey.DEVICE_STUCK, "pir-1").since == START
    lacking = [one.lacking for one in account.rules if one.device_id == "th"]
    assert lacking == ["speaks_only", "never_told", "never_told", "", "", "", "nothing_to_stick", "never_heard", "no_card"]
    raised = [one.at for one in days.until(6 * HOUR) if one.rule is RuleKey.DEVICE_SILENT]
    assert raised == [START + HOUR + 192 * MINUTE]
    silent = rule(days.engine.explain(HOME), RuleKey.DEVICE_SILENT, "pir-1")
    assert silent.standing is Level.CAUTION and silent.levels[0].reached


def test_what_a_device_counts_is_counted_within_its_window() -> None:
    refused = [rejection(HOUR + at * MINUTE) for at in range(12)]
    days = Days([*home_with(Signal.MOTION), motion(0), *refused])
    account = seen(days, HOUR + 20 * MINUTE)
    count = rule(account, RuleKey.DEVICE_REJECTED)
    assert (count.value, count.standing, count.sampled_at) == (12.0, Level.CAUTION, START + HOUR + 11 * MINUTE)
    assert line(account, "pir-1 읽을 수 없는 값:").endswith("지금 12건, 마지막 11월 22일 10:11; 주의 발생 중; 주의 10건: 넘음.")
    assert rule(seen(days, 3 * HOUR), RuleKey.DEVICE_REJECTED).value == 0.0


def test_a_stuck_sensor_a_changed_card_and_a_wrong_clock_are_told_with_their_figures() -> None:
    paced = [motion(at * MINUTE) for at in range(0, 7 * 60)]
    cards = [reading(HOUR, Signal.SIM, 4.0, name="ph"), reading(2 * HOUR, Signal.SIM, 5.0, name="ph")]
    old = [reading(at * MINUTE - 5 * MINUTE, Signal.LIGHT, 9.0, name="li", received=at * MINUTE) for at in range(5, 130)]
    days = Days([*home_with(Signal.MOTION), device("ph", Signal.PHONE), device("li"), *paced, *cards, *old])
    account = seen(days, 7 * HOUR)
    stuck = rule(account, RuleKey.DEVICE_STUCK, "pir-1")
    assert (stuck.standing, stuck.since, stuck.elapsed) == (Level.CAUTION, START, 7 * HOUR - MINUTE)
    assert "now changed; Caution stands" in line(account, "ph SIM", "en")
    assert rule(account, RuleKey.DEVICE_DRIFT, "li").value == 5.0 * MINUTE
    assert "지금 5분; 주의 발생 중; 주의 2분: 넘음" in line(account, "li 기기 시각 어긋남")


def test_a_home_never_heard_says_when_that_becomes_a_ticket_and_a_blind_one_that_it_cannot_be_foreseen() -> None:
    days = Days([enrolled(), device("pir-1", Signal.MOTION, interval_s=3600)])
    unheard = rule(seen(days, 10 * MINUTE), RuleKey.NOT_COMMISSIONED)
    assert (unheard.since, unheard.elapsed, unheard.levels[0].due) == (START, 10 * MINUTE, START + HOUR)
    assert rule(days.engine.explain(HOME), RuleKey.DEVICE_SILENT).lacking == "never_heard"
    days.feed([motion(20 * MINUTE), link_down(HOUR)])
    account = seen(days, 2 * HOUR)
    assert rule(account, RuleKey.NOT_COMMISSIONED).lacking == "heard"
    assert rule(account, RuleKey.DEVICE_SILENT).lacking == "could_not_hear"


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
    days.until(14 * HOUR + STEP)
    version = days.engine.table.version
    outage = "11월 22일 11:00 - 11월 22일 14:00 관측 못 함 (메시지 서버 연결 끊김)"
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
        "활동 없음·휴대전화 꺼짐": "휴대전화 꺼짐이 발생하지 않았습니다; 11월 22일 11:00부터; "
        "위험: 11월 23일 02:00에 발생할 예정.",
        "폭염 속 활동 없음": "11월 22일 10:00부터 13시간, 그중 10시간을 셈 (관측 77%); "
        f"위험 발생 중; 위험 4시간: 넘음; {outage}.",
        "추위 속 활동 없음": "한파가 발생하지 않았습니다; 11월 22일 10:00부터 13시간, 그중 10시간을 셈 (관측 77%); "
        f"경보 4시간: 그 규칙이 발생하면 함께 판단; {outage}.",
        "부재 중 움직임": "등록된 부재가 없습니다.",
        "응급 호출": "처리할 신호가 온 적이 없습니다; 위험: 그때 바로 발생.",
        "연기 감지": "처리할 신호가 온 적이 없습니다; 위험: 그때 바로 발생.",
        "가스 감지": "처리할 신호가 온 적이 없습니다; 위험: 그때 바로 발생.",
        "미개통": "측정값이 온 적이 있어 개통된 가구입니다.",
        "pir-1 기기 응답 없음": "일이 있을 때만 보내는 기기라 세지 않습니다.",
        "pir-1 배터리 부족": "기기가 알린 적이 없습니다; 주의 20%: 넘지 않음; 경보 5%: 넘지 않음.",
        "pir-1 무선 신호 약함": "기기가 알린 적이 없습니다; 주의 8%: 넘지 않음.",
        "pir-1 기기 시각 오류": "지금 0건; 주의 3건: 넘지 않음.",
        "pir-1 읽을 수 없는 값": "지금 0건; 주의 10건: 넘지 않음.",
        "pir-1 기기 번호 중복": "지금 0건; 주의 3건: 넘지 않음.",
        "pir-1 센서 고착": "11월 22일 10:00부터 0분, 그중 0분을 셈 (관측 100%); 주의 12시간: 넘지 않음.",
        "pir-1 기기 시각 어긋남": "지금 0분; 주의 2분: 넘지 않음.",
        "pir-1 유심·번호 변경": "유심을 알리는 기기가 아닙니다.",
    }
    days.feed([link_down(15 * HOUR)])
    days.until(16 * HOUR)
    english = lines_of(days, "en")
    unknown = "not to be foreseen, it cannot be observed"
    outages = (
        "not observed 22 Nov 11:00 - 22 Nov 14:00 (no connection to the message broker); "
        "not observed since 23 Nov 00:00 (no connection to the message broker)"
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
        f"Warning stands; Caution 31: reached; Warning 33: reached; Danger 35: {unknown}; "
        "not observed since 23 Nov 00:00 (no connection to the message broker)."
    )
    deaf = "it cannot be observed now: a signal would not have been heard; Danger: would speak at once when it comes"
    assert english["Smoke"] == f"{deaf}; not observed since 23 Nov 00:00 (no connection to the message broker)."
    assert english["No motion, phone off"] == (
        "phone off does not stand; since 22 Nov 11:00; Warning: to be judged when that stands."
    )
    assert english["No motion in cold"].startswith("cold does not stand; counts from 22 Nov 10:00, 15 h ago, 11 h of it counted")
    assert english["pir-1 Weak radio link"] == "the device has never told it; Caution 8%: not breached."
    assert english["pir-1 Unreadable values"] == "now 0 messages; Caution 10 messages: not breached."
    assert english["pir-1 Device clock wrong"] == "now 0 readings; Caution 3 readings: not breached."
    assert english["pir-1 Device clock drifts"] == "now 0 min; Caution 2 min: not breached."
    assert english["pir-1 SIM or number changed"] == "the device does not tell of a SIM card."


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


def test_after_a_check_that_ended_without_a_sign_of_life_it_counts_from_there_as_the_rule_does() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([resolved(9 * HOUR, "device_fault", RuleKey.MOTION)])
    account = rule(seen(days, 10 * HOUR), RuleKey.MOTION)
    assert account.since == START + 9 * HOUR and account.elapsed == HOUR
    assert {one.level: one.due for one in account.levels}[Level.CAUTION] == START + 17 * HOUR
    assert raised(days.until(18 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 17 * HOUR)]


def test_what_was_blind_is_no_part_of_what_a_device_rule_or_a_new_home_was_observed() -> None:
    days = Days([enrolled(), device("pir-1", Signal.MOTION, interval_s=3600), link_down(10 * MINUTE), link_up(20 * MINUTE)])
    unheard = rule(seen(days, 30 * MINUTE), RuleKey.NOT_COMMISSIONED)
    assert (unheard.since, unheard.elapsed, unheard.observed) == (START, 30 * MINUTE, 20 * MINUTE)
    assert unheard.levels[0].due == START + 70 * MINUTE
    days.feed([motion(40 * MINUTE), link_down(50 * MINUTE), link_up(55 * MINUTE)])
    account = seen(days, HOUR)
    assert rule(account, RuleKey.NOT_COMMISSIONED).since == START + 40 * MINUTE
    silent = rule(account, RuleKey.DEVICE_SILENT)
    assert (silent.since, silent.elapsed, silent.observed) == (START + 40 * MINUTE, 20 * MINUTE, 15 * MINUTE)


def test_a_short_outage_since_a_sample_is_named_only_once_the_sample_is_too_old_to_go_by() -> None:
    days = Days([*home_with(Signal.TEMPERATURE), reading(10 * MINUTE, Signal.TEMPERATURE, 32.0)])
    days.feed([link_down(11 * MINUTE), link_up(12 * MINUTE)])
    account = rule(seen(days, 13 * MINUTE), RuleKey.HEAT)
    assert (account.lacking, account.blind) == ("", ())
    account = rule(seen(days, HOUR), RuleKey.HEAT)
    assert account.lacking == "stale"
    assert [(one.since - START, one.until) for one in account.blind] == [(11 * MINUTE, START + 12 * MINUTE)]


def test_what_cannot_be_foreseen_and_what_came_last_are_said_in_both_languages() -> None:
    warm = [reading(at * MINUTE, Signal.TEMPERATURE, 32.0, name="th") for at in (0, 10)]
    refused = [rejection(HOUR), rejection(HOUR + MINUTE)]
    stands = [*home_with(Signal.MOTION), device("th", Signal.TEMPERATURE)]
    days = Days([*stands, motion(0), *warm, *refused, link_down(HOUR + 2 * MINUTE)])
    days.until(HOUR + 30 * MINUTE)
    ko, en = lines_of(days, "ko"), lines_of(days, "en")
    assert ko["활동 없음"].split("; ")[1:4] == [
        "주의 8시간: 관측할 수 없어 예정 시각 없음",
        "경보 12시간: 관측할 수 없어 예정 시각 없음",
        "위험 24시간: 관측할 수 없어 예정 시각 없음",
    ]
    assert ko["폭염"].split("; ")[2:5] == [
        "주의 31: 관측할 수 없어 예정 시각 없음",
        "경보 33: 관측할 수 없어 예정 시각 없음",
        "위험 35: 관측할 수 없어 예정 시각 없음",
    ]
    assert en["pir-1 Unreadable values"] == "now 2 messages, the last at 22 Nov 10:01; Caution 10 messages: not breached."
    assert ko["pir-1 읽을 수 없는 값"] == "지금 2건, 마지막 11월 22일 10:01; 주의 10건: 넘지 않음."


def test_a_value_that_rounds_to_nothing_is_told_without_a_sign() -> None:
    days = Days([*home_with(Signal.TEMPERATURE), reading(MINUTE, Signal.TEMPERATURE, -0.04)])
    account = seen(days, 2 * MINUTE)
    assert str(rule(account, RuleKey.COLD).value) == "0.0"


def test_a_sensor_that_fell_silent_and_a_gateway_that_was_lost_are_named_where_they_kept_something_from_us() -> None:
    beats = [reading(at * MINUTE, Signal.HEARTBEAT) for at in range(0, 61, 10)]
    stands = [*home_with(Signal.MOTION, interval_s=600), device("th", Signal.TEMPERATURE, interval_s=600)]
    stands += [device("gw", Signal.STATUS)]
    lost = [reading(40 * MINUTE, Signal.STATUS, 0.0, name="gw"), reading(45 * MINUTE, Signal.STATUS, 1.0, name="gw")]
    days = Days([*stands, *beats, reading(10 * MINUTE, Signal.TEMPERATURE, 32.0, name="th"), *lost])
    account = seen(days, 70 * MINUTE)
    silent = rule(account, RuleKey.DEVICE_SILENT, "pir-1")
    assert (silent.since, silent.elapsed, silent.observed) == (START + HOUR, 10 * MINUTE, 10 * MINUTE)
    silent = rule(account, RuleKey.DEVICE_SILENT, "th")
    assert (silent.since, silent.elapsed, silent.observed) == (START + 10 * MINUTE, HOUR, 55 * MINUTE)
    heat = rule(account, RuleKey.HEAT)
    assert [(one.since - START, one.until, one.cause) for one in heat.blind] == [
        (10 * MINUTE, None, Blind.SENSOR),
        (40 * MINUTE, START + 45 * MINUTE, Blind.GATEWAY),
    ]


def test_a_new_home_has_no_ticket_before_its_hour_is_over() -> None:
    days = Days([enrolled(), device("pir-1", Signal.MOTION)])
    fresh, late = (rule(seen(days, at), RuleKey.NOT_COMMISSIONED) for at in (30 * MINUTE, 2 * HOUR))
    assert (fresh.standing, fresh.levels[0].reached) == (None, False)
    assert (late.standing, late.levels[0].reached) == (Level.CAUTION, True)


@pytest.mark.parametrize(
    ("moved", "due"),
    [(10, [22.0, 22.0, 34.0]), (2, [10.0, 22.0, 26.0]), (16, [24.0, 28.0, 40.0])],
    ids=["19:00", "11:00", "01:00"],
)
def test_outside_its_hours_a_caution_is_due_at_the_next_ones_and_a_danger_at_once(moved: int, due: list[float]) -> None:
    table = read_table(TEXT.replace("[motion]", '[motion]\nactive = "07:00-22:00"', 1))
    days = Days([*home_with(Signal.MOTION), motion(moved * HOUR)], table=table)
    account = rule(seen(days, (moved + 1) * HOUR), RuleKey.MOTION)
    assert [one.due and (one.due - START) / HOUR for one in account.levels] == due


def test_a_sensor_that_tells_humidity_alone_has_nothing_to_stick() -> None:
    days = Days([*home_with(Signal.MOTION), device("hu-1", Signal.HUMIDITY), reading(0, Signal.HUMIDITY, 40.0, name="hu-1")])
    assert rule(seen(days, HOUR), RuleKey.DEVICE_STUCK, "hu-1").lacking == "nothing_to_stick"
