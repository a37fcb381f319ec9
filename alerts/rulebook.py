"""The rulebook: which table is in force, declared seasons, limits of single households; who changed them, and why."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select

from alerts.rulebook_tables import rule_change
from ingest.clock import DAY, Clock, Millis
from ingest.fact_outbox import queue_fact
from ingest.facts import Fact, HouseholdLimit, RulesApplied, SeasonDeclared, SeasonEnded
from ingest.reading import HouseholdId
from ingest.register.homes import NotRegistered
from ingest.register.placing import living_household
from ingest.register.tables import household as households
from ingest.seal import Sealer
from ingest.store import reading
from rules.bilingual import Words
from rules.finding import Level
from rules.limits import ABSENCES, Breach, Channel, Grade, OwnLimit, Season
from rules.profile import Profile, with_own
from rules.sentence import say_length
from rules.table import RuleTable, read_table

LONGEST_SEASON: Millis = 60 * DAY
"""A declared season ends by itself after this at the latest; a longer one belongs into the table as dates."""
MEANT_AS = "start"
"""The actor of the table a site began with."""


class ChangeRefused(ValueError):
    """The change would not be right; `words` say what would be. As text it is English."""

    def __init__(self, ko: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(ko, en)


class NoReason(ChangeRefused):
    """A change of limits needs a reason."""

    def __init__(self) -> None:
        super().__init__("기준을 바꾸려면 이유가 있어야 합니다", "a change of limits needs a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, as it was made. `reason` is None for the table a site began with."""

    id: int
    at: Millis
    actor: str
    kind: str
    version: str | None
    season: str | None
    until: Millis | None
    household_id: str | None
    rule: str | None
    level: int | None
    limit: float | None
    reason: str | None


