"""The figures of our work: what was found, what stands open, what went out, whether the tick turns."""

from __future__ import annotations

from prometheus_client import Counter, Gauge
from sqlalchemy import Connection, func, select

from alerts.check import CheckState
from alerts.delivery import DeliveryState
from alerts.tables import check, delivery, open_check, open_ticket, ticket
from rules.finding import Level

findings = Counter("anbu_findings", "Findings taken, by rule and verb", ["rule", "verb"])
transitions = Counter("anbu_check_transitions", "Changes of checks, by action", ["action"])
open_checks = Gauge("anbu_open_checks", "Checks not resolved, by level and state", ["level", "state"])
open_tickets = Gauge("anbu_open_tickets", "Tickets not resolved")
deliveries = Counter("anbu_deliveries", "Attempts to deliver, by channel and result", ["channel", "result"])
waiting_deliveries = Gauge("anbu_waiting_deliveries", "Deliveries not yet sent, by channel", ["channel"])
ticks = Counter("anbu_ticks", "Turns of the tick that held the lease")
tick_at = Gauge("anbu_tick_timestamp_seconds", "Machine time of the last turn that held the lease")
due_handled = Counter("anbu_due_handled", "Due rows that came up, by kind", ["kind"])

_OPEN_CHECKS = select(check.c.level, check.c.state, func.count()).where(open_check()).group_by(check.c.level, check.c.state)
_OPEN_TICKETS = select(func.count()).select_from(ticket).where(open_ticket())
_BY_CHANNEL = select(delivery.c.channel, func.count()).where(delivery.c.state == DeliveryState.WAITING)
_WAITING = _BY_CHANNEL.group_by(delivery.c.channel)


def observe(connection: Connection) -> None:
    """Set the gauges from what is stored now."""
    counts = {(row[0], row[1]): row[2] for row in connection.execute(_OPEN_CHECKS)}
    for level in Level:
        for state in (CheckState.OPEN, CheckState.ACKNOWLEDGED):
            open_checks.labels(level.name.lower(), state.value).set(counts.get((level, state), 0))
    open_tickets.set(connection.execute(_OPEN_TICKETS).scalar_one())
    waiting = {row[0]: row[1] for row in connection.execute(_WAITING)}
    for channel in known_channels | waiting.keys():
        known_channels.add(channel)
        waiting_deliveries.labels(channel).set(waiting.get(channel, 0))


known_channels: set[str] = set()
"""Channels whose gauge must fall back to 0 when nothing waits any more."""
