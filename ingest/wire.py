"""What a native device puts on the wire: the topic grammar and the payload, for those who send and those who read."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

ROOT = "anbu/v1"
SUBSCRIPTION = f"{ROOT}/+/+/+/+"
"""Everything native devices publish: dong, household, device, signal."""

ID = re.compile(r"[a-z0-9-]{1,32}\Z")
MAX_PAYLOAD_BYTES = 131_072
"""Mosquitto's `max_packet_size` in mosquitto.conf; a pack of 1,000 records has 30 to 57 KB."""

PACK = "pack"
STATUS = "status"

ACK_ROOT = f"{ROOT}/ack"
ACK_SUBSCRIPTION = f"{ACK_ROOT}/+"
"""The acknowledgements of all devices: for whoever speaks for many. A device subscribes to its own alone."""


class Topic(NamedTuple):
    """The parts of a native topic; dong and household are what the sender claims, not what the register says."""

    dong_code: str
    household_id: str
    device_id: str
    signal: str

    def __str__(self) -> str:
        return f"{ROOT}/{self.dong_code}/{self.household_id}/{self.device_id}/{self.signal}"


def parse_topic(text: str) -> Topic | None:
    """The parts of a native topic, or None where the text is not one."""
    parts = text.split("/")
    if len(parts) != 6 or parts[0] != "anbu" or parts[1] != "v1":
        return None
    if not all(ID.match(part) for part in parts[2:5]) or not re.match(r"[a-z0-9_-]{1,32}\Z", parts[5]):
        return None
    return Topic(*parts[2:])


class Payload(msgspec.Struct, kw_only=True, omit_defaults=True, rename={"in_": "in"}):
    """One native message. Unknown fields are let through: a newer device may say more than we read."""

    t: float | None = None  # seconds since 1970 UTC; without it the receive time counts
    boot: int | None = None  # rises at every power cut
    seq: int | None = None  # rises by 1, wraps at 2**32, restarts at 0 with a new boot
    v: float | bool | str | None = None
    bat: float | None = None  # percent
    in_: int | None = None  # calls answered since the last report
    out: int | None = None  # calls dialled
    missed: int | None = None  # calls not answered
    online: bool | None = None  # gateway status alone


class PackRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One SenML record (RFC 8428) of a gateway's pack; base fields hold until the next of their kind."""

    bn: str | None = None
    bt: float | None = None
    n: str | None = None
    u: str | None = None
    v: float | None = None
    vb: bool | None = None
    vs: str | None = None
    t: float | None = None


class Ack(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What we say to a device about one of its boots. It states everything anew each time: only the latest one counts.

    The device may forget every seq up to `upto` and in `kept`, and sends again what it still has of `missing`.
    """

    boot: int
    upto: int  # this one and all before it are settled; -1: none yet. Wraps at 2**32 as seq does
    rejected: list[int]  # the latest of them of which something could not be taken; sending them again does not help
    kept: list[tuple[int, int]] = []  # beyond `upto`: ranges (first, last) that are settled all the same
    missing: list[tuple[int, int]] = []  # ranges (first, last) to be sent again


_encoder = msgspec.json.Encoder()
_ack_decoder = msgspec.json.Decoder(Ack)


def ack_topic(device_id: str) -> str:
    """Where the device hears our acknowledgements."""
    return f"{ACK_ROOT}/{device_id}"


def encode_ack(ack: Ack) -> bytes:
    """The acknowledgement as UTF-8 JSON; `kept` and `missing` are left out where there is nothing to say."""
    return _encoder.encode(ack)


def decode_ack(raw: bytes) -> Ack:
    """The acknowledgement back from `encode_ack`; msgspec.ValidationError or DecodeError for anything else."""
    return _ack_decoder.decode(raw)


def encode(payload: Payload) -> bytes:
    """The payload as UTF-8 JSON, fields that are None left out."""
    return _encoder.encode(payload)


def encode_pack(records: list[PackRecord]) -> bytes:
    """A gateway's pack as UTF-8 JSON."""
    return _encoder.encode(records)


def slug(name: str) -> str:
    """A name as an id fit for a topic (`[a-z0-9-]{1,32}`); the same name gives the same id, `x` for one with nothing left."""
    kept = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return kept[:32].rstrip("-") or "x"
