"""Consumers that share a decoder are told exactly what each would have decoded alone, whatever becomes of them on the way."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.clock import SystemClock, VirtualClock
from ingest.decode import Decoder
from ingest.decoding import Item
from ingest.facts import DeviceEnrolled, HouseholdEnrolled
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, Entry, Message
from ingest.journal.runner import Runner
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.sharing import DecoderView, SharedDecoder
from tests.waiting import until

HOMES = 5


def bodies(seed: int, count: int) -> list[Body]:
    """A town that is enrolled, and messages of it of which some come twice."""
    draw = random.Random(seed)
    told: list[Body] = []
    for home in range(HOMES):
        household, device = HouseholdId(f"hh-{home}"), DeviceId(f"p-{home}")
        told.append(HouseholdEnrolled(fact_id=f"h{home}", at=1_000, household_id=household, dong_code=DongCode("d")))
        told.append(DeviceEnrolled(fact_id=f"d{home}", at=1_000, device_id=device, household_id=household, signals=("motion",)))
    for number in range(count):
        home, seq = draw.randrange(HOMES), number // HOMES if draw.random() < 0.8 else draw.randrange(number + 1)
        topic, payload = f"anbu/v1/d/hh-{home}/p-{home}/motion", b'{"boot":1,"seq":%d,"v":1}' % seq
        told.append(Message(received_at=2_000 + number, source="mqtt", topic=topic, payload=payload))
    return told


class CountingDecoder(Decoder):
    """Counts what it reads in `read_in_all`."""

    read_in_all = 0

    def read(self, entries: Sequence[Entry]) -> list[tuple[Entry, list[Item]]]:
        CountingDecoder.read_in_all += len(entries)
        return super().read(entries)


class Reader:
    """One consumer's way along the journal: what it was told, and the states it committed."""

    def __init__(self, journal: MemoryJournal, view: DecoderView) -> None:
        self.journal, self.view = journal, view
        self.told: list[tuple[Entry, list[Item]]] = []
        self.committed: tuple[int, bytes | None] = (0, None)
        view.restore(None)

    def read(self, most: int) -> None:
        entries = self.journal.read(len(self.told), self.view.limit(most))
        self.told += self.view.read(entries)

    def commit(self) -> None:
        self.committed = (len(self.told), self.view.snapshot())

    def fail(self) -> None:
        offset, state = self.committed
        del self.told[offset:]
        self.view.restore(state)


def alone(journal: MemoryJournal) -> tuple[list[tuple[Entry, list[Item]]], list[bytes]]:
    """What one decoder says of it all, and its state after each entry."""
    decoder, told, states = Decoder(), list[tuple[Entry, list[Item]]](), [Decoder().snapshot()]
    for entry in journal.read(0, 10**6):
        told += decoder.read([entry])
        states.append(decoder.snapshot())
    return told, states


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("items_ahead", [10, 100_000])
def test_each_is_told_what_it_would_have_read_alone_and_commits_that_very_state(seed: int, items_ahead: int) -> None:
    draw, journal = random.Random(seed), MemoryJournal()
    clock = VirtualClock(0)
    shared = SharedDecoder(journal, clock, marks_every_s=draw.choice([0.0, 1e9]), kept_ahead=items_ahead)
    readers = [Reader(journal, shared.view()) for _ in range(3)]
    script = bodies(seed, 200)
    commits: list[tuple[int, bytes | None]] = []
    while script or any(len(reader.told) < len(journal.read(0, 10**6)) for reader in readers):
        if script and draw.random() < 0.4:
            journal.append([script.pop(0) for _ in range(min(len(script), draw.randint(1, 12)))])
        reader = draw.choice(readers[: draw.choice([1, 2, 3])] if script else readers)
        reader.read(draw.randint(1, 9))
        if draw.random() < 0.2:
            reader.commit()
            commits.append(reader.committed)
        if draw.random() < 0.03:
            reader.fail()
    told, states = alone(journal)
    assert all(reader.told == told for reader in readers)
    assert all(states[offset] == state for offset, state in commits)


def test_what_one_has_decoded_the_others_take() -> None:
    journal = MemoryJournal()
    shared = SharedDecoder(journal, VirtualClock(0), CountingDecoder)
    readers = [Reader(journal, shared.view()) for _ in range(4)]
    script = bodies(1, 490)
    journal.append(script[:20])
    for reader in readers:
        reader.read(1_000)
    CountingDecoder.read_in_all = 0
    for start in range(20, 500, 48):
        journal.append(script[start : start + 48])
        for reader in readers:
            reader.read(1_000)
    assert CountingDecoder.read_in_all == 480
    assert all(len(reader.told) == 500 for reader in readers)


