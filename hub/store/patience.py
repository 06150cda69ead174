"""How long the hub waits for itself: a lease that is not renewed, a lock that another process holds."""

from __future__ import annotations

import os

from hub.errors import ConfigError

LEASE_SECONDS = 60.0
IDLE_MINUTES = 60
"""A writing transaction that does nothing for so long is ended by PostgreSQL: its process was stopped."""

VARIABLE = "COPHUB_LEASE_SECONDS"


def lease_seconds() -> float:
    """How long a lease holds without being renewed. ConfigError ``lease.seconds``."""
    said = os.environ.get(VARIABLE, "")
    try:
        seconds = float(said) if said else LEASE_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0.5 <= seconds <= 3600:
        raise ConfigError(
            "lease.seconds", f"{VARIABLE}: {said!r} is no time", hint="write seconds, from 0.5 to 3600"
        )
    return seconds


def lock_seconds() -> float:
    """How long a transaction waits for another: half a lease, so that a heart goes on beating."""
    return min(30.0, max(2.0, lease_seconds() / 2))
