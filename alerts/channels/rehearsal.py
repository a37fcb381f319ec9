"""A gateway that rings nobody: each automatic call is answered as told, a while later; for the demo and for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable

from alerts.attempt import Answer
from alerts.delivery import Delivery, Result, Sent
from ingest.clock import MINUTE, Clock, Millis


class Rehearsal:
    """Takes calls to residents. `says` is given the person (`resident:<household>`); home time passes before it is told.

    Safe to use from several threads. What was not told when the process ends is never told: as when nobody answers.
    """

    def __init__(self, clock: Clock, says: Callable[[str], Answer], *, after: Millis = MINUTE) -> None:
        self._clock = clock
        self._says = says
        self._after = after
        self._lock = threading.Lock()
        self._ringing: dict[str, tuple[Millis, Answer]] = {}

    def send(self, delivery: Delivery) -> Result:
        """Ring; the same call twice rings once."""
        with self._lock:
            self._ringing.setdefault(delivery.id, (self._clock.home_now() + self._after, self._says(delivery.recipient)))
        return Sent()

    def turn(self, tell: Callable[[str, Answer], object]) -> int:
        """Tell what has been answered by now; how many calls that were."""
        now = self._clock.home_now()
        with self._lock:
            over = {number: answer for number, (at, answer) in self._ringing.items() if at <= now}
            for number in over:
                del self._ringing[number]
        for number, answer in over.items():
            tell(number, answer)
        return len(over)
