"""Inbound: records of a resource become entities. One function per stage; this is their order.

extract → map → resolve → merge → absence → quarantine → guard  ‖  apply
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack

from hub.exchange import absence, quarantine
from hub.exchange.at_hand import Given, at_hand, described
from hub.exchange.deletions import weigh
from hub.exchange.drift import profile_stored, require_fields
from hub.exchange.extract import Extracted
from hub.exchange.ground import Asked, Hub, Progress, asked_of, keyed, opened_source, source_number
from hub.exchange.issuing import texts_beside
from hub.exchange.judging.certify import certify, place_of
from hub.exchange.judging.judge import judge_inbound
from hub.exchange.lookup import Lookups
from hub.exchange.manifest import Manifest
from hub.exchange.map import PARENT, Mapped, known_records, map_records, short_hash
from hub.exchange.matching.batch import Batch
from hub.exchange.matching.effective import OUT, set_aside
from hub.exchange.matching.matchreport import find_matches
from hub.exchange.matching.outside import find_outside
from hub.exchange.matching.resolve import Resolved, Resolver
from hub.exchange.merging.claims import claims
from hub.exchange.merging.echo import Echo, senders
from hub.exchange.merging.merge import Merged, Merger, changed_fields
from hub.exchange.merging.reassert import drifted
from hub.exchange.merging.takeback import take_back
from hub.exchange.parts.gather import Parts
from hub.exchange.reading import judged, read_source
from hub.exchange.runfile import RunFile
from hub.exchange.strategy import reading
from hub.failpoints import reach
from hub.mapping.compile import Compiled
from hub.mapping.compiled import whole_hash
from hub.store.bulk import Bulk
from hub.workspace.matching import OutOfScope
from hub.workspace.shape import Absent, MappingFile, ModelFile, Output


def plan(
    hub: Hub,
    run: RunFile,
    mapping: MappingFile,
    compiled: list[Compiled],
    mode: str,
    stack: ExitStack,
    progress: Progress,
    *,
    initial: bool,
    full: bool,
    accept_drift: bool = False,
    given: Given | None = None,
    parts: Parts | None = None,
) -> list[Manifest]:
    """Everything up to the double bar, for all outputs of the mapping. ``given`` takes the source's place; ``parts``
    have read and mapped it."""
    if given is not None:
        asked = asked_of(
            hub.database, mapping, compiled, mode, cursor=None, initial=initial, full=False, given=True
        )
        resource = keyed(described(hub, stack, *place_read(mapping)), compiled[0])
        extracted = at_hand(run, resource, given)
    else:
        asked, extracted = _read(
            hub,
            run,
            mapping,
            compiled,
            mode,
            stack,
            progress,
            initial=initial,
            full=full,
            accept_drift=accept_drift,
            parts=parts,
        )
    manifests = []
    for output, one in zip(mapping.outputs, compiled, strict=True):
        run.use(one.number)
        number = source_number(hub.database, mapping, one)
        with hub.database.bulk(write=False) as session:
            manifests.append(
                plan_output(
                    hub, run, session, mapping, output, one, extracted, number, asked, progress, given, parts
                )
            )
    run.require_unchanged()
    for manifest in manifests:
        manifest.compiled_hash = whole_hash(compiled)
    return manifests


def place_read(mapping: MappingFile) -> tuple[str, str]:
    """System and resource that an inbound or pass-through mapping reads."""
    system, _, name = mapping.from_.partition(".")
    return system, name


def _read(
    hub: Hub,
    run: RunFile,
    mapping: MappingFile,
    compiled: list[Compiled],
    mode: str,
    stack: ExitStack,
    progress: Progress,
    *,
    initial: bool,
    full: bool,
    accept_drift: bool = False,
    parts: Parts | None = None,
) -> tuple[Asked, Extracted]:
    """What the source gives since the watermark, or all of it."""
    system, name = place_read(mapping)
    source = opened_source(hub, stack, system)
    resource = keyed(source.resource(name), compiled[0])
    asked = asked_of(
        hub.database, mapping, compiled, mode, cursor=resource.cursor, initial=initial, full=full
    )
    asked = reading(hub.database, mapping.from_).asked(asked)
    known = _known(hub, run, mapping, compiled, asked)
    if parts is not None:
        extracted = judged(hub, run, source, parts.extracted(run, resource), compiled[0])
    else:
        extracted = read_source(
            hub, run, source, resource, compiled, asked, lambda other: opened_source(hub, stack, other), progress
        )
    extracted = require_fields(
        run, hub.workspace, extracted, asked.fields, compiled, accepted=accept_drift
    )
    extracted = certify(run, extracted, mapping.canaries)
    return asked, dataclasses.replace(extracted, shadows_read=known)


def _known(hub: Hub, run: RunFile, mapping: MappingFile, compiled: list[Compiled], asked: Asked) -> bool:
    """Whether the shadows were read ahead, for a full read with one output; the lease keeps them true."""
    if asked.incremental or not asked.previous or len(compiled) > 1 or compiled[0].each:
        return False
    run.use(compiled[0].number)
    with hub.database.bulk(write=False) as session:
        return known_records(run, session, source_number(hub.database, mapping, compiled[0]), compiled[0])


def plan_output(
    hub: Hub,
    run: RunFile,
    session: Bulk,
    mapping: MappingFile,
    output: Output,
    compiled: Compiled,
    extracted: Extracted,
    source: int,
    asked: Asked,
    progress: Progress,
    given: Given | None = None,
    parts: Parts | None = None,
) -> Manifest:
    """Everything up to the double bar, for one output: nothing outside the run file is changed."""
    database, workspace = hub.database, hub.workspace
    model = workspace.models[output.into]
    progress("map", {"read": extracted.read})
    claimed = claims(workspace, model.model)
    drifts = extracted.full and drifted(run, session, database, source, claimed, mapping.mapping)
    mapped = map_records(
        run,
        session,
        extracted,
        source,
        compiled,
        Lookups(run, session),
        again="reassert" if drifts else "",
        late=given is not None,
        fill=parts.fill(compiled.number) if parts is not None else None,
    )
    if given is not None:
        versions, each = given.versions, compiled.each is not None
        weigh(run, extracted.resource, versions, short_hash(compiled.hash), each=each)
    dated, mapped = set_aside(run, session, source, compiled, mapped, hub.today())
    reach("after_map")
    progress("resolve", {"read": extracted.read, "unchanged": mapped.unchanged})
    links = "seen_differing" if extracted.shadows_read else ""
    sending = senders(hub, compiled)
    batch = Batch(run, session, database, source, output, model, compiled)
    def beside(place: str) -> str:
        return texts_beside(run, lambda stack, system: opened_source(hub, stack, system), place)

    resolved = Resolver(batch, links, sending, beside).resolve()
    if asked.mode == "link_only":
        resolved = find_matches(run, session, hub, source, model, resolved)
    reach("after_resolve")
    echo = Echo(run, session, database, compiled, model, sending)
    merged = Merger(run, session, database, mapping.mapping, compiled, claimed, echo.hear).merge()
    gone, outside = output.absent, output.out_of_scope
    if asked.mode == "link_only":  # a baseline changes nothing and reacts to nothing
        gone, outside = Absent(), OutOfScope()
        run.sql("DELETE FROM updating")
        merged = dataclasses.replace(merged, updated=0, unchanged=merged.unchanged + merged.updated)
    absent = absence.find_absent(
        run, session, database, extracted, source, model.model, gone, each=compiled.each is not None
    )
    left = find_outside(run, session, database, source, model.model, outside)
    absent = absent.and_also(left)
    taken = 0
    run.sql("CREATE OR REPLACE TABLE taking (key VARCHAR, entity UUID)")
    if leaving := _leaving(run, mapped, compiled, output, asked):
        taken = take_back(run, session, database, source, compiled, claimed, leaving, merged.fields)
        changed, nulled = changed_fields(run)
        merged = dataclasses.replace(merged, changed_fields=changed, nulled_fields=nulled)
    held = quarantine.collect(run, extracted, mapped, compiled)
    quarantine.leave_standing(run, short_hash(compiled.hash), snapshot=extracted.certificate.whole)
    quarantine.keep_originals(run, hub.keep, extracted)
    _shadowing(run, mapped, compiled, mode=asked.mode)
    _settled(run, extracted, compiled)
    counts = _counts(run, extracted, mapped, resolved, merged, absent, compiled)
    counts["updated"] += taken
    counts["future_dated"] = dated.future
    place = place_of(workspace, *place_read(mapping), extracted.resource.key)
    breaches = judge_inbound(
        hub, run, session, mapping, output, model, source, asked, extracted, resolved, merged, absent, place, taken
    )
    notes = [*_notes(extracted, asked, held.reasons), *resolved.notes, *echo.notes]
    if extracted.full and extracted.read == 0 and asked.previous > 0:
        notes.append(f"the source gave no record where it had {asked.previous}: absence is not counted")
    return Manifest(
        exchange=mapping.mapping,
        output=output.into,
        number=compiled.number,
        direction="inbound",
        source=source,
        mode=asked.mode,
        map_hash=short_hash(compiled.hash),
        compiled_hash=compiled.hash,
        workspace_hash=workspace.hash,
        counts=counts,
        breaches=breaches,
        notes=notes,
        cursor=extracted.cursor,
        token=extracted.token,
        snapshot=extracted.read or None if extracted.certificate.complete else None,
        fields=list(merged.fields),
        changed_fields=dict(merged.changed_fields),
        source_fields=profile_stored(extracted),
        contestants={claimed.sign(name): name for name in claimed.contestants()},
        absent="unlink" if any(step.reaction == "unlink" for step in gone.chain) else "",
        place=place if extracted.certificate.complete and extracted.read else {},
        full=extracted.full,
        out_of_scope=outside.reaction,
        owned=_owned(output, model),
        issues=[name for name, rule in output.fields.items() if rule.until_free],
        last=compiled.number == len(mapping.outputs) - 1,
        moves=not asked.given,
        documents=mapping.from_ if extracted.resource.content else "",
    )


def _owned(output: Output, model: ModelFile) -> list[list[str]]:
    """Sets of fields by which two entities would be one: of exact match rules, and unique ones."""
    rules = {tuple(rule.on) for rule in output.match if not rule.fuzzy}
    return [
        list(one) for one in sorted(rules | {(name,) for name, field in model.fields.items() if field.unique})
    ]


def _leaving(run: RunFile, mapped: Mapped, compiled: Compiled, output: Output, asked: Asked) -> str:
    """A query of the records that stand for nothing any more: gone, or no longer in scope; empty if none."""
    if asked.mode == "link_only":
        return ""
    parts = []
    if run.one("SELECT count(*) FROM gone"):
        parts.append("SELECT key FROM gone")
    if mapped.out_of_scope and not compiled.each:
        parts.append("""SELECT f.key FROM fresh f SEMI JOIN seen s ON s.key = f.key
            WHERE f.key NOT IN (SELECT _key FROM mapped) AND f.key NOT IN (SELECT key FROM rejected)
            AND f.key NOT IN (SELECT key FROM ended)""")
    if not output.absent.chain and run.one("SELECT count(*) FROM ended"):
        parts.append("SELECT key FROM ended")
    return " UNION ".join(parts)


def _shadowing(run: RunFile, mapped: Mapped, compiled: Compiled, *, mode: str) -> None:
    """``shadowing``: records to remember as seen, with what the shadow said before (``expected``)
    and whether they change anything."""
    # A baseline has applied no values: its records stay fresh for the first live run.
    map_hash = 0 if mode == "link_only" else short_hash(compiled.hash)
    parent = "m._parent" if compiled.each else "NULL::VARCHAR"
    fresh_key = "m._parent" if compiled.each else "r.key"
    run.sql(f"""CREATE OR REPLACE TABLE shadowing AS SELECT r.key, r.hash, {map_hash}::BIGINT AS map_hash,
            f.cur, r.entity,
            s.hash AS expected, {parent} AS parent,
            r.situation <> 'linked' OR r.entity IN (SELECT _id FROM updating) AS changes, NULL::VARCHAR AS ends
        FROM resolved r JOIN mapped m ON m.rowid = r.m JOIN fresh f ON f.key = {fresh_key}
        LEFT JOIN seen s ON s.key = r.key""")
    if run.one("SELECT count(*) FROM last_day"):
        run.sql("UPDATE shadowing SET ends = l.ends FROM last_day l WHERE l.key = shadowing.key")
    outside = "SELECT _key FROM mapped UNION ALL SELECT key FROM rejected"
    if compiled.each:  # the record itself is remembered beside its items, unless one of them is held back
        outside = (
            "SELECT _parent FROM mapped m WHERE m._key NOT IN (SELECT key FROM resolved) "
            f"UNION ALL SELECT {PARENT} FROM rejected"
        )
    elif mapped.fresh == mapped.mapped + mapped.rejected:
        return
    scope = "NULL" if compiled.each else f"coalesce(l.ends, '{OUT}')"
    run.sql(f"""INSERT INTO shadowing SELECT f.key, f.hash, {map_hash}, f.cur, NULL, s.hash, NULL, false,
            {scope} FROM fresh f LEFT JOIN seen s ON s.key = f.key LEFT JOIN last_day l ON l.key = f.key
        WHERE f.key NOT IN ({outside})""")


def _settled(run: RunFile, extracted: Extracted, compiled: Compiled) -> None:
    """``settled``: keys whose quarantine entries are answered by this run, for better or worse."""
    if not run.one("SELECT count(*) FROM stuck"):
        run.sql("CREATE OR REPLACE TABLE settled (key VARCHAR)")
        return
    record = PARENT if compiled.each else "key"
    gone = ""
    if extracted.certificate.complete and extracted.read:
        gone = "UNION SELECT q.key FROM q ANTI JOIN extracted e ON e.key = q.record"
    if extracted.certificate.whole and extracted.read:  # those without a key are listed anew
        gone += " UNION SELECT key FROM q WHERE key = ''"
    run.sql(f"""CREATE OR REPLACE TABLE settled AS WITH q AS (SELECT key, hash, state, {record} AS record FROM stuck)
        SELECT q.key FROM q SEMI JOIN fresh f ON f.key = q.record
        UNION SELECT q.key FROM q JOIN extracted e ON e.key = q.record WHERE e.hash <> q.hash
            AND e.rowid NOT IN (SELECT pos FROM duplicate)
            AND e.rowid NOT IN (SELECT pos FROM left_out WHERE verdict = 'superseded')
        UNION SELECT q.key FROM q JOIN extracted e ON e.key = q.record JOIN seen s ON s.key = q.record
            WHERE q.state = 'refused' AND s.hash = e.hash  -- another run has done what a plan was refused
        UNION SELECT q.key FROM q SEMI JOIN told t ON t.key = q.record ANTI JOIN extracted e ON e.key = q.record
        {gone}""")
    run.sql("DELETE FROM settled WHERE key IN (SELECT key FROM standing)")


def _counts(
    run: RunFile,
    extracted: Extracted,
    mapped: Mapped,
    resolved: Resolved,
    merged: Merged,
    absent: absence.Absence,
    compiled: Compiled,
) -> dict[str, int]:
    silent = 0
    if resolved.unlinked:
        silent = run.one("""SELECT count(*) FROM resolved WHERE situation = 'unlinked'
            AND entity NOT IN (SELECT _id FROM updating)""")
    read = extracted.read
    if compiled.each:  # outputs are counted, not records: an unchanged record stands for none of them
        read = (
            mapped.mapped
            + mapped.rejected
            + mapped.out_of_scope
            + mapped.unchanged
            + mapped.superseded
            + (mapped.still_quarantined + mapped.doubled + extracted.duplicates + extracted.keyless)
        )
    return {
        "read": read,
        "applied": merged.created + merged.updated + silent,
        "unchanged": mapped.unchanged + merged.unchanged - silent,
        "superseded": mapped.superseded,
        "duplicate": extracted.duplicates + mapped.doubled,
        "out_of_scope": mapped.out_of_scope + resolved.ignored,
        "waiting": resolved.waiting,
        "in_review": resolved.in_review,
        "quarantined": mapped.rejected + mapped.still_quarantined + extracted.keyless,
        "created": merged.created,
        "updated": merged.updated,
        "linked": resolved.unlinked,
        "absent": absent.absent,
        "disabled": absent.disabled,
        "deleted": absent.deleted,
        "unlinked": absent.unlinked,
    }


def _notes(extracted: Extracted, asked: Asked, reasons: int) -> list[str]:
    notes = list(extracted.notes)
    if extracted.full and not extracted.certificate.complete:
        notes.append(f"the snapshot is not complete ({extracted.certificate.reason}): absence is not counted")
    if asked.mode == "incremental" and extracted.full and not asked.incremental:
        notes.append(
            "read in full: the resource has no cursor, or the mapping changed, or it is the first run, or "
            "something of a full plan was refused"
        )
    return notes
