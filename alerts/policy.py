"""What a site decides about its work: how long an acknowledgement holds, how often it reminds, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ingest.clock import DAY, HOUR, MINUTE, SEOUL, Millis, to_datetime, to_millis
from rules.finding import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The times of one level, in milliseconds of home time."""

    acknowledgement: Millis | None  # how long one holds; None: until the end of duty
    remind_every: Millis  # while nobody has acknowledged
    reminders: int  # at most; afterwards only the page goes on showing it


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
    """Reminders go on for about a day at danger and warning and for three days at caution."""

    base_url: str = "http://127.0.0.1:8080"
    routes: tuple[Route, ...] = (Route(channel="console", recipient="console"),)
    channels: tuple[str, ...] | None = None  # by which this site reaches people (alerts.contacts.CHANNELS); None: all
    caution: Pace = Pace(acknowledgement=None, remind_every=4 * HOUR, reminders=18)
    warning: Pace = Pace(acknowledgement=60 * MINUTE, remind_every=30 * MINUTE, reminders=48)
    danger: Pace = Pace(acknowledgement=15 * MINUTE, remind_every=5 * MINUTE, reminders=288)
    duty_ends_hour: int = 18  # Asia/Seoul
    longest_away: Millis = 14 * DAY

    def pace(self, level: Level) -> Pace:
        """The times of this level."""
        return {Level.CAUTION: self.caution, Level.WARNING: self.warning, Level.DANGER: self.danger}[level]

    def acknowledgement_ends(self, level: Level, now: Millis) -> Millis:
        """When an acknowledgement given at `now` expires."""
        held = self.pace(level).acknowledgement
        return self.duty_ends(now) if held is None else now + held

    def duty_ends(self, now: Millis) -> Millis:
        """The next end of duty after `now`; at that very minute, tomorrow's."""
        local = to_datetime(now).astimezone(SEOUL)
        end = local.replace(hour=self.duty_ends_hour, minute=0, second=0, microsecond=0)
        return to_millis(end if end > local else end + timedelta(days=1))
