"""The hub's to-dos as a source of mappings: ``from: hub.todos``. A record is what one person has of one to-do.

A read without a token gives all there is. With one, it gives the to-dos that changed since, those of persons who
changed since, and as deleted what a person has no more; see ``hub.store.changes`` for why nothing is left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.contract import Page, Query, key_text
from hub.errors import Fatal
from hub.exchange.ground import Hub
from hub.security.masking import is_classified
from hub.store import changes, persons, pushing
from hub.store.changes import Changes, Place
from hub.store.todos import stamp
from hub.todos.feed import NAMES, titled

AT_ONCE: Final = 500
MANY: Final = 5_000
"""Persons that changed; where they are more, all is read."""
PARTS: Final = ("text", "definition", "process", "node", "created", "links", "responses", "actions")
NO_LANGUAGE: Final = "any"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to which commits of to-dos and of persons a read has come."""

    todos: int
    people: int

    def text(self) -> str:
        return orjson.dumps([self.todos, self.people]).decode()


def pages(hub: Hub, query: Query) -> Iterator[Page]:
    """The pages of one read; Fatal ``token.expired`` where it cannot go on from the token."""
    people = hub.workspace.hub.people
    database = hub.database
    mark = _Mark(changes.latest(database), stamp(database, people.model)[0] if people else 0)
    since = None if query.token is None else _known(query.token, mark)
    if since is not None and since.todos < changes.forgotten(database):
        raise _expired("it is older than what the hub remembers (keep_events of config/hub.yaml)")
    gone: set[pushing.Pair] = set()
    count = 0
    for found in _found(hub, since):
        shown = _shown(found)
        if since is not None:
            gone |= pushing.held(database, [identity for identity, _ in found.found]) - shown.keys()
        lines = _records(hub, shown)
        yield Page(b"".join(lines), len(lines), "to-dos of the hub", count + 1)
        count += len(lines)
        gone -= shown.keys()
    if since is not None:
        gone |= pushing.left(database, since.todos)
    deleted = tuple(key_text(pair) for pair in sorted(gone))
    yield Page(b"", 0, "to-dos of the hub", count + 1, last=True, token=mark.text(), deleted=deleted)


def _known(text: str, now: _Mark) -> _Mark:
    try:
        todos, people = orjson.loads(text)
        found = _Mark(int(todos), int(people))
    except (ValueError, TypeError):
        raise _expired("it cannot be read") from None
    if found.todos > now.todos or found.people > now.people:
        raise _expired("it is of a later state of the hub than there is")
    return found


def _expired(why: str) -> Fatal:
    return Fatal(
        "token.expired",
        f"the last read cannot be gone on from: {why}",
        where="hub.todos",
        hint="a full read starts anew",
    )


def _found(hub: Hub, since: _Mark | None) -> Iterator[Changes]:
    """What changed, in the order of commits; then the to-dos of persons who did."""
    if since is not None:
        yield from _of_changed_people(hub, since)
    place = Place(since.todos if since else 0)
    while True:
        found = changes.of_all(hub.database, None, place, AT_ONCE)
        yield found
        if len(found.found) < AT_ONCE:
            return
        identity, seq = found.found[-1]
        place = Place(seq, identity)


def _of_changed_people(hub: Hub, since: _Mark) -> Iterator[Changes]:
    people = hub.workspace.hub.people
    if people is None:
        return
    with hub.database.begin(reading=True) as connection:
        rows = persons.changed(
            connection, hub.database, people.model, set(people.receivers.values()), since.people, MANY
        )
    if rows is None:
        raise _expired(f"more than {MANY} persons changed")
    todos = pushing.of_persons(hub.database, [identity for identity, _ in rows])
    for start in range(0, len(todos), AT_ONCE):
        yield changes.of_these(hub.database, todos[start : start + AT_ONCE])


def _shown(found: Changes) -> dict[pushing.Pair, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The rows of the to-do and of who has it, by both."""
    return {
        (identity, one["person"]): (found.rows[identity], one)
        for identity, receivers in found.receivers.items()
        for one in receivers
        if one["person"] is not None
    }


def _records(
    hub: Hub, shown: Mapping[pushing.Pair, tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> list[bytes]:
    called = _called(hub, sorted({person for _, person in shown}))
    return [
        orjson.dumps(_record(row, one) | called.get(person, {}), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
        for (_, person), (row, one) in shown.items()
    ]


def _called(hub: Hub, wanted: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """What persons are called by. A classified field is nobody's name elsewhere."""
    people = hub.workspace.hub.people
    if people is None or not wanted:
        return {}
    found: dict[uuid.UUID, dict[str, Any]] = {person: {} for person in wanted}
    fields = hub.workspace.models[people.model].fields
    with hub.database.begin(reading=True) as connection:
        for kind, field in people.receivers.items():
            if not is_classified(fields[field].level):
                texts = persons.texts(connection, hub.database, people.model, field, wanted)
                for person, text in texts.items():
                    found[person][kind] = text
        for person, systems in pushing.accounts(connection, people.model, wanted).items():
            found[person]["accounts"] = {name: min(keys) for name, keys in systems.items() if len(keys) == 1}
    return found


def _record(row: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    content = row["content"] or {}
    titles = {name or NO_LANGUAGE: text for name, text in content.get("title", {}).items()}
    return {
        "todo": row["id"],
        "person": one["person"],
        "system": row["system"],
        "tenant": row["tenant"],
        "id": row["source_id"],
        "box": one["box"],
        "status": row["status"],
        "outcome": one["outcome"] or row["outcome"],
        "read": one["read"],
        "urges": one["urges"],
        "since": one["since"],
        "changed": row["changed_at"],
        "title": titled(content.get("title", {}), "en"),
        "titles": titles,
        "priority": NAMES[one["priority"]],
        "due": one["due_at"],
        "attributes": {name: part["value"] for name, part in content.get("attributes", {}).items()},
        **{name: content[name] for name in PARTS if name in content},
    }
