"""What the fixtures in tests/ingest/dialects say, as messages; and a log whose devices stand where the register says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ingest.clock import Millis, to_iso
from ingest.decode import Decoder
from ingest.decoding import Item
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.dialects.sparkplug_wire import Payload
from ingest.facts import DeviceEnrolled, HouseholdEnrolled, LinkDown, LinkUp
from ingest.reading import DeviceId, Reading, Rejection, Signal
from tests.ingest.entry_parts import DONG, ENROLLED, HOME, SOURCE, Log

FIXTURES = Path(__file__).parent / "dialects"
NAMES = tuple(DIALECTS)
EVENTS = frozenset({Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.STEPS})
TELLS_DONG = "dong-9"
"""The dong told of an alarm of a vendor's device that nobody has enrolled."""


@dataclass(frozen=True)
class Sample:
    """One message of a fixture; `$iso`, `$seconds`, `$millis`, `$local` in it become the device's time, `$count` a number."""

    topic: str
    body: Any
    retain: bool
    encoding: str
    zone: str

    def payload(self, at: Millis, count: int = 1) -> bytes:
        """The bytes, the device's clock showing `at`."""
        local = datetime.fromtimestamp(at / 1_000, ZoneInfo(self.zone)).replace(tzinfo=None).isoformat()
        places = {"$iso": to_iso(at), "$seconds": at / 1_000, "$millis": at, "$local": local, "$count": count}
        filled = _filled(self.body, places)
        if isinstance(filled, str):
            return filled.encode()
        return sparkplug(**filled) if self.encoding == "sparkplug" else msgspec.json.encode(filled)


@dataclass(frozen=True)
class Fixture:
    """A dialect's messages, by what they are."""

    name: str
    raw: dict[str, Any]

    @property
    def device(self) -> str:
        """Our id of the device that speaks."""
        return str(self.raw.get("device", "dev-1"))

    def sample(self, what: str) -> Sample | None:
        """The message of this kind; None where the dialect knows none."""
        return self._sample(self.raw[what]) if what in self.raw else None

    def samples(self, what: str) -> list[Sample]:
        """Several of a kind."""
        return [self._sample(one) for one in self.raw.get(what, [])]

    def said_of(self, what: str, field: str) -> Any:
        """What the fixture says of the message besides."""
        return self.raw[what].get(field)

    def life(self) -> Sample:
        """A motion, with the device's time where it can have one."""
        found = self.sample("life") or self.sample("untimed")
        assert found is not None
        return found

    def _sample(self, one: dict[str, Any]) -> Sample:
        zone = self.raw.get("zone", "Asia/Seoul")
        return Sample(one["topic"], one["payload"], one.get("retain", False), self.raw.get("encoding", ""), zone)


def fixture_of(name: str) -> Fixture:
    """The fixture of this dialect; every dialect has one."""
    return Fixture(name, msgspec.json.decode((FIXTURES / f"{name}.json").read_bytes()))


def sparkplug(*, metrics: list[dict[str, Any]] | None = None, **fields: Any) -> bytes:
    """A Sparkplug B payload."""
    payload = Payload(**fields)
    for metric in metrics or []:
        payload.metrics.add(**metric)
    encoded: bytes = payload.SerializeToString()
    return encoded


class Site:
    """A decoder that speaks every dialect, at the end of a log; the fixture's device is enrolled unless told."""

    def __init__(self, fixture: Fixture, *, enrolled: bool = True, signals: tuple[str, ...] = ()) -> None:
        self.log = Log()
        self.decoder = make_decoder()
        self._read = 0
        self._count = 0
        self.log.fact(LinkUp(fact_id="up-1", at=ENROLLED, source=SOURCE))
        self.log.fact(HouseholdEnrolled(fact_id="home", at=ENROLLED, household_id=HOME, dong_code=DONG))
        if enrolled:
            self.enrol(fixture, signals=signals)
        for sample in fixture.samples("before"):
            self.say(sample)

    def enrol(self, fixture: Fixture, *, signals: tuple[str, ...] = (), at: Millis = ENROLLED) -> None:
        """Put the fixture's device into the home."""
        self.log.fact(
            DeviceEnrolled(
                fact_id=f"device-{fixture.device}",
                at=at,
                device_id=DeviceId(fixture.device),
                household_id=HOME,
                signals=signals,
                address=fixture.raw.get("address"),
                zone=fixture.raw.get("zone", "Asia/Seoul"),
            )
        )

    def lose_link(self) -> Millis:
        """The connection ends, is back, and queued messages follow; when it ended."""
        at = self.log.at + 1
        self.log.fact(LinkDown(fact_id=f"down-{at}", at=at, source=SOURCE))
        return at

    def say(self, sample: Sample, *, told_at: Millis | None = None, **how: Any) -> list[Item]:
        """What the message means, the device's clock right unless told."""
        self._count += 1
        payload = sample.payload(self.log.at + 500 if told_at is None else told_at, self._count)
        return self.say_raw(sample.topic, payload, **{"retain": sample.retain} | how)

    def say_raw(self, topic: str, payload: bytes, **how: Any) -> list[Item]:
        """What these bytes mean."""
        self.log.say(topic, payload, **how)
        new = self.log.entries[self._read :]
        self._read = len(self.log.entries)
        *_, (_, items) = self.decoder.read(new)
        return items


def make_decoder() -> Decoder:
    """With every dialect on."""
    return Decoder(make_dialects(DIALECTS), dong=TELLS_DONG)


def readings(items: list[Item]) -> list[Reading]:
    """The readings among them."""
    return [item for item in items if isinstance(item, Reading)]


def rejections(items: list[Item]) -> list[Rejection]:
    """The rejections among them."""
    return [item for item in items if isinstance(item, Rejection)]


def life(items: list[Item]) -> list[Reading]:
    """What would count as a sign of life."""
    found = [one for one in readings(items) if one.credible and one.signal in EVENTS]
    return [one for one in found if one.value > 0 or one.signal is Signal.DOOR]


def _filled(body: Any, places: dict[str, Any]) -> Any:
    if isinstance(body, dict):
        return {key: _filled(value, places) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, places) for value in body]
    return places.get(body, body) if isinstance(body, str) else body
