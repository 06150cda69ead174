"""Clients as Authlib asks them, and their secrets."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

from hub.crypto import Cipher
from hub.errors import ConfigError
from hub.security import audit
from hub.security.actors import Actor
from hub.store import sso_clients
from hub.store.database import Database
from hub.workspace.explain import suggest
from hub.workspace.sso import ClientFile
from hub.workspace.workspace import Workspace

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANTS: Final = {"token_exchange": EXCHANGE, "device_code": DEVICE_CODE_GRANT_TYPE}
ROTATION: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):
    """One client of ``config/clients``. ``proves`` tells whether a text is its secret."""

    file: ClientFile
    proves: Callable[[str, str], bool]

    @property
    def name(self) -> str:
        """Its client_id."""
        return self.file.client

    def get_client_id(self) -> str:
        return self.file.client

    def get_default_redirect_uri(self) -> str | None:
        """None: a request names it, always (OpenID Connect Core 1.0, 3.1.2.1)."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of a scope it may ask for, in the order of its file; None where it asks for what it may not."""
        asked = (scope or "").split()
        return " ".join(dict.fromkeys(asked)) if set(asked) <= set(self.file.scopes) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Letter by letter (RFC 9700, 4.1.3)."""
        return redirect_uri in self.file.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self.proves(self.file.client, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """At every endpoint as its file says."""
        return method == self.file.auth

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.file.grants

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {GRANTS.get(one, one) for one in self.file.grants}

    @property
    def client_metadata(self) -> dict[str, Any]:
        """What Authlib's log-out asks for."""
        return {"post_logout_redirect_uris": self.file.logout.redirect_uris}


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secrets of clients, kept as HMAC-SHA256 under the master key: 256 random bits need no slow hash."""

    database: Database
    cipher: Callable[[], Cipher]
    clock: Callable[[], dt.datetime]

    def make(self, actor: Actor, client: str) -> str:
        """A new secret, which is stored nowhere; the former one holds for a day more."""
        text, moment = secrets.token_urlsafe(32), self.clock()
        cipher = self.cipher()
        hash_, master = cipher.blind_index(text, f"client/{client}"), cipher.ring.newest.hex()
        told = partial(_audited, actor)
        sso_clients.set_secret(self.database, client, hash_, master, moment + ROTATION, actor.name, moment, told)
        return text

    def proves(self, client: str, text: str) -> bool:
        """Whether it is the client's secret, or the former one that still holds. What is kept by an older master key is
        kept by the newest from now on."""
        row = sso_clients.secret(self.database, client)
        if row is None:
            return False
        hashes = [row.hash]
        if row.former_hash is not None and row.former_until is not None and self.clock() < row.former_until:
            hashes.append(row.former_hash)
        cipher = self.cipher()
        given = cipher.blind_indexes(text[:200], f"client/{client}")
        fits = any([hmac.compare_digest(mine, one) for one in given for mine in hashes])
        if fits and row.hash in given[1:]:
            sso_clients.follow(self.database, client, row.hash, given[0], cipher.ring.newest.hex())
        return fits


def named(workspace: Workspace, name: str) -> ClientFile:
    """A client of the workspace. ConfigError ``client.unknown``."""
    found = workspace.clients.get(name)
    if found is None:
        hint = suggest(name, workspace.clients) or "write config/clients/NAME.yaml"
        raise ConfigError("client.unknown", f"there is no client {name!r}", hint=hint)
    return found


def _audited(actor: Actor, connection: Any, action: str, name: str, details: Any) -> None:
    audit.record(connection, actor, action, f"client:{name}", details=dict(details))
