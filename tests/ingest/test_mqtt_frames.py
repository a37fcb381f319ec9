"""The packets read the same however the connection cuts them, and rubbish among them ends in one kind of error."""

import random

import pytest

from ingest.mqtt_frames import (
    PUBACK,
    SUBACK,
    Packet,
    ProtocolError,
    Published,
    Reader,
    connect_frame,
    puback_frames,
    publish_frame,
    subscribe_frame,
)


def stream(seed: int) -> tuple[bytes, list[Published | Packet]]:
    """Packets of all lengths at which the length itself grows, and what they should read as."""
    draw = random.Random(seed)
    raw, packets = b"", list[Published | Packet]()
    for mid in range(1, 60):
        topic = b"t" * draw.choice([0, 1, 40])
        payload = draw.randbytes(draw.choice([0, 1, 80, 123, 124, 125, 126, 200, 16_379, 16_380, 20_000]))
        raw += publish_frame(topic, payload, mid=mid) + puback_frames([mid]) + b"\x90\x03\x00\x01\x01"
        packets += [Published(topic, payload, mid, False, False), Packet(PUBACK, mid.to_bytes(2, "big"))]
        packets.append(Packet(SUBACK, b"\x00\x01\x01"))
    return raw, packets


@pytest.mark.parametrize("longest", [1, 2, 7, 1_000, 65_536, 10**9])
def test_packets_read_the_same_however_the_stream_is_cut(longest: int) -> None:
    raw, packets = stream(longest)
    draw, reader = random.Random(longest), Reader()
    read, at = list[Published | Packet](), 0
    while at < len(raw):
        size = draw.randint(1, longest)
        read += reader.feed(raw[at : at + size])
        at += size
    assert read == packets


def test_flags_of_a_publish_are_read_and_one_at_qos_0_has_no_number() -> None:
    assert Reader().feed(b"\x30\x04\x00\x01tx") == [Published(b"t", b"x", None, False, False)]
    assert Reader().feed(b"\x31\x04\x00\x01tx") == [Published(b"t", b"x", None, True, False)]
    assert Reader().feed(b"\x3a\x06\x00\x01t\x01\x02x") == [Published(b"t", b"x", 258, False, True)]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x30\x00",  # no topic
        b"\x30\x01\x00",
        b"\x30\x04\x00\x09ab",  # a topic longer than the packet
        b"\x32\x04\x00\x01tx",  # QoS 1 without its number
        b"\x34\x06\x00\x01t\x01\x02x",  # QoS 2, which nobody asked for
        b"\x36\x06\x00\x01t\x01\x02x",
        b"\x32\xff\xff\xff\xff\x7f",  # a length of five digits
    ],
)
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(ProtocolError):
        Reader().feed(rubbish)


def test_random_bytes_give_packets_or_the_one_error() -> None:
    draw = random.Random(5)
    for _ in range(3_000):
        reader = Reader()
        try:
            for _ in range(4):
                reader.feed(draw.randbytes(draw.randint(0, 40)))
        except ProtocolError:
            continue


def test_what_is_sent_stands_as_the_standard_has_it() -> None:
    assert connect_frame("me", keepalive_s=10, username=None, password=None) == b"\x10\x0e\x00\x04MQTT\x04\x00\x00\x0a\x00\x02me"
    assert connect_frame("me", keepalive_s=0, username="u", password="p")[8:] == b"\x04\xc0\x00\x00\x00\x02me\x00\x01u\x00\x01p"
    assert subscribe_frame(["a/+", "b"], mid=7) == b"\x82\x0c\x00\x07\x00\x03a/+\x01\x00\x01b\x01"
    assert puback_frames([1, 65_535]) == b"\x40\x02\x00\x01\x40\x02\xff\xff"
