"""Everything the rules know, as arrays over households, devices and climate sensors, and as bytes."""

from __future__ import annotations

import msgspec
import numpy as np

from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from rules.columns import NEVER, UNSET, Columns, Dumped, Field, Floats, Ints, Small
from rules.episodes import Episodes, OpenEpisode, Subject
from rules.finding import RuleKey
from rules.limits import Channel, OwnLimit, Season
from rules.observability import Observability, Outages
from rules.pauses import Habits, Told
from rules.recent import Kept as KeptRecent
from rules.recent import Recent
from rules.samples import Waiting, Waits
from rules.spans import Kept as KeptSpans
from rules.spans import Spans
from rules.trend_store import Trends

I8, F8, F4, U1, I4, I2 = "<i8", "<f8", "<f4", "|u1", "<i4", "<i2"
U4 = "<u4"
CHANNELS = len(Channel)
HIGHS = 3
NO_LAG = 2**31 - 1
FORMAT = 12


class Households(Columns):
    """One row for each enrolled household; ended ones keep their row and are not in `index`."""

    FIELDS = (
        Field("active", U1, 0),  # 1 while looked after
        Field("grade", U1, 2),  # place in rules.limits.Grade
        Field("enrolled_at", I8, UNSET),  # ms UTC
        Field("heard_from", I8, UNSET),  # ms UTC, first credible reading of any kind by observed_at; UNSET: never heard
        Field("commissioned_at", I8, UNSET),  # ms UTC, when that first came; late readings do not move it
        Field("last_life", I8, NEVER),  # ms UTC, last credible sign of life but for motion and doors
        Field("last_motion", I8, NEVER),  # ms UTC
        Field("last_enter", I8, NEVER),  # ms UTC, the door told that the resident came home
        Field("last_door", I8, NEVER),  # ms UTC, any other door event
        Field("last_call", I8, NEVER),  # ms UTC, a call answered or dialled
        Field("phone_on", I8, NEVER),  # ms UTC, last report of a phone switched on
        Field("phone_off", I8, UNSET),  # ms UTC, first report of the phone off or unreachable since then; UNSET: on
        Field("restart_at", I8, NEVER),  # ms UTC, absence clocks do not begin before this
        Field("away_since", I8, NEVER),  # ms UTC, when the absence was first declared
        Field("away_until", I8, NEVER),  # ms UTC, declared return time; NEVER: no absence declared
        Field("fresh_at", I8, NEVER),  # ms UTC, when a reading last came that was not late
        Field("motion_from", I8, UNSET),  # ms UTC, since when a motion sensor stands there; UNSET: none
        Field("call_from", I8, UNSET),  # ms UTC, likewise a device that counts calls
        Field("phone_from", I8, UNSET),  # ms UTC, likewise a phone that tells its state
        Field("humidity", F8, np.nan),  # percent, the last of any sensor of the home
        Field("humidity_at", I8, NEVER),  # ms UTC
        Field("sampled_at", I8, NEVER),  # ms UTC, the newest sample of temperature or humidity that was judged
        Field("well_before", U1, 0),  # 1: the latest outage began while no absence finding stood
        Field("profile", I4, 2, kept=False),  # place among the limits in force, see rules.limits_in_force
        Field("halved_at", I8, NEVER),  # ms UTC, a machine was last told "I am well"; restart_at then
        Field("halved", U1, 0),  # bits by place in rules.absence.ORDER: what it was asked about
        Field("asked_at", I8, NEVER),  # ms UTC, an absence was last raised and no two signs of life came since
        Field("asked_rule", U1, 0),  # place in rules.absence.ORDER
        Field("life_first", I8, UNSET),  # ms UTC, the first sign of life after that; UNSET: none
        Field("first_event", U4, 0),  # s UTC, the first motion or door event; 0: none yet
        Field("fit_at", I8, UNSET),  # ms UTC, when the personal limits are fitted anew
        Field("habit", I4, -1, kept=False),  # row in Habits; -1: none yet
        Field("dirty", U1, 0, kept=False),  # 1: an episode is open: any sign of life is looked at on the next grid point
        Field("due", I8, UNSET, kept=False),  # ms UTC, no finding is due before this
    )
    active: Small
    grade: Small
    enrolled_at: Ints
    heard_from: Ints
    commissioned_at: Ints
    last_life: Ints
    last_motion: Ints
    last_enter: Ints
    last_door: Ints
    last_call: Ints
    phone_on: Ints
    phone_off: Ints
    restart_at: Ints
    away_since: Ints
    away_until: Ints
    fresh_at: Ints
    motion_from: Ints
    call_from: Ints
    phone_from: Ints
    humidity: Floats
    humidity_at: Ints
    sampled_at: Ints
    well_before: Small
    profile: Ints
    halved_at: Ints
    halved: Small
    asked_at: Ints
    asked_rule: Small
    life_first: Ints
    first_event: Ints
    fit_at: Ints
    habit: Ints
    dirty: Small
    due: Ints

    def __init__(self) -> None:
        super().__init__()
        self.dongs: list[str] = []  # by row


