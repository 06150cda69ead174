"""What the provider stands on: the hub, its rules, its clients, keys and secrets, and who a person is to a client."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from hub.crypto import Cipher
from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.security.rates import STRANGERS, Buckets
from hub.store import acts, sso_clients
from hub.store.accounts import living
from hub.workspace.sso import PATH, ClientFile, Sso
from hub.workspace.strict import seconds
from sso.clients import Client, Secrets
from sso.keys import Keys

CONTEXTS: Final = ("urn:cophub:acr:1", "urn:cophub:acr:2")
"""The authentication contexts of a log-in by one factor, and by two."""


@dataclass(frozen=True, slots=True)
class Whom:
    """A person as a client knows him: his entity as it is today, his sub, his account in the client's system."""

    person: uuid.UUID
    sub: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Provider:
    """Made once per process. ``strangers`` are the requests that have a row each, by address: what somebody finishes
    is given back."""

    hub: Hub
    rules: Sso
    keys: Keys
    ticket_keys: Keys
    secrets: Secrets
    strangers: Buckets = field(default_factory=lambda: Buckets(*STRANGERS))

    @property
    def issuer(self) -> str:
        """As configured; a request's Host says nothing."""
        return f"{self.hub.workspace.hub.address}{PATH}"

    @property
    def model(self) -> str:
        """The model of people."""
        people = self.hub.workspace.hub.people
        if people is None:
            raise ConfigError("sso.people", "the hub does not know people", hint="declare people.model")
        return people.model

    def now(self) -> dt.datetime:
        return self.hub.clock()

    def after(self, lasts: str) -> dt.datetime:
        """The moment a duration from now."""
        return self.now() + dt.timedelta(seconds=seconds(lasts))

    def client(self, name: str | None) -> Client | None:
        """A client by its client_id."""
        file = self.hub.workspace.clients.get(name or "")
        return None if file is None else Client(file, self.secrets.proves)

    def accounts(self, file: ClientFile, person: uuid.UUID) -> list[str]:
        """A person's accounts in the client's system; of a client that is no system, none."""
        if file.system is None:
            return []
        return acts.accounts(self.hub.database, self.model, file.system, person)

    def person(self, named: uuid.UUID) -> uuid.UUID | None:
        """Who somebody is today; None where he is disabled or gone."""
        return living(self.hub.database, self.model, named)

    def whom(self, file: ClientFile, named: uuid.UUID, name: str | None, sub: str | None = None) -> Whom | None:
        """The person of a log-in at a client as he is today, by the ``sub`` that it was told; None where he, or his
        account there, is gone."""
        person = self.person(named)
        if person is None or (file.system is not None and name not in self.accounts(file, person)):
            return None
        sub = sub or sso_clients.subject(self.hub.database, file.client, person, self.now(), named)
        return Whom(person, sub, name)


def provider(hub: Hub, sealing: Callable[[str], Cipher]) -> Provider | None:
    """Of an open hub; None where it is none. ``sealing`` gives the cipher of a purpose."""
    rules = hub.workspace.hub.sso
    if rules is None:
        return None
    database = hub.database
    cipher = cache(lambda: sealing("sso"))
    keys = Keys(database, cipher, rules, hub.clock, hub.actor)
    ticket_keys = Keys(database, cipher, rules, hub.clock, hub.actor, "Ed25519")
    return Provider(hub, rules, keys, ticket_keys, Secrets(database, cipher, hub.clock))


def digest(text: str) -> str:
    """SHA-256 in hex: what is kept of a code or token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fresh(kind: str) -> str:
    """A new random text of 256 bits; its beginning tells what it is to who finds it somewhere."""
    return f"{kind}_{secrets.token_urlsafe(32)}"


def public(session: str) -> str:
    """What clients call a session (sid): it does not lead back to it."""
    return hashlib.sha256(f"sid {session}".encode()).hexdigest()[:32]


def stamp(moment: dt.datetime) -> int:
    """Seconds of Unix."""
    return int(moment.timestamp())


def without_blanks(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Claims that have a value."""
    return {name: value for name, value in claims.items() if value not in (None, "")}
