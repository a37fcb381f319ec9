"""The town a benchmark measures with: its households and devices as facts, and what its devices send, ready as MQTT frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.clock import Millis
from ingest.facts import DeviceEnrolled, Fact, HouseholdEnrolled, LinkUp
from ingest.mqtt_frames import publish_frame
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.wire import ROOT, PackRecord, Payload, Topic, encode, encode_pack

DONG = "dong-1"
DEVICES = {"pir": ("motion",), "th": ("temperature", "humidity"), "sos": ("sos",), "gw": ("status",)}
MIX = (("pir", "motion", 1.0), ("th", "temperature", 21.5), ("th", "humidity", 44.0), ("pir", "motion", 1.0))
"""What the devices of a home say in turn: device, signal, value; each of the two devices twice."""

PACK_RECORDS = 100
NOWHERE = "none/v1"
"""As long as our own root: what is published below it reaches nobody but the client that does nothing."""


def device(kind: str, home: int) -> str:
    """The id of a home's device."""
    return f"{kind}-{home:05d}"


def household(home: int) -> str:
    """The id of a home."""
    return f"hh-{home:05d}"


def enrolment(homes: int, at: Millis) -> Iterator[Fact]:
    """Everything the register would say of this town, and that its messages can be heard."""
    for home in range(homes):
        household_id = HouseholdId(household(home))
        yield HouseholdEnrolled(fact_id=f"household:{home}", at=at, household_id=household_id, dong_code=DongCode(DONG))
        for kind, signals in DEVICES.items():
            yield DeviceEnrolled(
                fact_id=f"{kind}:{home}",
                at=at,
                device_id=DeviceId(device(kind, home)),
                household_id=household_id,
                signals=signals,
                report_interval_s=600,
            )


def heard(at: Millis) -> Fact:
    """Before the first connection of the run."""
    return LinkUp(fact_id="link:bench", at=at, source="bench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many messages in a row, the homes taking turns. The same load always is the same bytes.

    `start` is the number of the first: runs of one town go on where the last one ended, so that nothing is a duplicate.
    """

    homes: int
    start: int
    count: int
    at: Millis  # what the devices' clocks show
    packs: bool = False
    nowhere: bool = False  # below `NOWHERE` instead of our root: the same messages, and the site is spared them

    def frames(self) -> list[bytes]:
        """The messages as QoS 1 PUBLISH frames."""
        make = self._pack if self.packs else self._single
        made = [make(number) for number in range(self.start, self.start + self.count)]
        return [below_nowhere(frame) for frame in made] if self.nowhere else made

    def _single(self, number: int) -> bytes:
        turn, home = divmod(number, self.homes)
        return single(number, home, turn, self.at)

    def _pack(self, number: int) -> bytes:
        turn, home = divmod(number, self.homes)
        head = [PackRecord(n="boot", v=1.0), PackRecord(n="seq", v=float(turn))]
        records = [
            PackRecord(n=f"{device(kind, home)}/{signal}", v=value, t=place / 1_000)
            for place, (kind, signal, value) in zip(range(PACK_RECORDS), MIX * (PACK_RECORDS // len(MIX)), strict=True)
        ]
        records[0] = PackRecord(bt=(self.at + turn * PACK_RECORDS) / 1_000, n=records[0].n, v=records[0].v)
        topic = str(Topic(DONG, household(home), device("gw", home), "pack"))
        return publish_frame(topic.encode(), encode_pack([*head, *records]), mid=number % 65_535 + 1)


def below_nowhere(frame: bytes) -> bytes:
    """The same message where it reaches nobody but the client that does nothing."""
    return frame.replace(ROOT.encode(), NOWHERE.encode(), 1)


def said_by(turn: int, home: int) -> tuple[str, int]:
    """Whose message that turn is, and its number: each device numbers its own without a gap."""
    round_, place = divmod(turn, len(MIX))
    return device(MIX[place][0], home), 2 * round_ + (place > 1)


def motion_turn(seq: int) -> int:
    """The turn in which the motion sensor has this number."""
    return len(MIX) * (seq // 2) + (3 if seq % 2 else 0)


def single(number: int, home: int, turn: int, at: Millis) -> bytes:
    """One message of one home; its `turn` decides what is said."""
    kind, signal, value = MIX[turn % len(MIX)]
    topic = str(Topic(DONG, household(home), device(kind, home), signal))
    payload = Payload(
        t=(at + turn) / 1_000, boot=1, seq=said_by(turn, home)[1], v=value
    )  # no two samples of a sensor at one instant
    return publish_frame(topic.encode(), encode(payload), mid=number % 65_535 + 1)


def motion_topic(home: int) -> str:
    """Where the motion sensor of a home speaks."""
    return str(Topic(DONG, household(home), device("pir", home), "motion"))


def sos(home: int, number: int, at: Millis) -> bytes:
    """Somebody presses the button of this home."""
    topic = str(Topic(DONG, household(home), device("sos", home), "sos"))
    return publish_frame(topic.encode(), encode(Payload(t=at / 1_000, boot=1, seq=0, v=1.0)), mid=number % 65_535 + 1)
