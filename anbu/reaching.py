"""What the commands about reaching people do: open the book of contact points, send a test, make the canary's account."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alerts.contacts import ContactBook
from alerts.trial import Trial, try_channels
from anbu.broker_site import CANARY_ACCOUNT, BrokerFolder
from anbu.canary import canary_topics
from anbu.channels import open_channels
from anbu.ending import Refusal
from anbu.language import say
from anbu.opening import open_site
from ingest.register.register import Register


@contextmanager
def open_contacts(config: Path | None) -> Iterator[ContactBook]:
    """The site's contact points."""
    with open_site(config) as site:
        yield ContactBook(site.engine, site.sealer, site.clock)


def test_person(config: Path | None, person: str, names: Sequence[str]) -> list[Trial]:
    """Send a test by each of the person's channels, or by these, through what the settings name."""
    with ExitStack() as stack:
        site = stack.enter_context(open_site(config))
        book = ContactBook(site.engine, site.sealer, site.clock)
        channels = open_channels(site.settings, book, site.sealer, site.clock, stack)
        return try_channels(channels.by_name, book, person, site.clock, site.settings.base_url, names)


def make_canary(config: Path | None) -> tuple[str, str, int]:
    """The account, its new password, and for how many dongs it may write. Refusal without a broker folder of the site's own."""
    with open_site(config) as site:
        folder = BrokerFolder(site.settings.broker_folder)
        if not folder.acl.exists():
            raise Refusal(
                say(f"{folder.folder} 에 브로커 설정이 없습니다", f"there is no broker of the site's own in {folder.folder}"),
                say(
                    "anbu broker init 을 먼저 하거나, 쓰는 브로커에 계정을 만들고 docs/channels.md 의 권한을 주십시오",
                    "anbu broker init first, or make the account at your broker with the topics in docs/channels.md",
                ),
            )
        dongs = [dong.code for dong in Register(site.engine, site.sealer, site.clock).dongs()]
        password = secrets.token_urlsafe(24)
        folder.set_password(CANARY_ACCOUNT, password)
        folder.allow(CANARY_ACCOUNT, canary_topics(dongs))
        return CANARY_ACCOUNT, password, len(dongs)
