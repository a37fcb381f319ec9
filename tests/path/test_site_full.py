"""Proves on a real site with a full disk under its journal: the page says so, nothing is lost, it goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.path.site_process import SiteProcess
from tests.servers import NatsServer
from tests.small_disk import SmallDisk
from tests.waiting import until


@pytest.fixture
def site(nats_broker: NatsServer, small_disk: SmallDisk, tmp_path: Path) -> Iterator[SiteProcess]:
    process = SiteProcess(tmp_path / "site", nats_broker.port)
    settings = process.folder / "anbu.toml"
    text = settings.read_text(encoding="utf-8")
    folder = small_disk.folder / "journal"
    settings.write_text(text.replace("segment_mib = 64", f'folder = "{folder}"'), encoding="utf-8")
    process.start()
    assert folder.is_dir()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


@pytest.mark.long
def test_a_full_disk_is_shown_and_told_and_what_came_meanwhile_is_not_lost(site: SiteProcess, small_disk: SmallDisk) -> None:
    small_disk.fill()
    site.send("sos-1", "sos", b'{"boot": 1, "seq": 0, "v": 1}')
    with site.client() as client:

        def journal() -> str:
            stages = client.get("/readyz").json()["stages"]
            return next(f"{one['ok']} {one['detail']}" for one in stages if one["name"] == "journal")

        until(lambda: journal().startswith("False takes nothing"), 20, "the stage says what is wrong")
        assert not site.is_ready() and site.checks(client) == []
        assert "takes nothing" in client.get("/").text, "in the banner of the page"
        until(lambda: "kind=stage_failed" in site.said(), what="who is on duty is told")
        small_disk.make_room()
        until(site.is_ready, 40, "it goes on by itself")
        until(lambda: len(site.checks(client)) == 1, what="the button pressed meanwhile")
    until(lambda: "kind=stage_mended" in site.said(), what="that it is over is told as well")
    assert "the journal takes nothing" in site.said() and "the journal takes batches again" in site.said()
    assert site.stop() == 0
