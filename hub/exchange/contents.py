"""What a stored plan holds, for people: a sample of its changes field by field, old beside new.

Old values are those of the golden record as it is now; values of level 3 and above are masked (P10).
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hub.exchange.ground import Hub
from hub.exchange.judging.foretell import foretold
from hub.exchange.keytokens import Keys
from hub.exchange.manifest import COUNTED, Manifest
from hub.exchange.plan import load_plan
from hub.exchange.runfile import RunFile, open_run
from hub.exchange.shown import Values
from hub.mapping.compile import compile_mapping
from hub.mapping.lineage import lineage
from hub.security.masking import NOBODY, Sight, is_classified, mask
from hub.store.plans import PlanRow
from hub.store.reports import values_of

REMOVALS = {1: "disable", 2: "delete"}
BY_HAND = {"links": "linking", "merges": "uniting"}
"""Directions of plans that people said, and their tables."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one change; values as people may see them."""

    field: str
    old: Any
    new: Any
    level: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One change. ``operation``: create, update, disable, delete, enable for what comes back, link of an import,
    merge. An update without fields is one of who supplies them."""

    operation: str
    key: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Records that would be set aside for one reason. ``examples`` are (key, position, message)."""

    state: str
    code: str
    field: str
    count: int
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One output of a plan."""

    output: str
    direction: str
    counts: Mapping[str, int]
    breaches: tuple[str, ...]
    notes: tuple[str, ...]
    changed_fields: Mapping[str, int]
    changes: tuple[Shown, ...]
    total: int
    held: tuple[Reason, ...]
    predicted: Mapping[str, Any]
    foretold: str


@dataclass(frozen=True, slots=True)
class Contents:
    """A stored plan opened."""

    plan: PlanRow
    created_at: dt.datetime
    stale: bool
    parts: tuple[Part, ...]


def contents(hub: Hub, plan: PlanRow, limit: int = 5, sight: Sight = NOBODY) -> Contents:
    """Open a plan; at most ``limit`` changes of each kind in each output, as ``sight`` may see them. Changes
    nothing."""
    with open_run(hub.scratch, hub.memory, hub.threads) as run:
        parts = tuple(_part(hub, run, manifest, limit, sight) for manifest in load_plan(hub.keep, run, plan.digest))
    return Contents(plan, plan.created_at, plan.workspace_hash != hub.workspace.hash, parts)


def _part(hub: Hub, run: RunFile, manifest: Manifest, limit: int, sight: Sight) -> Part:
    run.use(manifest.number)
    if manifest.direction in BY_HAND:
        table = BY_HAND[manifest.direction]
        changes, total = _by_hand(hub, run, manifest, limit, sight), run.one(f"SELECT count(*) FROM {table}")
    elif manifest.direction == "inbound":
        changes = _inbound(hub, run, manifest, limit, sight)
        total = sum(run.one(f"SELECT count(*) FROM {name}") for name in ("creation", "updating", "removing"))
    else:
        changes = _outbound(hub, run, manifest, limit, sight)
        total = run.one("SELECT count(*) FROM sending")
    return Part(
        manifest.output,
        manifest.direction,
        manifest.counts,
        tuple(manifest.breaches),
        tuple(manifest.notes),
        manifest.changed_fields,
        tuple(changes),
        total,
        tuple(_held(run, levels(hub, manifest), Keys(hub, sight), manifest.exchange)),
        manifest.predicted,
        foretold(manifest),
    )


def levels(hub: Hub, manifest: Manifest) -> dict[str, str]:
    """The protection level of each field of an output, as declared and as derived from what it reads."""
    mapping = hub.workspace.mappings.get(manifest.exchange)
    if mapping is None or manifest.number >= len(mapping.outputs):
        return {}
    compiled = compile_mapping(mapping, hub.workspace)
    return {one.field: one.level for one in lineage(compiled[manifest.number], hub.workspace)}


# ---------------------------------------------------------------- inbound


def _inbound(hub: Hub, run: RunFile, manifest: Manifest, limit: int, sight: Sight) -> list[Shown]:
    model = hub.workspace.models[manifest.output]
    made = _rows(run, f"SELECT * FROM creation LIMIT {limit}")
    changed = _rows(run, f"SELECT * FROM updating LIMIT {limit}")
    leaving = _rows(run, f"SELECT * FROM removing LIMIT {limit}")
    before = values_of(hub.database, manifest.output, [_id(row) for row in (*changed, *leaving)])
    names = Values(hub, model.fields, sight)
    names.learn([*made, *changed, *before.values()])

    def called(row: Mapping[str, Any]) -> str:
        return " ".join(
            str(names.shown(name, row.get(name))) for name in model.key if row.get(name) is not None
        )

    found = [
        Shown(
            "create",
            called(row),
            tuple(
                FieldChange(name, None, names.shown(name, row[name]), model.fields[name].level or "")
                for name in model.fields
                if row.get(name) is not None
            ),
        )
        for row in made
    ]
    for row in changed:
        old = before.get(_id(row), {})
        fields = tuple(
            FieldChange(
                name,
                names.shown(name, old.get(name)),
                names.shown(name, row[name]),
                model.fields[name].level or "",
            )
            for name in row["_changed"]
        )
        found.append(Shown("enable" if old.get("_state") else "update", called(row), fields))
    found += [
        Shown(REMOVALS.get(row["_state"], "remove"), called(before.get(_id(row), {}))) for row in leaving
    ]
    return found


def _id(row: Mapping[str, Any]) -> uuid.UUID:
    value = row["_id"]
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


# ---------------------------------------------------------------- outbound


def _outbound(hub: Hub, run: RunFile, manifest: Manifest, limit: int, sight: Sight) -> list[Shown]:
    known = levels(hub, manifest)
    found = []
    for operation in COUNTED:
        rows = _rows(run, f"SELECT * FROM sending WHERE operation = '{operation}' LIMIT {limit}")
        for row in rows:
            values = json.loads(row["body"] or "{}")
            fields = tuple(
                FieldChange(name, None, mask(value, known.get(name, ""), None, sight), known.get(name, ""))
                for name, value in values.items()
                if value is not None
            )
            found.append(Shown(operation, _called(row, manifest, known, Keys(hub, sight)), fields))
    return found


def _called(row: Mapping[str, Any], manifest: Manifest, known: Mapping[str, str], keys: Keys) -> str:
    """The key in the target; where that is classified the hub's own."""
    if all(keys.sight.sees(known.get(name)) for name in manifest.target_key):
        return _foreign_key(row)
    return keys.shown(manifest.exchange, str(row["key"]))


