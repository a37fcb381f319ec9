"""A ladder is refused whole where it breaks a promise, and the docs print the one that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.ladder import DEFAULT, EXHAUSTED, MACHINE_RULES, Who, day_time, load_ladder, read_ladder
from ingest.clock import HOUR, MINUTE, parse_local
from rules.finding import Level, RuleKey
from rules.reader import RulesWrong

ALWAYS = 'who = "officer"\nchannel = "duty"\nhours = "00:00-24:00"'
VISIT = ALWAYS.replace("officer", "visit")
TEXT = DEFAULT.read_text(encoding="utf-8")


def wrong(*changes: tuple[str, str]) -> list[str]:
    """What is said of the shipped ladder with these words changed."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(RulesWrong) as refused:
        read_ladder(text)
    return list(refused.value.lines("en"))


def test_the_shipped_ladder_asks_a_machine_first_and_ends_with_119() -> None:
    ladder = load_ladder()
    assert [rung.who for rung in ladder.rungs] == list(Who)
    assert ladder.version.startswith("default-1+")
    assert (ladder.held(Level.CAUTION), ladder.held(Level.WARNING), ladder.held(Level.DANGER)) == (None, HOUR, 15 * MINUTE)
    machine = ladder.rungs[0]
    assert machine.rules == MACHINE_RULES
    assert not machine.rules & {RuleKey.CANNOT_VERIFY, RuleKey.HEAT, RuleKey.COLD, RuleKey.SOS, RuleKey.SMOKE, RuleKey.GAS}
    assert [machine.pace(level).tries for level in Level] == [2, 2, 0]
    assert (machine.opens, machine.closes) == (7 * HOUR, 22 * HOUR)
    assert ladder.rungs[-1].then == EXHAUSTED
    assert ladder.rung("visit").who is Who.VISIT
    with pytest.raises(KeyError):
        ladder.place("nothing")


def test_the_docs_print_the_shipped_ladder() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ladder.md").read_text(encoding="utf-8")
    assert f"```toml\n{TEXT}```" in page


def test_a_ladder_of_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ladder.toml"
    file.write_text(TEXT.replace("default-1", "ours-1"), encoding="utf-8")
    assert load_ladder(file).version.startswith("ours-1+")


@pytest.mark.parametrize(
    ("now", "inside"), [("06:59:59", False), ("07:00:00", True), ("21:59:59", True), ("22:00:00", False), ("00:00:00", False)]
)
def test_hours_are_of_seoul(now: str, inside: bool) -> None:
    rung = load_ladder().rung("resident")
    at = parse_local(f"2026-01-12T{now}")
    assert rung.in_hours(at) is inside
    if inside:
        assert rung.closes_at(at) == parse_local("2026-01-12T22:00:00")
    assert day_time(parse_local("2026-01-12T00:00:01.500")) == 1_500


def test_no_policy_lets_a_machine_ring_at_night_or_a_third_time_or_in_danger() -> None:
    assert wrong(("07:00-22:00", "06:59-22:00")) == [
        "line 27: rung.resident.hours must lie between 07:00 and 22:00: no machine rings anybody at night"
    ]
    assert "at night" in wrong(("07:00-22:00", "07:00-22:01"))[0]
    assert "at most 2 tries" in wrong(('{ tries = 2, wait = "10 min" }', '{ tries = 3, wait = "10 min" }'))[0]
    (said,) = wrong(
        (
            'warning = { tries = 2, wait = "5 min" }',
            'warning = { tries = 2, wait = "5 min" }\ndanger = { tries = 1, wait = "1 min" }',
        )
    )
    assert "at danger no machine asks first" in said


@pytest.mark.parametrize("rule", ["heat", "cold", "sos", "smoke", "gas", "cannot_verify", "reported", "help"])
def test_no_policy_lets_a_machine_ask_about_what_is_for_people(rule: str) -> None:
    assert "rung.resident.rules" in wrong(('rules = ["motion"', f'rules = ["{rule}"'))[0]


def test_nobody_but_a_person_is_told_to_call_119() -> None:
    emergency = 'who = "emergency"\nchannel = "duty"'
    assert "rung.emergency.channel" in wrong((emergency, 'who = "emergency"\nchannel = "call"'))[0]


def test_a_ladder_goes_down_to_an_end() -> None:
    assert "further down" in wrong(('then = "contact"', 'then = "resident"'))[0]
    assert "rung.officer.then" in wrong(('then = "contact"', 'then = "nowhere"'))[0]


