"""What we would make of one message, for whoever builds or installs a device: no site, no broker and no store is asked."""

from __future__ import annotations

import msgspec

from ingest.clock import DAY, Millis, to_iso
from ingest.dating import YEAR_2020
from ingest.decode import Decoder
from ingest.dialects.port import NOBODY
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.facts import DeviceEnrolled, Fact, HouseholdEnrolled
from ingest.journal.port import Entry, Message
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Rejection, Signal
from ingest.rereading import speakers
from ingest.vendors import Vendors, address_of, stand_in

LIFE = frozenset({Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.STEPS})


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value we would take."""

    device: str
    signal: str
    value: float
    observed_at: str  # ISO 8601, Asia/Seoul
    life: bool  # counts as a sign of life
    skewed: bool  # the device's clock was ahead, ours counts


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What we would refuse."""

    device: str | None
    reason: str
    detail: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What we would make of the message, were its device enrolled where its topic says."""

    dialect: str | None  # None: no dialect knows the topic
    address: str | None  # what to enrol a vendor's device with
    device: str | None
    values: tuple[Value, ...]
    refusals: tuple[Refusal, ...]

    @property
    def well(self) -> bool:
        """Something was taken and nothing refused."""
        return bool(self.values) and not self.refusals


def check_message(
    topic: str, payload: bytes, *, at: Millis, retain: bool = False, dup: bool = False, zone: str = "Asia/Seoul"
) -> Verdict:
    """Read the message as if it came at `at` (home time), all dialects on, its device enrolled since 2020."""
    route = Vendors(make_dialects(DIALECTS)).route(topic)
    address = address_of(route) if route is not None and route.claim is None and route.address != NOBODY else None
    facts = _enrol(topic, payload, address, min(YEAR_2020, at - DAY), zone)
    message = Message(received_at=at, source="check", topic=topic, payload=payload, retain=retain, dup=dup)
    bodies = [*facts, message]
    entries = [Entry(offset=offset, received_at=at, body=body) for offset, body in enumerate(bodies, 1)]
    *_, (_, items) = Decoder(make_dialects(DIALECTS)).read(entries)
    device = stand_in(address) if address else route.claim.device_id if route is not None and route.claim else None
    return Verdict(
        dialect=route.dialect if route is not None else None,
        address=address,
        device=device,
        values=tuple(_value(item) for item in items if isinstance(item, Reading)),
        refusals=tuple(
            Refusal(device=item.device_id, reason=item.reason.value, detail=item.detail)
            for item in items
            if isinstance(item, Rejection)
        ),
    )


def _enrol(topic: str, payload: bytes, address: str | None, since: Millis, zone: str) -> list[Fact]:
    """A household as the topic names it, and in it whoever speaks in the message, with every signal there is."""
    parts = topic.split("/")
    native = address is None and len(parts) == 6
    household, dong = HouseholdId(parts[3] if native else "any"), DongCode(parts[2] if native else "any")
    sender, others = speakers(topic, payload)
    facts: list[Fact] = [HouseholdEnrolled(fact_id="home", at=since, household_id=household, dong_code=dong)]
    for device in sorted({sender, *others} - {None, ""}, key=str):
        facts.append(
            DeviceEnrolled(
                fact_id=f"device-{device}",
                at=since,
                device_id=DeviceId(str(device)),
                household_id=household,
                signals=tuple(signal.value for signal in Signal),
                address=address,
                zone=zone,
            )
        )
    return facts


def _value(reading: Reading) -> Value:
    # A closing door is life too; a motion of 0 is a timer that ran out.
    life = reading.credible and reading.signal in LIFE and (reading.value > 0 or reading.signal is Signal.DOOR)
    return Value(
        device=reading.device_id,
        signal=reading.signal.value,
        value=reading.value,
        observed_at=to_iso(reading.observed_at),
        life=life,
        skewed=reading.skewed,
    )
