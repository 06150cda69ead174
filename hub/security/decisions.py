"""Who may do what: every decision about people who act is made here, and can be told why.

Two kinds of questions are asked. To *see* values of a level in the clear is a matter of clearance: a role that sees
the level, of the model, and of the organization where the role has one. To *administer* is divided into three parts, of
which nobody has two: the system (its tables and secrets), its security (who gets in), and the audit of both. What a key
of the API may do are its grants (``hub.security.access``); its roles say what it sees besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.errors import AuthError, ConfigError
from hub.security import audit
from hub.security.actors import Actor
from hub.security.masking import CLASSIFIED, NOBODY
from hub.store.database import Database
from hub.workspace.roles import Administration, Role, RolesFile

ADMINISTERED: Final[Mapping[str, tuple[Administration, str]]] = {
    "store.migrate": ("system", "change the tables of the hub's database"),
    "secrets.write": ("system", "set and remove secrets, rotate their master key"),
    "keys.write": ("security", "add, rotate and revoke keys of the API"),
    "accounts.write": ("security", "add, disable and enable accounts, set passwords"),
    "people.read": ("security", "look for people in the portal, and see which accounts are theirs and why"),
    "clients.read": ("security", "see applications in the portal, and what they are told of a person"),
    "exchanges.read": ("system", "see in the portal what is exchanged, its runs, plans and what was set aside"),
    "exchanges.write": ("system", "approve and apply plans in the portal, run exchanges, look at entries again"),
    "reviews.read": ("system", "see in the portal what a person decides about, beside its candidates, values masked"),
    "reviews.write": ("system", "decide in the portal whether records are the same"),
    "switches.write": ("system", "stop exchanges and what writes to a system, and let them go on"),
    "drift.read": ("system", "see in the portal what comparisons with sources and targets found"),
    "drift.write": ("system", "compare with sources and targets in the portal, and heal to-dos"),
    "reports.read": ("system", "see in the portal what was read, how fresh and how good it is, in numbers"),
    "mappings.read": ("system", "see in the portal how mappings are written, how their tests end, the way of a field"),
    "systems.read": ("system", "see in the portal how many accounts each system has"),
    "audit.read": ("audit", "read the audit chain, prove it, and anchor it"),
}
"""Action → the part of administration that it belongs to, and what it is."""
SEE: Final = "see"
Within = Callable[[Sequence[str]], bool]
"""Whether what is asked about belongs to one of these organizations, by their keys."""


def nowhere(organizations: Sequence[str]) -> bool:
    """Of what belongs to no organization: a role that is confined to some does not reach it."""
    return False


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of a decision: ``allows`` or not, why, and which role said so."""

    allows: bool
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``reasons`` are of all roles that were looked at; the first is the decisive one."""

    allowed: bool
    reasons: tuple[Reason, ...]


def clear(roles: RolesFile, actor: Actor, model: str, within: Within = nowhere) -> str:
    """The highest level of a model that an actor sees in the clear; for somebody else no more than both may."""
    names = {actor.name, actor.on_behalf} - {""}
    return min(_clear(roles, name, model, within) for name in names)


def _clear(roles: RolesFile, name: str, model: str, within: Within) -> str:
    given = (one.sees for one in roles.of(name).values() if not _beside(one, model, within))
    return max([NOBODY.clear, *given])


def _beside(role: Role, model: str, within: Within) -> str:
    """Why a role does not concern a model, or a record of it; empty where it does."""
    if role.models and model not in role.models:
        return f"it is for {', '.join(role.models)} only"
    if role.within and not within(role.within):
        return f"it is for people in {', '.join(role.within)} only"
    return ""


def see(roles: RolesFile, actor: Actor, model: str, level: str, within: Within = nowhere) -> Decision:
    """Whether an actor may see values of a level of a model in the clear."""
    if level not in CLASSIFIED:
        return Decision(True, (Reason(True, "access.public", f"{level} is shown to everybody who sees the record"),))
    found = [reason for name in actor.people for reason in _sees(roles, name, model, level, within)]
    allowed = clear(roles, actor, model, within) >= level
    return Decision(allowed, _decisive(found, allowed))


def _sees(roles: RolesFile, name: str, model: str, level: str, within: Within) -> Iterable[Reason]:
    mine = roles.of(name)
    if not mine:
        yield Reason(False, "access.roleless", f"{name} has no role")
    for role, one in mine.items():
        if why := _beside(one, model, within):
            yield Reason(False, "access.beside", f"{name} as {role}: {why}")
        elif one.sees < level:
            yield Reason(False, "access.level", f"{name} as {role}: it sees up to {one.sees}")
        else:
            told = f"{name} as {role}: it sees up to {one.sees}, for a reason that is recorded"
            yield Reason(True, "access.role", told)


def administer(roles: RolesFile, actor: Actor, action: str, *, named: bool = False) -> Decision:
    """Whether an actor may do an act of administration; for somebody else where both may. ``named``: only who is named
    as an administrator, because he has not shown that he has the command line. ConfigError ``access.action``."""
    if action not in ADMINISTERED:
        raise ConfigError(
            "access.action",
            f"there is no act of administration {action!r}",
            hint=f"one of {', '.join(ADMINISTERED)}, or {SEE}",
        )
    part, _ = ADMINISTERED[action]
    if not roles.separated and named:
        message = "config/roles.yaml names no administrators, and this is for nobody else"
        return Decision(False, (Reason(False, "access.unnamed", message),))
    if not roles.separated:
        message = "config/roles.yaml names no administrators: whoever has the command line is one"
        return Decision(True, (Reason(True, "access.undivided", message),))
    found = [_administers(roles, name, part) for name in actor.people]
    allowed = all(one.allows for one in found)
    return Decision(allowed, _decisive(found, allowed))


def _administers(roles: RolesFile, name: str, part: Administration) -> Reason:
    parts = {one.administers: role for role, one in roles.of(name).items() if one.administers}
    if len(parts) > 1:  # the check says so too; here it opens nothing
        return Reason(False, "access.several", f"{name} would administer {', '.join(sorted(map(str, parts)))} at once")
    if part in parts:
        return Reason(True, "access.role", f"{name} as {parts[part]}: it administers {part}")
    other = f" and administers {next(iter(parts))}" if parts else ""
    return Reason(False, "access.part", f"it belongs to {part}, and {name} is no administrator of it{other}")


def _decisive(found: Iterable[Reason], allowed: bool) -> tuple[Reason, ...]:
    return tuple(sorted(found, key=lambda one: one.allows is not allowed))


def require(database: Database, roles: RolesFile, actor: Actor, action: str, *, named: bool = False) -> None:
    """AuthError ``access.refused``, which is recorded."""
    decision = administer(roles, actor, action, named=named)
    if decision.allowed:
        return
    audit.note(database, actor, "access.refused", f"action:{action}", details={"code": decision.reasons[0].code})
    part, what = ADMINISTERED[action]
    raise AuthError(
        "access.refused",
        f"{actor.name} may not {what}: {decision.reasons[0].message}",
        where="config/roles.yaml",
        hint=f"ask an administrator of {part}; cophub explain access {actor.name} {action}; this was recorded",
    )
