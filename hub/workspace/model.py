"""The shape of ``config/models/NAME.yaml``."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from hub.workspace.strict import TITLE, FieldName, Shape, Title

Level = Literal["L1", "L2", "L3", "L4", "L5"]
UNCLASSIFIED: Final = "L3"  # what nobody classified is treated like this


class Mask(Shape):
    """How much of a value is shown to who may not see all of it: so many characters at each end."""

    keep: tuple[int, int] | None = Field(
        None, strict=False, description="How many characters stay readable at both ends", examples=[[3, 4]]
    )
    full: bool = Field(False, description="Nothing stays readable")


class ModelField(Shape):
    """One field of a model."""

    type: Literal[
        "text", "integer", "decimal", "boolean", "date", "datetime", "code", "ref", "json", "content"
    ] = Field("text", description="Type of the value; content is what a document holds, by its SHA-256")
    many: bool = Field(False, description="A list of such values")
    required: bool = Field(False, description="A record without it is quarantined (code: required)")
    unique: bool = Field(False, description="Two entities may not share it (code: collision)")
    list_: str | None = Field(
        None, alias="list", description="type code: the code list", examples=["country"]
    )
    model: str | None = Field(None, description="type ref: the model referred to", examples=["supplier"])
    digits: int = Field(18, ge=1, le=38, description="type decimal: all digits")
    scale: int = Field(4, ge=0, le=38, description="type decimal: digits after the point")
    format: Literal["email", "phone", "url"] | None = Field(None, description="Known text format")
    pattern: str | None = Field(None, description="Regular expression the whole text must match")
    max_length: int | None = Field(None, ge=1, description="Longest text, in characters")
    min: float | None = Field(None, description="Smallest number")
    max: float | None = Field(None, description="Largest number")
    level: Level | None = Field(None, description="Protection level; L1 public to L5 important")
    class_: str | None = Field(None, alias="class", description="Class of the data", examples=["pi.contact"])
    mask: Mask | Literal["full"] | None = Field(
        None,
        description="How a classified value is shown to people without clearance; without it not at all",
        examples=[{"keep": [3, 4]}],
    )
    rank: list[str] = Field(
        [], description="Mappings or systems, most trusted first", examples=[["hr", "crm"]]
    )
    _unclassified: bool = PrivateAttr(False)
    title: Title = TITLE


class ModelFile(Shape):
    """``config/models/NAME.yaml``: a canonical type."""

    model: FieldName = Field(description="Name of the model, as the file is named", examples=["supplier"])
    title: Title = TITLE
    key: list[str] = Field(
        min_length=1, description="Fields that identify an entity for people", examples=[["code"]]
    )
    fields: dict[FieldName, ModelField] = Field(
        min_length=1, description="Fields by name", examples=[{"code": {"type": "text", "required": True}}]
    )
    level: Level | None = Field(
        None,
        description="Level of the fields that name none; a field with neither is unclassified, "
        "and masked as if it were L3",
        examples=["L1"],
    )
    history: bool = Field(True, description="Keep every earlier version")

    @model_validator(mode="after")
    def _levels(self) -> Self:
        """Every field has a level from here on; ``unclassified`` tells which nobody thought of."""
        for name, field in self.fields.items():
            if field.level is None:
                filled = field.model_copy(update={"level": self.level or UNCLASSIFIED})
                filled._unclassified = self.level is None
                self.fields[name] = filled
        return self

    @property
    def unclassified(self) -> list[str]:
        """Fields whose level nobody declared."""
        return [name for name, field in self.fields.items() if field._unclassified]
