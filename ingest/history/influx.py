"""Readings and rolled up hours in InfluxDB 2.x, or in 1.x through its v2 API; see docs/history.md for what lies where."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec

from ingest.clock import DAY, SECOND, Clock, Millis
from ingest.history import flux
from ingest.history.influx_lines import MARK, MARK_FIELD, NS, VALUE, hour_line, mark_line, reading_line, reading_ns
from ingest.history.influx_wire import Address, Culprit, InfluxWire
from ingest.history.port import RAW_KEPT, Bucket, HistoryUnavailable, HourPart
from ingest.history.span import Span, Stretch, Sum, span_of
from ingest.reading import HouseholdId, Reading, Signal

_PART = """
part = (bucket, start, stop, field) => from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == {signal} and r.household == {household} and r._field == field)
  |> window(every: {every}, offset: {offset})
"""
_FOLD = """\
part(bucket: {bucket_PLACE}, start: {start_PLACE}, stop: {stop_PLACE}, field: {FIELD})
  |> FOLD() |> keep(columns: ["_start", "_value"]) |> yield(name: "PLACE NAME")
"""
_PLACES = "abc"
"""Of the stretches of a question: parameters have no digits."""

_RAW: dict[str, tuple[str, str]] = {
    "count": (VALUE, "count"),
    "total": (VALUE, "sum"),
    "min": (VALUE, "min"),
    "max": (VALUE, "max"),
}
_HOURS: dict[str, tuple[str, str]] = {
    "count": ("count", "sum"),
    "total": ("sum", "sum"),
    "min": ("min", "min"),
    "max": ("max", "max"),
}
"""What is asked for, of which field, folded how."""

_LATEST = """
from(bucket: {bucket})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._field == {field})
  |> last()
  |> keep(columns: ["_measurement", "household", "_time", "_value"])
"""

_ROLLED = """
from(bucket: {bucket})
  |> range(start: {start}, stop: {stop})
  |> filter(fn: (r) => r._measurement == {measurement} and r._field == {field})
  |> last()
"""

_AHEAD: Millis = DAY
"""How far ahead of now a reading may stand and still be found as the latest; devices run ahead by minutes at most."""


class RefusedReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading that InfluxDB will not keep, and its reason; the journal still holds what it was made from."""

    reading: Reading
    why: str


