"""A process that reads a broker into a journal until it is killed: by its own journal after `dies`, or from outside."""

import sys
import threading
from pathlib import Path

from ingest.clock import SystemClock
from ingest.journal.sqlite import SqliteJournal
from ingest.source import BrokerAddress, MqttSource
from tests.ingest.journals import DyingJournal


def main(folder: str, port: str, how: str) -> None:
    journal = (DyingJournal if how == "dies" else SqliteJournal)(Path(folder))
    source = MqttSource(
        journal, SystemClock(), BrokerAddress(host="127.0.0.1", port=int(port), client_id="anbu-child"), inflight=20
    )
    source.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
