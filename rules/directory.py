"""Which rows the devices and households of a decoder's readings have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.readings import Readings, Whose
from rules.columns import Ints, Rows, distinct
from rules.state import State

_UNASKED = -2


class Directory:
    """Remembers the rows of the places of one decoder."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The state is another one."""
        self._places: Sequence[Whose] = ()
        self._homes: Rows = np.zeros(0, dtype=np.int64)
        self._devices: Rows = np.zeros(0, dtype=np.int64)
        self._changed = False

    def look_again(self) -> None:
        """Somebody was enrolled or left: who was found keeps the row while it is looked after, all others are asked for."""
        self._changed = True

    def rows(self, state: State, readings: Readings) -> tuple[Rows, Rows]:
        """Row in Households and in Devices of each reading; NO_ROW where there is none."""
        if readings.places is not self._places:
            self.forget()
            self._places = readings.places
        if self._changed:
            gone = (self._homes < 0) | (self._devices < 0) | (state.households.active[self._homes] == 0)
            self._homes[gone] = _UNASKED
            self._changed = False
        missing = len(readings.places) - len(self._homes)
        if missing > 0:
            unasked = np.full(max(missing, len(self._homes)), _UNASKED, dtype=np.int64)
            self._homes = np.concatenate((self._homes, unasked))
            self._devices = np.concatenate((self._devices, unasked))
        homes = self._homes[readings.place]
        if len(homes) and homes.min() == _UNASKED:
            self._ask(state, readings.places, readings.place[homes == _UNASKED])
            homes = self._homes[readings.place]
        return homes, self._devices[readings.place]

    def _ask(self, state: State, places: Sequence[Whose], unasked: Ints) -> None:
        asked = distinct(unasked)
        whose = [places[place] for place in asked]
        self._homes[asked] = state.households.find_all([one.household_id or "" for one in whose])
        self._devices[asked] = state.devices.ids.find_all([one.device_id for one in whose])
