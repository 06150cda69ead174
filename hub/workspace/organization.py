"""Which model says where people belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from hub.workspace.model import ModelFile
from hub.workspace.strict import FieldName, Name, Shape


class Organization(Shape):
    """``people.organization`` of ``config/hub.yaml``: the tree that dashboards are confined to and grouped by."""

    model: Name = Field(description="Model whose entities are the organizations", examples=["unit"])
    parent: FieldName | None = Field(
        None, description="Its field that refers to the organization above", examples=["parent"]
    )
    of: FieldName = Field(
        description="Field of the model of people that refers to a person's organization", examples=["unit"]
    )


def problems(
    wanted: Organization, people: ModelFile, models: Mapping[str, ModelFile]
) -> Iterator[tuple[str, str, str]]:
    """(where below ``organization``, code, message) of what does not fit the models."""
    model = models.get(wanted.model)
    if model is None:
        yield "model", "reference.model", f'there is no model "{wanted.model}"'
        return
    for where, name, owner in (("parent", wanted.parent, model), ("of", wanted.of, people)):
        if name is None:
            continue
        field = owner.fields.get(name)
        if field is None:
            yield where, "reference.field", f'{owner.model} has no field "{name}"'
        elif field.model != wanted.model or field.many:
            yield where, "people.organization", f"{name} does not refer to one {wanted.model}"
