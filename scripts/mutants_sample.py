"""Knows how mutants are drawn, and how sure a share of them is."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict


def draw(names: list[str], size: int, seed: int) -> list[str]:
    """So many of each module as its share of all (largest remainders), by a hash of the seed and the name.

    So a larger sample holds nearly all of a smaller one, and a change in one function hardly changes what is drawn of others.
    """
    by_module: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_module[module_of(name)].append(name)
    exact = {module: size * len(those) / len(names) for module, those in by_module.items()}
    shares = {module: math.floor(share) for module, share in exact.items()}
    by_remainder = sorted(exact, key=lambda module: (shares[module] - exact[module], module))
    for module in by_remainder[: size - sum(shares.values())]:
        shares[module] += 1
    return [name for module, those in by_module.items() for name in _by_hash(those, seed)[: shares[module]]]


def module_of(name: str) -> str:
    return name.rpartition(".")[0]


def wilson(noticed: int, tried: int) -> tuple[float, float]:
    """The 95 % interval of a share, in per cent (Wilson 1927)."""
    if not tried:
        return 0.0, 100.0
    z, share = 1.959964, noticed / tried
    middle = share + z * z / (2 * tried)
    half = z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    return tuple(round(100 * (middle + side * half) / (1 + z * z / tried), 1) for side in (-1, 1))  # type: ignore[return-value]


def _by_hash(names: list[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
