"""What a client would be told of a person who logs in there; nothing is written."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ConfigError
from hub.security.masking import Sight
from hub.store import sso_clients
from hub.workspace.sso import ClientFile
from sso.claims import told, wanted
from sso.ground import Provider, Whom


@dataclass(frozen=True, slots=True)
class Preview:
    """``sub`` is empty before the first log-in; of several ``accounts`` the person chooses one, with none he cannot log
    in. ``claims`` by place (userinfo, id_token)."""

    person: uuid.UUID
    sub: str
    accounts: Sequence[str]
    claims: Mapping[str, Mapping[str, Any]]

    def refused(self, file: ClientFile) -> bool:
        """Whether the person cannot log in there."""
        return file.system is not None and not self.accounts


def previewed(here: Provider, file: ClientFile, named: uuid.UUID, scopes: str | None, sight: Sight) -> Preview:
    """Of a person; ``scopes`` as if it asked for these only. ConfigError ``person.unknown``: he is not active."""
    identity = here.person(named)
    if identity is None:
        raise ConfigError("person.unknown", f"there is no active person {named}", hint="see: cophub entities")
    names = here.accounts(file, identity)
    sub = sso_clients.known_subject(here.hub.database, file.client, identity) or ""
    whom = Whom(identity, sub, names[0] if len(names) == 1 else None)
    asked = " ".join(file.scopes) if scopes is None else scopes
    places = ("userinfo", "id_token")
    claims = {place: told(here, file, whom, wanted(file, asked, None, place), sight) for place in places}
    return Preview(identity, sub, names, claims)
