"""Cycles of exchanges: values that come back to where they went out.

A model knows an echo of its own values; a pass-through does not, nor does a second model on the way. What
the hub created in a system is recognized when it is read back

* by the key, where the mapping that reads knows its records by the fields that are the ``key`` of the mapping
  that writes, or by the resource's own key (what the target answers to a create), and not by elements (``each``);
* or by a match rule, where all its fields go out and come back;
* or it needs no recognition, because what matches nothing is not created.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from hub.errors import Finding
from hub.mapping.compile import Compiled
from hub.mapping.roundtrip import trips
from hub.workspace.builtin import TODOS
from hub.workspace.workspace import Workspace

Place = tuple[str, str]
Stop = TypeVar("Stop")


def cycles(workspace: Workspace, compilations: Mapping[str, list[Compiled]]) -> Iterator[Finding]:
    """Findings ``exchange.cycle``."""
    yield from _passing(workspace, compilations)
    yield from _unrecognized(workspace, compilations)
    yield from _through_models(workspace, compilations)


def _finding(
    workspace: Workspace, mapping: str, path: tuple[str | int, ...], message: str, hint: str
) -> Finding:
    file, line, column = workspace.locate("mapping", mapping, *path)
    return Finding(str(file), line, column, "error", "exchange.cycle", message, hint)


def _passing(workspace: Workspace, compilations: Mapping[str, list[Compiled]]) -> Iterator[Finding]:
    edges: dict[str, set[str]] = defaultdict(set)
    for outputs in compilations.values():
        for compiled in outputs:
            edges[compiled.source].add(compiled.output)
    for name, outputs in compilations.items():
        for compiled in outputs:
            if compiled.direction != "pass" or TODOS in (compiled.source, compiled.output):
                continue  # the hub knows its own to-dos when it reads them back
            way = way_between(edges, compiled.output, compiled.source)
            if way:
                told = f"a cycle: {' → '.join([compiled.source, *way])}"
                hint = "lead one of the ways through a model, which recognizes echoes"
                yield _finding(workspace, name, ("into",), told, hint)


def _unrecognized(workspace: Workspace, compilations: Mapping[str, list[Compiled]]) -> Iterator[Finding]:
    pairs: dict[tuple[str, int, str, int], tuple[Compiled, Compiled, set[str]]] = {}
    for trip in trips(compilations):
        key = (trip.read.mapping, trip.read.number, trip.sent.mapping, trip.sent.number)
        pairs.setdefault(key, (trip.read, trip.sent, set()))[2].add(trip.field)
    for read, sent, fields in pairs.values():
        output = workspace.mappings[read.mapping].outputs[read.number]
        matched = any(set(rule.on) <= fields for rule in output.match)
        if output.unmatched != "create" or matched or recognizes(workspace, read, sent):
            continue
        file, line, _ = workspace.locate("mapping", sent.mapping, "key")
        yield _finding(
            workspace,
            read.mapping,
            ("from",),
            f"a cycle: {read.output} → {read.source} ({file}:{line}) → {read.output}: what the hub created there is "
            "read back under another key, and would become a second entity",
            f"give both mappings the same key ({', '.join(sent.target_key)}), or a match rule on fields that come back",
        )


def recognizes(workspace: Workspace, read: Compiled, sent: Compiled) -> bool:
    """Whether ``read`` finds by key what ``sent`` created."""
    if read.each or sent.each:
        return False
    if not read.key_fields or read.key_fields == sent.target_key:
        return True
    return read.key_fields == own_key(workspace, read)


def own_key(workspace: Workspace, read: Compiled) -> tuple[str, ...]:
    """The key that the resource itself declares, whatever the mapping says."""
    system, _, resource = read.source.partition(".")
    described = workspace.system(system).describe(resource)
    return tuple((described.read_as or described).key) if described else ()


def _through_models(workspace: Workspace, compilations: Mapping[str, list[Compiled]]) -> Iterator[Finding]:
    """Fields that come back through another model: its entities are not those that went out."""
    edges: dict[Place, set[Place]] = defaultdict(set)
    outputs = [one for several in compilations.values() for one in several if one.direction != "pass"]
    for compiled in outputs:
        for column in compiled.columns:
            for path in column.inputs:
                edges[compiled.source, _top(path)].add((compiled.output, _top(column.name)))
    for compiled in (one for one in outputs if one.direction == "inbound"):
        for column in compiled.columns:
            for path in column.inputs:
                start, end = (compiled.output, column.name), (compiled.source, _top(path))
                back = way_between(edges, start, end) if end in edges else []
                if {place for place, _ in back if "." not in place} - {compiled.output}:
                    told = " → ".join(f"{place}.{field}" for place, field in [*back, start])
                    hint = "let one of the models take it from the other's source, or leave one of the ways out"
                    yield _finding(workspace, compiled.mapping, ("from",), f"a cycle: {told}", hint)


def _top(path: str) -> str:
    return path.replace("[]", "").split(".")[0]


def way_between(edges: Mapping[Stop, Iterable[Stop]], start: Stop, end: Stop) -> list[Stop]:
    """The places from start to end, both included; empty where none leads there."""
    waiting: list[list[Stop]] = [[start]]
    seen = {start}
    while waiting:
        way: list[Stop] = waiting.pop(0)
        if way[-1] == end:
            return way
        for place in sorted(edges.get(way[-1], ()), key=str):
            if place not in seen:
                seen.add(place)
                waiting.append([*way, place])
    return []
