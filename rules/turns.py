"""Rows that stand more than once, taken in turns: what a turn holds may be folded at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rules.columns import Rows


def by_turns(rows: Rows) -> Iterator[Rows]:
    """The places of the n-th of each row in the n-th turn, so that what a turn holds may be folded at once."""
    places = len(rows)
    if places < 2:
        if places:
            yield np.zeros(1, dtype=np.int64)
        return
    by_row = np.sort(rows * places + np.arange(places))  # a sixth of the time of a stable sort of places
    sorted_rows, order = np.divmod(by_row, places)
    first = np.ones(places, dtype=bool)
    np.not_equal(sorted_rows[1:], sorted_rows[:-1], out=first[1:])
    if first.all():  # nobody spoke twice, as in most batches of a living town
        yield order
        return
    place = np.arange(places)
    rank = place - np.maximum.accumulate(np.where(first, place, 0))
    by_rank = np.argsort(rank.astype(np.uint16) if rank.max() < 2**16 else rank, kind="stable")  # small ones by radix
    yield from np.split(order[by_rank], np.cumsum(np.bincount(rank))[:-1])
