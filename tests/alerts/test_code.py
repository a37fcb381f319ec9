"""A check's code can be read out on the phone, comes from its id, and is not used twice among a dong's open checks."""

from __future__ import annotations

import re

from sqlalchemy import update

from alerts.check import Outcome, id_from
from alerts.code import FIRST, REST, codes_of
from alerts.tables import check
from tests.alerts.alert_parts import Site, finding


def test_a_code_is_short_and_free_of_look_alikes() -> None:
    for code in codes_of("a-check", 500):
        assert re.fullmatch(r"[A-Z]-[A-Z2-9]{3}", code)
        assert not set(code) & set("01OILBSZGEQ")
    assert set(FIRST) <= set(REST)


def test_a_code_comes_from_the_id_alone() -> None:
    assert codes_of("one", 3) == codes_of("one", 3)
    assert codes_of("one", 5)[2:] == codes_of("one", 3, start=2)
    assert codes_of("one", 1) != codes_of("two", 1)


def two_of_one_code() -> tuple[str, str]:
    """Two finding ids whose checks would choose the same code first."""
    seen: dict[str, str] = {}
    for number in (f"n{each}" for each in range(10_000)):
        code = codes_of(id_from("check", number), 1)[0]
        if code in seen:
            return seen[code], number
        seen[code] = number
    raise AssertionError("codes do not repeat")


def test_a_taken_code_is_passed_over_in_the_same_dong_alone(site: Site) -> None:
    first, second = two_of_one_code()
    site.take(finding(number=first, household="hh-1"), finding(number=second, household="hh-2"))
    one, two = sorted(site.desk.checks(dong="dong-1"), key=lambda each: each.household_id or "")
    assert one.code != two.code
    assert two.code == codes_of(two.id, 2)[1]


def test_a_code_is_free_again_after_the_end(site: Site) -> None:
    first, second = two_of_one_code()
    site.take(finding(number=first, household="hh-1"))
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    site.take(finding(number=second, household="hh-2"))
    assert len({each.code for each in site.desk.checks(dong=None)}) == 1


def test_where_the_first_sixteen_are_taken_the_next_is_chosen(site: Site) -> None:
    site.take(*(finding(household=f"hh-{number}") for number in range(16)))
    wanted = codes_of(id_from("check", "the-seventeenth"), 17)
    with site.engine.begin() as connection:
        for taken, code in zip(site.desk.checks(dong="dong-1"), wanted, strict=False):
            connection.execute(update(check).where(check.c.id == taken.id).values(code=code))
    site.take(finding(number="the-seventeenth", household="hh-17"))
    (last,) = site.desk.checks(dong="dong-1", household="hh-17")
    assert last.code == wanted[16]
