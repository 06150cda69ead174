"""What a mapping writes, against what the resource takes by its own definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.contract import Resource
from hub.errors import ConfigError
from hub.workspace.explain import Loc, dotted
from hub.workspace.scope import Scope
from hub.workspace.shape import MappingFile, Output

DONE: Final = {"create": "created", "update": "changed", "delete": "deleted"}


def check_writing(scope: Scope, mapping: MappingFile) -> None:
    """Every output into a resource whose definition is at hand. A baseline (``mode: link_only``) writes nothing."""
    if mapping.mode == "link_only":
        return
    for index, output in enumerate(mapping.outputs):
        at: Loc = ("into", index) if isinstance(mapping.into, list) else ()
        if "." in output.into and (resource := described(scope, output)) is not None:
            _output(scope, mapping, output, at, resource)


def _output(scope: Scope, mapping: MappingFile, output: Output, at: Loc, resource: Resource) -> None:
    path: Loc = (*at, "into")
    if not resource.writable:
        message = f"{dotted(path)}: {output.into} can only be read, says its definition"
        hint = "choose another resource; where the system does take changes, mend the definition"
        scope.error(path, "connector.readonly", message, hint)
        return
    for kind in ("create", "update"):
        if kind in resource.refuses:
            message = f"{dotted(path)}: {output.into} does not let records be {DONE[kind]}, says its definition"
            hint = f"each record to be {DONE[kind]} will be rejected: choose another resource, or mend the definition"
            scope.error(path, "connector.refuses", message, hint, level="warning")
    if "delete" in resource.refuses:
        for place, word in deleting(mapping, output, at):
            if scope.written(place):
                message = f"{dotted(place)}: {output.into} does not let records be deleted, says its definition"
                hint = f"write {word} instead of delete, or mend the definition"
                scope.error(place, "connector.refuses", message, hint)


def deleting(mapping: MappingFile, output: Output, at: Loc) -> Iterator[tuple[Loc, str]]:
    """Where a mapping deletes in a target, each with the word that does not."""
    if output.out_of_scope.reaction == "delete":
        yield (*at, "out_of_scope"), "disable or keep"
    if not output.absent.steps and output.absent.reaction == "delete":
        yield (*at, "absent"), "disable or keep"
    for number, step in enumerate(output.absent.steps):
        if step.reaction == "delete":
            yield (*at, "absent", number), "disable or keep"
    if mapping.ghosts == "delete":
        yield ("ghosts",), "report"


def described(scope: Scope, output: Output) -> Resource | None:
    """The resource that an output writes, as far as it is known without connecting."""
    system, _, resource = output.into.partition(".")
    found = scope.built.system(system)
    try:
        return found.describe(resource) if found and found.spec.writes else None
    except ConfigError:  # told where the resource is named
        return None
