"""Proves that whatever is refused is refused with one sentence that says why, and which kind of refusal it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from alerts.aftercare.contacts import LONGEST_DAYS
from alerts.aftercare.plan import ContactKind
from alerts.aftercare.referral import CapReached, CareKind, ReferralState
from alerts.aftercare.report import Words
from alerts.aftercare.visit import VisitResult
from alerts.attempt import Answer, Attempt, Result, Untold
from alerts.check import BadReturn, CheckState, Conflict, NeedsText, NotFound, Outcome, Refused, WrongValue
from alerts.contacts import ContactBook, ContactRefused, Kind
from alerts.duty.away import AwayReason
from alerts.duty.duty_roster import DutyRoster
from alerts.duty.entry import RosterWrong, ShiftEntry
from alerts.duty.handovers import NotYours
from alerts.duty.silence import SilenceKind, SilenceReason
from alerts.duty.silences import BadEnd, CannotSilence
from alerts.duty.tables import duty_shift
from alerts.duty.tonight import How
from alerts.ladder import Who
from alerts.policy import Policy
from ingest.clock import DAY, HOUR
from ingest.register.tables import household
from ingest.store import metadata, open_store
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.care_parts import KIM, Care
from tests.alerts.duty_parts import EVENING, Office, make_office
from tests.alerts.test_duty_lists import LIST

Asked = Callable[[], object]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = make_office(f"sqlite:///{tmp_path / 'anbu.sqlite3'}").staff()
    made.homes(3)
    made.homes(1, "dong-2")
    yield made
    made.engine.dispose()


@pytest.fixture
def care(tmp_path: Path) -> Iterator[Care]:
    made = Care(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    yield made
    made.site.engine.dispose()


def refused(asked: Asked) -> tuple[type[Exception], str]:
    with pytest.raises((Refused, RosterWrong, ContactRefused)) as caught:
        asked()
    return type(caught.value), str(caught.value)


def last_try(office: Office, check: str) -> Attempt:
    detail = office.desk.check(check, dong=None)
    assert detail is not None
    return detail.attempts[-1].attempt


def test_work_on_a_check_is_refused_with_its_reason(office: Office) -> None:
    desk = office.desk
    office.take(finding(household="hh-1-1"), finding(RuleKey.DEVICE_BATTERY, household="hh-1-1", device="pir-1"))
    here = {"actor": "officer1", "dong": "dong-1"}
    check, ticket = office.check_of("hh-1-1").id, desk.tickets(dong="dong-1")[0].id
    version = office.check_of("hh-1-1").version
    assert refused(lambda: desk.acknowledge("none", **here)) == (NotFound, "no such check")
    assert refused(lambda: desk.acknowledge(check, actor="officer2", dong="dong-2")) == (NotFound, "no such check")
    assert refused(lambda: desk.acknowledge(check, version=99, **here)) == (
        Conflict,
        f"the check has changed: it is at version {version}, not 99",
    )
    assert refused(lambda: desk.end_try(check, 9, result=Result.NO_ANSWER, **here)) == (NotFound, "no such try")
    assert refused(lambda: desk.answer("none", Answer.WELL)) == (NotFound, "no such call")
    assert refused(lambda: desk.note(check, text=" ", **here)) == (NeedsText, "a note needs text")
    assert refused(lambda: desk.resolve(check, outcome=Outcome.OTHER, **here)) == (NeedsText, "outcome other needs text")
    assert refused(lambda: desk.resolve(check, outcome=Outcome.AWAY, **here)) == (
        BadReturn,
        "outcome away needs a return time",
    )
    assert refused(lambda: desk.resolve(check, outcome=Outcome.AWAY, returns_at=MORNING, **here)) == (
        BadReturn,
        "the return time must lie ahead, and at most as far as an absence may last",
    )
    desk.acknowledge(check, **here)
    assert refused(lambda: desk.acknowledge(check, actor="gu", dong=None)) == (Conflict, "the check is with officer1")
    desk.try_by_hand(check, who=Who.RESIDENT, result=Result.NO_ANSWER, **here)
    told = (Conflict, "how this try went is told already, or not yours to tell")
    number = last_try(office, check).number
    assert refused(lambda: desk.end_try(check, number, result=Result.NO_ANSWER, **here)) == told
    desk.resolve(check, outcome=Outcome.SAFE_BY_PHONE, **here)
    assert refused(lambda: desk.resolve(check, outcome=Outcome.SAFE_BY_PHONE, **here)) == (
        Conflict,
        "the check is resolved already",
    )
    for asked in (
        lambda: desk.acknowledge(check, **here),
        lambda: desk.begin_visit(check, **here),
        lambda: desk.try_by_hand(check, who=Who.RESIDENT, **here),
    ):
        assert refused(asked) == (Conflict, "the check is resolved")
    assert refused(lambda: desk.resolve_ticket("none", **here)) == (NotFound, "no such ticket")
    assert refused(lambda: desk.ticket_history(ticket, dong="dong-2")) == (NotFound, "no such ticket")
    desk.resolve_ticket(ticket, **here)
    assert refused(lambda: desk.resolve_ticket(ticket, **here)) == (Conflict, "the ticket is resolved already")


def test_each_act_on_a_check_makes_a_new_version_of_it(office: Office) -> None:
    office.take(finding(household="hh-1-1"))
    here = {"actor": "officer1", "dong": "dong-1"}
    check = office.check_of("hh-1-1").id
    versions = [office.check_of("hh-1-1").version]
    for act in (
        lambda: office.desk.try_by_hand(check, who=Who.RESIDENT, **here),
        lambda: office.desk.end_try(check, last_try(office, check).number, result=Result.NO_ANSWER, **here),
        lambda: office.desk.acknowledge(check, **here),
        lambda: office.desk.note(check, text="문을 두드림", **here),
        lambda: office.desk.begin_visit(check, **here),
        lambda: office.desk.resolve(check, outcome=Outcome.SAFE_BY_VISIT, **here),
    ):
        versions.append(act().version)
    assert versions == sorted(set(versions))
    detail = office.desk.check(check, dong=None)
    assert detail is not None
    numbers = [one.id for one in detail.transitions]
    assert len(numbers) > 5 and numbers == sorted(set(numbers))


def test_who_sets_out_for_a_visit_takes_an_open_check_from_then_on(office: Office) -> None:
    office.take(finding(household="hh-1-1"))
    office.clock.home += HOUR
    begun = office.desk.begin_visit(office.check_of("hh-1-1").id, actor="officer1", dong="dong-1")
    assert (begun.owner, begun.acknowledged_at, begun.visit_at) == ("officer1", MORNING + HOUR, MORNING + HOUR)
    assert begun.state is CheckState.ACKNOWLEDGED


def test_a_try_by_hand_says_by_which_way_and_who_began_and_ended_it(office: Office) -> None:
    office.take(finding(household="hh-1-1"))
    check = office.check_of("hh-1-1").id
    office.desk.try_by_hand(check, who=Who.RESIDENT, actor="officer1", dong="dong-1")
    office.clock.home += HOUR
    begun = last_try(office, check)
    assert (begun.who, begun.channel, begun.actor, begun.at, begun.result) == (Who.RESIDENT, "phone", "officer1", MORNING, None)
    office.desk.end_try(check, begun.number, actor="gu", dong=None, result=Result.NO_ANSWER)
    ended = last_try(office, check)
    assert (ended.number, ended.result_at, ended.result_by) == (begun.number, MORNING + HOUR, "gu")
    assert (ended.rung, ended.ends_at, ended.delivery_id) == ("hand", None, None)
    office.desk.try_by_hand(check, who=Who.VISIT, actor="officer1", dong="dong-1", result=Result.NO_ANSWER)
    visited = last_try(office, check)
    assert (visited.channel, visited.result_at, visited.result_by) == ("visit", MORNING + HOUR, "officer1")
    assert visited.number == begun.number + 1
    detail = office.desk.check(check, dong=None)
    assert detail is not None and {one.note for one in detail.transitions} == {None}


def test_duty_is_refused_with_its_reason(office: Office) -> None:
    rota, away, silences = office.rota, office.absences, office.silences
    assert refused(lambda: rota.unset_day("2026-10-02")) == (NotFound, "nothing is said of this day")
    assert refused(lambda: rota.unset_day("2 October")) == (RosterWrong, "day: must be a day such as 2026-10-02")
    assert refused(lambda: rota.set_day("tomorrow", off=True, name="x", by="gu")) == (
        RosterWrong,
        "day: must be a day such as 2026-10-02",
    )
    for name in ("", " ", "가" * 65):
        said = (RosterWrong, "name: must have 1 to 64 letters")
        assert refused(lambda name=name: rota.set_day("2026-10-02", off=True, name=name, by="gu")) == said
    assert rota.set_day("2026-10-02", off=True, name="가" * 64, by="gu").off
    for cap in (0, 1001):
        said = (RosterWrong, "open_checks: must be from 1 to 1000")
        assert refused(lambda cap=cap: rota.set_cap("officer1", cap)) == said
    for remove in (rota.remove_shift, rota.remove_absence):
        assert refused(lambda remove=remove: remove(99, by="gu")) == (NotFound, "there is no such entry")
    leave = {"login": "officer1", "from_at": MORNING, "until_at": MORNING + DAY, "by": "gu"}
    assert refused(lambda: rota.add_absence(**{**leave, "until_at": MORNING})) == (
        RosterWrong,
        "until_at: must lie after from_at, by a year at most",
    )
    assert refused(lambda: rota.add_absence(**leave, substitute="officer1")) == (
        RosterWrong,
        "substitute: must be somebody else",
    )
    assert refused(lambda: rota.add_absence(**leave, reason="bored"))[1].startswith("reason: must be one of leave, ")
    for field, changed in (("login", {"login": "x" * 65}), ("substitute", {"substitute": "x" * 65})):
        said = (RosterWrong, f"{field}: must have 1 to 64 letters")
        assert refused(lambda changed=changed: rota.add_absence(**{**leave, **changed})) == said
    rota.add_absence(**leave)
    assert refused(lambda: rota.add_absence(**leave)) == (
        Conflict,
        "an absence of this person is entered for some of that time already",
    )
    back = (BadReturn, "the return time must lie ahead, 14 days at most")
    for returns_at in (MORNING, MORNING + 14 * DAY + 1):
        asked = {"returns_at": returns_at, "reason": AwayReason.TRAVEL, "by": "gu", "dong": None}
        assert refused(lambda asked=asked: away.declare("hh-1-1", **asked)) == back
    assert refused(lambda: away.end("hh-1-1", by="gu", dong=None)) == (NotFound, "no absence is declared for this household")
    for home, dong in (("hh-9", None), ("hh-1-1", "dong-2")):
        said = (NotFound, "there is no such household")
        assert refused(lambda home=home, dong=dong: away.end(home, by="gu", dong=dong)) == said
    lay = {"ends_at": MORNING + HOUR, "reason": SilenceReason.REPAIR, "author": "gu", "dong": None}
    assert refused(lambda: silences.lay(SilenceKind.HOUSEHOLD, "hh-1-1", **{**lay, "ends_at": MORNING})) == (
        BadEnd,
        "the end must lie ahead: 14 days at most, 4 hours for a dong",
    )
    assert refused(lambda: silences.lay(SilenceKind.HOUSEHOLD, "hh-1-1", **{**lay, "reason": SilenceReason.OTHER})) == (
        NeedsText,
        "the reason other needs text",
    )
    assert refused(lambda: silences.lay(SilenceKind.RULE, "thirst", **lay)) == (NotFound, "there is no such rule")
    assert refused(lambda: silences.lay(SilenceKind.RULE, "sos", **lay)) == (
        CannotSilence,
        "SOS, smoke, gas and cannot-verify are never silenced",
    )
    nothing = (NotFound, "there is nothing of this id to be silenced")
    for kind in (SilenceKind.DONG, SilenceKind.HOUSEHOLD, SilenceKind.DEVICE):
        assert refused(lambda kind=kind: silences.lay(kind, "none", **lay)) == nothing
    assert refused(lambda: silences.lift(99, by="gu", dong=None)) == (NotFound, "no such silence is in force")
    office.register.end_household("hh-1-3", at=MORNING)
    for kind, target in ((SilenceKind.HOUSEHOLD, "hh-1-3"), (SilenceKind.DEVICE, "gw-1-3")):
        assert refused(lambda kind=kind, target=target: silences.lay(kind, target, **lay)) == nothing


def test_silences_are_listed_by_their_ends(office: Office) -> None:
    lay = {"reason": SilenceReason.REPAIR, "author": "gu", "dong": None}
    late = office.silences.lay(SilenceKind.HOUSEHOLD, "hh-1-1", ends_at=MORNING + 2 * HOUR, **lay)
    soon = office.silences.lay(SilenceKind.HOUSEHOLD, "hh-1-2", ends_at=MORNING + HOUR, **lay)
    assert office.silences.now(dong="dong-1") == [soon, late]
    office.silences.lift(soon.id, by="gu", dong=None)
    assert [one.id for one in office.silences.now(dong=None)] == [late.id]
    assert [one.id for one in office.silences.past(dong=None)] == [soon.id]


def test_a_handover_and_tonights_list_are_refused_with_their_reason(office: Office) -> None:
    office.pass_home(10_000)
    office.clock.home = EVENING
    office.pass_home(10_000)
    sheet = office.handovers.recent(dong="dong-1")[0].id
    assert refused(lambda: office.handovers.sign(99, by="night", dong=None)) == (NotFound, "no such handover")
    assert refused(lambda: office.handovers.sign(sheet, by="night", dong="dong-2")) == (NotFound, "no such handover")
    assert refused(lambda: office.handovers.sign(sheet, by="officer2", dong=None)) == (
        NotYours,
        "who has duty for the dong now signs, or a supervisor of the roster",
    )
    office.handovers.sign(sheet, by="night", dong=None)
    assert refused(lambda: office.handovers.sign(sheet, by="night", dong=None)) == (Conflict, "signed already by night")
    office.outlook.take([LIST])
    clear = {"by": "officer1", "dong": "dong-1"}
    assert refused(lambda: office.tonight.clear("hh-9", how=How.WATCH, **clear)) == (NotFound, "this home is on no list")
    assert refused(lambda: office.tonight.clear("hh-1-1", how=How.AWAY, **clear)) == (
        BadReturn,
        "away needs a return time ahead, 14 days at most",
    )
    cleared = office.tonight.clear("hh-1-1", how=How.WATCH, **clear)
    assert (cleared.rule, cleared.cleared_by, cleared.how, cleared.cleared_at) == (
        RuleKey.MOTION,
        "officer1",
        How.WATCH,
        office.clock.home,
    )
    assert refused(lambda: office.tonight.clear("hh-1-1", how=How.WATCH, **clear)) == (
        Conflict,
        "this home is cleared already",
    )
    office.take(finding(household="hh-1-2"))
    seen = next(how for how in How if how not in (How.WATCH, How.AWAY))
    assert refused(lambda: office.tonight.clear("hh-1-2", how=seen, **clear)) == (
        Conflict,
        "this home has an open check: settle that one",
    )


def test_aftercare_is_refused_with_its_reason(care: Care) -> None:
    here = {"actor": KIM, "dong": "dong-1"}
    home = (NotFound, "no such household is looked after")
    assert refused(lambda: care.cases.open("hh-9", **here)) == refused(lambda: care.cases.open("hh-2", **here)) == home
    assert refused(lambda: care.cases.open("hh-1", check_id="none", **here)) == (NotFound, "the household has no such check")
    assert refused(lambda: care.cases.assign(99, KIM, dong=None)) == (NotFound, "no such case")
    case = care.cases.open("hh-1", **here).id
    assert refused(lambda: care.cases.close(case, text=" ", **here)) == (NeedsText, "closing a case needs its reason")
    when = (WrongValue, "a visit is planned for a time from now on, 92 days ahead at most")
    assert refused(lambda: care.visits.plan("hh-1", planned_at=MORNING - 2 * HOUR, visitor=KIM, **here)) == when
    visit = care.visits.plan("hh-1", planned_at=MORNING + HOUR, visitor=KIM, **here).id
    assert refused(lambda: care.cases.close(case, text="끝", **here)) == (Conflict, "the case still has a planned visit")
    assert refused(lambda: care.visits.cancel(99, **here)) == (NotFound, "no such visit")
    assert care.visits.cancel(visit, **here).ended_by == KIM
    assert refused(lambda: care.visits.record(visit, VisitResult.WELL, **here)) == (Conflict, "the visit is cancelled already")
    giving, paying = care.provider().id, care.programme().id
    offer = {"provider_id": giving, "programme_id": paying, **here}
    assert refused(lambda: care.referrals.offer("hh-1", CareKind.MEALS, cost_won=-1, **offer)) == (
        WrongValue,
        "a cost is 0 to 100,000,000 won",
    )
    dearest = care.referrals.offer("hh-2", CareKind.MEALS, cost_won=100_000_000, provider_id=giving, actor=KIM, dong=None)
    assert dearest.cost_won == 100_000_000
    assert refused(lambda: care.referrals.offer("hh-1", CareKind.HOUSING, **offer)) == (
        Conflict,
        "the provider does not give this service there",
    )
    unknown = {**offer, "provider_id": 99}, {**offer, "programme_id": 99}
    assert refused(lambda: care.referrals.offer("hh-1", CareKind.MEALS, **unknown[0])) == (NotFound, "no such provider")
    assert refused(lambda: care.referrals.offer("hh-1", CareKind.MEALS, **unknown[1])) == (NotFound, "no such programme")
    assert refused(lambda: care.referrals.left_won(99, "hh-1")) == (NotFound, "no such programme")
    assert refused(lambda: care.referrals.offer("hh-1", CareKind.MEALS, cost_won=1_560_001, **offer)) == (
        CapReached,
        "the programme has 1,560,000 won left for this person this year",
    )
    referral = care.referrals.offer("hh-1", CareKind.MEALS, **offer).id
    assert refused(lambda: care.cases.close(case, text="끝", **here))[0] is Conflict
    assert refused(lambda: care.referrals.advance(99, ReferralState.ACCEPTED, **here)) == (NotFound, "no such referral")
    other = {"actor": KIM, "dong": "dong-2"}
    assert refused(lambda: care.referrals.advance(referral, ReferralState.ACCEPTED, **other)) == (NotFound, "no such referral")
    assert refused(lambda: care.referrals.advance(referral, ReferralState.CLOSED, **here)) == (
        Conflict,
        "a referral that is offered cannot become closed",
    )
    assert refused(lambda: care.referrals.advance(referral, ReferralState.ACCEPTED, due_at=MORNING, **here)) == (
        WrongValue,
        "the due date must lie ahead",
    )
    care.referrals.advance(referral, ReferralState.DECLINED, **here)
    care.cases.close(case, text="끝", **here)
    assert refused(lambda: care.cases.assign(case, "lee", dong=None)) == (Conflict, "the case is closed")


def test_what_cannot_be_entered_of_care_is_refused_with_its_reason_and_code(care: Care) -> None:
    def coded(asked: Asked) -> tuple[str, str]:
        with pytest.raises(WrongValue) as caught:
            asked()
        return caught.value.code, str(caught.value)

    provider = ("provider_wrong", "a provider has a name and at least one service")
    assert coded(lambda: care.referrals.add_provider(" ", [CareKind.MEALS], phone="")) == provider
    assert coded(lambda: care.referrals.add_provider("x", [], phone="")) == provider
    programme = ("programme_wrong", "a programme has a name and a yearly cap of 1 to 100,000,000 won")
    for name, cap in ((" ", 1), ("x", 0), ("x", 100_000_001)):
        assert coded(lambda name=name, cap=cap: care.referrals.add_programme(name, cap)) == programme
    care.provider(name="하나")
    care.programme(name="하나")
    assert refused(lambda: care.provider(name="하나")) == (Conflict, "a provider of this name is entered already")
    assert refused(lambda: care.programme(name="하나")) == (Conflict, "a programme of this name is entered already")
    plan = {"responsible": KIM, "dong": None}
    for days in (0, LONGEST_DAYS + 1):
        said = ("plan_days", f"a contact is wanted every 1 to {LONGEST_DAYS} days")
        assert coded(lambda days=days: care.contacts.plan("hh-1", ContactKind.CALL, days, **plan)) == said
    assert refused(lambda: care.contacts.drop("hh-1", ContactKind.CALL, dong=None)) == (NotFound, "there is no such plan")
    assert refused(lambda: care.contacts.drop("hh-9", ContactKind.CALL, dong=None)) == (NotFound, "no such household")
    web = {"channel": "web", "number": "1"}
    said = Words(address="1길 1-1", text="며칠째 불이 켜져 있어요", reporter="", phone="")
    missing = ("report_words", "a report says where, and what is worrying")
    for words in (Words(address=" ", text="x", reporter="", phone=""), Words(address="x", text=" ", reporter="", phone="")):
        assert coded(lambda words=words: care.reports.take("dong-1", words, **web)) == missing
    long = Words(address="가" * 10_000, text="x", reporter="", phone="")
    assert coded(lambda: care.reports.take("dong-1", long, **web))[1].startswith("at most ")
    assert refused(lambda: care.reports.take("dong-9", said, **web)) == (NotFound, "no such dong")
    assert refused(lambda: care.reports.match(99, "hh-1", actor=KIM, dong=None)) == (NotFound, "no such report")
    known = care.reports.take("dong-1", said, **web)
    assert (known.household_id, known.matched_by, known.channel, known.words) == ("hh-1", "address", "web", None)
    assert refused(lambda: care.reports.match(known.id, "hh-1", actor=KIM, dong=None)) == (
        Conflict,
        "the report is matched to a household already",
    )
    nobody = Words(address="어딘가", text="x", reporter="", phone="")
    unknown = care.reports.take("dong-1", nobody, channel="web", number="2").id
    assert refused(lambda: care.reports.match(unknown, "hh-2", actor=KIM, dong=None)) == (
        NotFound,
        "no such household is looked after in this dong",
    )


@pytest.mark.parametrize(
    ("kind", "address", "why"),
    [
        (Kind.EMAIL, " ", "the address is empty or too long"),
        (Kind.EMAIL, "x" * 2049, "the address is empty or too long"),
        (Kind.EMAIL, "no address", "email: must look like name@example.kr"),
        (Kind.PHONE, "12", "phone: must be a Korean number such as 010-0000-1234"),
        (Kind.PUSH, "{", "push: must be a browser's subscription as JSON"),
        (
            Kind.PUSH,
            '{"endpoint": "http://push.example/abc", "p256dh": "k", "auth": "a"}',
            "push: must be a browser's subscription as JSON; only https is spoken to",
        ),
        (Kind.WEBHOOK, "{}", 'webhook: must be JSON {"url": "https://...", "secret": "16 characters or more"}'),
        (
            Kind.WEBHOOK,
            '{"url": "https://hook.example", "secret": "fifteen letters"}',
            'webhook: must be JSON {"url": "https://...", "secret": "16 characters or more"}',
        ),
        (Kind.APPRISE, "slack", "apprise: must be an Apprise URL such as slack://..."),
    ],
)
def test_a_contact_point_that_cannot_be_is_refused_with_what_would_be_right(
    office: Office, kind: Kind, address: str, why: str
) -> None:
    book = ContactBook(office.engine, office.desk._sealer, office.clock)
    assert refused(lambda: book.add(KIM, kind, address)) == (ContactRefused, why)


def test_a_contact_point_is_a_logins_and_there_are_twelve_at_most(office: Office) -> None:
    book = ContactBook(office.engine, office.desk._sealer, office.clock)
    assert refused(lambda: book.add("resident:hh-1", Kind.EMAIL, "a@example.kr")) == (
        ContactRefused,
        "a contact point belongs to a login; residents and guardians stand in the register",
    )
    for number in range(12):
        assert book.add(KIM, Kind.EMAIL, f"a{number}@example.kr").position == number + 1
    assert refused(lambda: book.add(KIM, Kind.EMAIL, "b@example.kr")) == (
        ContactRefused,
        "there are 12 contact points already; remove one first",
    )
    secret = '{"url": "https://hook.example", "secret": "sixteen letters."}'
    assert book.add("lee", Kind.WEBHOOK, secret).shown == "hook.example"
    assert book.add("lee", Kind.APPRISE, "slack://a/b/c").shown == "slack://***"


def test_a_check_that_is_settled_leaves_no_try_open(office: Office) -> None:
    office.take(finding(level=Level.WARNING, household="hh-1-1"))
    check = office.check_of("hh-1-1").id
    office.clock.home = EVENING + 4 * HOUR
    for _ in range(3):
        office.pass_home(10_000)
    open_one = last_try(office, check)
    assert open_one.result is None
    office.desk.resolve(check, actor="night", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    ended = last_try(office, check)
    assert (ended.number, ended.result, ended.result_at) == (open_one.number, Result.STOPPED, office.clock.home)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"desk": "kitchen"}, "desk: must be one of dong, night, supervisor"),
        ({"dong": None}, "dong: the desk of a dong needs its dong"),
        ({"dong": "dong-9"}, "dong: there is no such dong"),
        ({"login": ""}, "login: must have 1 to 64 letters"),
        ({"position": 0}, "position: must be from 1 to 99"),
        ({"position": 100}, "position: must be from 1 to 99"),
        ({"part": "noon"}, "part: must be one of day, night"),
        ({"weekdays": "18"}, 'weekdays: must be figures from 1 (Monday) to 7 (Sunday), such as "12345"'),
        ({"weekdays": "11"}, 'weekdays: must be figures from 1 (Monday) to 7 (Sunday), such as "12345"'),
        ({"from_day": "soon"}, "from_day: must be a day such as 2026-10-02"),
        ({"until_day": "never"}, "until_day: must be a day such as 2026-10-02"),
        ({"until_day": "2020-01-01"}, "until_day: must not lie before from_day"),
    ],
)
def test_an_entry_of_the_roster_is_refused_by_its_field_with_what_would_be_right(
    office: Office, wrong: dict[str, Any], why: str
) -> None:
    right: dict[str, Any] = {"desk": "dong", "dong": "dong-1", "login": "officer1"}
    with pytest.raises(RosterWrong) as caught:
        office.rota.check(ShiftEntry(**{**right, **wrong}))
    assert (str(caught.value), caught.value.field) == (why, why.split(":")[0])
    assert office.rota.check(ShiftEntry(**right, weekdays="531", until_day="2030-01-31")).weekdays == "135"


def test_what_proves_the_path_takes_the_whole_of_it_and_real_homes_a_shorter_way(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(update(household).where(household.c.id == "hh-1-2").values(synthetic=True))
    real, proof = finding(RuleKey.SOS, household="hh-1-1"), finding(RuleKey.SOS, household="hh-1-2")
    nobodys = finding(RuleKey.SOS, household=None, device="stray-1")
    assert office.desk.of_real_homes([proof, real, nobodys]) == [real, nobodys]


def test_where_nobody_is_named_at_all_no_roster_answers(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(delete(duty_shift))
        assert DutyRoster(Policy(routes=())).on_duty(connection, MORNING) is None
        assert DutyRoster(office.policy).on_duty(connection, MORNING) is not None


def test_a_try_before_anybody_was_put_on_a_roster_says_so(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'bare.sqlite3'}")
    metadata.create_all(engine)
    bare = Office(engine=engine, policy=Policy(routes=()))
    bare.homes(1)
    bare.take(finding(level=Level.DANGER, household="hh-1-1"))
    detail = bare.desk.check(bare.check_of("hh-1-1").id, dong=None)
    assert detail is not None
    assert [(one.told, one.untold) for one in detail.attempts] == [(0, Untold.NO_ROSTER)]
    engine.dispose()
