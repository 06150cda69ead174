"""Writing: set-based statements, each row judged by itself.

A batch is cut into runs of changes that one statement can hold. A run is one transaction; where the
database refuses a value in it, the run is rolled back and tried by halves, until the bad row stands
alone. Rows that are there are updated, rows that are not are inserted, so that a create sent twice
makes one row; an update of a row that is gone is a conflict, a delete of one is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.sql.connection import Connection
from connectors.sql.dialects import Column, Table, insert, matching, update, upsert
from connectors.sql.faults import broken
from connectors.sql.values import as_stored, batch, parameter, same
from hub.contract import Change, Found, Outcome, key_text
from hub.errors import AuthError, ConfigError, Fatal, HubError, RecordRejected, Retriable

KEYS = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A change as the driver takes it: ``values`` in the order of ``columns``; ``key`` is the one it has, and
    ``moves`` says that the values give it another."""

    number: int
    operation: str
    columns: tuple[Column, ...]
    values: tuple[Any, ...]
    key: tuple[Any, ...]
    same: str
    foreign_id: str
    moves: bool = False


class Writer:
    """Writes to one table."""

    def __init__(
        self, connection: Connection, table: Table, key: tuple[str, ...], zone: str | None, where: str
    ) -> None:
        self._connection = connection
        self._table = table
        self._key = key
        self._zone = zone
        self._where = where

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change, in order; raises only where none can have had an effect."""
        outcomes: dict[int, Outcome] = {}
        rows: list[Row] = []
        for number, change in enumerate(changes):
            try:
                rows.append(self._row(number, change))
            except RecordRejected as error:
                outcomes[number] = Outcome("rejected", code=error.code, message=error.message)
        self._connection.open()
        for run in _runs(rows, self._connection.dialect.parameters):
            lost = next((known for known in outcomes.values() if known.status == "unknown"), None)
            if lost is not None:
                outcomes |= {row.number: replace(lost, status="retry") for row in run}
            else:
                outcomes |= self._halved(run, touched=bool(outcomes))
        if outcomes and all(outcome.code == "sql.failed" for outcome in outcomes.values()):
            raise Fatal("sql.failed", outcomes[0].message, where=self._where, hint="nothing was written")
        return [outcomes[number] for number in range(len(changes))]

    def _row(self, number: int, change: Change) -> Row:
        missing = [name for name in self._key if change.key.get(name, change.values.get(name)) is None]
        if missing:
            raise RecordRejected("sql.key", f"the change has no value for the key column {missing[0]}")
        columns, values = [], []
        for name, value in {**change.key, **change.values}.items():
            column = self._table.column(name)
            if column is None:
                raise ConfigError(
                    "sql.column", f"{self._where} has no column {name}", where=self._where,
                    hint=f"it has {', '.join(each.name for each in self._table.columns[:20])}",
                )  # fmt: skip
            if not column.generated:
                columns.append(column)
                values.append(self._value(column, value))
        given = dict(zip((column.name for column in columns), values, strict=True))
        new = tuple(given[name] for name in self._key)
        key = tuple(self._of_key(name, change.key.get(name, given[name])) for name in self._key)
        same, moves = self._same(key), self._same(new) != self._same(key)
        return Row(number, change.operation, tuple(columns), tuple(values), key, same, key_text(new), moves)

    def _value(self, column: Column, value: Any) -> Any:
        as_given = self._connection.dialect.name == "sqlite" and column.type == "datetime"
        return value if as_given and isinstance(value, str) else parameter(column, value, self._zone)

    def _same(self, key: Sequence[Any]) -> str:
        ignores = self._connection.dialect.ignores_case
        pairs = zip(self._key, key, strict=True)
        return key_text([same(self._table.column(name), value, ignores) for name, value in pairs])

    def _halved(self, run: list[Row], touched: bool) -> dict[int, Outcome]:
        try:
            with self._connection.transaction(self._where):
                return self._write(run)
        except (RecordRejected, Fatal) as error:
            if len(run) == 1:
                return {run[0].number: self._refused(run[0], error)}
            middle = len(run) // 2
            first = self._halved(run[:middle], touched=True)
            lost = next((known for known in first.values() if known.status == "unknown"), None)
            if lost is not None:
                return first | {row.number: replace(lost, status="retry") for row in run[middle:]}
            return first | self._halved(run[middle:], touched=True)
        except Retriable as error:
            if broken(error):
                return {row.number: Outcome("unknown", code=error.code, message=error.message) for row in run}
            again = Outcome("retry", code=error.code, message=error.message, wait=error.wait)
            return {row.number: again for row in run}
        except (AuthError, ConfigError) as error:
            if not touched:
                raise
            return {row.number: Outcome("retry", code=error.code, message=error.message) for row in run}

    def _refused(self, row: Row, error: HubError) -> Outcome:
        """``conflict`` where another writer has made the row meanwhile."""
        made = row.operation == "create" and error.code == "sql.constraint"
        if made and not self._upserts() and row.same in self._there([row]):
            return Outcome("conflict", code="sql.exists", message="the row is there already")
        return Outcome("rejected", code=error.code, message=error.message)

    def _upserts(self) -> bool:
        """Whether an insert may meet the row of another writer by an update. MariaDB would update
        whatever row shares any unique value, so there an insert stands alone and may fail."""
        dialect = self._connection.dialect
        return self._table.key == self._key and (dialect.merges or not dialect.ignores_case)

    def _write(self, run: list[Row]) -> dict[int, Outcome]:
        if run[0].operation == "delete":
            values = [value for row in run for value in row.key]
            text = f"DELETE FROM {self._table.text} WHERE {self._matching(len(run))}"
            self._connection.execute(text, values, self._where)
            return {row.number: Outcome("done", foreign_id=row.foreign_id) for row in run}
        there = self._there(run)
        gone = [row for row in run if row.operation == "update" and row.same not in there]
        self._insert([row for row in run if row.operation == "create" and row.same not in there])
        self._update([row for row in run if row.same in there and not row.moves])
        self._move([row for row in run if row.same in there and row.moves])
        conflict = Outcome("conflict", code="sql.gone", message="the row is no longer there")
        return {row.number: Outcome("done", foreign_id=row.foreign_id) for row in run} | {
            row.number: conflict for row in gone
        }

    def _there(self, run: list[Row]) -> set[str]:
        """Which of these keys have a row; the rows stay locked until the transaction ends."""
        names = ", ".join(self._connection.dialect.quote(name) for name in self._key)
        text = f"SELECT {names} FROM {self._table.text} WHERE {self._matching(len(run))}"
        values = [value for row in run for value in row.key]
        found = self._connection.rows(text + self._connection.dialect.locks, values, self._where)
        return {self._same(key) for key in found}

    def _insert(self, rows: list[Row]) -> None:
        if not rows:
            return
        dialect, columns = self._connection.dialect, rows[0].columns
        text = (
            upsert(dialect, self._table, columns, self._key, len(rows))
            if self._upserts()
            else insert(dialect, self._table, columns, len(rows))
        )
        self._connection.execute(text, [value for row in rows for value in row.values], self._where)

    def _update(self, rows: list[Row]) -> None:
        if not rows or all(column.name in self._key for column in rows[0].columns):
            return
        columns = rows[0].columns
        names = {column.name for column in columns}
        required = {column.name for column in self._table.columns if column.required}
        if self._table.key == self._key and required <= names:
            text = upsert(self._connection.dialect, self._table, columns, self._key, len(rows))
            self._connection.execute(text, [value for row in rows for value in row.values], self._where)
            return
        text = update(self._connection.dialect, self._table, columns, self._key)
        others = [at for at, column in enumerate(columns) if column.name not in self._key]
        self._connection.run_many(
            text, [[*(row.values[at] for at in others), *row.key] for row in rows], self._where
        )

    def _move(self, rows: list[Row]) -> None:
        """Rows that get another key, one by one: none of them can be met by an upsert."""
        if rows:
            text = update(self._connection.dialect, self._table, rows[0].columns, self._key, moves=True)
            self._connection.run_many(text, [[*row.values, *row.key] for row in rows], self._where)

    def _matching(self, rows: int) -> str:
        return matching(self._connection.dialect, self._table, self._key, rows)

    def find(self, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """Rows by key, in order."""
        known: dict[str, Found] = {}
        asked: list[str | None] = []
        rows: list[tuple[Any, ...]] = []
        for key in keys:
            try:
                values = tuple(self._of_key(name, key.get(name)) for name in self._key)
            except RecordRejected:
                asked.append(None)
                continue
            asked.append(self._same(values))
            rows.append(values)
        for at in range(0, len(rows), KEYS // len(self._key)):
            known |= self._found(rows[at : at + KEYS // len(self._key)])
        return [known.get(each) if each is not None else None for each in asked]

    def _of_key(self, name: str, value: Any) -> Any:
        column = self._table.column(name)
        assert column is not None
        if value is None:
            raise RecordRejected("sql.key", f"no value for the key column {name}")
        return self._value(column, value)

    def _found(self, keys: list[tuple[Any, ...]]) -> dict[str, Found]:
        names = [column.name for column in self._table.columns]
        text = f"SELECT {', '.join(map(self._connection.dialect.quote, names))} FROM {self._table.text}"
        text += f" WHERE {self._matching(len(keys))}"
        found: dict[str, Found] = {}
        for row in self._connection.rows(text, [value for key in keys for value in key], self._where):
            key = [row[names.index(name)] for name in self._key]
            found[self._same(key)] = Found(key_text(key), values=self._values(row))
        return found

    def _values(self, row: Sequence[Any]) -> Mapping[str, Any]:
        if self._connection.dialect.name == "sqlite":
            return as_stored(self._table, row, self._zone)
        values: dict[str, Any] = batch(self._table, [row], self._zone).to_pylist()[0]
        return values


def _runs(rows: Sequence[Row], parameters: int) -> Iterator[list[Row]]:
    """Consecutive changes of one operation with the same columns, each key once, few enough for one
    statement."""
    run: list[Row] = []
    keys: set[str] = set()
    for row in rows:
        fits = run and (row.operation, row.columns) == (run[0].operation, run[0].columns)
        if run and (not fits or row.same in keys or (len(run) + 1) * len(row.columns) > parameters):
            yield run
            run, keys = [], set()
        run.append(row)
        keys.add(row.same)
    if run:
        yield run
