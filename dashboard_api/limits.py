"""Which limits of the rule table stand in a chart of temperature or humidity."""

from __future__ import annotations

import msgspec

from alerts.rulebook import Rulebook
from dashboard_api.words import Lang, say
from ingest.reading import Signal
from rules.finding import Level
from rules.limits import Channel
from rules.sentence import LEVEL_WORDS

_SIGNAL_OF = {
    Channel.HEAT: Signal.TEMPERATURE,
    Channel.COLD: Signal.TEMPERATURE,
    Channel.DRY: Signal.HUMIDITY,
    Channel.DAMP: Signal.HUMIDITY,
    Channel.FROZEN: Signal.TEMPERATURE,
}


class ChartLimit(msgspec.Struct, frozen=True, kw_only=True):
    """One line across a chart; `value` in the signal's unit."""

    signal: Signal
    value: float
    level: int
    label: str


def chart_limits(rulebook: Rulebook | None, household: str, lang: Lang) -> list[ChartLimit]:
    """Every limit that holds for the household and can be drawn; none where no table is in force."""
    if rulebook is None or rulebook.in_force() is None:
        return []
    return [
        ChartLimit(
            signal=_SIGNAL_OF[channel],
            value=limit.raise_at,
            level=int(level),
            label=f"{say(lang, f'limit.{channel}')} {LEVEL_WORDS[lang.value][level]} {limit.raise_at:g}",
        )
        for channel, threshold in rulebook.profile(household).thresholds.items()
        if channel in _SIGNAL_OF  # a fall is no line across a chart
        for level, limit in zip(Level, threshold.levels, strict=True)
        if limit is not None
    ]
