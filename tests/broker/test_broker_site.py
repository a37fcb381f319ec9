"""Proves that `anbu broker init` makes what a real Mosquitto takes, that nothing is overwritten, and who may read it."""

import getpass
import grp
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anbu.broker_conf import Place, site_conf
from anbu.broker_probe import probe_broker
from anbu.broker_site import BROKER_GROUP, AccountWrong, BrokerFolder, hash_password, password_fits, write_acl
from anbu.cli import app
from anbu.sections import Broker
from tests.servers import MOSQUITTO, answers, free_port
from tests.waiting import until


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "anbu.toml"
    file.write_text('[broker]\nusername = "anbu"\npassword = "right-1234567890"\n')
    return file


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.mosquitto
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (scripts/servers.py names the command)")
def test_what_broker_init_makes_is_what_mosquitto_takes(config: Path, tmp_path: Path) -> None:
    run("broker", "init", "-c", str(config), "--host", "127.0.0.1")
    folder = BrokerFolder(tmp_path / "data" / "broker-site")
    ports = [free_port() for _ in range(3)]
    place = Place(
        folder=folder.folder,
        persistence=tmp_path,
        account=getpass.getuser(),
        port=ports[0],
        password_port=ports[1],
        certificate_port=ports[2],
        bind="127.0.0.1",
    )
    folder.conf.write_text(site_conf(place))
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(folder.conf)], stderr=subprocess.DEVNULL)
    try:
        settings = Broker(host="127.0.0.1", port=ports[0], username="anbu", password="right-1234567890")
        until(lambda: probe_broker(settings).error is None, what="it takes our account")
        secure = settings.model_copy(update={"port": ports[1], "tls": True, "ca_file": folder.ca_crt})
        until(lambda: probe_broker(secure).error is None, what="it takes it over TLS, and we take its certificate")
        run("broker", "renew", "-c", str(config))
        process.send_signal(1)
        until(lambda: probe_broker(secure).error is None, what="and the renewed one")
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.mosquitto
def test_mosquitto_under_its_own_account_reaches_what_broker_init_made_in_the_sites_closed_folder(tmp_path: Path) -> None:
    if MOSQUITTO is None or os.geteuid() != 0 or BROKER_GROUP not in {one.gr_name for one in grp.getgrall()}:
        pytest.skip("needs root, mosquitto and the group mosquitto")
    with tempfile.TemporaryDirectory(dir="/tmp") as home:  # pytest's own folders let nobody else through
        site = Path(home)
        site.chmod(0o755)
        (site / "anbu.toml").write_text(f"[broker]\nport = {free_port()}\n")
        (site / "data").mkdir(0o700)
        (site / "data" / "secret").touch(0o600)
        said = run("broker", "init", "-c", str(site / "anbu.toml"), "--host", "127.0.0.1")
        assert "chgrp" not in said
        assert stat.S_IMODE((site / "data").stat().st_mode) == 0o710
        queue = site / "queue"
        queue.mkdir()
        shutil.chown(queue, BROKER_GROUP)
        folder = BrokerFolder(site / "data" / "broker-site")
        ports = [free_port() for _ in range(3)]
        place = Place(folder=folder.folder, persistence=queue, port=ports[0], password_port=ports[1], certificate_port=ports[2])
        folder.conf.write_text(site_conf(place))
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(folder.conf)], stderr=subprocess.DEVNULL)
        try:
            until(lambda: process.poll() is not None or answers(ports[0]), what="it starts")
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait(10)
        (site / "data").chmod(0o700)
        assert folder.closed() == [site / "data"]


def test_nothing_is_overwritten(config: Path, tmp_path: Path) -> None:
    run("broker", "init", "-c", str(config))
    key = (tmp_path / "data/broker-site/ca.key").read_bytes()
    again = CliRunner().invoke(app, ["broker", "init", "-c", str(config)])
    assert again.exit_code == 1
    assert (tmp_path / "data/broker-site/ca.key").read_bytes() == key


def test_a_password_that_was_not_set_is_shown_once_and_fits(tmp_path: Path) -> None:
    config = tmp_path / "anbu.toml"
    config.write_text("")
    said = run("broker", "init", "-c", str(config))
    folder = tmp_path / "data" / "broker-site"
    entries = dict(line.split(":", 1) for line in (folder / "passwd").read_text().splitlines())
    assert set(entries) == {"anbu", "anbu-acks"}
    assert any(password_fits(word, entries["anbu"]) for word in said.split())
    assert not any(word in file.read_text() for word in said.split() if len(word) == 32 for file in folder.glob("[!.]*"))


def test_the_authoritys_key_is_for_us_alone(config: Path, tmp_path: Path) -> None:
    run("broker", "init", "-c", str(config))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data/broker-site").glob("[!.]*")}
    assert modes.pop("ca.key") == 0o600
    assert set(modes.values()) == {0o640}
    assert set(modes) == {"ca.crt", "server.crt", "server.key", "revoked.crl", "passwd", "acl", "mosquitto.conf"}


@pytest.mark.mosquitto
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (scripts/servers.py names the command)")
def test_a_password_is_kept_as_mosquitto_itself_keeps_it(tmp_path: Path) -> None:
    theirs = tmp_path / "passwd"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(theirs), "pir-1", "비밀 번호"], check=True)
    entry = theirs.read_text().strip().partition(":")[2]
    assert password_fits("비밀 번호", entry) and not password_fits("비밀번호", entry)
    assert entry.split("$")[:3] == hash_password("x").split("$")[:3]


def test_accounts_and_topics_come_and_go_alone(tmp_path: Path) -> None:
    folder = BrokerFolder(tmp_path / "site")
    folder.make()
    write_acl(folder, "anbu", "anbu-acks", "anbu")
    before = folder.acl.read_text()
    folder.set_password("a", "1")
    folder.set_password("b", "2")
    folder.set_password("a", "3")
    assert folder.accounts() == ("a", "b")
    assert folder.drop_password("a") and not folder.drop_password("a")
    assert folder.accounts() == ("b",)
    folder.allow("gw-1", ["readwrite zigbee2mqtt/#"])
    folder.allow("gw-2", ["readwrite shellies/#", "read x"])
    folder.allow("gw-1", ["deny #"])
    assert "zigbee2mqtt/#" not in folder.acl.read_text() and "user gw-1\ntopic deny #\n" in folder.acl.read_text()
    folder.allow("gw-1", [])
    folder.allow("gw-2", [])
    assert folder.acl.read_text() == before


@pytest.mark.parametrize("account", ["", "a:b", "a\nb", "a b", "#", "+", "a/b", "x" * 65])
def test_a_name_that_would_break_the_files_is_no_account(account: str, tmp_path: Path) -> None:
    folder = BrokerFolder(tmp_path)
    with pytest.raises(AccountWrong):
        folder.set_password(account, "x")
    with pytest.raises(AccountWrong):
        folder.allow(account, ["read #"])
