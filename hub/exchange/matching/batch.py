"""What the parts of resolve share: the records at hand, the store, and what was decided so far."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.staging import stage, take
from hub.mapping.compile import Compiled
from hub.store import shadows
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.workspace.shape import ModelFile, Output

OTHERS = 20
"""How many candidates of one record a person is shown at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One output's records on their way to entities. ``notes`` are for the run's report; ``tracing`` keeps the
    candidates that fall short as well, in ``traced``, for who asks why."""

    run: RunFile
    session: Bulk
    database: Database
    source: int
    output: Output
    model: ModelFile
    compiled: Compiled
    notes: list[str] = field(default_factory=list)
    tracing: bool = False

    def loose(self) -> str:
        """Records that are neither linked nor matched nor judged yet."""
        return (
            "SELECT m.* FROM mapped m "
            "WHERE _key NOT IN (SELECT key FROM known) "
            "AND _key NOT IN (SELECT key FROM matched) AND _key NOT IN (SELECT key FROM verdict) "
            "AND _key NOT IN (SELECT key FROM decided_new)"
        )

    def stored(self, name: str) -> str:
        """A mapped field as golden rows have it: a reference as the entity's id."""
        quoted = sql_name(name)
        if not any(column.ref for column in self.compiled.columns if column.name == name):
            return f"m.{quoted} AS {quoted}"
        return (
            f"(SELECT any_value(x.entity) FROM reference x WHERE x.field = {sql_text(name)} "
            f"AND x.source_key = m.{quoted}) AS {quoted}"
        )

    def claim(self, query: str) -> None:
        """``claimed`` (entity): those of the query's that a record of this source is linked to already, or was
        matched with."""
        staged = stage(self.run, self.session, f"claimed_{secrets.token_hex(4)}", shadows.ENTITIES, query)
        take(self.run, "claimed", shadows.claimed(self.session, self.source, staged))
        self.run.sql("INSERT INTO claimed SELECT entity FROM matched")

    def propose_others(self, rule: str, why: str) -> None:
        """Records of the batch that are ``alike`` (key, alike) propose each other, OTHERS at most."""
        self.run.sql(f"""INSERT INTO proposal SELECT a.key, NULL, b.key, {rule}, 1.0, {why} FROM alike a
            JOIN (SELECT * FROM alike QUALIFY row_number() OVER (PARTITION BY alike ORDER BY key) <= {OTHERS + 1}) b
            ON a.alike = b.alike AND a.key <> b.key
            QUALIFY row_number() OVER (PARTITION BY a.key ORDER BY b.key) <= {OTHERS}""")


def equal(fields: Sequence[str]) -> str:
    """``why`` of an exact rule, as SQL: every field is equal."""
    told = {name: {"likeness": 1.0, "weight": 1.0, "by": "exact"} for name in fields}
    return sql_text(json.dumps(told, ensure_ascii=False))
