"""Whoever starts the processes of a stack, and ends all of them when its input ends: when the tests are done, and when
they were killed. What is orphaned becomes its child, so nothing gets away.

``python -m tests.stack.keeper`` reads ``{"argv", "env", "log"}`` as one line of JSON, starts it in a session of its
own, and answers its process id.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import subprocess
import time
from contextlib import suppress

import psutil

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "orphans cannot be adopted here")
    os.setsid()  # what is typed at a terminal, or meant for the tests' group, ends it by its input
    try:
        _serve()
    finally:
        _end()


def _serve() -> None:
    left = b""
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not select.select([0], [], [], 0.2)[0]:
            continue
        read = os.read(0, 1 << 16)
        if not read:
            return
        *lines, left = (left + read).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            with open(asked["log"], "ab") as log:
                started = subprocess.Popen(
                    asked["argv"],
                    env=asked["env"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            print(started.pid, flush=True)


def _end() -> None:
    """Until nobody is left: whoever is killed may have had a child meanwhile."""
    while found := psutil.Process().children(recursive=True):
        for one in found:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


if __name__ == "__main__":
    main()