class Rulebook:
    """Every change is one transaction: its row, and the fact that tells the rules. Safe to use from several threads."""

    def __init__(self, engine: Engine, sealer: Sealer, clock: Clock) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._sealer = sealer
        self._clock = clock
        self._read: tuple[int, RuleTable] | None = None  # the newest table and its row, read once

    def begin(self, table: RuleTable) -> RuleTable:
        """The table this site began with: `table`, where it has none yet.

        Whoever reads the journal from its first entry begins with this one, whatever a file says by now.
        """
        with self._engine.begin() as connection:
            first = connection.execute(_tables().order_by(rule_change.c.id).limit(1)).first()
            if first is None:
                self._write_table(connection, table, actor=MEANT_AS, reason=None)
                return table
        return read_table(first.text, first.version)

    def first(self) -> RuleTable | None:
        """The table this site began with; None before it has ever run."""
        with self._reading.begin() as connection:
            first = connection.execute(_tables().order_by(rule_change.c.id).limit(1)).first()
        return None if first is None else read_table(first.text, first.version)

    def in_force(self) -> RuleTable | None:
        """The table in force; None before the site has ever run."""
        with self._reading.begin() as connection:
            newest = connection.execute(select(func.max(rule_change.c.id)).where(rule_change.c.kind == "table")).scalar()
            if newest is None:
                return None
            if self._read is None or self._read[0] != newest:
                row = connection.execute(_tables().where(rule_change.c.id == newest)).one()
                self._read = (newest, read_table(row.text, row.version))
        return self._read[1]

    def apply(self, table: RuleTable, *, actor: str, reason: str) -> int:
        """Let this table hold from now on; the number of the change. ChangeRefused where it holds already."""
        now = self.in_force()
        if now is not None and now.text == table.text:
            raise ChangeRefused(f"이미 쓰고 있는 기준표입니다: {table.version}", f"{table.version} is in force already")
        with self._engine.begin() as connection:
            return self._write_table(connection, table, actor=actor, reason=reason)

    def declare_season(self, season: str, until: Millis, *, actor: str, reason: str) -> int:
        """Let the limits of this season hold from now until then."""
        now = self._clock.home_now()
        if season not in tuple(Season):
            known = ", ".join(Season)
            raise ChangeRefused(f"{season!r}: 없는 계절입니다. 있는 것: {known}", f"{season!r} is no season; there are {known}")
        if not now < until <= now + LONGEST_SEASON:
            raise ChangeRefused(
                "계절은 앞으로 올 때까지, 길어야 60일 동안 선포합니다. 더 긴 것은 기준표에 날짜로 적습니다",
                "a season is declared until a time to come, at most 60 days on; a longer one is dates in the table",
            )
        fact = SeasonDeclared(fact_id=_new_id(), at=now, season=season, until=until)
        return self._change_by(fact, actor, reason, kind="season", season=season, until=until)

    def end_season(self, season: str, *, actor: str, reason: str) -> int:
        """End the declared season now; ChangeRefused where none is declared."""
        now = self._clock.home_now()
        if season not in self.declared():
            raise ChangeRefused(f"선포되어 있지 않은 계절입니다: {season}", f"the season {season} is not declared")
        fact = SeasonEnded(fact_id=_new_id(), at=now, season=season)
        return self._change_by(fact, actor, reason, kind="season", season=season)

    def declared(self) -> dict[str, Millis]:
        """Until when each season that is declared now was declared."""
        at = self._clock.home_now()
        rows = self._newest(rule_change.c.kind == "season", rule_change.c.season)
        return {row.season: row.until for row in rows if row.until is not None and row.at <= at < row.until}

    def set_limit(self, household: str, rule: str, level: int, limit: float | None, *, actor: str, reason: str) -> int:
        """Give the household a limit of its own (None: take it away). ChangeRefused unless it is more careful than everybody's;
        NotRegistered, also of one that is looked after no longer."""
        now, profile = self._clock.home_now(), self.profile(household, own=False)
        with self._reading.begin() as connection:
            living_household(connection, household)
        if limit is None and not any(one.rule == rule and one.level == level for one in self.own(household)):
            raise ChangeRefused(f"이 가구에는 {rule}의 자체 기준이 없습니다", f"the household has no limit of its own for {rule}")
        if limit is not None:
            _refuse_looser(profile, rule, level, limit)
        name = HouseholdId(household)
        fact = HouseholdLimit(fact_id=_new_id(), at=now, household_id=name, rule=rule, level=level, limit=limit)
        values = {"household_id": household, "rule": rule, "level": level, "limit_value": limit}
        return self._change_by(fact, actor, reason, kind="limit", **values)

    def own(self, household: str) -> list[OwnLimit]:
        """The household's own limits."""
        newest = self._newest(rule_change.c.household_id == household, rule_change.c.rule, rule_change.c.level)
        return [OwnLimit(rule=row.rule, level=row.level, limit=row.limit_value) for row in newest if row.limit_value is not None]

    def profile(self, household: str, *, own: bool = True) -> Profile:
        """The limits that hold for the household now. NotRegistered; ChangeRefused before the site has ever run."""
        with self._reading.begin() as connection:
            grade = connection.execute(select(households.c.grade).where(households.c.id == household)).scalar()
        if grade is None:
            raise NotRegistered("household", household)
        table, now = self.in_force(), self._clock.home_now()
        if table is None:
            raise ChangeRefused(
                "아직 쓰는 기준표가 없습니다: 사이트를 한 번 실행한 뒤(anbu serve) 다시 하십시오",
                "no table is in force yet: the site has never run; start it first (anbu serve)",
            )
        by_date = {season for season, mode in table.seasons.items() if mode.dates is not None and mode.dates.holds(now)}
        profile = table.profile(Grade(grade), frozenset(by_date | {Season(one) for one in self.declared()}))
        return with_own(profile, self.own(household)) if own else profile

    def changes(self, *, household: str | None = None, limit: int = 100) -> list[Change]:
        """What was changed, the newest first."""
        asked = select(rule_change).order_by(rule_change.c.id.desc()).limit(limit)
        if household is not None:
            asked = asked.where(rule_change.c.household_id == household)
        with self._reading.begin() as connection:
            return [self._change(row) for row in connection.execute(asked)]

    def _newest(self, which: Any, *by: Any) -> Sequence[Row[Any]]:
        newest = select(func.max(rule_change.c.id)).where(which).group_by(*by)
        with self._reading.begin() as connection:
            return connection.execute(select(rule_change).where(rule_change.c.id.in_(newest)).order_by(rule_change.c.id)).all()

    def _write_table(self, connection: Connection, table: RuleTable, *, actor: str, reason: str | None) -> int:
        fact = RulesApplied(fact_id=_new_id(), at=self._clock.home_now(), version=table.version, table=table.text)
        return self._write(connection, fact, actor, reason, kind="table", version=table.version, text=table.text)

    def _change_by(self, fact: Fact, actor: str, reason: str, **values: Any) -> int:
        with self._engine.begin() as connection:
            return self._write(connection, fact, actor, reason, **values)

    def _write(self, connection: Connection, fact: Fact, actor: str, reason: str | None, **values: Any) -> int:
        if reason is not None and not reason.strip():
            raise NoReason
        sealed = None if reason is None else self._sealer.seal(reason.strip().encode(), about=_about(fact.fact_id))
        row = insert(rule_change).values(fact_id=fact.fact_id, at=fact.at, actor=actor, sealed_reason=sealed, **values)
        made = connection.execute(row).inserted_primary_key
        queue_fact(connection, fact)
        return int(made[0]) if made else 0

    def _change(self, row: Row[Any]) -> Change:
        reason = None if row.sealed_reason is None else self._sealer.open(row.sealed_reason, about=_about(row.fact_id)).decode()
        return Change(
            id=row.id,
            at=row.at,
            actor=row.actor,
            kind=row.kind,
            version=row.version,
            season=row.season,
            until=row.until,
            household_id=row.household_id,
            rule=row.rule,
            level=row.level,
            limit=row.limit_value,
            reason=reason,
        )


