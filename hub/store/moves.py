"""To-dos that pass to other persons: noted for the lists that they leave."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from typing import Final

from sqlalchemy import Connection, update

from hub.store.feed_tables import todo_left
from hub.store.many import among, batches, put
from hub.store.todo_tables import todo

SEQUENCE: Final = "@todo"
"""Of commits to to-dos: whoever writes them takes its next number first, and holds its row."""
Left = tuple[uuid.UUID, uuid.UUID, str]
"""(person, to-do, system)"""


def leave(connection: Connection, rows: Iterable[Left], seq: int, moment: dt.datetime) -> None:
    """Note that persons lost to-dos to others. In the transaction that gives them away."""
    values = [
        {"person": person, "todo": identity, "system": system, "seq": seq, "left_at": moment}
        for person, identity, system in sorted(set(rows), key=str)
    ]
    put(connection, todo_left, values)


def touched(connection: Connection, identities: Collection[uuid.UUID], seq: int) -> None:
    """Note a commit at to-dos whose own values stay as they were, but not who has them."""
    for some in batches(sorted(identities)):
        connection.execute(update(todo).where(among(connection, todo.c.id, some)).values(seq=seq))
