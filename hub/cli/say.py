"""Saying things: tables for people on stdout, one JSON object for programs, remarks on stderr.

Texts from foreign systems are made harmless here: no markup, no control characters, no secret.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import os
import sys
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.cli.options import Options, options
from hub.redact import Redactor, redact
from hub.workspace.load import Workspace, load

PIPED_WIDTH = 140
SHORT = 8
SHORT_COLUMNS = ("id", "run", "exchange", "state", "updated", "started", "level", "version", "mode")
log = logging.getLogger("cophub")


class Say:
    """One command's voice and what it was asked for."""

    def __init__(self, ctx: Any) -> None:
        self.options: Options = options(ctx)
        self.folder = self.options.workspace
        self.environment = self.options.environment
        self.json = self.options.json
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)
        if self.options.log == "json":
            from hub import logs  # noqa: PLC0415 # only where it is wanted

            logs.begin(lambda event: (self.options.redactor or Redactor()).value(event))

    # ------------------------------------------------------------ workspace

    def workspace(self) -> Workspace:
        """The workspace; all findings where it is not valid."""
        return load(self.folder, self.environment)

    # ------------------------------------------------------------ people

    def text(self, value: object, style: str = "") -> Text:
        """Any value on one harmless line."""
        return Text(self.clean(value), style=style)

    def clean(self, value: object) -> str:
        plain = "" if value is None else str(value)
        return (self.options.redactor or redact)(plain)

    def line(self, *parts: str | Text, style: str = "") -> None:
        """A line for people on stdout; nothing with --json."""
        if not self.json:
            self.out.print(
                *(part if isinstance(part, Text) else self.text(part) for part in parts), style=style
            )

    def show(self, table: Table) -> None:
        if not self.json:
            self.out.print(table)

    @property
    def silent(self) -> bool:
        """Whether nobody watches stderr."""
        return self.options.quiet or self.options.log == "json"

    def note(self, text: str, style: str = "dim") -> None:
        """A remark on stderr, or in the log; nothing with --quiet."""
        if self.options.log == "json":
            log.info(self.clean(text))
        elif not self.options.quiet:
            self.err.print(self.text(text), style=style)

    def table(self, *columns: str, title: str = "") -> Table:
        """A compact table; a column whose name begins with ``#`` holds numbers."""
        table = Table(
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            title=title or None,
            title_justify="left",
            title_style="bold",
            header_style="bold",
            show_edge=False,
        )
        for name in columns:
            table.add_column(
                self.text(name.lstrip("#")),
                justify="right" if name.startswith("#") else "left",
                overflow="fold",
                no_wrap=name.startswith("#") or name in SHORT_COLUMNS,
            )
        return table

    def row(self, table: Table, *cells: object) -> None:
        table.add_row(*(cell if isinstance(cell, Text) else self.text(cell) for cell in cells))

    # ------------------------------------------------------------ programs

    def answer(self, value: Mapping[str, Any]) -> None:
        """With --json, the one object on the last line of stdout."""
        if self.json:
            sys.stdout.write(json.dumps(plain(value), ensure_ascii=False) + "\n")
            sys.stdout.flush()


def plain(value: Any) -> Any:
    """A value as JSON knows it: ids and decimals as texts, instants in ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID | Decimal | Path):
        return str(value)
    return value


def short(identity: uuid.UUID | str) -> str:
    """The end of an id: enough to name it on a command line."""
    return str(identity)[-SHORT:]


def moment(value: dt.datetime | None) -> str:
    """An instant in local time, to the second."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S") if value else ""


def since(value: dt.datetime | None) -> str:
    """An instant in local time, short: without the date today, without the time of another year."""
    if value is None:
        return ""
    local, today = value.astimezone(), dt.datetime.now().astimezone()
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    return local.strftime("%m-%d %H:%M" if local.year == today.year else "%Y-%m-%d")


def lasted(start: dt.datetime | None, end: dt.datetime | None) -> str:
    """How long something took."""
    return seconds((end - start).total_seconds()) if start and end else ""


def seconds(value: float) -> str:
    """A duration for people.

    >>> [seconds(value) for value in (0.25, 12.3, 150, 7300)]
    ['0.2 s', '12 s', '2 min 30 s', '2 h 1 min']
    """
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(int(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def listed(values: Iterable[object], most: int = 6) -> str:
    """A few values, and how many there are beyond."""
    texts = [str(value) for value in values]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def plural(count: int, one: str, many: str = "") -> str:
    """``1 record``, ``1,000 records``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _console(stream: Any) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)
