"""What changed since a reader was here last: to-dos that are there or changed, and those that left.

A reader keeps a cursor. It begins without one, gets all there is, page by page, and goes on with the last page's
cursor. What it is given twice is the same again; nothing is ever left out: see ``hub.store.changes``.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.errors import ConfigError, RecordRejected
from hub.store import changes
from hub.store.changes import Changes, Place
from hub.store.database import Database
from hub.store.substitutes import Whose
from hub.todos.feed import NAMES, shown, titled

AT_ONCE = 200
START = Place()


@dataclass(frozen=True, slots=True)
class View:
    """Whose list is followed: a person's (None: everybody's), in one box or in all (""), of the systems that the
    reader may see (None: all), with titles in a language or in all (""). ``whose``: for whom the person stands in."""

    person: uuid.UUID | None
    box: str = ""
    systems: Sequence[str] | None = None
    language: str = ""
    whose: Whose | None = None

    @property
    def his(self) -> Whose:
        """Whose to-dos the person's list is made of."""
        assert self.person is not None
        return self.whose or Whose(self.person)

    @property
    def mark(self) -> str:
        """What a cursor is good for: with another person, box or scope, removals would be missing."""
        told = [str(self.person or ""), self.box, None if self.systems is None else list(self.systems)]
        if self.whose is not None:  # where he stands in for others than before, or they were merged, all is read anew
            told += [f"{one.id} {one.principal}" for one in self.whose.others]
        return hashlib.sha256(orjson.dumps(told)).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader stands. ``begun`` is the last commit when he began with nothing: what left before, he never
    had."""

    place: Place = START
    begun: int = 0

    def text(self, view: View) -> str:
        told = [view.mark, self.place.seq, str(self.place.todo or ""), self.begun]
        return base64.urlsafe_b64encode(orjson.dumps(told)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Page:
    """What changed, in the order of commits. ``more``: ask again at once."""

    items: Sequence[Mapping[str, Any]]
    removed: Sequence[uuid.UUID]
    next: Cursor
    more: bool

    @property
    def empty(self) -> bool:
        return not self.items and not self.removed


def read(text: str, view: View, latest: int) -> Cursor:
    """A cursor of before. RecordRejected ``cursor.malformed``; ConfigError ``cursor.old`` where it is another view's,
    or of a store that has not come so far (it was restored)."""
    try:
        mark, seq, todo, begun = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not all(isinstance(number, int) and 0 <= number < 2**63 for number in (seq, begun)):
            raise ValueError
        found = Cursor(Place(seq, uuid.UUID(todo) if todo else None), begun)
    except (ValueError, TypeError, AttributeError):
        raise RecordRejected(
            "cursor.malformed", "this is no cursor of changes", where="since", hint="take it from next, as it is"
        ) from None
    if mark != view.mark:
        raise _old("the cursor is of another person, box or scope")
    if max(seq, begun) > latest:
        raise _old("the cursor is of a later state of the hub than there is")
    return found


def _old(why: str) -> ConfigError:
    return ConfigError(
        "cursor.old", why, where="since", hint="read all anew: forget what you have, and ask without since"
    )


def begin(database: Database) -> Cursor:
    """Behind all that there is."""
    return Cursor(Place(changes.latest(database)))


def since(database: Database, view: View, text: str | None) -> Cursor:
    """The cursor of a text, or of who begins with nothing; the errors of ``read``."""
    latest = changes.latest(database)
    return Cursor(begun=latest) if text is None else read(text, view, latest)


def page(database: Database, view: View, cursor: Cursor, limit: int = AT_ONCE) -> Page:
    """What changed since. ConfigError ``cursor.old`` where removals of then are known no more."""
    if view.person is None:
        found = changes.of_all(database, view.systems, cursor.place, limit)
    else:
        found = changes.of_person(database, view.his, view.systems, cursor.place, limit)
        if max(cursor.place.seq, cursor.begun) < found.forgotten:
            raise _old("the cursor is older than what the hub remembers (keep_events of config/hub.yaml)")
    items: list[Mapping[str, Any]] = []
    removed: list[uuid.UUID] = []
    for identity, seq in found.found:
        item = _item(found, identity, view)
        if item is not None:
            items.append(item)
        elif seq > cursor.begun:
            removed.append(identity)
    more = len(found.found) == limit
    return Page(items, removed, Cursor(_next(found, cursor.place, more=more), cursor.begun), more)


def _next(found: Changes, place: Place, *, more: bool) -> Place:
    if more:
        identity, seq = found.found[-1]
        return Place(seq, identity)
    seen = found.found[-1][1] if found.found else 0
    return Place(max(found.upto, seen, place.seq))


def _item(found: Changes, identity: uuid.UUID, view: View) -> Mapping[str, Any] | None:
    """As it is seen now; None where it is not."""
    row = found.rows.get(identity)
    if row is None:
        return None
    if view.person is not None:
        there = row["box"] and (not view.box or row["box"] == view.box)
        there = there and (view.systems is None or row["system"] in view.systems)
        return shown(row, view.language, view.his) if there else None
    receivers = [one for one in found.receivers.get(identity, ()) if not view.box or one["box"] == view.box]
    return _whole(row, receivers, view.language) if receivers else None


def _whole(
    row: Mapping[str, Any], receivers: Sequence[Mapping[str, Any]], language: str
) -> Mapping[str, Any]:
    """A to-do with the persons who have it; nobody's receiver has none."""
    content = row["content"] or {}
    return {
        "id": row["id"],
        "system": row["system"],
        "tenant": row["tenant"],
        "source_id": row["source_id"],
        "title": titled(content.get("title", {}), language),
        "status": row["status"],
        "outcome": row["outcome"],
        "priority": NAMES[receivers[0]["priority"]],
        "due": receivers[0]["due_at"],
        "changed_at": row["changed_at"],
        **{name: content.get(name, "") for name in ("definition", "process", "node")},
        "people": [
            {name: one[name] for name in ("person", "box", "outcome", "read", "since")} for one in receivers
        ],
    }
