"""The authorization endpoint: what a client asks is checked and kept; a person answers it on a page of the portal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from authlib.oauth2.rfc6749 import OAuth2Error

from hub.errors import ConfigError
from hub.literals import integer
from hub.store import sso_clients
from hub.store.sso_clients import Ask
from sso.clients import Client
from sso.ground import Provider, digest, fresh
from sso.jwts import Expected, NotTaken, decode
from sso.server import Request, Server

PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
WAITS: Final = "15m"
LONGEST: Final = 500
"""Characters of what is only handed back (state, nonce)."""
WISHED: Final = frozenset({"acr", "sub"})
"""Claims of an ID token whose values are looked at."""
CHARACTERS: Final = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A request that cannot be granted. With ``back`` the client is told, at an address that is its own; without it
    nobody but the person at the browser, by its ``cause``: client, address, leave, hint or service."""

    error: str
    description: str
    back: str = ""
    state: str = ""
    cause: str = ""


def asked(here: Provider, server: Server, request: Request) -> str:
    """Check a request and keep it; answers the text by which its page finds it. ``Refused``."""
    data = request.payload.data
    client = here.client(data.get("client_id"))
    back, state = str(data.get("redirect_uri", "")), str(data.get("state", ""))
    if client is None:
        raise Refused("invalid_request", "there is no such client", cause="client")
    if not client.check_redirect_uri(back) or len(request.payload.datalist["redirect_uri"]) > 1:
        raise Refused("invalid_request", "the client has not registered this redirect_uri", cause="address")
    try:
        grant = server.get_authorization_grant(request)
        grant.validate_no_multiple_request_parameter(request)
        grant.validate_authorization_request()
        kept = _read(here, client, data)
    except OAuth2Error as error:
        raise Refused(error.error or "invalid_request", error.get_error_description() or "", back, state) from None
    except Refused as error:
        raise Refused(error.error, error.description, back, state) from None
    text = fresh("ask")
    kept |= {"scope": request.scope, "redirect_uri": back, "state": state}
    sso_clients.ask(here.hub.database, Ask(digest(text), client.name, kept, here.now(), here.after(WAITS)))
    return text


def _read(here: Provider, client: Client, data: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of OpenID Connect, in their own types."""
    for name in ("request", "request_uri", "registration"):
        if name in data:
            raise Refused(f"{name}_not_supported", f"the parameter {name} is not supported")
    if data.get("response_mode", "query") != "query":
        raise Refused("invalid_request", "response_mode is query")
    if "openid" not in str(data.get("scope", "")).split():
        raise Refused("invalid_scope", "the scope openid is missing")
    for name in ("state", "nonce"):
        if len(data.get(name, "")) > LONGEST or CHARACTERS.fullmatch(data.get(name, "")) is None:
            raise Refused("invalid_request", f"{name} is too long, or has characters that it may not have")
    prompt = data.get("prompt", "").split()
    if not set(prompt) <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise Refused("invalid_request", "prompt has a value that is not known, or none beside another")
    try:
        max_age = integer(data["max_age"], most=999_999_999) if "max_age" in data else None
    except ValueError:
        raise Refused("invalid_request", "max_age is a number of seconds") from None
    return {
        "challenge": data["code_challenge"],
        "nonce": data.get("nonce"),
        "prompt": prompt,
        "max_age": max_age,
        "hint": data.get("login_hint", "")[:100],
        "claims": _claims(data.get("claims")),
        "sub": (hinted(here, client, data.get("id_token_hint")) or {}).get("sub"),
    }


def _claims(text: str | None) -> Mapping[str, Any] | None:
    """The parameter claims: the names that are asked for, and what ``acr`` and ``sub`` are to be; the rest is left
    out."""
    if text is None:
        return None
    try:
        found = json.loads(text[:4000])
    except (ValueError, RecursionError):
        found = None
    parts = ("userinfo", "id_token")
    if not isinstance(found, dict) or not all(isinstance(found.get(part, {}), dict) for part in parts):
        raise Refused("invalid_request", "claims is no JSON object of objects")
    asked = {part: dict.fromkeys(found[part]) for part in parts if part in found}
    wishes = {name: _wish(found["id_token"][name]) for name in WISHED & {*asked.get("id_token", ())}}
    return asked | ({"id_token": asked["id_token"] | wishes} if wishes else {})


def _wish(wish: object) -> Mapping[str, Any] | None:
    """What one claim is to be (OpenID Connect Core 1.0, 5.5.1)."""
    if not isinstance(wish, dict):
        return None
    value, values = wish.get("value", ""), wish.get("values", [])
    if not isinstance(values, list) or not all(isinstance(one, str) for one in (value, *values)):
        raise Refused("invalid_request", "claims asks for values of acr or sub that are no texts")
    known = {"essential": wish.get("essential") is True, "value": value, "values": values}
    return {name: known[name] for name in known if name in wish}


def hinted(here: Provider, client: Client | None, hint: str | None) -> Mapping[str, Any] | None:
    """The claims of an ID token of ours that a client shows, however old."""
    if hint is None:
        return None
    expected = Expected(here.issuer, client.name if client else None, needed=("exp", "sub"), expired=True)
    try:
        return decode(hint, here.keys.known(), expected, here.now().timestamp()).claims
    except NotTaken:
        told = "id_token_hint is no ID token of this provider for the client"
        raise Refused("invalid_request", told, cause="hint") from None


def waiting(here: Provider, text: str) -> Ask:
    """A request that waits for its person. ConfigError ``sso.ask``."""
    found = sso_clients.asked(here.hub.database, digest(text[:100]), here.now())
    if found is None:
        raise ConfigError("sso.ask", "this log-in is over, or waited too long", hint="begin again in the application")
    return found


def back(address: str, **parameters: str) -> str:
    """A client's address with parameters; it may have some of its own."""
    parts = urlsplit(address)
    more = urlencode({name: value for name, value in parameters.items() if value})
    query = "&".join(one for one in (parts.query, more) if one)
    return urlunsplit(parts._replace(query=query))


def refused(here: Provider, error: Refused) -> str:
    """The address that tells a client why not (RFC 6749, 4.1.2.1; RFC 9207)."""
    return back(
        error.back, error=error.error, error_description=error.description, state=error.state, iss=here.issuer
    )
