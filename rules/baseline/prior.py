"""What is known of homes in general, for a home of which little is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rules.baseline.gaps import BINS, Gaps
from rules.baseline.hazard import CLASSES, Table, count, smooth
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
    tail: Tail  # of their scores under that hazard and pace


def pool(homes: Sequence[Gaps]) -> Prior:
    """The prior that these homes make, each with the same weight. ValueError when they have too few gaps to go by."""
    known = [gaps for gaps in homes if gaps.days]
    counts = [(smooth(count(gaps)), _DAYS / gaps.days) for gaps in known]
    hits = sum((one.hits * weight for one, weight in counts), start=np.zeros((BINS, CLASSES)))
    risk = sum((one.risk * weight for one, weight in counts), start=np.zeros((BINS, CLASSES)))
    base = (hits.sum(axis=0) + 1.0) / (risk.sum(axis=0) + 2.0)
    paces = [pace_of(gaps, None, 0.0) for gaps in known]
    begun = sum((pace.begun for pace in paces), start=np.zeros(BINS)) / max(len(known), 1)
    lively = sum((pace.lively for pace in paces), start=np.zeros(BINS)) / max(len(known), 1)
    hazard = _rounded(np.clip((hits + _BASE * base) / (risk + _BASE), 0.001, 0.9))
    pace = Pace(begun=_rounded(np.maximum(begun, _RAREST)), lively=_rounded(lively))
    table = scores(hazard, pace)
    peaks = np.concatenate([scores_of(table, gaps) for gaps in known] or [np.zeros(0)])
    tail = tail_of(peaks, sum(gaps.days for gaps in known))
    if tail is None:
        raise ValueError(f"{len(peaks)} gaps in {len(homes)} homes are too few for a prior: give more or longer logs")
    return Prior(hazard=hazard, pace=pace, tail=tail)


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
