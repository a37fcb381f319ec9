"""What `anbu backtest` tells: findings as they were raised and cleared, or the figures of every rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from ingest.clock import to_iso
from rules.backtest.figures import Row
from rules.backtest.judged import FIRST_ALERT, Tally
from rules.finding import Finding, Level, RuleKey, Verb

ALWAYS = tuple(f"{rule}." for rule in (RuleKey.PERSONAL, RuleKey.MOTION, RuleKey.CANNOT_VERIFY, RuleKey.AWAY))
"""Rows of these are shown even where they said nothing."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A level that was raised, in recorded time (ISO 8601, Asia/Seoul); `cleared_at` is None where it stood at the end."""

    household: str
    rule: str
    level: str
    raised_at: str
    cleared_at: str | None


class HomeSaid(msgspec.Struct, frozen=True, kw_only=True):
    """How a home was run."""

    household: str
    log: str
    prior: str  # others: pooled from the other logs of the call; shipped
    start: str
    judged_from: str  # after the training days
    end: str


class FindingsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Without injections."""

    rule_version: str
    homes: list[HomeSaid]
    findings: list[Said]


class FiguresReport(msgspec.Struct, frozen=True, kw_only=True):
    """With injections; rows by `first_alert` and by rule and level (`motion.warning`)."""

    rule_version: str
    seed: int
    injections: int  # a home
    homes: list[HomeSaid]
    by_rule: dict[str, Row]
    by_home: dict[str, dict[str, Row]]


def said_of(findings: Iterable[Finding]) -> list[Said]:
    """Each raise with the time its episode ended, in order of time."""
    findings = list(findings)
    cleared = {one.episode: one.at for one in findings if one.verb is Verb.CLEARED}
    return [
        Said(
            household=str(one.household_id),
            rule=one.rule.value,
            level=Level(one.level).name.lower(),
            raised_at=to_iso(one.at),
            cleared_at=to_iso(cleared[one.episode]) if one.episode in cleared else None,
        )
        for one in sorted(findings, key=lambda one: (one.at, str(one.household_id), one.rule, one.level))
        if one.verb is Verb.RAISED
    ]


def rows_of(tally: Tally) -> dict[str, Row]:
    """The rows worth showing, `first_alert` before the others."""
    keys = {*tally.alarms, *tally.delays}
    told = {
        key
        for key in keys
        if key.startswith(ALWAYS) or tally.alarms.get(key) or any(one is not None for one in tally.delays.get(key, []))
    }
    told -= {f"{RuleKey.PERSONAL}.danger", f"{RuleKey.CANNOT_VERIFY}.caution"}  # levels these rules never have
    return {key: tally.row(key) for key in [FIRST_ALERT, *sorted(told - {FIRST_ALERT})]}


def print_findings(report: FindingsReport, console: Console) -> None:
    """To be read: times without their offset, which the caption names."""
    table = Table("household", "rule", "level", "raised_at", "cleared_at", caption="Asia/Seoul")
    for one in report.findings:
        table.add_row(
            one.household, one.rule, one.level, _plain(one.raised_at), _plain(one.cleared_at) if one.cleared_at else "-"
        )
    console.print(table)
    _print_homes(report.homes, console)


def print_figures(report: FiguresReport, console: Console) -> None:
    """One row a rule and level over all homes, then `first_alert` of each home."""
    console.print(_figures("rule", report.by_rule))
    console.print(_figures("household", {home: rows[FIRST_ALERT] for home, rows in report.by_home.items()}, title=FIRST_ALERT))
    _print_homes(report.homes, console)


def _figures(first: str, rows: Mapping[str, Row], title: str | None = None) -> Table:
    table = Table(first, "false alarms", "months", "a month (95%)", "missed", "delay h: median", "p95", "mean", title=title)
    for name, row in rows.items():
        low, high = row.interval95
        spread = f"{row.per_month:.2f} ({low:.2f}-{high:.2f})"
        lengths = (row.delay_h_median, row.delay_h_p95, row.delay_h_mean)
        waits = ["-" if one is None else f"{one:.1f}" for one in lengths]
        table.add_row(name, str(row.false_alarms), f"{row.months:.2f}", spread, f"{row.missed}/{row.injections}", *waits)
    return table


def _print_homes(homes: Sequence[HomeSaid], console: Console) -> None:
    table = Table("household", "log", "prior", "start", "judged from", "end", caption="Asia/Seoul")
    for one in homes:
        table.add_row(one.household, one.log, one.prior, _plain(one.start), _plain(one.judged_from), _plain(one.end))
    console.print(table)


def _plain(iso: str) -> str:
    return iso[:19].replace("T", " ")
