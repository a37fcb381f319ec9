"""Proves the main job on a real site: a message becomes a check that staff settle, through kill -9 and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.path.site_process import SiteProcess
from tests.servers import Broker
from tests.waiting import until


@pytest.fixture
def site(broker: Broker, tmp_path: Path) -> Iterator[SiteProcess]:
    process = SiteProcess(tmp_path / "site", broker.port)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


def test_a_pressed_button_becomes_one_check_that_survives_kill_9_and_is_settled(site: SiteProcess) -> None:
    site.send("sos-1", "sos", b'{"boot": 1, "seq": 0, "v": 1}')
    with site.client() as client:
        until(lambda: len(site.checks(client)) == 1, what="the check is served")
        opened = site.checks(client)[0]
    assert opened["level"] == "danger"
    site.kill()
    site.send("sos-1", "sos", b'{"boot": 1, "seq": 1, "v": 1}')  # while we are away: the broker keeps it
    site.start()
    with site.client() as client:
        until(
            lambda: len(client.get(f"/api/v1/checks/{opened['id']}").json()["transitions"]) > 1, what="the second press is seen"
        )
        assert [check["id"] for check in site.checks(client)] == [opened["id"]]
        settled = client.post(f"/api/v1/checks/{opened['id']}/resolve", json={"outcome": "safe_by_phone"})
        assert settled.status_code == 200, settled.text
        assert settled.json()["state"] == "resolved"
    assert site.stop() == 0
    assert "Traceback" not in site.said()


def test_what_cannot_be_read_stops_nothing_and_is_kept_with_its_reason(site: SiteProcess) -> None:
    for payload in (b"\xff\xfe not text", b"{", b"[]", b'{"v": "warm"}', b'{"v": 900}', b"\x00" * 100_000):
        site.send("air-1", "temperature", payload)
    site.send("sos-1", "sos", b'{"boot": 1, "seq": 0, "v": 1}')
    with site.client() as client:
        until(lambda: len(site.checks(client)) == 1, what="the check is served after the rubbish")
        metrics = client.get("/metrics").text
    for reason in ("invalid_utf8", "unparsable", "bad_field", "out_of_range"):
        counted = [line for line in metrics.splitlines() if line.startswith("anbu_rejections_total") and f'"{reason}"' in line]
        assert counted, reason
    assert site.is_ready()
