"""A PostgreSQL cluster of a test's own, to be stopped and started at the wrong moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from tests.systems.place import Unavailable, free_port, run, unprivileged
from tests.systems.postgres import _programs


class Cluster:
    """Listens on the loopback; ``url`` is its first database. A context manager."""

    def __init__(self) -> None:
        programs = _programs()
        if programs is None:
            pytest.skip("initdb is not installed: tests/services up postgres")
        self._programs = programs
        self.port = free_port()
        self.url = f"postgresql://hub:hub@127.0.0.1:{self.port}/postgres"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="cophub-cluster-", dir="/var/tmp"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
        password = self.folder / "password"
        password.write_text("hub")
        password.chmod(0o644)
        login = ("-U", "hub", "-A", "scram-sha-256", "--pwfile", password)
        place = ("-D", self.folder / "data", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        try:
            run((self._programs / "initdb", *place, *login), cwd=self.folder, **unprivileged())
        except Unavailable as error:
            pytest.skip(str(error))
        self.start()
        self._stack.callback(self.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c shared_buffers=32MB"
        self._control("start", "-w", "-o", options, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """At once, as a crash: what was not committed is gone, what was is recovered."""
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        subprocess.run(
            [str(self._programs / "pg_ctl"), "-D", str(self.folder / "data"), *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            **unprivileged(),
        )
