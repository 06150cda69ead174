"""Before a stored plan is applied: is the source still as the plan saw it?

What differs now, is no longer there, or is back, is refused by itself; the rest is applied exactly. Where
the source gives a cursor or a token, only what came since the plan is read; where something is to be
removed, everything is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import pyarrow as pa

from hub import tracing
from hub.errors import HubError, Retriable
from hub.exchange.apply import BACK, CHANGED
from hub.exchange.delivering.outcomes import apart
from hub.exchange.extract import Extracted
from hub.exchange.ground import Asked, Hub, Progress, back, keyed, opened_source
from hub.exchange.manifest import COUNTED, Manifest
from hub.exchange.quarantine import set_aside
from hub.exchange.reading import read_source
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import stage_keys, take
from hub.exchange.strategy import reading
from hub.mapping.compile import compile_mapping
from hub.store import shadows
from hub.workspace.shape import MappingFile
from hub.workspace.strict import seconds

BACK_AGAIN = "it was to count as absent or out of scope, and is back"
WHY = "the source has it no longer as it was when the plan was made"
HINT = "try again when the source answers; without looking: cophub apply PLAN --unchecked --reason TEXT"


@tracing.traced("recheck")
def recheck(
    hub: Hub, run: RunFile, mapping: MappingFile, manifests: Sequence[Manifest], stack: ExitStack, progress: Progress
) -> None:
    """Read the planned records again. Retriable ``plan.unchecked``, and nothing is applied, where that cannot
    be done. Plans on records at hand, and those of golden rows, have no source to ask."""
    if mapping.direction == "outbound" or not all(manifest.moves for manifest in manifests):
        return
    try:
        extracted = _read(hub, run, mapping, manifests, stack, progress)
    except HubError as error:
        raise Retriable(
            "plan.unchecked",
            f"the plan is not applied, its source cannot be read again: {error.message}",
            where=mapping.from_,
            hint=HINT,
        ) from error
    if extracted.full and (not extracted.certificate.complete or not extracted.read):
        told = extracted.certificate.reason or "it gave no record"
        raise Retriable(
            "plan.unchecked",
            f"the plan is not applied, its source was not read to the end: {told}",
            where=mapping.from_,
            hint=HINT,
        )
    run.sql(
        "CREATE OR REPLACE TABLE main.reread AS SELECT key, hash FROM main.extracted "
        "WHERE key IS NOT NULL AND rowid NOT IN (SELECT pos FROM main.duplicate)"
    )
    run.table("told_gone", pa.table({"key": pa.array(extracted.deleted, pa.string())}))
    refused = sum(_compare(hub, run, manifest, full=extracted.full) for manifest in manifests)
    if refused:  # what is refused is to be read again: the watermark stays before it
        manifests[-1].moves = False


def _read(
    hub: Hub, run: RunFile, mapping: MappingFile, manifests: Sequence[Manifest], stack: ExitStack, progress: Progress
) -> Extracted:
    system, _, name = mapping.from_.partition(".")
    compiled = compile_mapping(mapping, hub.workspace)
    source = opened_source(hub, stack, system)
    resource = keyed(source.resource(name), compiled[0])
    asked, last = Asked(manifests[0].mode), manifests[-1]
    if not any(_removes(run, manifest) for manifest in manifests):
        if last.token is not None:
            asked = Asked(manifests[0].mode, token=last.token)
        elif last.cursor is not None and resource.cursor:
            asked = Asked(manifests[0].mode, since=back(last.cursor, seconds(mapping.overlap)))
    asked = reading(hub.database, mapping.from_).asked(asked)
    run.leave()
    return read_source(
        hub,
        run,
        source,
        resource,
        compiled,
        asked,
        lambda other: opened_source(hub, stack, other),
        progress,
        waiting=False,
    )


def _removes(run: RunFile, manifest: Manifest) -> bool:
    place = f"o{manifest.number}"
    if manifest.direction != "inbound":
        return bool(run.one(f"SELECT count(*) FROM {place}.sending WHERE operation IN ('disable', 'delete')"))
    return bool(run.one(f"SELECT (SELECT count(*) FROM {place}.absent) + (SELECT count(*) FROM {place}.outside)"))


def _compare(hub: Hub, run: RunFile, manifest: Manifest, *, full: bool) -> int:
    """Mark, or for a target take out, what is not as it was; answers how many records that are."""
    run.use(manifest.number)
    inbound = manifest.direction == "inbound"
    planned = "SELECT key, coalesce(parent, key) AS record, hash FROM shadowing" if inbound else "FROM witnessed"
    gone = "p.record NOT IN (SELECT key FROM main.reread)" if full else "p.record IN (SELECT key FROM main.told_gone)"
    run.sql(f"CREATE OR REPLACE TABLE {CHANGED}")
    run.sql(f"""INSERT INTO source_changed SELECT DISTINCT p.key FROM ({planned}) p
        LEFT JOIN main.reread r ON r.key = p.record
        WHERE (r.key IS NOT NULL AND r.hash IS DISTINCT FROM p.hash)
            OR (r.key IS NULL AND p.hash IS NOT NULL AND {gone})""")
    if inbound:
        return int(run.one("SELECT count(*) FROM source_changed")) + _returned(hub, run, manifest)
    return _withhold(run, manifest)


def _returned(hub: Hub, run: RunFile, manifest: Manifest) -> int:
    """What was missing and is back is not absent, what left the scope and changed again did not leave, and what
    they stand for is not removed. A record whose last day has passed is in the source all the time."""
    run.sql("CREATE OR REPLACE TABLE back_again (key VARCHAR, left_scope BOOLEAN)")
    run.sql(f"CREATE OR REPLACE TABLE {BACK}")
    leaving = """SELECT key FROM absent UNION SELECT key FROM outside
        UNION SELECT key FROM shadowing WHERE ends IS NOT NULL"""
    if not run.one(f"SELECT count(*) FROM ({leaving})"):
        return 0
    with hub.database.bulk(write=False) as session:
        keys = stage_keys(run, session, "leaving", leaving)
        take(run, "back_links", shadows.seen(session, manifest.source, keys))
        take(run, "past_now", shadows.past(session, manifest.source, hub.today()))
    run.sql("""INSERT INTO back_again SELECT key, true FROM shadowing
        WHERE entity IS NULL AND ends IS NOT NULL AND key IN (SELECT key FROM source_changed)""")
    run.sql("""INSERT INTO back_again SELECT s.key, false FROM back_links s JOIN main.reread r ON r.key = s.key
        WHERE s.key NOT IN (SELECT key FROM shadowing) AND (r.hash <> s.hash OR
            (s.key IN (SELECT key FROM absent) AND s.key NOT IN (SELECT key FROM past_now)))""")
    count, scope = run.sql("SELECT count(*), count(*) FILTER (left_scope) FROM back_again")[0]
    run.sql("""INSERT INTO source_back SELECT entity FROM back_links SEMI JOIN back_again USING (key)
        WHERE entity IS NOT NULL""")
    for name in ("absent", "gone", "taking", "outside"):
        run.sql(f"DELETE FROM {name} WHERE key IN (SELECT key FROM back_again)")
    why = f"CASE WHEN left_scope THEN {sql_text(WHY)} ELSE {sql_text(BACK_AGAIN)} END"
    _refuse(run, manifest, why, "SELECT *, 0::BIGINT AS hash FROM back_again")
    counts = manifest.counts
    counts["out_of_scope"] -= scope
    counts["refused"] = counts.get("refused", 0) + scope
    return int(count)


def _refuse(run: RunFile, manifest: Manifest, why: str, query: str) -> None:
    set_aside(
        run, "refused", "plan.changed", why, query, position=f"{sql_text(manifest.exchange + ' ')} || key"
    )


def _withhold(run: RunFile, manifest: Manifest) -> int:
    """Of a pass-through the row is not sent. What was to leave is no record to be applied: it is counted apart."""
    taken = dict(
        run.sql("SELECT operation, count(*) FROM sending WHERE key IN (SELECT key FROM source_changed) GROUP BY 1")
    )
    changed = "SELECT key, hash FROM sending WHERE key IN (SELECT key FROM source_changed)"
    _refuse(run, manifest, sql_text(WHY), changed)
    for name in ("sending", "remembering", "forgetting"):
        run.sql(f"DELETE FROM {name} WHERE key IN (SELECT key FROM source_changed)")
    counts = manifest.counts
    for operation, number in taken.items():
        counts[COUNTED[operation]] -= number
        if not apart(manifest, operation):
            counts["applied"] -= number
            counts["refused"] = counts.get("refused", 0) + number
    return sum(taken.values())
