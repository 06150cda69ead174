"""Differences between what the hub knows and what stands in the target, and the plan that heals them.

``known`` joins outputs and acknowledgements, ``pair`` adds the target's record, by its id, else by
natural key. Rows that are equal as texts are found set-wise; only the others are looked at one by one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hub.exchange.delivering.alike import Likeness, at
from hub.exchange.delivering.byhand import NOTHING, Policy
from hub.exchange.extract import json_path
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import HASH, RunFile, sql_text
from hub.security.masking import is_classified, mask

BATCH = 5_000
MISSING = "pos IS NULL AND has_shadow AND has_output AND NOT disabled"
"""What is disabled and not there is as good as disabled."""
KINDS = ("missing", "different", "adoptable", "ghost", "orphan", "duplicate", "pending")
_FINDING = pa.schema([(name, pa.string()) for name in ("kind", "key", "id", "field", "expected", "actual")])
_HEAL = pa.schema([("key", pa.string()), ("known", pa.string()), ("seen", pa.string())])


def match(run: RunFile, disabling: str) -> None:
    """``known``: outputs beside what was acknowledged; of what is disabled its output is ``disabling`` (JSON)."""
    body = sql_text(disabling)
    if disabling:
        run.sql(f"""INSERT INTO output_rows BY NAME SELECT key, {HASH.format(body)} AS hash, foreign_key, {body} AS body
            FROM acknowledged ANTI JOIN output_rows USING (key) WHERE ends IS NOT NULL""")
    run.sql(f"""CREATE OR REPLACE TABLE known AS SELECT coalesce(o.key, a.key) AS key, o.hash, a.hash AS expected,
            coalesce(o.foreign_key, a.foreign_key) AS foreign_key, a.foreign_key AS earlier, a.foreign_id, o.body,
            o.key IS NOT NULL AS has_output, a.key IS NOT NULL AS has_shadow,
            coalesce(a.ends IS NOT NULL AND o.body = {body}, false) AS disabled
        FROM output_rows o FULL JOIN acknowledged a ON a.key = o.key""")


def pair(run: RunFile) -> None:
    """``pair``: what is known, with the position of the target's record."""
    run.sql("""CREATE OR REPLACE TABLE named AS SELECT own_key, min(pos) AS pos, count(*) AS n FROM there
        WHERE own_key IN (SELECT foreign_key FROM known UNION ALL SELECT earlier FROM known) GROUP BY own_key""")
    run.sql(
        """CREATE OR REPLACE TABLE numbered AS SELECT id, min(pos) AS pos FROM there WHERE id IS NOT NULL GROUP BY id"""
    )
    run.sql("""CREATE OR REPLACE TABLE pair AS SELECT k.*, coalesce(i.pos, e.pos, n.pos) AS pos,
            n.n > 1 AS doubled
        FROM known k LEFT JOIN numbered i ON i.id = k.foreign_id LEFT JOIN named n ON n.own_key = k.foreign_key
        LEFT JOIN named e ON e.own_key = k.earlier""")


