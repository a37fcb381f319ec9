"""How messages come from the broker into the journal: collected, made durable, and only then acknowledged."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import structlog

from ingest import mqtt_metrics as metrics
from ingest.clock import SECOND, Clock, Millis
from ingest.facts import LinkDown, LinkUp
from ingest.journal.port import Body, Journal, JournalFull, Message
from ingest.mqtt_connection import Batch, Connection
from ingest.mqtt_wire import BrokerAddress, Pace
from ingest.rate import RateLimit
from ingest.wire import SUBSCRIPTION

__all__ = ["BrokerAddress", "MqttSource", "Pace", "SourceStatus"]

log = structlog.get_logger(__name__)

NEVER = "the broker has not been heard yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How the source stands; instants are machine time."""

    connected: bool  # the broker answered us and granted the subscription
    caught_up: bool  # our canary came back: what comes now comes as it happens
    since: Millis  # since when those two are as they are
    received: int  # messages since the start, repeated ones included
    error: str | None  # why there is no connection, or why nothing can be journalled
    last_canary: Millis | None  # when the path through the broker was last proven


class MqttSource:
    """Reads one broker session into the journal, on a thread of its own, for ever.

    Every message is acknowledged after the commit of its batch and on the connection it came by, or not at all: when
    the journal refuses a batch, or anything unforeseen happens, the connection is dropped and the broker sends again.
    `inflight` is the largest batch, and so the most that is read and not yet acknowledged. With a `rate`, what a device
    sends above it is not journalled (`ingest.rate`); without, all of it is.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        address: BrokerAddress,
        *,
        name: str = "mqtt",
        subscriptions: Sequence[str] = (SUBSCRIPTION,),
        inflight: int = 500,
        pace: Pace | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        self._rate = rate
        self._journal, self._clock, self._address, self._name = journal, clock, address, name
        self._subscriptions, self._inflight, self._pace = tuple(subscriptions), inflight, pace or Pace()
        self._jitter = random.Random()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._link_is_up = False  # as the journal has it
        self._owed: list[Body] = []  # facts the journal did not take yet; before anything newer
        self._to_say: deque[tuple[str, bytes]] = deque(maxlen=100)
        self._failures = 0
        self._said: str | None = None  # the last trouble that was logged
        self._received = 0
        self._status = SourceStatus(
            connected=False, caught_up=False, since=clock.machine_now(), received=0, error=NEVER, last_canary=None
        )

    def start(self) -> None:
        """Connect and read until `stop`; RuntimeError when it already does."""
        if self._thread is not None:
            raise RuntimeError(f"the source {self._name} is running")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=f"source-{self._name}", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Commit and acknowledge what was read, leave the broker (the session stays), wait up to `timeout` machine seconds."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(timeout)
        if thread.is_alive():
            log.warning("source does not end, what it has not acknowledged will come again", source=self._name)

    def publish(self, topic: str, payload: bytes) -> None:
        """Say this at QoS 0 when the connection stands; of many that wait the newest are said. From any thread."""
        self._to_say.append((topic, payload))

    def status(self) -> SourceStatus:
        """How it stands at this moment; from any thread, and also while ours hangs, on a disk that does not answer, say."""
        status = self._status
        limit = self._pace.canary_every_s * (self._pace.canaries_missed + 1)
        quiet_s = 0.0 if status.last_canary is None else (self._clock.machine_now() - status.last_canary) / SECOND
        if not status.caught_up or quiet_s <= limit:
            return status
        return replace(status, caught_up=False, error=f"nothing has moved here for {quiet_s:.0f} s: the disk or the broker hangs")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._one_connection()
            except Exception as error:  # a bug in what follows a failure must not be the end of listening
                log.error("source stumbled, connects again", source=self._name, exc_info=error)
                self._stopping.wait(self._pace.backoff_most_s)

    def _one_connection(self) -> None:
        connection = Connection(self._address, self._clock, self._pace, source=self._name, subscriptions=self._subscriptions)
        unforeseen: Exception | None = None
        try:
            self._serve(connection)
            why = connection.ended or "we left"
        except JournalFull as error:
            why = f"the journal is full, nothing is acknowledged until there is room: {error}"
        except Exception as error:
            why, unforeseen = f"unforeseen {type(error).__name__}: {error}", error
        finally:
            connection.drop()
        self._end(why, unforeseen)

    def _serve(self, connection: Connection) -> None:
        connection.open()
        while True:
            batch = connection.receive(self._inflight)
            self._keep(batch, connection)
            if connection.ended is not None:
                return
            if self._stopping.is_set():
                connection.leave()
                return
            connection.tend(idle=not batch.mids)
            while connection.subscribed and self._to_say:
                connection.publish(*self._to_say.popleft())
            self._show(connection, None)

    def _keep(self, batch: Batch, connection: Connection) -> None:
        """Durable first, acknowledged second."""
        bodies, told = batch.bodies, list[Body]()
        if self._rate is not None:
            now = self._clock.home_now()
            bodies = self._rate.admit(bodies, now)
            told += self._rate.tell(now)
            self._owed += told
        if bodies or told:
            self._journal.append([*self._owed, *bodies])
            self._owed.clear()
        if batch.bodies:
            messages = sum(isinstance(body, Message) for body in batch.bodies)
            self._received += messages
            metrics.RECEIVED.labels(self._name).inc(messages)
            metrics.BATCH.observe(messages)
            if any(isinstance(body, LinkUp) for body in batch.bodies):
                self._link_is_up = True
                self._failures, self._said = 0, None
                log.info("source hears the broker", source=self._name, broker=str(self._address))
        metrics.ACKNOWLEDGED.labels(self._name).inc(connection.acknowledge(batch.mids))

    def _end(self, why: str, unforeseen: Exception | None) -> None:
        """Write down that we hear nothing, say why, pause before the next connection."""
        metrics.CONNECTIONS_ENDED.labels(self._name).inc()
        if self._link_is_up:
            self._link_is_up = False
            at = self._clock.home_now()
            self._owed.append(LinkDown(fact_id=f"{self._name}-down-{uuid4().hex}", at=at, source=self._name))
        self._append_owed()
        self._show(None, why)
        if self._stopping.is_set():
            return
        longest = min(self._pace.backoff_first_s * 2.0 ** min(self._failures, 16), self._pace.backoff_most_s)
        pause = longest * self._jitter.uniform(0.5, 1.0)  # many sources of one broker must not come back as one
        self._failures += 1
        if why != self._said or unforeseen is not None:
            self._said = why
            log.warning(
                "source lost the broker, connects again",
                source=self._name,
                broker=str(self._address),
                why=why,
                pause_s=round(pause, 2),
                exc_info=unforeseen,
            )
        self._stopping.wait(pause)

    def _append_owed(self) -> None:
        if not self._owed:
            return
        try:
            self._journal.append(self._owed)
        except Exception as error:  # it stays owed, and goes before the next batch
            log.warning("link fact not journalled yet", source=self._name, error=f"{type(error).__name__}: {error}")
        else:
            self._owed.clear()

    def _show(self, connection: Connection | None, error: str | None) -> None:
        connected = connection is not None and connection.subscribed
        caught_up = connected and self._link_is_up
        before = self._status
        changed = (connected, caught_up) != (before.connected, before.caught_up)
        self._status = SourceStatus(
            connected=connected,
            caught_up=caught_up,
            since=self._clock.machine_now() if changed else before.since,
            received=self._received,
            error=error if connection is None else (None if caught_up else _unproven(connection) or before.error),
            last_canary=connection.last_canary if connection is not None and connection.last_canary else before.last_canary,
        )
        metrics.CONNECTED.labels(self._name).set(connected)
        metrics.CAUGHT_UP.labels(self._name).set(caught_up)


def _unproven(connection: Connection) -> str | None:
    late = connection.late()
    if not late:
        return None
    return f"no canary comes back by {', '.join(late)}: a long backlog, or this account may not publish or read there"
