"""The ladder (확인 단계) as a policy: which rungs a check climbs, and the promises no policy may break."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from ingest.clock import HOUR, MINUTE, SEOUL, Millis, to_datetime
from rules.bilingual import Words
from rules.finding import Level, RuleKey
from rules.reader import Reader

DEFAULT = Path(__file__).with_name("ladder.toml")
EXHAUSTED = "exhausted"
END_OF_DUTY = "end of duty"

MACHINE_RULES = frozenset({RuleKey.MOTION, RuleKey.PERSONAL, RuleKey.CALL, RuleKey.PHONE, RuleKey.AWAY})
"""Where nothing else has spoken, a machine may ask first; cannot_verify, heat, cold, urgent and reported are for people."""
MOST_TRIES = 2
"""Of the machine at one level, over all its rungs."""
EARLIEST, LATEST = 7 * HOUR, 22 * HOUR
"""Between these hours of Seoul alone does a machine ring anybody."""

_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")


class Who(StrEnum):
    """Whose turn it is on a rung."""

    RESIDENT = "resident"
    OFFICER = "officer"
    CONTACT = "contact"  # guardian or neighbour
    VISIT = "visit"
    EMERGENCY = "emergency"  # a person calls 119 or 112


class RungChannel(StrEnum):
    """How a rung reaches whom it is for; `duty`: the person on duty, on their own channels."""

    CALL = "call"
    MESSAGE = "message"
    DUTY = "duty"


_CHANNELS: dict[Who, tuple[RungChannel, ...]] = {
    Who.RESIDENT: (RungChannel.CALL, RungChannel.MESSAGE),
    Who.OFFICER: (RungChannel.DUTY,),
    Who.CONTACT: (RungChannel.DUTY, RungChannel.MESSAGE),
    Who.VISIT: (RungChannel.DUTY,),
    Who.EMERGENCY: (RungChannel.DUTY,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a rung is tried at one level (0: it is passed over), and how long (home ms) each try may take."""

    tries: int
    wait: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step. `opens` and `closes` are ms of the day in Seoul; `paces[level - 1]` is that of a level."""

    name: str
    who: Who
    channel: RungChannel
    opens: Millis
    closes: Millis
    paces: tuple[Pace, ...]
    then: str  # name of a later rung, or EXHAUSTED
    rules: frozenset[RuleKey] = frozenset()  # resident only

    def pace(self, level: Level) -> Pace:
        """Tries and wait at this level."""
        return self.paces[level - 1]

    def in_hours(self, at: Millis) -> bool:
        """Whether the rung may be tried at this instant."""
        return self.opens <= day_time(at) < self.closes

    def closes_at(self, at: Millis) -> Millis:
        """The instant at which the hours that hold at `at` end."""
        return at + self.closes - day_time(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One policy. `text` is what it was read from: a check is stored with it."""

    version: str
    text: str
    rungs: tuple[Rung, ...]
    acknowledgement: tuple[Millis | None, ...]  # by level; None: until the end of duty
    return_after: Millis

    def rung(self, name: str) -> Rung:
        """The rung of this name; KeyError otherwise."""
        return self.rungs[self.place(name)]

    def place(self, name: str) -> int:
        """Where this rung stands, 0 first; KeyError where there is none."""
        for place, rung in enumerate(self.rungs):
            if rung.name == name:
                return place
        raise KeyError(name)

    def held(self, level: Level) -> Millis | None:
        """How long an acknowledgement holds; None: until the end of duty."""
        return self.acknowledgement[level - 1]


def day_time(at: Millis) -> Millis:
    """Milliseconds since midnight in Seoul, which keeps one offset all year."""
    local = to_datetime(at).astimezone(SEOUL)
    return local.hour * HOUR + local.minute * MINUTE + local.second * 1_000 + local.microsecond // 1_000


def load_ladder(path: Path | None = None) -> Ladder:
    """The ladder in this TOML file (None: the shipped one); RulesWrong names every wrong line at once."""
    source = DEFAULT if path is None else path
    return read_ladder(source.read_text(encoding="utf-8"), source.name)


@lru_cache(maxsize=64)
def read_ladder(text: str, name: str = "ladder") -> Ladder:
    """The ladder in this TOML text; RulesWrong names every wrong line at once."""
    reader = Reader(text, name)
    ladder = Ladder(
        version=reader.version(),
        text=text,
        rungs=tuple(_rung(reader, rung) for rung in reader.sections("rung")),
        acknowledgement=tuple(_held(reader, level) for level in Level),
        return_after=reader.length("life", "return_after"),
    )
    _check_order(reader, ladder)
    for rung in ladder.rungs:
        if rung.who is Who.RESIDENT:
            _check_machine(reader, ladder, rung)
    _check_levels(reader, ladder)
    reader.finish()
    return ladder