def _foreign_key(row: Mapping[str, Any]) -> str:
    try:
        parts = json.loads(row["foreign_key"] or "[]")
    except ValueError:
        parts = [row["foreign_key"]]
    return " ".join(str(part) for part in parts if part is not None) or str(row["key"])


# ---------------------------------------------------------------- said by people


def _by_hand(hub: Hub, run: RunFile, manifest: Manifest, limit: int, sight: Sight) -> list[Shown]:
    """A link as its record and the entity, a merge as the entity that goes and the one it goes into."""
    links = manifest.direction == "links"
    table = BY_HAND[manifest.direction]
    left, right, order = ("key", "entity", "line") if links else ("loser", "survivor", "number")
    rows = run.sql(f"SELECT CAST({left} AS VARCHAR), {right} FROM {table} ORDER BY {order} LIMIT {limit}")
    ids = {one: uuid.UUID(str(one)) for row in rows for one in (row if not links else row[1:])}
    names = _called_entities(hub, manifest.model, set(ids.values()), sight)
    keys = Keys(hub, sight)
    shown = keys.foreign if manifest.said.get("direction") == "outbound" else keys.shown
    found = []
    for one, other in rows:
        called = shown(manifest.exchange, one) if links else names.get(ids[one], one)
        into = FieldChange(manifest.model if links else "into", None, names.get(ids[other], str(other)))
        found.append(Shown("link" if links else "merge", called, (into,)))
    return found


def _called_entities(
    hub: Hub, model: str, ids: Collection[uuid.UUID], sight: Sight
) -> dict[uuid.UUID, str]:
    declared = hub.workspace.models[model]
    found = values_of(hub.database, model, list(ids))
    names = Values(hub, declared.fields, sight)
    names.learn([*found.values()])
    return {
        one: " ".join(str(names.shown(name, row[name])) for name in declared.key if row[name] is not None)
        for one, row in found.items()
    }


# ---------------------------------------------------------------- held


def _held(run: RunFile, known: Mapping[str, str], keys: Keys, exchange: str) -> list[Reason]:
    groups = run.sql(
        "SELECT state, code, field, count(DISTINCT (key, hash)) AS n FROM held GROUP BY ALL ORDER BY ALL"
    )
    found = []
    for state, code, field, count in groups:
        rows = run.con.execute(
            "SELECT key, position, message FROM held WHERE state = ? AND code = ? "
            "AND field IS NOT DISTINCT FROM ? "
            "ORDER BY pos, key LIMIT 3",
            [state, code, field],
        ).fetchall()
        secret = is_classified(known.get(field))
        found.append(
            Reason(
                state,
                code,
                field or "",
                count,
                tuple(
                    (
                        keys.shown(exchange, key or ""),
                        keys.position(exchange, position or ""),
                        "value not shown" if secret else message or "",
                    )
                    for key, position, message in rows
                ),
            )
        )
    return found


def _rows(run: RunFile, query: str) -> list[dict[str, Any]]:
    cursor = run.con.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
