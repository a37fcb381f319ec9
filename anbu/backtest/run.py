"""Recorded days put to the rules, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from anbu.backtest.logs import cut_at, read_homes
from anbu.backtest.report import FiguresReport, FindingsReport, HomeSaid, print_figures, print_findings, rows_of, said_of
from ingest.clock import Millis, to_iso
from rules.backtest.course import AFTERWARDS, LOOKED_ON, Course, Recorded, gaps_of, train_until
from rules.backtest.judged import judge, total
from rules.baseline.gaps import Gaps
from rules.baseline.prior import Prior, pool
from rules.finding import Finding
from rules.table import RuleTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run."""

    logs: Sequence[Path]
    table: RuleTable
    train_days: int
    injections: int
    seed: int
    cut: Millis | None  # ms UTC: later events are dropped
    off: str


class NothingToRun(ValueError):
    """No home was enrolled in these logs, or none before the cut."""


def run_backtest(plan: Plan, *, as_json: bool) -> None:
    """Run it and print the report; progress goes to standard error. NothingToRun, LogUnreadable, NotAnExport, OSError."""
    homes = [home for path in plan.logs for home in read_homes(path, plan.off)]
    if plan.cut is not None:
        homes = cut_at(homes, plan.cut)
    if not homes:
        raise NothingToRun
    with _progress() as progress:
        priors = _priors(homes, plan.table, progress)
        report = _findings(plan, homes, priors, progress) if not plan.injections else _figures(plan, homes, priors, progress)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    elif isinstance(report, FindingsReport):
        print_findings(report, Console())
    else:
        print_figures(report, Console())


def _findings(plan: Plan, homes: Sequence[Recorded], priors: Sequence[Prior | None], progress: Progress) -> FindingsReport:
    task = progress.add_task("findings", total=len(homes))
    findings: list[Finding] = []
    for home, prior in zip(homes, priors, strict=True):
        course = Course(home, plan.table, prior)
        if plan.cut is None:
            findings += course.until(home.end + AFTERWARDS)
        else:
            findings += course.until(plan.cut)
            findings += course.look_on(plan.cut).advance(plan.cut + LOOKED_ON)
        progress.advance(task)
    return FindingsReport(rule_version=plan.table.version, homes=_homes(plan, homes, priors), findings=said_of(findings))


def _figures(plan: Plan, homes: Sequence[Recorded], priors: Sequence[Prior | None], progress: Progress) -> FiguresReport:
    task = progress.add_task("emergencies", total=len(homes) * plan.injections)
    tallies = {}
    for home, prior in zip(homes, priors, strict=True):
        tallies[home.household_id] = judge(
            home,
            plan.table,
            prior,
            since=train_until(home, plan.train_days),
            injections=plan.injections,
            seed=plan.seed,
            progress=lambda: progress.advance(task),
        )
    return FiguresReport(
        rule_version=plan.table.version,
        seed=plan.seed,
        injections=plan.injections,
        homes=_homes(plan, homes, priors),
        by_rule=rows_of(total(list(tallies.values()))),
        by_home={household: rows_of(tally) for household, tally in tallies.items()},
    )


def _priors(homes: Sequence[Recorded], table: RuleTable, progress: Progress) -> list[Prior | None]:
    """For each home what is known of homes in general: from the other logs of the call; None: what is shipped."""
    if len({home.log for home in homes}) < 2:
        return [None] * len(homes)
    task = progress.add_task("prior", total=len(homes))
    learnt: list[tuple[str, Gaps]] = []
    for home in homes:
        learnt.append((home.log, gaps_of(home, table)))
        progress.advance(task)
    pooled = {log: _pooled([gaps for other, gaps in learnt if other != log]) for log in {home.log for home in homes}}
    return [pooled[home.log] for home in homes]


def _pooled(others: Sequence[Gaps]) -> Prior | None:
    try:
        return pool([gaps for gaps in others if gaps.days])
    except ValueError:  # too little to go by
        return None


def _homes(plan: Plan, homes: Sequence[Recorded], priors: Sequence[Prior | None]) -> list[HomeSaid]:
    return [
        HomeSaid(
            household=home.household_id,
            log=home.log,
            prior="shipped" if prior is None else "others",
            start=to_iso(home.start),
            judged_from=to_iso(train_until(home, plan.train_days)),
            end=to_iso(home.end),
        )
        for home, prior in zip(homes, priors, strict=True)
    ]


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
