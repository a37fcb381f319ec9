"""Who is told when a stage of our own fails: whoever is told of checks, without the store, which may be what failed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.contacts import ContactBook
from alerts.delivery import Channel, Delivery, Message, Permanent, Result, Temporary
from alerts.policy import Policy
from dashboard_api.services import StageHealth
from ingest.clock import MINUTE, SECOND, Clock, Millis, to_iso
from rules.finding import Level

log = structlog.get_logger(__name__)

PATIENCE: Millis = MINUTE
"""A stage that is not well for less (machine time) is not told of: most mend themselves, as a broker that restarts does."""
AT_ONCE = frozenset({"journal"})
"""What nobody else can mend, and what everything waits for."""
AGAIN: Millis = 30 * SECOND


@dataclass(slots=True)
class _Owed:
    channel: str
    delivery: Delivery
    due: Millis


class SystemWatch:
    """Looks at the stages and sends a notice `stage_failed` for each that stays broken, and `stage_mended` when it is well.

    The notices go to the routes that are for every dong (to all, where there is none such). What a channel cannot send
    now is sent later; a notice of a failure that is over by then is not sent any more.
    """

    def __init__(
        self,
        stages: Callable[[], Sequence[StageHealth]],
        channels: Mapping[str, Channel],
        policy: Policy,
        clock: Clock,
        contacts: ContactBook | None = None,
    ) -> None:
        """`contacts` says how the people among the routes are reached: by every channel of theirs, for we may be failing."""
        self._stages, self._channels, self._clock = stages, dict(channels), clock
        self._link = policy.base_url
        routes = [route for route in policy.routes if route.dong_code is None] or list(policy.routes)
        self._recipients = sorted({(route.channel, route.recipient) for route in routes if route.channel is not None})
        self._people = sorted({route.recipient for route in routes if route.channel is None})
        self._offered = policy.channels
        self._contacts = contacts
        self._ways: list[tuple[str, str]] = []
        self._looked_at: Millis | None = None
        self._broken: dict[str, Millis] = {}  # since when, machine time
        self._told: set[str] = set()
        self._owed: list[_Owed] = []

    def turn(self) -> int:
        """Look once, send what is due; how many notices went out."""
        now = self._clock.machine_now()
        self._remember_people(now)
        for stage in self._stages():
            self._look(stage, now)
        sent = 0
        for one in [one for one in self._owed if one.due <= now]:
            result = self._send(one)
            if isinstance(result, Temporary):
                one.due = now + AGAIN
                continue
            if isinstance(result, Permanent):
                log.error("system alert not delivered; mend the channel's settings", channel=one.channel, error=result.error)
            else:
                sent += 1
            self._owed.remove(one)
        return sent

    def _send(self, one: _Owed) -> Result:
        try:
            return self._channels[one.channel].send(one.delivery)
        except Exception as error:  # whatever broke must not keep the others from hearing
            return Temporary(error=f"the channel broke: {type(error).__name__}")

    def _remember_people(self, now: Millis) -> None:
        """Learn every minute how people are reached, so that it is known when the store is away."""
        due = self._looked_at is None or now - self._looked_at >= MINUTE
        if self._contacts is None or not self._people or not due:
            return
        self._looked_at = now
        try:
            found = self._contacts.ways(self._people, self._offered)
            self._ways = [(channel, person) for person in self._people for channel in found[person]]
            for channel, person in self._ways:
                self._contacts.addresses(person, channel)
        except SQLAlchemyError:
            log.warning("contact points cannot be read; the last ones known stand")

    def _look(self, stage: StageHealth, now: Millis) -> None:
        if stage.ok:
            since = self._broken.pop(stage.name, now)
            if stage.name in self._told:
                self._told.discard(stage.name)
                log.warning("system alert over", stage=stage.name, lasted_s=(now - since) // SECOND)
                self._owe("stage_mended", stage.name, since, now)
            return
        since = self._broken.setdefault(stage.name, now)
        if stage.name not in self._told and (stage.name in AT_ONCE or now - since >= PATIENCE):
            self._told.add(stage.name)
            log.error("system alert: a stage is not well", stage=stage.name, detail=stage.detail)
            self._owe("stage_failed", stage.name, since, now)

    def _owe(self, kind: str, stage: str, since: Millis, now: Millis) -> None:
        unheard = {(one.channel, one.delivery.recipient) for one in self._owed if one.delivery.step == f"stage_failed:{stage}"}
        self._owed = [one for one in self._owed if one.delivery.step != f"stage_failed:{stage}"]
        for channel, recipient in [*self._recipients, *self._ways]:
            if kind == "stage_mended" and (channel, recipient) in unheard:
                continue  # they have not heard that it had failed
            if channel not in self._channels:
                continue
            number = hashlib.sha256(f"{stage}|{since}|{kind}|{channel}|{recipient}".encode()).hexdigest()[:32]
            message = Message(
                id=number,
                kind=kind,
                level=Level.WARNING.name.lower(),
                dong="-",
                code=stage,
                link=self._link,
                at=to_iso(now),
            )
            delivery = Delivery(
                id=number,
                check_id="",
                channel=channel,
                recipient=recipient,
                step=f"{kind}:{stage}",
                level=Level.WARNING,
                body=msgspec.json.encode(message),
                attempts=1,
            )
            self._owed.append(_Owed(channel, delivery, now))
