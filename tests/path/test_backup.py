"""Proves that a backup of a site at work becomes the same site elsewhere, on the same database or the other, and nothing less."""

from __future__ import annotations

import shutil
import threading
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.check import CheckState
from anbu.archive import MANIFEST, Manifest
from anbu.backup import back_up
from anbu.broker_site import BrokerFolder
from anbu.ending import Refusal
from anbu.restore import look_at, restore
from anbu.settings import load_settings
from dashboard_api.tables import session
from ingest.clock import SystemClock
from ingest.journal.port import Message
from ingest.seal import new_key, write_key
from ingest.store import reading
from tests.path.kept_site import HOMES, KEY, PASSWORD, KeptSite, new_site, write_settings
from tests.path.site_process import MadeSite, run
from tests.servers import NatsServer, publish
from tests.stores import PostgresServer
from tests.waiting import until

Place = Callable[[str], str | None]


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """The URL of a new store on this engine; None: the SQLite file a site has by itself."""

    def on(engine: str) -> str | None:
        if engine == "sqlite":
            return None
        server: PostgresServer = request.getfixturevalue("postgresql")
        return server.database()

    return on


@pytest.fixture
def site(tmp_path: Path) -> Iterator[KeptSite]:
    """A day old, on SQLite."""
    made = new_site(tmp_path / "old", None)
    for _ in range(48):
        made.step()
    yield made
    made.close()


def save(site: KeptSite, target: Path, *, with_key: bool = False) -> Manifest:
    _path, manifest = back_up(site.settings, site.settings.data.parent / "anbu.toml", target, with_key=with_key)
    return manifest


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("sqlite", "sqlite"),
        pytest.param("postgresql", "postgresql", marks=pytest.mark.postgresql),
        pytest.param("sqlite", "postgresql", marks=pytest.mark.postgresql),
        pytest.param("postgresql", "sqlite", marks=pytest.mark.postgresql),
    ],
)
def test_a_site_backed_up_at_work_goes_on_elsewhere_as_if_nothing_had_happened(
    source: str, target: str, place: Place, tmp_path: Path
) -> None:
    old = new_site(tmp_path / "old", place(source))
    for _ in range(30):
        old.step()
    taken = old.site.desk.checks(dong=None)[0]
    old.site.desk.acknowledge(taken.id, actor="kim", dong=None)
    old.site.desk.note(taken.id, actor="kim", dong=None, text="문을 두드렸음")
    old.sender.turn()
    over, steps = threading.Event(), [0]

    def work() -> None:
        while not over.is_set() or not steps[0]:
            old.step()
            steps[0] += 1
        old.step()  # one at least that the backup has nothing of

    load = threading.Thread(target=work)
    load.start()
    try:
        manifest = save(old, tmp_path / "backup.zip")
    finally:
        over.set()
        load.join(60)

    file = write_settings(tmp_path / "new", place(target))
    write_key(tmp_path / "new" / "anbu.key", KEY)
    assert restore(tmp_path / "backup.zip", file).key_missing is None
    new = KeptSite(load_settings(file))
    assert new.stores.journal.head == manifest.journal_head < old.stores.journal.head
    rest = [entry for entry in entries(old) if entry[0] > new.stores.journal.head]
    new.clock.advance_to(old.clock.home_now())
    new.take([body for _offset, body in rest])  # as its broker would bring it what nobody acknowledged
    assert new.rules_state() == old.rules_state()
    assert new.work() == old.work()
    assert new.readings() == old.readings()
    same_people(new)
    new.sender.turn()
    sent = [each.id for each in old.book.given]
    assert sent
    assert not {each.id for each in new.book.given} & set(sent)
    assert {row[0] for row in new.work()["delivery"]} >= {each.id for each in new.book.given} | set(sent)
    new.step()  # what numbers rows goes on above those restored
    new.site.desk.note(taken.id, actor="kim", dong=None, text="다시 방문")
    detail = new.site.desk.check(taken.id, dong=None)
    assert detail is not None
    assert [each.note for each in detail.transitions if each.note] == ["문을 두드렸음", "다시 방문"]
    old.close()
    new.close()


def entries(site: KeptSite) -> list[tuple[int, Message]]:
    """All messages of its journal."""
    journal, found = site.stores.journal, list[tuple[int, Message]]()
    after = 0
    while batch := journal.read(after, 5_000):
        found += [(entry.offset, entry.body) for entry in batch if isinstance(entry.body, Message)]
        after = batch[-1].offset
    return found


