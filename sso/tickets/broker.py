"""Takes who is logged in to a to-do in its system. Addresses come from the client's file alone: of a to-do nothing but
its id and attributes is filled in, and what is filled in never leads out of the system."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from hub.contract import Secret
from hub.errors import AuthError, ConfigError, HubError, Retriable
from hub.http import HttpSettings, Limits, Transport
from hub.store import sso_tickets
from hub.store.sso_grants import Audited
from hub.store.sso_tickets import Kept
from hub.workspace.sso import ClientFile
from hub.workspace.tickets import Dialect as Name
from hub.workspace.tickets import Tickets, address, filled
from sso.ground import Provider, digest, stamp
from sso.jwts import sign
from sso.tickets import audited
from sso.tickets.asked import Asked, Dialect
from sso.tickets.kingdee import Kingdee
from sso.tickets.nc_cloud import NcCloud
from sso.tickets.own import Own
from sso.tickets.seeyon import Seeyon
from sso.tickets.weaver import Weaver

DIALECTS: Final[Mapping[Name, type[Dialect]]] = {
    "cophub": Own,
    "seeyon": Seeyon,
    "weaver": Weaver,
    "kingdee_k3cloud": Kingdee,
    "nc_cloud": NcCloud,
}
LIVES: Final = "60s"
TYPE: Final = "cophub-ticket+jwt"
TARGET: Final = "todo"
HOME: Final = "home"
PATIENCE: Final = 3.0
"""Seconds that a system has to show that it is there."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who, by which account of the hub, opens which to-do of a system, or the system itself. ``preferred`` is the
    account there that he has the to-do by, or chose, if there is one."""

    person: uuid.UUID
    account: uuid.UUID
    name: str
    system: str
    preferred: str = ""
    source_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broker:
    """Over a provider. ``resolve`` gives a secret's text for its reference."""

    here: Provider
    resolve: Callable[[str], Secret]

    def client(self, system: str) -> ClientFile | None:
        """The client that opens to-dos of a system."""
        files = self.here.hub.workspace.clients.values()
        return next((one for one in files if one.system == system and one.tickets is not None), None)

    def open(self, visit: Visit) -> tuple[str, Mapping[str, str]]:
        """The address of the to-do's page, and the form that is posted there, if it is. ConfigError ``ticket.none`` and
        ``ticket.target``, AuthError ``sso.account`` and ``ticket.account``, Retriable ``ticket.down``."""
        file = self.client(visit.system)
        if file is None or file.tickets is None:
            raise ConfigError(
                "ticket.none", f"to-dos of {visit.system} are not opened through the hub",
                hint="write tickets in the client's file, config/clients",
            )  # fmt: skip
        values = {**visit.attributes, "id": visit.source_id}
        return self._sent(file, file.tickets, visit, values, {"tgt": TARGET, "todo": visit.source_id})

    def begin(self, file: ClientFile, visit: Visit) -> tuple[str, Mapping[str, str]]:
        """The same of the page where people begin, ``tickets.home``."""
        assert file.tickets is not None  # it has one
        rule = file.tickets.model_copy(update={"todo": file.tickets.home, "form": "", "record": ""})
        return self._sent(file, rule, visit, {}, {"tgt": HOME})

    def _sent(
        self, file: ClientFile, rule: Tickets, visit: Visit, values: Mapping[str, str], target: Mapping[str, str]
    ) -> tuple[str, Mapping[str, str]]:
        name = self._account(file, visit)
        _page(rule, {**values, "token": "x"})
        self._require_alive(file, rule)
        moment, database, known = self.here.now(), self.here.hub.database, []

        def written(text: str) -> Audited:
            return audited.issued(visit.name, digest(text), file.client, rule.dialect)

        def kept(text: str) -> str:
            one = Kept(digest(text), file.client, visit.person, visit.account, name, moment, self.here.after(LIVES))
            sso_tickets.keep(database, one, written(text))
            known.append(text)
            return text

        def signed() -> str:
            jti = kept(secrets.token_urlsafe(32))
            return self._signed(file, name, jti, target)

        asked = Asked(
            rule, name, values, moment, lambda: self._secret(rule), lambda place, form: _call(file, rule, place, form),
            lambda: kept(secrets.token_hex(32)), signed,
        )  # fmt: skip
        token = DIALECTS[rule.dialect]().ticket(asked)
        if not known:  # what the system keeps itself
            with database.begin() as connection:
                written(token)(connection)
        place = _page(rule, {**values, "token": token})
        return place, {"ticket": token} if rule.send == "post" else {}

    def _account(self, file: ClientFile, visit: Visit) -> str:
        person = self.here.person(visit.person)
        names = self.here.accounts(file, person) if person is not None else []
        if not names:
            raise AuthError(
                "sso.account", f"you have no account in {file.system}, so you cannot log in there",
                hint="ask who keeps that system for an account; it is known here after the next run of its exchange",
            )  # fmt: skip
        if visit.preferred in names:
            return visit.preferred
        if len(names) > 1:
            raise AuthError(
                "ticket.account", f"you have several accounts in {file.system}, and the to-do does not say which",
                hint="open the to-do in the system itself, or report it with its account",
            )  # fmt: skip
        return names[0]

    def _signed(self, file: ClientFile, name: str, jti: str, target: Mapping[str, str]) -> str:
        moment = self.here.now()
        claims = {
            "iss": self.here.issuer,
            "aud": file.client,
            "sub": name,
            "jti": jti,
            "iat": stamp(moment),
            "exp": stamp(self.here.after(LIVES)),
            **target,
        }
        return sign(self.here.ticket_keys.current(), "Ed25519", claims, TYPE)

    def _secret(self, rule: Tickets) -> str:
        return "" if rule.secret is None else self.resolve(rule.secret).reveal()

    def _require_alive(self, file: ClientFile, rule: Tickets) -> None:
        try:
            _request(file, rule, "GET", rule.probe, None, PATIENCE)
        except Retriable:
            raise Retriable(
                "ticket.down", f"{file.system} does not answer, so nobody is sent there now", hint="try again later"
            ) from None
        except HubError:
            return  # it answered, if only that it wants a log-in


def _page(rule: Tickets, values: Mapping[str, str]) -> str:
    try:
        found = address(rule, values)
        filled(rule.record, values)
    except KeyError:
        found = None
    if found is None:
        raise ConfigError(
            "ticket.target", "the to-do lacks what its page is found by, or would lead elsewhere",
            hint="compare tickets.todo in config/clients with what the system reports of its to-dos",
        )  # fmt: skip
    return found


def _call(file: ClientFile, rule: Tickets, place: str, form: Mapping[str, str]) -> str:
    return _request(file, rule, "POST", place, form, 10.0)


def _request(
    file: ClientFile, rule: Tickets, method: str, place: str, form: Mapping[str, str] | None, timeout: float
) -> str:
    """A call of the system, at its own address and below it."""
    settings = HttpSettings(url=rule.url, limits=Limits(timeout=timeout, retries=0))
    transport = Transport(settings, f"client:{file.client}")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        body = None if form is None else urlencode(form).encode()
        address_ = rule.url.rstrip("/") + place
        return transport.request(method, address_, data=body, headers=headers).utf8().decode("utf-8", "replace")
    finally:
        transport.close()
