"""Keeping a note of a try that failed."""

from __future__ import annotations

from pathlib import Path

from hub.bootstrap import open_hub
from hub.bus.alerts import Alarms, watch
from hub.bus.relay import Relay
from hub.bus.transport import Embedded
from hub.redact import redact
from hub.store import notices
from hub.store.alerts import SUBJECT
from hub.store.notices import Notice


def note(
    folder: Path, environment: str | None, kind: str, exchange: str, run_key: str, attempt: int, message: str
) -> bool:
    """Keep it; False where it is known already."""
    with open_hub(folder, environment, exchange=exchange) as opened:
        told = Notice(run_key, attempt, kind, exchange, redact(message, limit=1000), opened.hub.clock())
        new = notices.add(opened.hub.database, told)
        if opened.hub.workspace.hub.alerts:  # no worker may run here: what it would tell is told by the task
            watch(opened.hub)
            nobody = Embedded(opened.hub.workspace, opened.secrets.resolve, lambda: None)
            Relay(opened.hub, Alarms(nobody, opened.hub, opened.secrets.resolve), only=SUBJECT).turn()
        return new
