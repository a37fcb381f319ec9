"""What each device in a home says, given what the resident does and how the air is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.wire import STATUS, Payload
from simulators.home import Air
from simulators.message import SimDevice
from simulators.resident import CallKind, Room
from simulators.scenario import Course

BLIND: Millis = 60 * SECOND
"""How long a PIR sees nothing after it was triggered."""

_CLIMATE_EVERY: Millis = 10 * MINUTE
_HEARTBEAT_EVERY: Millis = HOUR
_BUTTON_EVERY: Millis = 6 * HOUR
_STUCK_EVERY: Millis = 50 * SECOND
_WILL_AFTER: Millis = 15 * SECOND  # one and a half keep-alives of 10 s


class Utterance(NamedTuple):
    """A device speaks: `payload` still lacks time, boot and seq."""

    t: Millis
    device: int  # index into the home's devices
    signal: str
    payload: Payload
    retain: bool = False
    is_will: bool = False  # the broker speaks for the gateway, with what was laid down at its connect


class Kit(msgspec.Struct, frozen=True, kw_only=True):
    """The devices of one home and the indices by which the simulation finds them."""

    devices: tuple[SimDevice, ...]
    pirs: tuple[tuple[int, frozenset[Room]], ...]  # device index, the rooms it sees
    door: int
    climate: int
    phone: int
    gateway: int
    button: int
    phases: tuple[Millis, ...]  # each device's offset into its report interval
    latencies: tuple[Millis, ...]  # from observation to publication
    batteries: tuple[float, ...]  # percent at the start
    drains: tuple[float, ...]  # percent a day
    pirs_tell_clear: bool  # they send v=0 when their timer runs out


def furnish(seed: str, household_id: str, at: Millis) -> Kit:
    """The devices of one home; the same seed gives the same. A one-room home has 2 PIRs, others 3."""
    rng = Random(f"{seed}/kit")
    if rng.random() < 0.4:
        views: tuple[tuple[str, frozenset[Room]], ...] = (
            ("pir-room", frozenset({Room.LIVING, Room.BED})),
            ("pir-bath", frozenset({Room.BATH})),
        )
    else:
        views = tuple((f"pir-{room.value}", frozenset({room})) for room in Room)
    pirs = [_device(f"{household_id}-{name}", "sim-pir", ("motion", "heartbeat"), _HEARTBEAT_EVERY, at) for name, _ in views]
    others = (
        _device(f"{household_id}-door", "sim-contact", ("door", "heartbeat"), _HEARTBEAT_EVERY, at),
        _device(f"{household_id}-climate", "sim-climate", ("temperature", "humidity"), _CLIMATE_EVERY, at),
        _device(f"{household_id}-phone", "sim-phone", ("call", "phone"), HOUR, at),
        _device(f"{household_id}-gw", "sim-gateway", ("heartbeat", STATUS), _CLIMATE_EVERY, at),
        _device(f"{household_id}-sos", "sim-button", ("sos", "heartbeat"), _BUTTON_EVERY, at),
    )
    devices = (*pirs, *others)
    count = len(pirs)
    return Kit(
        devices=devices,
        pirs=tuple((index, rooms) for index, (_, rooms) in enumerate(views)),
        door=count,
        climate=count + 1,
        phone=count + 2,
        gateway=count + 3,
        button=count + 4,
        phases=tuple(rng.randrange(device.report_interval_s * SECOND) for device in devices),
        latencies=tuple(rng.randrange(40, 900) for _ in devices),
        batteries=tuple(rng.uniform(55.0, 100.0) for _ in devices),
        drains=tuple(rng.uniform(0.02, 0.08) for _ in devices),
        pirs_tell_clear=rng.random() < 0.5,
    )


def _device(device_id: str, model: str, signals: tuple[str, ...], every: Millis, at: Millis) -> SimDevice:
    return SimDevice(device_id=device_id, model=model, signals=signals, report_interval_s=every // SECOND, enrolled_at=at)


class Talk:
    """What the devices of one home say between two instants, `start` <= t < `end`, scenario included."""

    def __init__(self, kit: Kit, course: Course, enrolled_at: Millis, start: Millis, end: Millis) -> None:
        self._kit = kit
        self._course = course
        self._enrolled_at = enrolled_at
        self._start = start
        self._end = end

    def pirs(self, movements: Iterable[tuple[Millis, Room]], seen: dict[int, Millis]) -> Iterator[Utterance]:
        """A trigger for each movement in view outside the blind time; `seen` holds each PIR's last trigger and is kept up."""
        kit = self._kit
        for at, room in movements:
            if at >= self._course.collapse:
                return
            for index, rooms in kit.pirs:
                if room in rooms and at >= seen.get(index, -BLIND) + BLIND:
                    seen[index] = at
                    yield Utterance(at, index, "motion", Payload(v=1))
                    if kit.pirs_tell_clear:
                        yield Utterance(at + BLIND, index, "motion", Payload(v=0))

    def stuck(self) -> Iterator[Utterance]:
        """The first PIR's motions while it is stuck: one at a steady pace, for ever."""
        first = max(self._course.pir_stuck, self._start)
        first += (self._course.pir_stuck - first) % _STUCK_EVERY
        for at in range(first, self._end, _STUCK_EVERY):
            yield Utterance(at, self._kit.pirs[0][0], "motion", Payload(v=1))

    def door(self, moves: Iterable[tuple[Millis, bool]]) -> Iterator[Utterance]:
        """The front door's contact: 1 opened, 0 closed."""
        index = self._kit.door
        for at, opened in moves:
            if at < self._course.collapse:
                yield Utterance(at, index, "door", Payload(v=int(opened)))

    def climate(self, airs: Iterable[tuple[Millis, Air]], rng: Random) -> Iterator[Utterance]:
        """Temperature and humidity of each sample, with the sensor's noise."""
        index = self._kit.climate
        for at, air in airs:
            temperature = round(air.temperature + rng.gauss(0.0, 0.04), 2)
            humidity = round(min(max(air.humidity + rng.gauss(0.0, 0.3), 0.0), 100.0), 1)
            yield Utterance(at, index, "temperature", Payload(v=temperature, bat=self._battery(index, at)))
            yield Utterance(at, index, "humidity", Payload(v=humidity))

    def phone(self, calls: Sequence[tuple[Millis, CallKind]]) -> tuple[list[Utterance], tuple[tuple[Millis, CallKind], ...]]:
        """The hourly reports of calls and of the phone's state; besides, the calls no report has told yet."""
        index, course = self._kit.phone, self._course
        untold = [self._as_it_went(call) for call in calls]
        told: list[Utterance] = []
        for at in self._times(index):
            kinds = [kind for when, kind in untold if when <= at and kind is not None]
            untold = [call for call in untold if call[0] > at]
            counts = (kinds.count(CallKind.IN), kinds.count(CallKind.OUT), kinds.count(CallKind.MISSED))
            told.append(Utterance(at, index, "call", Payload(in_=counts[0], out=counts[1], missed=counts[2])))
            told.append(Utterance(at, index, "phone", Payload(v="off" if at >= course.phone_off else "on")))
        if self._start <= course.phone_off < self._end:
            told.append(Utterance(course.phone_off, index, "phone", Payload(v="off")))
        return told, tuple((when, kind) for when, kind in untold if kind is not None)

    def _as_it_went(self, call: tuple[Millis, CallKind]) -> tuple[Millis, CallKind | None]:
        """After a collapse or with the phone off nobody dials, and what comes in is missed."""
        at, kind = call
        if at < min(self._course.collapse, self._course.phone_off):
            return call
        return at, None if kind is CallKind.OUT else CallKind.MISSED

    def heartbeats(self) -> Iterator[Utterance]:
        """PIRs, door and button tell now and then that they live and how full they are, the gateway every 10 minutes."""
        kit = self._kit
        for index in (*(index for index, _ in kit.pirs), kit.door, kit.button):
            for at in self._times(index):
                yield Utterance(at, index, "heartbeat", Payload(v=1, bat=self._battery(index, at)))
        for at in self._times(kit.gateway):
            yield Utterance(at, kit.gateway, "heartbeat", Payload(v=1))

    def single_events(self) -> Iterator[Utterance]:
        """The gateway's status when it comes up and when it is lost, each press of the SOS button, and the last a fall shows."""
        kit, course = self._kit, self._course
        if self._start <= self._enrolled_at < self._end:
            yield Utterance(self._enrolled_at, kit.gateway, STATUS, Payload(online=True), retain=True)
        for at in course.sos:
            if self._start <= at < self._end:
                yield Utterance(at, kit.button, "sos", Payload(v=1, bat=self._battery(kit.button, at)))
        if self._start <= course.fall < self._end and course.fall <= course.collapse:
            yield Utterance(course.fall, kit.pirs[0][0], "motion", Payload(v=1))
        lost = course.gateway_off + _WILL_AFTER
        if self._start <= lost < self._end:
            yield Utterance(lost, kit.gateway, STATUS, Payload(online=False), retain=True, is_will=True)

    def _times(self, index: int) -> range:
        """The report times of a device in this stretch, its phase counted from the epoch."""
        every = self._kit.devices[index].report_interval_s * SECOND
        phase = self._kit.phases[index]
        first = self._start + (phase - self._start) % every
        return range(first, self._end, every)

    def _battery(self, index: int, at: Millis) -> int:
        if index == self._kit.climate and at >= self._course.battery_low:
            return max(18 - (at - self._course.battery_low) // HOUR, 3)
        spent = self._kit.drains[index] * (at - self._enrolled_at) / DAY
        return max(int(self._kit.batteries[index] - spent), 25)  # somebody changes it in time
