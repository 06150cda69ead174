"""What all shapes of files stand on: strict models, names, durations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hub.contract import Duration as Duration
from hub.contract import seconds as seconds

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Title = str | dict[str, str]
TITLE: Any = Field(
    "",
    description="Title for people: a text, or one per language",
    examples=[{"en": "Supplier", "zh": "供应商"}],
)

class Shape(BaseModel):
    """Strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
