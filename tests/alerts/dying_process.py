"""A process that dies by SIGKILL at a named moment; the tests of crashes start it and look at what is left.

Arguments: the moment (before_send, after_send, after_take), the store's URL, and the receiver's address.
"""

from __future__ import annotations

import os
import signal
import sys

from alerts.channels.webhook import Endpoint, Webhook
from alerts.channels.wire import Wire
from alerts.delivery import Delivery, Result
from alerts.desk import Desk
from alerts.outbox import Sender
from alerts.policy import Policy
from ingest.clock import SystemClock
from ingest.seal import Sealer
from ingest.store import open_store
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import SECRET, WEBHOOK, finding


def die() -> None:
    """As abruptly as a power cut to this process."""
    os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """The webhook, and the end just before or just after it has sent."""

    def __init__(self, webhook: Webhook, *, sends: bool) -> None:
        self.webhook = webhook
        self.sends = sends

    def send(self, delivery: Delivery) -> Result:
        if self.sends:
            self.webhook.send(delivery)
        die()
        raise AssertionError("still alive")


def main(moment: str, store_url: str, receiver_url: str) -> None:
    clock = SystemClock()
    engine = open_store(store_url)
    if moment == "after_take":
        desk = Desk(engine, clock, Sealer(b"k" * 32), Policy(routes=(WEBHOOK,)))
        desk.take_findings([finding(number="a"), finding(RuleKey.SOS, Level.DANGER, number="b")])
        die()
    webhook = Webhook({WEBHOOK.recipient: Endpoint(url=receiver_url, secret=SECRET)}.get, clock, Wire(clock))
    Sender(engine, clock, {"webhook": Dying(webhook, sends=moment == "after_send")}).turn()


if __name__ == "__main__":
    main(*sys.argv[1:])