class Devices(Columns):
    """One row for each device ever enrolled."""

    FIELDS = (
        Field("household", I4, -1),  # row in Households; -1: stands nowhere
        Field("enrolled_at", I8, UNSET),  # ms UTC, in this household
        Field("interval", I8, 0),  # ms between reports; 0: speaks only when something happens
        Field("signals", I2, 0),  # bits: rules.roll.BITS
        Field("last_report", I8, NEVER),  # ms UTC, receive time of the last live message
        Field("silent_since", I8, UNSET),  # ms UTC, the last report before it was found silent; UNSET: it is not
        Field("battery", F8, np.nan),  # percent, the last told
        Field("link", F8, np.nan),  # percent, the last told
        Field("offline_since", I8, UNSET),  # ms UTC, a gateway's STATUS 0; UNSET: online
        Field("faulty_from", I8, NEVER),  # ms UTC, start of the window in which wrongly dated readings are counted
        Field("faulty", I4, 0),  # wrongly dated readings in that window
        Field("faulty_last", I8, NEVER),  # ms UTC
        Field("rejected_from", I8, NEVER),  # ms UTC, likewise rejected messages
        Field("rejected", I4, 0),
        Field("rejected_last", I8, NEVER),  # ms UTC
        Field("climate", I4, -1),  # row in Climates; -1: has told neither temperature nor humidity
        Field("moved_at", I8, NEVER),  # ms UTC, the last motion it told
        Field("busy_since", I8, UNSET),  # ms UTC, since when no two motions lay further apart than a pause
        Field("pace", I4, 0),  # ms between its last two motions
        Field("paced_since", I8, UNSET),  # ms UTC, since when they come at that pace
        Field("stuck_since", I8, UNSET),  # ms UTC, since when its motions prove nothing; UNSET: they do
        Field("flat_value", F8, np.nan),  # C, the air temperature it tells
        Field("flat_last", I8, NEVER),  # ms UTC, when it last told it
        Field("flat_since", I8, UNSET),  # ms UTC, since when it tells that to the last digit
        Field("lag_hour", I4, -1),  # hours since 1970: the one in which lags are gathered
        Field("lag", I4, NO_LAG),  # ms, the shortest from observation to receipt in that hour; below 0: dated ahead
        Field("lags", I4, 0),  # readings in that hour
        Field("drift", F8, np.nan),  # ms by which its clock is behind (below 0: ahead); nan: it is right, or nobody knows
        Field("boot", I8, -1),  # the last it told
        Field("boot_before", I8, -1),  # the one it told before that
        Field("seq", I8, -1),  # the last it told
        Field("mixed_from", I8, NEVER),  # ms UTC, as with wrong dates: messages whose numbers ran backwards
        Field("mixed", I4, 0),
        Field("mixed_last", I8, NEVER),  # ms UTC
        Field("sim", F8, np.nan),  # which SIM card the phone told first
        Field("sim_now", F8, np.nan),  # and last
        Field("dirty", U1, 0, kept=False),  # 1: an episode is open
        Field("due", I8, UNSET, kept=False),  # ms UTC, no finding is due before this
    )
    household: Ints
    enrolled_at: Ints
    interval: Ints
    signals: Ints
    last_report: Ints
    silent_since: Ints
    battery: Floats
    link: Floats
    offline_since: Ints
    faulty_from: Ints
    faulty: Ints
    faulty_last: Ints
    rejected_from: Ints
    rejected: Ints
    rejected_last: Ints
    climate: Ints
    moved_at: Ints
    busy_since: Ints
    pace: Ints
    paced_since: Ints
    stuck_since: Ints
    flat_value: Floats
    flat_last: Ints
    flat_since: Ints
    lag_hour: Ints
    lag: Ints
    lags: Ints
    drift: Floats
    boot: Ints
    boot_before: Ints
    seq: Ints
    mixed_from: Ints
    mixed: Ints
    mixed_last: Ints
    sim: Floats
    sim_now: Floats
    dirty: Small
    due: Ints

    def flat(self, device: int, longest: Millis) -> bool:
        """Whether it has told one temperature for so long that it is stuck."""
        last = int(self.flat_last[device])
        return last > NEVER and last - int(self.flat_since[device]) >= longest


