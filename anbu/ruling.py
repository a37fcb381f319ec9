"""What `anbu rules` does: look at a table, compare it with the one in force, put it in force; seasons and single households."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alerts.rulebook import Change, ChangeRefused, Rulebook
from anbu.ending import Refusal
from anbu.language import say
from anbu.opening import open_site
from anbu.settings import load_settings
from anbu.unregistered import unregistered
from ingest.clock import Millis, parse_local
from ingest.register.homes import NotRegistered
from rules.finding import Level
from rules.lengths import parse_length, write_length
from rules.limits import ABSENCES, STILLNESS, Channel, Grade
from rules.table import RulesWrong, RuleTable, load_table
from rules.wording import Row, differences, limit_rows, other_lines

_LENGTHS = (*ABSENCES, *STILLNESS)
"""Rules whose limits are lengths of time; those of the others are values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A table as `show` prints it."""

    version: str
    since: Millis | None  # None: the site has not run yet, so no table is in force
    actor: str
    rows: list[Row]
    others: list[str]
    seasons: dict[str, Millis]  # declared, until when
    text: str


def read_file(file: Path | None) -> RuleTable:
    """The table in this file (None: the shipped default); Refusal with every wrong line."""
    try:
        return load_table(file)
    except RulesWrong as error:
        raise Refusal(error.said(_lang()), say("고친 뒤 다시 하십시오", "mend these lines and try again")) from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{file}", say("UTF-8 텍스트여야 합니다", "it must be UTF-8 text")) from error
    except FileNotFoundError as error:
        raise Refusal(say(f"파일이 없습니다: {file}", f"no such file: {file}")) from error
    except OSError as error:
        raise Refusal(f"{file}: {error.strerror}") from error


def _lang() -> str:
    return say("ko", "en")


@contextmanager
def _rulebook(config: Path | None) -> Iterator[Rulebook]:
    with open_site(config) as site:
        try:
            yield Rulebook(site.engine, site.sealer, site.clock)
        except ChangeRefused as error:
            raise Refusal(error.words.said(_lang())) from error
        except NotRegistered as error:
            raise unregistered(error) from error


def _in_force(config: Path | None, rulebook: Rulebook) -> RuleTable:
    """The table in force, or the one the site will begin with."""
    return rulebook.in_force() or read_file(load_settings(config).rules.file)


def show(config: Path | None, *, grade: str | None, household: str | None) -> Shown:
    """The limits in force: of everybody, of a grade, or of a household as they are this moment."""
    if grade is not None and grade not in tuple(Grade):
        raise Refusal(f"--grade {grade}", ", ".join(Grade))
    with _rulebook(config) as rulebook:
        table = _in_force(config, rulebook)
        applied = [one for one in rulebook.changes(limit=100_000) if one.kind == "table"]
        profile = rulebook.profile(household) if household else table.profile(Grade(grade or Grade.ORDINARY))
        newest = applied[0] if applied else None
        return Shown(
            version=table.version,
            since=newest.at if newest else None,
            actor=newest.actor if newest else "",
            rows=limit_rows(table, profile, _lang()),
            others=other_lines(table),
            seasons=rulebook.declared(),
            text=table.text,
        )


def compare(config: Path | None, file: Path | None) -> tuple[RuleTable, RuleTable, list[str]]:
    """The table in force, the one of the file (None: the one the settings name), and what it would change."""
    with _rulebook(config) as rulebook:
        before, after = _in_force(config, rulebook), read_file(file or load_settings(config).rules.file)
    return before, after, differences(before, after, _lang())


def apply(config: Path | None, file: Path, *, by: str, reason: str) -> RuleTable:
    """Put the table of the file in force; the running site takes it within a second, at its place in the journal."""
    table = read_file(file)
    with _rulebook(config) as rulebook:
        rulebook.apply(table, actor=by, reason=reason)
    return table


def season(config: Path | None, name: str, *, until: str | None, by: str, reason: str) -> None:
    """Declare a season until then, or (None) end it."""
    with _rulebook(config) as rulebook:
        if until is None:
            rulebook.end_season(name, actor=by, reason=reason)
            return
        try:
            end = parse_local(until)
        except ValueError as error:
            raise Refusal(f"--until {until}", "2026-08-20T18:00") from error
        rulebook.declare_season(name, end, actor=by, reason=reason)


def limit(config: Path | None, household: str, rule: str, level: str, value: str, *, by: str, reason: str) -> None:
    """Give a household a limit of its own ("6 h", "30.5"), or take it away ("none")."""
    if level.upper() not in Level.__members__:
        raise Refusal(level, "caution, warning, danger")
    with _rulebook(config) as rulebook:
        rulebook.set_limit(household, rule, Level[level.upper()], _limit(rule, value), actor=by, reason=reason)


def changes(config: Path | None, household: str | None) -> list[Change]:
    """Who changed what, the newest first."""
    with _rulebook(config) as rulebook:
        return rulebook.changes(household=household)


def _limit(rule: str, value: str) -> float | None:
    if value == "none":
        return None
    if rule not in (*_LENGTHS, *Channel):
        return math.nan  # whatever it is, there is no such limit: the rulebook says which there are
    try:
        return float(parse_length(value)) if rule in _LENGTHS else float(value)
    except ValueError as error:
        raise Refusal(value, '"6 h"' if rule in _LENGTHS else "30.5") from error


def limit_typed(one: Change) -> str:
    """A household's limit as `anbu rules limit` is given it: "motion caution 5 h"."""
    level = Level(one.level or Level.CAUTION).name.lower()
    if one.limit is None:
        return f"{one.rule} {level} none"
    return f"{one.rule} {level} {write_length(round(one.limit)) if one.rule in _LENGTHS else f'{one.limit:g}'}"
