"""Outbound and pass-through: what a target should hold, against what it acknowledged last.

    read golden rows (or extract a resource) → map → compare with the shadow → guard  ‖  deliver

``sending`` (key, entity, operation, hash, foreign_id, foreign_key, version, expected, the output
columns) is the plan: one row per record that differs from what the target acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.contract import Query, Resource
from hub.errors import ConfigError
from hub.exchange import quarantine
from hub.exchange.absence import STATES
from hub.exchange.deliver import Delivery
from hub.exchange.extract import extract
from hub.exchange.guard import judge
from hub.exchange.lookup import Lookups
from hub.exchange.manifest import Manifest
from hub.exchange.map import map_records, short_hash
from hub.exchange.runfile import HASH, RunFile, sql_name, sql_text
from hub.mapping.compile import Compiled
from hub.mapping.evaluate import evaluate
from hub.store.bulk import Bulk
from hub.store.journal import Lease, RunRow
from hub.store.models import entity_table
from hub.store.tables import shadow, watermark
from hub.store.wire import decode
from hub.workspace.shape import MappingFile, Output

if TYPE_CHECKING:
    from hub.exchange.pipeline import Hub

Shown = Callable[[str, Mapping[str, int]], None]


def plan(
    hub: Hub, run: RunFile, mapping: MappingFile, compiled: list[Compiled], row: RunRow, stack: ExitStack, *,
    initial: bool, full: bool, shown: Shown,
) -> list[Manifest]:
    """Make ``sending`` of every output."""
    from hub.exchange.pipeline import source_id  # noqa: PLC0415 - the entry knows both directions

    manifests = []
    for output, one in zip(mapping.outputs, compiled, strict=True):
        run.con.execute(f"CREATE SCHEMA o{one.number}")
        run.con.execute(f"USE o{one.number}")
        source = source_id(hub.database, mapping, one, output.into)
        with hub.database.bulk(write=False) as session:
            if mapping.direction == "outbound":
                manifest = _from_model(hub, run, session, mapping, output, one, row, source, full=full, initial=initial, shown=shown)
            else:
                manifest = _pass_through(hub, run, session, mapping, output, one, row, source, stack, initial=initial, full=full, shown=shown)
        manifests.append(manifest)
    return manifests


def _from_model(
    hub: Hub, run: RunFile, session: Bulk, mapping: MappingFile, output: Output, compiled: Compiled, row: RunRow,
    source: int, *, full: bool, initial: bool, shown: Shown,
) -> Manifest:
    mark = session.run(select(watermark.c.seq, watermark.c.map_hash, watermark.c.snapshot).where(
        watermark.c.exchange == mapping.mapping))
    everything = full or row.mode == "full" or not mark or mark[0][1] != compiled.hash or _whole(hub, output)
    since = 0 if everything else int(mark[0][0])
    read, seq = _read_golden(hub, run, session, mapping.from_, since)
    shown("extract", {"read": read})
    evaluated = evaluate(run.con, compiled, "SELECT key, hash, r FROM golden_rows WHERE NOT leaving", Lookups(run, session))
    _acknowledged(run, session, source)
    _settle_outbound(run, session, source)
    leaving = output.absent.reaction if output.absent.reaction in STATES else "ignore"
    _sending(run, compiled, leaving)
    _whole_rows(run, replaces=_whole(hub, output))
    held = _held(run, compiled, mapping.from_)
    operations = dict(run.sql("SELECT operation, count(*) FROM sending GROUP BY 1"))
    sent = sum(operations.values())
    gone = run.one("SELECT count(*) FROM golden_rows WHERE leaving")
    counts = {
        "read": read, "applied": sent, "quarantined": evaluated.rejected,
        "out_of_scope": evaluated.out_of_scope + gone - operations.get("delete", 0),
        "unchanged": evaluated.mapped - sent + operations.get("delete", 0),
        "created": operations.get("create", 0), "updated": operations.get("update", 0), "deleted": operations.get("delete", 0),
    }
    return _manifest(hub, mapping, output, compiled, row, source, counts, held, initial=initial,
                     previous=int(mark[0][2]) if mark else 0, seq=seq, snapshot=evaluated.mapped if everything else None)


def _whole(hub: Hub, output: Output) -> bool:
    """Whether the target is written as a whole: then every row is needed every time."""
    system, _, resource = output.into.partition(".")
    described = hub.workspace.system(system).describe(resource)
    return bool(described and described.replaces)


def _read_golden(hub: Hub, run: RunFile, session: Bulk, model: str, since: int) -> tuple[int, int]:
    """``golden_rows`` (key = entity id, hash, leaving, r) of entities changed after ``since``."""
    table = hub.database.metadata.tables[entity_table(model)]
    fields = list(hub.workspace.models[model].fields)
    query = select(*(table.c[name] for name in ("_id", "_seq", "_state", *fields))).where(table.c["_seq"] > since)
    run.table("golden_read", session.stream(query), ", ".join(f"{decode(c.name, c)} AS {sql_name(c.name)}" for c in query.selected_columns))
    parts = ["id := CAST(_id AS VARCHAR)"] if "id" not in fields else []
    for name in fields:
        field = hub.workspace.models[model].fields[name]
        value = sql_name(name)
        if field.many:
            value = f"from_json({value}, '[\"VARCHAR\"]')"
        elif field.type == "ref":
            value = f"CAST({value} AS VARCHAR)"
        parts.append(f"{sql_name(name)} := {value}")
    run.sql(f"""CREATE OR REPLACE TABLE golden_rows AS SELECT CAST(_id AS VARCHAR) AS key, 0::BIGINT AS hash,
        _state > 0 AS leaving, struct_pack({', '.join(parts)}) AS r FROM golden_read""")
    read, seq = run.sql("SELECT count(*), coalesce(max(_seq), 0) FROM golden_read")[0]
    return read, max(seq, since)


def _acknowledged(run: RunFile, session: Bulk, source: int) -> None:
    """``acknowledged``: what the target holds of this exchange, as it last said."""
    columns = (shadow.c.key, shadow.c.hash, shadow.c.foreign_id, shadow.c.foreign_key, shadow.c.version)
    query = select(*columns).where(shadow.c.source == source, shadow.c.absent_at.is_(None))
    run.table("acknowledged", session.stream(query), ", ".join(f"{decode(c.name, c)} AS {c.name}" for c in columns))


def _sending(run: RunFile, compiled: Compiled, leaving: str) -> None:
    """``sending``: creates, updates and deletes; equal outputs are left out."""
    names = [sql_name(column.name) for column in compiled.columns]
    row = f"struct_pack({', '.join(f'{name} := {name}' for name in names)})"
    key = "to_json([" + ", ".join(f"CAST({sql_name(name)} AS VARCHAR)" for name in compiled.target_key) + "])"
    run.sql(f"""CREATE OR REPLACE TABLE output_rows AS SELECT key, {HASH.format(f'CAST(to_json({row}) AS VARCHAR)')} AS hash,
        CAST({key} AS VARCHAR) AS foreign_key, CAST(to_json({row}) AS VARCHAR) AS body FROM mapped""")
    run.sql("""CREATE OR REPLACE TABLE sending AS SELECT o.key, CASE WHEN a.key IS NULL THEN 'create' ELSE 'update' END AS operation,
        o.hash, a.hash AS expected, a.foreign_id, o.foreign_key, a.version, o.body
        FROM output_rows o LEFT JOIN acknowledged a USING (key) WHERE a.hash IS DISTINCT FROM o.hash ORDER BY o.key""")
    if leaving == "delete":
        run.sql("""INSERT INTO sending SELECT key, 'delete', a.hash, a.hash, a.foreign_id, a.foreign_key, a.version, '{}'
            FROM golden_rows g JOIN acknowledged a USING (key) WHERE g.leaving""")


def _whole_rows(run: RunFile, *, replaces: bool) -> None:
    """``whole`` and ``leftover``: all rows of a target that is written as a whole, and the keys of rows
    it holds that are no longer among them. Empty for every other target."""
    some = "" if replaces else " WHERE false"
    run.sql(f"CREATE OR REPLACE TABLE whole AS SELECT * EXCLUDE (hash) FROM mapped{some}")
    run.sql(f"CREATE OR REPLACE TABLE leftover AS SELECT key FROM (SELECT key FROM acknowledged ANTI JOIN mapped USING (key)){some}")


def _settle_outbound(run: RunFile, session: Bulk, source: int) -> None:
    run.sql("CREATE OR REPLACE TABLE settled AS SELECT key FROM golden_rows")


def _held(run: RunFile, compiled: Compiled, origin: str) -> int:
    """Outbound rejects have no place in a file: their position is the model and the entity."""
    run.sql("CREATE OR REPLACE TABLE verdict (key VARCHAR, hash BIGINT, state VARCHAR, code VARCHAR, field VARCHAR, message VARCHAR, input VARCHAR)")
    run.sql(f"""CREATE OR REPLACE TABLE held AS SELECT key, hash, 'quarantined' AS state, code, field, message,
        input, {sql_text(origin + ':')} || key AS position, 0::BIGINT AS pos,
        NULL::VARCHAR AS original FROM rejected""")
    return int(run.one("SELECT count(*) FROM held"))


def _pass_through(
    hub: Hub, run: RunFile, session: Bulk, mapping: MappingFile, output: Output, compiled: Compiled, row: RunRow,
    source: int, stack: ExitStack, *, initial: bool, full: bool, shown: Shown,
) -> Manifest:
    from hub.exchange.pipeline import asked_of  # noqa: PLC0415

    system, _, name = mapping.from_.partition(".")
    reader = hub.connect(system)
    stack.callback(reader.close)
    resource: Resource = reader.resource(name)
    replaces = _whole(hub, output)
    asked = asked_of(hub, mapping, [compiled], resource, row, initial=initial, full=full or replaces)
    extracted = extract(reader, Query(resource, compiled.paths, asked.since, asked.token), run,
                        lambda read: shown("extract", {"read": read}))
    mapped = map_records(run, session, extracted, source, compiled, Lookups(run, session), compare=False)
    _acknowledged(run, session, source)
    _sending(run, compiled, "ignore")
    _whole_rows(run, replaces=replaces)
    run.sql("CREATE OR REPLACE TABLE verdict (key VARCHAR, hash BIGINT, state VARCHAR, code VARCHAR, field VARCHAR, message VARCHAR, input VARCHAR)")
    held = quarantine.collect(run, extracted, mapped, compiled)
    run.sql("CREATE OR REPLACE TABLE settled AS SELECT DISTINCT key FROM extracted WHERE key IS NOT NULL")
    run.sql("CREATE OR REPLACE TABLE shadowing (key VARCHAR)")
    operations = dict(run.sql("SELECT operation, count(*) FROM sending GROUP BY 1"))
    sent = sum(operations.values())
    counts = {
        "read": extracted.read, "applied": sent, "unchanged": mapped.mapped - sent, "duplicate": extracted.duplicates,
        "out_of_scope": mapped.out_of_scope, "quarantined": mapped.rejected + extracted.keyless,
        "created": operations.get("create", 0), "updated": operations.get("update", 0),
    }
    manifest = _manifest(hub, mapping, output, compiled, row, source, counts, held.reasons, initial=initial,
                         previous=asked.previous, seq=None,
                         snapshot=extracted.read if extracted.certificate.complete else None)
    manifest.cursor, manifest.token = extracted.cursor, extracted.token
    return manifest


def _manifest(
    hub: Hub, mapping: MappingFile, output: Output, compiled: Compiled, row: RunRow, source: int,
    counts: dict[str, int], held: int, *, initial: bool, previous: int, seq: int | None, snapshot: int | None,
) -> Manifest:
    judged = {"create": counts["created"], "update": counts["updated"], "delete": counts.get("deleted", 0)}
    breaches = judge(mapping.guard, judged, previous, initial=initial)
    return Manifest(
        exchange=mapping.mapping, output=output.into, number=compiled.number, direction=mapping.direction, source=source,
        mode=row.mode, map_hash=short_hash(compiled.hash), compiled_hash=compiled.hash, workspace_hash=hub.workspace.hash,
        counts=counts, breaches=[str(breach) for breach in breaches], seq=seq, snapshot=snapshot,
        fields=[column.name for column in compiled.columns], target_key=list(compiled.target_key),
        last=compiled.number == len(mapping.outputs) - 1,
    )


def deliver(
    hub: Hub, run: RunFile, mapping: MappingFile, manifest: Manifest, row: RunRow, held: list[Lease], stack: ExitStack,
    counts: dict[str, int], shown: Shown, *, stored: bool,
) -> None:
    """Send the plan; see ``deliver.Delivery``."""
    system = hub.workspace.system(manifest.output.partition(".")[0])
    if system.writes == "off":
        raise ConfigError("system.writes", f"the system {system.name} is not written to (writes: off)",
                          where=f"config/systems/{system.name}.yaml", hint="set writes: on, or log, in this environment")
    target = None
    if system.writes == "on":
        target = hub.connect(system.name)
        stack.callback(target.close)
    Delivery(run, hub.database, held, manifest, row.id, target, system.spec.batch, counts, shown).run_all(stored=stored)
