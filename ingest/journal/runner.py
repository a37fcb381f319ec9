"""How a consumer moves along the journal: take, reach the head, commit; after a failure, back to the commit and again."""

from __future__ import annotations

import random
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from ingest.clock import Clock, Millis, home_day
from ingest.journal import metrics
from ingest.journal.port import Consumer, Cursors, Entry, Journal, JournalDamaged, NotNow, Position

log = structlog.get_logger(__name__)

_IDLE_S = 0.1  # how long to wait for an entry before home time is looked at again


_PATIENCE = 5
"""A commit that is due waits for a cheap moment for so many times its interval."""

_SHARE = 20
"""A commit takes at most one part in so many of a consumer's time: a large state is committed less often."""

_BYTES_PER_S = 1_000_000
"""Nor are more bytes written than so many a second: ten thousand homes have a state of 24 MB, and a disk wears."""

_LONGEST_S = 60.0
"""But never less often than this for its size: what was taken since is taken again after a crash."""


class Pace(Protocol):
    """Knows at which entries a consumer does well to pause, and whether its state is cheap to have there."""

    def limit(self, most: int) -> int:
        """How many entries to read next, at most so many."""
        ...

    def ready(self) -> bool:
        """Whether this is a good moment to commit."""
        ...


class Runner:
    """One consumer and its committed position; either a thread of its own (`start`) or turn by turn (`catch_up`, `step`).

    Every entry is taken again that was taken after the last commit when a process ends or a turn fails. Where a home day
    ends, the position there is committed as a snapshot that the consumer can be set back to (unless by `step`). A
    consumer that knows nothing, or less than the journal still tells, begins from the journal's base. `backoff_s` is
    the first and the longest pause after a failure, in machine seconds; each failure doubles it, a good turn resets it.
    Pauses are spread by chance, so that stages that failed together do not come back together. Where something has come
    in, a runner waits `gather_s` machine seconds for more before it takes it.

    On its own thread a runner takes down the state and goes on while it is written (docs/adr/0023). One that could not be
    written is a failure of the next turn; after a failure a runner waits for its commits until one is there.
    """

    def __init__(
        self,
        journal: Journal,
        cursors: Cursors,
        consumer: Consumer,
        clock: Clock,
        *,
        batch: int = 2000,
        commit_every_s: float = 1.0,
        backoff_s: tuple[float, float] = (1.0, 30.0),
        pace: Pace | None = None,
        gather_s: float = 0.0,
    ) -> None:
        self.name = consumer.name
        self.offset = 0  # taken up to here
        self.committed = 0  # would begin after this one if started now
        self.error: str | None = None  # of the last turn; None after a good one
        self.progressed_at: Millis = clock.machine_now()  # machine time of the last batch taken or good turn
        self._journal, self._cursors, self._consumer, self._clock = journal, cursors, consumer, clock
        self._batch, self._commit_every_s, self._backoff_s = batch, commit_every_s, backoff_s
        self._pace, self._gather_s = pace, gather_s
        self._restored = False
        self._at: Millis = 0  # when the entry at `offset` was received
        self._committed_mono = clock.monotonic()
        self._interval_s = commit_every_s  # from one commit to the next
        self._writes_aside = False  # while we have a thread of our own
        self._writing: tuple[Position, float, Future[float]] | None = None  # the commit under way, and since when
        self._failures = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def prepare(self) -> None:
        """Take up the committed state before the start. Where that fails, the thread meets it again, and says so."""
        if not self._restored:
            with suppress(Exception):
                self._restore()

    def start(self) -> None:
        """Run on a thread of its own until `stop`; RuntimeError when it already does."""
        if self._thread is not None:
            raise RuntimeError(f"the consumer {self.name} is running")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=f"consumer-{self.name}", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Finish the batch at hand, commit, end; waits at most `timeout` machine seconds, says when it is short."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(timeout)
        if thread.is_alive():
            log.warning("consumer does not end, what it takes now will be taken again", consumer=self.name, offset=self.offset)

    def catch_up(self) -> None:
        """Without a thread: take everything there is, tell the consumer the time, commit. Exceptions come out as they are."""
        self._by_hand(lambda: self._turn(commits=True))
        self._by_hand(self._commit)

    def step(self) -> bool:
        """As `catch_up`, but nothing is committed; True when something was taken."""
        before = self.offset if self._restored else self._cursors.load(self.name).offset
        self._by_hand(lambda: self._turn(commits=False))
        return self.offset != before

    def _by_hand(self, act: Callable[[], None]) -> None:
        if self._thread is not None:
            raise RuntimeError(f"the consumer {self.name} runs on its own thread")
        self._stopping.clear()
        try:
            act()
        except BaseException as error:
            self._restored = False  # the consumer may have taken half a batch
            self.error = _in_words(error)
            raise
        self._went_well()

    def _run(self) -> None:
        self._writes_aside = True
        self._follow()
        self._writes_aside = False

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn(commits=True)
            except Exception as error:
                self._stopping.wait(self._failed(error))
                continue
            self._went_well()
            if self._journal.wait(self.offset, _IDLE_S) and self._gather_s:
                self._stopping.wait(self._gather_s)
        if self._restored:
            try:
                self._commit()
            except Exception as error:
                self._failed(error)

    def _turn(self, *, commits: bool) -> None:
        """Up to the frontier, and then the time; ends early when the thread is to stop."""
        if not self._restored:
            self._restore()
        frontier = self._journal.frontier(self._clock.home_now())
        if self.offset > frontier.offset:
            raise JournalDamaged(f"{self.name} stands at offset {self.offset}, the journal ends at {frontier.offset}")
        metrics.LAG.labels(self.name).set(frontier.offset - self.offset)
        while self.offset < frontier.offset and not self._stopping.is_set():
            entries = self._journal.read(self.offset, self._limit())
            if commits and home_day(entries[-1].received_at) != home_day(self._at):
                self._take_days(entries)
            else:
                self._take(entries)
            self.progressed_at = self._clock.machine_now()
            metrics.TAKEN.labels(self.name).inc(len(entries))
            metrics.LAG.labels(self.name).set(max(frontier.offset - self.offset, 0))
            if commits:
                self._commit_when_due()
        if self.offset >= frontier.offset:
            self._consumer.at_head(frontier.at)
        if commits:
            self._commit_when_due()

    def _limit(self) -> int:
        return self._batch if self._pace is None else self._pace.limit(self._batch)

    def _take(self, entries: Sequence[Entry]) -> None:
        self._consumer.take(entries)
        self.offset, self._at = entries[-1].offset, entries[-1].received_at

    def _take_days(self, entries: Sequence[Entry]) -> None:
        """Take them day by day, keeping the position at every end of a day."""
        start = 0
        while start < len(entries):
            day = home_day(entries[start].received_at)
            if self._at and day != home_day(self._at):
                self._begin_commit(keep=True)
            end = bisect_right(entries, day, lo=start, key=_day_of)
            self._take(entries[start:end])
            start = end

    def _restore(self) -> None:
        self._end_commit()
        position = self._cursors.load(self.name)
        base = self._journal.base(self.name)
        if position.offset < base.offset:
            log.warning("consumer begins at the journal's cut", consumer=self.name, offset=base.offset, stood=position.offset)
            position = base
        try:
            self._consumer.restore(position.state)
        except ValueError as error:
            # Cursors and journal vouch for its bytes: another version wrote them. What it knew stands in the journal.
            log.warning(
                "state of another version, consumer reads the journal from its beginning", consumer=self.name, reason=str(error)
            )
            position = Position()
            self._consumer.restore(None)
        self.offset = self.committed = position.offset
        self._at = position.at
        self._committed_mono = self._clock.monotonic()
        self._restored = True

    def _commit_when_due(self) -> None:
        if self._writing is not None:
            if not self._writing[2].done():
                return
            self._end_commit()
        waited = self._clock.monotonic() - self._committed_mono
        if self.offset == self.committed or (waited < self._interval_s and not self._failures):
            return
        # After a failure at once: only what is committed shows that all is well again.
        if self._pace is None or self._failures or waited >= _PATIENCE * self._interval_s or self._pace.ready():
            self._begin_commit()
            if self._failures:
                self._end_commit()
            self._went_well()

    def _commit(self, *, keep: bool = False) -> None:
        self._begin_commit(keep=keep)
        self._end_commit()

    def _begin_commit(self, *, keep: bool = False) -> None:
        """Take down the state, and write it, or have it written; one that is being written comes first."""
        self._end_commit()
        began = self._clock.monotonic()
        position = Position(offset=self.offset, state=self._consumer.state(), at=self._at)
        write = partial(self._write, position, keep=keep)
        if self._writes_aside:
            self._writing = position, began, _aside(write, f"commit-{self.name}")
        else:
            self._committed(position, began, write())

    def _write(self, position: Position, *, keep: bool) -> float:
        self._cursors.commit(self.name, position, keep=keep)
        return self._clock.monotonic()

    def _end_commit(self) -> None:
        """Wait for the commit that is being written, if there is one; whatever it raised comes out."""
        writing, self._writing = self._writing, None
        if writing is not None:
            position, began, written = writing
            self._committed(position, began, written.result())

    def _committed(self, position: Position, began: float, ended: float) -> None:
        self.committed, self._committed_mono = position.offset, ended
        took = ended - began
        worn = min(len(position.state or b"") / _BYTES_PER_S, _LONGEST_S)
        self._interval_s = max(self._commit_every_s, _SHARE * took, worn)
        metrics.COMMIT_SECONDS.labels(self.name).observe(took)
        metrics.COMMITTED.labels(self.name).set(self.committed)

    def _went_well(self) -> None:
        if self._failures:
            log.info("consumer goes on", consumer=self.name, offset=self.offset, failures=self._failures)
        self._failures, self.error = 0, None
        self.progressed_at = self._clock.machine_now()

    def _failed(self, error: Exception) -> float:
        """Say so, forget what was taken since the commit; how many seconds to pause."""
        first, most = self._backoff_s
        pause = min(first * 2.0 ** min(self._failures, 16), most) * random.uniform(0.5, 1.0)
        if isinstance(error, NotNow) and error.after_s is not None:
            pause = max(pause, error.after_s)
        self._failures += 1
        self._restored = False
        self.error = _in_words(error)
        metrics.FAILURES.labels(self.name).inc()
        log.error(
            "consumer failed, takes again what it took since its commit",
            consumer=self.name,
            offset=self.offset,
            committed=self.committed,
            failures=self._failures,
            pause_s=round(pause, 3),
            **({"reason": str(error)} if isinstance(error, NotNow) else {"exc_info": error}),
        )
        return pause


def _aside(write: Callable[[], float], name: str) -> Future[float]:
    """Do it on a thread that keeps no process from ending: the disk may hang."""
    written: Future[float] = Future()

    def run() -> None:
        try:
            written.set_result(write())
        except BaseException as error:
            written.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return written


def _day_of(entry: Entry) -> int:
    return home_day(entry.received_at)


def _in_words(error: BaseException) -> str:
    if isinstance(error, NotNow):
        return str(error)
    return f"{type(error).__name__}: {error}"
