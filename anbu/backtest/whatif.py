"""Other rules tried on a dong's past in a process of its own, so that nothing that watches over homes waits for it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from dashboard_api.whatif import WhatIfBusy, WhatIfFailed
from ingest.clock import DAY, Millis
from ingest.decode import Decoder
from ingest.decoding import Item
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.journal.port import Entry, Message
from ingest.journal.view import JournalView
from ingest.reading import DongCode
from ingest.wire import ROOT
from rules.backtest.whatif import WhatIf, compare
from rules.table import read_table

LEARNT_FROM: Millis = 28 * DAY
"""How much of the past before the days that are judged is read, for what is usual in a home."""

LONGEST_S = 300.0
_BATCH = 2_000
_NICE = 10


class WhatIfProcess:
    """One at a time, at most `LONGEST_S`; a second asker is refused. Safe to use from several threads."""

    def __init__(self, journal_folder: Path, *, longest_s: float = LONGEST_S) -> None:
        self._folder = journal_folder
        self._longest_s = longest_s
        self._one = threading.Lock()

    @property
    def idle(self) -> bool:
        """Whether nothing is being tried."""
        return not self._one.locked()

    def __call__(
        self, *, dong: str, in_force: str, proposed: str, since: Millis, until: Millis, minutes_a_check: float
    ) -> WhatIf:
        """See dashboard_api.whatif.TriesRules."""
        if not self._one.acquire(blocking=False):
            raise WhatIfBusy
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        try:
            future = pool.submit(try_rules, self._folder, dong, in_force, proposed, since, until, minutes_a_check)
            return future.result(self._longest_s)
        except NotInTime as error:
            for process in list(pool._processes.values()):
                process.terminate()
            raise WhatIfFailed("too_much") from error
        except (BrokenProcessPool, FileNotFoundError) as error:
            raise WhatIfFailed("no_journal" if isinstance(error, FileNotFoundError) else "ended") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._one.release()


def try_rules(
    folder: Path, dong: str, in_force: str, proposed: str, since: Millis, until: Millis, minutes_a_check: float
) -> WhatIf:
    """In the process: read the dong's past and compare. FileNotFoundError where there is no journal, JournalDamaged."""
    os.nice(_NICE)
    return compare(
        read_past(folder, dong, since - LEARNT_FROM, until),
        DongCode(dong),
        read_table(in_force),
        read_table(proposed),
        since=since,
        until=until,
        minutes_a_check=minutes_a_check,
    )


def read_past(folder: Path, dong: str, since: Millis, until: Millis) -> list[Item]:
    """Every fact up to `until`, and the messages received since `since` that may be the dong's."""
    view, decoder = JournalView(folder), Decoder(make_dialects(DIALECTS))
    items: list[Item] = []
    after = 0
    while entries := view.read(after, _BATCH):
        after = entries[-1].offset
        kept = [entry for entry in entries if entry.received_at < until and _concerns(entry, dong, since)]
        items += decoder.read(kept).items()
        if entries[-1].received_at >= until:
            break
    return items


def _concerns(entry: Entry, dong: str, since: Millis) -> bool:
    body = entry.body
    if not isinstance(body, Message):
        return True
    parts = body.topic.split("/", 3)
    of_another = len(parts) > 3 and f"{parts[0]}/{parts[1]}" == ROOT and parts[2] != dong
    return entry.received_at >= since and not of_another
