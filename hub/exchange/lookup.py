"""Answers for ``key_in``: the key that another system knows an entity by."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Column, MetaData, Table, Text, func, select

from hub.exchange.runfile import RunFile
from hub.mapping.lookups import ANSWER
from hub.mapping.scope import Lookup
from hub.store.bulk import Bulk
from hub.store.tables import shadow
from hub.store.tables import source as source_table
from hub.store.wire import encode


@dataclass(frozen=True, slots=True)
class Lookups:
    """The provider that ``evaluate`` asks; see ``hub.mapping.lookups.Provider``."""

    run: RunFile
    session: Bulk

    def __call__(self, lookup: Lookup, inputs: pa.Array) -> pa.Table:
        if lookup.kind != "key_in" or not len(inputs):
            return ANSWER.empty_table()
        entity = Column("entity", shadow.c.entity.type)
        name = f"asked_{secrets.token_hex(4)}"
        self.run.table("asked", pa.table({"input": inputs}))
        self.session.stage(name, [entity], self.run.reader(
            f"SELECT DISTINCT {encode('input', entity, self.session.dialect)} AS entity FROM asked "
            "WHERE TRY_CAST(input AS UUID) IS NOT NULL"))
        staged = Table(name, MetaData(), Column("entity", shadow.c.entity.type))
        known = func.min(func.coalesce(shadow.c.foreign_id, shadow.c.foreign_key, shadow.c.key).cast(Text))
        query = select(shadow.c.entity.cast(Text).label("entity"), known.label("known")).join(
            staged, staged.c.entity == shadow.c.entity).join(
            source_table, source_table.c.id == shadow.c.source).where(
            source_table.c.system == lookup.args[0]).group_by(shadow.c.entity)
        self.run.table("answered", self.session.stream(query))
        return self.run.con.sql(
            "SELECT CAST(CAST(entity AS UUID) AS VARCHAR) AS input, known AS output FROM answered").to_arrow_table()
