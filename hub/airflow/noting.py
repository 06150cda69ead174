"""Keeping a note of a try that failed."""

from __future__ import annotations

from pathlib import Path

from hub.bootstrap import open_hub
from hub.redact import redact
from hub.store import notices
from hub.store.notices import Notice


def note(
    folder: Path, environment: str | None, kind: str, exchange: str, run_key: str, attempt: int, message: str
) -> bool:
    """Keep it; False where it is known already."""
    with open_hub(folder, environment, exchange=exchange) as opened:
        told = Notice(run_key, attempt, kind, exchange, redact(message, limit=1000), opened.hub.clock())
        return notices.add(opened.hub.database, told)
