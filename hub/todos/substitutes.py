"""Substitution: somebody stands in for another from a day to a day, for all he has to do, or for one to-do of his."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.security import audit
from hub.security.masking import mask
from hub.store import persons, substitutes
from hub.store.database import new_id
from hub.store.substitutes import Substitution, Whose

LONGEST: Final = dt.timedelta(days=366)


def add(
    hub: Hub,
    principal: uuid.UUID,
    substitute: uuid.UUID,
    since: dt.datetime | None,
    until: dt.datetime,
    systems: Sequence[str] = (),
    reason: str = "",
    todo: uuid.UUID | None = None,
) -> Substitution:
    """From ``since`` (None: now) to before ``until``, audited. ConfigError ``substitute.self``,
    ``substitute.dates``, ``system.unknown``, ``todo.unknown``."""
    moment = hub.clock()
    since = since or moment
    if principal == substitute:
        raise ConfigError("substitute.self", "nobody stands in for himself", hint="name another person")
    if not since < until or until <= moment or until - since > LONGEST:
        raise ConfigError(
            "substitute.dates",
            "it must end after it begins, not in the past, and within a year",
            where="until",
            hint="--from 2026-12-01 --until 2026-12-15",
        )
    for system in systems:
        if system not in hub.workspace.systems:
            raise ConfigError("system.unknown", f"the hub has no system {system!r}", hint="see: cophub systems")
    one = Substitution(
        new_id(), principal, substitute, todo, sorted(set(systems)), since, until, reason, hub.actor.name, moment
    )
    with hub.database.begin() as connection:
        if todo is not None and substitutes.has(connection, todo, principal) is None:
            raise ConfigError("todo.unknown", "the person has no such to-do to do", where="todo", hint="see /v1/todos")
        substitutes.add(connection, one)
        details = {
            "from": str(principal), "to": str(substitute), "since": since.isoformat(), "until": until.isoformat(),
            "systems": list(one.systems), "todo": str(todo or ""),
        }  # fmt: skip
        audit.record(
            connection, hub.actor, "substitute.added", f"substitution:{one.id}", reason=reason, details=details
        )
    return one


def end(hub: Hub, identity: uuid.UUID, reason: str = "") -> None:
    """Before its date, audited. ConfigError ``substitute.unknown``: there is none, or it is over."""
    with hub.database.begin() as connection:
        if not substitutes.end(connection, identity, hub.clock()):
            raise ConfigError(
                "substitute.unknown",
                f"there is no substitution {identity} that could be ended",
                hint="see: cophub todos substitute list",
            )
        audit.record(connection, hub.actor, "substitute.ended", f"substitution:{identity}", reason=reason)


def names(hub: Hub, identities: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What persons are shown as: ``people.name``, or their key, masked as anywhere."""
    people = hub.workspace.hub.people
    wanted = set(identities)
    if people is None or not wanted:
        return {}
    model = hub.workspace.models[people.model]
    field = people.name or model.key[0]
    with hub.database.begin(reading=True) as connection:
        texts = persons.texts(connection, hub.database, people.model, field, wanted)
    declared = model.fields[field]
    return {one: str(mask(text, declared.level, declared) or "…") for one, text in texts.items()}


def shown(
    hub: Hub, found: Sequence[Substitution], systems: Collection[str] | None = None
) -> list[Mapping[str, Any]]:
    """As people and programs are shown them, with what they name of ``systems`` (None: all)."""
    called = names(hub, {one for row in found for one in (row.principal, row.substitute)})
    moment = hub.clock()

    def who(one: uuid.UUID) -> Mapping[str, Any]:
        return {"person": one, "name": called.get(one, "")}

    return [
        {
            "id": row.id,
            "from": who(row.principal),
            "to": who(row.substitute),
            "todo": row.todo,
            "systems": [one for one in row.systems if systems is None or one in systems],
            "since": row.since,
            "until": row.until,
            "state": row.state(moment),
            "reason": row.reason,
            "by": row.made_by,
            "made_at": row.made_at,
            "ended_at": row.ended_at,
        }
        for row in found
    ]


def whose(hub: Hub, person: uuid.UUID, *, maybe: bool = True) -> Whose:
    """Whose to-dos a person sees now, for whom it ``maybe`` that he stands in for somebody (``people.known``). Who
    stands in for his substitute does not reach his."""
    if not maybe:
        return Whose(person)
    others = substitutes.standing_in(hub.database, person, hub.clock())
    return Whose(person, tuple(others), names(hub, {one.principal for one in others}))
