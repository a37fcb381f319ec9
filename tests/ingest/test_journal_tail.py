"""What is kept of the newest entries is what stands in the journal, has no gaps, and never outgrows its room."""

import random
from pathlib import Path

from ingest.journal.port import READ_BYTES, Entry, Message
from ingest.journal.sqlite import SqliteJournal
from ingest.journal.tail import Tail


def entry(offset: int, size: int = 1) -> Entry:
    body = Message(received_at=offset, source="mqtt", topic="t", payload=b"x" * size)
    return Entry(offset=offset, received_at=offset, body=body)


def test_any_stretch_is_answered_whole_or_not_at_all() -> None:
    draw, tail, head = random.Random(3), Tail(entries=100), 0
    for _ in range(300):
        count = draw.randint(0, 30)
        tail.add([entry(offset) for offset in range(head + 1, head + count + 1)])
        head += count
        after, limit = draw.randint(max(head - 150, 0), head), draw.randint(1, 60)
        found = [one.offset for one in tail.read(after, limit)]
        assert found in ([], list(range(after + 1, min(after + limit, head) + 1)))
        if head - after <= 50 and head > after:
            assert found, "the newest fifty are there"


def test_large_payloads_push_out_old_entries() -> None:
    tail = Tail(entries=1_000, size=100_000)
    for offset in range(1, 101):
        tail.add([entry(offset, 10_000)])
    assert tail.read(0, 10) == []
    held = next(tail.read(after, 100) for after in range(100) if tail.read(after, 100))
    assert held[-1].offset == 100
    assert sum(len(one.body.payload) for one in held if isinstance(one.body, Message)) <= 100_000


def test_the_head_reads_the_same_from_memory_and_from_the_disk(tmp_path: Path) -> None:
    bodies = [Message(received_at=9_000 - number, source="mqtt", topic="t", payload=b"%d" % number) for number in range(500)]
    journal = SqliteJournal(tmp_path)
    journal.append(bodies[:250])
    journal.append(bodies[250:])
    from_memory = journal.read(0, 1_000)
    journal.close()
    journal = SqliteJournal(tmp_path)
    assert journal.read(0, 1_000) == from_memory
    assert len(from_memory) == 500
    journal.close()


def test_a_read_ends_with_the_entry_that_fills_it_wherever_it_begins_and_whatever_was_let_go() -> None:
    draw, tail, entries = random.Random(5), Tail(entries=60, size=8_000_000), list[Entry]()
    for _ in range(60):
        fresh = [entry(len(entries) + 1 + number, draw.choice((0, 10, 400_000))) for number in range(draw.randint(0, 5))]
        entries += fresh
        tail.add(fresh)
        after, limit = draw.randint(max(len(entries) - 30, 0), len(entries)), draw.randint(1, 20)
        wanted, size = list[Entry](), 0
        for one in entries[after : after + limit]:
            if size < READ_BYTES:
                wanted.append(one)
                size += len(one.body.payload) if isinstance(one.body, Message) else 0
        assert tail.read(after, limit) in ([], wanted)
        if len(entries) - after <= 10:
            assert tail.read(after, limit) == wanted, "the newest ten are there"
