"""The relational stores of tests: an SQLite file, or a database of a real PostgreSQL that the test run starts for itself."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from anbu.schema import metadata
from ingest.store import open_store
from tests.servers import free_port

_USER = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root; Debian's package makes this user


def _program(name: str) -> str | None:
    """Debian keeps them in a folder for each version, the newest last."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name)


class PostgresServer:
    """A cluster of its own in a temporary folder on 127.0.0.1; nothing is ever synced to disk."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="anbu-postgresql-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._shared: str | None = None
        if _USER is not None:
            shutil.chown(self._folder, _USER)
        initdb = [_program("initdb") or "initdb", "-D", str(self._folder / "data"), "-U", "anbu", "-A", "trust"]
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run([*initdb, *options], user=_USER, cwd=self._folder, check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "port": self._port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",  # tests kill processes, not the power
            "max_connections": 200,
            "deadlock_timeout": "100ms",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres") or "postgres", "-D", str(self._folder / "data"), *options],
                user=_USER,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        deadline = itertools.count()
        while not self._answers():
            assert next(deadline) < 300, (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def _answers(self) -> bool:
        try:
            self._admin("SELECT 1")
        except psycopg.OperationalError:
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
            return False
        return True

    def stop(self) -> None:
        """End it at once (open connections are broken off)."""
        assert self._process is not None
        self._process.send_signal(3)  # SIGQUIT: immediate shutdown
        self._process.wait(20)

    def remove(self) -> None:
        """End it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, options: str = "") -> str:
        """The URL of a new, empty database; `options` as CREATE DATABASE takes them."""
        name = f"anbu_{next(self._numbers)}"
        self._admin(f"CREATE DATABASE {name} {options}")
        return f"postgresql://anbu@127.0.0.1:{self._port}/{name}"

    def shared(self) -> str:
        """The URL of the one database with all tables that tests use one after another; emptied by this call."""
        self._shared = self._shared or self.database()
        try:
            self._empty(self._shared)
        except psycopg.errors.UndefinedTable:  # the first test, or one that dropped a table
            engine = open_store(self._shared)
            metadata.create_all(engine)
            engine.dispose()
            self._empty(self._shared)
        return self._shared

    @staticmethod
    def _empty(url: str) -> None:
        with psycopg.connect(url, connect_timeout=5) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(f'DELETE FROM "{table.name}"'.encode())
            for (sequence,) in connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'").fetchall():
                connection.execute(f"ALTER SEQUENCE {sequence} RESTART".encode())

    def _admin(self, statement: str) -> None:
        address = f"postgresql://anbu@127.0.0.1:{self._port}/postgres"
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())


def postgres_server() -> Iterator[PostgresServer]:
    """A running server, ended afterwards. Skipped where PostgreSQL is not installed, but not in CI."""
    if _program("initdb") is None:
        reason = "postgresql is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = PostgresServer()
    try:
        yield server
    finally:
        server.remove()
