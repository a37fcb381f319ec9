"""The summer apparent temperature of the Korea Meteorological Administration (체감온도)."""

from __future__ import annotations

import numpy as np

from rules.columns import Floats


def apparent_temperature(air: Floats, humidity: Floats) -> Floats:
    """Degrees Celsius from air temperature (C) and relative humidity (%), unrounded; nan where either is."""
    wet = (
        air * np.arctan(0.151977 * np.sqrt(humidity + 8.313659))
        + np.arctan(air + humidity)
        - np.arctan(humidity - 1.67633)
        + 0.00391838 * humidity**1.5 * np.arctan(0.023101 * humidity)
        - 4.686035
    )
    return -0.2442 + 0.55399 * wet + 0.45535 * air - 0.0022 * wet**2 + 0.00278 * wet * air + 3.0


def felt_heat(air: Floats, humidity: Floats) -> Floats:
    """The higher of air and apparent temperature, to 0.1 C; the air alone where the humidity is nan."""
    return np.asarray(np.round(np.fmax(air, apparent_temperature(air, humidity)), 1), dtype=np.float64)
