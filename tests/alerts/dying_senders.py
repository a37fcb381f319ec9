"""A process whose senders die by SIGKILL just before and just after each send, for every channel it is given in turn.

Argument: JSON of {channel: {"store": URL, "carrier": name, "url": where its server is}}. Prints, for each, what each turn did.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from sqlalchemy import Engine

from alerts.contacts import ContactBook
from alerts.delivery import Channel, Delivery, Result
from alerts.outbox import LEASE, Sender
from ingest.clock import Millis
from ingest.seal import Sealer
from ingest.store import open_store
from tests.alerts.alert_parts import HandClock
from tests.alerts.test_channel_contract import channel_over


class Dying:
    """A channel, and the end of its process just before or just after it has sent."""

    def __init__(self, channel: Channel, *, sends: bool) -> None:
        self.channel = channel
        self.sends = sends

    def send(self, delivery: Delivery) -> Result:
        if self.sends:
            self.channel.send(delivery)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def killed(store: str, carrier: str, name: str, url: str, now: Millis, *, sends: bool) -> int:
    """The signal that ended a child which sent what is due."""
    child = os.fork()
    if child == 0:
        clock = HandClock(machine=now)
        engine = open_store(store)
        Sender(engine, clock, {name: Dying(channel(engine, clock, carrier, url), sends=sends)}).turn()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def channel(engine: Engine, clock: HandClock, carrier: str, url: str) -> Channel:
    return channel_over(carrier, url, ContactBook(engine, Sealer(b"k" * 32), clock), clock)


def main(channels: dict[str, dict[str, str]]) -> None:
    done = {}
    for carrier, each in channels.items():
        name, store, url = each["channel"], each["store"], each["url"]
        clock = HandClock()
        ends = []
        for sends in (False, True):
            ends.append(killed(store, carrier, name, url, clock.machine, sends=sends))
            clock.machine += LEASE + 1
        engine = open_store(store)
        sender = Sender(engine, clock, {name: channel(engine, clock, carrier, url)})
        done[carrier] = {"ends": ends, "turns": [sender.turn(), sender.turn()]}
        engine.dispose()
    print(json.dumps(done))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
