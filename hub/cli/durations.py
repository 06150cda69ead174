"""Durations as arguments."""

from __future__ import annotations

import datetime as dt
import re

from hub.errors import ConfigError
from hub.workspace.strict import seconds


def duration(text: str) -> dt.timedelta:
    """An argument like 30m, 12h or 90d; ConfigError ``argument.duration``."""
    if re.fullmatch(r"\d+(ms|s|m|h|d)", text) is None:
        raise ConfigError("argument.duration", f"{text!r} is no duration", hint="for example 30m, 4h or 90d")
    return dt.timedelta(seconds=seconds(text))
