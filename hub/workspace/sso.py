"""Single sign-on in ``config/hub.yaml``, and the shape of ``config/clients/NAME.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from hub.workspace.address import is_plain
from hub.workspace.model import Level
from hub.workspace.services import parsed
from hub.workspace.strict import TITLE, Duration, FieldName, Name, Shape, Title
from hub.workspace.tickets import Tickets, ticket_problems

ACCOUNT: Final = "account"
"""In a claim, in place of a field: the person's account name in the client's system."""
PATH: Final = "/sso"
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+[^\s#]*$", max_length=500)]
Home = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+[^\s]*$", max_length=500)]
Grant = Literal["authorization_code", "refresh_token", "client_credentials", "token_exchange", "device_code"]
Scope = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]{1,60}$")]


class Sso(Shape):
    """``sso`` of ``config/hub.yaml``: the hub as an OpenID provider. Its issuer is the hub's address with /sso."""

    code: Duration = Field("1m", description="How long a code waits to be redeemed")
    access: Duration = Field("10m", description="How long an access token holds")
    id_token: Duration = Field("10m", description="How long an ID token holds")
    refresh: Duration = Field("30d", description="How long a log-in at a client can be refreshed, from its beginning")
    grace: Duration = Field(
        "5s",
        description="A refresh token that comes again so soon after its use is refused, and ends nothing: parallel "
        "requests of one client. Later it ends everything that came of the log-in",
    )
    ticket: Duration = Field("30s", description="How long a service ticket of CAS waits to be validated; 5m at most")
    rotate: Duration = Field("90d", description="How long a key signs before the next one does")
    announce: Duration = Field("1d", description="How long a key is published before it signs")


SSO: Any = Field(
    None,
    description="The hub as an OpenID provider for the clients in config/clients",
    examples=[{}, {"refresh": "7d"}],
)


class Claim(Shape):
    """Where one claim of a client comes from, and which scope asks for it."""

    field: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        description="Field of the model of people, or account: the person's account name in the client's system",
        examples=["name"],
    )
    value: str | int | bool | None = Field(None, description="The same for everybody", examples=[True])
    scope: Scope | None = Field(
        None, description="Scope that asks for it; a standard claim has its standard scope, any other openid"
    )


ClaimRule = Annotated[
    Claim,
    BeforeValidator(
        lambda value: {"field": value} if isinstance(value, str) else value, json_schema_input_type=str | Claim
    ),
]


class Logout(Shape):
    """How a client is told that somebody logged out, and where a browser goes then."""

    redirect_uris: list[Address] = Field(
        [], description="Where a browser may be sent after log-out, exact", examples=[["https://oa.example.com/bye"]]
    )
    backchannel: Address | None = Field(
        None,
        description="Where the hub sends a logout token when a session ends",
        examples=["https://oa.example.com/oidc/logout"],
    )


class Cas(Shape):
    """What the client is to CAS: where its services are."""

    services: list[Address] = Field(
        min_length=1,
        description="Origins with the paths under which its services lie; http only on loopback",
        examples=[["https://oa.example.com/seeyon/"]],
    )
    logout: bool = Field(
        True, description="Whether a service is told of a session's end, by POST to the address that it logged in with"
    )


class ClientFile(Shape):
    """``config/clients/NAME.yaml``: an application whose users log in through the hub, or that asks as itself."""

    client: Name = Field(description="Name of the client, its client_id, as the file is named", examples=["oa"])
    title: Title = TITLE
    system: FieldName | None = Field(
        None, description="The system that it is: who has no account there cannot log in", examples=["oa"]
    )
    redirect_uris: list[Address] = Field(
        [],
        description="Where a browser may be sent with a code, exact; http only on loopback",
        examples=[["https://oa.example.com/oidc/callback"]],
    )
    home: Home | None = Field(
        None,
        description="Where people begin; with it the client is among the applications of the portal. A service of CAS "
        "is opened with a ticket",
        examples=["https://oa.example.com/seeyon/main.do"],
    )
    initiate_login_uri: Address | None = Field(
        None,
        description="Where the client begins a log-in for who comes from the portal (OpenID Connect Core 1.0, 4); it "
        "is told iss, and home as target_link_uri",
        examples=["https://oa.example.com/oidc/login"],
    )
    auth: Literal["client_secret_basic", "client_secret_post", "none"] = Field(
        "client_secret_basic", description="How it proves itself; none: it cannot keep a secret (an app, a page)"
    )
    grants: list[Grant] = Field(["authorization_code"], description="What it may ask tokens by")
    scopes: list[Scope] = Field(["openid"], description="What it may ask for", examples=[["openid", "profile"]])
    claims: dict[str, ClaimRule] = Field(
        {},
        description="Claim → field of the model of people, account, or {field, value, scope}; a dot makes an object",
        examples=[{"preferred_username": "account", "name": "name"}],
    )
    in_id_token: bool = Field(False, description="Whether the ID token holds the claims, too")
    level: Level = Field("L2", description="Highest protection level of a field that it may be told")
    consent: Literal["ask", "given"] = Field(
        "ask", description="Whether a person is asked before the client learns about him; given: the company decided"
    )
    logout: Logout = Field(Logout(), description="Log-out", examples=[{"backchannel": "https://oa.example.com/out"}])
    cas: Cas | None = Field(
        None,
        description="Log-in by CAS 2 and 3, for applications that speak it",
        examples=[{"services": ["https://oa.example.com/seeyon/"]}],
    )
    tickets: Tickets | None = Field(
        None,
        description="How its to-dos are opened there, logged in, where it speaks no protocol of log-in",
        examples=[
            {"dialect": "seeyon", "url": "https://oa.example.com/seeyon", "todo": "/login/sso?from=hub&ticket={token}"}
        ],
    )
    exchange: list[Name] = Field(
        [], description="Clients for which it may exchange a token that it was sent", examples=[["archive"]]
    )


