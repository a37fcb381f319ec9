"""Proves what a device is told: cumulative, gaps asked for after 60 s and given up after 24 h of home time, never by guess."""

from __future__ import annotations

import random

from ingest.acks_ledger import HEARD_FOR, REJECTED_TOLD, Ledger
from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.window import BOOTS, MAX_SEQ, RANGES, Window
from ingest.wire import Ack, decode_ack, encode_ack

T: Millis = 1_767_225_600_000


def told(ledger: Ledger, boot: int = 1, now: Millis | None = None) -> Ack:
    book = ledger.book("d", boot)
    assert book is not None
    return book.ack(now)


def settle(ledger: Ledger, *seqs: int, boot: int = 1, at: Millis = T) -> None:
    for seq in seqs:
        ledger.expire(at)
        ledger.settle("d", boot, seq, at)


def lost(ledger: Ledger) -> list[tuple[int, int, int]]:
    given = [(one.boot, one.loss.first, one.loss.last) for one in ledger.given_up]
    ledger.given_up.clear()
    return given


def test_what_came_without_a_gap_is_told_as_one_number() -> None:
    ledger = Ledger()
    settle(ledger, 0, 1, 2, 3)
    assert told(ledger) == Ack(boot=1, upto=3, rejected=[])
    assert encode_ack(told(ledger)) == b'{"boot":1,"upto":3,"rejected":[]}'


def test_a_gap_holds_upto_back_and_what_lies_beyond_it_may_be_forgotten() -> None:
    ledger = Ledger()
    settle(ledger, 0, 1, 5, 6, 9)
    assert told(ledger) == Ack(boot=1, upto=1, rejected=[], kept=[(5, 6), (9, 9)])
    settle(ledger, 3)
    assert told(ledger).kept == [(3, 3), (5, 6), (9, 9)]
    settle(ledger, 2, 4, 8, 7)
    assert told(ledger) == Ack(boot=1, upto=9, rejected=[])


def test_a_gap_is_asked_for_when_it_is_60_s_old_and_not_again_for_10_min() -> None:
    ledger = Ledger()
    settle(ledger, 0, 3)
    assert not list(ledger.asking(T + 59 * SECOND))
    assert told(ledger, now=T + 59 * SECOND).missing == []
    assert list(ledger.asking(T + 60 * SECOND))
    assert told(ledger, now=T + 60 * SECOND).missing == [(1, 2)]
    assert told(ledger, now=T + 61 * SECOND).missing == []
    assert told(ledger, now=T + 11 * MINUTE).missing == [(1, 2)]


def test_after_a_restart_it_is_asked_again() -> None:
    ledger, again = Ledger(), Ledger()
    settle(ledger, 0, 3)
    before = ledger.snapshot()
    assert told(ledger, now=T + MINUTE).missing == [(1, 2)]
    assert ledger.snapshot() == before, "when a device was asked is no part of the state"
    again.restore(ledger.snapshot())
    assert told(again, now=T + 2 * MINUTE).missing == [(1, 2)]


def test_a_gap_is_lost_after_24_h_and_upto_passes_it() -> None:
    ledger = Ledger()
    settle(ledger, 0, 3)
    ledger.expire(T + DAY - 1)
    assert lost(ledger) == []
    settle(ledger, 4, at=T + DAY)
    assert lost(ledger) == [(1, 1, 2)]
    assert told(ledger).upto == 4


def test_when_a_gap_is_lost_depends_on_the_journal_and_not_on_how_it_is_read() -> None:
    one, other = Ledger(), Ledger()
    for ledger, looks in ((one, (T + DAY + HOUR,)), (other, (T + DAY, T + DAY + MINUTE))):
        settle(ledger, 0, 3)
        for now in looks:
            ledger.expire(now)
    assert [given.loss.lost_at for given in one.given_up] == [given.loss.lost_at for given in other.given_up] == [T + DAY]
    assert one.snapshot() == other.snapshot()


def test_what_arrives_after_it_was_given_up_is_noted() -> None:
    ledger = Ledger()
    settle(ledger, 0, 3, 4, at=T)
    ledger.expire(T + DAY)
    lost(ledger)
    settle(ledger, 1, at=T + DAY + 1)
    assert [(given.loss.first, given.loss.last, given.loss.late) for given in ledger.given_up] == [(1, 2, 1)]
    assert told(ledger).upto == 4


def test_while_we_cannot_hear_nothing_is_asked_for_and_nothing_lost() -> None:
    ledger = Ledger()
    settle(ledger, 0, 3)
    ledger.link_down()
    ledger.expire(T + 2 * DAY)
    assert lost(ledger) == [] and not list(ledger.asking(T + 2 * DAY))
    ledger.link_up(T + 2 * DAY)
    ledger.expire(T + 2 * DAY + HEARD_FOR - 1)
    assert lost(ledger) == [] and list(ledger.asking(T + 2 * DAY))
    ledger.expire(T + 2 * DAY + HEARD_FOR)
    assert lost(ledger) == [(1, 1, 2)]


