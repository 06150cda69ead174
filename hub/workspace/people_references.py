"""What ``people`` of config/hub.yaml names must be there: the model of people, its fields, and its trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.errors import Finding
from hub.workspace.explain import suggest
from hub.workspace.groups import problems as group_problems
from hub.workspace.located import Layered, Located
from hub.workspace.model import ModelFile
from hub.workspace.organization import LINE, post_problems
from hub.workspace.organization import problems as organization_problems
from hub.workspace.people import People


def people_problems(file: Located | Layered, people: People, models: Mapping[str, ModelFile]) -> Iterator[Finding]:
    """Every finding, at its place in the file."""
    model = models.get(people.model)
    if model is None:
        message = f'people.model: there is no model "{people.model}"'
        place = file.place(("people", "model"))
        yield Finding(*place, "error", "reference.model", message, suggest(people.model, models))
        return
    yield from _fields(file, people, model)
    for at, code, message in _organized(people, model, models):
        place = file.place(("people", *at))
        hint = "see docs/how-to/organization.md"
        yield Finding(*place, "error", code, f"people.{'.'.join(at)}: {message}", hint)
    if people.groups is not None:
        for at, code, message, near in group_problems(people.groups, people.model, people.receivers, models):
            place = file.place(("people", "groups", *at))
            fields = ", ".join(models[near].fields) if near else ""
            hint = f"fields of {near}: {fields}" if near else "see docs/how-to/todo-people.md"
            yield Finding(*place, "error", code, f"people.groups.{'.'.join(at)}: {message}", hint)


def _fields(file: Located | Layered, people: People, model: ModelFile) -> Iterator[Finding]:
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("receivers", called), name) for called, name in people.receivers.items()
    ]
    if people.name is not None:
        named.append((("name",), people.name))
    named += [(("search", number), name) for number, name in enumerate(people.search)]
    for at, name in named:
        place, where = file.place(("people", *at)), ".".join(map(str, at))
        field = model.fields.get(name)
        if field is None:
            message = f'people.{where}: {model.model} has no field "{name}"'
            yield Finding(*place, "error", "reference.field", message, suggest(name, model.fields))
        elif at[0] == "search" and (field.type != "text" or field.many):
            message = f"people.{where}: {name} is not one text"
            yield Finding(*place, "error", "people.search", message, "name fields of type text")


def _organized(
    people: People, model: ModelFile, models: Mapping[str, ModelFile]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if LINE in people.dimensions:
        yield ("dimensions", LINE), "people.organization", f"{LINE} is what people.organization is"
    for name, one in people.trees.items():
        yield from organization_problems(name, one, model, models)
    if people.posts is not None:
        yield from post_problems(people.posts, model, people.trees, models)
