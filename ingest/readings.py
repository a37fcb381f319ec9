"""Many readings as columns: what every one of them asks for is then asked once for all of them.

An object for each reading costs more than everything that is done with it (docs/adr/0013), so the decoder hands on columns,
and the rules, the history and the hours take them as they are. Where a single one matters, it is the `Reading` of old.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias, overload

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.clock import Millis
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

SIGNALS = tuple(Signal)
"""A signal as a number is its place here."""

CREDIBLE, SKEWED, AGAIN = 1, 2, 4
"""Bits of the flags."""

_OFFSET, _INDEX, _PLACE, _SIGNAL, _OBSERVED, _RECEIVED, _BOOT, _SEQ, _FLAGS = range(9)
_WIDTH = 9
_NONE = -1  # of boot and seq: the message had none


class Whose(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The device of a reading, and where it stood then; `household_id` as in Reading."""

    device_id: DeviceId
    household_id: HouseholdId | None
    dong_code: DongCode


class Readings(Sequence[Reading]):
    """Readings in the order of the journal. Each column is `[reading]`; nothing of it is changed once it is made.

    `places` only grows, and those of one decoder are the same list until it is restored: what is known of a place may be
    remembered by that list and the number.
    """

    __slots__ = ("_ints", "places", "value")

    def __init__(self, places: Sequence[Whose], ints: Ints, value: Floats) -> None:
        """Made by `Gathered`, `of` and `join`; `ints` is `[column, reading]`."""
        self.places, self._ints, self.value = places, ints, value

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Readings:
        """These readings, with places of their own."""
        gathered, places = Gathered(), dict[tuple[str, str | None, str], int]()
        known: list[Whose] = []
        for one in readings:
            key = (one.device_id, one.household_id, one.dong_code)
            place = places.get(key)
            if place is None:
                place = places[key] = len(known)
                known.append(Whose(device_id=one.device_id, household_id=one.household_id, dong_code=one.dong_code))
            gathered.add(
                one.offset,
                one.index,
                place,
                one.signal.code,
                one.observed_at,
                one.received_at,
                _NONE if one.boot is None else one.boot,
                _NONE if one.seq is None else one.seq,
                CREDIBLE * one.credible | SKEWED * one.skewed | AGAIN * one.again,
                one.value,
            )
        return gathered.close(known)

    @classmethod
    def join(cls, parts: Sequence[Readings]) -> Readings:
        """One after the other; parts of different places get a list that holds each of those once."""
        if not parts:
            return Gathered().close([])
        if len(parts) == 1:
            return parts[0]
        places, ints = parts[0].places, [part._ints for part in parts]
        if any(part.places is not places for part in parts):
            places, ints = _side_by_side(parts)
        return cls(places, np.concatenate(ints, axis=1), np.concatenate([part.value for part in parts]))

    @property
    def offset(self) -> Ints:
        """Journal offset of the message."""
        return self._column(_OFFSET)

    @property
    def record(self) -> Ints:
        """Which reading of that message."""
        return self._column(_INDEX)

    @property
    def place(self) -> Ints:
        """Which one of `places`."""
        return self._column(_PLACE)

    @property
    def signal(self) -> Ints:
        """Which one of SIGNALS."""
        return self._column(_SIGNAL)

    @property
    def observed_at(self) -> Ints:
        """By the device. ms UTC."""
        return self._column(_OBSERVED)

    @property
    def received_at(self) -> Ints:
        """By us. ms UTC."""
        return self._column(_RECEIVED)

    @property
    def boot(self) -> Ints:
        """-1: none."""
        return self._column(_BOOT)

    @property
    def seq(self) -> Ints:
        """-1: none."""
        return self._column(_SEQ)

    @property
    def credible(self) -> Mask:
        """See Reading."""
        return np.asarray(self._ints[_FLAGS] & CREDIBLE > 0)

    @property
    def skewed(self) -> Mask:
        """See Reading."""
        return np.asarray(self._ints[_FLAGS] & SKEWED > 0)

    @property
    def again(self) -> Mask:
        """See Reading."""
        return np.asarray(self._ints[_FLAGS] & AGAIN > 0)

    def _column(self, place: int) -> Ints:
        column: Ints = self._ints[place]
        return column

    def where(self, chosen: Mask | Ints) -> Readings:
        """Those alone."""
        return Readings(self.places, self._ints[:, chosen], self.value[chosen])

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Reading]:
        return map(self._reading, zip(*self._ints.tolist(), strict=True), self.value.tolist())

    @overload
    def __getitem__(self, which: int) -> Reading: ...

    @overload
    def __getitem__(self, which: slice) -> Readings: ...

    def __getitem__(self, which: int | slice) -> Reading | Readings:
        if isinstance(which, slice):
            return Readings(self.places, self._ints[:, which], self.value[which])
        return self._reading(tuple(self._ints[:, which].tolist()), float(self.value[which]))

    def _reading(self, ints: tuple[int, ...], value: float) -> Reading:
        offset, index, place, signal, observed_at, received_at, boot, seq, flags = ints
        whose = self.places[place]
        return Reading(
            offset=offset,
            index=index,
            dong_code=whose.dong_code,
            household_id=whose.household_id,
            device_id=whose.device_id,
            signal=SIGNALS[signal],
            value=value,
            observed_at=observed_at,
            received_at=received_at,
            boot=None if boot == _NONE else boot,
            seq=None if seq == _NONE else seq,
            credible=flags & CREDIBLE > 0,
            skewed=flags & SKEWED > 0,
            again=flags & AGAIN > 0,
        )