class Climates(Columns):
    """One row for each device that has told temperature or humidity; channels in the order of rules.limits.Channel."""

    FIELDS = (
        Field("device", I4, -1),  # row in Devices
        Field("humidity", F8, np.nan),  # percent
        Field("humidity_at", I8, NEVER),  # ms UTC
        Field("high", F4, np.nan, HIGHS),  # C, by half hour of the clock, modulo HIGHS: the highest air temperature
        Field("high_slot", I8, NEVER),  # half hours since 1970: the newest of them
        Field("sampled_at", I8, NEVER, CHANNELS),  # ms UTC, by channel: the last sample
        Field("value", F8, np.nan, CHANNELS),  # by channel, in its unit: the last sample
        Field("offset", I8, 0, CHANNELS),  # by channel: journal offset of the last sample
        Field("since", I8, UNSET, 3 * CHANNELS),  # ms UTC, by 3 * channel + level: first sample of the breach, if any
        Field("on", U1, 0, CHANNELS),  # by channel: level held, 0 none
        Field("left_out", I8, NEVER),  # ms UTC, the newest sample that came too late to be judged
    )
    device: Ints
    humidity: Floats
    humidity_at: Ints
    high: Floats
    high_slot: Ints
    sampled_at: Ints
    value: Floats
    offset: Ints
    since: Ints
    on: Small
    left_out: Ints

    def take(self, rows: Ints, other: Climates) -> None:
        """Let these rows be as they are in the other."""
        for field in self.FIELDS:
            getattr(self, field.name)[..., rows] = getattr(other, field.name)[..., rows]

    def watched(self, rows: Ints) -> Ints:
        """Those of these rows in which a level is held or a breach runs towards one."""
        return rows[self.on[:, rows].any(axis=0) | (self.since[:, rows] < UNSET).any(axis=0)]


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    format: int
    households: Dumped
    dongs: list[str]
    devices: Dumped
    climates: Dumped
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
        self.homes: dict[int, list[int]] = {}  # devices by household row
        self.habits = Habits()
        self.trends = Trends()
        self.trend_closed: int | None = None  # the last day (rules.trend_store) that is in figures
        self.left_out: dict[int, list[tuple[Millis, Millis]]] = {}  # by household row: spans that say nothing of its habits
        self.told: dict[int, list[Told]] = {}  # by household row: pauses whose check is not settled, in the order they were told

    def dump(self) -> bytes:
        """The state as bytes; derived arrays are left out."""
        return msgspec.msgpack.encode(
            _Snapshot(
                format=FORMAT,
                households=self.households.dump(),
                dongs=self.households.dongs,
                devices=self.devices.dump(),
                climates=self.climates.dump(),
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
        state.households.load(kept.households)
        state.households.dongs = list(kept.dongs)
        for row in np.flatnonzero(state.households.active[: len(state.households)] == 0).tolist():
            if state.households.index.get(state.households.ids[row]) == row:
                del state.households.index[state.households.ids[row]]
        state.devices.load(kept.devices)
        state.climates.load(kept.climates)
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
        habits = len(state.habits)
        state.households.habit[state.habits.home[:habits]] = np.arange(habits)
        state.left_out = dict(kept.left_out)
        for device, home in enumerate(state.devices.household[: len(state.devices)].tolist()):
            if home >= 0:
                state.homes.setdefault(home, []).append(device)
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
        return Subject(name, DongCode(self.households.dongs[home]), HouseholdId(name))

    def device_subject(self, device: int) -> Subject:
        """The device as findings name it; only for one that stands in a household."""
        home = int(self.devices.household[device])
        owner = self.subject(home)
        return Subject(f"device:{self.devices.ids[device]}", owner.dong_code, owner.household_id)

    def place(self, device: int, household: int) -> None:
        """Let the device stand in this household (-1: in none) from now on."""
        before = int(self.devices.household[device])
        if before in self.homes and device in self.homes[before]:
            self.homes[before].remove(device)
        self.devices.household[device] = household
        if household >= 0:
            standing = self.homes.setdefault(household, [])
            standing.append(device)
            standing.sort()
