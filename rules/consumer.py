"""The rules as a consumer of the journal: entries in, findings out, at the pace of home time."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import structlog

from ingest.clock import Millis
from ingest.decoding import Decoded, Decoding
from ingest.facts import RunStarted
from ingest.journal.port import Entry
from ingest.reading import Reading, Rejection
from rules import metrics
from rules.engine import STEP, Engine
from rules.finding import Finding
from rules.observability import Sights
from rules.outlook import Evening, Told, evenings
from rules.urgent import urgent_first

log = structlog.get_logger(__name__)
Sink: TypeAlias = Callable[[Sequence[Finding]], None]
Outlook: TypeAlias = Callable[[Sequence[Told]], None]


BRISK_S = 0.0005
"""After so long a thread that computes hands the interpreter on, while the rules evaluate; always, that would cost a third of
all messages (docs/adr/0013)."""

AT_ONCE = 200
"""Findings handed on at a time while a site runs: as many as the desk takes in one transaction (alerts.desk)."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    decoder: bytes
    engine: bytes
    waiting: tuple[Finding, ...] = ()  # found and not handed on yet


class Player:
    """Plays the journal to an engine, and nothing else: nothing is counted, logged or handed on."""

    def __init__(self, engine: Engine, decoder: Decoding) -> None:
        self.engine = engine
        self.decoder = decoder

    def restore(self, state: bytes | None) -> list[Finding]:
        """Begin from a state that the consumer "rules" committed (None: from nothing). ValueError for one of another version.

        Returns what it had found and not handed on.
        """
        kept = None if state is None else msgspec.msgpack.decode(state, type=_Kept)
        self.decoder.restore(kept.decoder if kept else None)
        self.engine.restore(kept.engine if kept else None)
        return [] if kept is None else list(kept.waiting)

    def state(self, waiting: Sequence[Finding]) -> bytes:
        """Decoder, engine and what waits as bytes."""
        return msgspec.msgpack.encode(_Kept(self.decoder.snapshot(), self.engine.snapshot(), tuple(waiting)))

    def play(self, decoded: Decoded, advance: Callable[[Millis], list[Finding]]) -> list[Finding]:
        """Fold what was read, with `advance` to each grid point before what came at or after it."""
        findings: list[Finding] = []
        entries, start = decoded.entries, 0
        received = [entry.received_at for entry in entries]
        begun = [place for place, entry in enumerate(entries) if isinstance(entry.body, RunStarted)]
        while start < len(entries):
            if begun[:1] == [start]:
                self.engine.begin_run()
                begun.pop(0)
            findings += advance(received[start])
            grid = bisect_left(received, received[start] - received[start] % STEP + STEP, lo=start)
            end = min([grid, *begun[:1]])
            findings += self.engine.fold(decoded.between(entries[start].offset - 1, entries[end - 1].offset).runs())
            start = end
        return findings


class RulesConsumer:
    """Consumer "rules". The sink must have made the findings durable when it returns; those of one home come in order.

    `outlook` is given what is told besides (rules/outlook.py), likewise to be kept. After a crash between a sink and the
    commit the same is handed on again, with the same ids. While a site runs (`give_way`) no more than `AT_ONCE` findings
    are handed on before the journal is looked at again: the others wait, in memory and in what is committed, and an SOS
    that comes meanwhile goes past them (docs/adr/0022).
    """

    def __init__(self, engine: Engine, decoder: Decoding, sink: Sink, outlook: Outlook | None = None) -> None:
        self._player = Player(engine, decoder)
        self._engine = engine
        self._sink = sink
        self._outlook = outlook
        self._evenings: list[Evening] = []
        self._sights: Sights | None = None
        self._waiting: list[Finding] = []
        self._at_once: int | None = None

    def give_way(self, at_once: int = AT_ONCE) -> None:
        """From now on hand on no more than so many at a time, and what is urgent at once; turns must follow by themselves."""
        self._at_once = at_once

    @property
    def sights(self) -> Sights | None:
        """Which homes could not be observed when this last stood at the head of the journal; None: it has not yet.

        May be asked from any thread: what is handed out never changes.
        """
        return self._sights

    @property
    def name(self) -> str:
        """The cursor's name."""
        return "rules"

    def restore(self, state: bytes | None) -> None:
        """Begin from a committed state (None: from nothing)."""
        self._evenings = []
        self._waiting = self._player.restore(state)

    def take(self, entries: Sequence[Entry]) -> None:
        """Fold the entries, evaluating every grid point before the entries that came at or after it."""
        with metrics.FOLD_SECONDS.time():
            decoded = self._player.decoder.read(entries)
            findings = self._player.play(decoded, self._advance)
        _count(decoded)
        self._hand_on(findings)
        self._tell(entries[-1].received_at)

    def at_head(self, now: Millis) -> None:
        """Everything received before home time `now` has been taken: evaluate up to it."""
        with metrics.ADVANCE_SECONDS.time():
            findings = self._advance(now)
        metrics.HOUSEHOLDS.set(self._engine.households)
        metrics.EVALUATED.set(now // 1000)
        self._hand_on(findings)
        self._tell(now)
        if self._sights is None or self._sights.at < now - now % STEP:
            self._sights = self._engine.sights()

    def state(self) -> bytes:
        """Decoder and engine as bytes."""
        state = self._player.state(self._waiting)
        metrics.SNAPSHOT_BYTES.set(len(state))
        return state

    def _advance(self, now: Millis) -> list[Finding]:
        """Evaluate up to `now`, and look ahead at every 17:00 on the way.

        Where a whole town is due that takes seconds in which nothing gives the interpreter away: so long others may have
        it after a tenth of the time, or each of the twenty times an alarm on its way needs it costs five milliseconds.
        """
        if self._at_once is None:
            return self._evaluated(now)
        usual = sys.getswitchinterval()
        sys.setswitchinterval(min(usual, BRISK_S))
        try:
            return self._evaluated(now)
        finally:
            sys.setswitchinterval(usual)

    def _evaluated(self, now: Millis) -> list[Finding]:
        findings: list[Finding] = []
        for at in evenings(self._engine.evaluated, now):
            findings += self._engine.advance(at)
            self._evenings.append(self._engine.evening(at))
        return findings + self._engine.advance(now)

    def _tell(self, now: Millis) -> None:
        told: list[Told] = [*self._evenings, *self._engine.turns(now), *self._engine.take_notes()]
        self._evenings = []
        if told and self._outlook is not None:
            self._outlook(told)

    def _hand_on(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            metrics.FINDINGS.labels(finding.rule, finding.level.name.lower(), finding.verb).inc()
        self._waiting += findings
        if not self._waiting:
            return
        first, others = urgent_first(self._waiting)
        most = len(others) if self._at_once is None else max(0, self._at_once - len(first))
        now, self._waiting = first + others[:most], others[most:]
        log.info("findings handed on", count=len(now), first=now[0].finding_id, waiting=len(self._waiting))
        self._sink(now)


def _count(decoded: Decoded) -> None:
    metrics.ITEMS.labels("reading").inc(len(decoded.readings))
    for _, item in decoded.others:
        kind = "reading" if isinstance(item, Reading) else "rejection" if isinstance(item, Rejection) else "fact"
        metrics.ITEMS.labels(kind).inc()
