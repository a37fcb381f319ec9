"""Proves that each finding is one sentence with its figures, in Korean first and in English."""

from __future__ import annotations

import pytest

from ingest.clock import DAY, HOUR, MINUTE
from rules.finding import LATE_DATA, Evidence, Level, RuleKey, Verb
from rules.observability import Blind
from rules.sentence import LANGUAGES, LEVEL_WORDS, RULE_WORDS, reason, say_cause, say_length, say_moment

NINE: int = 1_763_769_600_000
"""2025-11-22 09:00 in Seoul."""


def absent(elapsed: int, limit: int, coverage: float = 1.0) -> Evidence:
    return Evidence(since=NINE, value=float(elapsed), limit=float(limit), coverage=coverage)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_rule_and_level_has_its_word(lang: str) -> None:
    assert set(RULE_WORDS[lang]) == set(RuleKey) and set(LEVEL_WORDS[lang]) == set(Level)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("rule", list(RuleKey))
def test_every_finding_is_one_sentence(rule: RuleKey, verb: Verb, lang: str) -> None:
    said = reason(rule, Level.WARNING, absent(9 * HOUR, 8 * HOUR), NINE, lang, verb=verb)
    assert said.endswith(".") and "\n" not in said and "{" not in said
    assert any("가" <= letter <= "힣" for letter in said) is (lang == "ko")


def test_an_absence_says_how_long_and_against_which_limit() -> None:
    evidence = absent(8 * HOUR + 10 * MINUTE, 8 * HOUR)
    assert reason(RuleKey.MOTION, Level.CAUTION, evidence, NINE) == "집 안에서 8시간 10분째 움직임이 없습니다 (기준 8시간)."
    assert reason(RuleKey.MOTION, Level.CAUTION, evidence, NINE, "en") == "No motion at home for 8 h 10 min (limit 8 h)."


def test_a_window_not_wholly_observed_says_its_coverage() -> None:
    evidence = absent(10 * HOUR, 8 * HOUR, 0.8)
    assert "80%" in reason(RuleKey.MOTION, Level.CAUTION, evidence, NINE)
    assert "observed for 80%" in reason(RuleKey.MOTION, Level.CAUTION, evidence, NINE, "en")


def test_a_temperature_is_said_to_a_tenth_with_its_limit_and_dwell() -> None:
    evidence = Evidence(since=NINE, value=33.4, limit=33.0, dwell=30 * MINUTE)
    said = reason(RuleKey.HEAT, Level.WARNING, evidence, NINE)
    assert "33.4°C" in said and "33.0°C 이상" in said and "30분" in said


@pytest.mark.parametrize(("value", "limit", "side"), [(90.0, 80.0, "초과"), (15.0, 20.0, "미만")])
def test_humidity_says_on_which_side_it_is(value: float, limit: float, side: str) -> None:
    evidence = Evidence(since=NINE, value=value, limit=limit, dwell=6 * HOUR)
    assert f"{limit:.1f}% {side}" in reason(RuleKey.HUMIDITY, Level.CAUTION, evidence, NINE)


def test_undetermined_never_says_that_nobody_moved() -> None:
    said = reason(RuleKey.MOTION, Level.CAUTION, absent(9 * HOUR, 8 * HOUR, 0.5), NINE, verb=Verb.UNDETERMINED)
    assert "관측할 수 없었습니다" in said and "움직임이 없습니다" not in said and "50%" in said


def test_moments_are_said_in_seoul() -> None:
    assert "11월 22일 09:00" in reason(RuleKey.SOS, Level.DANGER, absent(0, 0), NINE)
    assert "22 Nov 09:00" in reason(RuleKey.SOS, Level.DANGER, absent(0, 0), NINE, "en")


@pytest.mark.parametrize(
    ("length", "korean", "english"),
    [
        (0, "0분", "0 min"),
        (59 * MINUTE + 59_000, "59분", "59 min"),
        (8 * HOUR, "8시간", "8 h"),
        (30 * HOUR + MINUTE, "30시간 1분", "30 h 1 min"),
        (3 * DAY + 4 * HOUR + 5 * MINUTE, "3일 4시간", "3 d 4 h"),
    ],
)
def test_a_length_is_said_to_the_minute(length: int, korean: str, english: str) -> None:
    assert (say_length(length), say_length(length, "en")) == (korean, english)


