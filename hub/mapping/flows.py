"""Where values flow: between all mappings of a workspace, not within one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from hub.errors import Finding
from hub.mapping.compile import Column, Compiled
from hub.mapping.cycles import cycles
from hub.mapping.levels import level_findings, passing_findings
from hub.mapping.lineage import level_of
from hub.mapping.roundtrip import lossy
from hub.mapping.syntax import Issue
from hub.workspace.shape import ModelField
from hub.workspace.workspace import Workspace

Compilations = Mapping[str, list[Compiled]]


def flow_findings(workspace: Workspace, compiled: Compilations) -> list[Finding]:
    """Contending writers, cycles, lossy round trips, levels and references, over all mappings that compile."""
    live = {name: outputs for name, outputs in compiled.items() if workspace.mappings[name].enabled}
    found = [*_writers(workspace, live), *cycles(workspace, live), *_lossy(workspace, live)]
    found += level_findings(workspace)
    found += passing_findings(workspace, [one for outputs in live.values() for one in outputs])
    return [*found, *_levels(workspace, live), *_references(workspace, live)]


def _at(workspace: Workspace, compiled: Compiled, field: str, issue: Issue) -> Finding:
    listed = isinstance(workspace.mappings[compiled.mapping].into, list)
    path = ("into", compiled.number, "fields", field) if listed else ("fields", field)
    file, line, column = workspace.locate("mapping", compiled.mapping, *path)
    return Finding(str(file), line, column, issue.level, issue.code, issue.message, issue.hint)


def _columns(compilations: Compilations) -> Iterator[tuple[Compiled, Column]]:
    for outputs in compilations.values():
        for compiled in outputs:
            for column in compiled.columns:
                yield compiled, column


# ---------------------------------------------------------------- writers


def _writers(workspace: Workspace, compilations: Compilations) -> Iterator[Finding]:
    writers: dict[tuple[str, str], list[tuple[Compiled, Column]]] = defaultdict(list)
    for compiled, column in _columns(compilations):
        if compiled.model:
            writers[compiled.model, column.name].append((compiled, column))
    for (model, name), contenders in writers.items():
        if len({compiled.mapping for compiled, _ in contenders}) < 2:
            continue
        field = workspace.models[model].fields[name]
        yield from _contention(workspace, f"{model}.{name}", field, contenders)


def _contention(
    workspace: Workspace, what: str, field: ModelField, contenders: list[tuple[Compiled, Column]]
) -> Iterator[Finding]:
    by_strength: dict[str, list[Compiled]] = defaultdict(list)
    for compiled, column in contenders:
        by_strength[column.strength].append(compiled)
    for strength, writers in by_strength.items():
        if all(_matches(workspace, one, what.partition(".")[2]) for one in writers):
            continue
        unranked = [
            one for one in writers if not {one.mapping, one.source.partition(".")[0]} & set(field.rank)
        ]
        names = sorted({one.mapping for one in writers})
        if len(names) < 2 or not unranked:
            continue
        for one in unranked:
            others = ", ".join(name for name in names if name != one.mapping)
            if not others:
                continue
            yield _at(
                workspace,
                one,
                what.partition(".")[2],
                Issue(
                    "field.contended",
                    f"{what} is also written {strength} by {others}",
                    f"give the model's field a rank: [{', '.join(names)}], or one of them another strength",
                    level="warning" if strength == "weak" else "error",
                ),
            )


def _matches(workspace: Workspace, compiled: Compiled, name: str) -> bool:
    """Whether the field identifies the entity: where all writers match by it, they write the same."""
    rules = workspace.mappings[compiled.mapping].outputs[compiled.number].match
    return any(name in rule.on for rule in rules)


# ---------------------------------------------------------------- round trips


def _lossy(workspace: Workspace, compilations: Compilations) -> Iterator[Finding]:
    for trip, loss in lossy(workspace, compilations):
        yield _at(
            workspace,
            trip.read,
            trip.field,
            Issue(
                "roundtrip.lossy",
                f"{trip.read.output}.{trip.field} goes out as {trip.there} ({trip.out.where}) and does not come back "
                f"as it was: {loss}",
                "declare it (lossy: REASON at one of the two fields), make what comes back strength: weak, "
                "or rank another source higher",
            ),
        )


# ---------------------------------------------------------------- levels


def _levels(workspace: Workspace, compilations: Compilations) -> Iterator[Finding]:
    """Levels travel with values: out of a model into a system's field, and from there on. Where they
    arrive in a model's field of a lower level is a finding."""
    places: dict[tuple[str, str], tuple[str, str]] = {}
    changed = True
    while changed:
        changed = False
        for compiled, column in _columns(compilations):
            level, origin = _arriving(workspace, places, compiled, column)
            place = (compiled.output, column.name.split(".")[0])
            if compiled.direction != "inbound" and level > places.get(place, ("", ""))[0]:
                places[place] = (level, origin)
                changed = True
    for compiled, column in _columns(compilations):
        if compiled.direction != "inbound" or column.field is None:
            continue
        level, origin = _arriving(workspace, places, compiled, column)
        declared = column.field.level or "L1"
        if level > declared:
            yield _at(
                workspace,
                compiled,
                column.name,
                Issue(
                    "level.lower",
                    f"{compiled.output}.{column.name} has level {declared}, but gets values of {origin}, "
                    f"level {level}",
                    f"give {compiled.output}.{column.name} level {level}",
                ),
            )


def _arriving(
    workspace: Workspace,
    places: Mapping[tuple[str, str], tuple[str, str]],
    compiled: Compiled,
    column: Column,
) -> tuple[str, str]:
    best = ("", "")
    for path in column.inputs:
        top = path.replace("[]", "").split(".")[0]
        if compiled.direction == "outbound":
            best = max(best, (level_of(workspace, compiled.source, top), f"{compiled.source}.{top}"))
        else:
            best = max(best, places.get((compiled.source, top), ("", "")))
    return best


# ---------------------------------------------------------------- references


def _references(workspace: Workspace, compilations: Compilations) -> Iterator[Finding]:
    supplied = {
        (compiled.source.partition(".")[0], compiled.model)
        for outputs in compilations.values()
        for compiled in outputs
        if compiled.direction == "inbound"
    }
    for compiled, column in _columns(compilations):
        system = compiled.source.partition(".")[0]
        if column.ref is None or (system, column.ref) in supplied:
            continue
        elsewhere = any(model == column.ref for _, model in supplied)
        only = "; other systems do, but their keys are not those of this one" if elsewhere else ""
        yield _at(
            workspace,
            compiled,
            column.name,
            Issue(
                "ref.unsupplied",
                f"no mapping from {system} supplies {column.ref}, so the reference never resolves{only}",
                f"add a mapping from {system} into {column.ref}",
            ),
        )
