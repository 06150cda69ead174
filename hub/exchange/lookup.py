"""Answers for ``key_in``: the key that another system knows an entity by."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hub.exchange.runfile import RunFile
from hub.exchange.staging import stage, take
from hub.mapping.lookups import ANSWER
from hub.mapping.scope import Lookup
from hub.store import shadows
from hub.store.bulk import Bulk


@dataclass(frozen=True, slots=True)
class Lookups:
    """The provider that ``evaluate`` asks; see ``hub.mapping.lookups.Provider``."""

    run: RunFile
    session: Bulk

    def __call__(self, lookup: Lookup, inputs: pa.Array[Any]) -> pa.Table:
        if lookup.kind != "key_in" or not len(inputs):
            return ANSWER.empty_table()
        self.run.table("asked", pa.table({"input": inputs}))
        entities = stage(
            self.run,
            self.session,
            f"asked_{secrets.token_hex(4)}",
            shadows.ENTITIES,
            "SELECT DISTINCT input AS entity FROM asked WHERE TRY_CAST(input AS UUID) IS NOT NULL",
        )
        take(self.run, "answered", shadows.keys_in(self.session, lookup.args[0], entities))
        return self.run.arrow(
            "SELECT CAST(CAST(entity AS UUID) AS VARCHAR) AS input, known AS output FROM answered"
        )
