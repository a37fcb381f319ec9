"""Tonight's list, declared absences and silences: what staff lay down, what it holds back, and what the journal learns of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from alerts.attempt import Untold
from alerts.check import BadReturn, CheckState, Conflict, NeedsText, NotFound, Outcome
from alerts.delivery import DeliveryState
from alerts.duty.away import AwayReason
from alerts.duty.sheet import draw_up
from alerts.duty.silence import NEVER_SILENT, SILENCEABLE, SilenceKind, SilenceReason, touching
from alerts.duty.silences import BadEnd, CannotSilence, standing
from alerts.duty.tables import silence, tonight
from alerts.duty.tonight import How, due_tonight, worst_of
from alerts.tables import delivery
from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis, parse_local
from ingest.facts import AwayDeclared, AwayEnded, CheckResolved
from ingest.reading import DongCode, HouseholdId
from rules.finding import Level, RuleKey, Verb
from rules.outlook import Ahead, Evening
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.duty_parts import Office, make_office

FIVE = MORNING + 8 * HOUR
"""Monday, 17:00 in Seoul."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = make_office(f"sqlite:///{tmp_path / 'anbu.sqlite3'}").staff()
    made.homes(3)
    made.homes(1, "dong-2")
    yield made
    made.engine.dispose()


def ahead(home: str, level: Level, due_at: Millis, rule: RuleKey = RuleKey.MOTION) -> Ahead:
    dong = DongCode("dong-" + home.split("-")[1])
    return Ahead(household_id=HouseholdId(home), dong_code=dong, rule=rule, level=level, due_at=due_at, since=FIVE - 6 * HOUR)


LIST = Evening(
    at=FIVE,
    ahead=(
        ahead("hh-1-1", Level.CAUTION, FIVE + 2 * HOUR),
        ahead("hh-1-1", Level.WARNING, FIVE + 6 * HOUR),
        ahead("hh-1-2", Level.CAUTION, FIVE + 90 * MINUTE),
        ahead("hh-1-3", Level.DANGER, FIVE + 15 * HOUR, RuleKey.CANNOT_VERIFY),
        ahead("hh-2-1", Level.WARNING, FIVE + 3 * HOUR),
    ),
)


def test_tonights_list_names_each_home_once_the_worst_first() -> None:
    assert [(one.household_id, one.level) for one in worst_of(LIST.ahead)] == [
        ("hh-1-3", Level.DANGER),
        ("hh-2-1", Level.WARNING),
        ("hh-1-1", Level.WARNING),
        ("hh-1-2", Level.CAUTION),
    ]


def test_the_list_is_kept_once_and_those_on_duty_hear_of_it(office: Office) -> None:
    assert office.tonight.newest(dong=None) == (None, [])
    office.clock.home = FIVE
    office.pass_home(0)
    office.outlook.take([LIST])
    office.outlook.take([LIST])
    day, rows = office.tonight.newest(dong="dong-1")
    assert day == date(2026, 1, 12)
    assert [(one.household_id, one.due_at - FIVE, one.first_due_at - FIVE) for one in rows] == [
        ("hh-1-3", 15 * HOUR, 15 * HOUR),
        ("hh-1-1", 6 * HOUR, 2 * HOUR),
        ("hh-1-2", 90 * MINUTE, 90 * MINUTE),
    ]
    office.words.take()
    office.pass_home(10 * SECOND)
    office.pass_home(10 * SECOND)
    assert office.words.take() == [("tonight", "dong-1", ("officer1",)), ("tonight", "dong-2", ("officer2",))]
    office.pass_home(HOUR)
    assert "tonight" not in [word[0] for word in office.words.take()]


def test_a_home_cleared_by_day_as_safe_is_alive_for_the_rules_and_off_the_list(office: Office) -> None:
    office.clock.home = FIVE + MINUTE
    office.outlook.take([LIST])
    cleared = office.tonight.clear("hh-1-3", how=How.SAFE_BY_PHONE, by="officer1", dong="dong-1")
    assert (cleared.how, cleared.cleared_by, cleared.cleared_at) == (How.SAFE_BY_PHONE, "officer1", FIVE + MINUTE)
    [fact] = [one for one in office.facts() if isinstance(one, CheckResolved)]
    assert (fact.household_id, fact.outcome, fact.rules) == ("hh-1-3", "safe_by_phone", ())
    with office.engine.begin() as connection:
        assert [one.household_id for one in due_tonight(connection, FIVE, "dong-1")] == ["hh-1-1", "hh-1-2"]
        assert [one.household_id for one in due_tonight(connection, FIVE + 2 * HOUR, None)] == ["hh-2-1", "hh-1-1"]
    with pytest.raises(Conflict):
        office.tonight.clear("hh-1-3", how=How.WATCH, by="officer1", dong="dong-1")


