"""A test message to somebody by each of their channels, at once and outside the outbox: how each went is the answer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from alerts.contacts import ContactBook
from alerts.delivery import Channel, Delivery, Message, Sent
from ingest.clock import Clock, to_iso
from rules.finding import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one channel took the test; `error` is empty where it did."""

    channel: str
    error: str = ""


def try_channels(
    channels: Mapping[str, Channel], contacts: ContactBook, person: str, clock: Clock, base_url: str, names: Sequence[str] = ()
) -> list[Trial]:
    """Send the test by the channels named, else by all the person's contact points are for; empty where there is none."""
    wanted = names or contacts.ways([person], channels)[person]
    found = []
    for name in wanted:
        if name not in channels:
            found.append(Trial(channel=name, error="this site has no such channel"))
            continue
        result = channels[name].send(_test(person, name, clock, base_url))
        found.append(Trial(channel=name, error="" if isinstance(result, Sent) else result.error))
    return found


def _test(person: str, channel: str, clock: Clock, base_url: str) -> Delivery:
    number = secrets.token_hex(16)
    body = Message(
        id=number,
        kind="test",
        level=Level.CAUTION.name.lower(),
        dong="-",
        code="-",
        link=base_url.rstrip("/") + "/contacts",
        at=to_iso(clock.home_now()),
    )
    return Delivery(
        id=number,
        check_id="",
        channel=channel,
        recipient=person,
        step="test",
        level=Level.CAUTION,
        body=msgspec.json.encode(body),
        attempts=1,
        person=person,
    )
