"""Whether there is a real InfluxDB for tests, and an HTTP server that takes its writes and misbehaves as it is told."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from anbu.bench.influxd import find_influxd
from ingest.history.influx_wire import Address
from scripts.servers import influx_refused


def influxd_or_skip() -> Path:
    """The program; a named skip without it, in CI a failure unless neither version would build."""
    program = find_influxd()
    if program is None:
        reason = "there is no influxd (scripts/servers.py builds it where Go is)"
        if os.environ.get("CI") and not influx_refused():
            pytest.fail(reason)
        pytest.skip(reason)
    return program


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
        return Address(url=f"http://127.0.0.1:{self.port}", token="anbu:secret-1")

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
