"""Proves that each finding is one sentence with its figures, in Korean first and in English."""

from __future__ import annotations

import pytest

from ingest.clock import DAY, HOUR, MINUTE
from rules.finding import LATE_DATA, Evidence, Level, RuleKey, Verb
from rules.sentence import LANGUAGES, LEVEL_WORDS, RULE_WORDS, reason, say_length

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
