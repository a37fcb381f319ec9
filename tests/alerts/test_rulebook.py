"""Proves that limits change in one way: with a row that says who and why, and a fact that tells the rules; and never upwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from alerts.rulebook import ChangeRefused, NoReason, Rulebook
from alerts.rulebook_tables import rule_change
from ingest.clock import DAY, HOUR, MINUTE
from ingest.fact_outbox import carry_facts
from ingest.facts import Fact, HouseholdLimit, RulesApplied, SeasonDeclared, SeasonEnded
from ingest.journal.memory import MemoryJournal
from ingest.register.homes import NotRegistered
from ingest.register.register import Register
from ingest.seal import Sealer
from rules.limits import Channel, OwnLimit
from rules.table import load_table, read_table
from tests.alerts.alert_parts import MORNING, Site

DEFAULT = load_table(None)
TEXT = DEFAULT.text
SHORTER = read_table(TEXT.replace('caution = "8 h"', 'caution = "7 h"'))
WHY = "퇴원 직후"


@pytest.fixture
def book(site: Site) -> Rulebook:
    sealer = Sealer(b"k" * 32)
    register = Register(site.engine, sealer, site.clock)
    if not register.dongs():
        register.add_dong("dong-1", "바람동")
    register.enrol_household("hh-own", "dong-1", grade="high", at=MORNING)
    made = Rulebook(site.engine, sealer, site.clock)
    made.begin(DEFAULT)
    return made


def facts(site: Site) -> list[Fact]:
    """What the journal has been told of limits."""
    journal = MemoryJournal()
    carry_facts(site.engine, journal, site.clock.home_now(), name="of the test")
    wanted = (RulesApplied, SeasonDeclared, SeasonEnded, HouseholdLimit)
    return [entry.body for entry in journal.read(0, 1000) if isinstance(entry.body, wanted)]


def test_a_site_begins_with_its_file_and_keeps_that_table_whatever_the_file_says_later(site: Site, book: Rulebook) -> None:
    assert book.begin(SHORTER).version == DEFAULT.version
    assert book.in_force() == DEFAULT
    [fact] = facts(site)
    assert isinstance(fact, RulesApplied) and (fact.version, fact.table) == (DEFAULT.version, TEXT)
    assert [(one.kind, one.actor, one.reason) for one in book.changes()] == [("table", "start", None)]


def test_before_the_first_run_no_table_is_in_force(site: Site) -> None:
    book = Rulebook(site.engine, Sealer(b"k" * 32), site.clock)
    assert book.in_force() is None
    register = Register(site.engine, Sealer(b"k" * 32), site.clock)
    register.add_dong("dong-9", "바람동")
    register.enrol_household("hh-own", "dong-9", at=MORNING)
    with pytest.raises(ChangeRefused, match="never run"):
        book.profile("hh-own")


def test_applying_a_table_is_a_row_and_a_fact_and_the_first_table_stays_the_first(site: Site, book: Rulebook) -> None:
    site.clock.home += HOUR
    number = book.apply(SHORTER, actor="gu", reason=WHY)
    assert book.in_force() == SHORTER == book.in_force()
    assert book.begin(SHORTER) == DEFAULT
    change = book.changes()[0]
    assert (change.id, change.at, change.actor, change.version, change.reason) == (
        number,
        MORNING + HOUR,
        "gu",
        SHORTER.version,
        WHY,
    )
    assert [fact.version for fact in facts(site) if isinstance(fact, RulesApplied)] == [DEFAULT.version, SHORTER.version]
    with pytest.raises(ChangeRefused, match="in force already"):
        book.apply(SHORTER, actor="gu", reason=WHY)


def test_a_reason_is_needed_and_is_sealed(site: Site, book: Rulebook) -> None:
    with pytest.raises(NoReason):
        book.apply(SHORTER, actor="gu", reason="  ")
    assert book.in_force() == DEFAULT and len(facts(site)) == 1
    book.set_limit("hh-own", "motion", 1, 5 * HOUR, actor="gu", reason=WHY)
    with site.engine.begin() as connection:
        kept = connection.execute(select(rule_change.c.sealed_reason).order_by(rule_change.c.id.desc())).scalar()
    assert kept is not None and WHY.encode() not in kept
    assert book.changes(household="hh-own")[0].reason == WHY


def test_a_season_is_declared_until_a_time_and_ended_before_it(site: Site, book: Rulebook) -> None:
    book.declare_season("heatwave", MORNING + DAY, actor="gu", reason=WHY)
    assert book.declared() == {"heatwave": MORNING + DAY}
    book.end_season("heatwave", actor="gu", reason=WHY)
    assert book.declared() == {}
    said = [fact for fact in facts(site) if not isinstance(fact, RulesApplied)]
    assert [type(fact) for fact in said] == [SeasonDeclared, SeasonEnded]
    book.declare_season("coldwave", MORNING + DAY, actor="gu", reason=WHY)
    site.clock.home += DAY
    assert book.declared() == {}


@pytest.mark.parametrize(("season", "days"), [("autumn", 1), ("heatwave", 0), ("heatwave", 61)])
def test_a_season_that_is_none_or_has_no_end_in_sight_is_refused(book: Rulebook, season: str, days: int) -> None:
    with pytest.raises(ChangeRefused):
        book.declare_season(season, MORNING + days * DAY, actor="gu", reason=WHY)
    with pytest.raises(ChangeRefused, match="not declared"):
        book.end_season("heatwave", actor="gu", reason=WHY)


def test_a_household_gets_a_shorter_limit_and_loses_it_again(site: Site, book: Rulebook) -> None:
    book.set_limit("hh-own", "motion", 1, 5 * HOUR, actor="gu", reason=WHY)
    book.set_limit("hh-own", "motion", 1, 4 * HOUR, actor="gu", reason=WHY)
    book.set_limit("hh-own", "heat", 2, 32.0, actor="gu", reason=WHY)
    assert book.own("hh-own") == [OwnLimit(rule="motion", level=1, limit=4.0 * HOUR), OwnLimit(rule="heat", level=2, limit=32.0)]
    profile = book.profile("hh-own")
    assert profile.absence.motion == (4 * HOUR, 12 * HOUR, 24 * HOUR)
    assert profile.thresholds[Channel.HEAT].limit(2).raise_at == 32.0
    book.set_limit("hh-own", "motion", 1, None, actor="gu", reason=WHY)
    assert book.profile("hh-own").absence.motion[0] == 8 * HOUR
    assert [fact.limit for fact in facts(site) if isinstance(fact, HouseholdLimit)] == [5.0 * HOUR, 4.0 * HOUR, 32.0, None]


@pytest.mark.parametrize(
    ("rule", "level", "limit"),
    [
        ("motion", 1, 8.0 * HOUR),
        ("motion", 1, 0.0),
        ("motion", 4, 1.0 * HOUR),
        ("away", 1, 1.0 * HOUR),
        ("cannot_verify", 1, 1.0 * HOUR),
        ("heat", 1, 31.0),
        ("cold", 1, 18.0),
        ("dry", 2, 30.0),
        ("heat", 1, float("nan")),
        ("heat_inactive", 1, 4.0 * HOUR),
        ("heat_inactive", 2, 1.0 * HOUR),
        ("motion_phone", 1, 1.0 * HOUR),
        ("nonsense", 1, 1.0),
        ("motion", 1, None),
    ],
)
def test_a_limit_that_is_not_more_careful_is_refused(
    site: Site, book: Rulebook, rule: str, level: int, limit: float | None
) -> None:
    with pytest.raises(ChangeRefused):
        book.set_limit("hh-own", rule, level, limit, actor="gu", reason=WHY)
    assert len(facts(site)) == 1


def test_a_household_gets_a_shorter_stillness_in_the_heat(site: Site, book: Rulebook) -> None:
    book.set_limit("hh-own", "heat_inactive", 1, 2 * HOUR, actor="gu", reason=WHY)
    assert book.profile("hh-own").inactive == {"heat_inactive": 2 * HOUR, "cold_inactive": 4 * HOUR}


def test_a_household_nobody_knows_has_no_limits(book: Rulebook) -> None:
    with pytest.raises(NotRegistered):
        book.set_limit("hh-none", "motion", 1, 5.0 * HOUR, actor="gu", reason=WHY)


def test_the_limits_of_a_household_know_the_season(site: Site, book: Rulebook) -> None:
    dates = TEXT.replace("[season.coldwave]", '[season.coldwave.motion]\ncaution = "5 h"\n[season.coldwave]')
    book.apply(
        read_table(
            dates.replace("[season.heatwave]\nfactor = 1.0", '[season.heatwave]\nfrom = "01-01"\nuntil = "12-30"\nfactor = 0.5')
        ),
        actor="gu",
        reason=WHY,
    )
    assert book.profile("hh-own").absence.motion[0] == 4 * HOUR
    book.apply(read_table(dates), actor="gu", reason=WHY)
    assert book.profile("hh-own").absence.motion[0] == 8 * HOUR
    book.declare_season("coldwave", MORNING + DAY, actor="gu", reason=WHY)
    assert book.profile("hh-own").absence.motion[0] == 5 * HOUR
    assert book.profile("hh-own").thresholds[Channel.COLD].limit(1).dwell == 120 * MINUTE


def test_the_table_a_site_began_with_is_known_after_others_were_applied(site: Site) -> None:
    book = Rulebook(site.engine, Sealer(b"k" * 32), site.clock)
    assert book.first() is None
    book.begin(DEFAULT)
    book.apply(SHORTER, actor="gu", reason=WHY)
    first, now = book.first(), book.in_force()
    assert first is not None and now is not None
    assert (first.version, now.version) == (DEFAULT.version, SHORTER.version)


def test_two_seasons_stand_beside_each_other_and_each_ends_by_itself(site: Site, book: Rulebook) -> None:
    heat = book.declare_season("heatwave", MORNING + DAY, actor="gu", reason=WHY)
    book.declare_season("coldwave", MORNING + 2 * DAY, actor="gu", reason=WHY)
    assert book.declared() == {"heatwave": MORNING + DAY, "coldwave": MORNING + 2 * DAY}
    site.clock.home += DAY
    assert book.declared() == {"coldwave": MORNING + 2 * DAY}
    book.end_season("coldwave", actor="gu", reason=WHY)
    assert book.declared() == {}
    oldest = [one for one in book.changes() if one.id == heat]
    assert [(one.kind, one.season, one.until, one.actor, one.reason, one.at) for one in oldest] == [
        ("season", "heatwave", MORNING + DAY, "gu", WHY, MORNING)
    ]


def test_a_home_that_is_looked_after_no_longer_has_its_limits_shown_and_not_changed(site: Site, book: Rulebook) -> None:
    book.set_limit("hh-own", "motion", 1, 5.0 * HOUR, actor="gu", reason=WHY)
    Register(site.engine, Sealer(b"k" * 32), site.clock).end_household("hh-own", at=MORNING + HOUR)
    assert book.profile("hh-own").absence.motion[0] == 5 * HOUR
    with pytest.raises(NotRegistered, match="no longer"):
        book.set_limit("hh-own", "motion", 1, 4.0 * HOUR, actor="gu", reason=WHY)


def test_a_change_of_limits_is_refused_with_its_reason(site: Site, book: Rulebook) -> None:
    def refused(ask: Callable[[], object]) -> str:
        with pytest.raises(ChangeRefused) as caught:
            ask()
        return str(caught.value)

    why = {"actor": "gu", "reason": WHY}
    assert refused(lambda: book.apply(DEFAULT, **why)) == f"{DEFAULT.version} is in force already"
    assert refused(lambda: book.declare_season("autumn", MORNING + DAY, **why)) == (
        "'autumn' is no season; there are heatwave, coldwave"
    )
    for until in (MORNING, MORNING + 60 * DAY + 1):
        assert refused(lambda until=until: book.declare_season("heatwave", until, **why)) == (
            "a season is declared until a time to come, at most 60 days on; a longer one is dates in the table"
        )
    assert refused(lambda: book.end_season("heatwave", **why)) == "the season heatwave is not declared"
    assert refused(lambda: book.set_limit("hh-own", "motion", 1, None, **why)) == (
        "the household has no limit of its own for motion"
    )
    for limit in (8.0 * HOUR, 0.0):
        assert refused(lambda limit=limit: book.set_limit("hh-own", "motion", 1, limit, **why)) == (
            "a household's own limit may only be shorter than 8 h, and above 0"
        )
    assert refused(lambda: book.set_limit("hh-own", "heat", 1, 31.0, **why)) == ("a household's own limit may only lie below 31")
    assert refused(lambda: book.set_limit("hh-own", "cold", 1, 18.0, **why)) == ("a household's own limit may only lie above 18")
    one = "motion, call, phone, heat_inactive, cold_inactive, heat, cold, dry, damp, temperature_fall"
    two = "motion, call, phone, cannot_verify_excused, heat, cold"
    for rule, level, those in (("away", 1, one), ("dry", 2, two), ("motion", 4, "")):
        assert refused(lambda rule=rule, level=level: book.set_limit("hh-own", rule, level, 1.0, **why)) == (
            f"{rule!r} has no limit of level {level} that a household may shorten; these have one: {those}"
        )
    with pytest.raises(NoReason, match="a change of limits needs a reason"):
        book.set_limit("hh-own", "motion", 1, 1.0 * HOUR, actor="gu", reason=" ")