def _tables() -> Select[Any]:
    return select(rule_change).where(rule_change.c.kind == "table")


def _new_id() -> str:
    return f"rules-{uuid.uuid4().hex}"


def _about(fact_id: str) -> str:
    """What a sealed reason is bound to, so that it opens nowhere else."""
    return f"rule change {fact_id}"


def _refuse_looser(profile: Profile, rule: str, level: int, limit: float) -> None:
    """ChangeRefused unless the limit is above 0 and more careful than the one that holds without it."""
    there = level in tuple(Level) and math.isfinite(limit)
    now = _length_now(profile, rule, level) if there else None
    if now is not None:
        if not 0 < limit < now:
            raise ChangeRefused(
                f"가구 자체 기준은 0보다 길고 {say_length(now)}보다 짧아야 합니다",
                f"a household's own limit may only be shorter than {say_length(now, 'en')}, and above 0",
            )
        return
    if there and rule in tuple(Channel):
        threshold = profile.thresholds[Channel(rule)]
        found = threshold.levels[level - 1]
        if found is not None:
            below = threshold.breach is Breach.BELOW
            if (limit <= found.raise_at) if below else (limit >= found.raise_at):
                raise ChangeRefused(
                    f"가구 자체 기준은 {found.raise_at:g}보다 {'높아야' if below else '낮아야'} 합니다",
                    f"a household's own limit may only lie {'above' if below else 'below'} {found.raise_at:g}",
                )
            return
    known = ", ".join(_with_level(profile, level))
    raise ChangeRefused(
        f"{rule!r}에는 가구가 줄일 수 있는 {level}단계 기준이 없습니다. 있는 규칙: {known}",
        f"{rule!r} has no limit of level {level} that a household may shorten; these have one: {known}",
    )


def _with_level(profile: Profile, level: int) -> list[str]:
    """The rules of which a household may shorten this level."""
    if level not in tuple(Level):
        return []
    lengths = [rule for rule in (*ABSENCES, *profile.inactive) if _length_now(profile, rule, level) is not None]
    return [*lengths, *(channel for channel, one in profile.thresholds.items() if one.levels[level - 1] is not None)]


def _length_now(profile: Profile, rule: str, level: int) -> Millis | None:
    """The length that holds; None where the rule has none of this level, or none that may be shortened."""
    if rule in ABSENCES and rule != "away":
        return profile.absence.of(rule)[level - 1]
    return profile.inactive.get(rule) if level == Level.CAUTION else None