def same_people(site: KeptSite) -> None:
    """Sealed fields open, passwords are right, and nobody is logged in."""
    people = site.site.register.view_people(HOMES[0], login="kim", purpose="test")
    assert people.resident is not None
    assert people.resident.name == "김하늘"
    assert site.site.accounts.verify("kim", PASSWORD) is not None
    with reading(site.stores.engine).begin() as connection:
        assert connection.execute(select(session)).all() == []


def test_the_key_is_not_in_a_backup_unless_asked_for(site: KeptSite, tmp_path: Path) -> None:
    assert not save(site, tmp_path / "without.zip").key_included
    assert save(site, tmp_path / "with.zip", with_key=True).key_included
    for name, held in (("without.zip", False), ("with.zip", True)):
        with zipfile.ZipFile(tmp_path / name) as archive:
            assert any(b64encode(KEY) in archive.read(part) or KEY in archive.read(part) for part in archive.namelist()) is held
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    told = restore(tmp_path / "without.zip", tmp_path / "one" / "anbu.toml")
    assert told.key_missing == tmp_path / "one" / "anbu.key"
    assert restore(tmp_path / "with.zip", tmp_path / "two" / "anbu.toml").key_missing is None
    restored = KeptSite(load_settings(tmp_path / "two" / "anbu.toml"))
    same_people(restored)
    restored.close()


def test_the_brokers_accounts_come_along_and_its_private_keys_only_with_the_key(site: KeptSite, tmp_path: Path) -> None:
    broker = BrokerFolder(site.settings.broker_folder)
    broker.make()
    broker.write(broker.passwd, b"pir-1:$7$101$...\n")
    broker.write(broker.ca_key, b"a private key", private=True)
    for name, with_key in (("one", False), ("two", True)):
        save(site, tmp_path / f"{name}.zip", with_key=with_key)
        restored = restore(tmp_path / f"{name}.zip", tmp_path / name / "anbu.toml")
        made = BrokerFolder(restored.settings.broker_folder)
        assert made.passwd.read_bytes() == broker.passwd.read_bytes()
        assert made.ca_key.exists() is with_key
    assert made.ca_key.stat().st_mode & 0o077 == 0


def test_a_site_that_holds_anything_is_not_written_over(site: KeptSite, tmp_path: Path, place: Place) -> None:
    save(site, tmp_path / "backup.zip", with_key=True)
    before = sorted((file, file.stat().st_mtime_ns) for file in site.settings.data.rglob("*.db"))
    with pytest.raises(Refusal, match=r"cursors\.sqlite3"):
        restore(tmp_path / "backup.zip", tmp_path / "old" / "anbu.toml")
    assert sorted((file, file.stat().st_mtime_ns) for file in site.settings.data.rglob("*.db")) == before
    for inhabited in ("data/history.sqlite3", "data/anbu.sqlite3", "data/journal/00000000000000000001.db"):
        other = tmp_path / inhabited.replace("/", "-") / inhabited
        other.parent.mkdir(parents=True)
        other.touch()
        config = write_settings(tmp_path / inhabited.replace("/", "-"))
        with pytest.raises(Refusal, match=other.name):
            restore(tmp_path / "backup.zip", config)
        assert not (config.parent / "anbu.key").exists()


@pytest.mark.postgresql
def test_a_database_that_holds_anything_is_not_written_over(site: KeptSite, tmp_path: Path, place: Place) -> None:
    save(site, tmp_path / "backup.zip", with_key=True)
    store = place("postgresql")
    inhabited = new_site(tmp_path / "inhabited", store)
    inhabited.close()
    with pytest.raises(Refusal, match="데이터베이스"):
        restore(tmp_path / "backup.zip", write_settings(tmp_path / "new", store))


