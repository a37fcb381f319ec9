"""A process that appends to a journal until it is killed, and prints the offset of each batch once that is durable."""

import sys
from pathlib import Path

from ingest.facts import RunStarted
from ingest.journal.port import Message
from ingest.journal.sqlite import SqliteJournal


def main(folder: str) -> None:
    journal = SqliteJournal(Path(folder), segment_bytes=40_000)
    head = journal.append([])
    while True:
        numbers = range(head + 1, head + 8)
        messages = [Message(received_at=number, source="m", topic="t", payload=b"%d" % number) for number in numbers]
        head = journal.append([*messages, RunStarted(fact_id=f"f{head}", at=0, run_id="r")])
        print(head, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
