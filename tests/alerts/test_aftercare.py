"""Visits, referrals and contacts of a household make a case in one officer's hands, and whatever is due reminds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select, update

from alerts.aftercare.plan import ContactKind
from alerts.aftercare.referral import NEXT, WITHIN, CapReached, CareKind, ReferralState
from alerts.aftercare.reminding import remind
from alerts.aftercare.tables import contact, referral_step, visit
from alerts.aftercare.visit import Companion, VisitResult, VisitState
from alerts.attempt import Answer
from alerts.check import Conflict, NeedsText, NotFound, Outcome, WrongValue
from alerts.desk import Desk
from alerts.policy import Policy
from alerts.tables import attempt, delivery
from ingest.clock import DAY, HOUR, MINUTE, parse_local
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.care_parts import KIM, Care


@pytest.fixture
def care(store_url: str) -> Iterator[Care]:
    made = Care(store_url)
    yield made
    made.site.engine.dispose()


def kinds_told(care: Care) -> list[str]:
    return [json.loads(row.body)["kind"] for row in care.site.rows(delivery) if row.check_id is None]


def test_a_visit_opens_the_households_case_and_joins_it(care: Care) -> None:
    care.site.take(finding(at=MORNING - HOUR))
    check = care.site.only()
    first = care.visits.plan(
        "hh-1", planned_at=MORNING + HOUR, visitor=KIM, actor="lee", dong="dong-1", companion=Companion.NURSE, check_id=check.id
    )
    second = care.visits.plan("hh-1", planned_at=MORNING + DAY, visitor=KIM, actor=KIM, dong=None)
    (case,) = care.cases.cases(dong="dong-1")
    assert first.case_id == second.case_id == case.id
    assert (case.responsible, case.begins_at, first.companion) == ("lee", check.opened_at, Companion.NURSE)
    found, checks = care.cases.case(case.id, dong="dong-1")
    assert (found, [one.id for one in checks]) == (case, [check.id])
    assert care.visits.visits(dong="dong-1", planned=True) == [first, second]


def test_a_case_begins_with_the_earliest_check_it_came_from(care: Care) -> None:
    care.site.take(finding(at=MORNING - DAY))
    care.cases.open("hh-1", actor=KIM, dong="dong-1")
    care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-1", check_id=care.site.only().id)
    assert [case.begins_at for case in care.cases.cases(dong=None, household="hh-1")] == [MORNING - DAY]


def test_a_recorded_visit_is_a_contact_unless_nobody_was_met(care: Care) -> None:
    for result in VisitResult:
        planned = care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-1")
        done = care.visits.record(planned.id, result, actor=KIM, dong="dong-1", text="문 앞에서 만남")
        assert (done.state, done.result, done.ended_by, done.note) == (VisitState.DONE, result, KIM, "문 앞에서 만남")
    assert [row.source for row in care.site.rows(contact)] == ["visit:1", "visit:2", "visit:3"]
    raw = [row.sealed_note for row in care.site.rows(visit)]
    assert all("만남".encode() not in each for each in raw)


def test_a_visit_is_recorded_or_cancelled_once(care: Care) -> None:
    planned = care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-1")
    assert care.visits.cancel(planned.id, actor="lee", dong="dong-1").state is VisitState.CANCELLED
    with pytest.raises(Conflict):
        care.visits.record(planned.id, VisitResult.WELL, actor=KIM, dong="dong-1")
    assert care.visits.visits(dong=None, planned=True) == []
    assert len(care.visits.visits(dong=None, case_id=planned.case_id, household="hh-1")) == 1


@pytest.mark.parametrize("ahead", [-2 * HOUR, 93 * DAY])
def test_a_visit_is_planned_for_a_time_that_can_be(care: Care, ahead: int) -> None:
    with pytest.raises(WrongValue):
        care.visits.plan("hh-1", planned_at=MORNING + ahead, visitor=KIM, actor=KIM, dong="dong-1")


def test_another_dongs_household_case_visit_and_referral_are_not_found(care: Care) -> None:
    planned = care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-1")
    offered = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1")
    for asked in (
        lambda: care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-2"),
        lambda: care.visits.plan("hh-9", planned_at=MORNING, visitor=KIM, actor=KIM, dong=None),
        lambda: care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong=None, check_id="none"),
        lambda: care.visits.record(planned.id, VisitResult.WELL, actor=KIM, dong="dong-2"),
        lambda: care.visits.cancel(99, actor=KIM, dong=None),
        lambda: care.cases.case(planned.case_id, dong="dong-2"),
        lambda: care.cases.assign(99, KIM, dong=None),
        lambda: care.referrals.advance(offered.id, ReferralState.ACCEPTED, actor=KIM, dong="dong-2"),
        lambda: care.referrals.advance(99, ReferralState.ACCEPTED, actor=KIM, dong=None),
        lambda: care.referrals.offer("hh-1", CareKind.MEALS, provider_id=99, actor=KIM, dong=None),
        lambda: care.contacts.record("hh-1", ContactKind.CALL, actor=KIM, dong="dong-2"),
        lambda: care.contacts.drop("hh-1", ContactKind.CALL, dong="dong-1"),
        lambda: care.referrals.left_won(99, "hh-1"),
    ):
        with pytest.raises(NotFound):
            asked()
    assert care.cases.cases(dong="dong-2") == care.visits.visits(dong="dong-2") == care.referrals.referrals(dong="dong-2") == []


def test_a_referral_goes_from_offered_to_closed_with_a_due_date_at_each_step(care: Care) -> None:
    offered = care.referrals.offer(
        "hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1", text="도시락 희망"
    )
    assert (offered.state, offered.due_at, offered.provider) == (ReferralState.OFFERED, MORNING + 3 * DAY, "햇살돌봄")
    care.site.clock.home += DAY
    accepted = care.referrals.advance(offered.id, ReferralState.ACCEPTED, actor=KIM, dong="dong-1")
    assert (accepted.accepted_at, accepted.due_at) == (MORNING + DAY, MORNING + 8 * DAY)
    given = care.referrals.advance(offered.id, ReferralState.DELIVERED, actor="lee", dong="dong-1", due_at=MORNING + 9 * DAY)
    assert given.due_at == MORNING + 9 * DAY
    closed = care.referrals.advance(offered.id, ReferralState.CLOSED, actor="lee", dong="dong-1", text="잘 받고 계심")
    assert closed.due_at is None
    assert [(step.new, step.actor, step.note) for step in closed.steps] == [
        (ReferralState.OFFERED, KIM, "도시락 희망"),
        (ReferralState.ACCEPTED, KIM, None),
        (ReferralState.DELIVERED, "lee", None),
        (ReferralState.CLOSED, "lee", "잘 받고 계심"),
    ]
    assert care.referrals.referrals(dong="dong-1", household="hh-1", case_id=closed.case_id) == [closed]
    assert care.referrals.referrals(dong="dong-1", going_on=True) == []


@pytest.mark.parametrize("old", list(ReferralState))
def test_a_referral_takes_no_step_it_may_not(care: Care, old: ReferralState) -> None:
    way = {
        ReferralState.OFFERED: (),
        ReferralState.ACCEPTED: (ReferralState.ACCEPTED,),
        ReferralState.DELIVERED: (ReferralState.ACCEPTED, ReferralState.DELIVERED),
        ReferralState.CLOSED: (ReferralState.ACCEPTED, ReferralState.DELIVERED, ReferralState.CLOSED),
        ReferralState.DECLINED: (ReferralState.DECLINED,),
    }[old]
    made = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1")
    for state in way:
        care.referrals.advance(made.id, state, actor=KIM, dong="dong-1")
    for new in set(ReferralState) - NEXT[old]:
        with pytest.raises(Conflict):
            care.referrals.advance(made.id, new, actor=KIM, dong="dong-1")
    assert len(care.site.rows(referral_step)) == len(way) + 1
    assert (WITHIN.get(old) is None) == (not NEXT[old])


def test_a_due_date_that_is_past_is_refused(care: Care) -> None:
    made = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1")
    with pytest.raises(WrongValue):
        care.referrals.advance(made.id, ReferralState.ACCEPTED, actor=KIM, dong="dong-1", due_at=MORNING)


def test_a_programme_pays_no_more_than_its_cap_for_a_person_in_a_year(care: Care) -> None:
    paying, giving = care.programme(1_560_000), care.provider()
    offer = {"provider_id": giving.id, "programme_id": paying.id, "actor": KIM, "dong": None}
    first = care.referrals.offer("hh-1", CareKind.MEALS, cost_won=1_000_000, **offer)
    second = care.referrals.offer("hh-1", CareKind.MEALS, cost_won=560_001, **offer)  # nothing is spent by an offer
    assert first.programme == "돌봄SOS"
    care.referrals.advance(first.id, ReferralState.ACCEPTED, actor=KIM, dong=None)
    assert care.referrals.left_won(paying.id, "hh-1") == 560_000
    with pytest.raises(CapReached) as refused:
        care.referrals.advance(second.id, ReferralState.ACCEPTED, actor=KIM, dong=None)
    assert refused.value.left_won == 560_000
    with pytest.raises(CapReached):
        care.referrals.offer("hh-1", CareKind.MEALS, cost_won=560_001, **offer)
    care.referrals.offer("hh-2", CareKind.MEALS, cost_won=1_560_000, **offer)  # somebody else's sum
    care.site.clock.home = parse_local("2027-01-01T00:00:00")
    assert care.referrals.advance(second.id, ReferralState.ACCEPTED, actor=KIM, dong=None).state is ReferralState.ACCEPTED
    assert care.referrals.left_won(paying.id, "hh-1") == 1_560_000 - 560_001


def test_a_provider_gives_only_its_services_in_its_dong(care: Care) -> None:
    here = care.provider(CareKind.MEALS, CareKind.ESCORT, name="여기", dong="dong-2")
    for kind, home in ((CareKind.HOUSING, "hh-2"), (CareKind.MEALS, "hh-1")):
        with pytest.raises(Conflict):
            care.referrals.offer(home, kind, provider_id=here.id, actor=KIM, dong=None)
    everywhere = care.provider(name="어디나")
    assert care.referrals.providers(dong="dong-1") == [everywhere]
    assert care.referrals.providers(dong="dong-2") == care.referrals.providers(dong=None) == [everywhere, here]


def test_what_cannot_be_in_the_register_of_care_is_refused(care: Care) -> None:
    care.provider(name="하나")
    only = care.programme(name="하나")
    assert care.referrals.programmes() == [only]
    with pytest.raises(Conflict):
        care.provider(name="하나")
    with pytest.raises(Conflict):
        care.programme(name="하나")
    for asked in (
        lambda: care.referrals.add_provider(" ", [CareKind.MEALS], phone=""),
        lambda: care.referrals.add_provider("x", [], phone=""),
        lambda: care.referrals.add_programme("y", 0),
        lambda: care.referrals.offer("hh-1", CareKind.MEALS, provider_id=1, actor=KIM, dong=None, cost_won=-1),
        lambda: care.contacts.plan("hh-1", ContactKind.CALL, 0, responsible=KIM, dong=None),
    ):
        with pytest.raises(WrongValue):
            asked()


def test_a_case_is_closed_with_a_reason_when_nothing_of_it_is_left_to_do(care: Care) -> None:
    planned = care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-1")
    offered = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1")
    close = {"actor": KIM, "dong": "dong-1", "text": "안정됨"}
    with pytest.raises(NeedsText):
        care.cases.close(planned.case_id, actor=KIM, dong="dong-1", text=" ")
    with pytest.raises(Conflict, match="visit"):
        care.cases.close(planned.case_id, **close)
    care.visits.record(planned.id, VisitResult.WELL, actor=KIM, dong="dong-1")
    with pytest.raises(Conflict, match="referral"):
        care.cases.close(planned.case_id, **close)
    care.referrals.advance(offered.id, ReferralState.DECLINED, actor=KIM, dong="dong-1")
    closed = care.cases.close(planned.case_id, **close)
    assert (closed.closed_by, closed.note) == (KIM, "안정됨")
    assert care.cases.cases(dong="dong-1", closed=True) == [closed]
    with pytest.raises(Conflict):
        care.cases.close(planned.case_id, **close)
    assert care.cases.case(closed.id, dong=None)[1] == []
    again = care.visits.plan("hh-1", planned_at=MORNING + DAY, visitor=KIM, actor=KIM, dong="dong-1")
    assert again.case_id != closed.id


def test_a_case_put_into_other_hands_takes_its_open_referrals_along(care: Care) -> None:
    giving = care.provider()
    ended = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=giving.id, actor=KIM, dong="dong-1")
    care.referrals.advance(ended.id, ReferralState.DECLINED, actor=KIM, dong="dong-1")
    care.referrals.offer("hh-1", CareKind.MEALS, provider_id=giving.id, actor=KIM, dong="dong-1")
    assert care.cases.assign(ended.case_id, "lee", dong="dong-1").responsible == "lee"
    assert sorted(one.responsible for one in care.referrals.referrals(dong=None)) == [KIM, "lee"]


def test_a_visit_reminds_an_hour_before_and_once_a_day_until_it_is_recorded(care: Care) -> None:
    planned = care.visits.plan("hh-1", planned_at=MORNING + 3 * HOUR, visitor=KIM, actor="lee", dong="dong-1")
    care.site.pass_home(2 * HOUR - MINUTE)
    assert kinds_told(care) == []
    care.site.pass_home(MINUTE)
    care.site.pass_home(23 * HOUR)
    assert kinds_told(care) == ["visit_due"]
    care.site.pass_home(HOUR)
    assert kinds_told(care) == ["visit_due"] * 2
    care.visits.record(planned.id, VisitResult.WELL, actor=KIM, dong="dong-1")
    care.site.pass_home(3 * DAY)
    assert kinds_told(care) == ["visit_due"] * 2
    (body, _) = (json.loads(row.body) for row in care.site.rows(delivery))
    assert (body["code"], body["dong"]) == ("hh-1", "dong-1")
    assert body["link"].endswith("/households/hh-1")


def test_a_referral_reminds_its_officer_when_its_step_is_due(care: Care) -> None:
    made = care.referrals.offer("hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1")
    care.site.pass_home(3 * DAY - MINUTE)
    assert kinds_told(care) == []
    care.site.pass_home(MINUTE)
    assert kinds_told(care) == ["referral_due"]
    care.referrals.advance(made.id, ReferralState.DECLINED, actor=KIM, dong="dong-1")
    care.site.pass_home(9 * DAY)
    assert kinds_told(care) == ["referral_due"]


def test_nothing_of_a_household_that_has_ended_reminds(care: Care) -> None:
    care.contacts.plan("hh-1", ContactKind.CALL, 7, responsible=KIM, dong="dong-1")
    care.register.end_household("hh-1", at=MORNING)
    care.site.pass_home(30 * DAY)
    assert kinds_told(care) == []
    assert care.contacts.plans(dong="dong-1") == []


def test_a_contact_plan_makes_due_items_and_reminds_daily(care: Care) -> None:
    weekly = care.contacts.plan("hh-1", ContactKind.CALL, 7, responsible=KIM, dong="dong-1")
    care.contacts.plan("hh-1", ContactKind.VISIT, 30, responsible=KIM, dong="dong-1")
    assert (weekly.last_at, weekly.due_at) == (None, MORNING + 7 * DAY)
    assert care.contacts.plans(dong="dong-1", due_by=MORNING + 7 * DAY) == [weekly]
    care.site.pass_home(7 * DAY)
    care.site.pass_home(DAY)
    assert kinds_told(care) == ["contact_due"] * 2
    care.contacts.record("hh-1", ContactKind.CALL, actor=KIM, dong="dong-1")
    assert [plan.due_at for plan in care.contacts.plans(dong=None, household="hh-1")] == [MORNING + 15 * DAY, MORNING + 30 * DAY]
    care.contacts.drop("hh-1", ContactKind.VISIT, dong="dong-1")
    assert [plan.kind for plan in care.contacts.plans(dong="dong-1")] == [ContactKind.CALL]
    assert [one.source for one in care.contacts.contacts("hh-1", dong="dong-1")] == ["plan"]


@pytest.mark.parametrize(
    ("outcome", "met"),
    [
        (Outcome.SAFE_BY_PHONE, {ContactKind.CALL}),
        (Outcome.SAFE_BY_VISIT, {ContactKind.CALL, ContactKind.VISIT}),
        (Outcome.DEVICE_FAULT, set()),
    ],
)
def test_a_settled_check_counts_as_the_contact_it_was(care: Care, outcome: Outcome, met: set[ContactKind]) -> None:
    for kind in ContactKind:
        care.contacts.plan("hh-1", kind, 7, responsible=KIM, dong="dong-1")
    care.site.clock.home += DAY
    care.site.take(finding(at=MORNING + DAY), finding(at=MORNING + DAY, household=None, device="d-9"))
    for check in care.site.desk.checks(dong=None):
        care.site.desk.resolve(check.id, actor=KIM, dong=None, outcome=outcome)
    moved = {plan.kind for plan in care.contacts.plans(dong=None) if plan.last_at == MORNING + DAY}
    assert moved == met


def test_an_automatic_call_is_no_contact_of_a_person(care: Care) -> None:
    care.contacts.plan("hh-1", ContactKind.CALL, 7, responsible=KIM, dong="dong-1")
    desk = Desk(care.site.engine, care.site.clock, care.site.sealer, Policy(channels=("call",)))
    desk.take_findings([finding()])
    (asked,) = care.site.rows(attempt)
    assert desk.answer(asked.delivery_id, Answer.WELL).outcome is Outcome.SAFE_BY_AUTOMATIC_CALL
    assert [plan.last_at for plan in care.contacts.plans(dong=None)] == [None]


def test_a_plan_made_anew_counts_from_the_last_contact_and_is_never_due_before_now(care: Care) -> None:
    care.contacts.record("hh-1", ContactKind.VISIT, actor=KIM, dong="dong-1")
    care.site.clock.home += 3 * DAY
    assert care.contacts.plan("hh-1", ContactKind.CALL, 7, responsible=KIM, dong="dong-1").due_at == MORNING + 7 * DAY
    assert care.contacts.plan("hh-1", ContactKind.CALL, 2, responsible=KIM, dong="dong-1").due_at == MORNING + 3 * DAY


def test_a_note_that_cannot_be_opened_hides_nothing_else(care: Care) -> None:
    planned = care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor=KIM, dong="dong-1")
    care.visits.record(planned.id, VisitResult.WELL, actor=KIM, dong="dong-1", text="건강하심")
    with care.site.engine.begin() as connection:
        connection.execute(update(visit).values(sealed_note=b"broken"))
    (found,) = care.visits.visits(dong="dong-1")
    assert (found.result, found.note) == (VisitResult.WELL, None)


def test_a_plan_counts_only_contacts_of_a_kind_that_meets_it(care: Care) -> None:
    care.contacts.record("hh-1", ContactKind.VISIT, actor=KIM, dong="dong-1")
    care.site.clock.home += DAY
    care.contacts.record("hh-1", ContactKind.CALL, actor=KIM, dong="dong-1")
    care.site.clock.home += DAY
    visits = care.contacts.plan("hh-1", ContactKind.VISIT, 7, responsible=KIM, dong="dong-1")
    assert (visits.last_at, visits.due_at) == (MORNING, MORNING + 7 * DAY)
    assert [(one.kind, one.at, one.actor) for one in care.contacts.contacts("hh-1", dong="dong-1")] == [
        (ContactKind.CALL, MORNING + DAY, KIM),
        (ContactKind.VISIT, MORNING, KIM),
    ]


def test_a_visit_and_a_referral_say_which_check_they_came_from(care: Care) -> None:
    care.site.take(finding())
    check = care.site.only().id
    planned = care.visits.plan("hh-1", planned_at=MORNING, visitor=KIM, actor="lee", dong="dong-1", check_id=check)
    offered = care.referrals.offer(
        "hh-1", CareKind.MEALS, provider_id=care.provider().id, actor=KIM, dong="dong-1", check_id=check, cost_won=7
    )
    assert (planned.check_id, planned.household_id, planned.dong_code, planned.visitor) == (check, "hh-1", "dong-1", KIM)
    assert (offered.check_id, offered.household_id, offered.dong_code, offered.cost_won) == (check, "hh-1", "dong-1", 7)
    assert (planned.case_id, planned.planned_at, planned.ended_by, planned.note) == (offered.case_id, MORNING, None, None)
    assert (offered.responsible, offered.offered_at, offered.accepted_at, offered.programme) == ("lee", MORNING, None, None)


def test_a_case_holds_the_checks_from_its_beginning_to_its_end_alone(care: Care) -> None:
    care.site.take(finding(at=MORNING - 2 * DAY, episode="before"))
    care.site.desk.resolve(care.site.only().id, actor=KIM, dong=None, outcome=Outcome.SAFE_BY_PHONE)
    case = care.cases.open("hh-1", actor=KIM, dong="dong-1")
    care.site.clock.home += DAY
    care.site.take(finding(at=MORNING + DAY, episode="within"))
    [within] = [one.id for one in care.site.desk.checks(dong=None) if one.opened_at == MORNING + DAY]
    care.site.desk.resolve(within, actor=KIM, dong=None, outcome=Outcome.SAFE_BY_PHONE)
    care.site.clock.home += DAY
    closed = care.cases.close(case.id, actor="lee", dong="dong-1", text="안정됨")
    assert (closed.closed_at, closed.closed_by, closed.note) == (MORNING + 2 * DAY, "lee", "안정됨")
    care.site.clock.home += DAY
    care.site.take(finding(at=MORNING + 3 * DAY, episode="after"))
    _, checks = care.cases.case(case.id, dong="dong-1")
    assert [one.id for one in checks] == [within]


def test_lists_of_care_give_the_newest_or_the_first_due_and_no_more_than_asked_for(care: Care) -> None:
    giving = care.provider().id
    made = []
    for _ in range(3):
        made.append(care.referrals.offer("hh-1", CareKind.MEALS, provider_id=giving, actor=KIM, dong="dong-1").id)
        care.site.clock.home += HOUR
    assert [one.id for one in care.referrals.referrals(dong=None, limit=2)] == [made[2], made[1]]
    assert [one.id for one in care.referrals.referrals(dong=None, going_on=True, limit=2)] == [made[0], made[1]]
    visits = [
        care.visits.plan("hh-1", planned_at=MORNING + day * DAY, visitor=KIM, actor=KIM, dong="dong-1").id for day in (3, 1, 2)
    ]
    assert [one.id for one in care.visits.visits(dong=None, planned=True)] == [visits[1], visits[2], visits[0]]
    for _ in range(3):
        care.contacts.record("hh-1", ContactKind.CALL, actor=KIM, dong="dong-1")
    assert len(care.contacts.contacts("hh-1", dong=None, limit=2)) == 2


def test_of_more_than_one_turn_can_tell_those_due_longest_are_told_first(care: Care) -> None:
    kim = {"visitor": KIM, "actor": KIM, "dong": "dong-1"}
    care.visits.plan("hh-1", planned_at=MORNING + 2 * DAY, **kim)
    with care.site.engine.begin() as connection:
        (row,) = connection.execute(select(visit)).mappings().all()
        like_it = {name: value for name, value in row.items() if name != "id"}
        connection.execute(insert(visit), [like_it] * 199)
    oldest = care.visits.plan("hh-1", planned_at=MORNING + DAY, **kim)
    clock = care.site.clock
    clock.home += 3 * DAY

    def turn() -> int:
        with care.site.engine.begin() as connection:
            return remind(connection, care.site.policy, home_now=clock.home_now(), machine_now=clock.machine_now())

    assert turn() == 200
    assert oldest.id in {row.id for row in care.site.rows(visit) if row.remind_at > clock.home}
    message = next(json.loads(row.body) for row in care.site.rows(delivery) if row.check_id is None)
    assert (message["kind"], message["level"], message["dong"], message["code"]) == ("visit_due", "caution", "dong-1", "hh-1")
    assert (turn(), turn()) == (1, 0)
    assert {row.remind_at for row in care.site.rows(visit)} == {clock.home + DAY}
