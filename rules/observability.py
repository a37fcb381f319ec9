"""When a home could be observed: our own link and run, and the home's gateway."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from ingest.clock import DAY, Millis

KEPT: Millis = 15 * DAY
"""Outages that ended longer ago are forgotten: no limit counted in observed time is as long."""


class Outages(msgspec.Struct, frozen=True, array_like=True):
    """The outages as a snapshot keeps them."""

    link: list[tuple[int, int]]
    link_since: int | None
    starting: bool
    down: list[str]
    gateway: list[tuple[int, list[tuple[int, int]]]]
    gateway_since: list[tuple[int, int]]


class Observability:
    """Closed outages in order, without overlap, and the open one, for our link and for each home's gateway (ms UTC)."""

    def __init__(self) -> None:
        self._link: list[tuple[Millis, Millis]] = []
        self.link_since: Millis | None = None
        self._starting = False  # a run began and has not heard the broker's queue to its end
        self._down: set[str] = set()
        self._gateway: dict[int, list[tuple[Millis, Millis]]] = {}
        self._gateway_since: dict[int, Millis] = {}

    def link_lost(self, at: Millis, source: str | None) -> None:
        """We cannot hear from `at` on: the link `source` went, or (None) our run ended or has just begun."""
        if source is None:
            self._down.clear()
            self._starting = True
        else:
            self._down.add(source)
        if self.link_since is None:
            self.link_since = max(at, self._link[-1][1]) if self._link else at

    def link_found(self, at: Millis, source: str) -> bool:
        """`source` has been heard to its end at `at`; True when that ended our own outage."""
        self._down.discard(source)
        self._starting = False
        if self.link_since is None or self._down:
            return False
        _close(self._link, self.link_since, at)
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
            _close(self._gateway.setdefault(home, []), since, at)

    def blind(self, home: int) -> bool:
        """Whether the home cannot be observed now."""
        return self.link_since is not None or home in self._gateway_since

    def recently_blind(self, at: Millis, settle: Millis) -> set[int] | None:
        """Homes that were blind through their gateway less than `settle` before `at`; None: all, through our link."""
        if self._link and at < self._link[-1][1] + settle:
            return None
        ended = {home for home, past in self._gateway.items() if past and at < past[-1][1] + settle}
        return ended | set(self._gateway_since)

    def ended_at(self, home: int) -> Millis | None:
        """When the home's last outage ended; None while one lasts, or when there was none."""
        if self.blind(home):
            return None
        ends = [past[-1][1] for past in (self._link, self._gateway.get(home)) if past]
        return max(ends, default=None)

    def blind_between(self, home: int, start: Millis, end: Millis) -> Millis:
        """For how much of [start, end] the home could not be observed."""
        return sum(max(0, min(e, end) - max(s, start)) for s, e in self._spans(home, start, end))

    def first_blind(self, home: int, start: Millis, end: Millis) -> Millis | None:
        """The first instant of [start, end) at which the home could not be observed; None: it was throughout."""
        return min((max(s, start) for s, e in self._spans(home, start, end) if s < end and e > start), default=None)

    def reach(self, home: int, start: Millis, length: Millis) -> Millis | None:
        """When `length` of observed time since `start` is full; None where an outage that still lasts comes before."""
        at = start + length
        for s, e in self._spans(home, start, None):
            if s >= at:
                break
            if e == _OPEN:
                return None
            at += e - max(s, start)
        return at

    def _spans(self, home: int, start: Millis, end: Millis | None) -> list[tuple[Millis, Millis]]:
        """The home's outages that touch [start, ...), merged and in order; an open one ends at `end` or `_OPEN`."""
        spans = _after(self._link, start)
        if self.link_since is not None:
            spans.append((self.link_since, _OPEN if end is None else end))
        gateway = _after(self._gateway.get(home, []), start)
        if (since := self._gateway_since.get(home)) is not None:
            gateway.append((since, _OPEN if end is None else end))
        return _merged(spans + gateway) if gateway else spans

    def dump(self) -> Outages:
        """What a snapshot keeps."""
        return Outages(
            link=list(self._link),
            link_since=self.link_since,
            starting=self._starting,
            down=sorted(self._down),
            gateway=sorted((home, list(past)) for home, past in self._gateway.items()),
            gateway_since=sorted(self._gateway_since.items()),
        )

    def load(self, kept: Outages) -> None:
        """Hold what `dump` gave."""
        self._link = list(kept.link)
        self.link_since = kept.link_since
        self._starting = kept.starting
        self._down = set(kept.down)
        self._gateway = {home: list(past) for home, past in kept.gateway}
        self._gateway_since = dict(kept.gateway_since)


_OPEN: Millis = 2**62


def _close(past: list[tuple[Millis, Millis]], since: Millis, at: Millis) -> None:
    past.append((since, max(since, at)))
    while past[0][1] < at - KEPT:
        del past[0]


def _after(past: list[tuple[Millis, Millis]], start: Millis) -> list[tuple[Millis, Millis]]:
    return past[bisect_right(past, start, key=lambda span: span[1]) :] if past else []


def _merged(spans: list[tuple[Millis, Millis]]) -> list[tuple[Millis, Millis]]:
    merged: list[tuple[Millis, Millis]] = []
    for s, e in sorted(spans):
        if merged and s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], e))
        else:
            merged.append((s, e))
    return merged
