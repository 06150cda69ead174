"""Lineage: from which fields, by which functions and code lists, a field gets its value."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from hub.mapping.compile import Compiled
from hub.mapping.protection import inputs_of, read_levels
from hub.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class FieldLineage:
    """One field of an output. ``inputs`` are ``place.path`` (``s4.A_Supplier.to_Bank[].Iban``,
    ``supplier.name``); ``level`` is the highest of what it reads and what is declared, '' for none;
    ``via`` lists what a joined resource or a reference adds."""

    output: str
    field: str
    expression: str
    inputs: tuple[str, ...]
    functions: tuple[str, ...]
    codes: tuple[str, ...]
    refers: str | None
    level: str
    where: str


def lineage(compiled: Compiled, workspace: Workspace) -> list[FieldLineage]:
    """The lineage of every field of one output, in the order of the file."""
    joined = {join.alias: f"{join.system}.{join.resource}" for join in compiled.joins}
    levels = defaultdict(str) if compiled.direction == "inbound" else read_levels(compiled, workspace)
    found = []
    for column in compiled.columns:
        inputs = tuple(
            _placed(path, compiled.source, joined)
            for path in column.inputs
            if not _shadowed(path, column.inputs)
        )
        level = max((levels[path] for path in inputs_of(column)), default="L1" if compiled.direction == "pass" else "")
        declared = column.field.level if column.field and column.field.level else ""
        found.append(
            FieldLineage(
                compiled.output,
                column.name,
                column.expression.text,
                inputs,
                column.expression.functions,
                column.expression.codes,
                column.ref,
                max(level, declared),
                column.where,
            )
        )
    return found


def level_of(workspace: Workspace, source: str, path: str) -> str:
    """The protection level of a model's field (L1 to L5), '' for anything else."""
    model = workspace.models.get(source)
    field = model.fields.get(path.split(".")[0].replace("[]", "")) if model else None
    return field.level or "" if field else ""


def _placed(path: str, source: str, joined: dict[str, str]) -> str:
    head, dot, rest = path.partition(".")
    alias = head.replace("[]", "")
    if alias in joined:
        return joined[alias] + dot + rest
    return f"{source}.{path}"


def _shadowed(path: str, paths: tuple[str, ...]) -> bool:
    """Whether it only says that a list was entered whose elements' fields are listed as well."""
    return any(other != path and other.startswith(f"{path}.") for other in paths)
