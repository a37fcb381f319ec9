"""Proves what a simulated device keeps and sends again: until acknowledged, what is asked for, and never without bound."""

from __future__ import annotations

from itertools import pairwise

from ingest.wire import Ack, Payload, encode
from simulators.keeping import AGAIN_MOST_S, AGAIN_S, Keeper
from simulators.message import SimMessage


def message(seq: int, *, device: str = "d-1", boot: int = 1) -> SimMessage:
    return SimMessage(at=seq, topic=f"anbu/v1/dong-1/hh-1/{device}/motion", payload=encode(Payload(boot=boot, seq=seq, v=1)))


def keeper(*seqs: int, most: int = 100) -> Keeper:
    made = Keeper(most)
    for seq in seqs:
        made.keep(message(seq), 0.0)
    return made


def numbers(messages: list[SimMessage]) -> list[int]:
    return [one.at for one in messages]


def ack(upto: int, **more: list[tuple[int, int]]) -> Ack:
    return Ack(boot=1, upto=upto, rejected=[], **more)


def test_everything_up_to_upto_is_forgotten_and_nothing_else() -> None:
    kept = keeper(0, 1, 2, 3)
    assert kept.hear("d-1", ack(1), 1.0) == []
    assert numbers(kept.everything()) == [2, 3]
    kept.hear("d-1", ack(-1), 1.0)
    kept.hear("d-2", ack(3), 1.0)
    kept.hear("d-1", Ack(boot=2, upto=3, rejected=[]), 1.0)
    assert numbers(kept.everything()) == [2, 3]


def test_what_is_missing_is_sent_again_and_what_lies_beyond_is_forgotten() -> None:
    kept = keeper(0, 1, 2, 3, 4, 5)
    assert numbers(kept.hear("d-1", ack(0, kept=[(3, 4)], missing=[(1, 2), (9, 9)]), 1.0)) == [1, 2]
    assert numbers(kept.everything()) == [1, 2, 5]


def test_numbers_wrap() -> None:
    top = 2**32 - 1
    kept = keeper(top - 1, top, 0, 1)
    assert numbers(kept.hear("d-1", ack(top, missing=[(top, 0)]), 1.0)) == [0]
    assert numbers(kept.everything()) == [0, 1]


def test_a_device_that_hears_nothing_sends_its_oldest_again_ever_more_rarely() -> None:
    kept = keeper(0, 1)
    kept.keep(message(0, device="d-2"), AGAIN_S)
    assert kept.due(AGAIN_S - 1) == []
    assert numbers(kept.due(AGAIN_S)) == [0]
    assert kept.due(2 * AGAIN_S - 1) == []
    asked = [second for second in range(int(2 * AGAIN_S), 100_000) if any("d-1/" in one.topic for one in kept.due(second))]
    assert max(b - a for a, b in pairwise(asked)) == AGAIN_MOST_S
    kept.hear("d-1", ack(0), 100_000.0)
    assert not any(one.at == 1 for one in kept.due(100_000.0 + AGAIN_S - 1))
    assert any(one.at == 1 for one in kept.due(100_000.0 + AGAIN_S))


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    kept = keeper(*range(10), most=4)
    assert numbers(kept.everything()) == [6, 7, 8, 9]
    assert (len(kept), kept.dropped) == (4, 6)


def test_a_last_will_and_whatever_has_no_number_is_not_kept() -> None:
    kept = Keeper()
    kept.keep(SimMessage(at=0, topic="anbu/v1/dong-1/hh-1/gw-1/status", payload=b'{"online":false}', retain=True), 0.0)
    assert len(kept) == 0 and kept.due(1e9) == []


def test_a_message_sent_again_is_kept_once() -> None:
    kept = keeper(0, 0)
    assert len(kept) == 1
    kept.hear("d-1", ack(0), 1.0)
    assert len(kept) == 0 and kept.due(1e9) == []
