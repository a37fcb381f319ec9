"""Whatever a neighbour tells begins a check, at the household that is meant or at an address nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from alerts.aftercare.report import LONGEST_ADDRESS, Words
from alerts.aftercare.tables import neighbour_report
from alerts.check import CheckState, Conflict, NotFound, Outcome, WrongValue
from ingest.register.addresses import plain_address
from ingest.register.tables import view_log
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import finding
from tests.alerts.care_parts import KIM, Care

KNOWN = Words(address="1길 1-1", text="며칠째 불이 꺼져 있어요", reporter="이웃", phone="010-0000-7777")
UNKNOWN = Words(address="3길 9", text="우편물이 쌓여 있어요")


@pytest.fixture
def care(store_url: str) -> Iterator[Care]:
    made = Care(store_url)
    yield made
    made.site.engine.dispose()


def test_a_report_of_a_known_address_opens_the_households_check(care: Care) -> None:
    report = care.reports.take("dong-1", KNOWN, channel="form", number="1")
    check = care.site.only()
    assert (report.household_id, report.matched_by, report.check_id) == ("hh-1", "address", check.id)
    assert (check.household_id, check.level, [alert.rule for alert in check.alerts]) == (
        "hh-1",
        Level.WARNING,
        [RuleKey.REPORTED],
    )


def test_a_report_joins_the_check_that_is_open(care: Care) -> None:
    care.site.take(finding(level=Level.CAUTION))
    report = care.reports.take("dong-1", KNOWN, channel="form", number="1")
    check = care.site.only()
    assert (report.check_id, check.level, len(check.alerts)) == (check.id, Level.WARNING, 2)


@pytest.mark.parametrize("written", ["1길1-1", " １길  1-1 ", "1길, 1-1"])
def test_spaces_and_signs_do_not_make_another_address(care: Care, written: str) -> None:
    found = care.reports.take("dong-1", Words(address=written, text="걱정돼요"), channel="form", number="1")
    assert found.household_id == ("hh-1" if plain_address(written) == plain_address("1길 1-1") else None)
    assert found.household_id == "hh-1"


def test_a_report_of_an_unknown_address_opens_a_check_of_its_own(care: Care) -> None:
    first = care.reports.take("dong-1", UNKNOWN, channel="form", number="1")
    second = care.reports.take("dong-1", UNKNOWN, channel="form", number="2")
    assert (first.household_id, first.check_id == second.check_id) == (None, False)
    assert {one.subject for one in care.site.desk.checks(dong="dong-1")} == {"report:1", "report:2"}


def test_an_address_of_another_dong_or_of_two_homes_is_not_guessed(care: Care) -> None:
    care.register.enrol_household("hh-3", "dong-1", at=0, resident=None)
    care.register.put_resident("hh-3", care.register.view_people("hh-1", login=KIM, purpose="test").resident)  # type: ignore[arg-type]
    assert care.reports.take("dong-1", KNOWN, channel="form", number="1").household_id is None
    assert care.reports.take("dong-2", KNOWN, channel="form", number="2").household_id is None


def test_the_same_report_again_changes_nothing(care: Care) -> None:
    first = care.reports.take("dong-1", KNOWN, channel="bot", number="m-1")
    assert care.reports.take("dong-1", KNOWN, channel="bot", number="m-1") == first
    assert len(care.site.only().alerts) == 1
    assert len(care.site.rows(neighbour_report)) == 1
    other = care.reports.take("dong-1", KNOWN, channel="form", number="m-1")  # another sender's own number
    assert other.id != first.id


@pytest.mark.parametrize(
    "words",
    [
        Words(address=" ", text="x"),
        Words(address="x", text=""),
        Words(address="x" * (LONGEST_ADDRESS + 1), text="x"),
        Words(address="x", text="x" * 1001),
        Words(address="x", text="x", reporter="x" * 129),
    ],
)
def test_a_report_without_words_or_with_too_many_is_refused(care: Care, words: Words) -> None:
    with pytest.raises(WrongValue):
        care.reports.take("dong-1", words, channel="form", number="1")
    assert care.site.rows(neighbour_report) == []


def test_a_report_for_a_dong_that_is_not_there_is_refused(care: Care) -> None:
    with pytest.raises(NotFound):
        care.reports.take("dong-9", KNOWN, channel="form", number="1")


def test_what_was_told_is_sealed_and_every_look_at_it_is_logged(care: Care) -> None:
    care.reports.take("dong-1", KNOWN, channel="form", number="1")
    (row,) = care.site.rows(neighbour_report)
    assert "불이".encode() not in row.sealed
    (report,) = care.reports.reports(dong="dong-1", login=KIM)
    assert report.words == KNOWN
    assert "불이" not in repr(report)
    assert [(row.login, row.household_id, row.purpose) for row in care.site.rows(view_log)] == [(KIM, "hh-1", "reports")]
    assert care.reports.reports(dong="dong-2", login=KIM) == []


def test_a_report_whose_seal_is_broken_is_still_listed(care: Care) -> None:
    care.reports.take("dong-1", UNKNOWN, channel="form", number="1")
    with care.site.engine.begin() as connection:
        connection.execute(update(neighbour_report).values(sealed=b"broken"))
    assert [one.words for one in care.reports.reports(dong=None, login=KIM, unmatched=True)] == [None]


def test_staff_match_an_unknown_address_to_a_household_once(care: Care) -> None:
    told = care.reports.take("dong-1", UNKNOWN, channel="form", number="1")
    matched = care.reports.match(told.id, "hh-1", actor=KIM, dong="dong-1")
    check = care.site.desk.check(str(matched.check_id), dong="dong-1")
    before = care.site.desk.check(str(told.check_id), dong="dong-1")
    assert check is not None and before is not None
    assert (check.check.household_id, check.check.state, matched.matched_by) == ("hh-1", CheckState.OPEN, KIM)
    assert (before.check.state, before.check.outcome) == (CheckState.RESOLVED, Outcome.OTHER)
    assert care.reports.reports(dong=None, login=KIM, unmatched=True) == []
    with pytest.raises(Conflict):
        care.reports.match(told.id, "hh-1", actor=KIM, dong="dong-1")


def test_a_match_after_its_check_was_settled_still_opens_the_households(care: Care) -> None:
    told = care.reports.take("dong-1", UNKNOWN, channel="form", number="1")
    care.site.desk.resolve(str(told.check_id), actor=KIM, dong=None, outcome=Outcome.OTHER, text="주소를 찾지 못함")
    assert (
        care.reports.match(told.id, "hh-1", actor=KIM, dong="dong-1").check_id
        == care.site.desk.checks(dong=None, household="hh-1")[0].id
    )


@pytest.mark.parametrize(("report", "home", "dong"), [(9, "hh-1", None), (1, "hh-2", None), (1, "hh-1", "dong-2")])
def test_a_match_needs_its_report_and_a_household_of_the_same_dong(care: Care, report: int, home: str, dong: str | None) -> None:
    care.reports.take("dong-1", UNKNOWN, channel="form", number="1")
    with pytest.raises(NotFound):
        care.reports.match(report, home, actor=KIM, dong=dong)
