"""Schema drift: a field that the mapping reads and the source no longer has, or has as another type.

Values would silently become empty, or others, for everybody; the run is held instead, before anything is
changed. What is expected is the profile of the last complete snapshot: how often each field was there and
as which kinds of value, in its first records. A field counts as vanished when it is in none of the records
read and that would be no accident; one change of type is a matter of its record, many are drift.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.errors import Held
from hub.exchange.extract import Extracted, json_path
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.mapping.compile import Compiled, compile_mapping
from hub.workspace.workspace import Workspace

ACCEPTED = "accepted: "
SAMPLE = 1000
ACCIDENT = 1e-9
SURE = 0.95  # a field that was in every record of a sample may still be missing in one of twenty others
MANY = 10
KINDS = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "BIGINT": "number",
    "UBIGINT": "number",
    "DOUBLE": "number",
    "HUGEINT": "number",
    "UHUGEINT": "number",
    "DECIMAL": "number",
    "ARRAY": "list",
    "OBJECT": "object",
}

Profile = Mapping[str, tuple[float, tuple[str, ...]]]
"""Path → the share of records that have it, and the kinds of its values, sorted; null is no kind."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One mapped path that is no longer what it was."""

    path: str
    was: tuple[str, ...]
    now: tuple[str, ...]

    def __str__(self) -> str:
        if not self.now:
            return f"{self.path} is gone"
        return f"{self.path} was {' or '.join(self.was)} and is {' or '.join(self.now)}"


def profile(run: RunFile, extracted: Extracted, compiled: list[Compiled]) -> dict[str, tuple[float, tuple[str, ...]]]:
    """What the first records hold: their top-level fields, and the paths that the mapping reads."""
    paths = sorted({*extracted.fields, *_paths(compiled)})
    if not paths or not extracted.read:
        return {}
    run.sql(f"CREATE OR REPLACE TABLE sample AS SELECT raw FROM ({extracted.scan}) LIMIT {SAMPLE}")
    typed = ", ".join(f"{_type(path)} AS {sql_name(path)}" for path in paths)
    shares = ", ".join(
        f"(count({sql_name(path)}) / count(*), list(DISTINCT {sql_name(path)}))" for path in paths
    )
    row = run.sql(f"SELECT {shares} FROM (SELECT {typed} FROM sample)")[0]
    return {path: (share, _kinds(types)) for path, (share, types) in zip(paths, row, strict=True) if share}


def _kinds(types: list[str | None]) -> tuple[str, ...]:
    return tuple(sorted({KINDS.get(one or "", "") for one in types} - {""}))


def _type(path: str) -> str:
    """DuckDB SQL of the JSON type at a path, NULL where there is none. Of a list's elements it is the type that the
    first filled one has; an empty list is a place without a value, as null is."""
    if "[]" not in path:
        return f"json_type(raw, {sql_text(json_path(path))})"
    parts = path.split(".")
    steps = "".join(f'."{part.removesuffix("[]")}"' + "[*]" * part.endswith("[]") for part in parts)
    first = next(number for number, part in enumerate(parts) if part.endswith("[]"))
    outer = json_path(".".join(parts[: first + 1]).removesuffix("[]"))
    types = f"json_type(raw, {sql_text('$' + steps)})"
    elements = f"json_extract(raw, {sql_text('$' + steps[: steps.rindex('[*]') + 3])})"
    return (
        f"CASE WHEN len({types}) > 0 THEN coalesce(list_filter({types}, lambda x: x <> 'NULL')[1], 'NULL') "
        f"WHEN len({elements}) = 0 AND json_type(raw, {sql_text(outer)}) IS NOT NULL THEN 'NULL' END"
    )


def _paths(compiled: list[Compiled]) -> set[str]:
    joined = {join.alias for one in compiled for join in one.joins}
    return {
        _signed(path, one) for one in compiled for path in one.paths if path.split(".")[0] not in joined
    }


def _signed(path: str, compiled: Compiled) -> str:
    """``addresses[].city`` of ``addresses.city``, where the mapping reads elements of a list."""
    shape = json.loads(compiled.structure) if compiled.structure else {}
    signed: list[str] = []
    for part in path.split("."):
        shape = shape.get(part) if isinstance(shape, dict) else None
        signed.append(f"{part}[]" if isinstance(shape, list) else part)
        shape = shape[0] if isinstance(shape, list) else shape
    return ".".join(signed).removesuffix("[]")


