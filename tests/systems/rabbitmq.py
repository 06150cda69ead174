"""A RabbitMQ node of its own: its name, ports, cookie and files lie in one folder, and it needs no service."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.systems.place import Place, Unavailable, free_port, listening, run, unprivileged, wait_until

APT = ("rabbitmq-server",)
BIN = Path("/usr/lib/rabbitmq/bin")
PLUGINS = "[rabbitmq_consistent_hash_exchange]."
CONFIG = """listeners.tcp.1 = 127.0.0.1:{port}
default_user = hub
default_pass = hub
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
"""
# epmd belongs to the node's group of processes, so that whatever ends the node ends it, too.
BEGIN = 'epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" & exec "$0" "$@"'


def installed() -> bool:
    return (BIN / "rabbitmq-server").exists() and shutil.which("epmd") is not None


class Node:
    """A node in a folder that the unprivileged user may write; ``url`` is its address while it runs."""

    def __init__(self, folder: Path) -> None:
        if not installed():
            raise Unavailable("rabbitmq-server is not there")
        self.folder, self.port = folder, free_port()
        self.name = f"cophub{self.port}@localhost"
        self.url = f"amqp://hub:hub@127.0.0.1:{self.port}//"
        files = {"rabbitmq.conf": CONFIG.format(port=self.port), "enabled_plugins": PLUGINS}
        for name, text in files.items():
            (folder / name).write_text(text)
        (folder / "enabled_plugins").chmod(0o666)
        self._environment = {
            "PATH": f"{BIN}:/usr/sbin:/usr/bin:/bin",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_CRASH_DUMP": "/dev/null",
        }

    @property
    def command(self) -> list[str]:
        """What starts it, under ``options``."""
        return ["/bin/sh", "-c", BEGIN, str(BIN / "rabbitmq-server")]

    @property
    def options(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": self._environment, **unprivileged()}

    def control(self, *words: str) -> str:
        """``rabbitmqctl``, which takes a second."""
        return run([BIN / "rabbitmqctl", "--quiet", "-n", self.name, *words], **self.options)

    def ready(self) -> bool:
        return listening(self.port)

    # -- for tests that end it at the wrong moment

    def start(self) -> None:
        self._log = self.folder / "said"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **self.options
            )
        wait_until(self.ready, 90, self._process, self._log)

    def kill(self) -> None:
        """At once, with its epmd: as when the machine loses its power."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def up(place: Place) -> Mapping[str, str]:
    node = Node(place.scratch())
    process = place.start(node.command, **node.options)
    wait_until(node.ready, 90, process, place.log)
    return {"HUB_TEST_RABBITMQ_URL": node.url}
