"""Proves that a stage of ours which fails is told of beyond the page, once, and that its end is told of too."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from alerts.contacts import ContactBook, Kind
from alerts.delivery import Delivery, Sent, Temporary
from alerts.policy import Policy, Route
from anbu.watch import AGAIN, PATIENCE, SystemWatch
from dashboard_api.services import StageHealth
from ingest.clock import MINUTE, SECOND
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Level
from tests.alerts.alert_parts import Book, HandClock

ROUTES = (
    Route(channel="webhook", recipient="centre"),
    Route(channel="webhook", recipient="centre", least=Level.DANGER),
    Route(channel="webhook", recipient="dong", dong_code="dong-1"),
)


class Watched:
    """A watch over stages that a test breaks and mends."""

    def __init__(self, *answers: Temporary) -> None:
        self.ill: set[str] = set()
        self.clock = HandClock()
        self.book = Book(*answers)
        self.watch = SystemWatch(self._stages, {"webhook": self.book}, Policy(routes=ROUTES), self.clock)

    def _stages(self) -> list[StageHealth]:
        return [StageHealth(name=name, ok=name not in self.ill, detail="no room") for name in ("journal", "rules")]

    def after(self, length: int) -> list[tuple[str, str]]:
        """Every notice so far, `length` ms of machine time later."""
        self.clock.machine += length
        with capture_logs():
            self.watch.turn()
        return [(message.kind, message.code) for message in self.book.messages]


def test_a_full_journal_is_told_of_at_once_and_only_once_and_so_is_its_end() -> None:
    site = Watched()
    assert site.after(SECOND) == []
    site.ill = {"journal"}
    assert site.after(SECOND) == [("stage_failed", "journal")], "to the one recipient of every dong"
    assert len(site.after(PATIENCE)) == 1
    site.ill = set()
    assert site.after(SECOND) == [("stage_failed", "journal"), ("stage_mended", "journal")]
    assert len(site.after(PATIENCE)) == 2
    assert len({message.id for message in site.book.messages}) == 2


def test_a_stage_that_mends_itself_within_a_minute_is_nobody_elses_business() -> None:
    site = Watched()
    site.ill = {"rules"}
    site.after(SECOND)
    assert site.after(PATIENCE - 1) == []
    site.ill = set()
    assert site.after(SECOND) == []
    site.ill = {"rules"}
    site.after(SECOND)
    assert site.after(PATIENCE) == [("stage_failed", "rules")]


def test_what_could_not_be_sent_is_sent_later_unless_it_is_over() -> None:
    site = Watched(Temporary(error="no answer"), Temporary(error="no answer"))
    site.ill = {"journal"}
    site.after(SECOND)
    site.after(AGAIN)
    assert len(site.book.given) == 2 and site.book.given[0].id == site.book.given[1].id
    site.after(AGAIN)
    assert len(site.book.given) == 3
    late = Watched(Temporary(error="no answer"))
    late.ill = {"journal"}
    late.after(SECOND)
    late.ill = set()
    assert len(late.after(AGAIN)) == 1, "nobody heard that it had failed: nobody is told that it is over"


def test_people_named_in_the_settings_are_told_by_every_channel_of_theirs_also_when_the_store_is_away(tmp_path: Path) -> None:
    file = tmp_path / "anbu.sqlite3"
    engine = open_store(f"sqlite:///{file}")
    metadata.create_all(engine)
    clock = HandClock()
    contacts = ContactBook(engine, Sealer(b"k" * 32), clock)
    contacts.add("kim", Kind.EMAIL, "kim@example.kr")
    contacts.add("kim", Kind.PHONE, "010-0000-1234")
    reached: list[tuple[str, tuple[str, ...]]] = []

    class Reached:
        def __init__(self, name: str) -> None:
            self.name = name

        def send(self, delivery: Delivery) -> Sent:
            reached.append((self.name, contacts.addresses(delivery.recipient, self.name)))
            return Sent()

    class Broken:
        def send(self, delivery: Delivery) -> Sent:
            raise RuntimeError("defect")

    ill: list[StageHealth] = []
    policy = Policy(
        routes=(Route(channel=None, recipient="kim"), Route(channel="console", recipient="console")),
        channels=("email", "message"),
    )
    channels = {"email": Reached("email"), "message": Reached("message"), "console": Broken()}
    watch = SystemWatch(lambda: ill, channels, policy, clock, contacts)
    watch.turn()
    engine.dispose()
    file.unlink()
    file.mkdir()  # the store is away
    ill.append(StageHealth(name="journal", ok=False, detail="no room"))
    clock.machine += MINUTE
    with capture_logs():
        watch.turn()
    assert reached == [("email", ("kim@example.kr",)), ("message", ("01000001234",))]
