"""What nobody classified, and what is classified and yet shown: findings about the levels of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.errors import Finding
from hub.mapping.compiled import Compiled
from hub.mapping.protection import unclassified
from hub.workspace.shape import UNCLASSIFIED, MappingFile
from hub.workspace.workspace import Workspace

CLASSIFIED = ("L3", "L4", "L5")


def level_findings(workspace: Workspace) -> Iterator[Finding]:
    """Fields without a level, one finding for each model; and keys that are classified."""
    for name, model in workspace.models.items():
        if missing := model.unclassified:
            more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
            yield Finding(
                *_place(workspace, name, "fields", missing[0]),
                "warning",
                "level.missing",
                f"{', '.join(missing[:4])}{more} of {name} have no level, and are masked like {UNCLASSIFIED}",
                "write level: L1 at the top of the model, and a higher level at the fields that need it",
            )
        for field in model.key:
            declared = model.fields.get(field)
            if declared is not None and declared.level in CLASSIFIED and field not in missing:
                yield Finding(
                    *_place(workspace, name, "fields", field),
                    "warning",
                    "level.key",
                    f"{name}.{field} is {declared.level} and a key: what refers to a record names its key",
                    "take a number that says nothing as the key, and find records by match:",
                )


def passing_findings(workspace: Workspace, compiled: Iterable[Compiled]) -> Iterator[Finding]:
    """Of pass-throughs: what nobody classified, and declarations that nothing reads."""
    for one in compiled:
        mapping = workspace.mappings[one.mapping]
        if one.direction != "pass":
            yield from _elsewhere(workspace, one, mapping)
            continue
        if one.number == 0:
            read = {path.replace("[]", "") for path in one.paths}
            unread = [name for name in mapping.levels if not any(_within(path, name) for path in read)]
            for name in unread:
                yield _finding(
                    workspace, one, ("levels", name), "level.unread", f"{one.mapping} reads no field {name}",
                    f"it reads {', '.join(sorted(read)[:8])}",
                )  # fmt: skip
        missing = sorted(unclassified(one, workspace))
        if missing:
            more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
            yield _finding(
                workspace, one, ("mapping",), "level.missing",
                f"nobody says the level of {', '.join(missing[:4])}{more} of {one.source}: masked like {UNCLASSIFIED}",
                "write level: L1 in the mapping, and levels: {FIELD: L3} for what needs it",
            )  # fmt: skip


def _elsewhere(workspace: Workspace, one: Compiled, mapping: MappingFile) -> Iterator[Finding]:
    if one.number == 0 and (mapping.level or mapping.levels):
        yield _finding(
            workspace, one, ("levels" if mapping.levels else "level",), "level.place",
            f"{one.mapping} is no pass-through: its levels are those of its model", "give the levels in the model",
        )  # fmt: skip


def _within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.") or name.startswith(f"{path}.")


def _finding(
    workspace: Workspace, one: Compiled, path: tuple[str, ...], code: str, message: str, hint: str
) -> Finding:
    file, line, column = workspace.locate("mapping", one.mapping, *path)
    return Finding(str(file), line, column, "warning", code, message, hint)


def _place(workspace: Workspace, model: str, *path: str) -> tuple[str, int, int]:
    file, line, column = workspace.locate("model", model, *path)
    return str(file), line, column
