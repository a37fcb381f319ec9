"""At most once a second: what one sensor says more often says nothing new, and would be folded one by one."""

from __future__ import annotations

import numpy as np

from ingest.readings import Mask
from rules.columns import Ints, Rows


def later_seconds(of: Rows, second: Ints, last: Ints) -> Rows:
    """The places, in their order, of those of a later second than all before them of the same one, and than its `last`.

    `of` says whose each is. A device may send 20 packs of a thousand a second before it is held to its rate, and must not
    hold up all homes.
    """
    later = np.flatnonzero(second > last)
    later = later[np.argsort(of[later], kind="stable")]
    whose, at = of[later], second[later]
    begins = np.ones(len(later), dtype=bool)
    begins[1:] = whose[1:] != whose[:-1]
    if not begins.all():
        later = later[at > newest_before(begins, at, last[later])]
    return np.sort(later)


def newest_before(begins: Mask, values: Ints, floor: Ints) -> Ints:
    """Of values in the order of whose they are (`begins`: another's begin there): the highest of its own before each, at least
    its floor."""
    above = (np.cumsum(begins) - 1) * (values.max() - values.min() + 1)  # each begins above all those before it
    before = np.append(0, np.maximum.accumulate(values + above)[:-1]) - above
    return np.where(begins, floor, np.maximum(before, floor))
