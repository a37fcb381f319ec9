"""What is known of homes in general, for a home of which little is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rules.baseline.gaps import BINS, Gaps
from rules.baseline.hazard import CLASSES, Table, count, lengths, scores, scores_of, smooth
from rules.baseline.tail import Tail, tail_of

SHIPPED = Path(__file__).with_name("prior.csv")
_DAYS = 14  # each home counts as if it had been observed for so long
_BASE = 4.0  # steps' worth of the mean over the day, in each ten minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """The homes it was pooled from, as one."""

    hazard: Table  # [bin, class] chance that a gap ends within the step
    tail: Tail  # of their scores under that hazard


def pool(homes: Sequence[Gaps]) -> Prior:
    """The prior that these homes make, each with the same weight. ValueError when they have too few gaps to go by."""
    counts = [(smooth(count(gaps)), _DAYS / gaps.days) for gaps in homes if gaps.days]
    hits = sum((one.hits * weight for one, weight in counts), start=np.zeros((BINS, CLASSES)))
    risk = sum((one.risk * weight for one, weight in counts), start=np.zeros((BINS, CLASSES)))
    base = (hits.sum(axis=0) + 1.0) / (risk.sum(axis=0) + 2.0)
    hazard = np.rint(np.clip((hits + _BASE * base) / (risk + _BASE), 0.001, 0.9) * 1e4) / 1e4
    table = scores(hazard)
    known = np.concatenate([scores_of(table, gaps.bins, lengths(gaps))[~gaps.censored] for gaps in homes] or [np.zeros(0)])
    tail = tail_of(known, sum(gaps.days for gaps in homes))
    if tail is None:
        raise ValueError(f"{len(known)} gaps in {len(homes)} homes are too few for a prior: give more or longer logs")
    return Prior(hazard=hazard, tail=tail)


@cache
def shipped() -> Prior:
    """The prior that comes with the package; the head of prior.csv states its origin."""
    return read_prior(SHIPPED.read_text(encoding="utf-8"))


def write_prior(prior: Prior, origin: Sequence[str]) -> str:
    """The prior as text: its origin, its tail, and a line for each ten minutes of the day in ten-thousandths."""
    head = [f"# {line}" for line in origin]
    tail = ",".join(f"{value:.6f}" for value in (prior.tail.start, prior.tail.excess, prior.tail.per_day))
    rows = [",".join(str(round(value * 1e4)) for value in row) for row in prior.hazard]
    return "\n".join([*head, tail, *rows, ""])


def read_prior(text: str) -> Prior:
    """What `write_prior` wrote."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    start, excess, per_day = (float(value) for value in lines[0].split(","))
    hazard = np.array([[int(value) for value in line.split(",")] for line in lines[1:]], dtype=np.float64) / 1e4
    return Prior(hazard=hazard, tail=Tail(start=start, excess=excess, per_day=per_day))
