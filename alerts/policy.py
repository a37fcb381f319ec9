"""What a site decides about its work: which ladder its checks climb, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from alerts.ladder import Ladder, load_ladder
from ingest.clock import DAY, Millis
from rules.finding import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One recipient on one channel, for one dong (None: all) from one level up."""

    channel: str
    recipient: str  # a label the channel knows, never an address or a name
    least: Level = Level.CAUTION
    dong_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`gateways`: which of the channels call and message this site has; rungs that need another are passed over."""

    base_url: str = "http://127.0.0.1:8080"
    routes: tuple[Route, ...] = (Route(channel="console", recipient="console"),)
    ladder: Ladder = field(default_factory=load_ladder)
    gateways: frozenset[str] = frozenset()
    longest_away: Millis = 14 * DAY
