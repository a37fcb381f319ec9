"""A dong of simulated homes: one seed, every message."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from random import Random

import msgspec

from ingest.clock import MINUTE, Millis
from ingest.wire import ID, ROOT, Payload, encode
from simulators.devices import Kit, Talk, Utterance, furnish
from simulators.home import STEP, STEPS_A_DAY, Air, Weather, draw_building, next_air, settled
from simulators.message import SimDevice, SimMessage
from simulators.names import invent_people
from simulators.resident import CallKind, DayPlan, Doing, day_start, draw_habits, local_day, plan_day
from simulators.scenario import Course, Injection, Scenario, course_of

_SPILL: Millis = 1 * MINUTE
"""No message of a day is published later than this after its midnight."""

_DAYS_KEPT = 2  # of messages, per home; earlier ones are made again when they are asked for
_SEQ_MODULUS = 1 << 32
_GRADES = ("high", "elevated", "elevated", "ordinary", "ordinary", "ordinary")


class SimHome(msgspec.Struct, frozen=True, kw_only=True):
    """One home as the register would know it; the person is invented."""

    household_id: str
    dong_code: str
    grade: str  # high, elevated, ordinary
    devices: tuple[SimDevice, ...]
    resident_name: str
    resident_phone: str  # 010-0000-xxxx


class _Evening(msgspec.Struct, frozen=True, kw_only=True):
    """All that one day hands on to the next."""

    air: Air
    seqs: tuple[int, ...]  # the next number of each device
    published: tuple[Millis, ...]  # when each device last spoke
    seen: dict[int, Millis]  # the last trigger of each PIR
    calls: tuple[tuple[Millis, CallKind], ...]  # told by no report yet
    late: tuple[Utterance, ...]  # begun yesterday, said today


class _Household:
    """One home's days, each made from the evening before it and kept while it is likely to be asked for again."""

    def __init__(self, seed: str, home: SimHome, kit: Kit, weather: Weather, start: Millis) -> None:
        self.home = home
        self._seed = seed
        self._kit = kit
        self._weather = weather
        self._start = start
        self._habits = draw_habits(seed)
        self._building = draw_building(seed)
        self._injections: list[Injection] = []
        self._course = Course()
        self._topics = [f"{ROOT}/{home.dong_code}/{home.household_id}/{device.device_id}/" for device in home.devices]
        count = len(home.devices)
        first = _Evening(air=settled(self._building), seqs=(0,) * count, published=(start,) * count, seen={}, calls=(), late=())
        self._evenings = {local_day(start) - 1: first}
        self._days: dict[int, list[SimMessage]] = {}

    def inject(self, injection: Injection) -> None:
        """From `injection.at` on the days are made anew."""
        self._injections.append(injection)
        self._course = course_of(self._injections)
        changed = local_day(injection.at)
        self._evenings = {day: evening for day, evening in self._evenings.items() if day < changed}
        self._days = {day: messages for day, messages in self._days.items() if day < changed}

    def published_between(self, start: Millis, end: Millis) -> Iterator[SimMessage]:
        """The messages with `start` <= at < `end`, in order; the range lies within one local day."""
        day = local_day(start)
        if start < day_start(day) + _SPILL:
            yield from _between(self._day(day - 1), start, end)
        yield from _between(self._day(day), start, end)

    def plan(self, day: int) -> DayPlan:
        """What the resident would do on that day if nothing went wrong."""
        return plan_day(self._habits, self._seed, day)

    def _day(self, day: int) -> list[SimMessage]:
        if day < local_day(self._start):
            return []
        if day not in self._days:
            missing = day
            while missing - 1 not in self._evenings:
                missing -= 1
            for each in range(missing, day + 1):
                self._days[each] = self._make(each)
            for old in sorted(self._days)[:-_DAYS_KEPT]:
                if old != day:
                    del self._days[old]
        return self._days[day]

    def _make(self, day: int) -> list[SimMessage]:
        """The messages of one day, and the evening after it."""
        before = self._evenings[day - 1]
        start, end = day_start(day), day_start(day + 1)
        plan = self.plan(day)
        talk = Talk(self._kit, self._course, self._start, start, end)
        seen = dict(before.seen)
        airs = self._airs(day, before.air)
        reports, untold = talk.phone([*before.calls, *plan.calls])
        said = [
            *before.late,
            *talk.pirs(plan.movements, seen),
            *talk.stuck(),
            *talk.door(plan.doors),
            *talk.climate(airs, Random(f"{self._seed}/noise/{day}")),
            *reports,
            *talk.heartbeats(),
            *talk.single_events(),
        ]
        said.sort(key=_when)
        seqs, published = list(before.seqs), list(before.published)
        messages = [self._message(each, seqs, published) for each in said if each.t < end and self._is_heard(each)]
        messages.sort(key=_at)
        self._evenings[day] = _Evening(
            air=airs[-1][1],
            seqs=tuple(seqs),
            published=tuple(published),
            seen=seen,
            calls=untold,
            late=tuple(each for each in said if each.t >= end),
        )
        return messages

    def _airs(self, day: int, air: Air) -> list[tuple[Millis, Air]]:
        """The indoor air at each sample of the climate sensor on that day."""
        outside = self._weather.day(day)
        phase = self._kit.phases[self._kit.climate]
        airs = []
        for step in range(STEPS_A_DAY):
            at = day_start(day) + step * STEP + phase
            air = next_air(self._building, air, outside[step], at, self._course)
            airs.append((at, air))
        return airs

    def _is_heard(self, said: Utterance) -> bool:
        return said.t >= self._start and (said.t < self._course.gateway_off or said.is_will)

    def _message(self, said: Utterance, seqs: list[int], published: list[Millis]) -> SimMessage:
        index = said.device
        at = max(said.t + self._kit.latencies[index], published[index])
        if not said.is_will:
            payload: Payload = said.payload
            payload.t = said.t / 1_000
            payload.boot = 1
            payload.seq = seqs[index]
            seqs[index] = (seqs[index] + 1) % _SEQ_MODULUS
            published[index] = at
        return SimMessage(at=at, topic=self._topics[index] + said.signal, payload=encode(said.payload), retain=said.retain)


