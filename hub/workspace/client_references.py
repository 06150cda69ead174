"""Clients of the provider: does what they name exist, and may they be told it?"""

from __future__ import annotations

from typing import Any, Final

from hub.errors import Finding
from hub.workspace.address import WRITE
from hub.workspace.build import Built
from hub.workspace.explain import suggest
from hub.workspace.model import UNCLASSIFIED, ModelFile
from hub.workspace.scope import Names, Scope
from hub.workspace.services import parsed
from hub.workspace.sso import ACCOUNT, ClientFile, client_problems
from hub.workspace.strict import seconds

LONGEST: Final = 300
"""Seconds that a service ticket may wait (CAS 3.0, 3.1.1)."""


def check_clients(built: Built, names: Names, findings: list[Finding]) -> None:
    """The provider in ``config/hub.yaml`` and every file of ``config/clients``."""
    hub: Any = Scope(built, names, "hub", "", findings)
    sso = built.hub.sso if built.hub else None
    if sso is not None and built.hub is not None and built.hub.address is None:
        message = "sso: clients know the provider by the hub's address, and nothing says it"
        hub.error(("sso",), "address.missing", message, WRITE, key=True)
    if sso is not None and built.hub is not None and built.hub.people is None:
        hub.error(("sso",), "sso.people", "nobody can log in: the hub does not know people", "declare people.model")
    if sso is not None and seconds(sso.ticket) > LONGEST:
        hub.error(("sso", "ticket"), "sso.ticket", f"sso.ticket: {sso.ticket} is longer than 5m", "write 5m, or less")
    services: dict[str, str] = {}
    opening: dict[str, str] = {}
    for name, one in built.clients.items():
        scope = Scope(built, names, "client", name, findings)
        if sso is None and built.hub is not None:
            scope.error(("client",), "sso.off", "the hub is no provider yet", "write sso: {} in config/hub.yaml")
        for at, code, message, hint in client_problems(one):
            scope.error(at, code, message, hint)
        for number, uri in enumerate(one.cas.services if one.cas else []):
            place = (found.text if (found := parsed(uri)) else uri).rstrip("/")
            if services.setdefault(place, name) != name:
                message = f"cas.services: {uri} is a service of the client {services[place]}, too"
                scope.error(("cas", "services", number), "client.service", message, "leave it to one of them")
        if one.tickets is not None and one.system is not None and opening.setdefault(one.system, name) != name:
            message = f"tickets: the client {opening[one.system]} opens to-dos of {one.system}, too"
            scope.error(("tickets",), "client.tickets", message, "leave it to one of them")
        if one.system is not None:
            scope.known("system", one.system, ("system",))
        for number, other in enumerate(one.exchange):
            scope.known("client", other, ("exchange", number))
        people = built.hub.people if built.hub else None
        model = built.models.get(people.model) if people else None
        if people is not None and model is not None:
            _claims(scope, one, people.model, model)


def _claims(scope: Scope, one: ClientFile, called: str, model: ModelFile) -> None:
    """Fields that claims name are there, hold one plain value, and are not classified higher than the client."""
    for name, rule in one.claims.items():
        at = ("claims", name)
        if rule.field is None or rule.field == ACCOUNT:
            continue
        field = model.fields.get(rule.field)
        if field is None:
            hint = suggest(rule.field, [*model.fields, ACCOUNT])
            scope.error(at, "reference.field", f'claims.{name}: {called} has no field "{rule.field}"', hint)
            continue
        level = field.level or model.level or UNCLASSIFIED
        if level > one.level:
            message = f"claims.{name}: {rule.field} is {level}, and the client is told up to {one.level}"
            scope.error(at, "client.level", message, f"level: {level} in this file, if it may know; or leave it out")
