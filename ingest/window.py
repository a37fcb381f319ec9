"""Which messages of one device have been settled before, by boot and sequence number.

The numbers seen of one boot are kept as disjoint ranges: a device that misses nothing costs one range, every gap one
more. Ranges are bounded; past the bound the oldest gap is given up, and what arrives for it later counts as a
duplicate: a missed reading is the safe mistake, a replayed one would be false life. Sequence numbers are 32 bits and
wrap: each is taken as the nearest to the newest heard.
"""

from __future__ import annotations

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
    newest: int  # unwrapped: may pass 2**32, and lies below 0 for numbers before the wrap
    ends: list[int]  # first, last, first, last, ... of the ranges, ascending, never touching

    def place(self, seq: int) -> int:
        """`seq` unwrapped to within half the number space of the newest."""
        return self.newest + (seq - self.newest + _HALF) % _ALL - _HALF

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
        self.newest = max(self.newest, number)


class Window(msgspec.Struct, array_like=True):
    """The settled messages of one device; the boots it was last heard in, the latest at the end."""

    boots: list[_Boot] = []

    def settle(self, boot: int, seq: int) -> bool:
        """Note the message; True the first time, False for a duplicate."""
        boots = self.boots
        if boots and boots[-1].boot == boot:
            known = boots[-1]
        else:
            known = self._turn_to(boot, seq)
        if known.ends and seq == known.newest + 1:  # the common case: the next one, before any wrap
            known.ends[-1] = known.newest = seq
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

    def _turn_to(self, boot: int, seq: int) -> _Boot:
        for at, known in enumerate(self.boots):
            if known.boot == boot:
                del self.boots[at]
                break
        else:
            known = _Boot(boot, seq, [])
        self.boots.append(known)
        del self.boots[:-BOOTS]
        return known


class _State(msgspec.Struct, array_like=True):
    devices: list[tuple[str, Window]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class Windows:
    """The windows of all enrolled devices. Whoever is not enrolled has none: rubbish cannot fill it."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}

    def of(self, device_id: str) -> Window:
        """The device's window, empty at first."""
        window = self._windows.get(device_id)
        if window is None:
            window = self._windows[device_id] = Window()
        return window

    def forget(self, device_id: str) -> None:
        """The device is gone."""
        self._windows.pop(device_id, None)

    def snapshot(self) -> bytes:
        """Everything settled; the same content gives the same bytes."""
        return _encoder.encode(_State(sorted(self._windows.items(), key=lambda item: item[0])))

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        self._windows = dict(_decoder.decode(state).devices) if state is not None else {}