def test_every_level_comes_to_the_officer_first_of_all_people() -> None:
    officer_first = "must have the officer first of all people"
    assert officer_first in wrong(('caution = { tries = 18, wait = "4 h" }\n', ""))[0]
    assert (
        officer_first
        in wrong(
            (
                'who = "officer"\nchannel = "duty"\nhours = "00:00-24:00"',
                'who = "officer"\nchannel = "duty"\nhours = "00:00-23:59"',
            )
        )[0]
    )
    assert officer_first in wrong(('who = "officer"', 'who = "visit"'))[0]
    assert "must lead to the officer" in wrong(('then = "officer"', 'then = "visit"'))[0]
    assert "must lead to the officer" in wrong(('then = "officer"', 'then = "exhausted"'))[0]
    head = TEXT[: TEXT.index("[rung.resident]")]
    with pytest.raises(RulesWrong, match="must have the officer"):
        read_ladder(head)
    late = '[rung.late]\nwho = "resident"\nchannel = "call"\nrules = ["call"]\nhours = "08:00-09:00"\nthen = "exhausted"\n'
    with pytest.raises(RulesWrong, match="must come before every rung that is for people"):
        read_ladder(TEXT + late)


@pytest.mark.parametrize("hours", ['"7-22"', '"22:00-07:00"', '"00:00-24:30"', "7"])
def test_hours_that_are_none_are_named(hours: str) -> None:
    assert (
        "rung.visit.hours"
        in wrong(('who = "visit"\nchannel = "duty"\nhours = "00:00-24:00"', f'who = "visit"\nchannel = "duty"\nhours = {hours}'))[
            0
        ]
    )


def test_an_empty_list_of_rules_is_named() -> None:
    assert "rung.resident.rules" in wrong(('rules = ["motion", "personal", "call", "phone", "away"]', "rules = []"))[0]


WRONG = [
    ('version = "default-1"', 'version = "Mine!"'),
    ('caution = "end of duty"', 'caution = "for ever"'),
    ('return_after = "30 min"', "return_after = 30"),
    ('rules = ["motion"', 'rules = ["heat"'),
    ('channel = "call"', 'channel = "pigeon"'),
    ('hours = "07:00-22:00"', 'hours = "06:59-22:01"'),
    ('caution = { tries = 2, wait = "10 min" }', 'caution = { tries = 3, wait = "10 min" }'),
    (
        'warning = { tries = 2, wait = "5 min" }',
        'warning = { tries = 3, wait = "5 min" }\ndanger = { tries = 1, wait = "1 min" }',
    ),
    ('then = "officer"', 'then = "visit"'),
    ('who = "contact"', 'who = "uncle"'),
    ('warning = { tries = 1, wait = "30 min" }', 'warning = { tries = 0, wait = "soon" }'),
    ('then = "visit"\n\n[rung.visit]', 'then = "contact"\n\n[rung.visit]'),
    ('who = "visit"\nchannel = "duty"\nhours = "00:00-24:00"', 'who = "visit"\nchannel = "duty"\nhours = "7-22"'),
    ('then = "emergency"', 'then = "nowhere"'),
    ('then = "exhausted"', 'then = "exhausted"\nloud = true'),
]
LATE = '\n[rung.late]\nwho = "resident"\nchannel = "call"\nrules = ["call"]\nhours = "08:00-09:00"\nthen = "exhausted"\n'
REFUSED = """
version must be a word of a-z, 0-9, "-" and ".", such as "default-1"
acknowledgement.caution 'for ever' is not a length such as "30 min", "8 h" or "3 d"
life.return_after is 30, it needs a length such as "30 min", "8 h" or "3 d"
rung.resident.channel is 'pigeon', it needs one of "call", "message"
rung.resident.rules is ['heat', 'personal', 'call', 'phone', 'away'], \
it needs a list of "away", "call", "motion", "personal", "phone"
rung.resident.hours must lie between 07:00 and 22:00: no machine rings anybody at night
rung.resident.caution must leave the machine at most 2 tries in all
rung.resident.warning must leave the machine at most 2 tries in all
rung.resident.danger must not be there: at danger no machine asks first
rung.resident.then must lead to the officer, who hears of it first of all people
rung.contact.caution must leave the machine at most 2 tries in all
rung.contact.rules is missing: it needs a list of "away", "call", "motion", "personal", "phone"
rung.contact.who is 'uncle', it needs one of "resident", "officer", "contact", "visit", "emergency"
rung.contact.who must come before every rung that is for people
rung.contact.hours must lie between 07:00 and 22:00: no machine rings anybody at night
rung.contact.warning must leave the machine at most 2 tries in all
rung.contact.warning.tries is 0, it needs a whole number from 1 on
rung.contact.warning.wait 'soon' is not a length such as "30 min", "8 h" or "3 d"
rung.contact.danger must not be there: at danger no machine asks first
rung.contact.then must lead to the officer, who hears of it first of all people
rung.contact.then must name a rung further down, so that a ladder has an end
rung.visit.hours must be hours of one day such as "07:00-22:00"
rung.visit.then is 'nowhere', it needs one of "resident", "officer", "contact", "visit", "emergency", "late", "exhausted"
rung.visit.then must name a rung further down, so that a ladder has an end
rung.emergency.loud is not a setting this version knows
rung.late.caution must leave the machine at most 2 tries in all
rung.late.warning must leave the machine at most 2 tries in all
rung.late.who must come before every rung that is for people
rung.late.then must lead to the officer, who hears of it first of all people
"""

