"""The audit chain in ``config/hub.yaml``."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hub.workspace.strict import Shape


class AuditRule(Shape):
    """How the audit chain is signed."""

    every: int = Field(1000, ge=1, description="A checkpoint is signed after so many entries")
    checkpoints: str | None = Field(
        None,
        description="Folder outside the database that checkpoints are also appended to; best on another machine",
        examples=["/mnt/audit"],
    )


AUDIT: Any = Field(
    AuditRule(),
    description="How the audit chain is signed",
    examples=[{"every": 1000, "checkpoints": "/mnt/audit"}],
)