def _side_by_side(parts: Sequence[Readings]) -> tuple[list[Whose], list[Ints]]:
    """All their places in one list, each list copied once: it may grow meanwhile. And their columns, which name those."""
    joined: list[Whose] = []
    begins: dict[int, int] = {}
    moved = []
    for part in parts:
        begin = begins.get(id(part.places))
        if begin is None:
            begin = begins[id(part.places)] = len(joined)
            joined.extend(part.places)
        ints = part._ints.copy()
        ints[_PLACE] += begin
        moved.append(ints)
    return joined, moved


class Gathered:
    """Readings while they come in, one by one or many of one message at once."""

    def __init__(self) -> None:
        self._ints: list[int] = []  # the nine columns of one reading after those of the one before
        self._values: list[float] = []
        self._closed: list[tuple[Ints, Floats]] = []

    def add(
        self,
        offset: int,
        index: int,
        place: int,
        signal: int,
        observed_at: Millis,
        received_at: Millis,
        boot: int,
        seq: int,
        flags: int,
        value: float,
    ) -> None:
        """One more; arguments as the columns of Readings, by position because this is called for every reading."""
        self._ints += (offset, index, place, signal, observed_at, received_at, boot, seq, flags)
        self._values.append(value)

    def add_all(
        self,
        index: Ints,
        place: Ints,
        signal: Ints,
        observed_at: Ints,
        flags: Ints,
        value: Floats,
        *,
        offset: int,
        received_at: Millis,
        boot: int,
        seq: int,
    ) -> None:
        """All of one message."""
        self._close_singles()
        ints = np.empty((_WIDTH, len(value)), dtype=np.int64)
        ints[_OFFSET], ints[_RECEIVED], ints[_BOOT], ints[_SEQ] = offset, received_at, boot, seq
        ints[_INDEX], ints[_PLACE], ints[_SIGNAL], ints[_OBSERVED], ints[_FLAGS] = index, place, signal, observed_at, flags
        self._closed.append((ints, value))

    def close(self, places: Sequence[Whose]) -> Readings:
        """All of them; nothing is added any more."""
        self._close_singles()
        if len(self._closed) == 1:
            return Readings(places, *self._closed[0])
        ints = [np.zeros((_WIDTH, 0), dtype=np.int64), *(ints for ints, _ in self._closed)]
        values = [np.zeros(0), *(values for _, values in self._closed)]
        return Readings(places, np.concatenate(ints, axis=1), np.concatenate(values))

    def _close_singles(self) -> None:
        if self._values:
            flat = np.frombuffer(array("q", self._ints), dtype=np.int64)
            ints = np.ascontiguousarray(flat.reshape(-1, _WIDTH).T)
            self._closed.append((ints, np.array(self._values, dtype=np.float64)))
            self._ints, self._values = [], []
