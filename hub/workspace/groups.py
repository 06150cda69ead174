"""Receivers that are groups: which model they are of, and who their members are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from pydantic import Field

from hub.workspace.model import ModelFile
from hub.workspace.strict import FieldName, Name, Shape

Problem = tuple[tuple[str, ...], str, str, str]
"""Where below ``groups``, the finding's code, its message, and the model whose fields could have been meant."""


class Through(Shape):
    """A model whose entities say that somebody is in a group."""

    model: Name = Field(description="Model of memberships", examples=["membership"])
    group: FieldName = Field(description="Its field that refers to the group", examples=["team"])
    person: FieldName = Field(description="Its field that refers to the person", examples=["member"])


class Groups(Shape):
    """``people.groups`` of ``config/hub.yaml``: receivers of to-dos that stand for all their members."""

    model: Name = Field(description="Model whose entities are the groups", examples=["team"])
    called: FieldName | None = Field(
        None,
        description="Field with what systems call a group; the key of its record in the system works without",
        examples=["code"],
    )
    members: FieldName | Through = Field(
        description="Who is in it: the field of the model of people that refers to the group; or a list of texts of "
        "the group; or a model with a reference to both",
        examples=["team", {"model": "membership", "group": "team", "person": "member"}],
    )
    by: Literal["account", "login", "code", "phone", "mail"] = Field(
        "account", description="What the texts of such a list call people by", examples=["login"]
    )
    parent: FieldName | None = Field(
        None,
        description="Field that refers to the group above: who is in a group is in that one too",
        examples=["parent"],
    )


def problems(
    groups: Groups, people: str, called: Collection[str], models: Mapping[str, ModelFile]
) -> Iterator[Problem]:
    """What does not fit the models; ``called`` are the ways people can be looked for."""
    model = models.get(groups.model)
    if model is None:
        yield ("model",), "reference.model", f'there is no model "{groups.model}"', ""
        return
    for name, field in (("called", groups.called), ("parent", groups.parent)):
        if field is not None and field not in model.fields:
            yield (name,), "reference.field", f'{groups.model} has no field "{field}"', groups.model
    if groups.parent in model.fields and model.fields[groups.parent].model != groups.model:
        yield ("parent",), "people.members", f"{groups.parent} does not refer to {groups.model}", groups.model
    members = groups.members
    if isinstance(members, Through):
        through = models.get(members.model)
        if through is None:
            yield ("members", "model"), "reference.model", f'there is no model "{members.model}"', ""
            return
        for name, field, wanted in (("group", members.group, groups.model), ("person", members.person, people)):
            if field not in through.fields:
                yield ("members", name), "reference.field", f'{members.model} has no field "{field}"', members.model
            elif through.fields[field].model != wanted:
                yield ("members", name), "people.members", f"{field} does not refer to {wanted}", members.model
        return
    person = models.get(people)
    if person is not None and members in person.fields and person.fields[members].model == groups.model:
        return
    if members in model.fields and model.fields[members].many and model.fields[members].type == "text":
        if groups.by != "account" and groups.by not in called:
            yield ("by",), "people.members", f"people.receivers does not say where a {groups.by} is looked for", ""
        return
    message = f'"{members}" is neither a reference of {people} to {groups.model} nor a list of texts of {groups.model}'
    yield ("members",), "people.members", message, people
