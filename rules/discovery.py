"""Which of many differences are there: an exact rank test for each, and a bound on the share of false ones among those told.

Mann and Whitney 1947 (doi 10.1214/aoms/1177730491); Benjamini and Hochberg 1995 (doi 10.1111/j.2517-6161.1995.tb02031.x).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rules.columns import Floats, Ints, Small


@lru_cache(maxsize=1024)
def _ways(first: int, second: int) -> tuple[int, ...]:
    """In how many orders of `first` and `second` values U, the pairs in which the first is the greater, is 0, 1, 2, ..."""
    if not first or not second:
        return (1,)
    # The greatest of all belongs to the one side, and then beats all `second` of the other, or to the other side.
    beats, loses = _ways(first - 1, second), _ways(first, second - 1)
    return tuple(
        (beats[u - second] if 0 <= u - second < len(beats) else 0) + (loses[u] if u < len(loses) else 0)
        for u in range(first * second + 1)
    )


@lru_cache(maxsize=1024)
def _tails(first: int, second: int) -> Floats:
    """By twice U: the two-sided probability of a U at least so far from the middle, where nothing differs.

    Half a pair, from ties, counts towards the middle. Ties only make the test more careful.
    """
    ways = np.array(_ways(first, second), dtype=np.float64)
    share = ways / ways.sum()
    at_most, at_least = np.cumsum(share), np.cumsum(share[::-1])[::-1]
    doubled = np.arange(2 * first * second + 1)
    one_sided = np.minimum(at_most[-(-doubled // 2)], at_least[doubled // 2])
    return np.asarray(np.minimum(1.0, 2.0 * one_sided))


def rank_test(recent: Small, past: Small, unknown: int) -> tuple[Floats, Ints, Ints]:
    """For each row of `[value, row]` the two-sided p of no difference, and how many values of each are known."""
    known_recent, known_past = recent != unknown, past != unknown
    doubled = np.zeros(recent.shape[1], dtype=np.int64)
    for value, known in zip(recent, known_recent, strict=True):
        pairs = known & known_past
        doubled += (pairs & (value > past)).sum(axis=0) * 2 + (pairs & (value == past)).sum(axis=0)
    first, second = known_recent.sum(axis=0), known_past.sum(axis=0)
    found = np.ones(recent.shape[1])
    for sizes in set(zip(first.tolist(), second.tolist(), strict=True)):
        rows = (first == sizes[0]) & (second == sizes[1])
        found[rows] = _tails(*sizes)[doubled[rows]]
    return found, first, second


def discoveries(p_values: Floats, share: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which of these are told, so that of those told at most this share is false in the long run."""
    if not len(p_values):
        return np.zeros(0, dtype=bool)
    ordered = np.sort(p_values)
    passed = np.flatnonzero(ordered <= share * np.arange(1, len(ordered) + 1) / len(ordered))
    return np.asarray(p_values <= ordered[passed[-1]]) if len(passed) else np.zeros(len(p_values), dtype=bool)
