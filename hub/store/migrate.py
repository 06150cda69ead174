"""Changing the tables, only when asked: expand, never narrow by itself.

The difference between the database and the workspace is computed anew each time, so an interrupted
migration is simply run again. Tables and columns that no model names any more are kept and told;
``contract=True`` removes them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations, ops
from sqlalchemy import Column, Connection
from sqlalchemy.exc import SAWarning

from hub.errors import ConfigError
from hub.failpoints import reach
from hub.store import tables
from hub.store.database import Database
from hub.store.models import SEARCH


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the database. ``kind``: expand (safe), contract (removes, only on request) or
    narrow (refused: values could be lost)."""

    kind: str
    text: str
    operation: Any


def pending(database: Database, connection: Connection) -> list[Step]:
    """What separates the database from the workspace, in the order it would be run."""

    def ours(obj: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
        if kind == "table" and reflected and compare_to is None:
            return bool(name and name[:2] in ("e_", "h_"))
        return not (kind == "index" and name and name.startswith(SEARCH))

    context = MigrationContext.configure(
        connection, opts={"compare_type": _type_differs, "include_object": ours}
    )
    # Alembic takes several, its annotation speaks of one.
    with warnings.catch_warnings():
        # of SQLite, that it does not read back the indexes which are compared below
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index", SAWarning)
        script = produce_migrations(context, database.metadata)  # type: ignore[arg-type] # several are allowed, says its text
    steps: list[Step] = []
    assert script.upgrade_ops is not None
    for operation in script.upgrade_ops.ops:
        inner = operation.ops if isinstance(operation, ops.ModifyTableOps) else [operation]
        steps += [_step(item) for item in inner]
    return steps + _searches(database, connection)


def _searches(database: Database, connection: Connection) -> list[Step]:
    """Indexes over expressions: there or not, by their names."""
    catalogue = (
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        if database.dialect == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'index'"
    )
    wanted = database.search_indexes()
    there = {name for name in connection.exec_driver_sql(catalogue).scalars() if name.startswith(SEARCH)}
    dropped = [Step("expand", f"drop index {name}", ops.ExecuteSQLOp(f'DROP INDEX "{name}"'))
               for name in sorted(there - wanted.keys())]  # fmt: skip
    made = [Step("expand", f"create index {name}", ops.ExecuteSQLOp(wanted[name]))
            for name in sorted(wanted.keys() - there)]  # fmt: skip
    return dropped + made


def migrate(
    database: Database,
    *,
    contract: bool = False,
    audited: Callable[[Connection, list[Step]], None] | None = None,
) -> list[Step]:
    """Run what is pending in one transaction, with its entry of the audit chain; answers the steps run.

    Raises ConfigError ``store.narrowing`` and changes nothing where a change could lose values.
    """
    with database.begin() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4207849484)")
        steps = pending(database, connection)
        if narrow := [step for step in steps if step.kind == "narrow"]:
            raise ConfigError(
                "store.narrowing",
                "; ".join(step.text for step in narrow),
                hint="add a new field beside it, map both, and remove the old one later with --contract",
            )
        operations = Operations(MigrationContext.configure(connection))
        run = [step for step in steps if step.kind == "expand" or contract]
        for step in run:
            operations.invoke(step.operation)
            reach("during_migration")
        if run and database.dialect == "postgresql":
            # Room on each page: a record seen again leaves the indexes alone (heap-only updates).
            connection.exec_driver_sql("ALTER TABLE shadow SET (fillfactor = 90)")
        state = tables.schema_state
        connection.execute(state.delete().where(state.c.name == "schema"))
        connection.execute(state.insert().values(name="schema", value=database.schema_hash()))
        if run and audited is not None:
            audited(connection, run)
    return run


def _step(operation: Any) -> Step:
    match operation:
        case ops.CreateTableOp():
            return Step("expand", f"create table {operation.table_name}", operation)
        case ops.AddColumnOp():
            column: Column[Any] = operation.column
            # A step makes its index; a column that asks for one as well would make it twice.
            alone = column._copy()
            alone.index = None
            told = f"add {operation.table_name}.{column.name} ({column.type})"
            return Step("expand", told, ops.AddColumnOp(operation.table_name, alone))
        case ops.CreateIndexOp():
            return Step("expand", f"create index {operation.index_name} on {operation.table_name}", operation)
        case ops.DropTableOp():
            return Step("contract", f"drop table {operation.table_name}", operation)
        case ops.DropColumnOp():
            return Step("contract", f"drop {operation.table_name}.{operation.column_name}", operation)
        case ops.DropIndexOp():
            return Step("expand", f"drop index {operation.index_name}", operation)
        case ops.AlterColumnOp():
            kind = "expand" if _widens(operation) else "narrow"
            return Step(
                kind,
                f"change {operation.table_name}.{operation.column_name} from "
                f"{operation.existing_type} to {operation.modify_type}",
                operation,
            )
    return Step("narrow", f"an unforeseen change: {type(operation).__name__}", operation)


def _widens(operation: ops.AlterColumnOp) -> bool:
    """A decimal with more digits on both sides of the point loses nothing."""
    old, new = operation.existing_type, operation.modify_type
    sizes = [getattr(kind, name, None) for kind in (old, new) for name in ("precision", "scale")]
    if not all(isinstance(size, int) for size in sizes):
        return False
    old_digits, old_scale, new_digits, new_scale = (int(size or 0) for size in sizes)
    return new_scale >= old_scale and new_digits - new_scale >= old_digits - old_scale


def _type_differs(
    context: MigrationContext,
    inspected: Column[Any],
    wanted: Column[Any],
    inspected_type: Any,
    wanted_type: Any,
) -> bool:
    """Compare the types as the database names them: decorators and variants only matter for that. Text of
    any length is one type under two names, whatever it collates by."""
    dialect = context.dialect
    assert dialect is not None
    old, new = (
        str(kind.compile(dialect)).split(" COLLATE")[0].upper().replace("VARCHAR", "TEXT")
        for kind in (inspected_type, wanted_type)
    )
    return old != new
