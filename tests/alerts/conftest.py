"""A site on a fresh store for each test of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.alert_parts import Receiver, Site, make_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(f"sqlite:///{tmp_path / 'anbu.db'}")
    yield made
    made.engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
