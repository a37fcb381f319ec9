"""Proves that upkeep which fails is told of with what to do about it, is tried again by itself, and frightens nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from anbu.backup_look import backup_looked_for
from anbu.broker_pki import RENEW_DAYS, SERVER_DAYS, make_authority, sign_server
from anbu.broker_site import BrokerFolder
from anbu.certificate_look import certificate_looked_at, say_certificate
from anbu.chores import AGAIN_S, EVERY_S, Chore, Chores
from anbu.ending import Refusal
from anbu.sections import BackupSection
from anbu.settings import load_settings
from dashboard_api.services import StageHealth
from ingest.clock import DAY, SECOND
from ingest.facts import RunStopped
from ingest.journal.port import Position
from tests.alerts.alert_parts import HandClock
from tests.path.kept_site import START, KeptSite, write_settings
from tests.waiting import until


class Upkeep:
    """A chore whose disk is full until a test makes room, and the clock it runs by."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.full = False
        self.done = 0
        self.chore = Chore("history", self._work, "anbu check", self.clock)

    def _work(self) -> None:
        if self.full:
            raise OSError("no room")
        self.done += 1

    def after(self, seconds: float) -> bool:
        """Whether it is well, so much later and after its turn."""
        self.clock.sleep(seconds)
        with capture_logs():
            self.chore.turn()
        return self.chore.health().ok


def test_a_chore_is_done_once_an_hour() -> None:
    upkeep = Upkeep()
    assert upkeep.after(EVERY_S - 1) and upkeep.done == 0
    assert upkeep.after(1) and upkeep.done == 1
    assert upkeep.after(EVERY_S - 1) and upkeep.done == 1


def test_a_chore_that_fails_twice_is_not_well_says_what_to_do_and_is_well_once_it_is_done() -> None:
    upkeep = Upkeep()
    upkeep.full = True
    assert upkeep.after(EVERY_S), "a file may be busy for once"
    assert not upkeep.after(AGAIN_S)
    health = upkeep.chore.health()
    assert (health.name, health.upkeep) == ("chore history", True)
    assert health.detail == "OSError: no room; tried every 5 min; anbu check"
    upkeep.full = False
    assert upkeep.after(AGAIN_S) and upkeep.done == 1


def test_one_chore_that_fails_does_not_keep_the_others_from_being_done() -> None:
    upkeep, other = Upkeep(), Upkeep()
    upkeep.full = True
    upkeep.clock.sleep(EVERY_S)
    other.clock.sleep(EVERY_S)
    with capture_logs():
        chores = Chores([upkeep.chore, Chore("sessions", other._work, "", other.clock)], every_s=0.01)
        other.clock.sleep(EVERY_S)
        chores.start()
        until(lambda: other.done and not all(one.ok for one in chores.health()))
        chores.stop()
    assert [one.name for one in chores.health() if not one.ok] == ["chore history"]


def test_a_backup_that_is_no_longer_made_is_noticed_and_a_new_one_is_enough(tmp_path: Path) -> None:
    clock = HandClock()
    [chore] = backup_looked_for(BackupSection(folder=tmp_path, every_hours=26), clock)

    def look(seconds: float) -> StageHealth:
        clock.sleep(seconds)
        with capture_logs():
            chore.turn()
        return chore.health()

    assert look(EVERY_S).ok
    assert f"NoBackup: {tmp_path} holds no backup" in look(AGAIN_S).detail
    file = tmp_path / "anbu-2026-01-12-031500.zip"
    file.touch()
    os.utime(file, (clock.machine_now() // SECOND, clock.machine_now() // SECOND))
    assert look(AGAIN_S).ok
    assert look(26 * 3600).ok
    late = look(AGAIN_S)
    assert late.detail.startswith(f"NoBackup: the newest backup in {tmp_path} is 26 hours old; tried every 5 min; ")
    assert not late.ok and late.detail.endswith("from running (cron), or run it")
    assert backup_looked_for(BackupSection(), clock) == []


def test_a_brokers_certificate_that_is_about_to_end_is_told_of_until_it_is_renewed(tmp_path: Path) -> None:
    clock = HandClock()
    assert certificate_looked_at(tmp_path / "site", clock) == []
    folder = BrokerFolder(tmp_path / "site")
    folder.make()
    make_authority(folder, "test", clock.machine_now())
    sign_server(folder, ["broker.example"], clock.machine_now() - (SERVER_DAYS - RENEW_DAYS) * DAY - 1)
    [chore] = certificate_looked_at(tmp_path / "site", clock)
    for seconds in (EVERY_S, AGAIN_S):
        clock.sleep(seconds)
        with capture_logs():
            chore.turn()
    assert not chore.health().ok
    assert "holds for 59 days more" in chore.health().detail and "anbu broker renew" in chore.health().detail
    with pytest.raises(Refusal, match="anbu broker renew"):
        say_certificate(folder, clock.machine_now())
    sign_server(folder, ["broker.example"], clock.machine_now())
    clock.sleep(AGAIN_S)
    chore.turn()
    assert chore.health().ok and str(SERVER_DAYS - 1) in say_certificate(folder, clock.machine_now())


def test_a_journal_kept_by_a_consumer_that_stays_behind_is_a_failed_chore(tmp_path: Path) -> None:
    site = KeptSite(load_settings(write_settings(tmp_path)))
    site.site.keep_days = 30
    try:
        for day in range(60):
            site.clock.advance_to(START + day * DAY)
            site.stores.journal.append([RunStopped(fact_id=f"day-{day}", at=site.clock.home_now(), run_id="none")])
        site.stores.cursors.commit("left-behind", Position(offset=0))
        with pytest.raises(RuntimeError, match="keeps more than 30 days, held by left-behind"):
            site.site.prune_journal()
        site.stores.cursors.remove("left-behind")
        site.site.prune_journal()
    finally:
        site.stores.close()
