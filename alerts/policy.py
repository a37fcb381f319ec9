"""What a site decides about its work: which ladder its checks climb, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from alerts.ladder import Ladder, load_ladder
from ingest.clock import DAY, Millis
from rules.finding import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One recipient on one channel, for one dong (None: all) from one level up."""

    channel: str | None  # None: the recipient is a person, reached by their own contact points
    recipient: str  # a label the channel knows, or a login; never an address or a name
    least: Level = Level.CAUTION
    dong_code: str | None = None

    def wants(self, level: Level, dong_code: str) -> bool:
        """Whether what happens there at this level is for this route."""
        return level >= self.least and self.dong_code in (None, dong_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What does not change while the site runs."""

    base_url: str = "http://127.0.0.1:8080"
    routes: tuple[Route, ...] = (Route(channel="console", recipient="console"),)
    channels: tuple[str, ...] | None = None  # by which this site reaches people (alerts.contacts.CHANNELS); None: all
    ladder: Ladder = field(default_factory=load_ladder)
    longest_away: Millis = 14 * DAY

    def has(self, channel: str) -> bool:
        """Whether this site says that it has this channel: a machine asks nobody by one that is not named."""
        return self.channels is not None and channel in self.channels
