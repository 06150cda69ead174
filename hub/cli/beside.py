"""A worker beside ``serve``, in a process of its own: a whole hub in one container."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub.cli.say import Say
from hub.errors import Retriable


@contextmanager
def worker_beside(say: Say, ended: Callable[[], None]) -> Iterator[None]:
    """``cophub worker`` of the same workspace, asked to end with the context. Where it ends before, ``ended`` is called
    and the context ends with Retriable ``serve.worker``."""
    words = ["-w", str(say.folder), "--logs", say.options.log, *(["--env", say.environment] if say.environment else [])]
    program = [sys.executable, "-c", "from hub.cli import main; main()", *words, "worker"]
    # in a group of its own: Ctrl-C is for us, who ask it to end once
    # and without an address for metrics, which is ours
    around = {name: value for name, value in os.environ.items() if name != "COPHUB_METRICS"}
    child = subprocess.Popen(program, process_group=0, env=around)
    leaving = threading.Event()

    def watch() -> None:
        child.wait()
        if not leaving.is_set():
            ended()

    watching = threading.Thread(target=watch, name="worker", daemon=True)
    watching.start()
    try:
        yield
        if child.poll() is not None:
            raise Retriable(
                "serve.worker",
                f"the worker beside it ended with exit code {child.returncode}",
                hint="what it said stands above; start both again",
            )
    finally:
        leaving.set()
        child.terminate()
        watching.join()
