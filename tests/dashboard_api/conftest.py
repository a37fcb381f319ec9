"""Gives each test a site of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard_api.small_site import Site, open_site


@pytest.fixture
def site(tmp_path: Path, store_url: str) -> Iterator[Site]:
    """Real stores, the relational one on each engine in turn."""
    made = open_site(tmp_path, store_url=store_url)
    yield made
    made.services.history.close()
    made.engine.dispose()
