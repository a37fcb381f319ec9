"""Which rows the devices and households of a decoder's readings have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ingest.readings import Readings, Whose
from rules.columns import Rows, distinct
from rules.state import State

NOWHERE = -1
"""Of a home or device that is not looked after."""
_UNASKED = -2


class Directory:
    """Remembers the rows of the places of one decoder, until somebody is enrolled or leaves."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The rows may have changed."""
        self._places: Sequence[Whose] = ()
        self._homes = np.zeros(0, dtype=np.int64)
        self._devices = np.zeros(0, dtype=np.int64)

    def rows(self, state: State, readings: Readings) -> tuple[Rows, Rows]:
        """Row in Households and in Devices of each reading; NOWHERE where there is none."""
        if readings.places is not self._places:
            self.forget()
            self._places = readings.places
        missing = len(readings.places) - len(self._homes)
        if missing > 0:
            unasked = np.full(max(missing, len(self._homes)), _UNASKED, dtype=np.int64)
            self._homes = np.concatenate((self._homes, unasked))
            self._devices = np.concatenate((self._devices, unasked))
        homes = self._homes[readings.place]
        if len(homes) and homes.min() == _UNASKED:
            unasked = readings.place[homes == _UNASKED]
            self._ask(state, readings, distinct(unasked))
            homes = self._homes[readings.place]
        return homes, self._devices[readings.place]

    def _ask(self, state: State, readings: Readings, places: Iterable[int]) -> None:
        homes, devices = state.households.index, state.devices.index
        for place in places:
            whose = readings.places[place]
            self._homes[place] = homes.get(whose.household_id or "", NOWHERE)
            self._devices[place] = devices.get(whose.device_id, NOWHERE)
