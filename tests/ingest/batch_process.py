"""A process that appends the batches of a script to a journal and prints each one's number once that is durable."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest.clock import HOUR, SECOND, parse_local
from ingest.journal.port import Body, JournalFull, Message
from ingest.journal.sqlite import SqliteJournal
from tests.ingest.faulty_days import enrolment, spoken

START = parse_local("2026-01-12T23:59:00")
BATCHES = 14
SIZE = 10
STEP = 10 * SECOND
END = START + HOUR


def batch(number: int, *, again: bool = False) -> list[Body]:
    """What is appended as the batch of this number; `again` as a broker sends what was not acknowledged."""
    if number == 0:
        return [*enrolment(START)]
    at = START + number * STEP
    numbers = range((number - 1) * SIZE, number * SIZE)
    said = [spoken(one, at + one) for one in numbers]
    return [Message(received_at=at + SECOND, source="mqtt", topic=topic, payload=payload, dup=again) for topic, payload in said]


def main(folder: str, first: str = "0") -> None:
    journal = SqliteJournal(Path(folder), segment_bytes=30_000)
    for number in range(int(first), BATCHES):
        tries = 0
        while True:
            try:
                journal.append(batch(number, again=tries > 0))
            except JournalFull:
                tries += 1
                print("refused", number, flush=True)
                if tries > 100:
                    raise
                continue
            break
        print("durable", number, flush=True)
        journal.frontier(START + number * STEP + 2 * SECOND)
    journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
