"""Notes for the visiting nurse are kept once, and found by dong, household and time, the newest first."""

from __future__ import annotations

from alerts.duty.outlook import OutlookBook
from alerts.trend_notes import TrendNotes
from ingest.clock import DAY, Millis
from ingest.reading import DongCode, HouseholdId
from rules.trend import Measure, TrendNote
from tests.alerts.alert_parts import MORNING, Site


def note(number: str, *, home: str = "hh-1", dong: str = "dong-1", at: Millis = MORNING) -> TrendNote:
    return TrendNote(
        note_id=number,
        household_id=HouseholdId(home),
        dong_code=DongCode(dong),
        at=at,
        measure=Measure.SLEEP,
        recent=11.0,
        past=9.0,
        recent_days=7,
        past_days=28,
        p_value=1e-5,
        q=0.05,
        rule_version="v",
    )


def test_a_note_told_again_is_kept_once_and_as_it_was(site: Site) -> None:
    told = note("n1")
    for _ in range(2):
        OutlookBook(site.engine).take([told])
    assert TrendNotes(site.engine).all(dong=None) == [told]


def test_notes_are_those_of_the_dong_the_household_and_the_time_asked_for(site: Site) -> None:
    old, here, there = note("n1", at=MORNING - DAY), note("n2"), note("n3", home="hh-2", dong="dong-2", at=MORNING + DAY)
    OutlookBook(site.engine).take([old, here, there])
    notes = TrendNotes(site.engine)
    assert notes.all(dong=None) == [there, here, old]
    assert notes.all(dong="dong-1") == [here, old]
    assert notes.all(dong="dong-1", household="hh-2") == [] and notes.all(dong=None, household="hh-2") == [there]
    assert notes.all(dong=None, since=MORNING) == [there, here]
    assert notes.all(dong=None, limit=1) == [there]
