"""When a home could be observed, and what kept us from it: ourselves, the broker, its gateway, or its sensors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from ingest.clock import DAY, Millis

KEPT: Millis = 15 * DAY
"""Outages that ended longer ago are forgotten: no limit counted in observed time is as long."""


class Blind(StrEnum):
    """Why a home cannot be observed. The order is the one in which they are looked for: the first explains the others."""

    OURSELVES = "ourselves"  # no process of ours listened, or it was still reading what the broker had queued
    BROKER = "broker"  # our connection to it was gone
    GATEWAY = "gateway"  # the home's gateway said, or had said for it, that it is offline
    NOT_COMMISSIONED = "not_commissioned"  # the home was enrolled and has never been heard
    SENSOR = "sensor"  # every sensor that gives this signal is silent or cannot be believed


Span: TypeAlias = tuple[Millis, Millis, Blind]
"""A closed outage: from, to (ms UTC), why."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """That a home is blind now. `signals` names what cannot be heard of it (motion, call, phone); empty: nothing can."""

    cause: Blind
    since: Millis
    signals: tuple[str, ...] = ()


class Sights(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be observed at an instant: of all homes, and of single ones; whoever is in neither was observed."""

    at: Millis
    ours: Sight | None = None
    homes: Mapping[str, Sight] = {}

    def of(self, household_id: str) -> Sight | None:
        """Why this home is blind; None: it is observed. What concerns us explains the rest."""
        return self.ours or self.homes.get(household_id)


class Outages(msgspec.Struct, frozen=True, array_like=True):
    """The outages as a snapshot keeps them."""

    link: list[Span]
    link_since: int | None
    link_cause: Blind
    down: list[str]
    gateway: list[tuple[int, list[Span]]]
    gateway_since: list[tuple[int, int]]
    sensor: list[tuple[int, int, list[Span]]]
    sensor_since: list[tuple[int, int, int]]


