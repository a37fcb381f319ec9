"""What the pages and the API are handed by whoever starts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.aftercare.care import Aftercare
from alerts.call import CallAnswers
from alerts.contacts import ContactBook
from alerts.delivery import Channel
from alerts.desk import Desk
from alerts.duty.office import DutyOffice
from alerts.figures.figures import FigureBook
from alerts.proof import Paths
from alerts.rulebook import Rulebook
from alerts.trend_notes import TrendNotes
from dashboard_api.accounts import Accounts
from dashboard_api.tokens import Tokens
from dashboard_api.whatif import TriesRules
from ingest.clock import Clock, Millis
from ingest.history.port import History
from ingest.losses import Losses
from ingest.posted import Postbox
from ingest.register.register import Register
from ingest.register.strangers import Strangers
from rules.observability import Sights
from rules.seen import HomeSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHealth:
    """How one stage is doing now; `detail` says what is wrong and what comes next, without personal data."""

    name: str
    ok: bool
    detail: str
    lag: int | None = None  # journal entries not yet taken, where the stage reads the journal
    upkeep: bool = False  # nothing is missed while it is not well: for the operator, not for the page


class Speed(Protocol):
    """The demo's switch: home seconds per machine second."""

    @property
    def rate(self) -> float:
        """The rate now."""
        ...

    def set_rate(self, rate: float) -> None:
        """Run home time at this rate from now on; ValueError unless it is above 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How people are reached, and how it is known that they are."""

    contacts: ContactBook
    channels: Mapping[str, Channel]
    paths: Paths
    base_url: str  # of the page, as staff reach it
    proving: bool  # whether synthetic alarms are sent at all
    push_key: str | None = None  # what a browser subscribes with; None: no web push
    calls: CallAnswers | None = None
    call_secret: bytes | None = None  # what the bridge of automatic calls signs with; None: there is none


class LooksBack(Protocol):
    """The journal run again up to a moment. May take seconds."""

    def __call__(self, household: str, at: Millis) -> HomeSeen:
        """What the rules saw of the home then; CannotSay."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The stores and answers behind the pages; `create_app` asks for nothing else."""

    desk: Desk
    register: Register
    history: History
    accounts: Accounts
    losses: Losses
    aftercare: Aftercare
    figures: FigureBook
    clock: Clock
    stages: Callable[[], Sequence[StageHealth]]
    duty: DutyOffice
    looks_back: LooksBack | None = None  # None: the past is not run again
    trends: TrendNotes | None = None  # None: a home's weeks are not shown
    rulebook: Rulebook | None = None  # the limits, and who may change them; None: charts draw none
    sights: Callable[[], Sights | None] = lambda: None  # which homes the rules could not observe; None: nobody knows
    tries_rules: TriesRules | None = None  # None: no other rules can be tried on the past
    speed: Speed | None = None  # None: a real site, home time is not ours to change
    tokens: Tokens | None = None  # None: no program has access
    postbox: Postbox | None = None  # None: nothing is taken by HTTPS
    strangers: Strangers | None = None  # None: unclaimed devices are not shown
    report_secret: bytes | None = None  # signs what a bot reports; None: the form alone
    reach: Reach | None = None  # None: people are told by the page alone
    https: bool = True  # False only on loopback: the cookie then cannot be Secure
    demo_login: tuple[str, str] | None = None  # shown on the log-in page of a demo
