"""Who did what, on whose behalf, and why: entries of the audit chain (see ``hub.store.audit``).

``record`` appends inside the caller's transaction, so that what is done and the entry of it stand or fall
together. An entry holds no record's values: objects are named by ids, and what must be told of a person
goes into ``hashed``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from hub.security.actors import Actor
from hub.store import audit as chain
from hub.store.audit import Session, canonical
from hub.store.database import Database

ACTIONS: Final = {
    "run.applied": "A run wrote golden rows: one entry per output, in the same transaction.",
    "run.delivering": "A run began to send changes to a target.",
    "run.delivered": "A run finished sending changes to a target.",
    "run.failed": "A run stopped by an error.",
    "run.stopped": "A run ended between two batches, for it was stopped or is to wait; nothing failed.",
    "run.held": "A guard stopped a run before its first write.",
    "plan.made": "A plan was stored.",
    "plan.applied": "A stored plan was applied.",
    "plan.approved": "A plan over its guard was approved.",
    "plan.unchecked": "A stored plan was applied without reading its source again.",
    "plan.refused": "A plan was refused by a person.",
    "claims.checked": "A check refuted claims of a resource, or found that they hold again.",
    "drift.accepted": "A run went on though mapped fields of its source vanished or changed their type.",
    "guard.initial": "The guard of a first run was lifted (--initial).",
    "review.decided": "A person decided a review.",
    "entity.merged": "Two entities were merged.",
    "entity.unmerged": "A merge was undone.",
    "links.imported": "A cross-reference table was imported.",
    "quarantine.replayed": "Quarantined records were replayed.",
    "quarantine.dismissed": "Quarantined records were taken off the list.",
    "reconcile.healed": "A difference found by reconcile was healed.",
    "secret.set": "A secret was stored.",
    "secret.removed": "A secret was removed.",
    "secret.rotated": "Values of a table were sealed again under the newest master key.",
    "key.made": "A key of the API was made.",
    "key.rotated": "A key of the API got a new secret.",
    "key.revoked": "A key of the API was revoked.",
    "client.secret": "A client of the provider got a secret.",
    "client.key": "A key that signs for the provider was made.",
    "ticket.issued": "A ticket was made that logs somebody in to an application.",
    "ticket.redeemed": "An application was told whose a ticket is.",
    "ticket.refused": "A ticket was used up, and its application was not told whose it is.",
    "substitute.added": "Somebody stands in for another, for a time.",
    "substitute.ended": "A substitution was ended before its date.",
    "account.made": "A local account was made.",
    "account.password": "A local account got another password.",
    "account.disabled": "A local account was disabled.",
    "account.enabled": "A local account was enabled again.",
    "account.moved": "An account of a directory belongs to another person now.",
    "second.added": "An account got a second factor.",
    "second.removed": "The second factor of an account was removed.",
    "second.recovered": "A recovery code stood in for a second factor.",
    "second.renewed": "Recovery codes of an account were made anew.",
    "second.dropped": "The owner of an account took its codes by time away.",
    "passkey.added": "An account got a security key or passkey.",
    "passkey.removed": "A security key or passkey of an account was removed.",
    "passkey.cloned": "A key answered that had counted further before: there are two of it.",
    "login.linked": "Who somebody is elsewhere was linked to an account.",
    "login.unlinked": "Somebody known elsewhere has no account here, or is linked to his no more.",
    "session.begun": "Somebody logged in to the portal.",
    "session.ended": "Somebody logged out of the portal.",
    "session.recalled": "A provider said that somebody logged out there; his sessions by it ended.",
    "session.refused": "A log-in to the portal was refused.",
    "calendar.made": "A secret address of somebody's to-dos for calendar apps was made.",
    "calendar.revoked": "A secret address of somebody's to-dos opens nothing any more.",
    "todos.healed": "Differences between a source's to-dos and the hub's were healed.",
    "unmask.shown": "Classified values were shown in the clear.",
    "access.refused": "Somebody asked for an act of administration that is another's.",
    "unmask.refused": "Somebody without clearance asked for classified values.",
    "lookup.classified": "Entities were looked for by a classified value.",
    "todo.acted": "Somebody responded to a to-do, or took an action on it.",
    "todo.settled": "The system confirmed a response to a to-do, or refused it.",
    "switch.stopped": "An exchange, or what writes to a system, was stopped by hand.",
    "switch.resumed": "What was stopped by hand may go on.",
    "store.migrated": "The tables of the hub's database were changed.",
    "audit.forgotten": "The salt of an entry's hashed values was removed.",
}


def record(
    session: Session,
    actor: Actor,
    action: str,
    object: str,
    *,
    reason: str = "",
    before: str = "",
    after: str = "",
    details: Mapping[str, Any] | None = None,
    hashed: Mapping[str, Any] | None = None,
) -> int:
    """Append one entry in the caller's transaction (of ``Database.begin`` or ``Database.bulk``), as one of
    its last statements; answers its number. ``object`` is kind:id, such as plan:UUID; ``before`` and
    ``after`` are hashes of its content (``content_hash``); ``hashed`` values are kept as salted hashes."""
    if action not in ACTIONS:
        raise KeyError(f"the action {action!r} is not declared in hub.security.audit")
    return chain.append(
        session,
        actor=actor.name,
        on_behalf=actor.on_behalf,
        action=action,
        object=object,
        before=before,
        after=after,
        reason=reason,
        details=details,
        hashed=hashed,
    )


def note(database: Database, actor: Actor, action: str, object: str, **more: Any) -> int:
    """The same in a transaction of its own."""
    with database.begin() as connection:
        return record(connection, actor, action, object, **more)


def content_hash(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, for ``before`` and ``after``."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
