"""A rule file is read value by value: a list or a text that is none is a problem with its line, and the file is refused whole."""

from __future__ import annotations

import pytest

from rules.bilingual import Words
from rules.reader import Reader, RulesWrong
from rules.table import DEFAULT, read_table

HOURS = Words("시간대", "hours")


def read(value: str) -> tuple[list[str], str]:
    """What a file with these lines says of its words and its text."""
    reader = Reader(f'[rung]\nrules = {value}\nhours = "07:00-22:00"\n', "ladder.toml")
    found = reader.words("rung", "rules", ["motion", "call"]), reader.text("rung", "hours", HOURS)
    reader.finish()
    return found


def test_words_and_texts_are_read_as_they_stand() -> None:
    assert read('["call", "motion"]') == (["call", "motion"], "07:00-22:00")


@pytest.mark.parametrize("value", ["[]", '"motion"', '["motion", "smoke"]', "[1]", "3"])
def test_what_is_no_list_of_allowed_words_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(RulesWrong, match=r'line 2: rung\.rules is .*, it needs a list of "motion", "call"'):
        read(value)


@pytest.mark.parametrize(("line", "said"), [("hours = 7", "line 2: rung.hours is 7, it needs hours"), ("", "is missing")])
def test_what_is_no_text_is_refused_with_its_line(line: str, said: str) -> None:
    reader = Reader(f"[rung]\n{line}\n", "ladder.toml")
    given = reader.text("rung", "hours", HOURS)
    assert given == ""  # stands in while the rest of the file is looked at
    with pytest.raises(RulesWrong, match=said):
        reader.finish()


WRONG = (
    ('caution = "8 h"', 'caution = "8 hours"', 'motion.caution \'8 hours\': "30 min", "8 h", "3 d" 같은 길이여야 합니다'),
    ('caution = "8 h"', "caution = 8", 'motion.caution 값이 8입니다. 맞는 값: "30 min", "8 h", "3 d" 같은 길이'),
    ('caution = "8 h"', 'caution = "0 h"', "motion.caution '0 h': 0보다 길어야 합니다"),
    ('caution = "8 h"', 'caution = "13 h"', "motion 더 무거운 단계는 더 길어야 합니다"),
    ('caution = "8 h"', 'cuation = "8 h"', "motion.cuation 이 버전이 모르는 항목입니다"),
    ('caution = "8 h"', 'caution = "8 h"\nactive = "7-22"', "motion.active '7-22': \"07:00-22:00\" 같은 시간대여야 합니다"),
    ("used = true", "used = 1", "personal.used 값이 1입니다. 맞는 값: true 또는 false"),
    ("q = 0.05", "q = 2.0", "trend.q 값이 2.0입니다. 맞는 값: 0부터 0.5까지의 수"),
    ("from_day = 7", "from_day = 0", "personal.from_day 값이 0입니다. 맞는 값: 1 이상의 정수"),
    ('version = "default-1"', 'version = "가"', "a-z, 0-9"),
)


@pytest.mark.parametrize(("old", "new", "korean"), WRONG)
def test_what_is_wrong_is_said_in_korean_with_its_line_and_in_english_beside_it(old: str, new: str, korean: str) -> None:
    with pytest.raises(RulesWrong) as caught:
        read_table(DEFAULT.read_text(encoding="utf-8").replace(old, new, 1), "mine.toml")
    ko, en = caught.value.lines("ko"), caught.value.lines("en")
    assert any(korean in line for line in ko) and len(ko) == len(en)
    assert caught.value.said("ko").startswith("mine.toml: 쓸 수 없는 기준표입니다:\n") and "행: " in ko[0]
    assert str(caught.value) == caught.value.said("en") and str(caught.value).startswith("mine.toml is refused:\nline ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[grade.high]\n\n[grade.vip]\nfactor = 0.5", "line 3: grade.vip is not a section this version knows"),
        ("[season.monsoon]\nfactor = 0.5", "line 1: season.monsoon is not a section this version knows"),
        ("x = 1\nmotion.caution = 8", "line 2: motion.caution is 8"),
        ("[season]\nheatwave.motion.caution = 8", "line 2: season.heatwave.motion.caution is 8"),
        ("[season]\nheatwave = { motion = { caution = 8 } }", "line 2: season.heatwave.motion.caution is 8"),
        ("[ call ]\n caution=8", "line 2: call.caution is 8"),
        ("[[phone]]\ncaution = 8", "line 1: phone.danger is missing"),
        ("[call]\ndanger = 3\n[motion]\ncaution = 8", "line 4: motion.caution is 8"),
        ("[motion]\n[call]\ncaution = 8", "line 3: call.caution is 8"),
        ("[season.coldwave]\nfrom = 2025-11-01\nuntil = '12-01'", "line 2: season.coldwave.from '2025-11-01' is not a day"),
        ("[season.coldwave]\nuntil = '12-01'", "line 2: season.coldwave.until from and until go together"),
        ("[season.coldwave]\nfrom = '12-32'\nuntil = '13-01'", "line 3: season.coldwave.until '13-01' is not a day"),
        ("[season.coldwave]\nfrom = '00-10'\nuntil = '02-29'", "line 3: season.coldwave.until '02-29' is not a day"),
    ],
)
def test_a_problem_names_its_line_however_the_file_is_written(text: str, said: str) -> None:
    with pytest.raises(RulesWrong) as caught:
        read_table(f'version = "mine"\n{text}')
    number, rest = said.removeprefix("line ").split(":", 1)
    assert any(line.startswith(f"line {int(number) + 1}:{rest}") for line in caught.value.lines("en")), str(caught.value)


def test_a_file_that_is_no_toml_is_refused_in_both_languages() -> None:
    with pytest.raises(RulesWrong) as caught:
        read_table("= 1")
    assert caught.value.lines("ko")[0].startswith("TOML 형식이 아닙니다: ")
    assert caught.value.lines("en")[0].startswith("not TOML: ")


def test_what_stands_nowhere_in_the_file_is_said_without_a_line() -> None:
    with pytest.raises(RulesWrong) as caught:
        read_table(DEFAULT.read_text(encoding="utf-8").replace('version = "default-1"', "", 1), "mine.toml")
    [ko], [en] = caught.value.lines("ko"), caught.value.lines("en")
    assert ko.startswith("version ") and en.startswith("version ")
