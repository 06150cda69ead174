"""Acts on to-dos that cannot work: resources that are not there, expressions that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from hub.contract import Resource
from hub.errors import ConfigError, Finding
from hub.mapping.atonce import over, unbound
from hub.mapping.record import Node, of_fields
from hub.mapping.syntax import Issue
from hub.workspace.acting import Acts
from hub.workspace.workspace import System, Workspace

TEXT: Final = Node("text")
ADDED: Final = {
    "todo": Node(
        "object",
        fields={
            **dict.fromkeys(("id", "tenant", "definition", "process", "node"), TEXT),
            "version": Node("datetime"),
            "attributes": Node("object"),
        },
    ),
    "act": Node("object", fields=dict.fromkeys(("response", "comment", "reason", "account"), TEXT)),
}
"""What expressions see beside the record."""
SAID: Final = Node("object", fields=ADDED)
"""What the key of the record is made of, before there is one."""
CONDITIONS: Final = ("open", "theirs", "unchanged")
"""What a source is asked before an act, where its file says how."""

Place = tuple[str | int, ...]


def acts_findings(workspace: Workspace) -> Iterator[Finding]:
    """All that is wrong with ``acts`` of the systems."""
    for system in workspace.systems.values():
        if system.acts is None:
            continue
        for path, issue in _issues(system, system.acts):
            file, line, column = workspace.locate("system", system.name, "acts", *path)
            yield Finding(str(file), line, column, issue.level, issue.code, issue.message, issue.hint)


def _issues(system: System, acts: Acts) -> Iterator[tuple[Place, Issue]]:
    record = over(of_fields(()), ADDED)
    described, missing = _described(system, acts.find)
    if missing is not None:
        yield ("find",), missing
    elif described is not None:
        record = over(of_fields(described.fields), ADDED)
    yield from _expressions(("key",), acts.key, SAID)
    conditions = {name: text for name in CONDITIONS if (text := getattr(acts, name)) is not None}
    yield from _expressions((), conditions, record)
    for code, response in acts.responses.items():
        at: Place = ("responses", code)
        target, missing = _described(system, response.into)
        if missing is not None:
            yield (*at, "into"), missing
        elif target is not None and response.operation in target.refuses:
            message = f"{response.into} takes no {response.operation}"
            yield (*at, "into"), Issue("acts.refused", message, "declare it below write: of the resource")
        yield from _expressions((*at, "fields"), response.fields, record)
        yield from _expressions(at, {"done": response.done}, record)


def _expressions(at: Place, texts: Mapping[str, str], record: Node) -> Iterator[tuple[Place, Issue]]:
    yield from (((*at, name), issue) for name, issue in unbound(texts, record))


def _described(system: System, name: str) -> tuple[Resource | None, Issue | None]:
    try:
        return system.describe(name), None
    except ConfigError as error:
        return None, Issue("reference.resource", error.message, error.hint)
