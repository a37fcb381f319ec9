"""A Mosquitto for the length of a benchmark, with the queue and size settings of mosquitto.conf."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

from anbu.ending import Refusal
from anbu.language import say
from ingest.clock import Clock

HOST = "127.0.0.1"
_START_TURNS = 500
_TURN_S = 0.02

_CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
max_queued_messages 500000
memory_limit 1073741824
max_inflight_messages {inflight}
max_packet_size 131072
persistence true
persistence_location {folder}/
autosave_interval 10
set_tcp_nodelay true
log_dest none
"""


class Mosquitto:
    """One mosquitto process in a folder of its own."""

    def __init__(self, folder: Path, clock: Clock, *, inflight: int) -> None:
        self.port = 0
        self._folder, self._clock, self._inflight = folder, clock, inflight
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it on a free port and return once it answers. Raises Refusal where there is none."""
        # Debian puts it in sbin, which is not on everybody's PATH.
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
        if program is None:
            raise Refusal(
                say("mosquitto 가 설치되어 있지 않습니다", "mosquitto is not installed"),
                "apt-get install mosquitto, --broker nats",
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        file = self._folder / "mosquitto.conf"
        settings = {"port": self.port, "user": getpass.getuser(), "inflight": self._inflight, "folder": self._folder}
        file.write_text(_CONFIGURATION.format(**settings), encoding="utf-8")
        self._process = subprocess.Popen([program, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(_START_TURNS):
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            self._clock.sleep(_TURN_S)
        self.stop()
        raise Refusal(say("mosquitto 가 시작하지 않습니다", "mosquitto does not start"), str(file))

    def stop(self) -> None:
        """End it; nothing happens when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)
