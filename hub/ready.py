"""Whether a hub can do its work, part by part, each with its cause."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hub.bootstrap import Opened, require_key
from hub.bus.broker import Look
from hub.errors import ConfigError, HubError, Retriable
from hub.store import outbox, signs
from hub.store.database import now

NEEDED: Final = ("store", "schema", "key")
"""What every process of a hub cannot do without."""
LATE: Final = 300.0
"""Seconds after which an event that is still to be handed over is late."""


@dataclass(frozen=True, slots=True)
class Part:
    """``state`` is ok or failed; ``code`` and ``hint`` are those of an error."""

    part: str
    state: str = "ok"
    code: str = ""
    cause: str = ""
    hint: str = ""

    @property
    def said(self) -> dict[str, str]:
        """What strangers may know: no address of a server stands in it."""
        told = {"part": self.part, "state": self.state}
        return told | ({"code": self.code, "cause": self.cause.partition(":")[0]} if self.code else {})


def parts(opened: Opened, environment: Mapping[str, str] = os.environ) -> list[Part]:
    """All parts, those that every process needs first. What stands on a part that failed is not looked at."""
    checks: dict[str, Callable[[], None]] = {
        "store": lambda: _store(opened),
        "schema": opened.hub.database.require_schema,
        "key": lambda: require_key(opened.hub.workspace.folder, environment),
        "worker": lambda: _worker(opened),
        "outbox": lambda: _outbox(opened),
    }
    if (look := opened.glance()) is not None:
        checks["bus"] = lambda: _bus(look)
    found: list[Part] = []
    for name, check in checks.items():
        if found and failing(found, ("store", "schema")) and name != "key":
            continue
        found.append(_part(name, check))
    return found


def failing(found: Iterable[Part], needed: Iterable[str] = NEEDED) -> list[Part]:
    """Those of the needed parts that failed."""
    return [one for one in found if one.part in needed and one.state != "ok"]


def _part(name: str, check: Callable[[], None]) -> Part:
    try:
        check()
    except HubError as error:
        return Part(name, "failed", error.code, error.message, error.hint)
    return Part(name)


def _store(opened: Opened) -> None:
    with opened.hub.database.begin(reading=True) as connection:
        connection.exec_driver_sql("SELECT 1")


def _worker(opened: Opened) -> None:
    if not any("outbox" in one.duties for one in signs.living(opened.hub.database)):
        raise ConfigError(
            "worker.absent",
            f"no worker that hands events over gave a sign of life for {signs.MISSED:.0f} s",
            hint="run: cophub worker",
        )


def _bus(look: Look) -> None:
    """Events wait in the outbox, or with who sends them: nothing else stands still without it."""
    if look.state != "ok":
        code = "bus.blocked" if look.state == "blocked" else "bus.away"
        raise Retriable(code, look.why or "the broker does not answer", hint="cophub worker status")


def _outbox(opened: Opened) -> None:
    lag = outbox.lag(opened.hub.database)
    if lag.oldest is not None and lag.oldest < now() - dt.timedelta(seconds=LATE):
        raise Retriable(
            "outbox.late",
            f"events wait to be handed over for more than {LATE:.0f} s",
            hint="cophub worker status tells which",
        )
