"""How exchanges stand in Airflow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Standing:
    """One exchange in Airflow. ``state`` is unknown, paused or active; ``last`` and ``at`` are of its newest run."""

    exchange: str
    pool: str
    state: str = "unknown"
    last: str = ""
    at: dt.datetime | None = None
    next: dt.datetime | None = None


@dataclass(slots=True)
class Seen:
    """``missing`` are pools that are not there, ``errors`` the import errors of the stubs, by file."""

    exchanges: list[Standing] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


def told(errors: Mapping[str, str]) -> dict[str, str]:
    """Import errors by their last line: what is above is a traceback."""
    return {name: text.strip().splitlines()[-1] if text.strip() else "" for name, text in errors.items()}
