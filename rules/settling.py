"""Puts the samples that have come where they belong in time, so that one that comes late counts as if it had come in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.readings import Mask
from rules.columns import NEVER, UNSET, Floats, Ints, Rows
from rules.device_rows import AIR, DAMP, Climates
from rules.dwell import Dwells, Ledger, end_unheld, sensors_of
from rules.metrics import SAMPLES_LEFT_OUT
from rules.samples import Samples
from rules.seconds import later_seconds
from rules.state import State

KEPT: Millis = 2 * HOUR
"""How far back from its home's newest sample one that comes late is put in its place: more than a fall of temperature looks back
(90 min, then its dwell), and in a home where all is well what is older changes nothing any more."""
KEPT_LONGER: Millis = 24 * HOUR
"""The same in a home where a level is held or a breach runs, or where a sensor is `BEHIND`: what it stored may come yet."""
BEHIND: Millis = HOUR
EVERY: Millis = 10 * MINUTE
"""How often what is older is given up, in home time."""
AT_ONCE = 200_000
"""So many samples are not let wait for the grid point: a flood of packs brings millions a minute, 41 bytes each."""


class Settling:
    """Folds samples into what is known of the homes.

    Kept of each sensor are its recent samples (`State.recent`) and what it was before them (`State.before`). A home in which a
    sample comes that is older than one judged is set back to that and its recent samples are folded anew, in order. What is
    older than all that is left out, and counted.
    """

    def __init__(self, dwells: Dwells, *, at_once: int = AT_ONCE) -> None:
        self._dwells, self._at_once = dwells, at_once

    def add(self, state: State, samples: Samples) -> None:
        """Let these wait for the grid point; of a flood the first do not wait, wherever the stretches that are read end."""
        state.waiting.add(samples)
        while state.waiting.count >= self._at_once:
            self.settle(state, self._at_once)

    def settle(self, state: State, most: int | None = None) -> bool:
        """Take the samples that wait, of many the first so many; whether there were any."""
        samples = state.waiting.take(most)
        if samples is None:
            return False
        _give_rows(state, samples.device)
        samples = _within_reach(state, samples)
        homes = state.households
        late = samples.at <= homes.sampled_at[samples.home]
        again = np.unique(samples.home[late])
        earlier = _set_back(state, again) if len(again) else []
        whole, new = _distinct(state, earlier, samples)
        self._dwells.fold(state, _ledger(state), whole)
        np.maximum.at(homes.sampled_at, samples.home, samples.at)
        state.recent.add(whole.chosen(new))
        if state.heard_at - state.heard_at % EVERY > state.recent.cleared:
            self._give_up(state)
        return True

    def close(self, state: State, homes: Sequence[int] | None, at: Millis) -> None:
        """What was judged stays, whatever comes late: other limits hold now, or staff have settled it. None: of all homes."""
        if homes is None:
            state.recent.clear()
            homes, rows = sorted(state.spans.homes() | state.spans_before.homes()), state.climates.rows()
        else:
            rows = np.array([sensor for home in homes for sensor in sensors_of(state, home)], dtype=np.int64)
            humidity, humidity_at = _humidity(state, state.climates, rows)
            for home in homes:  # a sensor that has left says nothing of it any more
                state.households.humidity[home], state.households.humidity_at[home] = humidity[home], humidity_at[home]
        end_unheld(state, state.climates, state.spans, homes, at)
        state.before.take(rows, state.climates)
        state.spans_before.rewind(homes, state.spans)

    def _give_up(self, state: State) -> None:
        """Fold what is too old into what was before."""
        state.recent.cleared = state.heard_at - state.heard_at % EVERY
        old = state.recent.give_up(_floors(state), state.devices.household)
        old = old.chosen(old.at > _last(state.before, state, old))
        nobody, nothing = np.zeros(len(state.households), dtype=np.int64), np.zeros(len(state.devices), dtype=np.int64)
        ledger = Ledger(state.before, state.spans_before, *_humidity(state, state.before, state.before.rows()), nobody, nothing)
        self._dwells.fold(state, ledger, old.chosen(_first_of_its_second(state, state.before, old)))
        for spans in (state.spans, state.spans_before):
            spans.forget_before(state.heard_at - KEPT_LONGER)


def _ledger(state: State) -> Ledger:
    homes = state.households
    return Ledger(state.climates, state.spans, homes.humidity, homes.humidity_at, homes.due, state.devices.due)


def _give_rows(state: State, devices: Rows) -> None:
    """A row to each device that tells of temperature or humidity for the first time."""
    new = np.unique(devices[state.devices.climate[devices] < 0])
    for device in new.tolist():
        for climates in (state.climates, state.before):
            row = climates.add()
            climates.device[row] = device
            state.devices.climate[device] = row


def _last(climates: Climates, state: State, samples: Samples) -> Ints:
    """When each one's sensor told that signal last, as far as is in these rows (ms UTC)."""
    sensor = state.devices.climate[samples.device]
    last: Ints = np.where(samples.air, climates.sampled_at[AIR, sensor], climates.sampled_at[DAMP, sensor])
    return last


