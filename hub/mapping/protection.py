"""Protection levels of what one output reads: told by the models that the same fields of a system feed, or
are fed from, in any mapping.

A pass-through has no model of its own. What it reads has the highest level of the models' fields that others
make of the same path, of those that are written there, and of what the mapping itself declares. What nobody
says anything of is unclassified.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from hub.errors import ConfigError
from hub.mapping.compile import compile_mapping
from hub.mapping.compiled import Column, Compiled
from hub.mapping.record import path_text
from hub.workspace.shape import UNCLASSIFIED, MappingFile
from hub.workspace.workspace import Workspace

Levels = dict[str, dict[str, str]]
"""Place (system.resource) → path → level."""

# What these give still says what they were given; a length or a comparison does not, and is no word on its level.
_CARRYING = frozenset({"trim", "upper", "lower", "coalesce", "ref", "replace", "nullif", "ltrim", "rtrim"})


def read_levels(compiled: Compiled, workspace: Workspace) -> dict[str, str]:
    """Path, as the expressions name it → level; '' where an inbound path feeds nothing that is classified."""
    paths = {path for column in compiled.columns for path in column.inputs}
    paths |= {*compiled.key_fields, *(path_text(path) for one in compiled.conditions for path in one.inputs)}
    if compiled.direction == "outbound":
        return {path: model_level(workspace, compiled.source, path) for path in paths}
    places = _place_levels(workspace, compiled)
    declared = workspace.mappings.get(compiled.mapping)
    found = {}
    for path in paths:
        known = _known(places, *placed(path, compiled))
        if compiled.direction == "pass" and declared is not None:
            known = max(known, declared_level(declared, path)) or UNCLASSIFIED
        found[path] = known
    return found


def unclassified(compiled: Compiled, workspace: Workspace) -> set[str]:
    """Paths of a pass-through's columns of which neither a model nor the mapping says anything."""
    places, mapping = _place_levels(workspace, compiled), workspace.mappings[compiled.mapping]
    paths = {path for column in compiled.columns for path in inputs_of(column)}
    return {
        path
        for path in paths
        if not declared_level(mapping, path) and not _known(places, *placed(path, compiled))
    }


def declared_level(mapping: MappingFile, path: str) -> str:
    """What a mapping says of a path: of itself or of what it is part of, else of all; '' for nothing."""
    plain = path.replace("[]", "")
    named = [name for name in mapping.levels if plain == name or plain.startswith(f"{name}.")]
    return mapping.levels[max(named, key=len)] if named else mapping.level or ""


def model_level(workspace: Workspace, source: str, path: str) -> str:
    """The level of a model's field; a reference is shown by the key of what it refers to."""
    model = workspace.models.get(source)
    field = model.fields.get(path.split(".")[0].replace("[]", "")) if model else None
    if field is None:
        return ""
    named = workspace.models.get(field.model) if field.type == "ref" and field.model else None
    keys = [named.fields[name].level or "" for name in named.key if name in named.fields] if named else []
    return max([field.level or "", *keys])


def placed(path: str, compiled: Compiled) -> tuple[str, str]:
    """The system's resource that a path is read from, and the path in it."""
    head, _, rest = path.partition(".")
    for join in compiled.joins:
        if join.alias == head.replace("[]", ""):
            return f"{join.system}.{join.resource}", rest.replace("[]", "")
    return compiled.source, path.replace("[]", "")


def inputs_of(column: Column) -> tuple[str, ...]:
    """What a column reads, without the lists that are only entered."""
    return tuple(
        path
        for path in column.inputs
        if not any(other != path and other.replace("[]", "").startswith(path.replace("[]", "") + ".")
                   for other in column.inputs)
    )  # fmt: skip


def _known(places: Levels, place: str, path: str) -> str:
    """What is known of a path: by itself, as a part of something, or (not wholly) by its own parts."""
    levels = places.get(place, {})
    covering = [level for name, level in levels.items() if path == name or path.startswith(f"{name}.")]
    within = [level for name, level in levels.items() if name.startswith(f"{path}.")]
    if not covering and within:
        return max(UNCLASSIFIED, *within)
    return max([*covering, *within], default="")


def _place_levels(workspace: Workspace, start: Compiled) -> Levels:
    """Over all mappings that touch what ``start`` reads, and what flows there from elsewhere."""
    wanted = {placed(path, start)[0] for path in start.paths} | {start.source}
    wanted |= {f"{join.system}.{join.resource}" for join in start.joins}
    touching = {start.mapping: [start]}
    while added := [
        mapping
        for name, mapping in workspace.mappings.items()
        if name not in touching and _touches(mapping, wanted)
    ]:
        for mapping in added:
            touching[mapping.mapping] = []
            with suppress(ConfigError):  # what does not compile says nothing, and runs nowhere
                touching[mapping.mapping] = compile_mapping(mapping, workspace)
            if mapping.direction == "pass":
                wanted |= _reads(mapping)
    return _settled(workspace, [one for outputs in touching.values() for one in outputs])


def _reads(mapping: MappingFile) -> set[str]:
    return {mapping.from_, *(one.from_ for one in mapping.with_.values())}


def _touches(mapping: MappingFile, places: set[str]) -> bool:
    writes = {output.into for output in mapping.outputs}
    return bool((_reads(mapping) if mapping.direction == "inbound" else writes) & places)


def _settled(workspace: Workspace, outputs: Iterable[Compiled]) -> Levels:
    found: Levels = {}
    outputs = list(outputs)
    for one in outputs:
        for column in one.columns:
            if one.direction == "inbound" and one.model:
                level = model_level(workspace, one.model, column.name)
                if level >= UNCLASSIFIED or set(column.expression.functions) <= _CARRYING:
                    for path in inputs_of(column):
                        _raise(found, *placed(path, one), level)
            elif one.direction == "outbound":
                levels = [model_level(workspace, one.source, path) for path in inputs_of(column)]
                _raise(found, one.output, column.name, max(levels, default=""))
    passing = [(one, column) for one in outputs if one.direction == "pass" for column in one.columns]
    while any([_passed_on(found, one, column) for one, column in passing]):
        pass
    return found


def _passed_on(found: Levels, one: Compiled, column: Column) -> bool:
    levels = [_known(found, *placed(path, one)) for path in inputs_of(column)]
    return _raise(found, one.output, column.name, max(levels, default=""))


def _raise(found: Levels, place: str, path: str, level: str) -> bool:
    """Whether the level of a path went up."""
    if not level or level <= found.get(place, {}).get(path, ""):
        return False
    found.setdefault(place, {})[path] = level
    return True
