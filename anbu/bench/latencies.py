"""How long a message waits for its acknowledgement and an SOS for its finding, without and with a device that has gone wild."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from anbu.bench import town
from anbu.bench.players import Sent, Trickle, flood, trickle
from anbu.bench.rig import Rig, player, until
from ingest.journal.port import Body, Message
from ingest.wire import parse_topic

SOS_EVERY_S = 0.05
WINDOWS = 4
"""Of each kind."""


@dataclass(slots=True, kw_only=True)
class Latencies:
    """In ms: from publish to acknowledged, and of an SOS to its finding; and what became of the flood, where there was one."""

    acks: list[float] = field(default_factory=list)
    alarms: list[float] = field(default_factory=list)
    sent: int = 0
    left_out: int = 0


@dataclass(slots=True, kw_only=True)
class Next:
    """What the next window begins with, so that no number and no button is used twice."""

    message: int
    sos_home: int = 0


class Windows(NamedTuple):
    """What was seen in each kind of window."""

    quiet: Latencies  # the background alone
    unheard: Latencies  # a device has gone wild where nobody listens: the machine sends and carries as much as in the next
    flooded: Latencies  # one of ours has gone wild


def in_turns(rig: Rig, homes: int, a_second: int, seconds: float, begun: int) -> Windows:
    """Windows of each kind by turns, `seconds` of a kind: what else happens on the machine meets all alike.

    The flood is as large as the background. `begun`: messages before ours.
    """
    kinds, following = Windows(Latencies(), Latencies(), Latencies()), Next(message=begun)
    length = min(seconds, homes * SOS_EVERY_S / len(kinds)) / WINDOWS  # each home presses once
    for turn in range(WINDOWS):
        for kind in (*kinds[turn % 3 :], *kinds[: turn % 3]):
            if kind is kinds.quiet:
                _window(rig, homes, a_second, length, following, kind)
            else:
                _window_in_a_flood(rig, homes, a_second, length, following, kind, nowhere=kind is kinds.unheard)
    return kinds


def _window_in_a_flood(
    rig: Rig, homes: int, a_second: int, seconds: float, following: Next, into: Latencies, *, nowhere: bool
) -> None:
    """As `_window`, while the motion sensor of the last home has gone wild."""
    head, wild = rig.journal.head, homes - 1
    with player(flood, rig.port, wild, a_second, following.message, nowhere) as publisher:
        publisher.send("go")
        _window(rig, homes, a_second, seconds, following, into)
        publisher.send("enough")
        sent: int = publisher.recv()
    topic = town.motion_topic(wild)
    until(rig.clock, lambda: rig.site.source.status().caught_up)
    journalled = 0
    while entries := rig.journal.read(head, 5_000):
        head = entries[-1].offset
        journalled += sum(isinstance(entry.body, Message) and entry.body.topic == topic for entry in entries)
    into.sent += sent
    into.left_out += max(0, sent - journalled)


def _window(rig: Rig, homes: int, a_second: int, seconds: float, following: Next, into: Latencies) -> None:
    """So many seconds of an even background, with an SOS every now and then."""
    rig.journal.seen.clear()
    quiet = Trickle(
        homes=homes,
        start=-(-following.message // homes) * homes,
        a_second=a_second,
        seconds=seconds,
        sos_every_s=SOS_EVERY_S,
        first_sos_home=following.sos_home,
    )
    with player(trickle, rig.port, quiet) as publisher:
        rig.journal.watching = True
        publisher.send("go")
        sent: Sent = publisher.recv()
    until(rig.clock, lambda: sent.alarms.keys() <= rig.alarms.found.keys())
    rig.journal.watching = False
    into.acks += [
        (when - sent.messages[key]) * 1_000
        for when, bodies in rig.journal.seen
        for key in map(_key, bodies)
        if key in sent.messages
    ]
    into.alarms += [(rig.alarms.found[home] - when) * 1_000 for home, when in sent.alarms.items()]
    following.message = quiet.start + len(sent.messages)
    following.sos_home += len(sent.alarms)


class _Numbered(msgspec.Struct):
    seq: int = -1


def _key(body: Body) -> tuple[str, int]:
    topic = parse_topic(body.topic) if isinstance(body, Message) else None
    if topic is None or not isinstance(body, Message):
        return "", -1
    return topic.device_id, msgspec.json.decode(body.payload, type=_Numbered).seq
