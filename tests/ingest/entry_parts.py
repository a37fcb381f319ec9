"""Journal entries for tests of those who read them: one dong, a few homes, and messages from their devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.clock import HOUR, MINUTE, Millis
from ingest.decode import Decoder
from ingest.decoding import Item
from ingest.facts import DeviceEnrolled, Fact, HouseholdEnrolled
from ingest.journal.port import Entry, Message
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Reason, Rejection

DONG = DongCode("dong-1")
HOME = HouseholdId("hh-1")
OTHER_HOME = HouseholdId("hh-2")
ENROLLED: Millis = 1_767_225_600_000  # 2026-01-01T00:00:00Z
NOON: Millis = ENROLLED + 12 * HOUR
SOURCE = "mqtt"
DEVICES = ("pir-1", "door-1", "th-1", "phone-1", "plug-1", "sos-1", "smoke-1", "gw-1")


def topic(device_id: str, signal: str, *, dong: str = DONG, household: str = HOME) -> str:
    """A native topic; of the first home unless told."""
    return f"anbu/v1/{dong}/{household}/{device_id}/{signal}"


def body(**fields: Any) -> bytes:
    """A JSON object of these fields; `in_` stands for `in`."""
    return msgspec.json.encode({name.rstrip("_"): value for name, value in fields.items()})


class Log:
    """Writes a journal as it would have been: offsets without gaps, receive times that never go down."""

    def __init__(self, at: Millis = NOON) -> None:
        self.entries: list[Entry] = []
        self.at = at

    def fact(self, fact: Fact) -> Entry:
        """Append a fact."""
        return self._append(fact, max(fact.at, self.entries[-1].received_at if self.entries else 0))

    def say(
        self,
        on: str,
        payload: bytes,
        *,
        retain: bool = False,
        dup: bool = False,
        catching_up: bool = False,
        after: Millis = 1_000,
    ) -> Entry:
        """Append a message received `after` ms after the one before."""
        self.at += after
        message = Message(
            received_at=self.at, source=SOURCE, topic=on, payload=payload, retain=retain, dup=dup, catching_up=catching_up
        )
        return self._append(message, self.at)

    def _append(self, what: Message | Fact, at: Millis) -> Entry:
        entry = Entry(offset=len(self.entries) + 1, received_at=at, body=what)
        self.entries.append(entry)
        return entry


def enrolled_home(log: Log, *, household: HouseholdId = HOME, devices: Sequence[str] = DEVICES, at: Millis = ENROLLED) -> None:
    """Enrol a household of the dong with these devices."""
    log.fact(HouseholdEnrolled(fact_id=f"home-{household}-{at}", at=at, household_id=household, dong_code=DONG))
    for device_id in devices:
        fact_id = f"device-{device_id}-{household}-{at}"
        log.fact(DeviceEnrolled(fact_id=fact_id, at=at, device_id=DeviceId(device_id), household_id=household, signals=()))


class Ear:
    """A decoder at the end of a log; each question reads what is new in it."""

    def __init__(self, *, home: bool = True) -> None:
        self.log = Log()
        self.decoder = Decoder()
        self._read = 0
        if home:
            enrolled_home(self.log)
            enrolled_home(self.log, household=OTHER_HOME, devices=("pir-2",))

    def hear(self) -> list[Item]:
        """What everything appended since the last question means, facts left out."""
        new = self.log.entries[self._read :]
        self._read = len(self.log.entries)
        return [item for _entry, items in self.decoder.read(new) for item in items if isinstance(item, (Reading, Rejection))]

    def say(self, on: str, payload: bytes, **how: Any) -> list[Item]:
        """What one more message means."""
        self.hear()
        self.log.say(on, payload, **how)
        return self.hear()

    def reading(self, on: str, payload: bytes, **how: Any) -> Reading:
        """The one reading that a message makes."""
        (item,) = self.say(on, payload, **how)
        assert isinstance(item, Reading), item
        return item

    def rejection(self, on: str, payload: bytes, **how: Any) -> Rejection:
        """The one rejection that a message makes."""
        (item,) = self.say(on, payload, **how)
        assert isinstance(item, Rejection), item
        return item

    def reason(self, on: str, payload: bytes, **how: Any) -> Reason:
        """Why a message was not taken."""
        return self.rejection(on, payload, **how).reason


def seconds(at: Millis) -> float:
    """The instant as a device writes it."""
    return at / 1_000


LATER = 10 * MINUTE
