"""What the rules know of each device, and of each that tells temperature or humidity, as columns."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.clock import Millis
from rules.columns import NEVER, UNSET, Columns, Field, Floats, Ints, Small
from rules.ids import Ids
from rules.limits import Channel

I8, F8, F4, U1, I4, I2, U4 = "<i8", "<f8", "<f4", "|u1", "<i4", "<i2", "<u4"
CHANNELS = len(Channel)
AIR, DAMP = tuple(Channel).index(Channel.COLD), tuple(Channel).index(Channel.DRY)
"""The channels that hold a temperature and a humidity as they were told."""
HIGHS = 3
NO_LAG = 2**31 - 1
SEEN_LATER = 2**32 - 1
Flags: TypeAlias = npt.NDArray[np.bool_]


class Devices(Columns):
    """One row for each device ever enrolled."""

    FIELDS = (
        Field("household", I4, -1),  # row in Households; -1: stands nowhere
        Field("beside", I4, -1, kept=False),  # the next row of a device of the same household; -1: there is none
        Field("enrolled_at", I8, UNSET),  # ms UTC, in this household
        Field("interval", I8, 0),  # ms between reports; 0: speaks only when something happens
        Field("signals", I2, 0),  # bits: rules.roll.BITS
        Field("last_report", I8, NEVER),  # ms UTC, receive time of the last live message
        Field("silent_since", I8, UNSET),  # ms UTC, the last report before it was found silent; UNSET: it is not
        Field("battery", F8, np.nan),  # percent, the newest told
        Field("battery_at", U4, 0),  # s UTC, when that was measured
        Field("link", F8, np.nan),  # percent, the newest told
        Field("link_at", U4, 0),  # s UTC
        Field("offline_since", I8, UNSET),  # ms UTC, a gateway's STATUS 0; UNSET: online
        Field("faulty_from", I8, NEVER),  # ms UTC, start of the window in which wrongly dated readings are counted
        Field("faulty", I4, 0),  # wrongly dated readings in that window
        Field("faulty_last", I8, NEVER),  # ms UTC
        Field("rejected_from", I8, NEVER),  # ms UTC, likewise rejected messages
        Field("rejected", I4, 0),
        Field("rejected_last", I8, NEVER),  # ms UTC
        Field("climate", I4, -1),  # row in Climates; -1: has told neither temperature nor humidity
        Field("movement", I4, -1),  # row in rules.movements; -1: has told no motion
        Field("moved_at", I8, NEVER),  # ms UTC, the last motion it told
        Field("stuck_since", I8, UNSET),  # ms UTC, since when its motions prove nothing; UNSET: they do
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
        Field("sim", F8, np.nan),  # which SIM card was in the phone first, or when it was enrolled again
        Field("sim_from", U4, SEEN_LATER),  # s UTC, since when
        Field("sim_now", F8, np.nan),  # and last
        Field("sim_now_at", U4, 0),  # s UTC
        Field("dirty", U1, 0, kept=False),  # 1: an episode is open
        Field("due", I8, UNSET, kept=False),  # ms UTC, no finding is due before this
    )
    household: Ints
    beside: Ints
    enrolled_at: Ints
    interval: Ints
    signals: Ints
    last_report: Ints
    silent_since: Ints
    battery: Floats
    battery_at: Ints
    link: Floats
    link_at: Ints
    offline_since: Ints
    faulty_from: Ints
    faulty: Ints
    faulty_last: Ints
    rejected_from: Ints
    rejected: Ints
    rejected_last: Ints
    climate: Ints
    movement: Ints
    moved_at: Ints
    stuck_since: Ints
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
    sim_from: Ints
    sim_now: Floats
    sim_now_at: Ints
    dirty: Small
    due: Ints

    def __init__(self) -> None:
        super().__init__()
        self.ids = Ids()

    def enrol(self, device_id: str) -> int:
        """A new row for one that stands nowhere yet."""
        self.ids.add(device_id)
        return self.add()

    def note_card(self, device: int, card: float, at: int) -> None:
        """Which SIM card was in it at `at` (s UTC)."""
        at = _second(at)
        if at < self.sim_from[device] or (at == self.sim_from[device] and card < self.sim[device]):
            self.sim[device], self.sim_from[device] = card, at
        note_newest(self.sim_now, self.sim_now_at, device, card, at)

    def accept_card(self, device: int) -> None:
        """Whoever enrols it again has seen which card is in it: what comes late says nothing against that."""
        if not np.isnan(self.sim_now[device]):
            self.sim[device], self.sim_from[device] = self.sim_now[device], 0


def note_newest(values: Floats, ats: Ints, device: int, value: float, at: int) -> None:
    """What a device told as of `at` (s UTC), where nothing newer is known; of two at one second the lower one."""
    at = _second(at)
    if at > ats[device] or (at == ats[device] and value < values[device]):
        values[device], ats[device] = value, at


def _second(at: int) -> int:
    """One that a column holds; no device was enrolled before the first or will be after the last."""
    return min(max(at, 1), SEEN_LATER - 1)


class Climates(Columns):
    """One row for each device that has told temperature or humidity; channels in the order of rules.limits.Channel."""

    FIELDS = (
        Field("device", I4, -1),  # row in Devices
        Field("humidity", F8, np.nan),  # percent
        Field("humidity_at", I8, NEVER),  # ms UTC
        Field("flat_since", I8, UNSET),  # ms UTC, since when it tells one air temperature to the last digit
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
    flat_since: Ints
    high: Floats
    high_slot: Ints
    sampled_at: Ints
    value: Floats
    offset: Ints
    since: Ints
    on: Small
    left_out: Ints

    def flat(self, rows: Ints, longest: Millis) -> Flags:
        """Whether each has told one air temperature for so long that it is stuck."""
        return np.asarray(self.sampled_at[AIR, rows] - self.flat_since[rows] >= longest)

    def watched(self, rows: Ints) -> Ints:
        """Those of these rows in which a level is held or a breach runs towards one."""
        return rows[self.on[:, rows].any(axis=0) | (self.since[:, rows] < UNSET).any(axis=0)]
