"""Test switches: places where a run can be killed, failed or delayed on purpose.

``COPHUB_FAILPOINT=after_fetch:3=kill`` kills the process with SIGKILL when it reaches ``after_fetch``
for the third time. Several are separated by commas::

    name[:N | :N+][=kill | =stop | =raise | =sleep:SECONDS]

``N`` counts from 1 (default 1); ``N+`` means the Nth time and every one after it. ``kill`` is the
default; ``stop`` sends SIGSTOP, so that a stale run can be woken later; ``raise`` raises ``Fatal``
``failpoint.reached``. Unset, a failpoint is one dictionary look-up. The environment is read at the
first failpoint, not at import.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hub.errors import ConfigError, Fatal

VARIABLE = "COPHUB_FAILPOINT"

POINTS: Mapping[str, str] = {
    "after_fetch": "A page was fetched and nothing of it is stored yet.",
    "after_page": "A page was stored in the run file.",
    "after_extract": "All pages are in the run file and the completeness certificate is made.",
    "after_map": "Mapped and rejected records are in the run file.",
    "after_resolve": "Every record has its situation.",
    "after_plan": "The plan is stored and nothing was applied.",
    "after_opening": "A run in parts was opened; none of them was read.",
    "after_part": "A part was read, mapped and kept; others may not be.",
    "before_apply": "The plan passed the guard; the applying transaction has not begun.",
    "before_commit": "Everything of a transaction is written and it is not committed.",
    "after_commit": "The applying transaction is committed; nothing was sent to anyone.",
    "before_intent": "A create or an act was decided; its intent is not stored.",
    "after_intent": "The intent of a create or an act is stored; the target was not called.",
    "before_target_call": "A batch is ready and the target was not called.",
    "after_target_ack": "The target answered; its outcomes are not stored.",
    "after_outcomes": "The outcomes of a batch are stored; the watermark is not moved.",
    "before_publish": "An event is in the outbox and was not handed to the broker.",
    "after_publish": "The broker confirmed an event; the outbox does not know it.",
    "before_acknowledge": "What a broker brought is in the inbox; the broker was not told.",
    "after_content": "All of a document was fetched; it has not its place in the content store.",
    "before_content_sent": "A document was taken from the content store; nothing of it was sent.",
    "before_replace": "A new file has all its rows and has not taken the old one's place.",
    "during_migration": "A step of a migration was done, others are still to come.",
    "during_rotate": "Some values are sealed under the newest key, the others not yet.",
}

_FORM = re.compile(
    r"(?P<name>\w+)(?::(?P<time>[1-9]\d{0,8})(?P<more>\+)?)?"
    r"(?:=(?P<action>kill|stop|raise|sleep):?(?P<seconds>\d+(?:\.\d+)?)?)?"
)


@dataclass(slots=True)
class _Switch:
    name: str
    time: int
    more: bool
    action: str
    seconds: float
    reached: int = 0

    def due(self) -> bool:
        self.reached += 1
        return self.reached == self.time or (self.more and self.reached > self.time)


_lock = threading.Lock()
_unstopped = threading.Lock()
_armed: dict[str, _Switch] | None = None


def arm(text: str) -> None:
    """Set the switches of this process; an empty text disarms all. ConfigError ``failpoint.unknown``
    or ``failpoint.syntax``."""
    global _armed
    switches: dict[str, _Switch] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        switch = _parse(part)
        switches[switch.name] = switch
    _armed = switches


def reach(name: str) -> None:
    """Mark a place of ``POINTS``; does nothing unless a test armed it."""
    if _armed is None:
        arm(os.environ.get(VARIABLE, ""))
    if _armed and name in _armed:
        switch = _armed[name]
        with _lock:
            due = switch.due()
        if due:
            _act(switch)


@contextmanager
def unstopped() -> Iterator[None]:
    """What a thread does here is not caught in its middle by a ``stop`` that another one reaches: a transaction
    of the heart's would keep the database locked for as long as the process sleeps."""
    with _unstopped:
        yield


def _parse(part: str) -> _Switch:
    found = _FORM.fullmatch(part)
    if found is None or (found["action"] == "sleep") != (found["seconds"] is not None):
        raise ConfigError(
            "failpoint.syntax",
            f"{VARIABLE}: cannot read {part!r}",
            hint="write name[:N|:N+][=kill|=stop|=raise|=sleep:SECONDS]",
        )
    if found["name"] not in POINTS:
        raise ConfigError(
            "failpoint.unknown",
            f"{VARIABLE}: there is no failpoint {found['name']!r}",
            hint=f"one of {', '.join(sorted(POINTS))}",
        )
    return _Switch(
        name=found["name"],
        time=int(found["time"] or 1),
        more=bool(found["more"]),
        action=found["action"] or "kill",
        seconds=float(found["seconds"] or 0),
    )


def _act(switch: _Switch) -> None:
    match switch.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            with _unstopped:
                os.kill(os.getpid(), signal.SIGSTOP)
        case "sleep":
            time.sleep(switch.seconds)
        case _:
            raise Fatal("failpoint.reached", f"failpoint {switch.name} was reached", hint=f"unset {VARIABLE}")
