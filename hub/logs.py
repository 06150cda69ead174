"""Logs as JSON, one object a line on stderr, for what collects them (``COPHUB_LOG=json``).

Modules log by the standard library and give what a program reads as ``extra``; libraries' warnings come the same way.
Without this only warnings are shown, as plain lines, and what people are told stays as it is.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, Final

OURS: Final = ("cophub", "hub", "sso", "connectors")
"""Loggers that say what happens; of others only warnings are told."""
Event = MutableMapping[str, Any]
_begun: list[logging.Handler] = []


def begin(mask: Callable[[Any], Any]) -> None:
    """Log as JSON from now on: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message`` and what was given beside
    it. ``mask`` hides secrets in a whole event. Once per process."""
    if _begun:
        return
    import orjson  # noqa: PLC0415 # with structlog 100 ms, only where it is wanted
    from structlog import stdlib  # noqa: PLC0415 # the same
    from structlog.processors import EventRenamer, JSONRenderer, TimeStamper  # noqa: PLC0415 # the same

    def masked(logger: Any, method: str, event: Event) -> Event:
        found: Event = mask(event)
        return found

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                stdlib.add_log_level, stdlib.add_logger_name, stdlib.ExtraAdder(),
                TimeStamper(fmt="iso", utc=True, key="time"),
            ],
            processors=[
                stdlib.ProcessorFormatter.remove_processors_meta, _where, masked, EventRenamer("message"),
                JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
            ],
        )
    )  # fmt: skip
    _begun.append(handler)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)


def _where(logger: Any, method: str, event: Event) -> Event:
    """Of an exception its type and where it happened: its text may hold a record's values."""
    found = event.pop("exc_info", None)
    if isinstance(found, tuple) and found[0] is not None:
        event["exception"] = found[0].__name__
        event["frames"] = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(found[2])]
    return event
