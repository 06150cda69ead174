"""CAS 2 and 3 (CAS Protocol Specification 3.0.3): who may log in where, and service tickets.

What waits for a person, how he is asked and what becomes of a log-in is that of the provider. Proxy tickets are not
issued: their callback would have the hub call addresses that a request names.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.store import sso_clients, sso_grants
from hub.store.sso_clients import Ask
from hub.store.sso_grants import Family, ServiceTicket
from hub.workspace.services import Service, owner, parsed
from hub.workspace.sso import ClientFile
from sso.authorize import WAITS, Refused, back
from sso.claims import told, wanted
from sso.ground import Provider, digest, fresh
from sso.server import Request
from sso.tickets import audited

PREFIX: Final = "ST-"
METHODS: Final = ("GET", "POST")
TARGET: Final = "TARGET"
"""What clients of SAML 1.1 call the service, and below their ticket."""
ARTIFACT: Final = "SAMLart"


@dataclass(frozen=True, slots=True)
class Success:
    """A person who logged in. ``name`` is his account in the client's system; where it is none, his sub."""

    name: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """``code`` is one of CAS 3.0.3, 2.5.3."""

    code: str
    description: str


def serves(here: Provider, service: Service) -> ClientFile | None:
    """The client that declares a service."""
    clients = here.hub.workspace.clients
    name = owner({one: file.cas.services for one, file in clients.items() if file.cas is not None}, service)
    return None if name is None else clients[name]


# ------------------------------------------------------------ log-in and log-out


def asked(here: Provider, request: Request) -> str:
    """Check a request of /login and keep it; answers the text by which its page finds it, empty where no service asks.
    ``Refused``: the service is not declared."""
    data = request.payload.data
    name = "service" if "service" in data else TARGET
    if name not in data:
        return ""
    service = _one(request, name)
    place = parsed(service)
    file = None if place is None else serves(here, place)
    method = data.get("method", "GET").upper()
    if place is None or file is None or method not in METHODS:
        raise Refused("invalid_request", "there is no such service, or no such method", cause="service")
    renew, gateway = _is_set(data, "renew"), _is_set(data, "gateway")
    kept = {
        "cas": {"method": method, "ticket": "ticket" if name == "service" else ARTIFACT},
        "redirect_uri": place.text,
        "scope": " ".join(file.scopes),
        "prompt": ["login"] if renew else ["none"] if gateway else [],  # renew counts before gateway (2.1.1)
        "max_age": None,
        "hint": "",
        "claims": None,
        "sub": None,
        "nonce": None,
        "state": "",
    }
    text = fresh("ask")
    sso_clients.ask(here.hub.database, Ask(digest(text), file.client, kept, here.now(), here.after(WAITS)))
    return text


def leaving(here: Provider, request: Request) -> str:
    """Keep a request of /logout. The session ends without a question, as the protocol has it; the browser goes on to
    ``service`` (CAS 2: ``url``) where that is declared."""
    data = request.payload.data
    place = parsed(data.get("service") or data.get("url") or "")
    file = None if place is None else serves(here, place)
    to = place.text if place is not None and file is not None else ""
    kept = {"logout": True, "sub": None, "to": to, "at_once": True}
    text = fresh("ask")
    called = file.client if file is not None else ""
    sso_clients.ask(here.hub.database, Ask(digest(text), called, kept, here.now(), here.after(WAITS)))
    return text


def issued(here: Provider, ask: Ask, family: Family, account: str) -> tuple[str, Mapping[str, str]]:
    """A service ticket for an account of the hub: where the browser takes it, and the form in which it does, for the
    method POST."""
    text = f"{PREFIX}{secrets.token_hex(32)}"
    service, kept = ask.asked["redirect_uri"], digest(text)
    ticket = ServiceTicket(
        digest=kept,
        family=family.id,
        service=service,
        initial=family.auth_time is not None and family.auth_time >= ask.made_at,
        sealed=here.secrets.cipher().seal(text.encode(), _context(kept)),
        ends_at=here.after(here.rules.ticket),
    )
    written = audited.issued(account, kept, family.client, "cas")
    sso_grants.begin(here.hub.database, family, ticket, ask.digest, written)
    given = {ask.asked["cas"]["ticket"]: text}
    return (service, given) if ask.asked["cas"]["method"] == "POST" else (back(service, **given), {})


def opened(here: Provider, ticket: ServiceTicket) -> str:
    """The ticket as it was issued."""
    return here.secrets.cipher().open(ticket.sealed, _context(ticket.digest)).decode()


# ------------------------------------------------------------ validation


def validated(here: Provider, request: Request) -> Success | Failure:
    """Whose ticket it is. Every try uses it up, also one for another service."""
    data = request.payload.data
    text, service = _one(request, "ticket"), _one(request, "service")
    if not text or not service:
        return Failure("INVALID_REQUEST", "ticket and service are needed, each once")
    if "pgtUrl" in data:
        return Failure("UNAUTHORIZED_SERVICE_PROXY", "no service may have proxy tickets here")
    if not text.startswith(PREFIX):
        return Failure("INVALID_TICKET_SPEC", "the ticket is no service ticket")
    found = sso_grants.service_ticket(here.hub.database, digest(text))
    if found is None:
        return GONE
    answer = _judged(here, *found, service, _is_set(data, "renew"))
    written = audited.used(found[0].digest, found[1].client, "cas", told=isinstance(answer, Success))
    return answer if sso_grants.use(here.hub.database, found[0], here.now(), written) else GONE


GONE: Final = Failure("INVALID_TICKET", "there is no such ticket, or it was used, or its time or its session is over")


def _judged(here: Provider, ticket: ServiceTicket, family: Family, service: str, renew: bool) -> Success | Failure:
    """What a ticket is worth that is used for the first time."""
    place, file = parsed(service), here.hub.workspace.clients.get(family.client)
    if not family.alive:
        return GONE
    if place is None or place.text != ticket.service:
        return Failure("INVALID_SERVICE", "the ticket was issued for another service")
    if renew and not ticket.initial:
        return Failure("INVALID_TICKET", "the ticket came of a session, and renew asks for a log-in")
    whom = here.whom(file, family.person, family.name) if file is not None and family.person is not None else None
    if file is None or whom is None:
        return Failure("INVALID_TICKET", "its owner is gone, or has no account there any more")
    moment = family.auth_time or family.made_at
    about: dict[str, Any] = {
        "authenticationDate": moment.isoformat().replace("+00:00", "Z"),
        "longTermAuthenticationRequestTokenUsed": False,
        "isFromNewLogin": ticket.initial,
    }
    claims = told(here, file, whom, wanted(file, family.scope, None, "userinfo"))
    return Success(whom.name or family.sub or whom.sub, about | dict(_flat(claims)))


def _flat(claims: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Claims as attributes: an object's are named with a dot."""
    found: list[tuple[str, Any]] = []
    for name, value in claims.items():
        found += _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else [(f"{before}{name}", value)]
    return found


def _one(request: Request, name: str) -> str:
    """A parameter that is there once; else an empty text."""
    values = request.payload.datalist.get(name, [])
    return str(values[0]) if len(values) == 1 else ""


def _is_set(data: Mapping[str, str], name: str) -> bool:
    """A switch of CAS: any value, save what says no."""
    return data.get(name, "false").lower() != "false"


def _context(digest_: str) -> str:
    return f"service-ticket/{digest_}"
