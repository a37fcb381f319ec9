"""The web server of a site on the main thread, and an end in good order when someone presses Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Generator

import uvicorn
from fastapi import FastAPI

SHUTDOWN_S = 2
"""How long open requests may take to end; Ctrl-C has 5 s for everything."""


class WebServer(uvicorn.Server):
    """uvicorn, which calls `on_started` once the port answers and leaves the process to us after a signal."""

    def __init__(self, app: FastAPI, *, host: str, port: int, on_started: Callable[[], None] | None = None) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
            server_header=False,
        )
        super().__init__(config)
        self._app = app
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, then tell."""
        await super().startup(sockets)
        if self._on_started and not self.should_exit:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live streams first; they would keep the server until its limit."""
        self._app.state.live.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """End on SIGINT and SIGTERM. uvicorn's own raises the signal again afterwards, before our stages could stop."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def port_is_free(host: str, port: int) -> bool:
    """Whether the web server could listen there now; asked before long work, so that the answer comes at once."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
