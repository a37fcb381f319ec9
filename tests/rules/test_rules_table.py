"""Proves that the default table is the documented one, and that a wrong file is refused whole with every wrong line named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.clock import DAY, HOUR, MINUTE, SECOND
from rules.lengths import parse_length, write_length
from rules.table import DEFAULT, Channel, Grade, RulesWrong, load_table, read_table

TEXT = DEFAULT.read_text(encoding="utf-8")


def problems(old: str, new: str) -> tuple[str, ...]:
    assert old in TEXT
    with pytest.raises(RulesWrong) as caught:
        read_table(TEXT.replace(old, new, 1), "site.toml")
    assert "site.toml" in str(caught.value)
    return caught.value.lines("en")


@pytest.mark.parametrize("grade", list(Grade))
def test_the_absences_are_the_documented_ones_for_everybody(grade: Grade) -> None:
    limits = load_table(None).profile(grade).absence
    assert limits.motion == (8 * HOUR, 12 * HOUR, 24 * HOUR)
    assert limits.call == (3 * DAY, 4 * DAY, 5 * DAY)
    assert limits.phone == (12 * HOUR, 24 * HOUR, 48 * HOUR)
    assert limits.cannot_verify == (None, None, 24 * HOUR)
    assert limits.cannot_verify_excused == (None, 24 * HOUR, 48 * HOUR)
    assert limits.away == (2 * HOUR, 6 * HOUR, 12 * HOUR)


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (Channel.HEAT, [(31.0, 30 * MINUTE), (33.0, 30 * MINUTE), (35.0, 10 * MINUTE)]),
        (Channel.COLD, [(18.0, 2 * HOUR), (16.0, HOUR), (12.0, 30 * MINUTE)]),
        (Channel.DRY, [(20.0, 6 * HOUR), None, None]),
        (Channel.DAMP, [(80.0, 6 * HOUR), None, None]),
    ],
)
def test_the_thresholds_are_the_documented_ones(channel: Channel, expected: list[tuple[float, int] | None]) -> None:
    levels = load_table(None).thresholds[channel].levels
    assert [None if one is None else (one.raise_at, one.dwell) for one in levels] == expected


def test_the_other_figures_are_the_documented_ones() -> None:
    table = load_table(None)
    assert (table.door_gap, table.humidity_max_age, table.longest_away) == (90 * SECOND, 30 * MINUTE, 14 * DAY)
    assert (table.dwell_tolerance, table.gap_reports) == (0.1, 2)
    device = table.device
    assert (device.missed_reports, device.battery_caution, device.battery_warning) == (3, 20.0, 5.0)
    assert device.not_commissioned == HOUR


def test_the_version_changes_with_the_content(tmp_path: Path) -> None:
    other = tmp_path / "site.toml"
    other.write_text(TEXT.replace("33.0", "32.5"), encoding="utf-8")
    first, second = load_table(None).version, load_table(other).version
    assert first != second and first.startswith("default-1+")


def test_every_wrong_line_is_named_in_one_error() -> None:
    wrong = TEXT.replace('caution = "8 h"', 'caution = "8 hours"').replace("raise_at = 33.0", 'raise_at = "hot"')
    with pytest.raises(RulesWrong) as caught:
        read_table(wrong.replace("missed_reports = 3", "missed_reports = 0"))
    places = [TEXT.splitlines().index(line) + 1 for line in TEXT.splitlines() if "33.0" in line or 'caution = "8 h"' in line]
    said = "\n".join(caught.value.lines("en"))
    assert all(f"line {place}:" in said for place in places) and "device.missed_reports is 0" in said


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('caution = "8 h"', "caution = 8", 'a length such as "30 min", "8 h" or "3 d"'),
        ('caution = "8 h"', 'caution = "0 h"', "not above 0"),
        ('caution = "8 h"', 'caution = "13 h"', "graver levels need longer limits"),
        ("raise_at = 33.0", "raise_at = 30.5", "graver levels need graver limits"),
        ("clear_at = 30.0", "clear_at = 31.5", "must lie below raise_at"),
        ("clear_at = 19.0", "clear_at = 17.0", "must lie above raise_at"),
        ("factor = 1.0", "factor = 1.5", "a number from 0.05 to 1"),
        ("factor = 1.0", 'factor = 1.0\n[grade.high.motion]\ncaution = "9 h"', "may only shorten"),
        ('breach = "below"', 'breach = "under"', 'one of "at_or_above", "above", "below"'),
        ('kind = "absence"', 'kind = "trend"', 'one of "absence"'),
        ("gap_reports = 2", "gap_report = 2", "is not a setting this version knows"),
        ("[away] ", "[afar] ", "is not a section this version knows"),
        ("battery_clear = 25.0", "battery_clear = 15.0", "must lie above battery_caution"),
        ('version = "default-1"', 'version = "Mine!"', "must be a word of"),
        ("[heat] ", "[heat ", "not TOML"),
        ("dwell_tolerance = 0.1", "dwell_tolerance = true", "a number from 0 to 0.5"),
        ("used = true", 'used = "yes"', "true or false"),
        ("alert_rate = 0.02", "alert_rate = 0.2", "must not lie above check_rate"),
        ("alert_rate = 0.02", "alert_rate = 1.5", "personal.alert_rate is 1.5, it needs a number from 0.0001 to 1"),
        ("check_rate = 0.05", "check_rate = 1.5", "personal.check_rate is 1.5, it needs a number from 0.0001 to 1"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(old: str, new: str, what: str) -> None:
    assert any(what in problem for problem in problems(old, new))


def test_a_grade_may_shorten_one_limit() -> None:
    text = TEXT.replace("factor = 1.0", 'factor = 1.0\n[grade.high.motion]\ncaution = "6 h"', 1)
    table = read_table(text)
    assert table.profile(Grade.HIGH).absence.motion == (6 * HOUR, 12 * HOUR, 24 * HOUR)
    assert table.profile(Grade.ORDINARY).absence.motion[0] == 8 * HOUR


@pytest.mark.parametrize(
    ("text", "length"), [("90 s", 90 * SECOND), ("30 min", 30 * MINUTE), ("8 h", 8 * HOUR), ("3 d", 3 * DAY)]
)
def test_a_length_reads_as_it_is_written(text: str, length: int) -> None:
    assert parse_length(text) == length
    assert parse_length(write_length(length)) == length


@pytest.mark.parametrize("text", ["8", "8 hours", "-1 h", "0 s", "h", ""])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"length|above 0"):
        parse_length(text)


def test_a_length_without_a_whole_unit_is_written_in_seconds() -> None:
    assert (write_length(500), write_length(90 * SECOND), write_length(36 * HOUR)) == ("0.5 s", "90 s", "36 h")
    assert parse_length(write_length(1_500)) == 1_500
    assert parse_length("0.001 s") == 1


WRONG = [
    ('version = "default-1"', 'version = "Mine!"'),
    ("raise_at = 33.0", "raise_at = 30.5"),
    ("clear_at = 30.0", "clear_at = 31.5"),
    ("clear_at = 19.0", "clear_at = 17.0"),
    ("raise_at = 12.0", "raise_at = 17.0"),
    ('breach = "above"\ncaution', 'breach = "above"\nwarn'),
    ("dwell_tolerance = 0.1", "dwell_tolerance = true"),
    ("gap_reports = 2", "gap_report = 2"),
    ('kind = "absence"', 'kind = "trend"'),
    ('caution = "8 h"', "caution = 8"),
    ("used = true", 'used = "yes"'),
    ("alert_rate = 0.02", "alert_rate = 0.2"),
    ('signal = "call"', 'signal = "door"'),
    ('caution = "3 d"', 'caution = "0 h"'),
    ('caution = "12 h"', 'caution = "25 h"'),
    ('danger = "48 h"', ""),
    ('signal = "phone"', 'signal = "phone"\nactive = "7-22"'),
    ("[life]", "[extra]\nx = 1\n[life]"),
    ("past_days = 20", "past_days = 2000"),
    ("quiet_days = 7", "quiet_days = 6"),
    ("q = 0.05", "q = 2"),
    ("battery_clear = 25.0", "battery_clear = 15.0"),
    ("link_clear = 12.0", "link_clear = 7.0"),
    ("rejections = 10", "rejections = 0"),
    ("factor = 1.0", 'factor = 1.5\n[grade.high.motion]\ncaution = "9 h"'),
    (
        "[season.heatwave]",
        '[season.heatwave.heat]\ncaution = { raise_at = 32.0, clear_at = 29.0, dwell = "30 min" }\n[season.heatwave]',
    ),
    ("[season.heatwave]", '[season.heatwave]\nfrom = "01-01"\nuntil = "12-31"'),
    ("[season.coldwave]", '[season.coldwave]\nfrom = "11-31"'),
]
REFUSED = """
version must be a word of a-z, 0-9, "-" and ".", such as "default-1"
heat graver levels need graver limits
heat.caution.clear_at must lie below raise_at, or the finding flutters
heat.warning.clear_at must lie below raise_at, or the finding flutters
cold graver levels need graver limits
cold.caution.clear_at must lie above raise_at, or the finding flutters
cold.danger.clear_at must lie above raise_at, or the finding flutters
damp needs a level: caution, warning or danger
damp.warn is not a section this version knows
samples.gap_reports is missing: it needs a whole number from 1 on
samples.dwell_tolerance is True, it needs a number from 0 to 0.5
samples.gap_report is not a setting this version knows
motion.kind is 'trend', it needs one of "absence"
motion.caution is 8, it needs a length such as "30 min", "8 h" or "3 d"
personal.used is 'yes', it needs true or false
personal.alert_rate must not lie above check_rate: the graver level speaks more rarely
call.signal is 'door', it needs one of "call"
call.caution '0 h' is not above 0
phone graver levels need longer limits
phone.danger is missing: every absence ends in danger
phone.active '7-22' are not hours such as "07:00-22:00"
extra is not a section this version knows
trend.q is 2, it needs a number from 0 to 0.5
trend.quiet_days must be 7 or more: at most one note a household a week
trend.past_days must be at most 28, and recent_days at most 7
device.battery_clear must lie above battery_caution, and that above battery_warning
device.link_clear must lie above link_weak
device.rejections is 0, it needs a whole number from 1 on
grade.high.factor is 1.5, it needs a number from 0.05 to 1
grade.high.motion.caution may only shorten the limit of everybody
season.heatwave.heat.caution may only be more careful than the limit of everybody
season.heatwave.until leaves no day outside the season: such limits are those of everybody
season.coldwave.from '11-31' is not a day of every year such as "07-20"
season.coldwave.from from and until go together (such as "07-20")
"""

KOREAN = """
version a-z, 0-9, "-", "."로 된 이름이어야 합니다(예: "default-1")
heat 더 무거운 단계는 기준도 더 무거워야 합니다
heat.caution.clear_at raise_at보다 낮아야 합니다: 아니면 판정이 되풀이됩니다
heat.warning.clear_at raise_at보다 낮아야 합니다: 아니면 판정이 되풀이됩니다
cold 더 무거운 단계는 기준도 더 무거워야 합니다
cold.caution.clear_at raise_at보다 높아야 합니다: 아니면 판정이 되풀이됩니다
cold.danger.clear_at raise_at보다 높아야 합니다: 아니면 판정이 되풀이됩니다
damp 단계가 있어야 합니다: caution, warning, danger 중 하나
damp.warn 이 버전이 모르는 항목 묶음입니다
samples.gap_reports 값이 없습니다. 맞는 값: 1 이상의 정수
samples.dwell_tolerance 값이 True입니다. 맞는 값: 0부터 0.5까지의 수
samples.gap_report 이 버전이 모르는 항목입니다
motion.kind 값이 'trend'입니다. 맞는 값: "absence" 중 하나
motion.caution 값이 8입니다. 맞는 값: "30 min", "8 h", "3 d" 같은 길이
personal.used 값이 'yes'입니다. 맞는 값: true 또는 false
personal.alert_rate check_rate보다 클 수 없습니다: 더 무거운 단계는 더 드물게 알립니다
call.signal 값이 'door'입니다. 맞는 값: "call" 중 하나
call.caution '0 h': 0보다 길어야 합니다
phone 더 무거운 단계는 더 길어야 합니다
phone.danger 값이 없습니다: 모든 무소식은 위험으로 끝나야 합니다
phone.active '7-22': "07:00-22:00" 같은 시간대여야 합니다
extra 이 버전이 모르는 항목 묶음입니다
trend.q 값이 2입니다. 맞는 값: 0부터 0.5까지의 수
trend.quiet_days 7 이상이어야 합니다: 한 가구에 일주일에 한 번까지입니다
trend.past_days 28 이하, recent_days는 7 이하여야 합니다
device.battery_clear battery_caution보다, battery_caution은 battery_warning보다 커야 합니다
device.link_clear link_weak보다 커야 합니다
device.rejections 값이 0입니다. 맞는 값: 1 이상의 정수
grade.high.factor 값이 1.5입니다. 맞는 값: 0.05부터 1까지의 수
grade.high.motion.caution 모두의 기준을 줄일 수만 있습니다
season.heatwave.heat.caution 모두의 기준보다 더 조심스러워야 합니다
season.heatwave.until 계절 밖의 날이 없습니다: 그런 기준은 모두의 기준입니다
season.coldwave.from '11-31': "07-20" 같은 매년의 날짜여야 합니다
season.coldwave.from from과 until은 함께 씁니다(예: "07-20")
"""


def test_a_file_that_is_wrong_all_over_is_refused_with_every_place_its_line_and_what_would_be_right() -> None:
    text = TEXT
    for old, new in WRONG:
        assert old in text, old
        text = text.replace(old, new, 1)
    with pytest.raises(RulesWrong) as caught:
        read_table(text, "site.toml")
    said = [re.fullmatch(r"line (\d+): (.*)", problem) for problem in caught.value.lines("en")]
    assert [found and found[2] for found in said] == REFUSED.strip().splitlines()
    assert str(caught.value) == "site.toml is refused:\n" + "\n".join(caught.value.lines("en"))
    assert [line.split(": ", 1)[1] for line in caught.value.lines("ko")] == KOREAN.strip().splitlines()
    for found in said:
        assert found is not None
        line, place = text.splitlines()[int(found[1]) - 1], found[2].split(" ")[0]
        # The value's own line, or where it is missing that of its section.
        assert any(part in line for part in (place.rpartition(".")[2], place, place.rpartition(".")[0] or place)), found[0]


def test_a_grade_or_season_without_a_factor_leaves_the_limits_as_they_are() -> None:
    table = read_table("\n".join(line for line in TEXT.splitlines() if not line.startswith("factor = ")))
    assert all(table.grades[grade].factor == 1.0 for grade in Grade) and table.profile(Grade.HIGH).absence == table.everybody


def test_two_limits_of_a_device_that_are_one_are_refused_and_the_least_number_is_a_number() -> None:
    assert problems("link_clear = 12.0", "link_clear = 8.0") != ()
    assert problems("battery_clear = 25.0", "battery_clear = 20.0") != ()
    assert read_table(TEXT.replace("dwell_tolerance = 0.1", "dwell_tolerance = 0.0", 1)).dwell_tolerance == 0.0
