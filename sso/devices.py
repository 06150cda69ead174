"""Log-in for a device that has no browser (RFC 8628): it shows a code, which somebody types on a page of the portal."""

from __future__ import annotations

import secrets
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

from hub.errors import ConfigError
from hub.store import sso_clients, sso_devices
from hub.store.sso_clients import Ask
from hub.store.sso_devices import Device
from sso.authorize import WAITS
from sso.clients import Client
from sso.ground import Provider, digest, fresh, stamp
from sso.server import AUTH, Request, Server

PAGE: Final = "/portal/sso/device"
LIVES: Final = "10m"
INTERVAL: Final = 5
LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Of codes that people type: no vowels, so that no words come of it, and nothing that looks like something else."""
TRIES: Final = 5


def begun(here: Provider, server: Server, request: Request) -> dict[str, Any]:
    """A client asks for codes (RFC 8628, 3.1). Errors of OAuth."""
    client: Client = server.authenticate_client(request, AUTH, "device_authorization")
    if not client.check_grant_type(DEVICE_CODE_GRANT_TYPE):
        raise UnauthorizedClientError()
    scope = client.get_allowed_scope(request.payload.scope)
    if scope is None or "openid" not in scope.split():
        raise InvalidScopeError()
    text, moment, ends = fresh("cpd"), here.now(), here.after(LIVES)
    for _ in range(TRIES):
        code = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(2))
        if sso_devices.add(
            here.hub.database, Device(digest(text), digest(code), client.name, scope, moment, ends, INTERVAL)
        ):
            break
    else:
        raise RuntimeError("no code is free")
    place = f"{here.hub.workspace.hub.address}{PAGE}"
    return {
        "device_code": text,
        "user_code": code,
        "verification_uri": place,
        "verification_uri_complete": f"{place}?user_code={code}",
        "expires_in": stamp(ends) - stamp(moment),
        "interval": INTERVAL,
    }


def written(text: str) -> str:
    """A code as it was shown, however it was typed."""
    letters = "".join(letter for letter in text[:40].upper() if letter.isalnum())
    return f"{letters[:4]}-{letters[4:]}"


def typed(here: Provider, text: str, session: str) -> str:
    """Somebody typed a code in a session (its digest), in which alone he is asked: answers the text of the request by
    which its page finds it. ConfigError ``sso.device``."""
    code, moment = written(text), here.now()
    found = sso_devices.waiting(here.hub.database, digest(code), moment)
    if found is None or here.client(found.client) is None:
        raise ConfigError(
            "sso.device", "no device waits with this code", hint="compare it, or begin again on the device"
        )
    id_ = fresh("ask")
    kept: dict[str, Any] = {"device": found.digest, "user_code": code, "scope": found.scope, "session": session}
    kept |= {"redirect_uri": PAGE, "state": ""}
    kept |= {"challenge": "", "nonce": None, "prompt": [], "max_age": None, "hint": "", "claims": None, "sub": None}
    ends = min(found.ends_at, here.after(WAITS))
    sso_clients.ask(here.hub.database, Ask(digest(id_), found.client, kept, moment, ends))
    return id_
