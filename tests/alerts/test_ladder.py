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
