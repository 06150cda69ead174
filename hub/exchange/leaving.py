"""Who leaves a pass-through: records of a source that no longer meet ``where``, or are gone.

A record is gone where a snapshot that is proven complete and not empty does not hold it, or where the source
reports it as deleted. An element of ``each`` is gone when its record was read without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from hub.errors import Retriable
from hub.exchange.departures import ABSENT, SCOPE
from hub.exchange.extract import Extracted
from hub.exchange.map import PARENT
from hub.exchange.runfile import RunFile
from hub.store import inbox
from hub.store.bulk import Bulk


@dataclass(frozen=True, slots=True)
class Leaving:
    """One read of one output, after ``mapped`` and ``rejected`` were made."""

    run: RunFile
    session: Bulk
    exchange: str
    extracted: Extracted
    each: bool
    nobody: str = "SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS kind, NULL::BIGINT AS hash WHERE false"

    @property
    def snapshot(self) -> bool:
        """Whether what is not there is gone."""
        return self.extracted.certificate.complete and self.extracted.read > 0

    @property
    def _record(self) -> str:
        """SQL of the record's key in that of an output."""
        return PARENT if self.each else "key"

    def query(self) -> str:
        """``departing`` of ``departures``; nobody of whom there is doubt."""
        parts = [self._elements() if self.each else self._out_of_scope(), self._told()]
        if self.snapshot:
            parts.append(self._missing())
        elif not self.each:
            parts.append(self._left_before())
        return " UNION ALL ".join(parts)

    def _out_of_scope(self) -> str:
        return f"""SELECT key, '{SCOPE}' AS kind, hash FROM fresh
            ANTI JOIN mapped ON mapped._key = fresh.key ANTI JOIN rejected USING (key)"""

    def _elements(self) -> str:
        """What is left of a record of which an element could not be read is not known."""
        return f"""SELECT a.key, '{ABSENT}' AS kind, f.hash FROM held_there a JOIN fresh f ON f.key = (a.key->>'$[0]')
            ANTI JOIN mapped m ON m._key = a.key ANTI JOIN (SELECT {PARENT} AS key FROM rejected) r ON r.key = f.key"""

    def _told(self) -> str:
        return f"""SELECT key, '{ABSENT}' AS kind, NULL::BIGINT AS hash FROM held_there
            WHERE {self._record} IN (SELECT key FROM told)
            AND {self._record} NOT IN (SELECT key FROM extracted WHERE key IS NOT NULL)"""

    def _missing(self) -> str:
        """Events that came while it was read may speak of what the snapshot does not know."""
        touched = inbox.touched(self.session, self.exchange)
        self.run.table("touched", pa.table({"key": pa.array(touched, pa.string())}))
        known = "SELECT key FROM extracted WHERE key IS NOT NULL UNION FROM told UNION FROM touched"
        return f"""SELECT key, '{ABSENT}' AS kind, NULL::BIGINT AS hash FROM held_there
            WHERE {self._record} NOT IN ({known})"""

    def _left_before(self) -> str:
        """Out of scope by an earlier read, and not read anew: its grace runs on."""
        return f"""SELECT key, kind, hash FROM departed_before WHERE kind = '{SCOPE}'
            AND key NOT IN (SELECT key FROM extracted WHERE key IS NOT NULL) AND key NOT IN (SELECT key FROM told)"""

    def require_whole(self, output: str) -> None:
        """A target that is written as a whole holds what was read: Retriable ``read.incomplete`` where rows of it
        were not."""
        if self.snapshot:
            return
        missing = self.run.one(f"""SELECT count(*) FROM held_there
            WHERE {self._record} NOT IN (SELECT key FROM extracted WHERE key IS NOT NULL)""")
        if missing:
            reason = self.extracted.certificate.reason or "it gave no record"
            raise Retriable(
                "read.incomplete",
                f"{output} is written as a whole, and {missing} of its records were not read: {reason}",
                where=self.extracted.resource.name,
                hint="nothing was written; let the source give all of its records, then run again",
            )

    def notes(self, previous: int) -> list[str]:
        """Why absence is not counted."""
        found = self.extracted
        if not found.full:
            return []
        if not found.certificate.complete:
            return [f"the snapshot is not complete ({found.certificate.reason}): absence is not counted"]
        if not found.read and previous:
            return [f"the source gave no record where it had {previous}: absence is not counted"]
        return []
