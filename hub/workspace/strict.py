"""What all shapes of files stand on: strict models, names, durations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Duration = Annotated[str, StringConstraints(pattern=r"^\d+(ms|s|m|h|d)$")]
Limit = Annotated[
    str,
    StringConstraints(pattern=r"^\d+(\.\d+)?%?$"),
    BeforeValidator(
        lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value,
        json_schema_input_type=str | int,
    ),
]
Title = str | dict[str, str]
TITLE: Any = Field(
    "",
    description="Title for people: a text, or one per language",
    examples=[{"en": "Supplier", "zh": "供应商"}],
)


class Shape(BaseModel):
    """Strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
