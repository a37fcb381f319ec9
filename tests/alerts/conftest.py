"""A site on a fresh store, on each engine in turn, for each test of alerts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.alerts.alert_parts import Receiver, Site, make_site


@pytest.fixture
def site(store_url: str) -> Iterator[Site]:
    made = make_site(store_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
