"""How far comparisons of pulled to-dos have come that read their source in slices, as stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from hub.store.many import put
from hub.store.todo_drift_tables import todo_pass, todo_passed

At = tuple[str, str, str]
"""System, tenant and id of a to-do."""


def reached(connection: Connection, exchange: str) -> tuple[dt.datetime, str] | None:
    """When the pass that is under way began, and from which cursor it goes on."""
    query = select(todo_pass.c.began, todo_pass.c.position).where(todo_pass.c.exchange == exchange)
    row = connection.execute(query).tuples().one_or_none()
    return None if row is None else (row[0], row[1])


def passed(connection: Connection, exchange: str) -> set[At]:
    """The to-dos of its slices so far."""
    t = todo_passed.c
    query = select(t.system, t.tenant, t.source_id).where(t.exchange == exchange)
    return {(one[0], one[1], one[2]) for one in connection.execute(query).tuples()}


def advance(connection: Connection, exchange: str, began: dt.datetime, position: str, held: Collection[At]) -> None:
    """A slice is over: the next one goes on at ``position``. ``held`` are its to-dos that no earlier one had."""
    put(connection, todo_pass, [{"exchange": exchange, "began": began, "position": position}])
    rows = [{"exchange": exchange, "system": one[0], "tenant": one[1], "source_id": one[2]} for one in sorted(held)]
    if rows:
        connection.execute(insert(todo_passed), rows)


def end(connection: Connection, exchange: str) -> None:
    """The pass is over, or given up."""
    for table in (todo_pass, todo_passed):
        connection.execute(delete(table).where(table.c.exchange == exchange))