STANDARD: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile"),
            *("picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
        ),
        "profile",
    ),
    **dict.fromkeys(("email", "email_verified"), "email"),
    **dict.fromkeys(("phone_number", "phone_number_verified"), "phone"),
    "address": "address",
}
"""Claim → scope that asks for it (OpenID Connect Core 1.0, 5.4)."""
ELEMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""A claim that is an attribute of CAS, too: it is the name of an element of XML."""
RESERVED: Final = frozenset(
    {
        *("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "azp", "sid"),
        *("at_hash", "c_hash", "act", "may_act", "client_id", "scope", "active", "token_type", "events", "cnf"),
    }
)
"""Claims that the provider itself makes."""


def scope_of(name: str, rule: Claim) -> str:
    """The scope that asks for a claim."""
    return rule.scope or STANDARD.get(name.partition(".")[0], "openid")


def client_problems(one: ClientFile) -> list[tuple[tuple[str | int, ...], str, str, str]]:
    """(place, code, message, what to do) of what is wrong within one file."""
    found: list[tuple[tuple[str | int, ...], str, str, str]] = []

    def flaw(at: tuple[str | int, ...], code: str, message: str, hint: str) -> None:
        found.append((at, code, f"{'.'.join(map(str, at))}: {message}", hint))

    browser = "authorization_code" in one.grants
    person = browser or "device_code" in one.grants
    if browser and not one.redirect_uris and one.cas is None and one.tickets is None:
        flaw(("redirect_uris",), "client.redirect", "nobody can log in without one", "write the client's callback")
    addresses: list[tuple[tuple[str | int, ...], Any]] = [
        *((("redirect_uris", n), uri) for n, uri in enumerate(one.redirect_uris)),
        *((("logout", "redirect_uris", n), uri) for n, uri in enumerate(one.logout.redirect_uris)),
        (("logout", "backchannel"), one.logout.backchannel),
        *((("cas", "services", n), uri) for n, uri in enumerate(one.cas.services if one.cas else [])),
        (("tickets", "url"), one.tickets.url if one.tickets else None),
        (("home",), one.home),
        (("initiate_login_uri",), one.initiate_login_uri),
    ]
    for at, uri in addresses:
        if uri and is_plain(uri):
            flaw(at, "client.plain", f"{uri} is http and not on this machine", "use https")
        if uri and "*" in uri:
            flaw(at, "client.redirect", f"{uri} holds a *, which matches nothing else", "write every address out")
    for name in ("home", "initiate_login_uri"):
        uri = getattr(one, name)
        if uri is not None and parsed(uri) is None:
            told = f"{uri} is an address that browsers may read in different ways"
            flaw((name,), "client.home", told, "write it plainly, as https://oa.example.com/app/")
    for n, uri in enumerate(one.cas.services if one.cas else []):
        prefix = parsed(uri)
        if prefix is None or prefix.rest:
            told = f"{uri} is no origin with a path"
            flaw(("cas", "services", n), "client.service", told, "write it as https://oa.example.com/app/")
    for place, message, hint in ticket_problems(one.tickets) if one.tickets else []:
        found.append((place, "client.tickets", message, hint))
    if one.tickets is not None and one.system is None:
        told = "they are for accounts in a system, and there is none"
        flaw(("tickets",), "client.tickets", told, "write system: NAME")
    if one.auth == "none":
        for name in ("client_credentials", "token_exchange"):
            if name in one.grants:
                flaw(("grants",), "client.public", f"{name} needs a secret, and auth is none", "give it a secret")
    if "refresh_token" in one.grants and not person:
        flaw(("grants",), "client.grants", "refresh_token continues a log-in: it has none", "add authorization_code")
    if bool(one.exchange) != ("token_exchange" in one.grants):
        flaw(("exchange",), "client.grants", "exchange and grant token_exchange need each other", "write both, or none")
    if "openid" not in one.scopes and (person or one.claims):
        flaw(("scopes",), "client.scopes", "log-in needs the scope openid", "add openid")
    for name, rule in one.claims.items():
        at = ("claims", name)
        if name.partition(".")[0] in RESERVED:
            flaw(at, "client.claim", "the provider makes this claim itself", "choose another name")
        if one.cas is not None and ELEMENT.fullmatch(name) is None:
            flaw(at, "client.claim", "CAS has no attribute of such a name", "letters, digits, _ . and - only")
        if (rule.field is None) == (rule.value is None):
            flaw(at, "client.claim", "a claim has either a field or a value", "write the name of a field, or account")
        if rule.field == ACCOUNT and one.system is None:
            flaw(at, "client.claim", "account is that in the client's system, and there is none", "write system: NAME")
        if scope_of(name, rule) not in one.scopes:
            flaw(at, "client.scopes", f"its scope {scope_of(name, rule)} is not among scopes", "add it to scopes")
    return found
