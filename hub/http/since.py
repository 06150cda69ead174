"""Asking for what changed: from a cursor's text to what a parameter wants."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from hub.contract import Settings
from hub.errors import ConfigError


class Cursor(Settings):
    """How changed records are asked for."""

    field: str = Field(description="Field that grows with each change", examples=["updated_at"])
    param: str | None = Field(
        default=None, description="Parameter; without one all records are read", examples=["since"]
    )
    format: str | None = Field(
        default=None,
        description="epoch, epoch_ms or a strftime pattern (UTC); default: as the source wrote it",
        examples=["%Y-%m-%d %H:%M:%S"],
    )
    value: str = Field(
        default="{since}", description="What the parameter holds", examples=["updated_at ge {since}"]
    )


def asked(cursor: Cursor, text: str) -> str:
    """What the parameter holds for a cursor's text."""
    return cursor.value.replace("{since}", moment(text, cursor.format) if cursor.format else text)


def moment(text: str, form: str) -> str:
    """A time as the source wrote it, in the form its parameter wants; rounded down, never up."""
    try:
        if text.isdigit():
            number = int(text)
            made = datetime.fromtimestamp(number / 1000 if number > 10**11 else number, UTC)
        else:
            made = datetime.fromisoformat(text)
            made = made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            "cursor.format",
            f"the cursor value {text[:40]!r} is no time",
            hint="leave format away to send it as it is",
        ) from None
    if form in ("epoch", "epoch_ms"):
        whole = int(made.timestamp() * 1000)
        return str(whole if form == "epoch_ms" else whole // 1000)
    return made.strftime(form)
