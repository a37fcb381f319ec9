"""What is to be told leaves at least once, under one number, gravest first, and not after the end."""

from __future__ import annotations

import random

import pytest

from alerts import outbox
from alerts.channels.console import Console
from alerts.check import Outcome
from alerts.delivery import Permanent, Sent, Temporary
from alerts.outbox import LEASE, Sender
from alerts.policy import Policy, Route
from alerts.tables import delivery
from ingest.clock import HOUR, MINUTE, SECOND, to_iso
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, Book, Site, finding, make_site


def states(site: Site) -> list[str]:
    return [row.state for row in site.rows(delivery)]


def test_a_message_carries_level_dong_code_and_link_and_nothing_of_the_person(site: Site) -> None:
    site.take(finding(level=Level.WARNING))
    site.sender.turn()
    (message,) = site.book.messages
    found = site.only()
    assert (message.kind, message.level, message.dong, message.code) == ("opened", "warning", "dong-1", found.code)
    assert message.link == f"http://127.0.0.1:8080/checks/{found.id}"
    assert message.at == to_iso(MORNING)
    assert message.id == site.book.given[0].id
    assert b"hh-1" not in site.book.given[0].body
    assert states(site) == ["sent"]
    assert site.sender.turn() == 0


def test_routes_choose_by_dong_and_level(tmp_path: object) -> None:
    routes = (
        Route(channel="webhook", recipient="all"),
        Route(channel="webhook", recipient="grave", least=Level.DANGER),
        Route(channel="webhook", recipient="elsewhere", dong_code="dong-2"),
    )
    site = make_site("sqlite://", Policy(routes=routes))
    site.take(finding(level=Level.WARNING))
    site.sender.turn()
    assert [each.recipient for each in site.book.given] == ["all"]
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    assert sorted(each.recipient for each in site.book.given[1:]) == ["all", "grave"]


def test_the_gravest_goes_first(site: Site) -> None:
    for number, level in enumerate((Level.CAUTION, Level.DANGER, Level.WARNING)):
        site.take(finding(household=f"hh-{number}", level=level))
        site.clock.machine += SECOND
    site.sender.turn()
    assert [each.level for each in site.book.messages] == ["danger", "warning", "caution"]


def test_a_temporary_failure_is_tried_again_later_with_growing_pauses(site: Site) -> None:
    site.book.answers = [Temporary(error="down")] * 6
    site.take(finding(level=Level.WARNING))
    pauses = []
    for _ in range(6):
        assert site.sender.turn() == 1
        (row,) = site.rows(delivery)
        pauses.append(row.due_at - site.clock.machine)
        assert site.sender.turn() == 0
        site.clock.machine = row.due_at
    assert site.sender.turn() == 1
    assert states(site) == ["sent"]
    for number, pause in enumerate(pauses):
        assert 1 * SECOND << number <= pause <= 2 * SECOND << number  # half of it is chance
    assert len({each.id for each in site.book.given}) == 1
    assert len({each.body for each in site.book.given}) == 1


def test_pauses_differ_by_chance_so_that_failures_do_not_return_together(site: Site) -> None:
    site.book.answers = [Temporary(error="down")] * 20
    site.take(*(finding(household=f"hh-{number}", level=Level.WARNING) for number in range(20)))
    while site.sender.turn():
        pass
    assert len({row.due_at for row in site.rows(delivery)}) > 15


def test_what_the_receiver_asked_for_is_honoured_up_to_an_hour(site: Site) -> None:
    site.take(finding())
    for asked, waits in ((90 * SECOND, 90 * SECOND), (48 * HOUR, HOUR)):
        site.book.answers = [Temporary(error="busy", retry_after=asked)]
        site.sender.turn()
        assert site.rows(delivery)[0].due_at - site.clock.machine == waits
        site.clock.machine += waits


def test_a_permanent_failure_is_not_tried_again_and_stays_visible(site: Site) -> None:
    site.book.answers = [Permanent(error="status 401")]
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    site.clock.machine += HOUR
    assert site.sender.turn() == 0
    assert [(row.state, row.error) for row in site.rows(delivery)] == [("failed", "status 401")]


