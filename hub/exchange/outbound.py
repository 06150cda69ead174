"""Outbound and pass-through: what a target should hold, against what it acknowledged last.

    read golden rows (or extract a resource) → map → compare with the shadow → depart → guard  ‖  deliver

``sending`` (key, operation, hash, expected, foreign_id, foreign_key, known, version, body, seen) is the plan:
one row per record that differs from what the target acknowledged; body is the output as JSON, ``foreign_key``
its natural key, ``known`` the one under which the target has it so far. Operations are create, update, enable
(an update of what was disabled), disable and delete; the last two are those of ``departures``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import pyarrow as pa

from hub import tracing
from hub.exchange import quarantine
from hub.exchange.at_hand import Given, at_hand, described
from hub.exchange.departures import ABSENT, SCOPE, Departures
from hub.exchange.drift import profile_stored, require_fields
from hub.exchange.extract import Extracted
from hub.exchange.ground import Asked, Hub, Progress, asked_of, keyed, opened_source, source_number
from hub.exchange.judging.certify import certify, doubts, moved_since, place_of
from hub.exchange.judging.judge import judge_outbound
from hub.exchange.leaving import Leaving
from hub.exchange.lookup import Lookups
from hub.exchange.manifest import COUNTED, Manifest
from hub.exchange.map import PARENT, map_records, short_hash
from hub.exchange.matching.resolve import VERDICTS
from hub.exchange.outputs import make_outputs
from hub.exchange.reading import read_source
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.exchange.strategy import reading, unwritable
from hub.mapping.compile import Compiled
from hub.mapping.compiled import whole_hash
from hub.mapping.evaluate import evaluate
from hub.mapping.lineage import lineage
from hub.store import deliveries, entities, shadows
from hub.store.bulk import Bulk
from hub.workspace.shape import MappingFile, ModelFile, Output


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
) -> list[Manifest]:
    """Make ``sending`` of every output. ``given`` takes the place of what would be read."""
    manifests = []
    for output, one in zip(mapping.outputs, compiled, strict=True):
        run.use(one.number)
        number = source_number(hub.database, mapping, one)
        replaces = _replaces(hub, output)
        at_hand = None if replaces else given  # a target that is written as a whole needs every row
        with hub.database.bulk(write=False) as session:
            planner = _Planner(
                hub, run, session, mapping, output, one, number, mode, progress, at_hand, replaces, compiled
            )
            if mapping.direction == "outbound":
                manifests.append(planner.from_model(initial=initial, full=full or replaces))
            else:
                manifests.append(
                    planner.pass_through(
                        stack, initial=initial, full=full or replaces, accept_drift=accept_drift
                    )
                )
            planner.versions()
        if why := unwritable(hub.database, output.into):
            manifests[-1].notes.append(f"strategy: {why}")
    run.require_unchanged()
    _one_mark(manifests, compiled)
    return manifests


def _one_mark(manifests: Sequence[Manifest], compiled: Sequence[Compiled]) -> None:
    """Each output reads by itself: the watermark is that of the first, behind which all have read."""
    first, last = manifests[0], manifests[-1]
    last.cursor, last.token, last.seq = first.cursor, first.token, first.seq
    last.compiled_hash = whole_hash(compiled)
    last.moves = all(manifest.moves for manifest in manifests)


def _replaces(hub: Hub, output: Output) -> bool:
    """Whether the target is written as a whole: then every row is needed every time."""
    system, _, resource = output.into.partition(".")
    described = hub.workspace.system(system).describe(resource)
    return bool(described and described.replaces)


class _Planner:
    """The plan of one output."""

    def __init__(
        self,
        hub: Hub,
        run: RunFile,
        session: Bulk,
        mapping: MappingFile,
        output: Output,
        compiled: Compiled,
        number: int,
        mode: str,
        progress: Progress,
        given: Given | None,
        replaces: bool,
        outputs: list[Compiled],
    ) -> None:
        self.hub, self.run, self.session, self.mapping, self.output = hub, run, session, mapping, output
        self.compiled, self.number, self.mode, self.progress = compiled, number, mode, progress
        self.given, self.replaces, self.outputs = given, replaces, outputs
        self.departures = Departures(run, session, number, output, replaces)

    def from_model(self, *, initial: bool, full: bool) -> Manifest:
        run, asked = self.run, self._asked(None, initial=initial, full=full)
        self._acknowledged()
        self.departures.read()
        read, seq = self._read_golden(asked.seq)
        self.progress("extract", {"read": read})
        evaluated = evaluate(
            run.con,
            self.compiled,
            "SELECT key, hash, r FROM golden_rows WHERE NOT leaving",
            Lookups(run, self.session),
            shape=False,
        )
        self._sending()
        self.departures.react(f"""SELECT g.key, CASE WHEN g.leaving THEN '{ABSENT}' ELSE '{SCOPE}' END AS kind,
            NULL::BIGINT AS hash FROM golden_rows g ANTI JOIN mapped m ON m._key = g.key
            ANTI JOIN rejected USING (key)""")
        run.sql("CREATE OR REPLACE TABLE settled AS SELECT key FROM golden_rows")
        run.sql(f"CREATE OR REPLACE TABLE held ({quarantine.HELD})")
        if evaluated.rejected:
            run.sql(f"""INSERT INTO held BY NAME SELECT key, hash, 'quarantined' AS state, code,
                field, {quarantine.told(self.compiled, self._levels())},
                {sql_text(self.mapping.from_ + ":")} || key AS position, 0::BIGINT AS pos FROM rejected""")
        sent = self._operations()
        leaving = run.one("SELECT count(*) FROM golden_rows WHERE leaving")
        counts = sent | {
            "read": read,
            "applied": sum(sent.values()),
            "quarantined": evaluated.rejected,
            "out_of_scope": evaluated.out_of_scope + leaving - sent["deleted"] - sent["disabled"],
            "unchanged": evaluated.mapped - sent["created"] - sent["updated"],
        }
        return self._manifest(counts, asked, seq=seq, snapshot=evaluated.mapped if asked.everything else None)

    def pass_through(
        self, stack: ExitStack, *, initial: bool, full: bool, accept_drift: bool
    ) -> Manifest:
        run, workspace = self.run, self.hub.workspace
        asked, extracted = self._extracted(stack, initial=initial, full=full, accept_drift=accept_drift)
        self._acknowledged()
        self.departures.read()
        mapped = map_records(
            run,
            self.session,
            extracted,
            self.number,
            self.compiled,
            Lookups(run, self.session),
            compare=False,
        )
        self._sending()
        leaving = Leaving(run, self.session, self.mapping.mapping, extracted, self.compiled.each is not None)
        # An original that is replayed may be older than what the target holds.
        react = self.given is None or self.mode == "events"
        self.departures.react(leaving.query() if react else leaving.nobody)
        if self.replaces:
            leaving.require_whole(self.compiled.output)
        self._witnessed()
        run.sql(f"CREATE OR REPLACE TABLE verdict ({VERDICTS})")
        quarantine.collect(run, extracted, mapped, self.compiled, self._levels())
        quarantine.keep_originals(run, self.hub.keep, extracted)
        # Where all are here, those without a key are listed anew.
        keyless = " UNION SELECT ''" if extracted.certificate.whole and extracted.read else ""
        run.sql(
            f"CREATE OR REPLACE TABLE settled AS SELECT key FROM extracted WHERE key IS NOT NULL{keyless}"
        )
        sent, read = self._operations(), extracted.read
        if self.compiled.each:  # outputs are counted, not records
            outputs = mapped.mapped + mapped.rejected + mapped.out_of_scope + mapped.doubled
            read = outputs + extracted.duplicates + extracted.keyless
        counts = sent | {
            "read": read,
            "applied": sent["created"] + sent["updated"],
            "unchanged": mapped.mapped - sent["created"] - sent["updated"],
            "duplicate": extracted.duplicates + mapped.doubled,
            "out_of_scope": mapped.out_of_scope,
            "quarantined": mapped.rejected + extracted.keyless,
            "absent": self.departures.newly_absent(),
        }
        whole = extracted.certificate.complete and extracted.read > 0
        system, _, _ = self.mapping.from_.partition(".")
        place = place_of(workspace, system, extracted.resource.name, extracted.resource.key) if whole else {}
        doubted = doubts(
            extracted,
            asked.previous,
            self.departures.chains[ABSENT],
            moved_since(asked.place, place),
            counts["absent"],
        )
        manifest = self._manifest(
            counts, asked, snapshot=extracted.read if whole else None, doubts=doubted
        )
        manifest.cursor, manifest.token, manifest.place = extracted.cursor, extracted.token, place
        manifest.notes += [*extracted.notes, *leaving.notes(asked.previous)]
        manifest.source_fields = profile_stored(extracted)
        return manifest

    def _extracted(
        self, stack: ExitStack, *, initial: bool, full: bool, accept_drift: bool
    ) -> tuple[Asked, Extracted]:
        """What the source gives since the watermark, or all of it; or what is given."""
        hub, run, (system, _, name) = self.hub, self.run, self.mapping.from_.partition(".")
        if self.given is not None:
            asked = self._asked(None, initial=initial, full=False)
            return asked, at_hand(run, keyed(described(hub, stack, system, name), self.compiled), self.given)
        reader = opened_source(hub, stack, system)
        resource = keyed(reader.resource(name), self.compiled)
        asked = self._asked(resource.cursor, initial=initial, full=full)
        asked = reading(hub.database, self.mapping.from_).asked(asked)
        extracted = read_source(
            hub,
            run,
            reader,
            resource,
            self.outputs,
            asked,
            lambda other: opened_source(hub, stack, other),
            self.progress,
            waiting=False,
        )
        extracted = require_fields(
            run, hub.workspace, extracted, asked.fields, [self.compiled], accepted=accept_drift
        )
        return asked, certify(run, extracted, self.mapping.canaries)

    def _witnessed(self) -> None:
        """``witnessed`` (key, record, hash): the records behind what is sent, as they were read; no hash where
        a record was not there."""
        record, own = ("_parent", PARENT) if self.compiled.each else ("_key", "key")
        self.run.sql(f"""CREATE OR REPLACE TABLE witnessed AS SELECT _key AS key, {record} AS record, _hash AS hash
            FROM mapped WHERE _key IN (SELECT key FROM sending)
            UNION ALL SELECT key, {own}, hash FROM departed
            WHERE key IN (SELECT key FROM sending WHERE operation IN ('disable', 'delete'))""")

    def _levels(self) -> dict[str, str]:
        return {one.field: one.level for one in lineage(self.compiled, self.hub.workspace)}

    def _asked(self, cursor: str | None, *, initial: bool, full: bool) -> Asked:
        return asked_of(
            self.hub.database,
            self.mapping,
            self.outputs,
            self.mode,
            cursor=cursor,
            initial=initial,
            full=full,
            given=self.given is not None,
        )

    @tracing.traced("extract")
    def _read_golden(self, since: int) -> tuple[int, int]:
        """``golden_rows`` (key = entity id, hash, leaving, r) of entities committed after ``since``; answers
        how many, and the newest commit."""
        model, wanted = self.hub.workspace.models[self.mapping.from_], None
        if self.given is not None:
            self.run.table("given", pa.table({"_id": pa.array(self.given.entities, pa.string())}))
            columns = {"_id": entities.columns(self.hub.database, model.model)["_id"]}
            query = "SELECT DISTINCT CAST(_id AS UUID) AS _id FROM given"
            wanted, since = stage(self.run, self.session, "given_entities", columns, query), -1
        found = entities.changed_since(self.session, self.hub.database, model.model, since, wanted)
        take(self.run, "golden_read", found)
        if self.given is None:
            self._read_due(model.model)
        self.run.sql(f"""CREATE OR REPLACE TABLE golden_rows AS SELECT CAST(_id AS VARCHAR) AS key, 0::BIGINT AS hash,
            _version AS version, _state > 0 AS leaving, {_record(model)} AS r FROM golden_read""")
        read, seq = self.run.sql("SELECT count(*), coalesce(max(_seq), 0) FROM golden_read")[0]
        return read, max(seq, since)

    def _read_due(self, model: str) -> None:
        """The entities whose reaction is due join ``golden_read``, though nothing changed them."""
        due, columns = self.departures.due(), {"_id": entities.columns(self.hub.database, model)["_id"]}
        if not self.run.one(f"SELECT count(*) FROM ({due})"):
            return
        query = f"SELECT CAST(key AS UUID) AS _id FROM ({due})"
        wanted = stage(self.run, self.session, "due_entities", columns, query)
        take(self.run, "golden_due", entities.changed_since(self.session, self.hub.database, model, -1, wanted))
        self.run.sql("INSERT INTO golden_read SELECT * FROM golden_due ANTI JOIN golden_read USING (_id)")

    def _acknowledged(self) -> None:
        """``acknowledged``: what the target last said it holds; ``begun`` (key, foreign_key): creates whose end nobody
        knows; ``held_there``: both, as the target may hold either. What was begun has no hash and no id."""
        run = self.run
        take(run, "acknowledged", shadows.acknowledged(self.session, self.number))
        take(run, "begun_all", deliveries.begun(self.session, self.number))
        run.sql("CREATE OR REPLACE TABLE begun AS FROM begun_all ANTI JOIN acknowledged USING (key)")
        run.sql("CREATE OR REPLACE TABLE held_there AS FROM acknowledged UNION ALL BY NAME FROM begun")

    def _sending(self) -> None:
        """``sending``: creates and updates; outputs equal to what was acknowledged are left out."""
        run = self.run
        make_outputs(run, self.compiled)
        run.sql("""CREATE OR REPLACE TABLE sending AS SELECT o.key,
            CASE WHEN a.key IS NULL THEN 'create' WHEN a.ends IS NOT NULL THEN 'enable' ELSE 'update' END
                AS operation,
            o.hash, a.hash AS expected, a.foreign_id, o.foreign_key, coalesce(a.foreign_key, b.foreign_key) AS known,
            a.version, o.body, NULL::VARCHAR AS seen
            FROM output_rows o LEFT JOIN acknowledged a USING (key) LEFT JOIN begun b USING (key)
            WHERE a.hash IS DISTINCT FROM o.hash""")

    def _whole_rows(self) -> None:
        """``whole`` and ``leftover``: all rows of a target that is written as a whole, and the keys of rows
        it holds that are no longer among them. Empty for every other target."""
        some = "" if self.replaces else " WHERE false"
        own = "_key, _hash, _parent" if self.compiled.each else "_key, _hash"
        self.run.sql(f"CREATE OR REPLACE TABLE whole AS SELECT _key, * EXCLUDE ({own}) FROM mapped{some}")
        self.run.sql(
            "CREATE OR REPLACE TABLE leftover AS SELECT key FROM "
            f"(SELECT key FROM acknowledged a ANTI JOIN mapped m ON m._key = a.key){some}"
        )

    def versions(self) -> None:
        """``planned`` (_id, version): the golden rows behind what is sent, as the plan saw them."""
        golden = "SELECT NULL::VARCHAR AS key, NULL::INTEGER AS version WHERE false"
        if self.compiled.direction == "outbound":
            golden = "SELECT key, version FROM golden_rows SEMI JOIN sending USING (key)"
        self.run.sql(
            f"CREATE OR REPLACE TABLE planned AS SELECT CAST(key AS UUID) AS _id, version FROM ({golden})"
        )

    def _operations(self) -> dict[str, int]:
        """What is sent, by the names of counts; what is enabled is updated."""
        found = dict.fromkeys(COUNTED.values(), 0)
        for operation, count in self.run.sql("SELECT operation, count(*) FROM sending GROUP BY 1"):
            found[COUNTED[operation]] += count
        return found

    def _manifest(
        self,
        counts: dict[str, int],
        asked: Asked,
        *,
        seq: int | None = None,
        snapshot: int | None = None,
        doubts: Sequence[str] = (),
    ) -> Manifest:
        self._whole_rows()
        breaches = judge_outbound(
            self.hub, self.run, self.session, self.mapping, self.compiled, self.number, asked, counts, doubts
        )
        compiled = self.compiled
        return Manifest(
            exchange=self.mapping.mapping,
            output=compiled.output,
            number=compiled.number,
            direction=compiled.direction,
            source=self.number,
            mode=self.mode,
            map_hash=short_hash(compiled.hash),
            compiled_hash=compiled.hash,
            workspace_hash=self.hub.workspace.hash,
            counts=counts,
            breaches=breaches,
            seq=seq,
            snapshot=snapshot,
            fields=[column.name for column in compiled.columns],
            target_key=list(compiled.target_key),
            model=self.mapping.from_ if compiled.direction == "outbound" else "",
            last=compiled.number == len(self.mapping.outputs) - 1,
            moves=not asked.given,
            disabling=self.departures.body,
        )


def _record(model: ModelFile) -> str:
    """DuckDB SQL of a golden row as the record that mappings read."""
    parts = [] if "id" in model.fields else ["id := CAST(_id AS VARCHAR)"]
    for name, declared in model.fields.items():
        value = sql_name(name)
        if declared.many:
            value = f"""from_json({value}, '["VARCHAR"]')"""
        elif declared.type == "ref":
            value = f"CAST({value} AS VARCHAR)"
        parts.append(f"{sql_name(name)} := {value}")
    return f"struct_pack({', '.join(parts)})"
