"""How tests wait for something real: they look again and again, up to a bound, and say what never came."""

import time
from collections.abc import Callable


def until(predicate: Callable[[], object], timeout: float = 10, what: str = "") -> None:
    """Return once `predicate()` is true; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < end, f"not within {timeout:g} s: {what or getattr(predicate, '__name__', predicate)}"
        time.sleep(0.01)
