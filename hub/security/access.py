"""Keys of the API: what they look like, what they allow, and who is let in by one.

A key is ``cop_ID_SECRET``: the id finds it, the secret (256 random bits) proves it; only the secret's
SHA-256 is stored, which is enough for what cannot be guessed. It holds grants (``KIND:read``,
``KIND:write``), and may be confined to models, exchanges or systems: every query starts from there.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hub.errors import AuthError, ConfigError
from hub.security import audit
from hub.security.actors import Actor
from hub.store import access
from hub.store.access import KeyRow
from hub.store.database import Database
from hub.store.reports import entities
from hub.workspace.shape import MappingFile
from hub.workspace.workspace import Workspace

PREFIX: Final = "cop_"
FORM: Final = re.compile(r"cop_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
GRANTS: Final = {
    "entities:read": "golden records, classified values masked",
    "exchanges:read": "exchanges and their state",
    "runs:read": "the journal of runs",
    "runs:write": "run an exchange, apply a plan",
    "plans:read": "plans with their changes, classified values masked",
    "plans:write": "approve and reject plans, as the key's name",
    "quarantine:read": "what was set aside, classified values masked",
    "quarantine:write": "replay and dismiss what was set aside",
    "reviews:read": "reviews with their candidates, classified values masked",
    "reviews:write": "decide reviews, as the key's name",
    "events:write": "push events of records",
    "todos:read": "to-dos of any person, of the systems it may see",
    "todos:act": "respond to to-dos in the name of any person, of the systems it may see",
    "todos:write": "report to-dos of the systems it may speak for",
    "todos:heal": "heal differences between a source's to-dos and the hub's",
    "people:read": "people, their posts and accounts, and organizations, classified values masked",
    "substitutes:write": "say who stands in for whom",
    "scim:read": "what SCIM clients wrote, of the systems it may see",
    "scim:write": "write people and groups by SCIM, as the systems it may speak for",
}
CONFINED: Final = ("models", "exchanges", "systems", "organizations")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of a key, or of a client of the hub's provider, what it may do, and where. ``within`` without
    a kind is not confined by it."""

    name: str
    grants: frozenset[str]
    within: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kind: Literal["key", "client"] = "key"

    @property
    def actor(self) -> Actor:
        """Who it is in plans, reviews and the audit chain."""
        return Actor(f"{self.kind}:{self.name}")

    def require(self, grant: str) -> None:
        """AuthError ``key.grant``."""
        if grant not in self.grants:
            raise AuthError(
                "key.grant",
                f"the {self.kind} {self.name!r} does not allow {grant}",
                hint=f"cophub keys add NAME --grant {grant}"
                if self.kind == "key"
                else f"ask for the scope {grant}, and write it under scopes of config/clients/{self.name}.yaml",
            )

    def models(self, workspace: Workspace) -> frozenset[str]:
        """Models that it may see."""
        return self._of("models", workspace.models)

    def exchanges(self, workspace: Workspace) -> frozenset[str]:
        """Exchanges that it may see: those named, between places that it may see."""
        return frozenset(
            name
            for name in self._of("exchanges", workspace.mappings)
            if self._sees(workspace, workspace.mappings[name])
        )

    def everything(self) -> bool:
        """Whether it is confined to nothing: it may see what no exchange or model of today speaks of."""
        return not any(self.within.get(kind) for kind in CONFINED)

    def systems(self, workspace: Workspace) -> frozenset[str]:
        """Systems whose records it may see."""
        return self._of("systems", workspace.systems)

    def place(self, workspace: Workspace, system: str) -> bool:
        """Whether it may see a system's records."""
        return system in self._of("systems", workspace.systems)

    @property
    def organizations(self) -> frozenset[uuid.UUID] | None:
        """Organizations whose people's to-dos it may see, each with all below it; None: everybody's."""
        named = self.within.get("organizations")
        return frozenset(map(uuid.UUID, named)) if named else None

    def _of(self, kind: str, there: Mapping[str, Any]) -> frozenset[str]:
        named = self.within.get(kind)
        return frozenset(there) & named if named else frozenset(there)

    def _sees(self, workspace: Workspace, mapping: MappingFile) -> bool:
        models, systems = self.models(workspace), self._of("systems", workspace.systems)
        if mapping.from_.partition(".")[0] in workspace.own and self.within.get("systems"):
            return False  # it reads the to-dos of all systems
        into = (output.into for output in mapping.outputs)
        places = [one for one in (mapping.from_, *into) if one.partition(".")[0] not in workspace.own]
        return all(
            place.partition(".")[0] in systems if "." in place else place in models for place in places
        )


