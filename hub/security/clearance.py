"""Clearance: who may see classified values in the clear. It is asked for with a reason, and recorded before
anything is shown."""

from __future__ import annotations

from hub.errors import AuthError, ConfigError
from hub.security import audit
from hub.security.actors import Actor
from hub.security.decisions import Within, clear, nowhere
from hub.security.masking import CLASSIFIED, NOBODY, Sight
from hub.store.database import Database
from hub.workspace.roles import RolesFile

SHORTEST_REASON = 5


def sight_of(roles: RolesFile, actor: Actor, model: str, within: Within = nowhere) -> Sight:
    """What an actor may see of a model; for somebody else no more than both may. ``within`` tells to which
    organizations the record belongs: without it a role that is confined to some sees nothing."""
    return Sight(clear(roles, actor, model, within))


def unmask(
    database: Database,
    roles: RolesFile,
    actor: Actor,
    models: set[str],
    object: str,
    reason: str,
    within: Within = nowhere,
) -> Sight:
    """The sight of an actor over all ``models`` that are shown; the entry of it is committed when this
    answers. AuthError ``unmask.clearance`` where there is none (recorded as well)."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise ConfigError(
            "unmask.reason",
            "values are shown in the clear for a reason only",
            where="--reason",
            hint=f"--reason TEXT of {SHORTEST_REASON} letters or more, such as the number of the request; "
            "the audit chain keeps it",
        )
    sight = Sight(min((sight_of(roles, actor, model, within).clear for model in models), default=NOBODY.clear))
    allowed = sight.clear in CLASSIFIED
    details = {"models": sorted(models)} | ({"level": sight.clear} if allowed else {})
    action = "unmask.shown" if allowed else "unmask.refused"
    audit.note(database, actor, action, object, reason=reason.strip(), details=details)
    if not allowed:
        raise AuthError(
            "unmask.clearance",
            f"{actor.name} has no clearance for {', '.join(sorted(models))}",
            where="config/roles.yaml",
            hint="give a role that sees the level, or ask somebody who has one; this was recorded",
        )
    return sight