def test_what_late_data_withdraws_says_that_it_never_held() -> None:
    late = Evidence(since=NINE, withdrawn=LATE_DATA)
    assert reason(RuleKey.MOTION, Level.CAUTION, late, NINE, verb=Verb.CLEARED) == (
        "늦게 도착한 자료로 활동 없음 판정이 사실이 아니었음이 확인되어 11월 22일 09:00에 철회했습니다."
    )
    assert "withdrawn" in reason(RuleKey.MOTION, Level.CAUTION, late, NINE, "en", verb=Verb.CLEARED)


@pytest.mark.parametrize(
    ("rule", "verb", "evidence", "korean", "english"),
    [
        (
            RuleKey.HEAT,
            Verb.CLEARED,
            Evidence(since=NINE),
            "폭염 상태가 11월 22일 09:00에 풀렸습니다.",
            "Heat: no longer so since 22 Nov 09:00.",
        ),
        (
            RuleKey.MOTION,
            Verb.CLEARED,
            Evidence(since=NINE, withdrawn=LATE_DATA),
            "늦게 도착한 자료로 활동 없음 판정이 사실이 아니었음이 확인되어 11월 22일 09:00에 철회했습니다.",
            "No motion: withdrawn at 22 Nov 09:00, late data shows that it did not hold.",
        ),
        (
            RuleKey.MOTION,
            Verb.ALIVE,
            Evidence(since=NINE),
            "11월 22일 09:00까지 두 차례 기척이 있었습니다.",
            "Two signs of life by 22 Nov 09:00.",
        ),
        (
            RuleKey.HUMIDITY,
            Verb.UNDETERMINED,
            Evidence(since=NINE, value=15.04, limit=20.0),
            "센서가 15.0%를 마지막으로 알린 뒤 응답이 없어 그 뒤는 관측할 수 없었습니다.",
            "The sensor has said nothing since 15.0%; whether it still holds could not be observed.",
        ),
        (
            RuleKey.FROZEN,
            Verb.UNDETERMINED,
            Evidence(since=NINE, value=1.25, limit=5.0),
            "센서가 1.2°C를 마지막으로 알린 뒤 응답이 없어 그 뒤는 관측할 수 없었습니다.",
            "The sensor has said nothing since 1.2°C; whether it still holds could not be observed.",
        ),
        (
            RuleKey.MOTION,
            Verb.UNDETERMINED,
            absent(9 * HOUR, 8 * HOUR, 0.5),
            "9시간째 확인되지 않아 경보 기준 8시간을 넘겼으나 그동안 집을 관측할 수 없었습니다 (관측 50%).",
            "9 h without a sign of life, past the limit of 8 h (warning), but the home could not be observed; "
            "it was for 50% of that time.",
        ),
        (
            RuleKey.CALL,
            Verb.RAISED,
            Evidence(since=NINE, value=80.0 * HOUR, limit=72.0 * HOUR, coverage=0.99, blind=Blind.GATEWAY),
            "3일 8시간째 받거나 건 전화가 없습니다 (기준 3일) (그중 99%만 관측, 댁내 게이트웨이 연결 끊김).",
            "No call answered or dialled for 3 d 8 h (limit 3 d); the home was observed for 99% of it "
            "(the home's gateway was offline).",
        ),
        (
            RuleKey.CALL,
            Verb.RAISED,
            Evidence(since=NINE, value=80.0 * HOUR, limit=72.0 * HOUR, coverage=0.995),
            "3일 8시간째 받거나 건 전화가 없습니다 (기준 3일).",
            "No call answered or dialled for 3 d 8 h (limit 3 d).",
        ),
        (
            RuleKey.CANNOT_VERIFY,
            Verb.RAISED,
            absent(24 * HOUR, 24 * HOUR, 0.25),
            "11월 22일 09:00 이후 24시간째 안부를 확인할 수 없습니다 (기준 24시간) (그중 25%만 관측).",
            "No sign of life since 22 Nov 09:00, 24 h ago (limit 24 h); the home was observed for 25% of it.",
        ),
        (
            RuleKey.PERSONAL,
            Verb.RAISED,
            Evidence(since=NINE, value=5.0 * HOUR + 40 * MINUTE, limit=4.0 * HOUR, usual=2 * HOUR + 10 * MINUTE),
            "평소 이 시간대 무활동은 길어야 2시간 10분인데 5시간 40분째입니다.",
            "At this time of day the home is usually still for 2 h 10 min at most, now for 5 h 40 min.",
        ),
        (
            RuleKey.PERSONAL,
            Verb.RAISED,
            Evidence(since=NINE, value=5.0 * HOUR, limit=4.0 * HOUR),
            "집 안에서 5시간째 움직임이 없습니다 (이 시간대 다른 가구의 기준 4시간).",
            "No motion at home for 5 h (limit of other homes at this time of day 4 h).",
        ),
        (
            RuleKey.HEAT,
            Verb.RAISED,
            Evidence(since=NINE, value=33.0, limit=33.0, dwell=30 * MINUTE),
            "실내 온도(체감 포함)가 33.0°C로, 33.0°C 이상인 상태가 30분 이상 이어졌습니다.",
            "Indoor temperature (air or felt) is 33.0°C, at or above 33.0°C for 30 min or more.",
        ),
        (
            RuleKey.COLD,
            Verb.RAISED,
            Evidence(since=NINE, value=11.94, limit=12.0, dwell=2 * HOUR),
            "실내 온도가 11.9°C로, 12.0°C 미만인 상태가 2시간 이상 이어졌습니다.",
            "Indoor temperature is 11.9°C, below 12.0°C for 2 h or more.",
        ),
        (
            RuleKey.HUMIDITY,
            Verb.RAISED,
            Evidence(since=NINE, value=90.0, limit=80.0, dwell=6 * HOUR),
            "실내 습도가 90.0%로, 80.0% 초과인 상태가 6시간 이상 이어졌습니다.",
            "Indoor humidity is 90.0%, above 80.0% for 6 h or more.",
        ),
        (
            RuleKey.DEVICE_BATTERY,
            Verb.RAISED,
            Evidence(since=NINE, value=18.6, limit=20.0),
            "배터리가 19% 남았습니다 (기준 20% 미만).",
            "The battery is at 19% (limit 20%).",
        ),
        (
            RuleKey.SMOKE,
            Verb.RAISED,
            Evidence(since=NINE),
            "11월 22일 09:00에 연기가 감지되었습니다.",
            "Smoke was detected at 22 Nov 09:00.",
        ),
    ],
)
def test_what_happened_to_a_finding_is_said_in_one_sentence(
    rule: RuleKey, verb: Verb, evidence: Evidence, korean: str, english: str
) -> None:
    assert reason(rule, Level.WARNING, evidence, NINE, verb=verb) == korean
    assert reason(rule, Level.WARNING, evidence, NINE, "en", verb=verb) == english


def test_why_a_home_could_not_be_observed_is_said_in_korean_first() -> None:
    assert (say_cause(Blind.SENSOR), say_cause(Blind.SENSOR, "en")) == (
        "센서 응답 없음 또는 이상",
        "the sensor was silent or cannot be believed",
    )
    assert (say_cause(""), say_cause("", "en")) == ("", "")


def test_a_language_that_is_not_known_is_answered_in_korean() -> None:
    assert reason(RuleKey.SOS, Level.DANGER, Evidence(since=NINE), NINE, "fr") == "11월 22일 09:00에 응급 호출 단추가 눌렸습니다."
    assert (say_cause(Blind.BROKER, "fr"), say_moment(NINE, "fr")) == ("메시지 서버 연결 끊김", "11월 22일 09:00")
    assert say_length(HOUR, "fr") == "1시간"


@pytest.mark.parametrize(
    ("length", "korean"),
    [(-HOUR, "0분"), (HOUR, "1시간"), (2 * DAY, "2일"), (2 * DAY - MINUTE, "47시간 59분"), (5 * DAY + HOUR, "5일 1시간")],
)
def test_a_length_is_said_in_hours_up_to_two_days(length: int, korean: str) -> None:
    assert say_length(length) == korean