@dataclass(slots=True)
class Differences:
    """Fills ``finding`` (kind, key, id, field, expected, actual) and ``heal`` (key, known, seen); values
    of classified fields are masked before they are stored."""

    run: RunFile
    manifest: Manifest
    likeness: Likeness
    policy: Policy
    levels: dict[str, str]
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def find(self, *, whole: bool, missing: bool) -> None:
        """``whole``: the target was read whole, so that ghosts are known. ``missing``: what is not there may be
        called missing."""
        run = self.run
        run.table("finding", _FINDING.empty_table())
        run.table("heal", _HEAL.empty_table())
        self._sets(whole=whole, missing=missing)
        self._fields("has_shadow", "different")
        self._fields("NOT has_shadow", "adoptable")

    def _sets(self, *, whole: bool, missing: bool) -> None:
        if missing:
            self._note(
                "missing",
                f"SELECT foreign_key, foreign_id FROM pair WHERE {MISSING}",
            )
            if self.policy != "keep":
                self.run.sql(f"""INSERT INTO heal SELECT key, NULL, {sql_text(NOTHING)} FROM pair
                    WHERE {MISSING}""")
        self._note("orphan", "SELECT foreign_key, foreign_id FROM pair WHERE has_shadow AND NOT has_output")
        self._note(
            "duplicate", "SELECT own_key, id FROM there SEMI JOIN (FROM named WHERE n > 1) USING (own_key)"
        )
        self.counts["pending"] = self.run.one(
            "SELECT count(*) FROM pair WHERE has_output AND NOT has_shadow AND pos IS NULL"
        )
        if whole:
            self._note(
                "ghost",
                """SELECT coalesce(own_key, id), id FROM there ANTI JOIN pair USING (pos)
                ANTI JOIN (FROM named WHERE n > 1) USING (own_key)""",
            )

    def _note(self, kind: str, query: str) -> None:
        key = "'***'" if self._secret_key() else "named_as"
        self.run.sql(f"""INSERT INTO finding SELECT {sql_text(kind)}, {key}, id_there, '', NULL, NULL
            FROM ({query}) one(named_as, id_there)""")
        self.counts[kind] = self.run.one(f"SELECT count(*) FROM finding WHERE kind = {sql_text(kind)}")

    def _secret_key(self) -> bool:
        return any(is_classified(self.levels.get(name)) for name in self.manifest.target_key)

    def _fields(self, which: str, kind: str) -> None:
        """Rows that stand in the target: what differs, field by field."""
        compared = [name for name in self.manifest.fields if self.likeness.rules.get(name) != "ignore"]
        equal = " AND ".join(
            f"coalesce(p.body->>{sql_text(_flat(name))}, '') = coalesce(t.raw->>{sql_text(json_path(name))}, '')"
            for name in compared
        )
        unequal = "" if kind == "adoptable" else f" AND (p.disabled OR NOT ({equal or 'true'}))"
        with self.run.beside() as other:  # a reader holds its connection
            reader = self.run.reader(
                f"""SELECT p.key, p.foreign_key, t.own_key, t.id, p.body, CAST(t.raw AS VARCHAR) AS raw,
                    p.hash IS NOT DISTINCT FROM p.expected AS same
                FROM pair p JOIN there t USING (pos)
                WHERE p.has_output AND {which} AND NOT coalesce(p.doubled, false){unequal}""",
                BATCH,
            )
            for batch in reader:
                found, heal = self._judged(other, batch.to_pylist(), kind)
                other.append("finding", pa.Table.from_pylist(found, schema=_FINDING))
                other.append("heal", pa.Table.from_pylist(heal, schema=_HEAL))

    def _judged(
        self, other: RunFile, rows: list[dict[str, Any]], kind: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        kept = (
            self._kept(other, [row["key"] for row in rows if not row["same"]]) if kind == "different" else {}
        )
        found, heal = [], []
        for row in rows:
            body, there = json.loads(row["body"]), json.loads(row["raw"])
            names = self.likeness.differing(body, there)
            if kind == "different" and not row["same"]:  # an ordinary change is on its way
                basis = json.loads(kept.get(row["key"]) or "{}")
                names = self.likeness.changed(basis, body, there)
                if not names:
                    self.counts["pending"] += 1
            if not names and kind == "different":
                continue
            self.counts[kind] += 1
            found += [self._finding(kind, row, name, body, there) for name in names or [""]]
            if kind == "adoptable" or self.policy != "keep":
                shown = {name: at(there, name) for name in body}
                seen = json.dumps(self.likeness.prints(shown), separators=(",", ":"))
                own_key = row["own_key"] if row["own_key"] and kind == "different" else row["foreign_key"]
                heal.append({"key": row["key"], "known": own_key, "seen": seen})
        return found, heal

    def _kept(self, other: RunFile, keys: list[str]) -> dict[str, str]:
        if not keys:
            return {}
        wanted = ", ".join(sql_text(key) for key in keys)
        return dict(other.sql(f"SELECT key, kept FROM kept_all WHERE key IN ({wanted})"))

    def _finding(
        self, kind: str, row: dict[str, Any], name: str, body: dict[str, Any], there: dict[str, Any]
    ) -> dict[str, Any]:
        level = self.levels.get(name)
        values = (body.get(name), at(there, name)) if name else (None, None)
        expected, actual = (None if one is None else str(mask(one, level)) for one in values)
        key = "***" if self._secret_key() else row["foreign_key"]
        return {
            "kind": kind,
            "key": key,
            "id": row["id"],
            "field": name,
            "expected": expected,
            "actual": actual,
        }

    def plan(self, *, ghosts: bool) -> dict[str, int]:
        """Put the healing in the place of ``sending``; answers how many of each operation."""
        run = self.run
        run.sql("""CREATE OR REPLACE TABLE sending AS SELECT p.key,
            CASE WHEN p.pos IS NULL THEN 'create' WHEN p.disabled THEN 'disable' ELSE 'update' END AS operation,
            p.hash, p.expected, p.foreign_id, p.foreign_key, h.known, NULL::VARCHAR AS version, p.body, h.seen
            FROM heal h JOIN pair p USING (key)""")
        if ghosts:
            self._ghosts()
        found = dict(run.sql("SELECT operation, count(*) FROM sending GROUP BY 1"))
        return {name: found.get(name, 0) for name in ("create", "update", "disable", "delete")}

    def _ghosts(self) -> None:
        with self.run.beside() as other:
            reader = self.run.reader(
                """SELECT t.own_key, t.id, CAST(t.raw AS VARCHAR) AS raw FROM there t ANTI JOIN pair USING (pos)
                ANTI JOIN (FROM named WHERE n > 1) USING (own_key) WHERE t.own_key IS NOT NULL""",
                BATCH,
            )
            for batch in reader:
                rows = batch.to_pylist()
                prints = [
                    self.likeness.prints(
                        {name: at(json.loads(row["raw"]), name) for name in self.manifest.fields}
                    )
                    for row in rows
                ]
                other.append(
                    "sending",
                    pa.table(
                        {
                            "key": [f"ghost:{row['id'] or row['own_key']}" for row in rows],
                            "operation": ["delete"] * len(rows),
                            "hash": pa.array([0] * len(rows), pa.int64()),
                            "expected": pa.nulls(len(rows), pa.int64()),
                            "foreign_id": [row["id"] for row in rows],
                            "foreign_key": [row["own_key"] for row in rows],
                            "known": [row["own_key"] for row in rows],
                            "version": pa.nulls(len(rows), pa.string()),
                            "body": ["{}"] * len(rows),
                            "seen": [json.dumps(one, separators=(",", ":")) for one in prints],
                        }
                    ),
                )


def _flat(name: str) -> str:
    """The JSON path of an output's field: its dots are part of its name there."""
    return f'$."{name}"'
