"""``--metrics`` of processes that stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from hub.bootstrap import Opened
from hub.cli.say import Say
from hub.metrics import told_at

METRICS = typer.Option(
    "--metrics",
    envvar="COPHUB_METRICS",
    metavar="HOST:PORT",
    help="Where to answer Prometheus; an address of its own, for nobody needs a key there",
)


@contextmanager
def metrics_told(say: Say, address: str, opened: Opened) -> Iterator[None]:
    """Answer there while the context lasts; nothing without an address."""
    if not address:
        yield
        return
    with told_at(address, opened.hub) as port:
        say.note(f"metrics on port {port}")
        yield
