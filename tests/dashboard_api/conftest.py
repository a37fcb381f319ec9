"""Gives each test a site of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard_api.small_site import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Real stores in a temporary folder."""
    made = open_site(tmp_path)
    yield made
    made.services.history.close()
    made.engine.dispose()
