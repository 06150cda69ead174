"""What all shapes of files stand on: strict models, names, durations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Duration = Annotated[str, StringConstraints(pattern=r"^\d+(ms|s|m|h|d)$")]
Title = str | dict[str, str]
TITLE: Any = Field(
    "",
    description="Title for people: a text, or one per language",
    examples=[{"en": "Supplier", "zh": "供应商"}],
)

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@lru_cache(256)
def seconds(duration: str) -> float:
    """Seconds of a Duration.

    >>> seconds("7d"), seconds("250ms")
    (604800.0, 0.25)
    """
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", duration)
    assert match is not None, duration
    return int(match[1]) * UNITS[match[2]] / 1000


class Shape(BaseModel):
    """Strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
