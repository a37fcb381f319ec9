"""Brokers for whoever asks for one: real servers on 127.0.0.1, each in a folder of its own, ended when the test ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from anbu.bench.influxd import InfluxServer
from ingest.clock import SystemClock
from tests.influx_server import BadServer, influxd_or_skip
from tests.servers import MOSQUITTO, Broker, MosquittoServer, NatsServer, ScriptedBroker
from tests.small_disk import SIZE, SmallDisk
from tests.stores import PostgresServer, postgres_server

# No test fails because a machine is busy.
hypothesis.settings.register_profile("anbu", deadline=None)
hypothesis.settings.load_profile("anbu")
# What scripts/mutants.py asks for: the same examples each time, and none made smaller, which can take minutes.
hypothesis.settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate]
)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Whoever starts the tests in a shell's background has SIGINT ignored, and every program started here would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Tracebacks without colours and local variables: the default ones take seconds to draw."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture
def nats_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A running nats-server with MQTT on; un-acknowledged messages come again after 1 s."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mosquitto_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoServer]:
    """A running Mosquitto on this repository's mosquitto.conf. Skipped where there is none, but not in CI."""
    if MOSQUITTO is None:
        reason = "mosquitto is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = MosquittoServer(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each of the real ones in turn."""
    server: Broker = request.getfixturevalue(f"{request.param}_broker")
    return server


@pytest.fixture
def scripted_broker() -> Iterator[ScriptedBroker]:
    """One that says what the test wants."""
    server = ScriptedBroker()
    yield server
    server.close()


@pytest.fixture
def journal_folder(tmp_path: Path) -> Path:
    """Where a test keeps its journal."""
    return tmp_path / "journal"


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """A running InfluxDB for all tests of this process; each asks for a database of its own."""
    server = InfluxServer(tmp_path_factory.mktemp("influx"), influxd_or_skip(), SystemClock())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def bad_server() -> Iterator[BadServer]:
    """One that answers writes as the test says."""
    server = BadServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A real PostgreSQL for the whole run."""
    yield from postgres_server()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The relational store on each engine in turn; PostgreSQL's has all tables already and is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'anbu.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.shared()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def bare_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Like `store_url`, but without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'anbu.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.database()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mounting needs root: skipped for others, but not in CI (there a file limit stands in: test_journal_sqlite.py)."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr.strip() if done else 'not root'}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
