"""Everything the rules know, as arrays over households, devices and climate sensors, and as bytes."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np

from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from rules.columns import NEVER, Dumped
from rules.device_rows import Climates, Devices
from rules.episodes import Episodes, OpenEpisode, Subject
from rules.finding import RuleKey
from rules.household_rows import Households
from rules.ids import Kept
from rules.limits import OwnLimit, Season
from rules.movements import Kept as KeptMovements
from rules.movements import Movements
from rules.observability import Observability, Outages
from rules.pauses import Habits, Told
from rules.recent import Kept as KeptRecent
from rules.recent import Recent
from rules.samples import Waiting, Waits
from rules.spans import Kept as KeptSpans
from rules.spans import Spans
from rules.trend_store import Trends

FORMAT = 18
_ROW_BITS = 32


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    format: int
    household_ids: Kept
    households: Dumped
    dongs: Kept
    device_ids: Kept
    devices: Dumped
    climates: Dumped
    movements: KeptMovements
    episodes: list[tuple[str, str, OpenEpisode]]
    settled: list[tuple[int, str, int]]
    phone_offs: list[tuple[int, list[int]]]
    outages: Outages
    evaluated: int | None
    heard_at: int
    table: str
    declared: list[tuple[str, int, int]]
    own: list[tuple[int, list[OwnLimit]]]
    habits: Dumped
    left_out: list[tuple[int, list[tuple[int, int]]]]
    trends: Dumped
    trend_closed: int | None
    told: list[tuple[int, list[Told]]]
    waiting: Waits
    before: Dumped
    recent: KeptRecent
    spans: list[KeptSpans]
    spans_before: list[KeptSpans]


class State:
    """What has been folded so far. Two states that answer alike have the same bytes."""

    def __init__(self) -> None:
        self.households = Households()
        self.devices = Devices()
        self.climates = Climates()
        self.movements = Movements()
        self.episodes = Episodes()
        self.settled: dict[tuple[int, RuleKey], Millis] = {}  # staff settled it without a sign of life: the clock runs anew
        self.waiting = Waiting()
        self.recent = Recent()
        self.before = Climates()  # row by row what `climates` was before the recent samples
        self.spans = Spans()
        self.spans_before = Spans()  # likewise
        self.phone_offs: dict[int, list[Millis]] = {}  # by household row: reports of the phone off since it was last on, in order
        self.observability = Observability()
        self.evaluated: Millis | None = None  # last grid point
        self.heard_at: Millis = NEVER  # receive time of the last item
        self.table = ""  # the rules in force as text; "": those the process was started with
        self.declared: dict[Season, tuple[Millis, Millis]] = {}  # from, until (ms UTC) of seasons a supervisor declared
        self.own: dict[int, dict[tuple[str, int], OwnLimit]] = {}  # by household row: its own limits by rule and level
        self.habits = Habits()
        self.trends = Trends()
        self.trend_closed: int | None = None  # the last day (rules.trend_store) that is in figures
        self.left_out: dict[int, list[tuple[Millis, Millis]]] = {}  # by household row: spans that say nothing of its habits
        self.told: dict[int, list[Told]] = {}  # by household row: pauses whose check is not settled, in the order they were told

    def dump(self) -> bytes:
        """The state as bytes; derived arrays are left out."""
        self.habits.put_in_order()
        self._find_habits()
        return msgspec.msgpack.encode(
            _Snapshot(
                format=FORMAT,
                household_ids=self.households.ids.dump(),
                households=self.households.dump(),
                dongs=self.households.dongs.dump(),
                device_ids=self.devices.ids.dump(),
                devices=self.devices.dump(),
                climates=self.climates.dump(),
                movements=self.movements.dump(),
                episodes=self.episodes.dump(),
                settled=[(row, rule, at) for (row, rule), at in sorted(self.settled.items())],
                phone_offs=sorted((row, list(offs)) for row, offs in self.phone_offs.items()),
                outages=self.observability.dump(),
                evaluated=self.evaluated,
                heard_at=self.heard_at,
                table=self.table,
                declared=[(season, *self.declared[season]) for season in sorted(self.declared)],
                own=[(row, [one for _, one in sorted(own.items())]) for row, own in sorted(self.own.items())],
                habits=self.habits.dump(),
                trends=self.trends.dump(),
                trend_closed=self.trend_closed,
                left_out=sorted((home, spans) for home, spans in self.left_out.items() if spans),
                waiting=self.waiting.dump(),
                before=self.before.dump(),
                recent=self.recent.dump(),
                spans=self.spans.dump(),
                spans_before=self.spans_before.dump(),
                told=sorted(self.told.items(), key=lambda one: one[0]),
            )
        )

    @classmethod
    def load(cls, raw: bytes) -> State:
        """The state `dump` wrote; ValueError for one of another format: begin from the journal then."""
        kept = msgspec.msgpack.decode(raw, type=_Snapshot)
        if kept.format != FORMAT:
            raise ValueError(f"the snapshot has format {kept.format}, this version reads {FORMAT}: start from the journal")
        state = cls()
        state.households.ids.load(kept.household_ids)
        state.households.load(kept.households)
        state.households.dongs.load(kept.dongs)
        state.devices.ids.load(kept.device_ids)
        state.devices.load(kept.devices)
        state._find_standing()
        state.climates.load(kept.climates)
        state.movements.load(kept.movements)
        state.episodes.load(kept.episodes)
        state.settled = {(row, RuleKey(rule)): at for row, rule, at in kept.settled}
        state.phone_offs = {row: list(offs) for row, offs in kept.phone_offs}
        state.observability.load(kept.outages)
        state.evaluated = kept.evaluated
        state.heard_at = kept.heard_at
        state.table = kept.table
        state.declared = {Season(season): (start, end) for season, start, end in kept.declared}
        state.own = {row: {(one.rule, one.level): one for one in own} for row, own in kept.own}
        state.habits.load(kept.habits)
        state._find_habits()
        state.left_out = dict(kept.left_out)
        state.told = dict(kept.told)
        state.waiting.load(kept.waiting)
        state.before.load(kept.before)
        state.recent.load(kept.recent)
        state.spans.load(kept.spans)
        state.spans_before.load(kept.spans_before)
        state.trends.load(kept.trends)
        state.trend_closed = kept.trend_closed
        return state

    def subject(self, home: int) -> Subject:
        """The household as findings name it."""
        name = self.households.ids[home]
        return Subject(name, DongCode(self.households.dongs[self.households.dong[home]]), HouseholdId(name))

    def device_subject(self, device: int) -> Subject:
        """The device as findings name it; only for one that stands in a household."""
        home = int(self.devices.household[device])
        owner = self.subject(home)
        return Subject(f"device:{self.devices.ids[device]}", owner.dong_code, owner.household_id)

    def standing(self, home: int) -> list[int]:
        """The devices of this household, ascending."""
        found: list[int] = []
        device = int(self.households.device[home])
        while device >= 0:
            found.append(device)
            device = int(self.devices.beside[device])
        return found

    def place(self, device: int, household: int) -> None:
        """Let the device stand in this household (-1: in none) from now on."""
        before = int(self.devices.household[device])
        if before >= 0:
            self._line_up(before, [one for one in self.standing(before) if one != device])
        self.devices.household[device] = household
        if household >= 0:
            self._line_up(household, sorted([*self.standing(household), device]))

    def _line_up(self, home: int, devices: list[int]) -> None:
        line = [*devices, -1]
        self.households.device[home] = line[0]
        for device, beside in pairwise(line):
            self.devices.beside[device] = beside

    def _find_standing(self) -> None:
        """Have the devices of each household stand beside each other."""
        homes = self.devices.household[: len(self.devices)].astype(np.int64)
        placed = np.flatnonzero(homes >= 0)
        line = np.sort(homes[placed] << _ROW_BITS | placed)
        homes, devices = line >> _ROW_BITS, line & (1 << _ROW_BITS) - 1
        first = np.ones(len(line), dtype=bool)
        first[1:] = homes[1:] != homes[:-1]
        self.households.device[homes[first]] = devices[first]
        self.devices.beside[devices[:-1][~first[1:]]] = devices[1:][~first[1:]]

    def _find_habits(self) -> None:
        count = len(self.habits)
        self.households.habit[self.habits.home[:count]] = np.arange(count)