def test_what_lies_before_the_first_message_is_asked_for_but_never_counted_as_lost() -> None:
    ledger = Ledger()
    settle(ledger, 12_345, 12_346)
    assert told(ledger) == Ack(boot=1, upto=-1, rejected=[], kept=[(12_345, 12_346)])
    assert told(ledger, now=T + MINUTE).missing == [(0, 12_344)]
    ledger.expire(T + DAY)
    assert lost(ledger) == []
    assert told(ledger).upto == 12_346


def test_a_later_boot_begins_at_0_and_its_missing_head_can_be_lost() -> None:
    ledger = Ledger()
    settle(ledger, 7, 8)
    settle(ledger, 2, boot=2)
    assert told(ledger, boot=2, now=T + MINUTE).missing == [(0, 1)]
    ledger.expire(T + DAY)
    assert lost(ledger) == [(2, 0, 1)]


def test_each_boot_has_its_own_account_and_a_late_one_of_the_old_boot_is_taken() -> None:
    ledger = Ledger()
    settle(ledger, 0, 1, 3)
    settle(ledger, 0, 1, boot=2)
    assert (told(ledger).upto, told(ledger, boot=2).upto) == (1, 1)
    settle(ledger, 2)
    assert told(ledger).upto == 3


def test_a_boot_pushed_out_by_newer_ones_leaves_what_it_lacks_as_lost() -> None:
    ledger = Ledger()
    settle(ledger, 0)
    settle(ledger, 0, 4, boot=2)
    settle(ledger, 0, boot=3)
    for boot in range(4, BOOTS + 3):
        settle(ledger, 0, boot=boot, at=T + boot)
    assert lost(ledger) == [(2, 1, 3)]
    assert ledger.book("d", 2) is None


def test_a_device_that_is_removed_leaves_what_it_lacks_as_lost() -> None:
    ledger = Ledger()
    settle(ledger, 0, 3)
    ledger.forget("d", T + 5)
    assert lost(ledger) == [(1, 1, 2)]
    assert ledger.open_gaps == 0 and ledger.book("d", 1) is None


def test_rejected_numbers_are_passed_and_told() -> None:
    ledger = Ledger()
    settle(ledger, *range(50))
    book = ledger.book("d", 1)
    assert book is not None
    for seq in (3, 3, 4, *range(10, 10 + REJECTED_TOLD)):
        book.refuse(seq)
    assert told(ledger).upto == 49
    assert told(ledger).rejected == list(range(10, 10 + REJECTED_TOLD))


def test_numbers_wrap() -> None:
    ledger = Ledger()
    settle(ledger, 0)
    for seq in (2**31 - 1, 2**32 - 3, MAX_SEQ, 0):  # steps short enough to tell the direction
        settle(ledger, seq)
    assert told(ledger).kept[-1] == (MAX_SEQ, 0)
    ack = told(ledger, now=T + MINUTE)
    assert ack.missing[-1] == (2**32 - 2, 2**32 - 2)
    assert decode_ack(encode_ack(ack)) == ack


def test_the_oldest_gap_is_given_up_exactly_where_the_window_gives_it_up() -> None:
    ledger, window = Ledger(), Window()
    for number in range(RANGES + 1):
        settle(ledger, number * 2)
        window.settle(1, number * 2)
    assert lost(ledger) == [(1, 1, 1)]
    assert window.settled(1, 1) and not window.settled(1, 3)
    assert told(ledger).upto == 2


def test_what_the_window_had_given_up_counts_as_lost_when_it_comes() -> None:
    ledger = Ledger()
    settle(ledger, 0, 3)
    ledger.settle("d", 1, 2, T + 1, repeated=True)
    assert lost(ledger) == [(1, 2, 2)]


def test_a_shuffled_night_comes_out_as_a_plain_set_would_have_it_and_survives_restarts() -> None:
    chance = random.Random(3)
    ledger = Ledger()
    seen: set[int] = set()
    order = [seq for seq in range(400) for _ in range(3)]
    order.sort(key=lambda seq: seq + chance.random() * 60)
    for step, seq in enumerate(order):
        ledger.settle("d", 1, seq, T + step, repeated=seq in seen)
        seen.add(seq)
        if step % 50 == 0:
            state = ledger.snapshot()
            ledger = Ledger()
            ledger.restore(state)
            assert ledger.snapshot() == state
        ack = told(ledger)
        covered = set(range(ack.upto + 1)) | {seq for first, last in ack.kept for seq in range(first, last + 1)}
        assert covered <= seen and (len(ack.kept) == 32 or covered == seen)
    assert told(ledger) == Ack(boot=1, upto=399, rejected=[])
    assert lost(ledger) == []
