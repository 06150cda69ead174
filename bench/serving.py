"""What the jobs that ask a server share: a workspace and its empty store, a key, ``cophub serve``, lines of figures."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import bare, visitors
from bench.visitors import Address
from hub.bootstrap import open_hub
from hub.exchange.ground import Hub
from hub.security import access
from hub.security.actors import Actor
from hub.store.database import now
from hub.store.migrate import migrate


def measured(measure: Callable[[Path, argparse.Namespace], Mapping[str, Any]], arguments: argparse.Namespace) -> int:
    """Run a job in a folder of its own. With ``arguments.json`` the last line is its result."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        result = measure(Path(name), arguments)
    if arguments.json:
        print(json.dumps(result))
    return 0


def written(folder: Path, files: Mapping[str, str]) -> None:
    """The files of a workspace, by their paths in it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip("\n"), encoding="utf-8")


def emptied(folder: Path, variables: Mapping[str, str]) -> None:
    """The workspace's store with empty tables, whatever was in it."""
    bare.empty(variables["COPHUB_STORE"])
    with open_hub(folder, variables=variables, schema=False) as opened:
        migrate(opened.hub.database)


def head(hub: Hub, grants: Sequence[str], **scope: Any) -> dict[str, str]:
    """The header of a new key with these grants."""
    name = f"bench-{time.time_ns()}"
    key = access.make(hub.database, hub.workspace, Actor("bench"), name, list(grants), scope, None, now())
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def served(folder: Path, variables: Mapping[str, str]) -> Iterator[Address]:
    """``cophub serve`` as a process, one worker."""
    command = [sys.executable, "-c", "from hub.cli import main; main()", "serve", "-w", str(folder), "--port"]
    process, address = visitors.served(command, dict(variables), "/healthz")
    try:
        yield address
    finally:
        stopped(process)


def stopped(process: subprocess.Popen[bytes]) -> None:
    """End a server."""
    process.terminate()
    process.wait(timeout=60)


def told(name: str, figures: Mapping[str, float], rate: float, seconds: float) -> None:
    """A line of what ``visitors.open_loop`` answers."""
    say(
        f"{name:20s} {rate:g}/s for {seconds:g} s: p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f} ms, "
        f"largest {figures['largest']:.1f} ms, {figures['bytes']:,} bytes each"
    )


def say(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)
