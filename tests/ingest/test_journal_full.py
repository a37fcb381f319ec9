"""Proves what a full disk does: nothing is acknowledged, it is said, and all goes on by itself when there is room."""

from __future__ import annotations

from structlog.testing import capture_logs

from ingest.clock import SystemClock
from ingest.facts import LinkDown, LinkUp
from ingest.journal.sqlite import SqliteJournal
from ingest.source import BrokerAddress, MqttSource, Pace
from tests.ingest.faulty_days import became, enrolment, everything, identities, rubbish, spoken
from tests.servers import Broker, publish
from tests.small_disk import SmallDisk
from tests.waiting import until

QUICK = Pace(canary_every_s=0.2, backoff_first_s=0.05, backoff_most_s=0.2, idle_s=0.01)


def test_a_full_disk_is_no_acknowledgement_and_the_source_goes_on_when_there_is_room(
    broker: Broker, small_disk: SmallDisk
) -> None:
    clock = SystemClock()
    journal = SqliteJournal(small_disk.folder / "journal")
    journal.append(enrolment(clock.home_now()))
    source = MqttSource(journal, clock, BrokerAddress(host="127.0.0.1", port=broker.port, client_id="anbu-test"), pace=QUICK)
    source.start()
    try:
        until(lambda: source.status().caught_up)
        publish(broker.port, [spoken(number, clock.home_now()) for number in range(200)])
        until(lambda: len(became(everything(journal), 0).counted) == len(identities(range(200))))
        small_disk.fill()
        with capture_logs() as said:
            publish(broker.port, [spoken(number, clock.home_now()) for number in range(200, 2_000)])
            until(lambda: journal.trouble is not None, what="the journal says that it is full")
            until(lambda: "journal is full" in str(source.status().error), what="the source says why it does not listen")
        words = [line for line in said if line["log_level"] == "error"]
        assert [line["event"] for line in words] == ["the journal takes nothing, nothing is acknowledged until there is room"]
        frozen = journal.frontier(clock.home_now())
        assert frozen.at < clock.home_now() and journal.frontier(clock.home_now()).at == frozen.at, "home time stands"
        small_disk.make_room()
        until(lambda: source.status().caught_up, 20, "it listens again, by itself")
        until(lambda: len(became(everything(journal), 0).counted) == len(identities(range(2_000))), 20)
        assert journal.trouble is None and journal.frontier(clock.home_now()).at > frozen.at
    finally:
        source.stop()
    found = became(everything(journal), clock.home_now())
    assert found.counted == identities(range(2_000)), "counted exactly once"
    assert found.refused == rubbish(range(2_000)), "rejections are all kept"
    links = [entry.body for entry in everything(journal) if isinstance(entry.body, LinkDown | LinkUp)]
    gap = [(type(link).__name__, link.source) for link in links if link.source == "journal"]
    assert gap[:2] == [("LinkDown", "journal"), ("LinkUp", "journal")], "that we could not hear is written down"
    journal.close()
