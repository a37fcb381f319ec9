"""The false alarms of recorded days in which nothing had happened, and the delay of every rule to emergencies put into them."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from ingest.clock import Millis
from rules.backtest.course import AFTERWARDS, LOOKED_ON, Course, Recorded, received_at
from rules.backtest.figures import Row, row
from rules.baseline.prior import Prior
from rules.finding import ABSENCE, Finding, Level, RuleKey, Verb
from rules.table import RuleTable

FIRST_ALERT = "first_alert"
"""The earliest 경보 or 위험 of the personal or the motion rule while at home."""

_FIRST = frozenset({RuleKey.PERSONAL, RuleKey.MOTION})


def key_of(rule: RuleKey, level: int) -> str:
    """What a row is called: `motion.warning`."""
    return f"{rule}.{Level(level).name.lower()}"


@dataclass(slots=True)
class Tally:
    """What was counted of one home."""

    judged: Millis = 0
    alarms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    delays: dict[str, list[Millis | None]] = field(default_factory=dict)

    def row(self, key: str) -> Row:
        """The row of this key."""
        return row(self.alarms.get(key, 0), self.judged, self.delays.get(key, []))


def total(tallies: Sequence[Tally]) -> Tally:
    """Of all homes together."""
    found = Tally(judged=sum(one.judged for one in tallies))
    for one in tallies:
        for key, count in one.alarms.items():
            found.alarms[key] += count
        for key, delays in one.delays.items():
            found.delays.setdefault(key, []).extend(delays)
    return found


def judge(
    recorded: Recorded,
    table: RuleTable,
    prior: Prior | None,
    *,
    since: Millis,
    injections: int,
    seed: int,
    progress: Callable[[], None],
) -> Tally:
    """Judge the days from `since` (ms UTC) on. The same seed puts the same emergencies into the same home.

    `progress` is called after each of them.
    """
    tally = Tally(judged=max(0, recorded.end - since))
    course = Course(recorded, table, prior)
    course.until(since)
    spans: list[tuple[Millis, Millis]] = []
    told: set[Millis] = set()
    for start, end in pairwise([since, *_moments(recorded, since), recorded.end + AFTERWARDS]):
        if course.at_home() and start < recorded.end:
            spans.append((start, min(end, recorded.end)))
        for finding in course.until(end):
            _count(tally, finding, since, told)
    course = Course(recorded, table, prior)
    for at in draw(spans, injections, f"{seed}:{recorded.household_id}"):
        course.until(at)
        for key, delay in delays(course, at).items():
            tally.delays.setdefault(key, []).append(delay)
        progress()
    return tally


def _moments(recorded: Recorded, since: Millis) -> list[Millis]:
    return sorted({at for item in recorded.items if since < (at := received_at(item)) <= recorded.end})


def _count(tally: Tally, finding: Finding, since: Millis, told: set[Millis]) -> None:
    if finding.verb is not Verb.RAISED or finding.at <= since:
        return
    tally.alarms[key_of(finding.rule, finding.level)] += 1
    if finding.rule in _FIRST and finding.level >= Level.WARNING and finding.evidence.since not in told:
        told.add(finding.evidence.since)
        tally.alarms[FIRST_ALERT] += 1


def draw(spans: Sequence[tuple[Millis, Millis]], count: int, seed: str) -> list[Millis]:
    """So many instants, uniformly random within the spans, in order; none where the spans are empty."""
    ends = list(accumulate(end - start for start, end in spans))
    if not ends or ends[-1] <= 0:
        return []
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        within = chance.randrange(ends[-1])
        place = bisect_right(ends, within)
        found.append(spans[place][1] - (ends[place] - within))
    return sorted(found)


def delays(course: Course, at: Millis) -> dict[str, Millis | None]:
    """By key how long after `at` each rule and level speaks when nothing is heard from then on; 0 where it already had.

    None: not within the time looked on.
    """
    engine = course.look_on(at)
    spoken: dict[str, Millis] = {}
    for name, rule, level in engine.standing():
        if not name.startswith("device:"):
            _note(spoken, rule, level, 0)
    for finding in engine.advance(at + LOOKED_ON):
        if finding.verb is Verb.RAISED:
            _note(spoken, finding.rule, finding.level, finding.at - at)
    return {key: spoken.get(key) for key in [FIRST_ALERT, *_keys(), *spoken]}


def _note(spoken: dict[str, Millis], rule: RuleKey, level: int, delay: Millis) -> None:
    for one in range(1, level + 1):
        spoken.setdefault(key_of(rule, one), delay)
    if rule in _FIRST and level >= Level.WARNING:
        spoken.setdefault(FIRST_ALERT, delay)


def _keys() -> Iterator[str]:
    for rule in sorted(ABSENCE):
        for level in Level:
            yield key_of(rule, level)
