"""Proves that a site which spares itself the search through its town still finds garbage."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from anbu.wiring import settle_memory


class Knot:
    """Garbage that only the collector of cycles can free."""

    def __init__(self) -> None:
        self.myself = self


@pytest.fixture
def settled() -> Iterator[None]:
    before = gc.get_threshold()
    settle_memory()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_here_at_the_start_is_looked_through_no_more_and_what_comes_is_freed(settled: None) -> None:
    assert gc.get_freeze_count() > 10_000
    first = weakref.ref(Knot())
    assert first() is not None, "it holds itself"
    for _ in range(gc.get_threshold()[0] + 1):
        Knot()
    assert first() is None
