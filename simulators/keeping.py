"""What devices keep until it is acknowledged, and what they send again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ingest.wire import Ack, Payload, parse_topic
from simulators.message import SimMessage

MOST = 20_000
"""Messages kept by all devices together; past it the oldest are dropped, as a device's full memory would."""

AGAIN_S = 30.0
"""A device that has heard nothing of its oldest message for so long (machine seconds) sends it again."""

AGAIN_MOST_S = 3_600.0
"""It asks ever more rarely, up to this: who collects the messages may be away while the broker keeps them."""

_HALF = 2**31
_ALL = 2**32
_decode = msgspec.json.Decoder(Payload).decode


class _Boot:
    """The unacknowledged messages of one boot of one device, by seq in the order they were sent."""

    def __init__(self) -> None:
        self.kept: dict[int, SimMessage] = {}
        self.ask_at: float | None = None  # monotonic seconds at which the oldest is sent again
        self.pause_s = 0.0

    def rest(self, pause_s: float, now: float) -> None:
        self.pause_s = pause_s
        self.ask_at = now + pause_s if self.kept else None


class Keeper:
    """The memories of many devices. Not safe for threads. `dropped` counts what had to be forgotten unacknowledged.

    Of each boot only the oldest message is sent again unasked: the answer to it says what else is missing.
    """

    def __init__(self, most: int = MOST, again_s: float = AGAIN_S) -> None:
        self.dropped = 0
        self._most = most
        self._again_s = again_s
        self._boots: dict[tuple[str, int], _Boot] = {}
        self._order: dict[tuple[str, int, int], None] = {}  # everything kept, the oldest first

    def __len__(self) -> int:
        return len(self._order)

    def keep(self, message: SimMessage, now: float) -> None:
        """Note a message sent at `now`; one without numbers (a last will) is nobody's to keep."""
        topic, payload = parse_topic(message.topic), _decode(message.payload)
        if topic is None or payload.boot is None or payload.seq is None:
            return
        boot = self._boots.setdefault((topic.device_id, payload.boot), _Boot())
        boot.kept[payload.seq] = message
        if boot.ask_at is None:
            boot.rest(self._again_s, now)
        self._order[topic.device_id, payload.boot, payload.seq] = None
        if len(self._order) > self._most:
            device_id, number, seq = next(iter(self._order))
            self._forget(device_id, number, [seq])
            self.dropped += 1

    def hear(self, device_id: str, ack: Ack, now: float) -> list[SimMessage]:
        """Forget what is acknowledged; what the device is asked to send again, as far as it still has it."""
        boot = self._boots.get((device_id, ack.boot))
        if boot is None:
            return []
        settled = [seq for seq in boot.kept if ack.upto >= 0 and (ack.upto - seq) % _ALL < _HALF]
        settled += [seq for seq in boot.kept if _is_within(seq, ack.kept)]
        self._forget(device_id, ack.boot, settled)
        if settled:
            boot.rest(self._again_s, now)
        return [message for seq, message in boot.kept.items() if _is_within(seq, ack.missing)]

    def due(self, now: float) -> list[SimMessage]:
        """The oldest message of every boot that has waited too long for its answer."""
        again = []
        for boot in self._boots.values():
            if boot.ask_at is not None and boot.ask_at <= now:
                again.append(next(iter(boot.kept.values())))
                boot.pause_s = min(2 * boot.pause_s, AGAIN_MOST_S)
                boot.ask_at = now + boot.pause_s
        return again

    def everything(self) -> list[SimMessage]:
        """All that is not acknowledged, the oldest first: for a new connection, since a broker may have lost it."""
        return [self._boots[device_id, boot].kept[seq] for device_id, boot, seq in self._order]

    def _forget(self, device_id: str, number: int, seqs: Iterable[int]) -> None:
        boot = self._boots[device_id, number]
        for seq in seqs:
            if boot.kept.pop(seq, None) is not None:
                del self._order[device_id, number, seq]
        if not boot.kept:
            boot.ask_at = None


def _is_within(seq: int, ranges: Iterable[tuple[int, int]]) -> bool:
    """Whether a range holds the number; numbers wrap."""
    return any((seq - first) % _ALL <= (last - first) % _ALL for first, last in ranges)
