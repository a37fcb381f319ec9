"""A real InfluxDB 1.x for tests, with Flux and passwords on, and an HTTP server that misbehaves as it is told."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from ingest.history.influx_wire import Address
from scripts.servers import find_influxd, influx_refused
from tests.servers import free_port
from tests.waiting import until

TOKEN = "anbu:secret-1"

CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "tsi1"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
flux-enabled = true
auth-enabled = true
log-enabled = false
[monitor]
store-enabled = false
[continuous_queries]
enabled = false
"""


def influxd_or_skip() -> Path:
    """The program; a named skip without it, in CI a failure unless neither version would build."""
    program = find_influxd()
    if program is None:
        reason = "there is no influxd (scripts/servers.py builds it where Go is)"
        if os.environ.get("CI") and not influx_refused():
            pytest.fail(reason)
        pytest.skip(reason)
    return program


class InfluxServer:
    """Started in a folder of its own; `address` makes a database with two retention policies for whoever asks."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._folder, self._program = folder, program
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        (folder / "influxd.toml").write_text(
            CONFIGURATION.format(rpc=free_port(), port=self.port, folder=folder), encoding="utf-8"
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self._folder / "influxd.log").open("ab") as log:
            command = [str(self._program), "-config", str(self._folder / "influxd.toml")]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self._process = process
        # 1.8 compiles its Flux library at every start: seconds, on a busy machine many.
        until(lambda: process.poll() is not None or self._answers(), 90, "influxd answers")
        assert process.poll() is None, (self._folder / "influxd.log").read_text(encoding="utf-8")
        # 1.x lets the first account be made without one; made already, this is refused.
        httpx.post(f"{self.url}/query", data={"q": "CREATE USER anbu WITH PASSWORD 'secret-1' WITH ALL PRIVILEGES"}, timeout=30)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ping", timeout=5).status_code == 204
        except httpx.HTTPError:
            return False

    def address(self, raw_duration: str = "INF") -> Address:
        """A new, empty database."""
        self._databases += 1
        name = f"site{self._databases}"
        self.say(f'CREATE DATABASE "{name}" WITH DURATION {raw_duration} SHARD DURATION 7d NAME "raw"')
        self.say(f'CREATE RETENTION POLICY "hours" ON "{name}" DURATION INF REPLICATION 1')
        return Address(url=self.url, token=TOKEN, raw_bucket=f"{name}/raw", hours_bucket=f"{name}/hours")

    def say(self, statement: str) -> str:
        answer = httpx.post(f"{self.url}/query", data={"q": statement}, auth=("anbu", "secret-1"), timeout=30)
        assert answer.status_code == 200 and "error" not in answer.text, answer.text
        return answer.text

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None


class BadServer:
    """Takes writes and answers each as `answer` says: (status, headers, body), or None to hang until closed."""

    def __init__(self) -> None:
        self.answer: Callable[[list[str]], tuple[int, dict[str, str], str] | None] = lambda lines: (204, {}, "")
        self.batches: list[list[str]] = []
        self.encodings: set[str | None] = set()
        self._released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                encoding = self.headers.get("Content-Encoding")
                lines = (gzip.decompress(body) if encoding == "gzip" else body).decode().splitlines()
                outer.encodings.add(encoding)
                outer.batches.append(lines)
                found = outer.answer(lines)
                if found is None:
                    outer._released.wait(60)
                    return
                status, headers, text = found
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                if status != 204:
                    self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name for it
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def address(self) -> Address:
        return Address(url=f"http://127.0.0.1:{self.port}", token=TOKEN)

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