def new_secret() -> tuple[str, str]:
    """The secret half of a key, and its digest."""
    secret = secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make(
    database: Database,
    workspace: Workspace,
    actor: Actor,
    name: str,
    grants: Sequence[str],
    within: Mapping[str, Sequence[str]],
    expires_at: dt.datetime | None,
    moment: dt.datetime,
) -> str:
    """A new key, whole: it is shown once and stored nowhere. ConfigError ``key.grant``, ``key.within``,
    ``key.name``, ``key.taken``."""
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", name) is None:
        raise ConfigError(
            "key.name", f"{name!r} is no name of a key", hint="small letters, digits, dot, dash; at most 63"
        )
    _require_known(workspace, grants, {kind: names for kind, names in within.items() if kind != "organizations"})
    if within.get("organizations"):
        within = {**within, "organizations": _organizations(database, workspace, grants, within["organizations"])}
    identity = base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]
    secret, hashed = new_secret()
    row = KeyRow(identity, name, hashed, sorted(set(grants)), within, moment, actor.name, expires_at)
    access.add(database, row, _audited(actor))
    return f"{PREFIX}{identity}_{secret}"


def rotate(database: Database, actor: Actor, name: str, lasts: dt.timedelta, moment: dt.datetime) -> str:
    """A key's new text; the former holds for ``lasts``."""
    row = access.named(database, name)
    secret, hashed = new_secret()
    access.rotate(database, name, hashed, moment + lasts, _audited(actor))
    return f"{PREFIX}{row.id}_{secret}"


def revoke(database: Database, actor: Actor, name: str) -> None:
    """ConfigError ``key.unknown``."""
    access.revoke(database, name, _audited(actor))


def caller_of(database: Database, text: str, moment: dt.datetime) -> Caller:
    """Whose key this is. AuthError ``key.refused``: what is wrong with it is not told to a stranger."""
    form = FORM.fullmatch(text)
    row = access.find(database, form[1]) if form else None
    given = digest(form[2] if form else "")  # what has not its form may be no text that can be encoded
    good = row is not None and hmac.compare_digest(given, row.digest)
    if row is not None and not good and row.former_digest and row.former_until and moment < row.former_until:
        good = hmac.compare_digest(given, row.former_digest)
    return _let_in(database, row if good else None, moment)


def caller_with(database: Database, identity: str, moment: dt.datetime) -> Caller:
    """Whose key has this public half: for who has proven it in another way. AuthError ``key.refused``."""
    return _let_in(database, access.find(database, identity), moment)


def _let_in(database: Database, row: KeyRow | None, moment: dt.datetime) -> Caller:
    expired = row is not None and row.expires_at is not None and moment >= row.expires_at
    if row is None or expired or row.revoked_at is not None:
        raise AuthError(
            "key.refused",
            "the key is unknown, expired or revoked",
            hint="send one after Bearer in the header Authorization; cophub keys tells which there are",
        )
    access.used(database, row, moment)
    within = {kind: frozenset(values) for kind, values in row.within.items() if values}
    return Caller(row.name, frozenset(row.grants), within)


def _require_known(
    workspace: Workspace, grants: Sequence[str], within: Mapping[str, Sequence[str]]
) -> None:
    for grant in grants:
        if grant not in GRANTS:
            raise ConfigError("key.grant", f"there is no grant {grant!r}", hint=f"one of {', '.join(GRANTS)}")
    if not grants:
        raise ConfigError(
            "key.grant", "the key would allow nothing", hint=f"--grant, one of {', '.join(GRANTS)}"
        )
    there = {"models": workspace.models, "exchanges": workspace.mappings, "systems": workspace.systems}
    for kind, names in within.items():
        for name in names:
            if name not in there[kind]:
                raise ConfigError(
                    "key.within",
                    f"there is no {kind.removesuffix('s')} {name!r}",
                    hint=f"one of {', '.join(sorted(there[kind]))}",
                )


def _organizations(
    database: Database, workspace: Workspace, grants: Sequence[str], called: Sequence[str]
) -> list[str]:
    """The ids of organizations by their keys or ids. Only lists of to-dos and people know organizations: a key that
    is confined to some may not do anything else."""
    people = workspace.hub.people
    if people is None or people.organization is None:
        raise ConfigError(
            "key.within",
            "this hub does not say where people belong",
            where="config/hub.yaml: people",
            hint="declare people.organization",
        )
    if not set(grants) <= {"todos:read", "people:read"}:
        raise ConfigError(
            "key.within",
            "a key that is confined to organizations reads to-dos and people, and nothing else",
            hint="--grant todos:read, --grant people:read, or leave --organization out",
        )
    return [str(organization(database, people.organization.model, one)) for one in called]


def organization(database: Database, model: str, called: str) -> uuid.UUID:
    """An organization by its key or id. ConfigError ``organization.unknown``, ``id.ambiguous``."""
    found = entities(database, model, called, 2)
    if len(found) != 1:
        raise ConfigError(
            "id.ambiguous" if found else "organization.unknown",
            f"several organizations are called {called!r}" if found else f"there is no organization {called!r}",
            hint=f"see /v1/entities/{model}",
        )
    return found[0].id


def _audited(actor: Actor) -> access.Audited:
    def entry(connection: Any, action: str, name: str, details: Mapping[str, Any]) -> None:
        audit.record(connection, actor, action, f"key:{name}", details=dict(details))

    return entry
