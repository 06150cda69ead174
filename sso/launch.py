"""The applications that a person may open from the portal, and where each begins. Addresses come from the files of
clients alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from hub.workspace.services import parsed
from hub.workspace.sso import PATH, ClientFile
from sso.authorize import back
from sso.cas import serves
from sso.ground import Provider


@dataclass(frozen=True, slots=True)
class App:
    """A client with a beginning; ``accounts`` are those of its system that a person has, none of a client that is no
    system."""

    file: ClientFile
    accounts: Sequence[str]

    @property
    def by_ticket(self) -> bool:
        """Whether a ticket opens it, which is made for one account."""
        return self.file.tickets is not None and self.file.tickets.home is not None


def apps(here: Provider, person: uuid.UUID) -> Iterator[App]:
    """Those of a person: who has no account in a client's system cannot open it."""
    known: dict[str | None, list[str]] = {}
    for file in here.hub.workspace.clients.values():
        by_ticket = file.tickets is not None and file.tickets.home is not None
        if by_ticket or file.home is not None or file.initiate_login_uri is not None:
            if file.system not in known:
                known[file.system] = here.accounts(file, person)
            if file.system is None or known[file.system]:
                yield App(file, known[file.system])


def beginning(here: Provider, file: ClientFile) -> str:
    """Where a browser goes that opens a client without a ticket of the broker."""
    place = parsed(file.home) if file.home is not None else None
    if place is not None and serves(here, place) is file:
        return f"{PATH}/cas/login?{urlencode({'service': place.text})}"
    if file.initiate_login_uri is not None:
        return back(file.initiate_login_uri, iss=here.issuer, target_link_uri=file.home or "")
    return place.text if place is not None else ""
