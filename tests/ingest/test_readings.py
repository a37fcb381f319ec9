"""Proves that readings in columns stay with their devices, whatever parts they are put together from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from ingest.readings import Readings, Whose


def reading(offset: int, device: str) -> Reading:
    return Reading(
        offset=offset,
        dong_code=DongCode("dong-1"),
        household_id=HouseholdId(f"hh-{device}"),
        device_id=DeviceId(device),
        signal=Signal.MOTION,
        value=1.0,
        observed_at=offset,
        received_at=offset,
    )


def test_columns_hold_what_the_readings_said() -> None:
    readings = [reading(1, "a"), reading(2, "b"), reading(3, "a")]
    columns = Readings.of(readings)
    assert list(columns) == readings and columns[1] == readings[1] and list(columns[1:]) == readings[1:]


def test_parts_of_two_lists_of_places_are_joined_with_each_list_once() -> None:
    first, second = Readings.of([reading(1, "a"), reading(2, "b")]), Readings.of([reading(3, "c"), reading(4, "a")])
    joined = Readings.join([first, *(second[place : place + 1] for place in (0, 1)), first[:1], second])
    assert len(joined.places) == len(first.places) + len(second.places)
    assert list(joined) == [*first, *second, first[0], *second]


class Growing(list[Whose]):
    """The places of a decoder that meets another device whenever somebody looks at how many there are."""

    def _grow(self) -> None:
        self.append(Whose(device_id=DeviceId("new"), household_id=HouseholdId("hh-new"), dong_code=DongCode("dong-1")))

    def __len__(self) -> int:
        self._grow()
        return super().__len__()

    def __iter__(self) -> Iterator[Whose]:
        self._grow()
        return super().__iter__()


def test_parts_are_joined_right_while_the_places_of_the_first_grow() -> None:
    first, second = [reading(1, "a"), reading(2, "b")], [reading(3, "c"), reading(4, "d")]
    columns = Readings.of(first)
    growing = Readings(Growing(columns.places), columns._ints, columns.value)
    assert list(Readings.join([growing, Readings.of(second)])) == list(chain(first, second))
