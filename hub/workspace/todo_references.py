"""What a mapping says of to-dos, against what a report of one needs."""

from __future__ import annotations

from hub.workspace.build import Built
from hub.workspace.builtin import CONTENT, RECEIVERS, TODOS
from hub.workspace.explain import Loc
from hub.workspace.scope import Scope
from hub.workspace.shape import MappingFile, Output


def check_todos(scope: Scope, mapping: MappingFile) -> None:
    """Every output into ``hub.todos``."""
    for index, output in enumerate(mapping.outputs):
        if output.into == TODOS and mapping.from_ == TODOS:
            at = ("into", index, "into") if isinstance(mapping.into, list) else ("into",)
            scope.error(at, "mapping.direction", f"{TODOS} is read and written", "write a system.resource here")
        elif output.into == TODOS:
            _output(scope, output, ("into", index) if isinstance(mapping.into, list) else ())


def check_task_center(scope: Scope, built: Built) -> None:
    """What ``people.task_center`` of the hub's file names."""
    people = built.hub.people if built.hub else None
    if people is None or people.task_center is None:
        return
    at: Loc = ("people", "task_center")
    rule = people.task_center
    if rule.user is not None and people.model in built.models:
        fields = built.models[people.model].fields
        scope.fields([(rule.user, (*at, "user"))], fields, f"the model {people.model}")
    if rule.account is not None:
        scope.known("system", rule.account, (*at, "account"))


def _output(scope: Scope, output: Output, at: Loc) -> None:
    path: Loc = (*at, "fields")
    names = {name.partition(".")[0] for name in output.fields}
    for name, why in (("id", "what the to-do is called"), ("system", "whose to-do it is: a model is of no system")):
        if name not in output.fields:
            scope.error(path, "value.missing", f"{TODOS} needs {name}, {why}", f"write {name} under fields", key=True)
    content = sorted(names & set(CONTENT))
    if content and "title" not in names:
        message = f"{TODOS} takes {', '.join(content)} together with the title, and this mapping gives none"
        scope.error(path, "value.missing", message, "write title under fields", key=True)
    if not names & {*RECEIVERS, "title", "status"}:
        message = "this mapping says nothing of a to-do: no title, no status, no receiver"
        hint = f"write title under fields, and one of {', '.join(RECEIVERS)}"
        scope.error(path, "value.missing", message, hint, key=True)
