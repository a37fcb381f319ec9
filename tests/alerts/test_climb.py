"""What a check does on its ladder: who is asked, who is told, when, and what an answer changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from alerts.attempt import Answer, Result
from alerts.check import Ask, CheckState, Conflict, NotFound, NoticeKind, Outcome
from alerts.delivery import Permanent
from alerts.ladder import DEFAULT, RungChannel, Who, read_ladder
from alerts.policy import Policy, Route
from alerts.record import asked
from alerts.tables import attempt, check, delivery, transition
from ingest.clock import HOUR, MINUTE, parse_local
from ingest.facts import CheckResolved
from ingest.register.tables import dong, guardian, household
from rules.finding import Finding, Level, RuleKey, Verb
from tests.alerts.alert_parts import MORNING, WEBHOOK, Site, finding, make_site

POLICY = Policy(routes=(WEBHOOK,), channels=("call", "message"))
NIGHT = parse_local("2026-01-12T22:00:00")


@pytest.fixture
def home(store_url: str) -> Iterator[Site]:
    """A site with a gateway for calls and messages, and one household with two people to call."""
    made = make_site(store_url, POLICY)
    with made.engine.begin() as connection:
        connection.execute(insert(dong).values(code="dong-1", name="하나동"))
        connection.execute(insert(household).values(id="hh-1", dong_code="dong-1", grade="ordinary", enrolled_at=1))
        for place in (1, 2):
            connection.execute(insert(guardian).values(household_id="hh-1", position=place, sealed=b"-"))
    yield made
    made.engine.dispose()


def calls(site: Site) -> list[str]:
    """Ids of the calls to the resident, in order."""
    return [row.delivery_id for row in sorted(site.rows(attempt), key=lambda row: row.number) if row.delivery_id]


def results(site: Site) -> list[tuple[str, str | None]]:
    """Rung and result of each try, in order."""
    return [(row.rung, row.result) for row in sorted(site.rows(attempt), key=lambda row: row.number)]


def pass_and_send(site: Site, length: int) -> None:
    site.clock.machine += length
    site.pass_home(length)
    site.sender.turn()


def alive(household: str = "hh-1", number: str = "alive") -> Finding:
    return finding(RuleKey.MOTION, Level.CAUTION, Verb.ALIVE, episode=number, household=household)


# ---------------------------------------------------------------- the machine


def test_the_resident_is_asked_twice_before_anybody_is_told(home: Site) -> None:
    home.take(finding(level=Level.CAUTION))
    assert home.only().with_machine
    assert [(row.channel, row.recipient, row.not_after - MORNING) for row in home.rows(delivery)] == [
        ("call", "resident:hh-1", 10 * MINUTE)
    ]
    pass_and_send(home, 10 * MINUTE)
    assert home.book.given == []
    assert len(calls(home)) == 2
    pass_and_send(home, 10 * MINUTE)
    assert home.book.kinds == ["opened"]
    assert results(home) == [("resident", "no_answer"), ("resident", "no_answer"), ("officer", None)]
    assert len(calls(home)) == 2


@pytest.mark.parametrize(
    "raised",
    [
        finding(level=Level.DANGER),
        finding(RuleKey.CANNOT_VERIFY, Level.WARNING),
        finding(RuleKey.HEAT, Level.CAUTION),
        finding(RuleKey.COLD, Level.WARNING),
        finding(RuleKey.SOS, Level.DANGER),
        finding(RuleKey.SMOKE, Level.DANGER),
        finding(RuleKey.GAS, Level.DANGER),
        finding(RuleKey.REPORTED, Level.WARNING),
    ],
)
def test_what_is_for_people_skips_the_machine(raised: Finding) -> None:
    site = make_site("sqlite://", POLICY)
    site.take(raised)
    site.sender.turn()
    assert calls(site) == []
    assert site.book.kinds == ["opened"]


def test_no_machine_rings_at_night_the_officer_is_told_at_once(home: Site) -> None:
    home.clock.home = NIGHT
    home.take(finding(at=NIGHT))
    home.sender.turn()
    assert calls(home) == []
    assert home.book.kinds == ["opened"]


def test_the_second_try_of_the_evening_is_the_officers(home: Site) -> None:
    home.clock.home = NIGHT - 5 * MINUTE
    home.take(finding())
    (row,) = home.rows(delivery)
    assert row.not_after == NIGHT  # a call that is late must not ring in the night
    pass_and_send(home, 10 * MINUTE)
    assert len(calls(home)) == 1
    assert home.book.kinds == ["opened"]


def test_a_call_that_has_not_left_in_time_is_withdrawn(home: Site) -> None:
    home.take(finding())
    home.clock.home += 10 * MINUTE
    caller = type(home.sender)(home.engine, home.clock, {"call": home.book})
    assert caller.turn() == 0
    assert [row.state for row in home.rows(delivery)] == ["withdrawn"]


def test_a_site_without_a_gateway_tells_the_officer_at_once(site: Site) -> None:
    site.take(finding())
    site.sender.turn()
    assert site.book.kinds == ["opened"]


def test_an_alert_that_is_for_people_ends_the_machines_turn(home: Site) -> None:
    home.take(finding())
    home.take(finding(RuleKey.HEAT, Level.CAUTION))
    home.sender.turn()
    assert home.book.kinds == ["added"]
    assert results(home) == [("resident", "stopped"), ("officer", None)]
    assert [row.state for row in home.rows(delivery) if row.channel == "call"] == ["withdrawn"]
    home.take(finding(RuleKey.COLD, Level.CAUTION))  # the officer has it already: nothing more is told
    home.sender.turn()
    assert home.book.kinds == ["added"]


def test_another_absence_leaves_the_machine_at_it(home: Site) -> None:
    home.take(finding(), finding(RuleKey.CALL))
    assert home.only().with_machine
    assert home.actions() == ["opened", "added"]


def test_a_rise_ends_the_machines_turn(home: Site) -> None:
    home.take(finding(), finding(level=Level.WARNING))
    home.sender.turn()
    assert not home.only().with_machine
    assert home.book.kinds == ["risen"]


def test_whoever_takes_the_check_ends_the_machines_turn(home: Site) -> None:
    home.take(finding())
    home.desk.acknowledge(home.only().id, actor="kim", dong=None)
    assert [row.state for row in home.rows(delivery)] == ["withdrawn"]
    assert results(home) == [("resident", "taken")]
    home.pass_home(9 * HOUR)
    home.sender.turn()
    assert home.book.kinds == ["expired"]  # people from here on
    assert len(calls(home)) == 1


# ---------------------------------------------------------------- answers


def test_i_am_well_settles_the_check_and_tells_the_rules(home: Site) -> None:
    home.take(finding())
    done = home.desk.answer(calls(home)[0], Answer.WELL)
    assert (done.state, done.outcome, done.owner) == (CheckState.RESOLVED, Outcome.SAFE_BY_AUTOMATIC_CALL, None)
    (fact,) = home.facts()
    assert isinstance(fact, CheckResolved)
    assert (fact.outcome, fact.rules) == ("safe_by_automatic_call", ("motion",))
    assert results(home) == [("resident", "well")]
    row = home.rows(transition)[-1]
    assert (row.actor, row.action, row.reason) == ("resident", "resolved", "safe_by_automatic_call")
    assert home.pass_home(HOUR) == 0


def test_i_am_well_counts_after_the_officer_was_told_while_nobody_has_it(home: Site) -> None:
    home.take(finding())
    pass_and_send(home, 10 * MINUTE)
    pass_and_send(home, 10 * MINUTE)
    assert home.desk.answer(calls(home)[0], Answer.WELL).state is CheckState.RESOLVED


@pytest.mark.parametrize("why", ["taken", "risen", "joined", "visited"])
def test_no_machine_settles_what_it_may_not(home: Site, why: str) -> None:
    home.take(finding())
    call, number = calls(home)[0], home.only().id
    if why == "taken":
        home.desk.acknowledge(number, actor="kim", dong=None)
    elif why == "risen":
        home.take(finding(level=Level.DANGER))
    elif why == "joined":
        home.take(finding(RuleKey.COLD, Level.CAUTION))
    else:
        home.desk.begin_visit(number, actor="kim", dong=None)
    before = home.only()
    after = home.desk.answer(call, Answer.WELL)
    assert after.state is before.state
    assert home.facts() == []
    assert ("resident", "well") in results(home)  # noted for the person who decides


def test_i_need_help_is_a_danger_and_reaches_people(home: Site) -> None:
    home.take(finding())
    risen = home.desk.answer(calls(home)[0], Answer.HELP)
    assert (risen.level, risen.state) == (Level.DANGER, CheckState.OPEN)
    assert risen.alerts[0].rule is RuleKey.HELP
    assert results(home) == [("resident", "help"), ("officer", None)]
    home.sender.turn()
    assert home.book.messages[0].level == "danger"
    home.desk.answer(calls(home)[0], Answer.HELP)
    assert len(results(home)) == 2


def test_help_is_not_lost_where_the_check_is_over(home: Site) -> None:
    home.take(finding())
    home.desk.resolve(home.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    home.desk.answer(calls(home)[0], Answer.HELP)
    (fresh,) = home.desk.checks(dong=None, states=[CheckState.OPEN])
    assert (fresh.level, [each.rule for each in fresh.alerts]) == (Level.DANGER, [RuleKey.HELP])


def test_an_answer_without_a_key_goes_to_the_officer(home: Site) -> None:
    home.take(finding())
    home.desk.answer(calls(home)[0], Answer.NO_KEY)
    home.sender.turn()
    assert home.book.kinds == ["opened"]
    assert results(home) == [("resident", "no_key"), ("officer", None)]


def test_nobody_answering_waits_for_the_next_try(home: Site) -> None:
    home.take(finding())
    home.desk.answer(calls(home)[0], Answer.NO_ANSWER)
    assert home.tick.run() == 0
    pass_and_send(home, 10 * MINUTE)
    assert results(home) == [("resident", "no_answer"), ("resident", None)]


def test_a_call_that_cannot_be_made_is_over_at_once(home: Site) -> None:
    home.take(finding())
    home.desk.answer(calls(home)[0], Answer.UNREACHABLE)
    assert home.tick.run() == 1
    assert results(home) == [("resident", "unreachable"), ("resident", None)]
    home.desk.answer(calls(home)[0], Answer.NO_KEY)  # told late of the first: an officer all the same
    assert results(home)[0] == ("resident", "no_key")
    assert not home.only().with_machine


def test_an_unreachable_first_call_says_nothing_of_the_second(home: Site) -> None:
    home.take(finding())
    pass_and_send(home, 10 * MINUTE)
    before = home.only().due
    with home.engine.begin() as connection:
        connection.execute(attempt.update().where(attempt.c.number == 1).values(result=None))
    home.desk.answer(calls(home)[0], Answer.UNREACHABLE)
    assert home.only().due == before


def test_answers_come_twice_and_in_any_order(home: Site) -> None:
    home.take(finding())
    call = calls(home)[0]
    for told, known in (
        (Answer.NO_ANSWER, "no_answer"),
        (Answer.UNREACHABLE, "no_answer"),
        (Answer.WELL, "well"),
        (Answer.NO_ANSWER, "well"),
        (Answer.WELL, "well"),
        (Answer.HELP, "help"),
        (Answer.WELL, "help"),
    ):
        home.desk.answer(call, told)
        assert [row.result for row in home.rows(attempt) if row.delivery_id == call] == [known]
    assert len(home.facts()) == 1


def test_an_unknown_call_is_told_so(home: Site) -> None:
    with pytest.raises(NotFound):
        home.desk.answer("nothing", Answer.WELL)


# ---------------------------------------------------------------- rungs for people


def test_a_danger_climbs_to_119_which_a_person_is_told_to_call(home: Site) -> None:
    home.take(finding(level=Level.DANGER))
    home.sender.turn()
    for wait in (5, 5, 10, 10, 10, 10, 5):
        pass_and_send(home, wait * MINUTE)
    assert home.book.kinds == ["opened", "reminder", "contact", "visit", "visit", "visit", "emergency", "emergency"]
    assert {row.channel for row in home.rows(delivery)} == {"webhook", "message"}
    contacts = [(row.channel, row.recipient) for row in home.rows(delivery) if row.channel == "message"]
    assert sorted(contacts) == [("message", "guardian:hh-1:1"), ("message", "guardian:hh-1:2")]
    told = {row.rung: row.told for row in home.rows(attempt)}
    assert told["contact"] == 1  # of staff: whether anybody was on duty


def test_a_warning_ends_exhausted_after_its_visits_and_says_so(home: Site) -> None:
    home.take(finding(RuleKey.HEAT, Level.WARNING))
    for _ in range(200):
        pass_and_send(home, 30 * MINUTE)
    assert home.only().exhausted
    assert home.book.kinds[-1] == "exhausted"
    assert "emergency" not in home.book.kinds
    assert results(home)[-1] == ("visit", "untaken")


def test_a_ladder_is_never_climbed_down(home: Site) -> None:
    home.take(finding(level=Level.DANGER))
    for wait in (5, 5, 10):
        pass_and_send(home, wait * MINUTE)
    assert home.only().rung == "visit"
    home.desk.acknowledge(home.only().id, actor="kim", dong=None)
    pass_and_send(home, 15 * MINUTE)
    assert (home.only().rung, home.only().tries) == ("visit", 1)
    home.take(finding(RuleKey.SOS, Level.DANGER))
    assert home.only().rung == "visit"


def test_a_level_for_which_the_reached_rung_has_nothing_left_goes_back_to_the_officer() -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    text = text.replace('danger = { tries = 3, wait = "10 min" }\n', "").replace('then = "emergency"', 'then = "exhausted"')
    site = make_site("sqlite://", replace(POLICY, ladder=read_ladder(text)))
    site.take(finding(RuleKey.HEAT, Level.WARNING))
    for _ in range(5):
        pass_and_send(site, 30 * MINUTE)
    assert site.only().rung == "visit"
    site.take(finding(RuleKey.HEAT, Level.DANGER))
    assert site.only().rung == "officer"
    assert not site.only().exhausted


def test_a_telling_that_reaches_nobody_is_over_at_once(home: Site) -> None:
    home.book.answers = [Permanent(error="status 401")]
    home.take(finding(level=Level.DANGER))
    home.sender.turn()
    assert home.tick.run() == 1
    assert home.only().tries == 2
    home.sender.turn()
    assert home.tick.run() == 0


def test_a_call_that_failed_for_good_is_unreachable_and_over_at_once(home: Site) -> None:
    home.take(finding())
    home.book.answers = [Permanent(error="no number")]
    type(home.sender)(home.engine, home.clock, {"call": home.book}).turn()
    assert home.tick.run() == 1
    assert results(home) == [("resident", "unreachable"), ("resident", None)]


def test_a_telling_that_reached_one_of_two_goes_on_as_it_would() -> None:
    routes = (WEBHOOK, Route(channel="webhook", recipient="other"))
    site = make_site("sqlite://", Policy(routes=routes))
    site.book.answers = [Permanent(error="status 401")]
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    assert site.tick.run() == 0


def test_nobody_on_duty_is_shown_and_the_ladder_goes_on() -> None:
    site = make_site("sqlite://", Policy(routes=()))
    site.take(finding(level=Level.DANGER))
    assert [row.told for row in site.rows(attempt)] == [0]
    assert site.pass_home(5 * MINUTE) == 1


def test_a_check_keeps_the_ladder_it_was_opened_with(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'anbu.db'}"
    first = make_site(url, Policy(routes=(WEBHOOK,)))
    first.take(finding(RuleKey.HEAT, Level.DANGER))
    pace = 'danger = { tries = 2, wait = "5 min" }'
    text = DEFAULT.read_text(encoding="utf-8").replace(pace, pace.replace("5 min", "1 min"))
    second = make_site(url, Policy(routes=(WEBHOOK,), ladder=read_ladder(text)))
    assert second.pass_home(MINUTE) == 0
    second.take(finding(RuleKey.HEAT, Level.DANGER, household="hh-2"))
    assert second.pass_home(MINUTE) == 1
    assert len({each.ladder.version for each in second.desk.checks(dong=None)}) == 2
    first.engine.dispose()
    second.engine.dispose()


def test_a_check_from_before_ladders_climbs_the_shipped_one(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    with site.engine.begin() as connection:
        connection.execute(check.update().values(ladder_version=None))
    assert site.pass_home(5 * MINUTE) == 1
    assert site.only().ladder == site.policy.ladder


# ---------------------------------------------------------------- signs of life


def test_signs_of_life_stop_the_machine_and_bring_the_check_back_in_half_an_hour(home: Site) -> None:
    home.take(finding(), finding(verb=Verb.CLEARED), alive())
    home.sender.turn()
    found = home.only()
    assert found.due is not None
    assert (found.state, found.level, found.due.due_at - MORNING) == (CheckState.OPEN, Level.CAUTION, 30 * MINUTE)
    assert home.book.kinds == ["alive"]
    assert results(home) == [("resident", "stopped")]
    assert [row.state for row in home.rows(delivery) if row.channel == "call"] == ["withdrawn"]
    pass_and_send(home, 30 * MINUTE)
    assert home.book.kinds == ["alive", "reminder"]
    assert len(calls(home)) == 1


def test_signs_of_life_bring_a_taken_check_back_to_its_owner(home: Site) -> None:
    home.take(finding())
    home.desk.acknowledge(home.only().id, actor="kim", dong=None)
    home.take(alive())
    found = home.only()
    assert found.due is not None
    assert (found.state, found.owner, found.due.due_at - MORNING) == (CheckState.ACKNOWLEDGED, "kim", 30 * MINUTE)
    home.sender.turn()
    pass_and_send(home, 30 * MINUTE)
    assert home.only().state is CheckState.OPEN
    assert home.book.kinds == ["alive", "expired"]


@pytest.mark.parametrize("rule", [RuleKey.SOS, RuleKey.HEAT, RuleKey.REPORTED, RuleKey.HELP])
def test_signs_of_life_say_nothing_of_what_is_no_absence(site: Site, rule: RuleKey) -> None:
    site.take(finding(), finding(rule, Level.DANGER))
    before = site.only()
    site.take(alive())
    assert site.only() == before


def test_signs_of_life_change_nothing_once_somebody_is_on_the_way_or_where_nothing_is_open(home: Site) -> None:
    home.take(alive("hh-2", "nothing"))
    home.take(finding())
    home.desk.begin_visit(home.only().id, actor="kim", dong=None)
    before = home.only()
    home.take(alive())
    assert home.only() == before


# ---------------------------------------------------------------- by hand


def test_a_visit_takes_the_check_and_shows_until_it_is_given_up(home: Site) -> None:
    home.take(finding(level=Level.DANGER))
    begun = home.desk.begin_visit(home.only().id, actor="kim", dong="dong-1", text="걸어서 10분")
    assert (begun.state, begun.owner, begun.visit_at) == (CheckState.ACKNOWLEDGED, "kim", MORNING)
    assert home.actions() == ["opened", "acknowledged", "visit_begun"]
    assert results(home) == [("officer", "taken"), ("hand", None)]
    home.pass_home(15 * MINUTE)
    assert home.only().visit_at is None
    done = home.desk.end_try(begun.id, 2, actor="kim", dong=None, result=Result.REACHED)
    assert results(home)[1] == ("hand", "reached")
    with pytest.raises(Conflict):
        home.desk.end_try(done.id, 2, actor="lee", dong=None, result=Result.NO_ANSWER)
    with pytest.raises(Conflict):
        home.desk.end_try(done.id, 1, actor="lee", dong=None, result=Result.NO_ANSWER)  # the ladder's
    with pytest.raises(NotFound):
        home.desk.end_try(done.id, 99, actor="lee", dong=None, result=Result.NO_ANSWER)


def test_a_colleagues_visit_leaves_the_check_with_its_owner(home: Site) -> None:
    home.take(finding(level=Level.DANGER))
    home.desk.acknowledge(home.only().id, actor="kim", dong=None)
    home.clock.home += 10 * MINUTE
    begun = home.desk.begin_visit(home.only().id, actor="park", dong=None)
    assert begun.owner == "kim"
    assert begun.due is not None
    assert begun.due.due_at == home.clock.home + 15 * MINUTE


def test_a_call_by_hand_is_kept_with_who_and_how_it_went(home: Site) -> None:
    home.take(finding(level=Level.WARNING))
    number = home.only().id
    home.desk.try_by_hand(number, actor="kim", dong=None, who=Who.CONTACT, result=Result.NO_ANSWER, text="따님 부재중")
    home.desk.try_by_hand(number, actor="kim", dong=None, who=Who.RESIDENT)
    rows = [(row.who, row.channel, row.actor, row.result, row.result_by) for row in home.rows(attempt) if row.rung == "hand"]
    assert rows == [("contact", "phone", "kim", "no_answer", "kim"), ("resident", "phone", "kim", None, None)]
    detail = home.desk.check(number, dong="dong-1")
    assert detail is not None
    assert [(each.reason, each.note) for each in detail.transitions[1:]] == [
        ("contact:no_answer", "따님 부재중"),
        ("resident:begun", None),
    ]
    assert [each.attempt.number for each in detail.attempts] == [1, 2, 3]
    assert detail.attempts[0].attempt.automatic
    assert not detail.attempts[1].attempt.automatic


def test_nothing_is_tried_for_a_check_that_is_over(home: Site) -> None:
    home.take(finding())
    number = home.only().id
    home.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    with pytest.raises(Conflict):
        home.desk.begin_visit(number, actor="kim", dong=None)
    with pytest.raises(Conflict):
        home.desk.try_by_hand(number, actor="kim", dong=None, who=Who.RESIDENT)


def test_a_check_shows_the_last_three_before_it(home: Site) -> None:
    for day in range(5):
        home.clock.home = MORNING + day * 24 * HOUR
        home.take(finding(RuleKey.HEAT, Level.WARNING, at=home.clock.home, episode=f"e{day}"))
        (open_one,) = home.desk.checks(dong=None, states=[CheckState.OPEN])
        if day < 4:
            home.desk.resolve(open_one.id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    detail = home.desk.check(open_one.id, dong=None)
    assert detail is not None
    assert [each.opened_at - MORNING for each in detail.earlier] == [day * 24 * HOUR for day in (3, 2, 1)]


def test_nobody_is_asked_where_no_household_is_known(home: Site) -> None:
    home.take(finding(RuleKey.SMOKE, Level.DANGER, household=None, device="dev-9"))
    ask = Ask(who=Who.CONTACT, channel=RungChannel.MESSAGE, kind=NoticeKind.ASK_CONTACT, step="rung:1:ask_contact", not_after=1)
    with home.engine.begin() as connection:
        assert asked(connection, home.only(), ask) == []
