"""What is known of homes in general, for a home of which little is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rules.baseline.gaps import BINS, Gaps
from rules.baseline.hazard import CLASSES, Counts, Table, count, smooth
from rules.baseline.pace import Pace, pace_of
from rules.baseline.score import scores, scores_of
from rules.baseline.tail import Tail, tail_of

SHIPPED = Path(__file__).with_name("prior.csv")
_DAYS = 14  # each home counts as if it had been observed for so long
_BASE = 60.0  # steps, worth of the mean over the day, in each ten minutes
_RAREST = 0.002  # gaps begun in ten minutes, a day


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prior:
    """The homes it was pooled from, as one. Two are the same only when they are one."""

    hazard: Table  # [bin, class] chance that a gap ends within the step
    pace: Pace
    tail: Tail  # of the scores of a home that is none of them


class _Home(NamedTuple):
    gaps: Gaps
    counts: Counts  # smoothed, as of _DAYS days
    pace: Pace


def pool(homes: Sequence[Gaps]) -> Prior:
    """The prior that these homes make, each with the same weight. ValueError when they have too few gaps to go by.

    The tail is that of each home under what the others say of it: a home that is to be judged was not among them either.
    """
    known = [_home(gaps) for gaps in homes if gaps.days]
    hazard, pace = _together(known)
    others = [_together([*known[:place], *known[place + 1 :]] or known) for place in range(len(known))]
    peaks = [scores_of(scores(*other), home.gaps) for other, home in zip(others, known, strict=True)]
    found = np.concatenate([np.zeros(0), *peaks])
    tail = tail_of(found, sum(home.gaps.days for home in known))
    if tail is None:
        raise ValueError(f"{len(found)} gaps in {len(homes)} homes are too few for a prior: give more or longer logs")
    return Prior(hazard=hazard, pace=pace, tail=tail)


def _home(gaps: Gaps) -> _Home:
    seen, weight = smooth(count(gaps)), _DAYS / gaps.days
    return _Home(gaps, Counts(risk=seen.risk * weight, hits=seen.hits * weight), pace_of(gaps, None, 0.0))


def _together(homes: Sequence[_Home]) -> tuple[Table, Pace]:
    """The hazard and the pace of these homes as one."""
    hits = sum((home.counts.hits for home in homes), start=np.zeros((BINS, CLASSES)))
    risk = sum((home.counts.risk for home in homes), start=np.zeros((BINS, CLASSES)))
    base = (hits.sum(axis=0) + 1.0) / (risk.sum(axis=0) + 2.0)
    hazard = _rounded(np.clip((hits + _BASE * base) / (risk + _BASE), 0.001, 0.9))
    begun = sum((home.pace.begun for home in homes), start=np.zeros(BINS)) / max(len(homes), 1)
    lively = sum((home.pace.lively for home in homes), start=np.zeros(BINS)) / max(len(homes), 1)
    return hazard, Pace(begun=_rounded(np.maximum(begun, _RAREST)), lively=_rounded(lively))


@cache
def shipped() -> Prior:
    """The prior that comes with the package; the head of prior.csv states its origin."""
    return read_prior(SHIPPED.read_text(encoding="utf-8"))


def write_prior(prior: Prior, origin: Sequence[str]) -> str:
    """The prior as text: its origin, its tail, and a line for each ten minutes of the day in ten-thousandths.

    A line holds the gaps begun there a day, the lively minutes, and the hazard by class.
    """
    head = [f"# {line}" for line in origin]
    tail = ",".join(f"{value:.6f}" for value in (prior.tail.start, prior.tail.excess, prior.tail.per_day))
    table = np.column_stack([prior.pace.begun, prior.pace.lively, prior.hazard])
    rows = [",".join(str(round(value * 1e4)) for value in row) for row in table.tolist()]
    return "\n".join([*head, tail, *rows, ""])


def read_prior(text: str) -> Prior:
    """What `write_prior` wrote."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    start, excess, per_day = (float(value) for value in lines[0].split(","))
    table = np.array([[int(value) for value in line.split(",")] for line in lines[1:]], dtype=np.float64) / 1e4
    return Prior(
        hazard=table[:, 2:],
        pace=Pace(begun=table[:, 0], lively=table[:, 1]),
        tail=Tail(start=start, excess=excess, per_day=per_day),
    )


def _rounded(table: Table) -> Table:
    """To the ten-thousandths in which it is written."""
    return np.rint(table * 1e4) / 1e4
