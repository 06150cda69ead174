"""Ids as arguments."""

from __future__ import annotations

import uuid

from hub.errors import ConfigError


def whole_id(text: str) -> uuid.UUID:
    """An id as a list shows it; ConfigError ``argument.id``."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ConfigError("argument.id", f"{text!r} is no id", hint="take it whole, as list shows it") from None