def require_fields(
    run: RunFile,
    workspace: Workspace,
    extracted: Extracted,
    before: Profile,
    compiled: list[Compiled],
    *,
    accepted: bool,
) -> Extracted:
    """Held ``source.drift`` where mapped fields vanished or changed their type since the last snapshot, and
    nobody ``accepted`` that. Answers the extract with the profile that the next run is to expect."""
    now = profile(run, extracted, compiled)
    found = list(drifts(run, extracted, before, now, _paths(compiled)))
    fresh = new_fields(before, now)
    notes = [f"new in {extracted.resource.name}, read by no mapping: {', '.join(fresh)}"] if fresh else []
    if accepted or not found:
        gone = {one.path for one in found}
        kept = now if extracted.full else {path: one for path, one in before.items() if path not in gone} or now
        notes += [f"{ACCEPTED}{one}" for one in found]
        return dataclasses.replace(extracted, profile=kept, notes=(*extracted.notes, *notes))
    mapping = compiled[0].mapping
    affected = "; ".join(affected_by(workspace, compiled[0].source, [one.path for one in found]))
    raise Held(
        "source.drift",
        f"{extracted.resource.name}: {', '.join(map(str, found))}; affected: {affected}",
        where=extracted.pieces[0].origin if extracted.pieces else "",
        hint=f"ask the system's owner; mend the mapping, or where it is meant: cophub run {mapping} --accept-drift",
    )


def drifts(
    run: RunFile, extracted: Extracted, before: Profile, now: Profile, needed: set[str]
) -> Iterator[Drift]:
    """Mapped paths that were in the last snapshot and are gone or of another type."""
    for path in sorted(needed & set(before)):
        share, was = before[path]
        if path in now:
            kinds = now[path][1]
            if was and kinds and not set(was) & set(kinds) and _enough(extracted, now[path][0]):
                yield Drift(path, was, kinds)
        elif (1 - min(share, SURE)) ** extracted.read < ACCIDENT and not _anywhere(run, extracted, path):
            yield Drift(path, was, ())


def _enough(extracted: Extracted, share: float) -> bool:
    return share * min(extracted.read, SAMPLE) >= MANY


def _anywhere(run: RunFile, extracted: Extracted, path: str) -> bool:
    """Whether any record has it: asked only of what the first ones lack."""
    if extracted.read <= SAMPLE:
        return False
    return bool(run.one(f"SELECT bool_or({_type(path)} IS NOT NULL) FROM ({extracted.scan})"))


def profile_stored(extracted: Extracted) -> dict[str, list[object]]:
    """The profile as the watermark keeps it."""
    return {path: [share, list(kinds)] for path, (share, kinds) in extracted.profile.items()}


def new_fields(before: Profile, now: Profile) -> tuple[str, ...]:
    """Top-level fields that the last snapshot did not have."""
    fresh = {path for path in set(now) - set(before) if "." not in path and "[]" not in path}
    return tuple(sorted(fresh)) if before else ()


def affected_by(workspace: Workspace, source: str, paths: list[str]) -> list[str]:
    """What reads these paths of a resource: ``mapping m: model.field``, and where it goes from there."""
    told: list[str] = []
    for name, mapping in sorted(workspace.mappings.items()):
        if mapping.from_ != source or not mapping.enabled:
            continue
        for one in compile_mapping(mapping, workspace):
            fields = [
                column.name for column in one.columns
                if set(paths) & {path.removesuffix("[]") for path in column.inputs}
            ]  # fmt: skip
            told += [f"{name} → {one.output}.{field}" for field in fields]
            for field in fields:
                told += _onwards(workspace, one.output, field)
    return list(dict.fromkeys(told))


def _onwards(workspace: Workspace, model: str, field: str) -> Iterator[str]:
    for name, mapping in sorted(workspace.mappings.items()):
        if mapping.from_ != model or not mapping.enabled:
            continue
        for one in compile_mapping(mapping, workspace):
            for column in one.columns:
                if field in {path.split(".")[0].removesuffix("[]") for path in column.inputs}:
                    yield f"{name} → {one.output}.{column.name}"
