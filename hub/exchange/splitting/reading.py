"""One part: the records of its range are read and mapped, and kept for the step that closes the run.

Nothing here depends on what another part finds. What does (which of two new records is the same supplier, what is
absent, what the guard says) is decided by the closing step, for all records at once.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from typing import Any

from hub.exchange.extract import Extracted, flag_duplicates, key_sql
from hub.exchange.ground import Asked, Hub, Progress, keyed, opened_source, source_number
from hub.exchange.inbound import place_read
from hub.exchange.lookup import Lookups
from hub.exchange.map import map_records
from hub.exchange.merging.claims import claims
from hub.exchange.merging.reassert import drifted
from hub.exchange.parts.ranges import Range, require_key
from hub.exchange.parts.slices import put
from hub.exchange.reading import pull_source
from hub.exchange.runfile import RunFile
from hub.mapping.compile import Compiled
from hub.workspace.shape import MappingFile


def read_part(
    hub: Hub,
    run: RunFile,
    mapping: MappingFile,
    compiled: list[Compiled],
    asked: Asked,
    mine: Range,
    progress: Progress,
) -> dict[str, Any]:
    """Read and map one range; answers what the part says of itself, with its slices in the run store."""
    with ExitStack() as stack:
        system, name = place_read(mapping)
        source = opened_source(hub, stack, system)
        resource = keyed(source.resource(name), compiled[0])
        assert mapping.split is not None
        require_key(resource, mapping.split)
        whole = pull_source(
            hub, run, source, resource, compiled, asked, lambda other: opened_source(hub, stack, other), progress,
            where=mine.where,
        )  # fmt: skip
        extracted = _cut(run, whole, mine)
        slices: dict[str, Any] = {
            "rows": put(hub.keep, run, "SELECT pos, key, hash, cur FROM main.extracted"),
            "raw": put(hub.keep, run, extracted.scan),
            "spoiled": put(hub.keep, run, "SELECT hash FROM main.spoiled"),
        }
        for output, one in zip(mapping.outputs, compiled, strict=True):
            run.use(one.number)
            _mapped(hub, run, mapping, one, extracted, output.into)
            for table, columns in (("fresh", "key, hash"), ("mapped", "*"), ("rejected", "*")):
                slices[f"{table}-{one.number}"] = put(hub.keep, run, f"SELECT {columns} FROM {table}")
        run.leave()
        run.require_unchanged()
    certificate = dataclasses.asdict(whole.certificate)
    return {
        "read": whole.read,
        "taken": extracted.read,
        "duplicates": whole.duplicates,
        "cursor": whole.cursor,
        "token": whole.token,
        "deleted": whole.deleted,
        "pieces": [dataclasses.astuple(piece) for piece in whole.pieces],
        "fields": whole.fields,
        "notes": whole.notes,
        "certificate": certificate,
        "slices": slices,
    }


def _cut(run: RunFile, whole: Extracted, mine: Range) -> Extracted:
    """Only what is in the range stays in ``extracted``, with its position in what was read (``pos``)."""
    names = whole.resource.key
    run.sql(f"""CREATE OR REPLACE TABLE main.extracted AS SELECT rowid AS pos, key, hash, cur
        FROM main.extracted WHERE {mine.sql("key", names)} ORDER BY pos""")
    scan = f"SELECT raw FROM ({whole.scan}) WHERE {mine.sql(key_sql(names), names)}"
    read, keyless = run.sql("SELECT count(*), count(*) FILTER (key IS NULL) FROM main.extracted")[0]
    # Of the whole read it was counted before; a key is in one part alone, and so are its copies.
    run.sql("CREATE OR REPLACE TABLE main.spoiled AS SELECT s.hash FROM main.spoiled s SEMI JOIN main.extracted e "
            "ON e.hash = s.hash")  # fmt: skip
    duplicates = flag_duplicates(run, whole.resource, read)
    return dataclasses.replace(whole, read=read, keyless=keyless, duplicates=duplicates, scan=scan)


def _mapped(
    hub: Hub, run: RunFile, mapping: MappingFile, compiled: Compiled, extracted: Extracted, into: str
) -> None:
    """``fresh``, ``mapped`` and ``rejected`` of one output, as they would be of all records."""
    database, number = hub.database, source_number(hub.database, mapping, compiled)
    with database.bulk(write=False) as session:
        claimed = claims(hub.workspace, into)
        drifts = drifted(run, session, database, number, claimed, mapping.mapping)
        lookups = Lookups(run, session)
        map_records(run, session, extracted, number, compiled, lookups, again="reassert" if drifts else "")
