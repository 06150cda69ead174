"""Run a compiled mapping over a relation in DuckDB, column by column.

The fast way is one CREATE TABLE AS: expressions, checks, and for bad rows alone the record, so that
their problems can be told without reading anything twice. Where DuckDB raises on a value, the table is
made again with TRY around what can raise; only the rows that raised are rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import duckdb
import pyarrow as pa

from hub.mapping.binding import mistyped
from hub.mapping.compile import Compiled
from hub.mapping.lookups import Inputs, Provider, answers, code_table
from hub.mapping.record import quoted
from hub.mapping.rejects import IN_WHERE, Flag, collect, flags, tried, tried_value
from hub.mapping.scope import Lookup

RAISED = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)
"""What DuckDB raises for a value: it does not convert, is out of range, or a function refuses it."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """How many records were read, outputs mapped, records out of scope (their ``where`` is not true),
    outputs rejected, and problems found in those: read = mapped + out_of_scope + rejected. With
    ``each`` all are counted in elements; a record may have none."""

    read: int
    mapped: int
    out_of_scope: int
    rejected: int
    problems: int


def evaluate(
    con: duckdb.DuckDBPyConnection,
    compiled: Compiled,
    relation: str,
    lookup: Provider | None = None,
    *,
    mapped: str = "mapped",
    rejected: str = "rejected",
    read: int | None = None,
    shape: bool | None = None,
) -> Evaluated:
    """Map ``relation`` (SQL text of a table, view or query with ``key`` VARCHAR, ``hash`` of any type,
    ``r`` STRUCT, and optionally ``shape`` VARCHAR, see ``source.source_sql``) into two new tables.

    ``mapped``: ``_key`` (of the output: with ``each`` of record and element), ``_hash``, with ``each`` also
    ``_parent`` (key of the record), and the columns. ``rejected``: ``key, hash, field, code, message,
    input`` (JSON of the fields that were read), one row per problem. ``read`` and ``shape``
    (whether it has that column) save asking where the caller knows them. ConfigError ``expression.type`` where
    an expression does not bind; errors of DuckDB only for what no row is to blame for (no memory, no disk).
    """
    run = _Run(con, compiled, _source(relation), mapped, rejected, shape)
    try:
        run.join(lookup)
        return run.table(read)
    finally:
        run.close()


@contextmanager
def joined_rows(
    con: duckdb.DuckDBPyConnection, compiled: Compiled, relation: str, lookup: Provider | None = None
) -> Iterator[str]:
    """SQL (for FROM) of the relation as ``s`` with the answers of its lookups, while they are there."""
    run = _Run(con, compiled, _source(relation), "mapped", "rejected")
    try:
        run.join(lookup)
        yield run.rows(guarded=True)
    finally:
        run.close()


def _source(relation: str) -> str:
    text = relation.strip()
    query = text.partition(" ")[0].upper() in ("SELECT", "WITH", "FROM")
    return f"({text})" if query else text


class _Run:
    """One evaluation: its source, joined lookups and temporary names."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        compiled: Compiled,
        source: str,
        mapped: str,
        rejected: str,
        shape: bool | None = None,
    ) -> None:
        self.con = con
        self.compiled = compiled
        self.source = source
        self.mapped = quoted(mapped)
        self.rejected = quoted(rejected)
        self.joined: list[Lookup] = []
        self.shape = "shape" in con.sql(f"SELECT * FROM {source} AS s").columns if shape is None else shape

    def close(self) -> None:
        for lookup in self.joined:
            self.con.execute(f"DROP TABLE IF EXISTS temp.{quoted(lookup.alias)}")

    # ------------------------------------------------------------ lookups

    def join(self, provider: Provider | None) -> None:
        """Make the table of each lookup; those that ask somebody need their distinct inputs first."""
        for lookup in self.compiled.lookups:
            if lookup.pairs is not None:
                self._answers(lookup, code_table(lookup))
                continue
            inputs = self._inputs(lookup)
            self._answers(lookup, answers(lookup, inputs, provider))

    def _inputs(self, lookup: Lookup) -> Inputs:
        where = (
            f" WHERE {self.compiled.where}" if self.compiled.where and not self._where_joins(lookup) else ""
        )
        for value in (lookup.input_sql, tried_value(lookup.input_sql)):
            sql = f"SELECT DISTINCT {value} AS input FROM {self.rows(value != lookup.input_sql)}{where}"
            try:
                table = self.con.sql(
                    f"SELECT input FROM ({sql}) AS i WHERE input IS NOT NULL"
                ).to_arrow_table()
                return cast(Inputs, table.column("input").combine_chunks())
            except RAISED:
                where = ""
        raise AssertionError("TRY does not raise")

    def _where_joins(self, lookup: Lookup) -> bool:
        """Whether the condition reads a lookup that is not joined yet."""
        waiting = [one for one in self.compiled.lookups if one not in self.joined]
        return any(one.alias in self.compiled.where for one in waiting)

    def _answers(self, lookup: Lookup, table: pa.Table) -> None:
        name = f"{lookup.alias}_answers"
        self.con.register(name, table)
        try:
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE {quoted(lookup.alias)} AS "
                "SELECT CAST(input AS VARCHAR) AS input, "
                f"any_value(CAST(output AS VARCHAR)) AS output FROM {quoted(name)} GROUP BY 1"
            )
        finally:
            self.con.unregister(name)
        self.joined.append(lookup)

    # ------------------------------------------------------------ the table

    def rows(self, guarded: bool = False) -> str:
        """FROM: the source, one row per element with ``each``, and the lookups joined so far."""
        sql = f"{self._elements() if self.compiled.each else self.source} AS s"
        for lookup in self.joined:
            alias = quoted(lookup.alias)
            value = tried_value(lookup.input_sql) if guarded else lookup.input_sql
            sql += f" LEFT JOIN temp.{alias} AS {alias} ON {alias}.input = {value}"
        return sql

    def table(self, read: int | None) -> Evaluated:
        found = flags(self.compiled, self.shape)
        try:
            made = self._create(found, guarded=False)
        except (duckdb.BinderException, duckdb.ParserException) as error:
            raise mistyped(self.compiled, error) from None
        except RAISED:
            found = flags(self.compiled, self.shape, raising=True)
            made = self._create(found, guarded=True)
        problems = collect(self.con, self.compiled, found, self.mapped, self.rejected)
        return self._counted(read, made - problems[0], problems)

    def _create(self, found: tuple[Flag, ...], guarded: bool) -> int:
        compiled = self.compiled
        written = (*compiled.columns, *compiled.spare)
        columns = [f"{_tried(column.sql, guarded)} AS {quoted(column.name)}" for column in written]
        inner = [flag for flag in found if flag.inner]
        columns += [f"{flag.condition} AS {quoted(flag.name)}" for flag in inner]
        kept_anyway = [flag.condition for flag in found if flag.name.startswith(IN_WHERE)]
        condition = " OR ".join([_condition(compiled.where, guarded), *kept_anyway])
        where = f" WHERE {condition}" if compiled.where else ""
        key = self._key(guarded)
        kept = ["r"] + (["e"] if compiled.each else []) if found else []
        names = [quoted(column.name) for column in written]
        read = ", ".join([*key, 'hash AS "$hash"', *columns, *(f'{name} AS "${name}"' for name in kept)])
        inside = f"SELECT {read} FROM {self.rows(guarded)}{where}"
        outside = [
            '"$key" AS _key',
            '"$hash" AS _hash',
            *(['"$parent" AS _parent'] if compiled.each else []),
            *names,
        ]
        if found:
            bad = " OR ".join(flag.sign for flag in found)
            outside += [quoted(flag.name) for flag in inner] + [f'({bad}) AS "$bad"']
            outside += [f'CASE WHEN ({bad}) THEN "${name}" END AS "${name}"' for name in kept]
        made = self.con.execute(
            f"CREATE OR REPLACE TABLE {self.mapped} AS SELECT {', '.join(outside)} FROM ({inside})"
        )
        return int(made.fetchall()[0][0])

    def _key(self, guarded: bool) -> list[str]:
        if not self.compiled.each:
            return ['key AS "$key"']
        return [f'{_tried(self.compiled.output_key(), guarded)} AS "$key"', 'key AS "$parent"']

    def _counted(self, read: int | None, mapped: int, problems: tuple[int, int]) -> Evaluated:
        rejected, found = problems
        if not self.compiled.where:
            return Evaluated(mapped + rejected, mapped, 0, rejected, found)
        if read is None or self.compiled.each:
            read = self._count(self._elements() if self.compiled.each else self.source)
        return Evaluated(read, mapped, read - mapped - rejected, rejected, found)

    def _elements(self) -> str:
        return f"(SELECT *, UNNEST({self.compiled.each}) AS e FROM {self.source} AS s0)"

    def _count(self, what: str) -> int:
        return int(self.con.execute(f"SELECT count(*) FROM {what}").fetchall()[0][0])


def _tried(sql: str, guarded: bool) -> str:
    return tried_value(sql) if guarded else sql


def _condition(sql: str, guarded: bool) -> str:
    """The condition; where it raises the row is kept, to be rejected."""
    return f"({tried_value(sql)} OR {tried(sql)} IS NULL)" if guarded else sql