def test_a_home_known_to_be_away_is_cleared_with_its_return_time(office: Office) -> None:
    office.clock.home = FIVE + MINUTE
    office.outlook.take([LIST])
    for wrong in (None, FIVE, FIVE + 15 * DAY):
        with pytest.raises(BadReturn):
            office.tonight.clear("hh-1-1", how=How.AWAY, by="officer1", dong=None, returns_at=wrong)
    office.tonight.clear("hh-1-1", how=How.AWAY, by="officer1", dong=None, returns_at=FIVE + DAY)
    assert [type(one) for one in office.facts() if not isinstance(one, CheckResolved)][-1] is AwayDeclared
    assert [one.household_id for one in office.absences.now(dong="dong-1")] == ["hh-1-1"]


def test_a_home_with_an_open_check_is_settled_there_but_can_be_left_to_the_night(office: Office) -> None:
    office.clock.home = FIVE + MINUTE
    office.outlook.take([LIST])
    office.take(finding(household="hh-1-2"))
    facts = len(office.facts())
    with pytest.raises(Conflict):
        office.tonight.clear("hh-1-2", how=How.SAFE_BY_VISIT, by="officer1", dong=None)
    office.tonight.clear("hh-1-2", how=How.WATCH, by="officer1", dong=None)
    assert len(office.facts()) == facts
    for wrong in ("hh-9", "hh-2-1"):
        with pytest.raises(NotFound):
            office.tonight.clear(wrong, how=How.WATCH, by="officer1", dong="dong-1")


def test_lists_of_long_ago_are_forgotten(office: Office) -> None:
    office.outlook.take([LIST])
    office.outlook.take([Evening(at=FIVE + 31 * DAY, ahead=LIST.ahead[:1])])
    assert {row.evening for row in office.rows(tonight)} == {"2026-02-12"}


def test_an_absence_that_staff_declare_is_a_fact_and_a_list(office: Office) -> None:
    office.absences.declare("hh-1-1", returns_at=MORNING + 2 * DAY, reason=AwayReason.TRAVEL, by="officer1", dong="dong-1")
    again = office.absences.declare("hh-1-1", returns_at=MORNING + DAY, reason=AwayReason.HOSPITAL, by="officer1", dong="dong-1")
    assert [one.id for one in office.absences.now(dong=None)] == [again.id]
    office.absences.end("hh-1-1", by="officer1", dong="dong-1")
    assert office.absences.now(dong="dong-1") == []
    assert [type(one) for one in office.facts()[-3:]] == [AwayDeclared, AwayDeclared, AwayEnded]
    with pytest.raises(NotFound):
        office.absences.end("hh-1-1", by="officer1", dong="dong-1")


def test_an_absence_needs_a_home_of_the_dong_and_a_return_time(office: Office) -> None:
    for household, dong in (("hh-9", None), ("hh-2-1", "dong-1")):
        with pytest.raises(NotFound):
            office.absences.declare(household, returns_at=MORNING + DAY, reason=AwayReason.TRAVEL, by="kim", dong=dong)
    for returns_at in (MORNING, MORNING + 14 * DAY + 1):
        with pytest.raises(BadReturn):
            office.absences.declare("hh-1-1", returns_at=returns_at, reason=AwayReason.TRAVEL, by="kim", dong=None)
    assert office.absences.now(dong=None) == []


def test_a_check_settled_as_away_is_on_the_list_of_those_away(office: Office) -> None:
    office.take(finding(household="hh-1-1"))
    check = office.check_of("hh-1-1")
    office.desk.resolve(check.id, actor="officer1", dong=None, outcome=Outcome.AWAY, returns_at=MORNING + DAY)
    [away] = office.absences.now(dong="dong-1")
    assert (away.household_id, away.returns_at, away.declared_by) == ("hh-1-1", MORNING + DAY, "officer1")


def lay(office: Office, kind: SilenceKind, target: str, length: Millis = HOUR, dong: str | None = None) -> int:
    ends_at = office.clock.home + length
    return office.silences.lay(kind, target, ends_at=ends_at, reason=SilenceReason.REPAIR, author="officer1", dong=dong).id


@pytest.mark.parametrize(
    ("kind", "target", "dong"),
    [
        (SilenceKind.HOUSEHOLD, "hh-1-1", None),
        (SilenceKind.DEVICE, "gw-1-1", None),
        (SilenceKind.RULE, "heat", None),
        (SilenceKind.RULE, "heat", "dong-1"),
        (SilenceKind.DONG, "dong-1", None),
    ],
)
def test_what_is_silenced_is_told_to_nobody_and_stays_open(
    office: Office, kind: SilenceKind, target: str, dong: str | None
) -> None:
    lay(office, kind, target, dong=dong)
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1", device="gw-1-1"))
    office.pass_home(10 * MINUTE)
    assert office.told() == []
    assert office.check_of("hh-1-1").state is CheckState.OPEN