class Observability:
    """Closed outages in order, without overlap, and the open one: of our link, of each home's gateway, and of its sensors.

    `bit` is a signal's bit of `rules.roll.BITS`; 0 asks of the home as a whole, whatever its sensors do.
    """

    def __init__(self) -> None:
        self._link: list[Span] = []
        self.link_since: Millis | None = None
        self._link_cause = Blind.BROKER
        self._down: set[str] = set()
        self._gateway: dict[int, list[Span]] = {}
        self._gateway_since: dict[int, Millis] = {}
        self._sensor: dict[tuple[int, int], list[Span]] = {}
        self._sensor_since: dict[tuple[int, int], Millis] = {}

    def link_lost(self, at: Millis, source: str | None) -> None:
        """We cannot hear from `at` on: the link `source` went, or (None) our run ended or has just begun."""
        if source is None:
            self._down.clear()
        else:
            self._down.add(source)
        if self.link_since is None:
            self.link_since = max(at, self._link[-1][1]) if self._link else at
            self._link_cause = Blind.OURSELVES if source is None else Blind.BROKER

    def link_found(self, at: Millis, source: str) -> bool:
        """`source` has been heard to its end at `at`; True when that ended our own outage."""
        self._down.discard(source)
        if self.link_since is None or self._down:
            return False
        _close(self._link, self.link_since, at, self._link_cause)
        self.link_since = None
        return True

    def gateway_lost(self, home: int, at: Millis) -> None:
        """The home's gateway is offline from `at` on."""
        if home not in self._gateway_since:
            past = self._gateway.get(home)
            self._gateway_since[home] = max(at, past[-1][1]) if past else at

    def gateway_found(self, home: int, at: Millis) -> None:
        """The home's gateway is back."""
        since = self._gateway_since.pop(home, None)
        if since is not None:
            _close(self._gateway.setdefault(home, []), since, at, Blind.GATEWAY)

    def sensors_lost(self, home: int, bit: int, since: Millis) -> bool:
        """No sensor of the home that gives this signal can be believed since `since`, which may lie in the past.

        True when that began an outage.
        """
        if (home, bit) in self._sensor_since:
            return False
        past = self._sensor.get((home, bit))
        self._sensor_since[home, bit] = max(since, past[-1][1]) if past else since
        return True

    def sensors_found(self, home: int, bit: int, at: Millis) -> bool:
        """One of them can again, or (`at` up to its start) always could; True when that ended an outage."""
        since = self._sensor_since.pop((home, bit), None)
        if since is not None and at > since:
            _close(self._sensor.setdefault((home, bit), []), since, at, Blind.SENSOR)
        return since is not None

    def blind(self, home: int, bit: int = 0) -> bool:
        """Whether the home, or this signal of it, cannot be observed now."""
        return self.link_since is not None or home in self._gateway_since or (home, bit) in self._sensor_since

    def doubted_at(self, home: int, bit: int, at: Millis) -> bool:
        """Whether no sensor of the home that gives this signal could be believed at this instant, as is known by now."""
        since = self._sensor_since.get((home, bit))
        if since is not None and since <= at:
            return True
        return any(start <= at for start, _, _ in _after(self._sensor.get((home, bit), []), at)[:1])

    def doubted(self, bit: int) -> list[int]:
        """Homes whose sensors of this signal cannot be believed, or could not in the days that are remembered."""
        return [home for home, one in (*self._sensor, *self._sensor_since) if one == bit]

    def sights(self, bits: Mapping[int, str]) -> tuple[Sight | None, dict[int, Sight]]:
        """What holds of every home (None: we hear), and what of single ones besides, by row."""
        ours = None if self.link_since is None else Sight(cause=self._link_cause, since=self.link_since)
        found: dict[int, Sight] = {}
        for (home, bit), since in sorted(self._sensor_since.items()):
            known = found.get(home)
            signals = (*(known.signals if known else ()), bits[bit])
            since = min(since, known.since) if known else since
            found[home] = Sight(cause=Blind.SENSOR, since=since, signals=signals)
        found |= {home: Sight(cause=Blind.GATEWAY, since=since) for home, since in self._gateway_since.items()}
        return ours, found

    def with_outages(self) -> set[int]:
        """Rows of homes that had an outage of their own which is remembered, or have one."""
        sensors = {home for home, _ in (*self._sensor, *self._sensor_since)}
        return {*self._gateway, *self._gateway_since, *sensors}

    def recently_blind(self, at: Millis, lasted: Millis, settle: Millis) -> set[int] | None:
        """Homes that were blind through their gateway less than `settle` before `at`; None: all, through our link.

        An outage that did not last for `lasted` counts for nothing, here and in the two below: a link that goes for a moment
        every few minutes would count without end.
        """
        ended = _last(self._link, lasted, settle)
        if ended is not None and at < ended + settle:
            return None
        ends = {home: _last(past, lasted, settle) for home, past in self._gateway.items()}
        return {home for home, end in ends.items() if end is not None and at < end + settle} | set(self._gateway_since)

    def ended_at(self, home: int, lasted: Millis, settle: Millis) -> Millis | None:
        """When the last outage of our link or of the home's gateway ended; None while one lasts, or where that is settled."""
        if self.blind(home):
            return None
        ends = [_last(past, lasted, settle) for past in (self._link, self._gateway.get(home, []))]
        return max((end for end in ends if end is not None), default=None)

    def heard_again_at(self, lasted: Millis, settle: Millis) -> Millis | None:
        """When our own last outage ended; None while one lasts, or where that is settled: there is no backlog to wait for."""
        return _last(self._link, lasted, settle) if self.link_since is None else None

    def blind_between(self, home: int, start: Millis, end: Millis, bit: int = 0) -> Millis:
        """For how much of [start, end] it could not be observed."""
        spans = _merged(self._spans(home, start, end, bit))
        return sum(max(0, min(e, end) - max(s, start)) for s, e in spans)

    def spans_between(self, home: int, start: Millis, end: Millis, bit: int = 0) -> list[tuple[Millis, Millis | None, Blind]]:
        """The outages that touch [start, end], cut to it, in order; the end is None where one lasts."""
        found: list[tuple[Millis, Millis | None, Blind]] = []
        for s, e, cause in sorted(self._spans(home, start, None, bit)):
            if s < end:
                found.append((max(s, start), None if e == _OPEN else min(e, end), cause))
        return found

    def cause_between(self, home: int, start: Millis, end: Millis, bit: int = 0) -> Blind | None:
        """What kept us from it for most of its blind time in [start, end]; None where there was none."""
        lengths: dict[Blind, Millis] = dict.fromkeys(Blind, 0)
        for s, e, cause in self._spans(home, start, end, bit):
            lengths[cause] += max(0, min(e, end) - max(s, start))
        longest = max(Blind, key=lengths.__getitem__)
        return longest if lengths[longest] else None

    def first_blind(self, home: int, start: Millis, end: Millis, bit: int = 0) -> Millis | None:
        """The first instant of [start, end) at which it could not be observed; None: it was throughout."""
        spans = self._spans(home, start, end, bit)
        return min((max(s, start) for s, e, _ in spans if s < end and e > start), default=None)

    def reach(self, home: int, start: Millis, length: Millis, bit: int = 0) -> Millis | None:
        """When `length` of observed time since `start` is full; None where an outage that still lasts comes before."""
        at = start + length
        for s, e in _merged(self._spans(home, start, None, bit)):
            if s >= at:
                break
            if e == _OPEN:
                return None
            at += e - max(s, start)
        return at

    def _spans(self, home: int, start: Millis, end: Millis | None, bit: int) -> list[Span]:
        """The outages that touch [start, ...); an open one ends at `end` or `_OPEN`."""
        until = _OPEN if end is None else end
        spans = _after(self._link, start)
        if self.link_since is not None:
            spans.append((self.link_since, until, self._link_cause))
        if self._gateway or self._gateway_since:
            spans += _after(self._gateway.get(home, []), start)
            if (since := self._gateway_since.get(home)) is not None:
                spans.append((since, until, Blind.GATEWAY))
        if self._sensor or self._sensor_since:
            spans += _after(self._sensor.get((home, bit), []), start)
            if (since := self._sensor_since.get((home, bit))) is not None:
                spans.append((since, until, Blind.SENSOR))
        return spans

    def dump(self) -> Outages:
        """What a snapshot keeps."""
        return Outages(
            link=list(self._link),
            link_since=self.link_since,
            link_cause=self._link_cause,
            down=sorted(self._down),
            gateway=sorted((home, list(past)) for home, past in self._gateway.items()),
            gateway_since=sorted(self._gateway_since.items()),
            sensor=sorted((*place, list(past)) for place, past in self._sensor.items()),
            sensor_since=sorted((*place, since) for place, since in self._sensor_since.items()),
        )

    def load(self, kept: Outages) -> None:
        """Hold what `dump` gave."""
        self._link = list(kept.link)
        self.link_since = kept.link_since
        self._link_cause = kept.link_cause
        self._down = set(kept.down)
        self._gateway = {home: list(past) for home, past in kept.gateway}
        self._gateway_since = dict(kept.gateway_since)
        self._sensor = {(home, bit): list(past) for home, bit, past in kept.sensor}
        self._sensor_since = {(home, bit): since for home, bit, since in kept.sensor_since}


_OPEN: Millis = 2**62


def _close(past: list[Span], since: Millis, at: Millis, cause: Blind) -> None:
    past.append((since, max(since, at), cause))
    while past[0][1] < at - KEPT:
        del past[0]


def _last(past: list[Span], lasted: Millis, settle: Millis) -> Millis | None:
    """The end of the last that lasted so long; None where that is `settle` or more before the end of the very last."""
    for start, end, _ in reversed(past):
        if end + settle <= past[-1][1]:
            return None
        if end - start >= lasted:
            return end
    return None


def _after(past: list[Span], start: Millis) -> list[Span]:
    return past[bisect_right(past, start, key=lambda span: span[1]) :] if past else []


def _merged(spans: list[Span]) -> list[tuple[Millis, Millis]]:
    merged: list[tuple[Millis, Millis]] = []
    for s, e, _ in sorted(spans):
        if merged and s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], e))
        else:
            merged.append((s, e))
    return merged
