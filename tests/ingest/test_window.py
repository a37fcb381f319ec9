"""Proves that each message of a device is settled once: out of order, over gaps, across boots and the wrap of its numbers."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.window import BOOTS, MAX_BOOT, MAX_SEQ, RANGES, Window, Windows

ALL = 2**32


def test_each_number_is_settled_once() -> None:
    window = Window()
    assert [window.settle(1, seq) for seq in (0, 1, 1, 3, 2, 2, 3, 0)] == [True, True, False, True, True, False, False, False]


def test_device_first_heard_in_the_middle_may_still_deliver_what_came_before() -> None:
    window = Window()
    assert window.settle(1, 1_000) and window.settle(1, 999) and window.settle(1, 0)
    assert not window.settle(1, 999)


def test_new_boot_starts_anew_and_late_messages_of_the_old_one_are_settled_once() -> None:
    window = Window()
    assert window.settle(1, 0) and window.settle(1, 2)
    assert window.settle(2, 0)
    assert window.settle(1, 1) and not window.settle(1, 2) and not window.settle(1, 1)
    assert not window.settle(2, 0) and window.settle(2, 1)


def test_counter_that_was_wiped_does_not_silence_the_device() -> None:
    window = Window()
    assert window.settle(900, 5)
    assert window.settle(0, 0) and window.settle(0, 1) and not window.settle(0, 1)


def test_numbers_wrap() -> None:
    window = Window()
    numbers = [(MAX_SEQ - 2 + step) % ALL for step in range(6)]
    assert all(window.settle(1, seq) for seq in numbers)
    assert not any(window.settle(1, seq) for seq in numbers)
    assert window.settle(1, MAX_SEQ - 3), "late, from before the wrap"
    assert len(window.boots[0].ends) == 2, "one range, without a seam at the wrap"


def test_numbers_can_wrap_many_times() -> None:
    window = Window()
    step = 2**31 - 1
    for turn in range(20):
        assert window.settle(1, turn * step % ALL)
        assert not window.settle(1, turn * step % ALL)


def test_asking_notes_nothing() -> None:
    window = Window()
    assert not window.settled(1, 5) and not window.settled(1, 5)
    assert window.settle(1, 5) and window.settled(1, 5) and not window.settled(1, 6)


def test_only_the_boots_last_heard_are_kept() -> None:
    window = Window()
    for boot in range(BOOTS + 1):
        assert window.settle(boot, 0)
        assert window.settle(1, boot + 1), "boot 1 goes on being heard"
    assert not window.settle(1, 0) and not window.settle(BOOTS, 0)
    assert window.settle(0, 0), "forgotten, so taken again rather than lost"
    assert len(window.boots) == BOOTS


def test_past_the_bound_the_oldest_gap_is_given_up() -> None:
    window = Window()
    for number in range(RANGES + 1):
        assert window.settle(1, number * 2)
    assert not window.settle(1, 1), "given up: a lost reading, never a replayed one"
    assert window.settle(1, 3) and window.settle(1, RANGES * 2 - 1)
    assert len(window.boots[0].ends) <= 2 * RANGES


@settings(derandomize=True)
@given(
    st.integers(0, MAX_SEQ),
    st.lists(st.tuples(st.integers(0, 2), st.integers(-40, 40)), max_size=120),
)
def test_window_agrees_with_a_plain_set_while_gaps_stay_within_the_bound(start: int, steps: list[tuple[int, int]]) -> None:
    window = Window()
    seen: set[tuple[int, int]] = set()
    for boot, step in steps:
        seq = (start + step) % ALL
        assert window.settled(boot, seq) == ((boot, seq) in seen)
        assert window.settle(boot, seq) == ((boot, seq) not in seen)
        seen.add((boot, seq))
        for known in window.boots:
            assert known.ends == sorted(known.ends)


@settings(derandomize=True)
@given(st.lists(st.tuples(st.integers(0, MAX_BOOT), st.integers(0, MAX_SEQ)), max_size=300))
def test_no_numbers_make_it_raise_or_grow_without_bound(messages: list[tuple[int, int]]) -> None:
    window = Window()
    for boot, seq in messages:
        window.settle(boot, seq)
        assert window.settled(boot, seq)
    assert len(window.boots) <= BOOTS
    assert all(len(known.ends) <= 2 * RANGES for known in window.boots)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(window), type=Window) == window


def test_a_long_night_of_losses_and_repeats_settles_what_arrives_once() -> None:
    chance = random.Random(7)
    window = Window()
    settled = [0] * 5_000
    queue: list[int] = []
    for seq in range(5_000):
        queue += [seq] * chance.choice((0, 1, 1, 1, 2))
        chance.shuffle(queue)
        while len(queue) > 20:
            number = queue.pop()
            settled[number] += window.settle(1, number)
    assert max(settled) == 1


def test_windows_come_back_from_their_bytes_and_go_on_alike() -> None:
    one = Windows()
    for device_id in ("b", "a"):
        assert one.settle(device_id, 1, 5) and one.settle(device_id, 2, 0)
    back = Windows()
    back.restore(one.snapshot())
    assert back.snapshot() == one.snapshot()
    assert not back.settle("a", 1, 5) and back.settle("a", 1, 6)
    back.forget("a")
    back.forget("nobody")
    assert back.settle("a", 1, 5)
    back.restore(None)
    assert back.snapshot() == Windows().snapshot()


def test_asking_about_a_device_never_heard_notes_nothing() -> None:
    windows = Windows()
    assert not windows.settled("a", 1, 5)
    assert windows.snapshot() == Windows().snapshot()


_DEVICES = st.sampled_from("abc")


@settings(derandomize=True)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(("settle", "settled")), _DEVICES, st.integers(0, 2), st.integers(0, 12)),
            st.tuples(st.just("forget"), _DEVICES, st.just(0), st.just(0)),
            st.just(("snapshot", "", 0, 0)),
            st.just(("restore", "", 0, 0)),
        ),
        max_size=80,
    )
)
def test_windows_answer_as_one_window_for_each_device_whenever_they_are_written_and_read(
    steps: list[tuple[str, str, int, int]],
) -> None:
    windows, unwritten, plain = Windows(), Windows(), dict[str, Window]()
    for act, device_id, boot, seq in steps:
        if act == "settle":
            answer = plain.setdefault(device_id, Window()).settle(boot, seq)
            assert windows.settle(device_id, boot, seq) == unwritten.settle(device_id, boot, seq) == answer
        elif act == "settled":
            answer = plain.get(device_id, Window()).settled(boot, seq)
            assert windows.settled(device_id, boot, seq) == unwritten.settled(device_id, boot, seq) == answer
        elif act == "forget":
            plain.pop(device_id, None)
            windows.forget(device_id)
            unwritten.forget(device_id)
        else:
            written = windows.snapshot()
            if act == "restore":
                windows = Windows()
                windows.restore(written)
    assert windows.snapshot() == unwritten.snapshot(), "whoever read the same has the same bytes, written before or not"
