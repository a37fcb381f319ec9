"""Proves that everything the pages say is written in both languages, and that nothing written is left unsaid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.aftercare.plan import ContactKind
from alerts.aftercare.referral import CareKind, ReferralState
from alerts.aftercare.visit import Companion, VisitResult, VisitState
from alerts.attempt import Result, Untold
from alerts.check import Action, Condition, Outcome
from alerts.contacts import CHANNELS, Kind
from alerts.desk import CheckState
from alerts.duty.away import AwayReason
from alerts.duty.hours import DutyDesk, DutyPart
from alerts.duty.outage import OutageKind
from alerts.duty.rota import ABSENCE_REASONS
from alerts.duty.silence import SilenceKind, SilenceReason
from alerts.duty.tonight import How
from alerts.ladder import RungChannel, Who
from alerts.telling import NOWHERE
from dashboard_api.api.reports import BOT
from dashboard_api.pages.neighbour import FORM
from dashboard_api.words import WORDS, Lang, length, say
from ingest.clock import HOUR, MINUTE
from ingest.reading import Signal
from ingest.register.homes import Grade
from rules.finding import Level, RuleKey
from rules.sentence import LEVEL_WORDS, RULE_WORDS
from rules.table import Channel

WEB = Path(__file__).parents[2] / "dashboard_api"
CODE = "\n".join(file.read_text(encoding="utf-8") for file in (*WEB.rglob("*.py"), *WEB.rglob("templates/**/*.html")))
FAMILIES = {
    "condition": [str(condition) for condition in Condition],
    "outcome": [str(outcome) for outcome in Outcome],
    "action": [str(action) for action in Action],
    "state": [str(state) for state in CheckState],
    "who": [str(who) for who in Who],
    "way": [*map(str, RungChannel), "phone", "visit"],
    "result": [*map(str, Result), "begun"],
    "untold": [str(reason) for reason in Untold],
    "grade": [str(grade) for grade in Grade],
    "signal": [str(signal) for signal in Signal],
    "limit": [str(channel) for channel in Channel],
    "carekind": [str(kind) for kind in CareKind],
    "companion": [str(one) for one in Companion],
    "plans": [str(kind) for kind in ContactKind],
    "referral": [str(state) for state in ReferralState],
    "reports": [BOT, FORM],
    "visit": [str(one) for one in (*VisitState, *VisitResult)],
    "duty_desk": [str(desk) for desk in DutyDesk],
    "duty_part": [*map(str, DutyPart), "both"],
    "absence_reason": list(ABSENCE_REASONS),
    "silence_kind": [str(kind) for kind in SilenceKind],
    "silence_reason": [str(reason) for reason in SilenceReason],
    "away_reason": [str(reason) for reason in AwayReason],
    "outage_kind": [str(kind) for kind in OutageKind],
    "unheard": ["no_account", "no_account_next", "no_contact", "no_contact_next"],
    "how": [str(how) for how in How],
    "contact_kind": [str(kind) for kind in Kind],
    "channel": ["console", NOWHERE, *CHANNELS],
}
OPEN_ENDED = {"problem", "invalid", "stage", "value"}  # chosen by what happens; checked where it happens


def _said() -> set[str]:
    literal = set(re.findall(r"""(?:\bt\(|say\([\w.]*lang[\w.]*,\s*|say\(Lang\.KO,\s*)["'](\w+\.\w+)["']""", CODE))
    navigation = set(re.findall(r'"(page\.\w+)"', CODE))
    return literal | navigation | {f"{family}.{key}" for family, keys in FAMILIES.items() for key in keys}


def test_every_text_that_is_said_is_written() -> None:
    assert sorted(_said() - WORDS.keys()) == []


def test_every_text_that_is_written_is_said() -> None:
    assert sorted(key for key in WORDS.keys() - _said() if key.split(".")[0] not in OPEN_ENDED) == []


def test_every_problem_says_what_to_do_next() -> None:
    raised = set(re.findall(r'_refusal\(\d+, "(\w+)"|Problem\(\d+, "(\w+)"|_refuse\(\w+, \d+, "(\w+)"', CODE))
    codes = {code for found in raised for code in found if code}
    assert len(codes) > 10
    for code in codes:
        assert f"problem.{code}" in WORDS
        assert f"problem.{code}_next" in WORDS


@pytest.mark.parametrize("key", sorted(WORDS))
def test_both_languages_say_the_same_figures(key: str) -> None:
    word = WORDS[key]
    assert word.ko.strip()
    assert word.en.strip()
    assert set(re.findall(r"\{(\w+)\}", word.ko)) == set(re.findall(r"\{(\w+)\}", word.en))
    assert not re.search(r"[가-힣]", word.en)


@pytest.mark.parametrize("lang", list(Lang))
def test_rules_and_levels_have_words_in_every_language_of_the_pages(lang: Lang) -> None:
    assert set(LEVEL_WORDS[lang.value]) == set(Level)
    assert set(RULE_WORDS[lang.value]) == set(RuleKey)


def test_lengths_are_said_in_two_units_at_most() -> None:
    assert [length(Lang.KO, at) for at in (-5, 59_000, 5 * MINUTE, 3 * HOUR + 12 * MINUTE, 26 * HOUR + 1)] == [
        "1분 미만",
        "1분 미만",
        "5분",
        "3시간 12분",
        "1일 2시간",
    ]
    assert length(Lang.EN, 61 * MINUTE) == "1 h 1 min"


def test_text_nobody_wrote_is_an_error() -> None:
    with pytest.raises(KeyError):
        say(Lang.KO, "queue.nothing_of_the_kind")
