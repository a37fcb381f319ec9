"""MQTT 3.1.1 as bytes: the few packets that one who subscribes and acknowledges sends, and those that come to him.

A stream of PUBLISH packets is cut out of large reads, which costs about a microsecond each; a client library that
reads header, length and body of every packet by themselves costs twenty to thirty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
_CONNECT, _SUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 8, 12, 14

REFUSALS = {
    1: "Unacceptable protocol version",
    2: "Client identifier rejected",
    3: "Server unavailable",
    4: "Bad user name or password",
    5: "Not authorized",
}


class ProtocolError(Exception):
    """What came is no MQTT 3.1.1, or nothing that we asked for; the connection cannot go on."""


class Published(NamedTuple):
    """A PUBLISH as it came. `mid` is None at QoS 0."""

    topic: bytes
    payload: bytes
    mid: int | None
    retain: bool
    dup: bool


class Packet(NamedTuple):
    """Any other packet."""

    kind: int
    body: bytes


class Reader:
    """Puts packets together from whatever pieces the connection brings."""

    def __init__(self) -> None:
        self._rest = b""  # the beginning of a packet that has not come to its end
        self._needed = 2  # no packet is complete before so many bytes

    def feed(self, data: bytes) -> list[Published | Packet]:
        """The packets that are complete with `data`, in order. Raises ProtocolError."""
        buffer = self._rest + data if self._rest else data
        if len(buffer) < self._needed:
            self._rest = buffer
            return []
        packets: list[Published | Packet] = []
        start, size = 0, len(buffer)
        self._needed = 2
        while size - start >= 2:
            length = buffer[start + 1]
            body = start + 2
            if length > 0x7F:
                found = _length(buffer, start + 1)
                if found is None:
                    self._needed = size - start + 1
                    break
                length, body = found
            end = body + length
            if end > size:
                self._needed = end - start
                break
            head = buffer[start]
            if head >> 4 == PUBLISH:
                packets.append(_published(head, buffer, body, end))
            else:
                packets.append(Packet(head >> 4, buffer[body:end]))
            start = end
        self._rest = buffer[start:]
        return packets


def _length(buffer: bytes, at: int) -> tuple[int, int] | None:
    """The remaining length that begins at `at`, and where the body begins; None while it is not complete."""
    length = 0
    for digit in range(4):
        if at + digit >= len(buffer):
            return None
        byte = buffer[at + digit]
        length |= (byte & 0x7F) << 7 * digit
        if byte < 0x80:
            return length, at + digit + 1
    raise ProtocolError("a packet's length has more than four digits")


def _published(head: int, buffer: bytes, body: int, end: int) -> Published:
    topic_end = body + 2 + (buffer[body] << 8 | buffer[body + 1]) if end - body >= 2 else end + 1
    qos = head >> 1 & 3
    payload = topic_end + 2 if qos else topic_end
    if payload > end or qos > 1:
        raise ProtocolError("a PUBLISH is cut short" if qos <= 1 else f"a PUBLISH at QoS {qos}, and we asked for 1")
    mid = buffer[topic_end] << 8 | buffer[topic_end + 1] if qos else None
    return Published(buffer[body + 2 : topic_end], buffer[payload:end], mid, head & 1 != 0, head & 8 != 0)


def connect_frame(client_id: str, *, keepalive_s: int, username: str | None, password: str | None) -> bytes:
    """CONNECT to a session that outlives the connection."""
    flags = (0x80 if username is not None else 0) | (0x40 if username is not None and password is not None else 0)
    body = _text(b"MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2, "big") + _text(client_id.encode())
    if username is not None:
        body += _text(username.encode())
        if password is not None:
            body += _text(password.encode())
    return _frame(_CONNECT << 4, body)


def subscribe_frame(topics: Sequence[str], *, mid: int) -> bytes:
    """SUBSCRIBE at QoS 1 to all of these."""
    return _frame(_SUBSCRIBE << 4 | 2, mid.to_bytes(2, "big") + b"".join(_text(topic.encode()) + b"\x01" for topic in topics))


def publish_once_frame(topic: bytes, payload: bytes) -> bytes:
    """PUBLISH at QoS 0."""
    return _frame(PUBLISH << 4, _text(topic) + payload)


def publish_frame(topic: bytes, payload: bytes, *, mid: int) -> bytes:
    """PUBLISH at QoS 1."""
    return _frame(PUBLISH << 4 | 2, _text(topic) + mid.to_bytes(2, "big") + payload)


def puback_frames(mids: Iterable[int]) -> bytes:
    """One PUBACK after the other, to be sent in one piece."""
    return b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])


PINGREQ = bytes([_PINGREQ << 4, 0])
DISCONNECT = bytes([_DISCONNECT << 4, 0])


def _text(raw: bytes) -> bytes:
    return len(raw).to_bytes(2, "big") + raw


def _frame(head: int, body: bytes) -> bytes:
    length, size = len(body), b""
    while True:
        length, digit = length >> 7, length & 0x7F
        size += bytes([digit | 0x80 if length else digit])
        if not length:
            return bytes([head]) + size + body