def test_attempts_are_bounded_below_danger_and_not_at_danger(site: Site) -> None:
    site.book.answers = [Temporary(error="down")] * 1_000
    site.take(finding(household="hh-1", level=Level.WARNING), finding(household="hh-2", level=Level.DANGER))
    for _ in range(outbox.ATTEMPTS + 20):
        while site.sender.turn():
            pass
        site.clock.machine += 5 * MINUTE
    kept = {row.level: (row.state, row.attempts) for row in site.rows(delivery)}
    assert kept[Level.WARNING] == ("failed", outbox.ATTEMPTS)
    assert kept[Level.DANGER] == ("waiting", outbox.ATTEMPTS + 20)


def test_a_channel_that_breaks_is_a_temporary_failure_and_the_sender_goes_on(site: Site) -> None:
    site.book.answers = [RuntimeError("defect")]
    site.take(finding(household="hh-1"), finding(household="hh-2"))
    site.sender.turn()
    site.sender.turn()
    assert sorted(states(site)) == ["sent", "waiting"]


def test_after_resolve_nothing_more_leaves(site: Site) -> None:
    site.book.answers = [Temporary(error="down")]
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    site.clock.machine += HOUR
    assert site.sender.turn() == 0
    assert states(site) == ["withdrawn"]


def test_what_was_being_sent_while_the_check_ended_is_not_tried_again(site: Site) -> None:
    class Ending(Book):
        def send(self, given: object) -> Temporary:
            site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
            return Temporary(error="down")

    site.take(finding(level=Level.DANGER))
    assert Sender(site.engine, site.clock, {"webhook": Ending()}).turn() == 1
    site.clock.machine += HOUR
    assert site.sender.turn() == 0
    assert states(site) == ["withdrawn"]


def test_a_newer_telling_replaces_one_that_still_waits(site: Site) -> None:
    site.take(finding(level=Level.CAUTION), finding(level=Level.WARNING), finding(RuleKey.SOS, Level.DANGER))
    site.sender.turn()
    assert [(each.kind, each.level) for each in site.book.messages] == [("risen", "danger")]
    assert sorted(states(site)) == ["sent", "withdrawn", "withdrawn"]


def test_two_senders_never_send_the_same_at_once_and_a_dead_ones_work_is_taken_up(site: Site) -> None:
    other = Book()
    second = Sender(site.engine, site.clock, {"webhook": other})

    class Nested(Book):
        def send(self, given: object) -> Sent:
            assert second.turn() == 0  # it is ours while our lease lasts
            site.clock.machine += LEASE
            assert second.turn() == 1  # we seem dead
            return Sent()

    site.take(finding())
    assert Sender(site.engine, site.clock, {"webhook": Nested()}).turn() == 1
    assert len(other.given) == 1
    assert states(site) == ["sent"]


def test_a_sender_leaves_other_channels_alone(site: Site) -> None:
    site.take(finding())
    assert Sender(site.engine, site.clock, {"console": Console(lambda line: None)}).turn() == 0
    assert states(site) == ["waiting"]


def test_a_turn_waits_for_a_failing_receiver_once(site: Site) -> None:
    site.book.answers = [Temporary(error="hangs")] * 5
    site.take(*(finding(household=f"hh-{number}") for number in range(5)))
    assert site.sender.turn() == 1


def test_the_console_says_it_in_one_line_without_the_person() -> None:
    lines: list[str] = []
    site = make_site("sqlite://", Policy(base_url="https://anbu.example/"))
    site.take(finding(level=Level.DANGER))
    Sender(site.engine, site.clock, {"console": Console(lines.append)}, chance=random.Random(1)).turn()
    (line,) = lines
    found = site.only()
    assert line.startswith(
        f"notice level=danger kind=opened dong=dong-1 code={found.code} link=https://anbu.example/checks/{found.id}"
    )
    assert "\n" not in line
    assert "hh-1" not in line


def test_a_console_that_takes_nothing_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(line: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    site = make_site("sqlite://", Policy())
    site.take(finding())
    assert Sender(site.engine, site.clock, {"console": Console(broken)}).turn() == 1
    assert states(site) == ["waiting"]
    site.clock.machine += MINUTE
    assert Sender(site.engine, site.clock, {"console": Console()}).turn() == 1
    assert "notice level=caution" in capsys.readouterr().out
