"""Secret addresses of a person's to-dos for calendar apps: made, found and revoked.

Whoever has the address sees the to-dos: it is shown once, stored as a digest, and never logged.
"""

from __future__ import annotations

import uuid

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.security import access, audit
from hub.store import accounts, calendars
from hub.store.calendars import CalendarRow
from hub.store.database import new_id

PATH = "/v1/todos/calendar/{secret}.ics"


def add(hub: Hub, person: uuid.UUID) -> tuple[CalendarRow, str]:
    """A new address of a person, audited, and its secret."""
    secret, digest = access.new_secret()
    row = CalendarRow(new_id(), person, digest, hub.clock(), hub.actor.name)
    with hub.database.begin() as connection:
        calendars.add(connection, row)
        audit.record(connection, hub.actor, "calendar.made", f"calendar:{row.id}", details={"person": str(person)})
    return row, secret


def revoke(hub: Hub, person: uuid.UUID, identity: uuid.UUID | None) -> list[uuid.UUID]:
    """One address of a person, or all, audited. ConfigError ``calendar.unknown``."""
    with hub.database.begin() as connection:
        gone = calendars.revoke(connection, person, identity, hub.clock())
        for one in gone:
            audit.record(connection, hub.actor, "calendar.revoked", f"calendar:{one}", details={"person": str(person)})
    if not gone:
        raise ConfigError(
            "calendar.unknown", "there is no such address of his that opens anything", hint="cophub todos calendar list"
        )
    return gone


def find(hub: Hub, secret: str) -> CalendarRow:
    """The address of a secret, with the person as he is after merges. ConfigError ``calendar.unknown``, whatever is
    wrong with it."""
    row = calendars.find(hub.database, access.digest(secret))
    people = hub.workspace.hub.people
    if row is not None and people is not None:
        person = accounts.living(hub.database, people.model, row.person)
        if person is not None:
            return CalendarRow(row.id, person, row.digest, row.made_at, row.made_by)
    raise ConfigError(
        "calendar.unknown", "there is no such calendar, or it was revoked", hint="cophub todos calendar add PERSON"
    )
