"""What the tests of acknowledgements share: a clock moved by hand, and a reader of the journal with its tray and its store."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from ingest.acks import AcksConsumer
from ingest.acks_tray import AckTray
from ingest.clock import Millis, VirtualClock
from ingest.decode import Decoder
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.facts import DeviceEnrolled, HouseholdEnrolled
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, Cursors, Journal, Message
from ingest.journal.runner import Runner
from ingest.losses import Losses, LostRange
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.wire import Ack, decode_ack

T: Millis = 1_767_225_600_000


class HandClock(VirtualClock):
    """Home time and monotonic time both stand still until a test moves them."""

    def __init__(self, home_start: Millis = T) -> None:
        super().__init__(home_start)
        self.mono = 100.0

    def monotonic(self) -> float:
        """Seconds a test set."""
        return self.mono

    def wait(self, seconds: float) -> None:
        """Both times pass."""
        self.mono += seconds
        self.advance_to(self.home_now() + int(seconds * 1000))


def enrolled(*devices: str, household: str = "hh-1") -> list[Body]:
    """The facts that put these devices into a home of dong-1."""
    at = T - 1
    home = HouseholdEnrolled(
        fact_id=f"home-{household}", at=at, household_id=HouseholdId(household), dong_code=DongCode("dong-1")
    )
    return [
        home,
        *(
            DeviceEnrolled(
                fact_id=f"dev-{device}",
                at=at,
                device_id=DeviceId(device),
                household_id=HouseholdId(household),
                signals=("motion",),
            )
            for device in devices
        ),
    ]


def motion(seq: int, *, device: str = "pir-1", boot: int = 1, at: Millis = T, retain: bool = False) -> Message:
    """A motion as its message stands in the journal."""
    topic, payload = motion_message(seq, device=device, boot=boot)
    return Message(received_at=at, source="mqtt", topic=topic, payload=payload, retain=retain)


def motion_message(seq: int, *, device: str = "pir-1", boot: int = 1, household: str = "hh-1") -> tuple[str, bytes]:
    """Topic and payload of a motion."""
    return f"anbu/v1/dong-1/{household}/{device}/motion", b'{"boot":%d,"seq":%d,"v":1}' % (boot, seq)


class Reader:
    """The acknowledging stage of a site that listens to every dialect on a journal, turned by hand."""

    def __init__(self, engine: Engine, journal: Journal | None = None, cursors: Cursors | None = None) -> None:
        self.clock = HandClock()
        self.journal = journal if journal is not None else MemoryJournal()
        self.cursors = cursors or MemoryCursors()
        self.engine = engine
        self.restart()

    def restart(self) -> None:
        """As after a crash: what was not committed is gone, the tray with it."""
        self.tray = AckTray()
        consumer = AcksConsumer(self.engine, Decoder(make_dialects(tuple(DIALECTS))), self.tray, self.clock)
        self.runner = Runner(self.journal, self.cursors, consumer, self.clock)

    def append(self, *bodies: Body) -> None:
        """Into the journal, at this home time."""
        self.journal.append(bodies)

    def say(self, *seqs: int, device: str = "pir-1", boot: int = 1) -> None:
        """Motions with these numbers come in now."""
        self.append(*(motion(seq, device=device, boot=boot, at=self.clock.home_now()) for seq in seqs))

    def told(self, seconds: float = 0.3) -> list[tuple[str, Ack]]:
        """What devices are told in the next so many seconds, in one turn; the broker takes all of it over."""
        self.clock.wait(seconds)
        self.runner.catch_up()
        taken = self.tray.take(10_000)
        for ack in taken:
            self.tray.confirm(ack)
        return [(ack.device_id, decode_ack(ack.payload)) for ack in taken]

    def lost(self) -> Sequence[LostRange]:
        """What is written down as lost."""
        return Losses(self.engine).of(dong=None)
