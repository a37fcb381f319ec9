"""What ingest is put through in the tests of faults: messages whose identity is known, and what must have become of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from ingest.clock import Millis
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, Fact, HouseholdEnrolled, LinkUp, RunStarted
from ingest.journal.port import Entry, Message
from ingest.journal.sqlite import SqliteJournal
from ingest.journal.view import JournalView
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Reason, Rejection
from ingest.wire import Payload, Topic, encode
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import Finding
from rules.table import load_table

HOMES = 10
REFUSED = 101  # has no divisor in common with the homes: no device is refused so often that it is set aside
DONG = "dong-1"


class Became(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal says once everything is read: independent of how often, and at which offset, a message stands there."""

    counted: Counter[tuple[str, int, int]]  # readings by device, boot and sequence number
    refused: set[tuple[str, str, bytes]]  # rejections but duplicates: reason, device, payload
    decoder: list[bytes]  # register, windows and alarms; when a link was last heard does depend on repetitions
    engine: bytes
    findings: list[tuple[str, ...]]


def enrolment(at: Millis) -> list[Fact]:
    """Homes with a motion sensor each."""
    facts: list[Fact] = [RunStarted(fact_id="run", at=at, run_id="run"), LinkUp(fact_id="up", at=at, source="mqtt")]
    for number in range(HOMES):
        home = HouseholdId(f"hh-{number}")
        facts.append(HouseholdEnrolled(fact_id=home, at=at, household_id=home, dong_code=DongCode(DONG)))
        facts.append(
            DeviceEnrolled(
                fact_id=f"pir-{number}", at=at, device_id=DeviceId(f"pir-{number}"), household_id=home, signals=("motion",)
            )
        )
    return facts


def spoken(number: int, at: Millis) -> tuple[str, bytes]:
    """The message of this number: a motion, and now and then one that has to be refused.

    What bears no number at all, being unreadable, has no identity: sent twice it is refused twice.
    """
    device = number % HOMES
    topic = str(Topic(DONG, f"hh-{device}", f"pir-{device}", "motion"))
    if number % REFUSED == REFUSED - 1:
        return topic, _refusable(number)
    return topic, encode(Payload(t=at / 1_000, boot=1, seq=number // HOMES, v=1))


def _refusable(number: int) -> bytes:
    return b'{"boot": 1, "seq": %d, "v": 900}' % (number // HOMES)


def identities(numbers: Iterable[int]) -> Counter[tuple[str, int, int]]:
    """Each readable message of these, once."""
    return Counter((f"pir-{number % HOMES}", 1, number // HOMES) for number in numbers if number % REFUSED != REFUSED - 1)


def rubbish(numbers: Iterable[int]) -> set[tuple[str, str, bytes]]:
    """What of these has to be refused, why, and of whom."""
    return {("out_of_range", f"pir-{one % HOMES}", _refusable(one)) for one in numbers if one % REFUSED == REFUSED - 1}


def became(entries: Sequence[Entry], until: Millis) -> Became:
    """Read them to their end, and let home time come to `until`."""
    found: list[Finding] = []
    decoder, engine = Decoder(), Engine(load_table(None))
    rules = RulesConsumer(engine, decoder, found.extend)
    rules.take(entries)
    rules.at_head(until)
    counted: Counter[tuple[str, int, int]] = Counter()
    refused: set[tuple[str, str, bytes]] = set()
    for entry, items in Decoder().read(entries):
        for item in items:
            if isinstance(item, Reading) and item.boot is not None and item.seq is not None:
                counted[item.device_id, item.boot, item.seq] += 1
            elif isinstance(item, Rejection) and item.reason is not Reason.DUPLICATE and isinstance(entry.body, Message):
                refused.add((item.reason.value, str(item.device_id), entry.body.payload))
    state = msgspec.msgpack.decode(decoder.snapshot(), type=list[bytes])
    told = [(one.rule, one.level.name, one.verb, str(one.at), str(one.household_id)) for one in found]
    return Became(
        counted=counted,
        refused=refused,
        decoder=[part for place, part in enumerate(state) if place != 2],
        engine=engine.snapshot(),
        findings=[tuple(one) for one in told],
    )


def everything(journal: SqliteJournal | JournalView) -> list[Entry]:
    """All entries."""
    entries: list[Entry] = []
    while part := journal.read(entries[-1].offset if entries else 0, 2_000):
        entries += part
    return entries


def without_last_repeats(entries: Sequence[Entry]) -> list[Entry]:
    """Up to the last one that brings something new."""
    firsts = _firsts(entries)
    return list(entries[: firsts[-1] + 1])


def undisturbed(entries: Sequence[Entry]) -> list[Entry]:
    """The same entries as they would stand there had nothing come twice: the first of each."""
    kept = [entries[place] for place in _firsts(entries)]
    return [Entry(offset=number, received_at=one.received_at, body=one.body) for number, one in enumerate(kept, start=1)]


def _firsts(entries: Sequence[Entry]) -> list[int]:
    seen: set[tuple[str, bytes]] = set()
    places: list[int] = []
    for place, entry in enumerate(entries):
        body = entry.body
        if isinstance(body, Message):
            if (body.topic, body.payload) in seen:
                continue
            seen.add((body.topic, body.payload))
        places.append(place)
    return places
