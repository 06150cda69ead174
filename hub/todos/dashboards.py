"""To-dos of many persons as dashboards are shown them, and the hourly count that their history is made of."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.exchange.ground import Hub
from hub.exchange.spreadsheet import write_rows
from hub.security.masking import is_classified
from hub.store import dashboards
from hub.store.dashboards import DIMENSIONS, NONE, Condition, Scope
from hub.store.database import now
from hub.store.reports import key_texts
from hub.todos.feed import NAMES, titled

HEAD: Final = (
    "id", "person", "organization", "system", "source_id", "title", "status", "box", "outcome", "read", "urges",
    "priority", "since", "due", "changed_at", "definition", "node", "link",
)  # fmt: skip
"""The fields of a line, in the order of the columns of CSV."""
PAGE: Final = 1000
HOUR: Final = dt.timedelta(hours=1)


def lines(hub: Hub, scope: Scope, rows: Sequence[Mapping[str, Any]], language: str) -> list[Mapping[str, Any]]:
    """Lines as they are shown: ids of persons, organizations by their keys."""
    names = called(hub, scope, [row["organization"] for row in rows])
    return [_line(row, names, language) for row in rows]


def _line(row: Mapping[str, Any], names: Mapping[Any, str], language: str) -> Mapping[str, Any]:
    content = row["content"] or {}
    title = titled(content.get("title", {}), language or "en")
    told = {name: row[name] for name in HEAD if name in row}
    told |= {
        "id": row["todo"],
        "organization": names.get(row["organization"], ""),
        "title": title,
        "priority": NAMES[row["priority"]],
        "node": content.get("node", ""),
        "link": content.get("links", {}).get("pc", ""),
    }
    return {name: told[name] for name in HEAD}


def called(hub: Hub, scope: Scope, ids: Iterable[uuid.UUID | None]) -> dict[Any, str]:
    """What organizations are called: by their keys, or, where those are classified, by their ids."""
    wanted = {one for one in ids if one is not None and one != NONE}
    if not wanted or scope.organization is None:
        return {}
    model = hub.workspace.models[scope.organization.model]
    if any(is_classified(model.fields[name].level) for name in model.key):
        return {one: str(one) for one in wanted}
    return dict(key_texts(hub.database, model.model, wanted))


def csv_of(hub: Hub, scope: Scope, conditions: Sequence[Condition], language: str) -> Iterator[bytes]:
    """All lines as CSV, page by page; the mark at its beginning tells Excel that it is UTF-8."""
    after: Sequence[Any] | None = None
    head: Sequence[str] = HEAD
    yield b"\xef\xbb\xbf"
    while True:
        rows = dashboards.listed(hub.database, scope, conditions, after, PAGE)
        shown = lines(hub, scope, rows, language)
        yield _written(head, [[_cell(line[name]) for name in HEAD] for line in shown])
        if len(rows) < PAGE:
            return
        after, head = dashboards.place(rows[-1]), ()


def csv_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table as CSV."""
    return b"\xef\xbb\xbf" + _written(head, [[_cell(value) for value in row] for row in rows])


def _written(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    stream = io.StringIO()
    write_rows(stream, head, rows)
    text = stream.getvalue()
    return text.encode() if head else text.partition("\n")[2].encode()


def _cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if value is None:
        return ""
    return value if isinstance(value, str | int) and not isinstance(value, bool) else str(value)


# ------------------------------------------------------------ the history


@dataclass(slots=True)
class Counting:
    """A duty of the worker: at each hour it counts the to-dos, by all dimensions."""

    hub: Hub
    due: dt.datetime | None = None

    def turn(self) -> bool:
        """Once an hour, whoever of several workers comes first; answers whether it counted."""
        if self.due is not None and now() < self.due:
            return False
        moment = self.hub.clock()
        hour = moment.replace(minute=0, second=0, microsecond=0)
        self.due = now() + (hour + HOUR - moment)
        people = self.hub.workspace.hub.people
        if people is None:
            return False
        last = dashboards.remembered(self.hub.database)
        if last is not None and last >= hour:
            return False
        rows = dashboards.stats(self.hub.database, Scope(people.model, people.organization), DIMENSIONS, (), moment)
        with self.hub.database.begin() as connection:
            dashboards.remember(connection, hour, rows)
            dashboards.thin(connection, moment)
        return True
