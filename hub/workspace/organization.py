"""Which models say where people belong: trees of organizations, and posts in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from hub.workspace.model import ModelFile
from hub.workspace.strict import FieldName, Name, Shape

LINE: Final = "line"
"""The dimension that ``people.organization`` is."""
Problem = tuple[tuple[str, ...], str, str]
"""Where, the finding's code, its message."""


class Dimension(Shape):
    """One of ``people.dimensions``: another tree that people belong to, such as legal units or projects."""

    model: Name = Field(description="Model whose entities are the organizations", examples=["unit"])
    parent: FieldName | None = Field(
        None, description="Its field that refers to the organization above", examples=["parent"]
    )
    of: FieldName | None = Field(
        None, description="Field of the model of people that refers to a person's organization", examples=["unit"]
    )
    name: FieldName | None = Field(None, description="Its field that people see; without it the key", examples=["name"])
    external: FieldName | bool = Field(
        False,
        description="Whether they are no part of the group, such as partners: of all of them, or its field of type "
        "boolean that says so",
        examples=["external", True],
    )


class Organization(Dimension):
    """``people.organization`` of ``config/hub.yaml``: the tree that keys are confined to and lists are grouped by, the
    dimension ``line``."""

    of: FieldName = Field(
        description="Field of the model of people that refers to a person's organization", examples=["unit"]
    )


class Posts(Shape):
    """``people.posts``: a person may have several, at once and one after the other."""

    model: Name = Field(description="Model whose entities are the posts", examples=["post"])
    person: FieldName = Field(description="Its field that refers to the person", examples=["person"])
    in_: dict[Name, FieldName] = Field(
        alias="in",
        description="Dimension → its field that refers to the organization; line is people.organization",
        examples=[{"line": "unit", "legal": "company"}],
    )
    position: FieldName | None = Field(None, description="What the person does there", examples=["position"])
    main: FieldName | None = Field(
        None, description="Its field of type boolean: whether it is the person's main post", examples=["main"]
    )
    from_: FieldName | None = Field(
        None, alias="from", description="The first day; before it nobody sees the post", examples=["since"]
    )
    to: FieldName | None = Field(None, description="The last day, included", examples=["until"])


def problems(
    name: str, wanted: Dimension, people: ModelFile, models: Mapping[str, ModelFile]
) -> Iterator[Problem]:
    """What does not fit the models, below ``organization`` or ``dimensions.NAME``."""
    at = ("organization",) if name == LINE else ("dimensions", name)
    model = models.get(wanted.model)
    if model is None:
        yield (*at, "model"), "reference.model", f'there is no model "{wanted.model}"'
        return
    for where, field, owner in (("parent", wanted.parent, model), ("of", wanted.of, people)):
        if field is not None:
            yield from _refers((*at, where), owner, field, wanted.model)
    yield from _typed((*at, "name"), model, wanted.name, "text")
    if isinstance(wanted.external, str):
        yield from _typed((*at, "external"), model, wanted.external, "boolean")


def post_problems(
    posts: Posts, people: ModelFile, dimensions: Mapping[str, Dimension], models: Mapping[str, ModelFile]
) -> Iterator[Problem]:
    """What does not fit the models, below ``posts``."""
    model = models.get(posts.model)
    if model is None:
        yield ("posts", "model"), "reference.model", f'there is no model "{posts.model}"'
        return
    yield from _refers(("posts", "person"), model, posts.person, people.model)
    for name, field in posts.in_.items():
        if name not in dimensions:
            yield ("posts", "in", name), "people.organization", f'there is no dimension "{name}"'
        else:
            yield from _refers(("posts", "in", name), model, field, dimensions[name].model)
    yield from _typed(("posts", "position"), model, posts.position, "")
    yield from _typed(("posts", "main"), model, posts.main, "boolean")
    yield from _typed(("posts", "from"), model, posts.from_, "date")
    yield from _typed(("posts", "to"), model, posts.to, "date")


def _refers(at: tuple[str, ...], owner: ModelFile, name: str, wanted: str) -> Iterator[Problem]:
    field = owner.fields.get(name)
    if field is None:
        yield at, "reference.field", f'{owner.model} has no field "{name}"'
    elif field.model != wanted or field.many:
        yield at, "people.organization", f"{name} does not refer to one {wanted}"


def _typed(at: tuple[str, ...], owner: ModelFile, name: str | None, kind: str) -> Iterator[Problem]:
    if name is None:
        return
    field = owner.fields.get(name)
    if field is None:
        yield at, "reference.field", f'{owner.model} has no field "{name}"'
    elif field.many or (kind and field.type != kind):
        yield at, "people.organization", f"{name} of {owner.model} is not one {kind or 'value'}"
