"""Proves what follows a question: two signs of life are told once, and what only a machine heard is asked again sooner."""

from __future__ import annotations

from ingest.clock import DAY, HOUR, MINUTE
from ingest.reading import Signal
from rules.engine import STEP, Engine
from rules.finding import Level, RuleKey, Signs, Verb
from tests.rules.rule_parts import HOME, SHIPPED, START, TABLE, Days, device, home_with, motion, raised, reading, resolved, told

MACHINE = "safe_by_automatic_call"


def test_two_signs_of_life_a_minute_apart_are_told_once_after_an_absence_was_raised() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([motion(9 * HOUR), motion(9 * HOUR + 59_999)])
    assert Verb.ALIVE not in {one.verb for one in days.until(9 * HOUR + 5 * MINUTE)}
    days.feed([motion(9 * HOUR + 10 * MINUTE), motion(9 * HOUR + 20 * MINUTE)])
    (alive,) = [one for one in days.until(10 * HOUR) if one.verb is Verb.ALIVE]
    assert (alive.rule, alive.at - START) == (RuleKey.MOTION, 9 * HOUR + 10 * MINUTE + STEP)
    assert (alive.evidence.since - START, alive.evidence.value) == (9 * HOUR, 10 * MINUTE)


def test_signs_of_life_without_a_question_are_not_told() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), motion(HOUR), motion(2 * HOUR)])
    assert days.until(3 * HOUR) == []


def test_what_was_observed_before_the_question_is_not_fresh() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.STEPS), motion(0)])
    days.until(9 * HOUR)
    days.feed([motion(7 * HOUR, received=9 * HOUR), motion(7 * HOUR + 10 * MINUTE, received=9 * HOUR + 1)])
    assert Verb.ALIVE not in {one.verb for one in days.until(10 * HOUR)}


def test_what_is_not_credible_is_no_sign_of_life() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([reading(9 * HOUR + n * MINUTE, Signal.MOTION, credible=False) for n in range(5)])
    assert days.until(10 * HOUR) == []


def test_a_later_raise_asks_anew() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.STEPS), motion(0)])
    days.until(9 * HOUR)
    days.feed([reading(10 * HOUR, Signal.STEPS, 12)])  # a sign of life that does not end "no motion"
    days.until(13 * HOUR)  # raised as warning meanwhile
    days.feed([reading(13 * HOUR + MINUTE, Signal.STEPS, 5)])
    assert Verb.ALIVE not in {one.verb for one in days.until(13 * HOUR + 2 * MINUTE)}
    days.feed([reading(13 * HOUR + 3 * MINUTE, Signal.STEPS, 5)])
    assert [one.verb for one in days.until(14 * HOUR)] == [Verb.ALIVE]


def test_a_settled_check_waits_for_no_sign_of_life() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([motion(9 * HOUR), resolved(9 * HOUR + 30_000, "device_fault", RuleKey.MOTION), motion(9 * HOUR + 10 * MINUTE)])
    assert Verb.ALIVE not in {one.verb for one in days.until(10 * HOUR)}


def test_a_question_outlives_a_snapshot() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([motion(9 * HOUR)])
    days.until(9 * HOUR + MINUTE)
    restored = Engine(TABLE)
    restored.restore(days.engine.snapshot())
    restored.fold([motion(9 * HOUR + 5 * MINUTE)])
    said = restored.advance(START + 9 * HOUR + 5 * MINUTE + STEP)
    assert [one.verb for one in said] == [Verb.ALIVE]


def test_what_only_a_machine_heard_is_raised_again_after_half_its_time() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([resolved(10 * HOUR, MACHINE, RuleKey.MOTION)])
    said = days.until(40 * HOUR)
    assert raised(said, RuleKey.MOTION) == [
        (Level.CAUTION, 14 * HOUR),
        (Level.WARNING, 16 * HOUR),
        (Level.DANGER, 22 * HOUR),
    ]
    first = next(one for one in said if one.verb is Verb.RAISED)
    assert first.evidence.limit == 4 * HOUR  # what the sentence must speak of


def test_half_the_time_holds_until_the_clock_starts_anew() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([resolved(10 * HOUR, MACHINE, RuleKey.MOTION), motion(11 * HOUR)])
    assert raised(days.until(20 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 19 * HOUR)]