@pytest.mark.parametrize(
    ("kind", "target", "dong"),
    [
        (SilenceKind.HOUSEHOLD, "hh-1-2", None),
        (SilenceKind.DEVICE, "gw-1-2", None),
        (SilenceKind.RULE, "cold", None),
        (SilenceKind.RULE, "heat", "dong-2"),
        (SilenceKind.DONG, "dong-2", None),
    ],
)
def test_a_silence_of_something_else_holds_nothing_back(office: Office, kind: SilenceKind, target: str, dong: str | None) -> None:
    lay(office, kind, target, dong=dong)
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1", device="gw-1-1"))
    assert office.told() == ["opened"]


@pytest.mark.parametrize("rule", sorted(NEVER_SILENT - {RuleKey.OUTAGE}))  # an outage is no home's
def test_sos_smoke_gas_and_cannot_verify_are_never_silenced(office: Office, rule: RuleKey) -> None:
    lay(office, SilenceKind.HOUSEHOLD, "hh-1-1")
    lay(office, SilenceKind.DONG, "dong-1")
    with pytest.raises(CannotSilence):
        lay(office, SilenceKind.RULE, rule)
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1"))
    assert office.told() == []
    office.take(finding(rule, Level.DANGER, household="hh-1-1"))
    assert office.told() == ["risen"]
    assert rule not in SILENCEABLE


def test_a_telling_that_is_held_back_takes_back_none_that_still_waits(office: Office) -> None:
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1"))  # no sender runs: it waits
    before = [(row.id, row.state) for row in office.rows(delivery)]
    assert DeliveryState.WAITING in {state for _, state in before}
    lay(office, SilenceKind.HOUSEHOLD, "hh-1-1", length=4 * HOUR)
    office.pass_home(HOUR)
    found = office.desk.check(office.check_of("hh-1-1").id, dong=None)
    assert found is not None and found.attempts[-1].untold is Untold.SILENCE
    assert [(row.id, row.state) for row in office.rows(delivery)] == before


def test_at_its_end_a_silence_reminds_and_what_it_held_back_is_told(office: Office) -> None:
    office.pass_home(0)
    office.words.take()
    number = lay(office, SilenceKind.HOUSEHOLD, "hh-1-1")
    office.take(finding(RuleKey.HEAT, Level.DANGER, household="hh-1-1"), finding(RuleKey.HEAT, household="hh-1-2"))
    assert office.told() == ["opened"]
    office.pass_home(HOUR)
    assert office.words.take() == [("silence_over", "dong-1", ("officer1",))] and office.words.codes[-1] == str(number)
    assert "silence_over" in office.told()
    of_one = office.desk.check(office.check_of("hh-1-1").id, dong=None)
    assert of_one is not None and of_one.attempts[0].untold is Untold.SILENCE
    assert all(each.told and each.untold is None for each in of_one.attempts[1:])
    office.pass_home(MINUTE)
    assert office.words.take() == []
    assert [one.id for one in office.silences.past(dong="dong-1")] == [number]


def test_a_silence_that_another_covers_or_that_a_person_has_taken_tells_nothing_at_its_end(office: Office) -> None:
    lay(office, SilenceKind.HOUSEHOLD, "hh-1-1")
    lay(office, SilenceKind.DONG, "dong-1", 2 * HOUR)
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1"), finding(RuleKey.HEAT, household="hh-1-2"))
    office.pass_home(HOUR)
    assert office.told() == []
    office.pass_home(HOUR - MINUTE)
    office.desk.acknowledge(office.check_of("hh-1-1").id, actor="officer1", dong=None)
    office.desk.acknowledge(office.check_of("hh-1-2").id, actor="officer1", dong=None)
    office.pass_home(MINUTE)
    assert office.silences.now(dong=None) == [] and office.told() == []


def test_what_no_silence_covers_is_told_at_once_though_it_joins_a_check_that_is_silent(office: Office) -> None:
    lay(office, SilenceKind.RULE, "heat")
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1"))
    assert office.told() == []
    office.take(finding(RuleKey.HUMIDITY, Level.CAUTION, household="hh-1-1"))
    assert office.told() == ["added"]


def test_a_silence_lifted_early_is_over_at_once(office: Office) -> None:
    office.pass_home(0)
    number = lay(office, SilenceKind.HOUSEHOLD, "hh-1-1")
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1"))
    with pytest.raises(NotFound):
        office.silences.lift(number, by="kim", dong="dong-2")
    office.silences.lift(number, by="kim", dong="dong-1")
    assert office.silences.now(dong=None) == []
    office.pass_home(SECOND)
    assert office.told() == ["silence_over"]
    with pytest.raises(NotFound):
        office.silences.lift(number, by="kim", dong=None)
    assert office.rows(silence)[0].lifted_by == "kim"


