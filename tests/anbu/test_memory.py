"""Proves that a site which spares itself the search through its town still finds garbage, and gives back what it freed."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from anbu.memory import settle_memory


class Knot:
    """Garbage that only the collector of cycles can free."""

    def __init__(self) -> None:
        self.myself = self


@pytest.fixture
def settled() -> Iterator[None]:
    before = gc.get_threshold()
    settle_memory()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_here_at_the_start_is_looked_through_no_more_and_what_comes_is_freed(settled: None) -> None:
    assert gc.get_freeze_count() > 10_000
    first = weakref.ref(Knot())
    assert first() is not None, "it holds itself"
    for _ in range(gc.get_threshold()[0] + 1):
        Knot()
    assert first() is None


GROWS = """
import ctypes, resource
from pathlib import Path
from anbu.memory import LARGE, give_back_large_blocks
import sys
if sys.argv[1] == "ours":
    give_back_large_blocks()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def block(size):
    at = libc.malloc(size)
    ctypes.memset(at, 1, size)
    return at

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

libc.free(block(4 * LARGE))  # from here on the library keeps blocks of this size in its heap, unless it is told not to
before = rss()
large = []
for _ in range(10):
    large.append(block(2 * LARGE))
    block(100_000)  # others that stay lie between
for one in large:
    libc.free(one)
print((rss() - before) // LARGE)
"""


def kept_of_twenty(whose: str) -> int:
    """How many times `LARGE` stays with a process that has freed twenty of them."""
    made = subprocess.run([sys.executable, "-c", GROWS, whose], capture_output=True, text=True, check=True)
    return int(made.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no such limit")
def test_large_blocks_that_were_freed_go_back_to_the_system() -> None:
    assert kept_of_twenty("theirs") >= 10
    assert kept_of_twenty("ours") <= 1
