"""What a row of the queue and of the tickets shows, worked out before any template sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from alerts.desk import AlertView, CheckState, CheckView, Condition, TicketView
from dashboard_api.words import Lang, say
from ingest.clock import Millis
from rules.finding import Level
from rules.sentence import LEVEL_WORDS, RULE_WORDS, reason


class ReasonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in words."""

    rule: str
    level: int
    text: str
    condition: str
    cleared: bool


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One check as the queue shows it; `print` changes whenever anything shown does."""

    id: str
    code: str
    dong: str
    household_id: str | None
    subject: str
    level: int
    level_word: str
    state: str
    condition: str
    owner: str | None
    opened_at: Millis
    acknowledged_at: Millis | None
    resolved_at: Millis | None
    condition_word: str
    outcome_word: str | None
    exhausted: bool  # nobody is told any more
    with_machine: bool
    visiting: bool
    version: int
    reasons: tuple[ReasonRow, ...]
    print: str = ""


class TicketRow(msgspec.Struct, frozen=True, kw_only=True):
    """One ticket as the installer sees it."""

    id: str
    dong: str
    household_id: str | None
    device_id: str | None
    rule: str
    text: str
    level: int
    state: str
    condition: str
    condition_word: str
    opened_at: Millis
    resolved_at: Millis | None
    resolved_by: str | None
    print: str = ""


def check_row(check: CheckView, dongs: Mapping[str, str], lang: Lang) -> CheckRow:
    """The check in words of this language; `dongs` names each dong code."""
    row = CheckRow(
        id=check.id,
        code=check.code,
        dong=dongs.get(check.dong_code, check.dong_code),
        household_id=check.household_id,
        subject=check.subject,
        level=int(check.level),
        level_word=level_word(check.level, lang),
        state=str(check.state),
        condition=str(check.condition),
        owner=check.owner,
        opened_at=check.opened_at,
        acknowledged_at=check.acknowledged_at,
        resolved_at=check.resolved_at,
        condition_word=say(lang, f"condition.{check.condition}"),
        outcome_word=None if check.outcome is None else say(lang, f"outcome.{check.outcome}"),
        exhausted=check.exhausted,
        with_machine=check.with_machine,
        visiting=check.visit_at is not None and check.state is not CheckState.RESOLVED,
        version=check.version,
        reasons=tuple(_reason_row(alert, lang) for alert in check.alerts),
    )
    return msgspec.structs.replace(row, print=_print(row))


def ticket_row(ticket: TicketView, dongs: Mapping[str, str], lang: Lang) -> TicketRow:
    """The ticket in words of this language."""
    row = TicketRow(
        id=ticket.id,
        dong=dongs.get(ticket.dong_code, ticket.dong_code),
        household_id=ticket.household_id,
        device_id=ticket.device_id,
        rule=RULE_WORDS[lang.value][ticket.rule],
        text=reason(ticket.rule, ticket.level, ticket.evidence, ticket.at, lang.value),
        level=int(ticket.level),
        state=str(ticket.state),
        condition=str(ticket.condition),
        condition_word=say(lang, f"condition.{ticket.condition}"),
        opened_at=ticket.opened_at,
        resolved_at=ticket.resolved_at,
        resolved_by=ticket.resolved_by,
    )
    return msgspec.structs.replace(row, print=_print(row))


def level_word(level: Level, lang: Lang) -> str:
    """주의, 경보, 위험."""
    return LEVEL_WORDS[lang.value][level]


def _reason_row(alert: AlertView, lang: Lang) -> ReasonRow:
    return ReasonRow(
        rule=RULE_WORDS[lang.value][alert.rule],
        level=int(alert.level),
        text=reason(alert.rule, alert.evidence_level, alert.evidence, alert.at, lang.value),
        condition=say(lang, f"condition.{alert.condition}"),
        cleared=alert.condition is Condition.CLEARED,
    )


def _print(row: CheckRow | TicketRow) -> str:
    return hashlib.blake2s(msgspec.json.encode(row), digest_size=8).hexdigest()
