"""At most once a second: what one sensor says more often says nothing new, and would be folded one by one."""

from __future__ import annotations

import numpy as np

from rules.columns import Ints, Rows


def later_seconds(of: Rows, second: Ints, last: Ints) -> Rows:
    """The places, in their order, of those of a later second than all before them of the same one, and than its `last`.

    `of` says whose each is. A device may send 20 packs of a thousand a second before it is held to its rate, and must not
    hold up all homes.
    """
    later = np.flatnonzero(second > last)
    later = later[np.argsort(of[later], kind="stable")]
    whose, at = of[later], second[later]
    kept = np.ones(len(later), dtype=bool)
    kept[1:] = whose[1:] != whose[:-1]
    if not kept.all():
        above = (np.cumsum(kept) - 1) * (at.max() - at.min() + 1) + at  # each begins above all those before it
        kept[1:] |= above[1:] > np.maximum.accumulate(above)[:-1]
    return np.sort(later[kept])