@pytest.mark.parametrize(
    ("kind", "target", "longest"),
    [
        (SilenceKind.HOUSEHOLD, "hh-1-1", 14 * DAY),
        (SilenceKind.DEVICE, "gw-1-1", 14 * DAY),
        (SilenceKind.RULE, "heat", 14 * DAY),
        (SilenceKind.DONG, "dong-1", 4 * HOUR),
    ],
)
def test_a_silence_has_an_end_that_is_not_too_far_away(office: Office, kind: SilenceKind, target: str, longest: Millis) -> None:
    for wrong in (0, longest + 1):
        with pytest.raises(BadEnd):
            lay(office, kind, target, wrong)
    lay(office, kind, target, longest)
    [one] = office.silences.now(dong="dong-1")
    assert (one.kind, one.target, one.author, one.ends_at) == (kind, target, "officer1", MORNING + longest)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (SilenceKind.HOUSEHOLD, "hh-2-1"),
        (SilenceKind.HOUSEHOLD, "hh-9"),
        (SilenceKind.DEVICE, "gw-2-1"),
        (SilenceKind.DEVICE, "gw-9"),
        (SilenceKind.RULE, "boredom"),
        (SilenceKind.DONG, "dong-2"),
    ],
)
def test_nobody_silences_what_is_not_there_or_another_dongs(office: Office, kind: SilenceKind, target: str) -> None:
    with pytest.raises(NotFound):
        lay(office, kind, target, dong="dong-1")


def test_the_words_of_a_silence_are_sealed_and_other_needs_them(office: Office) -> None:
    with pytest.raises(NeedsText):
        office.silences.lay(
            SilenceKind.DONG, "dong-1", ends_at=MORNING + HOUR, reason=SilenceReason.OTHER, author="kim", dong=None
        )
    office.silences.lay(
        SilenceKind.DONG, "dong-1", ends_at=MORNING + HOUR, reason=SilenceReason.OTHER, author="kim", dong=None, text="정전"
    )
    [row] = office.rows(silence)
    assert "정전".encode() not in row.sealed_note
    assert office.silences.now(dong=None)[0].note == "정전"
    with office.engine.begin() as connection:
        connection.execute(update(silence).values(sealed_note=b"broken"))
    [one] = office.silences.now(dong=None)
    assert one.note is None and one.holds(MORNING)


def test_every_page_can_ask_which_silences_touch_it(office: Office) -> None:
    lay(office, SilenceKind.HOUSEHOLD, "hh-1-1")
    lay(office, SilenceKind.DEVICE, "gw-1-1")
    lay(office, SilenceKind.RULE, "heat")
    lay(office, SilenceKind.DONG, "dong-2")
    with office.engine.begin() as connection:
        found = standing(connection, MORNING)
    assert len(touching(found, MORNING)) == 4
    assert touching(found, MORNING + HOUR) == []
    assert [one.target for one in touching(found, MORNING, dong="dong-1")] == ["hh-1-1", "gw-1-1", "heat"]
    here = touching(found, MORNING, household="hh-1-1", devices=("gw-1-1",), dong="dong-1")
    assert [one.target for one in here] == ["hh-1-1", "gw-1-1", "heat"]
    assert [one.target for one in touching(found, MORNING, household="hh-1-2", dong="dong-1")] == ["heat"]


def test_a_silence_resolves_nothing_and_a_cleared_condition_stays_for_review(office: Office) -> None:
    lay(office, SilenceKind.HOUSEHOLD, "hh-1-1")
    office.take(finding(RuleKey.HEAT, household="hh-1-1"), finding(RuleKey.HEAT, Level.CAUTION, Verb.CLEARED, household="hh-1-1"))
    assert office.check_of("hh-1-1").state is CheckState.OPEN
    assert office.check_of("hh-1-1").condition == "cleared"


def test_five_in_the_afternoon_is_five_in_the_afternoon() -> None:
    assert parse_local("2026-01-12T17:00:00") == FIVE


def test_a_handover_says_what_falls_due_in_the_night_by_which_rule(office: Office) -> None:
    office.outlook.take([LIST])
    with office.engine.begin() as connection:
        sheet = draw_up(connection, "dong-1", FIVE, unsigned=False)
    assert [(one.household_id, one.rule, one.level, one.due_at) for one in sheet.due] == [
        ("hh-1-3", RuleKey.CANNOT_VERIFY, Level.DANGER, FIVE + 15 * HOUR),
        ("hh-1-1", RuleKey.MOTION, Level.WARNING, FIVE + 6 * HOUR),
        ("hh-1-2", RuleKey.MOTION, Level.CAUTION, FIVE + 90 * MINUTE),
    ]
