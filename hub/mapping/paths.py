"""The way of one field through a hub: from the fields of sources over mappings and models to those of targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hub.mapping.compile import compile_mapping
from hub.mapping.lineage import FieldLineage, lineage
from hub.workspace.workspace import Workspace

FARTHEST: Final = 6
"""Mappings one after another that are followed, either way."""
MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One mapping of one field into another; ``source`` is empty of a constant."""

    source: str
    into: str
    mapping: str
    expression: str


@dataclass(frozen=True, slots=True)
class Paths:
    """``levels`` has each place's distance from the one that was asked about, sources below zero; ``more``: the way
    goes on beyond what is followed."""

    place: str
    levels: dict[str, int]
    steps: tuple[Step, ...]
    more: bool


def paths(workspace: Workspace, place: str) -> Paths:
    """``place`` is ``model.field`` or ``system.resource.field``; switched-off mappings carry nothing."""
    levels, steps, more = {place: 0}, dict[Step, None](), False
    for way, found in ((-1, _into), (1, _out_of)):
        edge = [place]
        for distance in range(1, FARTHEST + 1):
            new: list[str] = []
            for one in edge:
                for step in found(workspace, one):
                    if len(steps) >= MOST:
                        more = True
                        break
                    steps[step] = None
                    far = step.source if way < 0 else step.into
                    if far and far not in levels:
                        levels[far] = way * distance
                        new.append(far)
            edge = new
        more = more or bool(edge)
    return Paths(place, levels, tuple(steps), more)


def _into(workspace: Workspace, place: str) -> Iterator[Step]:
    """Mappings that fill a place."""
    where, field = split(workspace, place)
    for name, mapping in sorted(workspace.mappings.items()):
        if mapping.enabled and any(output.into == where for output in mapping.outputs):
            for one in _lines(workspace, name, where):
                if one.field == field:
                    for source in one.inputs or ("",):
                        yield Step(_whole(workspace, source), place, name, one.expression)


def _out_of(workspace: Workspace, place: str) -> Iterator[Step]:
    """Mappings that read a place."""
    where, _ = split(workspace, place)
    for name, mapping in sorted(workspace.mappings.items()):
        if mapping.enabled and mapping.from_ == where:
            for one in _lines(workspace, name):
                if any(_whole(workspace, source) == place for source in one.inputs):
                    yield Step(place, f"{one.output}.{one.field}", name, one.expression)


def _lines(workspace: Workspace, name: str, output: str = "") -> Iterator[FieldLineage]:
    for one in compile_mapping(workspace.mapping(name), workspace):
        if output in ("", one.output):
            yield from lineage(one, workspace)


def split(workspace: Workspace, place: str) -> tuple[str, str]:
    """A place as where it is, and its field."""
    first, _, rest = place.partition(".")
    if first in workspace.models:
        return first, rest
    resource, _, field = rest.partition(".")
    return f"{first}.{resource}", field


def _whole(workspace: Workspace, source: str) -> str:
    """Of a model the field as it is declared, without what is read inside of it."""
    where, field = split(workspace, source)
    return f"{where}.{field.partition('.')[0].removesuffix('[]')}" if where in workspace.models else source