def test_one_that_was_set_back_decodes_alone_and_joins_again_at_the_head() -> None:
    journal = MemoryJournal()
    shared = SharedDecoder(journal, VirtualClock(0), CountingDecoder)
    first, second = (Reader(journal, shared.view()) for _ in range(2))
    script = bodies(2, 600)
    journal.append(script[:400])
    for reader in (first, second):
        reader.read(1_000)
    second.fail()
    while len(second.told) < 400:
        second.read(100)
    journal.append(script[400:410])
    first.read(1_000)
    second.read(1_000)
    CountingDecoder.read_in_all = 0
    journal.append(script[410:510])
    first.read(1_000)
    second.read(1_000)
    assert CountingDecoder.read_in_all == 100
    assert second.told == first.told


class Stumbling(CountingDecoder):
    """Raises once, in the middle of a stretch."""

    stumbles = True

    def read(self, entries: Sequence[Entry]) -> list[tuple[Entry, list[Item]]]:
        if Stumbling.stumbles and entries[0].offset > 100:
            Stumbling.stumbles = False
            super().read(entries[:1])
            raise ArithmeticError("a bug")
        return super().read(entries)


def test_a_decoder_that_raises_harms_only_the_reader_it_raised_for() -> None:
    journal = MemoryJournal()
    shared = SharedDecoder(journal, VirtualClock(0), Stumbling)
    first, second = (Reader(journal, shared.view()) for _ in range(2))
    journal.append(bodies(3, 300))
    for reader in (first, second):
        reader.read(100)
    with pytest.raises(ArithmeticError):
        first.read(100)
    first.fail()
    while min(len(first.told), len(second.told)) < 310:
        first.read(100)
        second.read(100)
    assert first.told == second.told == alone(journal)[0]


class Collecting:
    """A consumer that keeps what it is told."""

    def __init__(self, name: str, view: DecoderView) -> None:
        self.name, self.told, self._view = name, list[tuple[Entry, list[Item]]](), view

    def restore(self, state: bytes | None) -> None:
        self.told.clear()
        self._view.restore(state)

    def take(self, entries: Sequence[Entry]) -> None:
        self.told += self._view.read(entries)

    def at_head(self, now: int) -> None: ...

    def state(self) -> bytes:
        return self._view.snapshot()


def test_runners_on_threads_of_their_own_share_and_stay_exact(tmp_path: Path) -> None:
    journal, clock, cursors = MemoryJournal(), SystemClock(), MemoryCursors()
    shared = SharedDecoder(journal, clock, CountingDecoder, marks_every_s=0.01)
    views = [shared.view() for _ in range(3)]
    consumers = [Collecting(f"c{number}", view) for number, view in enumerate(views)]
    runners = [
        Runner(journal, cursors, consumer, clock, commit_every_s=0.01, pace=view)
        for consumer, view in zip(consumers, views, strict=True)
    ]
    for runner in runners:
        runner.start()
    script = bodies(4, 5_000)
    writer = threading.Thread(target=lambda: [journal.append(script[start : start + 50]) for start in range(0, len(script), 50)])
    writer.start()
    writer.join()
    until(lambda: all(runner.offset == len(script) for runner in runners))
    for runner in runners:
        runner.stop()
    told, states = alone(journal)
    for consumer in consumers:
        assert consumer.told == told
        assert cursors.load(consumer.name).state == states[-1]


class Seconds(VirtualClock):
    """Machine time that passes as it is told."""

    def __init__(self) -> None:
        super().__init__(0)
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def two_readers(took_s: float, hangs_s: float = float("inf")) -> tuple[Reader, Reader, Seconds]:
    """One that has decoded as much as may be kept, which took `took_s` each time, and one that has come half the way."""
    clock, journal = Seconds(), MemoryJournal()

    class Timed(CountingDecoder):
        def read(self, entries: Sequence[Entry]) -> list[tuple[Entry, list[Item]]]:
            clock.now += took_s
            return super().read(entries)

    shared = SharedDecoder(journal, clock, Timed, gives_way=20, kept_ahead=40, hangs_s=hangs_s)
    first, second = (Reader(journal, shared.view()) for _ in range(2))
    journal.append(bodies(5, 490))
    for reader in (first, second):
        reader.read(10)
    for _ in range(4):
        first.read(5)
    CountingDecoder.read_in_all = 0
    second.read(5)
    return first, second, clock


def test_one_that_is_slow_and_moves_is_waited_for_and_nothing_is_decoded_twice() -> None:
    first, second, _ = two_readers(took_s=3_600.0)

    def run_ahead() -> None:
        while len(first.told) < 500:
            first.read(5)

    ahead = threading.Thread(target=run_ahead)
    ahead.start()
    while len(second.told) < 500:
        second.read(5)
        assert len(first.told) - len(second.told) <= 40
    ahead.join()
    assert CountingDecoder.read_in_all == 470
    assert first.told == second.told


def test_nobody_waits_longer_than_decoding_took() -> None:
    first, second, _ = two_readers(took_s=0.001)
    while len(first.told) < 500:
        first.read(5)
    assert len(second.told) == 15
    second.read(5)
    assert second.told == first.told[:20]


def test_nobody_waits_for_one_that_hangs() -> None:
    first, second, clock = two_readers(took_s=3_600.0, hangs_s=1.0)
    clock.now += 2.0
    while len(first.told) < 500:
        first.read(5)
    assert len(second.told) == 15
