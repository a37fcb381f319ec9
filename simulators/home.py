"""How warm and how damp it is outside, and what a small building makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from ingest.clock import DAY, HOUR, MINUTE, Millis
from simulators.resident import day_start, local_day
from simulators.scenario import Course

STEP: Millis = 10 * MINUTE
STEPS_A_DAY = DAY // STEP
_STEP_H = STEP / HOUR
_TROPICAL_YEAR = 365.2422
_YEAR_START = 20  # 20 January, the coldest day on average, in days after 1 January (day 0 was 1 January 1970)

_OPEN_WINDOW_H = 3.0  # time constant with the windows open
_VAPOUR_H = 2.5  # time constant of the air exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """Air at one instant."""

    temperature: float  # C
    vapour: float  # hPa, partial pressure of water

    @property
    def humidity(self) -> float:
        """Relative humidity, 1 to 99 %."""
        return min(max(100.0 * self.vapour / saturation(self.temperature), 1.0), 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A first-order building: it follows the outside with one time constant, heating and cooling pull it back."""

    time_constant_h: float
    heats_to: float  # C
    cools_to: float  # C
    gains: float  # C that a person, a stove and the sun are worth
    moisture: float  # hPa that breath, laundry and cooking add
    humidifies_to: float  # %RH
    dries_to: float  # %RH


def saturation(temperature: float) -> float:
    """Vapour pressure of saturated air, hPa, at a temperature in C (Magnus)."""
    return 6.112 * math.exp(17.62 * temperature / (243.12 + temperature))


def draw_building(seed: str) -> Building:
    """One building; the same seed gives the same."""
    rng = Random(f"{seed}/building")
    return Building(
        time_constant_h=rng.uniform(8.0, 14.0),
        heats_to=rng.uniform(21.0, 23.5),
        cools_to=rng.uniform(25.0, 26.5),
        gains=rng.uniform(1.0, 2.5),
        moisture=rng.uniform(3.5, 6.5),
        humidifies_to=rng.uniform(33.0, 38.0),
        dries_to=rng.uniform(48.0, 57.0),
    )


class Weather:
    """The outside air over one dong, in steps of 10 minutes; the same seed gives the same years."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self.day = lru_cache(maxsize=8)(self._day)

    def _day(self, day: int) -> tuple[Air, ...]:
        """The outside air of one local day, one value for each step from midnight on."""
        today, tomorrow = self._spell(day), self._spell(day + 1)
        airs = []
        for step in range(STEPS_A_DAY):
            part = step / STEPS_A_DAY
            season = 12.5 - 14.5 * math.cos(2 * math.pi * (day + part - _YEAR_START) / _TROPICAL_YEAR)
            temperature = season + today + (tomorrow - today) * part + 4.0 * warmth_of_hour(24 * part)
            damp = 0.68 - 0.12 * warmth_of_hour(24 * part)
            airs.append(Air(temperature=temperature, vapour=damp * saturation(temperature)))
        return tuple(airs)

    def _spell(self, day: int) -> float:
        """How much warmer than its season a midnight is, C."""
        return max(-5.0, min(5.0, Random(f"{self._seed}/weather/{day}").gauss(0.0, 2.2)))


def warmth_of_hour(hour: float) -> float:
    """The course of a day between -1 (03 h) and 1 (15 h)."""
    return math.cos(2 * math.pi * (hour - 15.0) / 24.0)


def settled(building: Building) -> Air:
    """The indoor air of a home that has been well looked after for long; a place to start from."""
    temperature = (building.heats_to + building.cools_to) / 2
    return Air(temperature=temperature, vapour=0.45 * saturation(temperature))


def next_air(building: Building, inside: Air, outside: Air, at: Millis, course: Course) -> Air:
    """The indoor air one step later; `at` is the instant of the step."""
    hot, open_window = at >= course.heat, at >= course.frozen
    frozen = at >= course.cold or open_window
    if hot or frozen:
        outside = _extreme(at, hot=hot)
    constant = _OPEN_WINDOW_H if hot or open_window else building.time_constant_h
    now = inside.temperature
    power = 0.0
    if not frozen and not hot:
        power = min(max(4.0 * (building.heats_to - now), 0.0), 6.0) - min(max(4.0 * (now - building.cools_to), 0.0), 6.0)
    temperature = now + _STEP_H * ((outside.temperature + building.gains - now) / constant + power)
    vapour = inside.vapour + _STEP_H * (outside.vapour + building.moisture - inside.vapour) / _VAPOUR_H
    if not hot and not frozen:  # a humidifier, a kettle, an air conditioner: whoever is well keeps it bearable
        full = saturation(temperature) / 100.0
        vapour = min(max(vapour, building.humidifies_to * full), building.dries_to * full)
    return Air(temperature=temperature, vapour=min(vapour, 0.95 * saturation(temperature)))


def _extreme(at: Millis, *, hot: bool) -> Air:
    """The outside air of a heat wave (36 to 39 C) or of a frost (-9 to -3 C)."""
    hour = (at - day_start(local_day(at))) / HOUR
    if hot:
        temperature = 37.5 + 1.5 * warmth_of_hour(hour)
        return Air(temperature=temperature, vapour=0.5 * saturation(temperature))
    temperature = -6.0 + 3.0 * warmth_of_hour(hour)
    return Air(temperature=temperature, vapour=0.6 * saturation(temperature))
