"""One recorded home put to the rules' own engine as the journal would be: item by item, at the pace of home time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.facts import (
    DeviceEnrolled,
    DeviceRemoved,
    HouseholdEnrolled,
    LinkDown,
    LinkUp,
    RunStarted,
    RunStopped,
    SeasonDeclared,
    SeasonEnded,
)
from ingest.reading import DongCode, HouseholdId, Reading, Rejection, Signal
from rules.baseline.gaps import Gaps
from rules.baseline.prior import Prior
from rules.columns import NEVER
from rules.engine import STEP, Engine, Item
from rules.finding import Finding
from rules.table import RuleTable

LOOKED_ON: Millis = 72 * HOUR
"""A home counts as observed for so long after a cut or an injected emergency."""

AFTERWARDS: Millis = MINUTE
"""A log that is not cut is evaluated for so long after its last event, so that what it ended is seen to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The items of one household in the order in which they were received, enrolment first."""

    household_id: HouseholdId
    log: str  # the log it comes from; homes of one log are not each other's "other logs"
    items: Sequence[Item]
    end: Millis  # of the log, whatever the home's last item is: until then its silence was observed

    @property
    def start(self) -> Millis:
        """Enrolment. ms UTC."""
        return received_at(self.items[0])


def received_at(item: Item) -> Millis:
    """When the journal says it came. ms UTC."""
    return item.received_at if isinstance(item, Reading | Rejection) else item.at


class Player:
    """An engine, and the items it has yet to take; they are put to it as the consumer puts them."""

    def __init__(self, engine: Engine, items: Sequence[Item]) -> None:
        self.engine = engine
        self.place = 0
        self._items = items

    def until(self, at: Millis) -> list[Finding]:
        """Take what was received up to `at`, evaluate up to then; what was said since the last time this was asked."""
        said: list[Finding] = []
        while self.place < len(self._items) and received_at(self._items[self.place]) <= at:
            said += self._take_step(at)
        return said + self.engine.advance(at)

    def _take_step(self, at: Millis) -> list[Finding]:
        """The next item and those that no grid point lies between."""
        items, first = self._items, self._items[self.place]
        if isinstance(first, RunStarted):
            self.engine.begin_run()
        began = received_at(first)
        said = self.engine.advance(began)
        until = min(began - began % STEP + STEP, at + 1)
        end = self.place + 1
        while end < len(items) and received_at(items[end]) < until and not isinstance(items[end], RunStarted):
            end += 1
        batch = items[self.place : end]
        self.place = end
        return said + self.engine.fold(batch)


class Course(Player):
    """One home's days up to some instant. `prior`: see Engine."""

    def __init__(self, recorded: Recorded, table: RuleTable, prior: Prior | None) -> None:
        super().__init__(Engine(table, prior), recorded.items)
        self._recorded = recorded
        kinds = (LinkUp, LinkDown, RunStarted, RunStopped, DeviceEnrolled, DeviceRemoved)
        self._told = [(place, item) for place, item in enumerate(recorded.items) if isinstance(item, kinds)]

    def at_home(self) -> bool:
        """Whether somebody counts as at home after what was taken so far."""
        return self.engine.at_home(self._recorded.household_id)

    def look_on(self, at: Millis) -> Engine:
        """An engine that goes on from here in silence: nothing is heard any more, and nothing hinders hearing it.

        Links are up, gateways online, and no sensor is found silent for want of its reports.
        """
        engine = self.engine.branch()
        links: set[str] = set()
        devices: dict[str, DeviceEnrolled] = {}
        for place, item in self._told:
            if place >= self.place:
                break
            if isinstance(item, DeviceEnrolled):
                devices[item.device_id] = item
            elif isinstance(item, DeviceRemoved):
                devices.pop(item.device_id, None)
            else:
                links.add(item.source if isinstance(item, LinkUp | LinkDown) else "-")
        engine.fold([LinkUp(fact_id=f"observed-{link}", at=at, source=link) for link in sorted(links)])
        engine.fold([structs.replace(device, at=at, report_interval_s=0) for device in devices.values()])
        engine.fold([self._online(device, at) for device in devices.values() if Signal.STATUS in device.signals])
        return engine

    def _online(self, gateway: DeviceEnrolled, at: Millis) -> Reading:
        return Reading(
            offset=0,
            dong_code=DongCode(self._recorded.log),
            household_id=self._recorded.household_id,
            device_id=gateway.device_id,
            signal=Signal.STATUS,
            value=1.0,
            observed_at=at,
            received_at=at,
        )


def gaps_of(recorded: Recorded, table: RuleTable) -> Gaps:
    """What the rules learn of the home from its whole log."""
    course = Course(recorded, table, None)
    course.until(recorded.end)
    return course.engine.gaps(recorded.household_id)


def train_until(recorded: Recorded, train_days: int) -> Millis:
    """When the judged days begin: after the training days or, of a log too short, the whole days of its half. ms UTC."""
    length = recorded.end - recorded.start
    return recorded.start + min(train_days, length // (2 * DAY)) * DAY


def homes_of(items: Iterable[Item], log: str) -> list[Recorded]:
    """The items of many homes as one Recorded each, in the order of their enrolment; what befell us belongs to every one.

    The rules of the journal are left out: the back-test brings its own. So is whatever was said of no household enrolled.
    """
    found: dict[str, list[Item]] = {}
    places: dict[str, str] = {}  # the household in which a device stands
    seasons: list[Item] = []  # what was declared so far also holds for a home enrolled later
    end: Millis = NEVER
    for item in items:
        end = max(end, received_at(item))
        if isinstance(item, LinkUp | LinkDown | RunStarted | RunStopped | SeasonDeclared | SeasonEnded):
            seasons += [item] if isinstance(item, SeasonDeclared | SeasonEnded) else []
            for own in found.values():
                own.append(item)
            continue
        name = _household(item, places)
        if isinstance(item, HouseholdEnrolled) and name not in found:
            found[name] = [item, *seasons]
            continue
        if isinstance(item, DeviceEnrolled):
            before = places.get(item.device_id, name)
            if before != name and before in found:
                found[before].append(DeviceRemoved(fact_id=item.fact_id, at=item.at, device_id=item.device_id))
            places[item.device_id] = item.household_id
        if name in found:
            found[name].append(item)
    return [Recorded(household_id=HouseholdId(name), log=log, items=own, end=end) for name, own in found.items() if len(own) > 1]


def _household(item: Item, places: dict[str, str]) -> str:
    """The household an item is about; "" for none."""
    if isinstance(item, DeviceRemoved | Rejection):
        return places.get(item.device_id or "", "")
    return getattr(item, "household_id", None) or ""
