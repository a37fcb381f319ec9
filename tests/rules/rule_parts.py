"""What the rule tests build their days from: a home, its devices, readings and facts at readable instants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, count

import msgspec

from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.facts import CheckResolved, DeviceEnrolled, Fact, HouseholdEnrolled, LinkDown, LinkUp, RunStarted
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Reason, Rejection, Signal
from rules.engine import Engine, Item
from rules.finding import Finding, Level, RuleKey, Verb
from rules.table import DEFAULT, RuleTable, load_table, read_table

START: Millis = 1_763_769_600_000
"""2025-11-22T00:00:00Z, on the grid; every instant of the tests is counted from it."""
DONG = DongCode("dong-1")
HOME = HouseholdId("hh-1")
SHIPPED = load_table(None)


def without_personal() -> str:
    """The shipped rules without the personal baseline, so that a day's findings are those of one rule at a time."""
    return DEFAULT.read_text(encoding="utf-8").replace("used = true", "used = false")


TABLE = read_table(without_personal())

_ids = count(1)


def enrolled(home: str = HOME, *, at: Millis = 0, grade: str = "ordinary") -> HouseholdEnrolled:
    """The household is looked after from `at` on."""
    return HouseholdEnrolled(fact_id=f"f{next(_ids)}", at=START + at, household_id=HouseholdId(home), dong_code=DONG, grade=grade)


def device(name: str, *signals: Signal, home: str = HOME, at: Millis = 0, interval_s: int = 0) -> DeviceEnrolled:
    """The device stands in the household from `at` on."""
    return DeviceEnrolled(
        fact_id=f"f{next(_ids)}",
        at=START + at,
        device_id=DeviceId(name),
        household_id=HouseholdId(home),
        signals=tuple(signals),
        report_interval_s=interval_s,
    )


def reading(
    at: Millis,
    signal: Signal,
    value: float = 1.0,
    *,
    name: str = "pir-1",
    home: str | None = HOME,
    received: Millis | None = None,
    credible: bool = True,
    skewed: bool = False,
    again: bool = False,
    offset: int | None = None,
    observed_at: Millis | None = None,
) -> Reading:
    """One value, observed at `at` and received then too unless told otherwise."""
    return Reading(
        offset=next(_ids) if offset is None else offset,
        dong_code=DONG,
        household_id=None if home is None else HouseholdId(home),
        device_id=DeviceId(name),
        signal=signal,
        value=value,
        observed_at=START + at if observed_at is None else observed_at,
        received_at=START + (at if received is None else received),
        credible=credible,
        skewed=skewed,
        again=again,
    )


def motion(at: Millis, *, received: Millis | None = None, home: str = HOME, name: str = "pir-1") -> Reading:
    """Somebody moved."""
    return reading(at, Signal.MOTION, 1.0, received=received, home=home, name=name)


def rejection(at: Millis, *, name: str = "pir-1", reason: Reason = Reason.OUT_OF_RANGE) -> Rejection:
    """A message that could not be taken."""
    return Rejection(offset=next(_ids), received_at=START + at, reason=reason, detail="", topic="t", device_id=DeviceId(name))


def link_down(at: Millis) -> LinkDown:
    """Our link to the broker went."""
    return LinkDown(fact_id=f"f{next(_ids)}", at=START + at, source="mqtt")


def link_up(at: Millis) -> LinkUp:
    """We hear again."""
    return LinkUp(fact_id=f"f{next(_ids)}", at=START + at, source="mqtt")


def run_started(at: Millis) -> RunStarted:
    """A process of ours began to listen."""
    return RunStarted(fact_id=f"f{next(_ids)}", at=START + at, run_id=f"r{at}")


def resolved(at: Millis, outcome: str, *rules: RuleKey, home: str = HOME) -> CheckResolved:
    """Staff settled the check."""
    return CheckResolved(
        fact_id=f"f{next(_ids)}",
        at=START + at,
        check_id="c1",
        household_id=HouseholdId(home),
        outcome=outcome,
        rules=tuple(rules),
    )


def home_with(*signals: Signal, home: str = HOME, interval_s: int = 0) -> list[Fact]:
    """A household enrolled at the start, with one device `pir-1` that has these signals."""
    return [enrolled(home), device("pir-1", *signals, home=home, interval_s=interval_s)]


def received_at(item: Item) -> Millis:
    """When the journal says it came."""
    return item.received_at if isinstance(item, Reading | Rejection) else item.at


class Days:
    """An engine fed in order, as the consumer feeds it, and all it said."""

    def __init__(self, items: Iterable[Item] = (), *, table: RuleTable = TABLE) -> None:
        self.engine = Engine(table)
        self.findings: list[Finding] = []
        self._begun: set[str] = set()
        self.feed(items)

    def feed(self, items: Iterable[Item]) -> Days:
        """Take the items one by one; they are put in the order in which they came."""
        for item in sorted(items, key=received_at):
            if isinstance(item, RunStarted):
                self.engine.begin_run()
            self.findings += whole(self.engine.advance(received_at(item)), self._begun)
            self.findings += whole(self.engine.fold([item]), self._begun)
        return self

    def until(self, at: Millis) -> list[Finding]:
        """Evaluate up to `at`, and what has been said since the last time this was asked."""
        self.findings += whole(self.engine.advance(START + at), self._begun)
        said, self.findings = self.findings, []
        return said


def told(findings: Sequence[Finding], *rules: RuleKey) -> list[tuple[str, str, int, float]]:
    """Rule, verb, level and hours since the start of each finding, of these rules where any are named."""
    return [
        (one.rule.value, one.verb.value, int(one.level), round((one.at - START) / HOUR, 4))
        for one in findings
        if not rules or one.rule in rules
    ]


def raised(findings: Sequence[Finding], rule: RuleKey) -> list[tuple[Level, Millis]]:
    """Level and instant (since the start) of each raise."""
    return [(one.level, one.at - START) for one in findings if one.rule is rule and one.verb is Verb.RAISED]


def living(minutes: float, start: Millis, end: Millis) -> list[Reading]:
    """Motion about so often, never by the clock: no keep-alive."""
    return [motion(at + int(place * place * 7_919 % 1_000 * 24 * minutes)) for place, at in enumerate(every(minutes, start, end))]


RESTLESS = [29, 47, 61, 38, 55]


def restless(start: Millis, end: Millis, *, slower: int = 1) -> list[Reading]:
    """Motion every minute or so, without a pause, never at one pace: a sensor that sees a fan."""
    seconds = accumulate(slower * RESTLESS[place % 5] for place in range((end - start) // (46 * slower * SECOND)))
    return [motion(start + second * SECOND) for second in seconds]


def every(minutes: float, start: Millis, end: Millis) -> range:
    """Instants from `start` to before `end`."""
    return range(start, end, int(minutes * MINUTE))


def whole(findings: Sequence[Finding], begun: set[str]) -> Sequence[Finding]:
    """These findings, each with every field it must have, the table it rests on, and for an end the episode that it ends."""
    for one in findings:
        assert msgspec.convert(msgspec.to_builtins(one), Finding) == one
        assert "+" in one.evidence.rule_version, one
        assert one.verb is not Verb.CLEARED or one.episode in begun, one
        begun.add(one.episode)
    return findings
