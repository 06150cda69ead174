"""A Redis of its own that keeps what it is told: its files lie in one folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.systems.place import Place, Unavailable, free_port, listening, unprivileged, wait_until

APT = ("redis-server",)
PASSWORD = "r3dis-pa55word"


def installed() -> bool:
    return shutil.which("redis-server") is not None


class Server:
    """A server in a folder that the unprivileged user may write; ``url`` is its address while it runs."""

    def __init__(self, folder: Path) -> None:
        if not installed():
            raise Unavailable("redis-server is not there")
        self.folder, self.port = folder, free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    @property
    def command(self) -> list[str]:
        """What starts it, as the unprivileged user."""
        words = {
            "port": self.port, "bind": "127.0.0.1", "dir": self.folder, "appendonly": "yes", "save": "",
            "requirepass": PASSWORD, "maxmemory": "64mb", "maxmemory-policy": "noeviction",
        }  # fmt: skip
        return ["redis-server", *(word for key, value in words.items() for word in (f"--{key}", str(value)))]

    def ready(self) -> bool:
        return listening(self.port)

    # -- for tests that end it at the wrong moment

    def start(self) -> None:
        log = self.folder / "said"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **unprivileged()
            )
        wait_until(self.ready, 30, self._process, log)

    def kill(self) -> None:
        """At once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def up(place: Place) -> Mapping[str, str]:
    server = Server(place.scratch())
    process = place.start(server.command, **unprivileged())
    wait_until(server.ready, 30, process, place.log)
    return {"HUB_TEST_REDIS_URL": server.url}