def test_a_damaged_backup_is_refused_and_leaves_nothing(site: KeptSite, tmp_path: Path) -> None:
    save(site, tmp_path / "backup.zip", with_key=True)
    whole = (tmp_path / "backup.zip").read_bytes()
    assert look_at(tmp_path / "backup.zip").site == "바람"
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        places = [info.header_offset + 200 for info in archive.infolist() if info.compress_size > 400]
    assert len(places) > 5
    for number, at in enumerate([*places, -10, len(whole) // 2]):
        broken = tmp_path / f"broken-{number}.zip"
        torn = number == len(places) + 1
        broken.write_bytes(whole[:at] if torn else whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        with pytest.raises(Refusal):
            restore(broken, tmp_path / "new" / "anbu.toml")
        assert not (tmp_path / "new").exists()


def test_a_part_exchanged_for_another_is_noticed(site: KeptSite, tmp_path: Path) -> None:
    save(site, tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive, zipfile.ZipFile(tmp_path / "forged.zip", "w") as forged:
        for name in archive.namelist():
            content = archive.read(name)
            forged.writestr(name, content.replace(b"officer", b"operator") if name == "store/account.jsonl" else content)
    with pytest.raises(Refusal, match=r"store/account\.jsonl"):
        look_at(tmp_path / "forged.zip")


def test_a_backup_of_another_key_of_a_newer_version_or_in_the_way_is_refused(site: KeptSite, tmp_path: Path) -> None:
    save(site, tmp_path / "backup.zip")
    with pytest.raises(Refusal, match=r"backup\.zip"):
        save(site, tmp_path / "backup.zip")
    config = write_settings(tmp_path / "new")
    write_key(tmp_path / "new" / "anbu.key", new_key())
    with pytest.raises(Refusal, match=KEY_ID(site)):
        restore(tmp_path / "backup.zip", config)
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["anbu.key", "anbu.toml"]
    for name, value in (('"format": 1', '"format": 2'), ('"schema": "', '"schema": "9')):
        newer = tmp_path / f"{name[1:7]}.zip"
        with zipfile.ZipFile(tmp_path / "backup.zip") as archive, zipfile.ZipFile(newer, "w") as changed:
            for part in archive.namelist():
                content = archive.read(part)
                changed.writestr(part, content.replace(name.encode(), value.encode()) if part == MANIFEST else content)
        with pytest.raises(Refusal, match="더 새로운"):
            restore(newer, tmp_path / "newer" / "anbu.toml")
        shutil.rmtree(tmp_path / "newer", ignore_errors=True)


def KEY_ID(site: KeptSite) -> str:  # noqa: N802 - reads as the constant it is
    return site.stores.sealer.key_id.hex()


def test_a_backup_that_fails_leaves_nothing_behind(site: KeptSite, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    segment = next(iter(sorted(site.settings.journal_folder.glob("*.db"))))
    (segment.parent / "99999999999999999999.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(Refusal):
        save(site, folder)
    assert list(folder.iterdir()) == []


def test_a_folder_takes_backups_named_for_their_time(site: KeptSite, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    with pytest.raises(Refusal, match=f"mkdir -p {folder}"):
        back_up(site.settings, tmp_path / "old" / "anbu.toml", folder)
    assert not folder.exists(), "a folder that is missing does not become a file"
    folder.mkdir()
    path, manifest = back_up(site.settings, tmp_path / "old" / "anbu.toml", folder)
    assert list(folder.iterdir()) == [path]
    assert path.name.startswith("anbu-2")
    assert manifest.made_at[:10] in path.name
    with zipfile.ZipFile(path) as archive:
        assert {"settings.toml", "cursors.sqlite3", "history.sqlite3", MANIFEST} <= set(archive.namelist())
        assert not {"journal/lock", "journal/name", "key"} & set(archive.namelist())


def test_a_served_site_is_backed_up_while_it_runs_and_served_again_from_its_backup(
    nats_broker: NatsServer, tmp_path: Path
) -> None:
    config = write_settings(tmp_path / "old", broker_port=nats_broker.port)
    write_key(tmp_path / "old" / "anbu.key", KEY)
    made = KeptSite(load_settings(config), at=SystemClock().home_now())
    made.found()
    made.close()
    site = MadeSite(tmp_path / "old", nats_broker.port)
    site.start()
    try:
        publish(nats_broker.port, [("anbu/v1/dong-1/hh-0/sos-hh-0/sos", b'{"boot": 1, "seq": 0, "v": 1}')])
        with site.client("kim") as client:
            until(lambda: site.checks(client), what="the check is served")
            client.post(f"/api/v1/checks/{site.checks(client)[0]['id']}/acknowledge", json={}).raise_for_status()
            before = site.checks(client)
        said = run("backup", "../backup.zip", cwd=site.folder)
        assert "열쇠" in said
    finally:
        site.kill()
    (tmp_path / "new").mkdir()
    said = run("restore", "../backup.zip", cwd=tmp_path / "new")
    assert "anbu.key" in said
    shutil.copy(site.folder / "anbu.key", tmp_path / "new" / "anbu.key")
    site.folder = tmp_path / "new"
    site.start()
    try:
        with site.client("kim") as client:
            assert site.checks(client) == before
            assert before[0]["state"] == CheckState.ACKNOWLEDGED
        assert "notice" not in site.said()
    finally:
        assert site.stop() == 0