def _when(said: Utterance) -> Millis:
    return said.t


def _at(message: SimMessage) -> Millis:
    return message.at


def _between(messages: list[SimMessage], start: Millis, end: Millis) -> list[SimMessage]:
    return messages[bisect_left(messages, start, key=_at) : bisect_left(messages, end, key=_at)]


class Fleet:
    """`households` homes of one dong from `start` (home time, UTC ms) on; the same arguments give the same messages.

    Safe to use from several threads. Household ids are `{dong_code}-001` and on, so `dong_code` has at most 16 characters;
    ValueError otherwise, and for a household id that is not of this fleet.
    """

    def __init__(self, seed: int, *, households: int = 60, dong_code: str = "dong-1", start: Millis) -> None:
        if not ID.match(dong_code) or len(dong_code) > 16:
            raise ValueError(f"a simulated dong's code is 1 to 16 of a-z, 0-9 and '-', not {dong_code!r}")
        if not 1 <= households <= 9_999:
            raise ValueError(f"a fleet has 1 to 9999 households, not {households}")
        self.start = start
        self.dong_code = dong_code
        self._lock = threading.Lock()
        weather = Weather(f"{seed}/{dong_code}")
        people = invent_people(f"{seed}/{dong_code}", households)
        self._households: dict[str, _Household] = {}
        for number, (name, phone) in enumerate(people, start=1):
            home_seed = f"{seed}/{dong_code}/{number}"
            household_id = f"{dong_code}-{number:03d}"
            kit = furnish(home_seed, household_id, start)
            home = SimHome(
                household_id=household_id,
                dong_code=dong_code,
                grade=Random(f"{home_seed}/grade").choice(_GRADES),
                devices=kit.devices,
                resident_name=name,
                resident_phone=phone,
            )
            self._households[household_id] = _Household(home_seed, home, kit, weather, start)
        self.homes: tuple[SimHome, ...] = tuple(household.home for household in self._households.values())

    def messages(self, start: Millis, end: Millis) -> Iterator[SimMessage]:
        """Every message with `start` <= at < `end`, sorted by `at`; adjoining ranges give each message once."""
        at = max(start, self.start)
        while at < end:
            until = min(end, day_start(local_day(at) + 1))
            with self._lock:
                stretch = [each for home in self._households.values() for each in home.published_between(at, until)]
            stretch.sort(key=_at)
            yield from stretch
            at = until

    def inject(self, scenario: Scenario, household_id: str, at: Millis) -> None:
        """From `at` (home time) on the scenario holds in that home; what was published before `at` stays as it was.

        Of a scenario that lasts the earliest instant counts. A resident who is out when they collapse does not come home.
        """
        household = self._household(household_id)
        with self._lock:
            household.inject(Injection(scenario=scenario, at=max(at, self.start)))

    def is_at_home(self, household_id: str, at: Millis) -> bool:
        """Whether a well resident is at home at that instant."""
        spells = self._household(household_id).plan(local_day(at)).spells
        return not any(spell.doing is Doing.OUT and spell.start <= at < spell.end for spell in spells)

    def _household(self, household_id: str) -> _Household:
        if household_id not in self._households:
            first, last = self.homes[0].household_id, self.homes[-1].household_id
            raise ValueError(f"no household {household_id} in this fleet; they are {first} to {last}")
        return self._households[household_id]