def _held(reader: Reader, level: Level) -> Millis | None:
    key = level.name.lower()
    if reader.is_word("acknowledgement", key, END_OF_DUTY):
        return None
    return reader.length("acknowledgement", key)


def _rung(reader: Reader, name: str) -> Rung:
    section = f"rung.{name}"
    who = Who(reader.word(section, "who", list(Who)))
    opens, closes = _hours(reader, section)
    return Rung(
        name=name,
        who=who,
        channel=RungChannel(reader.word(section, "channel", _CHANNELS[who])),
        opens=opens,
        closes=closes,
        paces=tuple(_pace(reader, section, level) for level in Level),
        then=reader.word(section, "then", [*reader.sections("rung"), EXHAUSTED]),
        rules=frozenset(map(RuleKey, reader.words(section, "rules", sorted(MACHINE_RULES))))
        if who is Who.RESIDENT
        else frozenset(),
    )


def _hours(reader: Reader, section: str) -> tuple[Millis, Millis]:
    found = _HOURS.match(reader.text(section, "hours", Words('"07:00-22:00" 같은 시간대', 'hours such as "07:00-22:00"')))
    opens, closes = (0, 24 * HOUR)
    if found is not None:
        hours = [int(part) for part in found.groups()]
        opens, closes = hours[0] * HOUR + hours[1] * MINUTE, hours[2] * HOUR + hours[3] * MINUTE
    if found is None or not opens < closes <= 24 * HOUR:
        reader.wrong(
            section, "hours", '"07:00-22:00" 같은 하루 안의 시간대여야 합니다', 'must be hours of one day such as "07:00-22:00"'
        )
    return opens, closes


def _pace(reader: Reader, section: str, level: Level) -> Pace:
    key = level.name.lower()
    if not reader.has(section, key):
        return Pace(tries=0, wait=0)
    inner = f"{section}.{key}"
    return Pace(tries=reader.count(inner, "tries"), wait=reader.length(inner, "wait"))


def _check_order(reader: Reader, ladder: Ladder) -> None:
    names = [rung.name for rung in ladder.rungs]
    for place, rung in enumerate(ladder.rungs):
        if rung.then != EXHAUSTED and names.index(rung.then) <= place:
            reader.wrong(
                f"rung.{rung.name}",
                "then",
                "더 아래 단계를 가리켜야 합니다: 끝이 있어야 합니다",
                "must name a rung further down, so that a ladder has an end",
            )


def _check_machine(reader: Reader, ladder: Ladder, rung: Rung) -> None:
    section = f"rung.{rung.name}"
    if rung.pace(Level.DANGER).tries:
        reader.wrong(
            section,
            "danger",
            "있을 수 없습니다: 위험에서는 기계가 먼저 묻지 않습니다",
            "must not be there: at danger no machine asks first",
        )
    if rung.opens < EARLIEST or rung.closes > LATEST:
        reader.wrong(
            section,
            "hours",
            "07:00부터 22:00 사이여야 합니다: 밤에는 기계가 전화하지 않습니다",
            "must lie between 07:00 and 22:00: no machine rings anybody at night",
        )
    for level in (Level.CAUTION, Level.WARNING):
        if sum(each.pace(level).tries for each in ladder.rungs if each.who is Who.RESIDENT) > MOST_TRIES:
            reader.wrong(
                section,
                level.name.lower(),
                f"기계의 시도는 모두 {MOST_TRIES}번까지입니다",
                f"must leave the machine at most {MOST_TRIES} tries in all",
            )


def _check_levels(reader: Reader, ladder: Ladder) -> None:
    """Whatever the hour and whoever was asked first, each level comes to a person: the first rung after the machine's."""
    people = [rung for rung in ladder.rungs if rung.who is not Who.RESIDENT]
    first = people[0] if people else None
    always = first is not None and (first.opens, first.closes) == (0, 24 * HOUR) and all(pace.tries for pace in first.paces)
    if first is None or first.who is not Who.OFFICER or not always:
        reader.wrong(
            "",
            "rung",
            "사람 가운데 담당자가 모든 단계와 모든 시간에 첫째여야 합니다",
            "must have the officer first of all people, at every level and at all hours",
        )
        return
    for rung in ladder.rungs:
        if rung.who is not Who.RESIDENT:
            continue
        section = f"rung.{rung.name}"
        if ladder.place(rung.name) > ladder.place(first.name):
            reader.wrong(
                section, "who", "사람을 찾는 모든 단계보다 앞이어야 합니다", "must come before every rung that is for people"
            )
        if rung.then == EXHAUSTED or ladder.place(rung.then) > ladder.place(first.name):
            reader.wrong(
                section,
                "then",
                "담당자에게 이어져야 합니다: 사람 가운데 가장 먼저 들어야 합니다",
                "must lead to the officer, who hears of it first of all people",
            )
