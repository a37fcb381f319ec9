"""What a vendor's message says once its address is one of our devices: its repeats, its clock, what is state and what event.

Native messages are numbered and need none of this. A vendor's repeat is told by the vendor's key, or by saying the
same with the same time of the device, or by DUP and the same bytes. A lasting value said again is a heartbeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec

from ingest.dialects.port import Dialect, Remembering, Route
from ingest.enrolment import EnrolledDevice, Enrolment
from ingest.heard import Heard, Said
from ingest.journal.port import Message
from ingest.reading import URGENT, DeviceId, Signal
from ingest.wire import slug

KEYS = 32
"""Messages remembered of each device to know a repeat."""


CHANNELS = 64
"""Lasting values remembered of each device."""


class Memory(msgspec.Struct, array_like=True):
    """What one device said before."""

    keys: list[int]  # the newest last
    lasting: dict[str, tuple[float, float | None]]  # signal/channel: value, and the moment where it gave one


class _State(msgspec.Struct, array_like=True):
    devices: list[tuple[str, Memory]]
    dialects: list[tuple[str, bytes]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


ADDRESS = 255
"""Letters of an address at most: what the register's column holds."""


def address_of(route: Route) -> str:
    """As the register writes it; what no store takes in it is written out."""
    text = f"{route.dialect}/{route.address}"
    if not text.isascii() or "\x00" in text:
        text = text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
    return text[:ADDRESS]


def stand_in(address: str) -> DeviceId:
    """The id proposed for a vendor's device: its name as far as it goes, and eight letters that make it its own."""
    digest = blake2b(address.encode(), digest_size=4).hexdigest()
    return DeviceId(f"{slug(address.partition('/')[2])[:23].rstrip('-')}-{digest}")


class Vendors:
    """The dialects of one decoder and what their devices said before. Strangers leave no trace here."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = tuple(dialects)
        self._lasting = {dialect.name: dialect.lasting for dialect in dialects}
        self._devices: dict[str, Memory] = {}

    def route(self, topic: str) -> Route | None:
        """Where the topic leads in the first dialect that knows it."""
        for dialect in self._dialects:
            route = dialect.route(topic)
            if route is not None:
                return route
        return None

    def hear_again(self, route: Route, payload: bytes) -> Heard:
        """What the payload says by what is remembered now; reading it again leaves no trace in that."""
        (dialect,) = [one for one in self._dialects if one.name == route.dialect]
        if not isinstance(dialect, Remembering):
            return route.hear(payload)
        before = dialect.snapshot()
        heard = route.hear(payload)
        dialect.restore(before)
        return heard

    def adapt(self, route: Route, heard: Heard, message: Message, device: EnrolledDevice, enrolment: Enrolment) -> bool:
        """Make `heard` speak of our devices in our time; True where the message is a repeat of one heard before."""
        memory = self._devices.setdefault(device.device_id, Memory([], {}))
        repeat = _is_repeat(memory, heard, message)
        lasting = self._lasting[route.dialect]
        zone = ZoneInfo(device.zone)
        said: list[Said] = []
        for one in heard.said:
            owner = device if not one.device_id else enrolment.at_address(f"{route.dialect}/{one.device_id}")
            if owner is None:
                continue
            ours = _settle(one, owner, zone, retained=message.retain)
            if ours is None:
                continue
            if not repeat and ours.signal in lasting and owner is device:
                restated = _restate(memory, ours) or heard.restated
                if restated and not message.retain:
                    ours = msgspec.structs.replace(ours, signal=Signal.HEARTBEAT, value=1.0)
            said.append(ours)
        heard.said = said
        return repeat

    def forget(self, device_id: str) -> None:
        """The device is gone."""
        self._devices.pop(device_id, None)

    def snapshot(self) -> bytes:
        """Everything remembered; the same content, heard in the same order, gives the same bytes."""
        dialects = [(one.name, one.snapshot()) for one in self._dialects if isinstance(one, Remembering)]
        return _encoder.encode(_State(sorted(self._devices.items(), key=lambda item: item[0]), dialects))

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        past = _decoder.decode(state) if state else _State([], [])
        self._devices = dict(past.devices)
        memories = dict(past.dialects)
        for dialect in self._dialects:
            if isinstance(dialect, Remembering):
                dialect.restore(memories.get(dialect.name))


def _is_repeat(memory: Memory, heard: Heard, message: Message) -> bool:
    """Note the message unless it is retained: then the live one is still to come."""
    text = heard.key.encode(errors="surrogatepass") if heard.key is not None else message.payload
    name = f"{message.topic}\0".encode(errors="surrogatepass")
    key = int.from_bytes(blake2b(name + text, digest_size=8).digest())
    known = key in memory.keys
    if not message.retain:
        if known:
            memory.keys.remove(key)
        memory.keys.append(key)
        del memory.keys[:-KEYS]
    return known and not message.retain and (message.dup or heard.key is not None or any(one.t is not None for one in heard.said))


def _settle(said: Said, owner: EnrolledDevice, zone: ZoneInfo, *, retained: bool) -> Said | None:
    """Of our device and in UTC. A retained value holds now, whenever it was said. Only a gateway has a status."""
    signal, value, t = said.signal, said.value, None if retained else said.t
    if said.either is not None and said.either.value in owner.signals and signal.value not in owner.signals:
        signal = said.either
    if signal is Signal.STATUS and Signal.STATUS.value not in owner.signals:
        if not value or retained:
            return None
        signal = Signal.HEARTBEAT
    if t is not None and said.local:
        t = _to_utc(t, zone)
    return Said(said.index, owner.device_id, signal, value, t, moment=said.moment, channel=said.channel)


def _to_utc(t: float, zone: ZoneInfo) -> float:
    """A clock's reading in the zone, taken as if it were UTC, put right."""
    try:
        naive = datetime.fromtimestamp(t, UTC).replace(tzinfo=zone)
        return naive.timestamp()
    except (ValueError, OverflowError, OSError):
        return t


def _restate(memory: Memory, said: Said) -> bool:
    """Note the value; True where it was so before."""
    if said.signal in URGENT:
        return False
    name, now = f"{said.signal.value}/{said.channel}", (said.value, said.t if said.moment else None)
    before = memory.lasting.pop(name, None)
    memory.lasting[name] = now
    if len(memory.lasting) > CHANNELS:
        del memory.lasting[next(iter(memory.lasting))]
    return before == now