class InfluxHistory:
    """Implements History. Nothing is asked of the server before it is needed, so that a server that is down delays no start.

    What it refuses by itself goes to `on_refused`, which must make it durable. `raw_kept` is the retention of the raw
    bucket: what is older is not sent. The latest values are read once and then kept up by what this process writes.
    """

    def __init__(
        self,
        address: Address,
        clock: Clock,
        on_refused: Callable[[Sequence[RefusedReading]], None],
        *,
        raw_kept: Millis | None = RAW_KEPT,
        wire: InfluxWire | None = None,
    ) -> None:
        self._address, self._clock, self._on_refused, self._raw_kept = address, clock, on_refused, raw_kept
        self._wire = wire or InfluxWire(address, clock)
        self._closed = threading.Event()
        self._rolled_to: Millis | None = None
        self._rolled_asked_at: Millis | None = None
        self._lock = threading.Lock()  # for the latest values
        self._latest: dict[HouseholdId, dict[Signal, tuple[int, float]]] | None = None  # (time in ns, value)

    def write(self, readings: Sequence[Reading]) -> None:
        """Keep these readings; those beyond the raw bucket's retention are only in the hours."""
        self._refuse_when_closed()
        since = self._raw_since()
        kept = [
            one for one in readings if one.household_id is not None and (since is None or one.observed_at >= since + 60 * SECOND)
        ]
        culprits = self._wire.write(self._address.raw_bucket, [reading_line(one) for one in kept])
        if culprits:
            self._on_refused([RefusedReading(reading=kept[one.number], why=one.why) for one in culprits])
        refused = {one.number for one in culprits}
        with self._lock:
            if self._latest is not None:
                for number, one in enumerate(kept):
                    if one.credible and one.household_id is not None and number not in refused:
                        _note(self._latest, one.household_id, one.signal, reading_ns(one), one.value)

    def write_hours(self, parts: Sequence[HourPart], rolled_to: Millis) -> None:
        """Keep these parts, then the mark."""
        self._refuse_when_closed()
        culprits: list[Culprit] = []
        for lines in ([hour_line(one) for one in parts], [mark_line(rolled_to)]):
            culprits += self._wire.write(self._address.hours_bucket, lines)
        if culprits:
            # Sums of ours in range and finite: there is no such thing as a bad one to be set aside.
            raise HistoryUnavailable(f"InfluxDB refuses an hour: {culprits[0].why}")
        self._rolled_to = max(rolled_to, self._rolled_to or rolled_to)

    def series(self, household_id: HouseholdId, signal: Signal, start: Millis, end: Millis, points: int) -> list[Bucket]:
        """At most `points` equal buckets of credible readings, aggregated by the server."""
        self._refuse_when_closed()
        raw_since = self._raw_since()
        span = span_of(start, end, points, raw_since)
        stretches = span.stretches(self._rolled() if span.hourly else None, raw_since)
        return list(span.buckets(self._sums(household_id, signal, stretches, span)))

    def latest(self, household_id: HouseholdId) -> dict[Signal, tuple[Millis, float]]:
        """The last credible reading of each signal within the raw bucket's retention."""
        self._refuse_when_closed()
        with self._lock:
            if self._latest is None:
                self._latest = self._ask_latest()
            return {signal: (ns // NS, value) for signal, (ns, value) in self._latest.get(household_id, {}).items()}

    def prune(self, raw_before: Millis, hours_before: Millis) -> int:
        """The buckets' own retention sees to that."""
        return 0

    def close(self) -> None:
        """Give up the connections; everything written stays."""
        if not self._closed.is_set():
            self._closed.set()
            self._wire.close()

    def _raw_since(self) -> Millis | None:
        return None if self._raw_kept is None else self._clock.home_now() - self._raw_kept

    def _sums(self, household_id: HouseholdId, signal: Signal, stretches: Sequence[Stretch], span: Span) -> list[Sum]:
        """All stretches in one question: a question for each takes nearly twice as long."""
        asked: dict[str, flux.Value] = {
            "signal": signal.value,
            "household": household_id,
            "every": flux.length(span.width),
            "offset": flux.length(span.origin % span.width or span.width),
        }
        question = _PART
        for place, stretch in zip(_PLACES, stretches, strict=False):
            asked[f"bucket_{place}"] = self._address.hours_bucket if stretch.hourly else self._address.raw_bucket
            asked[f"start_{place}"], asked[f"stop_{place}"] = flux.instant(stretch.start), flux.instant(stretch.end)
            for name, (field, fold) in (_HOURS if stretch.hourly else _RAW).items():
                asked[f"field_{field}"] = field
                part = _FOLD.replace("PLACE", place).replace("NAME", name).replace("FOLD", fold)
                question += part.replace("{FIELD}", f"{{field_{field}}}")
        found: dict[tuple[str, int], dict[str, list[float]]] = {}
        for row in self._wire.ask(question, asked):
            place, name = row["result"].split()
            number = (flux.to_ns(row["_start"]) // NS - span.origin) // span.width
            # Each device answers in a table of its own.
            found.setdefault((place, number), {}).setdefault(name, []).append(float(row["_value"]))
        return [
            Sum(number, int(sum(one["count"])), sum(one["total"]), min(one["min"]), max(one["max"]))
            for (_, number), one in found.items()
        ]

    def _rolled(self) -> Millis | None:
        """To which time hours are rolled up; asked once, then known by what this process writes."""
        now = self._clock.machine_now()
        if self._rolled_to is None and (self._rolled_asked_at is None or now - self._rolled_asked_at >= 60 * SECOND):
            asked: dict[str, flux.Value] = {
                "bucket": self._address.hours_bucket,
                "start": flux.instant(0),
                "stop": flux.instant(self._clock.home_now() + _AHEAD),
                "measurement": MARK,
                "field": MARK_FIELD,
            }
            marks = [int(float(row["_value"])) for row in self._wire.ask(_ROLLED, asked)]
            self._rolled_asked_at = now
            if marks:
                self._rolled_to = max(marks)
        return self._rolled_to

    def _ask_latest(self) -> dict[HouseholdId, dict[Signal, tuple[int, float]]]:
        since = self._raw_since()
        asked: dict[str, flux.Value] = {
            "bucket": self._address.raw_bucket,
            "start": flux.instant(max(since if since is not None else 0, 0)),
            "stop": flux.instant(self._clock.home_now() + _AHEAD),
            "field": VALUE,
        }
        found: dict[HouseholdId, dict[Signal, tuple[int, float]]] = {}
        known = {signal.value: signal for signal in Signal}
        for row in self._wire.ask(_LATEST, asked):
            signal = known.get(row["_measurement"])
            if signal is not None:
                _note(found, HouseholdId(row["household"]), signal, flux.to_ns(row["_time"]), float(row["_value"]))
        return found

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise HistoryUnavailable("the history is closed")


def _note(
    latest: dict[HouseholdId, dict[Signal, tuple[int, float]]], household_id: HouseholdId, signal: Signal, ns: int, value: float
) -> None:
    """Keep this value unless a later one is known."""
    signals = latest.setdefault(household_id, {})
    if signal not in signals or signals[signal][0] <= ns:
        signals[signal] = (ns, value)
