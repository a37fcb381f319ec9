"""A process that sends by webhook until nothing is left; prints how many it sent. Arguments: the store's and the server's URL."""

from __future__ import annotations

import sys

from alerts.contacts import ContactBook
from alerts.outbox import Sender
from ingest.seal import Sealer
from ingest.store import open_store
from tests.alerts.alert_parts import HandClock
from tests.alerts.test_channel_contract import channel_over

PATIENCE_S = 60.0
"""How long it waits for an answer: a server may hold its first back until another process has begun."""


def main(store: str, url: str) -> None:
    clock = HandClock()
    engine = open_store(store)
    channel = channel_over("webhook", url, ContactBook(engine, Sealer(b"k" * 32), clock), clock, PATIENCE_S)
    sender = Sender(engine, clock, {"webhook": channel})
    sent = 0
    while tried := sender.turn(limit=1):
        sent += tried
    print(sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