def test_only_what_the_machine_asked_about_is_halved_and_only_by_it() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.CALL), motion(0)])
    days.until(9 * HOUR)
    days.feed([resolved(10 * HOUR, MACHINE, RuleKey.CALL)])
    assert raised(days.until(20 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 18 * HOUR)]
    days.feed([motion(n * HOUR) for n in range(20, 44)])
    assert raised(days.until(44 * HOUR), RuleKey.MOTION) == []
    assert raised(days.until(3 * DAY), RuleKey.CALL) == [
        (Level.CAUTION, 10 * HOUR + 36 * HOUR),
        (Level.WARNING, 58 * HOUR),
        (Level.DANGER, 70 * HOUR),
    ]
    other = Days([*home_with(Signal.MOTION), motion(0)])
    other.until(9 * HOUR)
    other.feed([resolved(10 * HOUR, "safe_by_phone", RuleKey.MOTION)])
    assert raised(other.until(20 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 18 * HOUR)]


def test_an_absence_says_when_each_sign_of_life_was_last_seen() -> None:
    signals = (Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.PHONE)
    days = Days([*home_with(*signals), motion(0), reading(MINUTE, Signal.DOOR, 3), reading(2 * MINUTE, Signal.CALL, 1)])
    (first,) = [one for one in days.until(9 * HOUR) if one.rule is RuleKey.MOTION]
    assert first.evidence.signs == Signs(
        motion=START, door=START + MINUTE, call=START + 2 * MINUTE, phone=None, newest=START + 2 * MINUTE
    )
    assert told([first]) == [("motion", "raised", 1, 8 + round(1 / 60, 4))]


def test_how_long_until_stillness_comes_to_a_warning_is_nothing_once_it_has() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.DOOR), motion(0)])
    days.until(HOUR)
    assert days.engine.first_alert(HOME, START + HOUR) == 11 * HOUR
    days.until(12 * HOUR)
    assert days.engine.first_alert(HOME, START + 12 * HOUR) == 0
    days.feed([motion(13 * HOUR), reading(13 * HOUR + 5 * MINUTE, Signal.DOOR)])
    days.until(14 * HOUR)
    assert days.engine.first_alert(HOME, START + 14 * HOUR) is None


def test_what_only_a_machine_heard_is_asked_again_after_half_the_time_that_is_usual_for_the_home() -> None:
    """The personal rule has no danger of its own to halve, and never speaks before its shortest length."""
    days = Days([*home_with(Signal.MOTION), motion(0)], table=SHIPPED)
    own = raised(days.until(8 * HOUR), RuleKey.PERSONAL)
    days.feed([resolved(8 * HOUR, MACHINE, RuleKey.PERSONAL)])
    whole = Days([*home_with(Signal.MOTION), motion(8 * HOUR)], table=SHIPPED)
    [level, at], *_ = raised(whole.until(15 * HOUR), RuleKey.PERSONAL)
    again = raised(days.until(15 * HOUR), RuleKey.PERSONAL)
    least = SHIPPED.personal.shortest
    assert own and again[0][0] is level is Level.CAUTION
    assert again[0][1] - 8 * HOUR == -(-max((at - 8 * HOUR) // 2, least) // STEP) * STEP


def test_what_a_machine_heard_of_one_home_says_nothing_of_another() -> None:
    stands = [*home_with(Signal.MOTION), *home_with(Signal.MOTION, home="hh-2")[:1], device("pir-2", Signal.MOTION, home="hh-2")]
    days = Days([*stands, motion(0), motion(9 * HOUR, home="hh-2", name="pir-2")])
    looked_at = reading(10 * HOUR, Signal.SOS, home="hh-2", name="pir-2")  # all the time, since something stands there
    days.feed([resolved(9 * HOUR, MACHINE, RuleKey.MOTION), looked_at])
    said = [one for one in days.until(18 * HOUR) if one.rule is RuleKey.MOTION and one.verb is Verb.RAISED]
    assert [(one.household_id, one.at - START) for one in said if one.at > START + 9 * HOUR] == [
        ("hh-1", 13 * HOUR),
        ("hh-1", 15 * HOUR),
        ("hh-2", 17 * HOUR),
    ]


def test_what_answers_one_question_is_told_apart_from_what_answers_the_next() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    answers = []
    for hour in (9, 20):
        days.until(hour * HOUR)
        days.feed([motion(hour * HOUR), motion(hour * HOUR + 10 * MINUTE)])
        answers += [one for one in days.until((hour + 1) * HOUR) if one.verb is Verb.ALIVE]
    assert len(answers) == 2 and len({(one.finding_id, one.episode) for one in answers}) == 2
