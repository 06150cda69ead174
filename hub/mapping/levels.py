"""What nobody classified, and what is classified and yet shown: findings about the levels of models."""

from __future__ import annotations

from collections.abc import Iterator

from hub.errors import Finding
from hub.workspace.shape import UNCLASSIFIED
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


def _place(workspace: Workspace, model: str, *path: str) -> tuple[str, int, int]:
    file, line, column = workspace.locate("model", model, *path)
    return str(file), line, column
