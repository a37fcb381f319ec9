"""Makes rules/baseline/prior.csv from recorded logs: `python scripts/baseline_prior.py LOG... > rules/baseline/prior.csv`.

The logs are those `anbu replay` takes. Only the pooled hazard goes into the file: no gap, no day and no name of a home.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ingest.clock import DAY, SECOND, Millis
from ingest.wire import Payload
from rules.baseline.gaps import DAYS, Gaps, empty_row
from rules.baseline.hazard import EDGES
from rules.baseline.prior import pool, write_prior
from simulators.recorded import RecordedLog, read_log

DOOR_GAP: Millis = 90 * SECOND
ORIGIN = (
    "How readily a stillness ends, in homes in general. Made by scripts/baseline_prior.py.",
    "Origin: {homes} recorded homes of one resident each, {days} days, contact sensors and annotated activities (no dense PIRs),",
    "research logs of 2003-2011 from the United States and the Netherlands. None Korean: a home's own days soon outweigh them.",
    "First line: the tail of the scores (start, mean excess, peaks a day). Then a line for each ten minutes of the day, all in",
    "ten-thousandths: the stillnesses of an hour or more that begin there a day; the minutes a day outside of any; and by the",
    "middle of a stillness its chance to end within ten minutes, once it has lasted {classes} minutes.",
)
"""Said at the head of the file."""


def gaps_while_in(log: RecordedLog) -> Gaps:
    """The stillnesses of a log while its resident was in, its last DAYS days at most."""
    row = empty_row()
    motion = enter = door = last = log.start - DAY
    day, inside = last // DAY, False
    for message in log.messages:
        at, payload = message.at, msgspec.json.decode(message.payload, type=Payload)
        kind = message.topic.rsplit("/", 1)[1]
        if kind == "motion" and payload.v != 1:
            continue
        while day < last // DAY:
            row.open_day()
            day += 1
        if inside:
            row.append(last, at - last, False)
        if kind == "motion":
            motion = at
        elif payload.v == 3:
            enter = at
        else:
            door = at
        last, inside = at, motion > door + DOOR_GAP or enter >= door
    return row.gaps(min(DAYS, round((log.end - log.start) / DAY)))


def main(paths: Sequence[str]) -> int:
    """Write the prior of these logs to standard output."""
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    homes = [gaps_while_in(read_log(Path(path))) for path in paths]
    facts = {"homes": len(homes), "days": sum(gaps.days for gaps in homes), "classes": ", ".join(map(str, EDGES))}
    print(write_prior(pool(homes), [line.format(**facts) for line in ORIGIN]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