def _within_reach(state: State, samples: Samples) -> Samples:
    """Without those that came too late."""
    reached = samples.at > _last(state.before, state, samples)
    if not reached.all():
        out = samples.chosen(~reached)
        for climates in (state.climates, state.before):
            np.maximum.at(climates.left_out, state.devices.climate[out.device], out.at)
        SAMPLES_LEFT_OUT.inc(len(out.at))
    return samples.chosen(reached)


def _set_back(state: State, again: Rows) -> list[Samples]:
    """Let these homes be as they were before their recent samples; those samples."""
    homes, devices = state.households, state.devices
    asked = np.zeros(len(homes) + 1, dtype=bool)  # the last one: of devices that stand nowhere
    asked[again] = True
    of = asked[devices.household[: len(devices)]]
    rows = devices.climate[: len(devices)][of].astype(np.int64)
    rows = rows[rows >= 0]
    climates_of = state.climates.device[rows]
    state.climates.take(rows, state.before)
    state.spans.rewind(again.tolist(), state.spans_before)
    humidity, humidity_at = _humidity(state, state.before, rows)
    homes.humidity[again], homes.humidity_at[again] = humidity[again], humidity_at[again]
    homes.due[again] = devices.due[climates_of] = 0
    earlier = state.recent.of(of, devices.household)
    return [earlier.chosen(earlier.at > _last(state.before, state, earlier))]


def _distinct(state: State, earlier: list[Samples], samples: Samples) -> tuple[Samples, Mask]:
    """All of them once, in order, and which of them are new."""
    whole = Samples.join([*earlier, samples])
    new = np.zeros(len(whole.home), dtype=bool)
    new[len(whole.home) - len(samples.home) :] = True
    order = whole.order() if earlier else np.arange(len(new))
    whole, new = whole.chosen(order), new[order]
    first = _first_of_its_second(state, state.climates, whole)
    return whole.chosen(first), new[first]


def _first_of_its_second(state: State, climates: Climates, samples: Samples) -> Rows:
    """Of samples in their order, newer than what is in these rows: the places of the first of each sensor, signal and second."""
    told = 2 * samples.device + samples.air
    return later_seconds(told, samples.at // SECOND, _last(climates, state, samples) // SECOND)


def _humidity(state: State, climates: Climates, rows: Rows) -> tuple[Floats, Ints]:
    """The last humidity of any of these sensors by household row, and when: of two at one instant that of the first device."""
    humidity, humidity_at = np.full(len(state.households), np.nan), np.full(len(state.households), NEVER)
    rows = rows[state.devices.household[climates.device[rows]] >= 0]
    rows = rows[np.lexsort((-climates.device[rows], climates.humidity_at[rows]))]
    homes = state.devices.household[climates.device[rows]]
    humidity[homes], humidity_at[homes] = climates.humidity[rows], climates.humidity_at[rows]  # the last one stays
    return humidity, humidity_at


def _floors(state: State) -> Ints:
    """Before when a sample is given up, by device row (ms UTC)."""
    homes, devices, climates = state.households, state.devices, state.climates
    rows = climates.rows()
    device = climates.device[rows]
    stands = devices.household[device]
    rows, device, stands = rows[stands >= 0], device[stands >= 0], stands[stands >= 0]
    kept = np.full(len(homes), KEPT)
    kept[stands[homes.sampled_at[stands] - climates.sampled_at[:, rows].max(axis=0, initial=NEVER) > BEHIND]] = KEPT_LONGER
    watched = climates.watched(rows)
    kept[devices.household[climates.device[watched]]] = KEPT_LONGER
    floors = np.full(len(devices), UNSET)
    floors[device] = homes.sampled_at[stands] - kept[stands]
    return floors