KOREAN = """
version a-z, 0-9, "-", "."로 된 이름이어야 합니다(예: "default-1")
acknowledgement.caution 'for ever': "30 min", "8 h", "3 d" 같은 길이여야 합니다
life.return_after 값이 30입니다. 맞는 값: "30 min", "8 h", "3 d" 같은 길이
rung.resident.channel 값이 'pigeon'입니다. 맞는 값: "call", "message" 중 하나
rung.resident.rules 값이 ['heat', 'personal', 'call', 'phone', 'away']입니다. \
맞는 값: "away", "call", "motion", "personal", "phone"의 목록
rung.resident.hours 07:00부터 22:00 사이여야 합니다: 밤에는 기계가 전화하지 않습니다
rung.resident.caution 기계의 시도는 모두 2번까지입니다
rung.resident.warning 기계의 시도는 모두 2번까지입니다
rung.resident.danger 있을 수 없습니다: 위험에서는 기계가 먼저 묻지 않습니다
rung.resident.then 담당자에게 이어져야 합니다: 사람 가운데 가장 먼저 들어야 합니다
rung.contact.caution 기계의 시도는 모두 2번까지입니다
rung.contact.rules 값이 없습니다. 맞는 값: "away", "call", "motion", "personal", "phone"의 목록
rung.contact.who 값이 'uncle'입니다. 맞는 값: "resident", "officer", "contact", "visit", "emergency" 중 하나
rung.contact.who 사람을 찾는 모든 단계보다 앞이어야 합니다
rung.contact.hours 07:00부터 22:00 사이여야 합니다: 밤에는 기계가 전화하지 않습니다
rung.contact.warning 기계의 시도는 모두 2번까지입니다
rung.contact.warning.tries 값이 0입니다. 맞는 값: 1 이상의 정수
rung.contact.warning.wait 'soon': "30 min", "8 h", "3 d" 같은 길이여야 합니다
rung.contact.danger 있을 수 없습니다: 위험에서는 기계가 먼저 묻지 않습니다
rung.contact.then 담당자에게 이어져야 합니다: 사람 가운데 가장 먼저 들어야 합니다
rung.contact.then 더 아래 단계를 가리켜야 합니다: 끝이 있어야 합니다
rung.visit.hours "07:00-22:00" 같은 하루 안의 시간대여야 합니다
rung.visit.then 값이 'nowhere'입니다. 맞는 값: "resident", "officer", "contact", "visit", "emergency", "late", "exhausted" 중 하나
rung.visit.then 더 아래 단계를 가리켜야 합니다: 끝이 있어야 합니다
rung.emergency.loud 이 버전이 모르는 항목입니다
rung.late.caution 기계의 시도는 모두 2번까지입니다
rung.late.warning 기계의 시도는 모두 2번까지입니다
rung.late.who 사람을 찾는 모든 단계보다 앞이어야 합니다
rung.late.then 담당자에게 이어져야 합니다: 사람 가운데 가장 먼저 들어야 합니다
"""


def test_a_ladder_that_is_wrong_all_over_is_refused_with_every_place_and_what_would_be_right() -> None:
    text = TEXT + LATE
    for old, new in WRONG:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(RulesWrong) as refused:
        read_ladder(text, "ours.toml")
    assert [problem.split(": ", 1)[1] for problem in refused.value.lines("en")] == REFUSED.strip().splitlines()
    assert [line.split(": ", 1)[1] for line in refused.value.lines("ko")] == KOREAN.strip().splitlines()
    assert str(refused.value).startswith("ours.toml is refused:\nline ")
