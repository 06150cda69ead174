"""Progress of long work on stderr: a moving line on a terminal, plain lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hub.exchange.ground import Progress as Told

PLAIN_EVERY = 5.0
STAGES = {
    "extract": "reading",
    "map": "mapping",
    "resolve": "matching",
    "merge": "merging",
    "apply": "applying",
    "deliver": "delivering",
}


@contextmanager
def progress(console: Console, exchange: str, *, quiet: bool) -> Iterator[Told]:
    """A callback for ``run_exchange`` that shows stage, counts and records per second."""
    if quiet:
        yield lambda stage, counts: None
    elif console.is_terminal:
        yield from _moving(console, exchange)
    else:
        yield _plain(console, exchange)


def _moving(console: Console, exchange: str) -> Iterator[Told]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[exchange]}", style="bold"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", exchange=exchange, total=None)
        pace = Pace()

        def told(stage: str, counts: Mapping[str, int]) -> None:
            bar.update(task, description=pace.describe(stage, counts))

        yield told


def _plain(console: Console, exchange: str) -> Told:
    pace, last = Pace(), time.monotonic()

    def told(stage: str, counts: Mapping[str, int]) -> None:
        nonlocal last
        text = pace.describe(stage, counts)
        if time.monotonic() - last > PLAIN_EVERY:
            last = time.monotonic()
            console.print(f"{exchange}: {text}")

    return told


class Pace:
    """What a stage has done so far, and how fast."""

    def __init__(self) -> None:
        self._stage = ""
        self._since = time.monotonic()

    def describe(self, stage: str, counts: Mapping[str, int]) -> str:
        """``reading 120,000 (98,000/s)``."""
        if stage != self._stage:
            self._stage, self._since = stage, time.monotonic()
        done = counts.get("sent", counts.get("read", 0))
        passed = time.monotonic() - self._since
        rate = (
            f" ({done / passed:,.0f}/s)" if stage in ("extract", "deliver") and done and passed > 0.5 else ""
        )
        return f"{STAGES.get(stage, stage)} {done:,}{rate}"
