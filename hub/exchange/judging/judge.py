"""What the guard is shown of a plan: counts, fields, units, and whether its snapshot is to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub import tracing
from hub.exchange.absence import Absence
from hub.exchange.extract import Extracted
from hub.exchange.ground import Asked, Hub
from hub.exchange.judging.certify import doubts, moved_since
from hub.exchange.judging.guard import Judged, judge
from hub.exchange.judging.prints import differences
from hub.exchange.judging.units import output_units, units_of
from hub.exchange.matching.resolve import Resolved
from hub.exchange.merging.merge import Merged
from hub.exchange.runfile import RunFile
from hub.mapping.compile import Compiled
from hub.store import guarded
from hub.store.bulk import Bulk
from hub.workspace.shape import MappingFile, ModelFile, Output


@tracing.traced("guard")
def judge_inbound(
    hub: Hub,
    run: RunFile,
    session: Bulk,
    mapping: MappingFile,
    output: Output,
    model: ModelFile,
    source: int,
    asked: Asked,
    extracted: Extracted,
    resolved: Resolved,
    merged: Merged,
    absent: Absence,
    place: Mapping[str, str],
    taken: int,
) -> list[str]:
    """What an inbound plan exceeds. ``taken`` entities lose values of records that left."""
    database = hub.database
    moved = moved_since(asked.place, place)
    plan = Judged(
        counts={
            "create": merged.created,
            "update": merged.updated + taken,
            "disable": absent.disabled,
            "delete": absent.deleted,
            "unlink": absent.unlinked,
            "link": resolved.unlinked,
        },
        previous=asked.previous,
        changed=merged.changed_fields,
        nulled=merged.nulled_fields,
        filled=lambda name: guarded.filled(session, database, model.model, source, name),
        units=units_of(run, session, database, model, mapping.guard.per, source),
        doubts=doubts(extracted, asked.previous, output.absent.chain, moved, absent.absent),
    )
    return judge(mapping.guard, plan, initial=asked.initial)


@tracing.traced("guard")
def judge_outbound(
    hub: Hub,
    run: RunFile,
    session: Bulk,
    mapping: MappingFile,
    compiled: Compiled,
    number: int,
    asked: Asked,
    counts: Mapping[str, int],
    doubts: Sequence[str] = (),
) -> list[str]:
    """What a target would lose and get beyond its limits, and ``doubts`` about what was read. What it holds is what it
    acknowledged; rows that a file would no longer have are deletions."""
    found = differences(run, session, number, [column.name for column in compiled.columns], hub.signer)
    deleted = "SELECT key FROM sending WHERE operation = 'delete' UNION SELECT key FROM leftover"
    if compiled.direction == "pass":
        units = output_units(run, mapping.guard.per)
    else:
        model = hub.workspace.models[mapping.from_]
        units = units_of(run, session, hub.database, model, mapping.guard.per, None, outbound=True)
    plan = Judged(
        counts={
            "create": counts["created"],
            "update": counts["updated"],
            "disable": counts["disabled"],
            "delete": run.one(f"SELECT count(*) FROM ({deleted})"),
        },
        previous=run.one("SELECT count(*) FROM acknowledged"),
        changed=found.changed,
        nulled=found.nulled,
        filled=lambda name: guarded.sent_filled(session, number, *found.before[name]),
        units=units,
        doubts=doubts,
    )
    return judge(mapping.guard, plan, initial=asked.initial)
