"""What staff do at the desk: who may see what, which states allow what, what the journal is told, what is kept sealed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from alerts.check import BadReturn, CheckState, Conflict, NeedsText, NotFound, Outcome, WrongValue
from alerts.rows import load_check, write_check
from alerts.tables import alert, transition
from alerts.work import BY_PEOPLE
from ingest.clock import DAY, HOUR
from ingest.facts import AwayDeclared, CheckResolved, HouseholdEnded
from ingest.register.tables import device, dong, household
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, Site, finding


def test_open_acknowledged_resolved(site: Site) -> None:
    site.take(finding())
    site.clock.home += HOUR
    taken = site.desk.acknowledge(site.only().id, actor="kim", dong="dong-1", version=1)
    assert (taken.state, taken.owner, taken.acknowledged_at) == (CheckState.ACKNOWLEDGED, "kim", MORNING + HOUR)
    done = site.desk.resolve(taken.id, actor="kim", dong="dong-1", outcome=Outcome.SAFE_BY_VISIT, version=taken.version)
    assert (done.state, done.outcome, done.resolved_at) == (CheckState.RESOLVED, Outcome.SAFE_BY_VISIT, MORNING + HOUR)
    assert done == site.only()
    assert [row.closed_at for row in site.rows(alert)] == [MORNING + HOUR]
    assert site.actions() == ["opened", "acknowledged", "resolved"]


def test_resolving_an_open_check_acknowledges_it_on_the_way(site: Site) -> None:
    site.take(finding())
    done = site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    assert done.owner == "kim"
    assert site.actions() == ["opened", "acknowledged", "resolved"]


def test_every_transition_says_who_when_and_why(site: Site) -> None:
    site.take(finding(level=Level.WARNING))
    site.clock.home += HOUR
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    rows = [(row.actor, row.at, row.reason, row.old, row.new) for row in site.rows(transition)]
    assert rows == [
        ("rules", MORNING, "motion", None, "open"),
        ("kim", MORNING + HOUR, "resolved_at_once", "open", "acknowledged"),
        ("kim", MORNING + HOUR, "safe_by_phone", "acknowledged", "resolved"),
    ]


def test_that_the_automatic_call_was_answered_is_for_no_person_to_say(site: Site) -> None:
    site.take(finding())
    with pytest.raises(WrongValue, match="automatic call"):
        site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_AUTOMATIC_CALL)
    assert site.only().state is CheckState.OPEN
    assert site.facts() == []


def test_a_resolved_check_refuses_every_further_step_but_a_note(site: Site) -> None:
    site.take(finding())
    number = site.only().id
    site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    with pytest.raises(Conflict):
        site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    with pytest.raises(Conflict):
        site.desk.acknowledge(number, actor="kim", dong=None)
    site.desk.note(number, actor="kim", dong=None, text="따님과 통화")
    assert site.only().state is CheckState.RESOLVED
    assert len(site.facts()) == 1


def test_a_stale_version_is_refused_and_changes_nothing(site: Site) -> None:
    site.take(finding())
    seen = site.only()
    site.take(finding(level=Level.WARNING))
    with pytest.raises(Conflict):
        site.desk.acknowledge(seen.id, actor="kim", dong=None, version=seen.version)
    with pytest.raises(Conflict):
        site.desk.resolve(seen.id, actor="kim", dong=None, outcome=Outcome.AWAY, version=seen.version)
    assert site.actions() == ["opened", "risen"]


def test_a_check_another_holds_is_not_taken_from_them_but_may_be_held_anew_by_its_owner(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    with pytest.raises(Conflict):
        site.desk.acknowledge(site.only().id, actor="lee", dong=None)
    site.clock.home += 10 * 60_000
    again = site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    assert again.due is not None
    assert again.due.due_at == site.clock.home + 15 * 60_000


def test_another_dong_finds_nothing(site: Site) -> None:
    site.take(finding(), finding(RuleKey.DEVICE_CLOCK, device="dev-1"))
    number = site.only().id
    (ticket,) = site.desk.tickets(dong="dong-1")
    assert site.desk.checks(dong="dong-2") == []
    assert site.desk.check(number, dong="dong-2") is None
    assert site.desk.tickets(dong="dong-2") == []
    assert site.desk.events(after=0, dong="dong-2") == []
    for attempt in (
        lambda: site.desk.acknowledge(number, actor="lee", dong="dong-2"),
        lambda: site.desk.note(number, actor="lee", dong="dong-2", text="x"),
        lambda: site.desk.resolve(number, actor="lee", dong="dong-2", outcome=Outcome.AWAY),
        lambda: site.desk.resolve_ticket(ticket.id, actor="lee", dong="dong-2"),
        lambda: site.desk.ticket_history(ticket.id, dong="dong-2"),
        lambda: site.desk.checks(dong="dong-2", before=number),
        lambda: site.desk.acknowledge("nothing", actor="lee", dong=None),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert site.actions() == ["opened"]


def test_outcome_other_and_notes_need_text(site: Site) -> None:
    site.take(finding())
    with pytest.raises(NeedsText):
        site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.OTHER, text="  ")
    with pytest.raises(NeedsText):
        site.desk.note(site.only().id, actor="kim", dong=None, text=" ")
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.OTHER, text="이웃집에 계심")
    assert site.only().outcome is Outcome.OTHER


def test_notes_are_sealed_at_rest_and_open_for_those_who_may_see_the_check(site: Site) -> None:
    site.take(finding())
    number = site.only().id
    site.desk.note(number, actor="kim", dong=None, text="무릎이 아프심")
    site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE, text="약 드심")
    kept = b"".join(row.sealed_note or b"" for row in site.rows(transition))
    assert "무릎".encode() not in kept
    detail = site.desk.check(number, dong="dong-1")
    assert detail is not None
    assert [each.note for each in detail.transitions] == [None, "무릎이 아프심", None, "약 드심"]


def test_a_note_that_cannot_be_opened_hides_nothing_else(site: Site) -> None:
    site.take(finding())
    site.desk.note(site.only().id, actor="kim", dong=None, text="메모")
    with site.engine.begin() as connection:
        connection.execute(transition.update().where(transition.c.action == "noted").values(sealed_note=b"altered"))
    detail = site.desk.check(site.only().id, dong=None)
    assert detail is not None
    assert [(each.note, each.broken) for each in detail.transitions] == [(None, False), (None, True)]


def test_a_settled_check_is_told_to_the_journal_in_the_same_transaction(site: Site) -> None:
    site.take(finding(), finding(RuleKey.CALL))
    number = site.only().id
    site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    (fact,) = site.facts()
    assert fact == CheckResolved(
        fact_id=f"resolved:{number}",
        at=MORNING,
        check_id=number,
        household_id=fact.household_id,
        outcome="safe_by_phone",
        rules=tuple(each.rule.value for each in site.only().alerts),
    )
    assert fact.household_id == "hh-1"


def test_away_needs_a_return_time_of_at_most_fourteen_days(site: Site) -> None:
    site.take(finding())
    number = site.only().id
    for wrong in (None, MORNING, MORNING - HOUR, MORNING + 14 * DAY + 1):
        with pytest.raises(BadReturn):
            site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.AWAY, returns_at=wrong)
    assert site.facts() == []
    assert site.only().state is CheckState.OPEN
    site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.AWAY, returns_at=MORNING + 14 * DAY)
    away = site.facts()[1]
    assert isinstance(away, AwayDeclared)
    assert (away.household_id, away.returns_at, away.reason) == ("hh-1", MORNING + 14 * DAY, "other")


def test_hospital_is_away_for_fourteen_days_unless_told(site: Site) -> None:
    site.take(finding())
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.HOSPITAL)
    away = site.facts()[1]
    assert isinstance(away, AwayDeclared)
    assert (away.returns_at, away.reason) == (MORNING + 14 * DAY, "hospital")


@pytest.mark.parametrize("outcome", [Outcome.MOVED, Outcome.DEATH_FOUND])
def test_moved_and_death_found_end_the_household_in_journal_and_register(site: Site, outcome: Outcome) -> None:
    with site.engine.begin() as connection:
        connection.execute(insert(dong).values(code="dong-1", name="하나동"))
        connection.execute(insert(household).values(id="hh-1", dong_code="dong-1", grade="ordinary", enrolled_at=1))
        kept = {"model": "pir", "signals": "motion", "report_interval_s": 0, "enrolled_at": 1}
        connection.execute(insert(device).values(id="dev-1", household_id="hh-1", **kept))
    site.take(finding())
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=outcome)
    assert isinstance(site.facts()[1], HouseholdEnded)
    assert [row.ended_at for row in site.rows(household)] == [MORNING]
    assert [(row.household_id, row.removed_at) for row in site.rows(device)] == [(None, MORNING)]


@pytest.mark.parametrize("outcome", sorted(set(BY_PEOPLE) - {Outcome.AWAY}))
def test_every_outcome_ends_the_check_and_its_alerts(site: Site, outcome: Outcome) -> None:
    site.take(finding(), finding(RuleKey.HEAT))
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=outcome, text="말")
    assert site.only().outcome is outcome
    assert all(row.closed_at == MORNING for row in site.rows(alert))


def test_the_queue_is_gravest_first_oldest_first_and_turns_pages_without_gap_or_repeat(site: Site) -> None:
    for number in range(23):
        level = Level(1 + number % 3)
        site.take(finding(household=f"hh-{number}", level=level, at=MORNING + (number * 7 % 5) * HOUR))
    whole = site.desk.checks(dong="dong-1")
    assert whole == sorted(whole, key=lambda each: (-each.level, each.opened_at, each.id))
    pages, last = [], None
    while page := site.desk.checks(dong="dong-1", limit=4, before=last):
        pages += page
        last = page[-1].id
    assert pages == whole


def test_the_queue_filters_by_dong_state_level_and_household(site: Site) -> None:
    site.take(finding(household="hh-1"), finding(household="hh-2", level=Level.DANGER), finding(household="hh-3", dong="dong-2"))
    ids = {each.household_id: each.id for each in site.desk.checks(dong=None)}
    site.desk.acknowledge(ids["hh-1"], actor="kim", dong=None)
    assert [each.household_id for each in site.desk.checks(dong="dong-1")] == ["hh-2", "hh-1"]
    assert [each.household_id for each in site.desk.checks(dong=None, states=[CheckState.ACKNOWLEDGED])] == ["hh-1"]
    assert [each.household_id for each in site.desk.checks(dong=None, level=Level.DANGER)] == ["hh-2"]
    assert [each.household_id for each in site.desk.checks(dong=None, household="hh-3")] == ["hh-3"]
    assert site.desk.checks(dong=None, states=[]) == []


def test_a_check_that_another_changed_in_between_is_not_written_over(site: Site) -> None:
    site.take(finding())
    with site.engine.begin() as connection:
        before = load_check(connection, site.only().id)
    assert before is not None
    site.desk.acknowledge(before.id, actor="kim", dong=None)
    with site.engine.begin() as connection, pytest.raises(Conflict, match="changed by somebody else"):
        write_check(connection, before, replace(before, owner="lee", version=before.version + 1), set())
    assert site.only().owner == "kim"
