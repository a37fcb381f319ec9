"""Which messages of one device have been settled before, by boot and sequence number.

The numbers seen of one boot are kept as disjoint ranges: a device that misses nothing costs one range, every gap one
more. Ranges are bounded; past the bound the oldest gap is given up, and what arrives for it later counts as a
duplicate: a missed reading is the safe mistake, a replayed one would be false life. Sequence numbers are 32 bits and
wrap: each is taken as the nearest to the newest heard.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

import msgspec

MAX_SEQ = 2**32 - 1
MAX_BOOT = 2**53 - 1
"""What JSON carries without loss."""

BOOTS = 8
"""Boots kept per device. A boot not kept is begun anew: a device whose counter was wiped must not fall silent."""

RANGES = 512
"""Ranges kept per boot: a busy device whose messages come shuffled over an hour stays below them."""

_HALF = 2**31
_ALL = 2**32


class _Boot(msgspec.Struct, array_like=True):
    boot: int
    ends: list[int]
    """First, last, first, last, ... of the ranges, ascending, never touching. Numbers are unwrapped: they may pass 2**32,
    and lie below 0 before the wrap. The last one is the newest."""

    def place(self, seq: int) -> int:
        """`seq` unwrapped to within half the number space of the newest."""
        newest = self.ends[-1]
        return newest + (seq - newest + _HALF) % _ALL - _HALF

    def holds(self, number: int) -> bool:
        """True where a range covers the number."""
        at = bisect_right(self.ends, number)
        return at % 2 == 1 or (at > 0 and self.ends[at - 1] == number)

    def add(self, number: int) -> None:
        """Put in a number that no range covers yet."""
        ends = self.ends
        at = bisect_right(ends, number)
        joins_left = at > 0 and ends[at - 1] == number - 1
        joins_right = at < len(ends) and ends[at] == number + 1
        if joins_left and joins_right:
            del ends[at - 1 : at + 1]
        elif joins_left:
            ends[at - 1] = number
        elif joins_right:
            ends[at] = number
        else:
            ends[at:at] = (number, number)
            if len(ends) > 2 * RANGES:
                del ends[1:3]


class Window(msgspec.Struct, array_like=True):
    """The settled messages of one device; the boots it was last heard in, the latest at the end."""

    boots: list[_Boot] = []

    def settle(self, boot: int, seq: int) -> bool:
        """Note the message; True the first time, False for a duplicate."""
        boots = self.boots
        if not (boots and boots[-1].boot == boot) and not self._turn_to(boot):
            boots.append(_Boot(boot, [seq, seq]))
            del boots[:-BOOTS]
            return True
        known = boots[-1]
        if seq == known.ends[-1] + 1:  # the common case: the next one, before any wrap
            known.ends[-1] = seq
            return True
        number = known.place(seq)
        if known.holds(number):
            return False
        known.add(number)
        return True

    def settled(self, boot: int, seq: int) -> bool:
        """True for a message settled before; notes nothing."""
        for known in self.boots:
            if known.boot == boot:
                return known.holds(known.place(seq))
        return False

    def _turn_to(self, boot: int) -> bool:
        """Let the boot be the latest; False for one that is not kept."""
        for at, known in enumerate(self.boots):
            if known.boot == boot:
                self.boots.append(self.boots.pop(at))
                return True
        return False


_OPEN = -1
"""In place of a boot: the window lies open, see `Windows`."""


class _State(msgspec.Struct, array_like=True):
    devices: list[str]
    boots: bytes  # these three: 64 bits each, by device
    firsts: bytes
    lasts: bytes
    with_rest: list[int]  # rows, ascending
    rest: list[bytes]  # by place in that


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)
_window_decoder = msgspec.msgpack.Decoder(Window)


class Windows:
    """The windows of all enrolled devices. Whoever is not enrolled has none: rubbish cannot fill it.

    Of each device the newest range of its latest boot stands in three columns, and as bytes what else there is to its window:
    nothing, of a device that has missed nothing and was never begun anew. What is written every few seconds is then written as
    it lies, and a million devices are no objects for the interpreter to keep. A message that is not the next one opens
    the window, until `snapshot`.
    """

    def __init__(self) -> None:
        self._devices: list[str] = []  # by row: in the order they were first heard, but for those that are gone
        self._rows: dict[str, int] = {}
        self._boots, self._firsts, self._lasts = array("q"), array("q"), array("q")
        self._rest: dict[int, bytes] = {}  # by row: the window without that range
        self._open: dict[int, Window] = {}  # by row: the whole window

    def settle(self, device_id: str, boot: int, seq: int) -> bool:
        """Note a message of this device; True the first time, False for a duplicate."""
        row = self._rows.get(device_id)
        if row is None:
            row = self._add(device_id)
        elif self._boots[row] == boot and self._lasts[row] + 1 == seq:
            self._lasts[row] = seq
            return True
        return self._opened(row).settle(boot, seq)

    def settled(self, device_id: str, boot: int, seq: int) -> bool:
        """True for a message settled before; notes nothing."""
        row = self._rows.get(device_id)
        return row is not None and self._opened(row).settled(boot, seq)

    def forget(self, device_id: str) -> None:
        """The device is gone. The last row takes its place."""
        row = self._rows.pop(device_id, None)
        if row is None:
            return
        self._opened(row)
        last = len(self._devices) - 1
        if row != last:
            self._open[row] = self._opened(last)
            self._devices[row] = self._devices[last]
            self._rows[self._devices[row]] = row
        del self._open[last], self._devices[-1], self._boots[-1], self._firsts[-1], self._lasts[-1]

    def snapshot(self) -> bytes:
        """Everything settled; the same journal gives the same bytes."""
        for row, window in self._open.items():
            self._close(row, window)
        self._open = {}
        columns = self._boots.tobytes(), self._firsts.tobytes(), self._lasts.tobytes()
        with_rest = sorted(self._rest)
        return _encoder.encode(_State(self._devices, *columns, with_rest, [self._rest[row] for row in with_rest]))

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        past = _decoder.decode(state) if state is not None else _State([], b"", b"", b"", [], [])
        self._devices = past.devices
        self._rows = dict(zip(past.devices, range(len(past.devices)), strict=True))
        self._boots, self._firsts, self._lasts = array("q", past.boots), array("q", past.firsts), array("q", past.lasts)
        self._rest = dict(zip(past.with_rest, past.rest, strict=True))
        self._open = {}

    def _add(self, device_id: str) -> int:
        row = self._rows[device_id] = len(self._devices)
        self._devices.append(device_id)
        for column in (self._boots, self._firsts, self._lasts):
            column.append(_OPEN)
        self._open[row] = Window()
        return row

    def _opened(self, row: int) -> Window:
        window = self._open.get(row)
        if window is None:
            rest, boot = self._rest.pop(row, None), self._boots[row]
            window = Window([_Boot(boot, [])]) if rest is None else _window_decoder.decode(rest)
            window.boots[-1].ends += (self._firsts[row], self._lasts[row])
            self._open[row], self._boots[row] = window, _OPEN
        return window

    def _close(self, row: int, window: Window) -> None:
        latest = window.boots[-1]
        self._boots[row] = latest.boot
        self._firsts[row], self._lasts[row] = latest.ends[-2:]
        del latest.ends[-2:]
        if latest.ends or len(window.boots) > 1:
            self._rest[row] = _encoder.encode(window)
