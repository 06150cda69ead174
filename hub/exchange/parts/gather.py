"""The parts together: one extract of all they read, with one certificate, and what they mapped."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hub.contract import Resource
from hub.exchange.extract import Certificate, Extracted, flag_duplicates, order_sql
from hub.exchange.keep import Keep
from hub.exchange.map import Fill
from hub.exchange.pages import Piece
from hub.exchange.parts.slices import bring
from hub.exchange.runfile import RunFile
from hub.mapping.evaluate import Evaluated


@dataclass(frozen=True, slots=True)
class Parts:
    """What every part says of itself, in their order."""

    keep: Keep
    told: list[dict[str, Any]]

    def extracted(self, run: RunFile, resource: Resource) -> Extracted:
        """Table ``extracted`` of all records, in the order in which one read would have given them where that is known:
        each part read everything, or each its own."""
        reads, taken = {part["read"] for part in self.told}, sum(part["taken"] for part in self.told)
        same = reads == {taken}  # of ranges that hold as many records each, reads are as long too
        order = "pos, part" if same else "part, pos"
        starts = [sum(part["read"] for part in self.told[:number]) for number in range(len(self.told))]
        rows = []
        for number, part in enumerate(self.told):
            query = bring(self.keep, run, [part["slices"]["rows"]], f"rows-{number}")
            rows.append(f"SELECT {number} AS part, pos, {starts[number]} + pos AS place, key, hash, cur FROM ({query})")
        read = run.make(
            "main.extracted", f"SELECT key, hash, cur, place FROM ({' UNION ALL '.join(rows)}) ORDER BY {order}"
        )
        run.sql(f"CREATE OR REPLACE TABLE main.spoiled AS {self._all(run, 'spoiled')}")
        return Extracted(
            resource,
            True,
            read,
            flag_duplicates(run, resource, read),
            int(run.one("SELECT count(*) FROM extracted WHERE key IS NULL")),
            self._certificate(),
            self._cursor(run, resource),
            None,  # each read gave one of its own, and of another moment
            tuple(sorted({key for part in self.told for key in part["deleted"]})),
            tuple(Piece(start + at, origin, first if same else start + first)
                  for start, part in zip(starts, self.told, strict=True) for at, origin, first in part["pieces"]),
            tuple(sorted({name for part in self.told for name in part["fields"]})),
            self._all(run, "raw"),
            notes=tuple(dict.fromkeys(note for part in self.told for note in part["notes"])),
            place="place",
        )  # fmt: skip

    def fill(self, number: int) -> Fill:
        """What was mapped for one output: ``fresh`` records as the parts mapped them, None where one of them was not
        looked at by its part (what is known of it changed since)."""

        def filled(run: RunFile, fresh: int) -> Evaluated | None:
            looked = self._all(run, f"fresh-{number}")
            if run.one(f"SELECT count(*) FROM fresh f ANTI JOIN ({looked}) l ON l.key = f.key AND l.hash = f.hash"):
                return None
            for table, key, digest in (("mapped", "_key", "_hash"), ("rejected", "key", "hash")):
                self._fresh_of(run, f"{table}-{number}", f"f.key = t.{key} AND f.hash = t.{digest}")
                kept = 'SELECT * EXCLUDE ("$pos") FROM joined ORDER BY "$pos"'
                run.sql(f"CREATE OR REPLACE TABLE {table} AS {kept}")
                run.sql("DROP TABLE joined")
            mapped = int(run.one("SELECT count(*) FROM mapped"))
            rejected, problems = run.sql("SELECT count(DISTINCT key), count(*) FROM rejected")[0]
            return Evaluated(fresh, mapped, fresh - mapped - rejected, rejected, problems)

        return filled

    def _fresh_of(self, run: RunFile, name: str, condition: str) -> None:
        """Table ``joined``: what the parts made of records that are fresh, with their ``$pos``. Part by part, and
        sorted afterwards: a join of all that is sorted at once needs more memory than a run has, and cannot spill."""
        for at, part in enumerate(self.told):
            rows = bring(self.keep, run, [part["slices"][name]], f"{name}-{at}")
            joined = f'SELECT f.pos AS "$pos", t.* FROM ({rows}) t JOIN fresh f ON {condition}'
            run.sql(f"INSERT INTO joined {joined}" if at else f"CREATE OR REPLACE TABLE joined AS {joined}")

    def _all(self, run: RunFile, name: str) -> str:
        return bring(self.keep, run, [part["slices"][name] for part in self.told], name)

    def _certificate(self) -> Certificate:
        """As complete as the least complete of the parts."""
        found = [Certificate(**part["certificate"]) for part in self.told]
        wrong = [(number, one) for number, one in enumerate(found, 1) if not one.complete]
        reasons = dict.fromkeys(f"part {number}: {one.reason}" for number, one in wrong)
        return dataclasses.replace(
            found[0],
            complete=not wrong,
            reason="; ".join(reasons),
            whole=all(one.whole for one in found),
            hold=any(one.hold for one in found),
        )

    def _cursor(self, run: RunFile, resource: Resource) -> str | None:
        """The least of the parts' newest cursors: the parts are read one after the other, and what changed meanwhile in
        a range that was read before is newer than that. None where a part saw none."""
        cursors = [part["cursor"] for part in self.told]
        if None in cursors:
            return None
        run.table("part_cursor", pa.table({"cur": pa.array(cursors, pa.string())}))
        return str(run.one(f"SELECT cur FROM part_cursor ORDER BY {order_sql(resource)} LIMIT 1"))
