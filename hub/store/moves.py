"""To-dos that pass to other persons: noted for the lists that they leave."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from typing import Final

from sqlalchemy import Connection, func, select, update

from hub.store.database import now
from hub.store.feed_tables import todo_left
from hub.store.many import among, batches, put
from hub.store.todo_tables import todo

SEQUENCE: Final = "@todo"
"""Of commits to to-dos: whoever writes them takes its next number first, and holds its row."""
MILLISECOND: Final = dt.timedelta(milliseconds=1)
Left = tuple[uuid.UUID, uuid.UUID, str]
"""(person, to-do, system)"""


def leave(connection: Connection, rows: Iterable[Left], seq: int, moment: dt.datetime) -> None:
    """Note that persons lost to-dos to others. In the transaction that gives them away."""
    values = [
        {"person": person, "todo": identity, "system": system, "seq": seq, "left_at": moment}
        for person, identity, system in sorted(set(rows), key=str)
    ]
    put(connection, todo_left, values)


def following(connection: Connection, moment: dt.datetime) -> dt.datetime:
    """The time of this commit: the moment in whole milliseconds, or where a clock is behind another one's, just after
    the last commit. Whoever asks holds the row of ``SEQUENCE``, so that times follow each other as commits do."""
    last = connection.scalar(select(func.max(todo.c.changed_at)))
    least = MILLISECOND + last if last is not None else moment
    return floor(max(moment, least))


def floor(moment: dt.datetime) -> dt.datetime:
    """In whole milliseconds, which is what readers of times keep."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def touched(connection: Connection, identities: Collection[uuid.UUID], seq: int) -> None:
    """Note a commit at to-dos whose own values stay as they were, but not who has them."""
    if not identities:
        return
    values = {"seq": seq, "changed_at": following(connection, now())}
    for some in batches(sorted(identities)):
        connection.execute(update(todo).where(among(connection, todo.c.id, some)).values(**values))
