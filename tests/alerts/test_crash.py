"""Killed by SIGKILL between its steps, the path loses nothing, opens nothing twice and repeats a sending at most once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from alerts.channels.webhook import Endpoint, Webhook
from alerts.channels.wire import Wire
from alerts.outbox import LEASE, Sender
from alerts.tables import alert, check, delivery
from ingest.clock import SystemClock
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import SECRET, WEBHOOK, Receiver, Site, finding

HERE = Path(__file__).parent


def die(moment: str, site: Site, receiver: Receiver) -> None:
    """Run the process that ends itself at this moment, and see that it did."""
    paths = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    command = [sys.executable, str(HERE / "dying_process.py"), moment, str(site.engine.url), receiver.url]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def restart(site: Site, receiver: Receiver) -> Sender:
    """A sender of a new process; the dead one's lease has run out."""
    site.clock.machine = SystemClock().machine_now() + LEASE + 1
    webhook = Webhook({WEBHOOK.recipient: Endpoint(url=receiver.url, secret=SECRET)}.get, site.clock, Wire(site.clock))
    return Sender(site.engine, site.clock, {"webhook": webhook})


def test_killed_between_send_and_settle_nothing_is_lost_and_the_number_repeats_once(site: Site, receiver: Receiver) -> None:
    raised = finding(level=Level.DANGER, number="a")
    site.take(raised)
    die("after_send", site, receiver)
    assert [row.state for row in site.rows(delivery)] == ["waiting"]
    site.take(raised)
    sender = restart(site, receiver)
    assert [sender.turn() for _ in range(3)] == [1, 0, 0]
    assert len(receiver.keys) == 2
    assert len(set(receiver.keys)) == 1
    assert receiver.posted[0].body == receiver.posted[1].body
    assert [(row.state, row.attempts) for row in site.rows(delivery)] == [("sent", 2)]
    assert (len(site.rows(check)), len(site.rows(alert))) == (1, 1)


def test_killed_before_the_send_it_is_sent_after_the_restart(site: Site, receiver: Receiver) -> None:
    site.take(finding(level=Level.DANGER))
    die("before_send", site, receiver)
    assert receiver.keys == []
    assert restart(site, receiver).turn() == 1
    assert len(receiver.keys) == 1


def test_while_a_dead_senders_lease_lasts_nobody_else_sends(site: Site, receiver: Receiver) -> None:
    site.take(finding(level=Level.DANGER))
    die("after_send", site, receiver)
    sender = restart(site, receiver)
    site.clock.machine -= LEASE
    assert sender.turn() == 0
    assert len(receiver.keys) == 1


def test_wrong_9_what_is_found_again_after_a_crash_is_not_sent_again(site: Site, receiver: Receiver) -> None:
    die("after_take", site, receiver)
    before = site.only()
    told = site.rows(delivery)
    site.take(finding(number="a"), finding(RuleKey.SOS, Level.DANGER, number="b"))
    assert site.only() == before
    assert site.rows(delivery) == told
    assert len(site.rows(alert)) == 2
    assert sorted(row.state for row in told) == ["waiting", "withdrawn"]
