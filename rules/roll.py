"""Who is looked after, and which device stands where."""

from __future__ import annotations

from ingest.clock import SECOND, Millis
from ingest.facts import DeviceEnrolled, HouseholdEnrolled
from ingest.reading import Signal
from rules.columns import UNSET
from rules.limits import Grade
from rules.state import State

GRADES = tuple(Grade)
MOTION_BIT, CALL_BIT, PHONE_BIT, TEMPERATURE_BIT, HUMIDITY_BIT = 1, 2, 4, 8, 16
BITS: dict[int, Signal] = {
    MOTION_BIT: Signal.MOTION,
    CALL_BIT: Signal.CALL,
    PHONE_BIT: Signal.PHONE,
    TEMPERATURE_BIT: Signal.TEMPERATURE,
    HUMIDITY_BIT: Signal.HUMIDITY,
}
"""The signals whose absence is a rule, or without which one cannot be judged, as bits of `Devices.signals`."""
_BITS: dict[str, int] = {signal: bit for bit, signal in BITS.items()}


def grade_place(grade: str) -> int:
    """The grade's place in `rules.limits.Grade`; an unknown one counts as high, the most careful."""
    return GRADES.index(Grade(grade)) if grade in GRADES else 0


def enrol_household(state: State, fact: HouseholdEnrolled) -> int:
    """The household's row; one that is looked after already keeps its clocks."""
    homes = state.households
    row = homes.find(fact.household_id)
    if row is None:
        row = homes.enrol(fact.household_id, fact.dong_code)
        state.trends.add()
        homes.enrolled_at[row] = fact.at
    homes.move(row, fact.dong_code)
    homes.grade[row] = grade_place(fact.grade)
    return row


def end_household(state: State, home: int) -> None:
    """Nothing is said of it any more; its devices stand nowhere."""
    homes = state.households
    for device in state.standing(home):
        state.place(device, -1)
    state.own.pop(home, None)
    homes.active[home] = 0
    homes.due[home] = state.households.fit_at[home] = UNSET
    state.left_out.pop(home, None)
    state.told.pop(home, None)
    for spans in (state.spans, state.spans_before):
        spans.forget(home)
    homes.dirty[home] = 0


def enrol_device(state: State, fact: DeviceEnrolled, home: int) -> int:
    """The device's row. Moved to another home it begins anew; told again of the same home it keeps what it said."""
    devices = state.devices
    row = devices.ids.find(fact.device_id)
    if row is None:
        row = devices.enrol(fact.device_id)
    if int(devices.household[row]) != home:
        remove_device(state, row)
        devices.enrolled_at[row] = fact.at
        state.place(row, home)
    devices.interval[row] = fact.report_interval_s * SECOND
    devices.signals[row] = sum(_BITS.get(signal, 0) for signal in set(fact.signals))
    devices.accept_card(row)
    devices.due[row] = 0
    note_signals(state, home, fact.at)
    return row


def remove_device(state: State, device: int) -> None:
    """Let it stand nowhere and forget what it said; the home it stood in has its signals counted anew by the caller."""
    climate, movement = int(state.devices.climate[device]), int(state.devices.movement[device])
    state.place(device, -1)
    state.devices.reset(device)
    if climate >= 0:
        state.recent.forget(device)
        for climates in (state.climates, state.before):
            climates.reset(climate)
            climates.device[climate] = device
        state.devices.climate[device] = climate
    if movement >= 0:
        state.movements.forget(movement)
        state.devices.movement[device] = movement


def note_signals(state: State, home: int, at: Millis) -> None:
    """Which signals the home's devices have; one that is new has its clock begin at `at`."""
    homes = state.households
    bits = 0
    for device in state.standing(home):
        bits |= int(state.devices.signals[device])
    for bit, column in ((MOTION_BIT, homes.motion_from), (CALL_BIT, homes.call_from), (PHONE_BIT, homes.phone_from)):
        if not bits & bit:
            column[home] = UNSET
        elif column[home] == UNSET:
            column[home] = at
