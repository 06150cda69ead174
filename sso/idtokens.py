"""ID tokens and logout tokens: what the provider signs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from hub.store.database import new_id
from hub.store.sso_grants import Family
from hub.workspace.sso import ClientFile
from hub.workspace.strict import seconds
from sso.claims import told, wanted
from sso.ground import Provider, Whom, stamp, without_blanks
from sso.jwts import sign

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LIVES: Final = 120
ALG: Final = "RS256"


def id_token(
    here: Provider, file: ClientFile, family: Family, whom: Whom, token: Mapping[str, Any], *, nonce: str | None
) -> str:
    """Who logged in, when and how (OpenID Connect Core 1.0, 2)."""
    moment = stamp(here.now())
    claims = told(here, file, whom, wanted(file, str(token["scope"]), family.claims, "id_token"))
    claims |= without_blanks(
        {
            "iss": here.issuer,
            "sub": whom.sub,
            "aud": file.client,
            "iat": moment,
            "exp": moment + int(seconds(here.rules.id_token)),
            "auth_time": stamp(family.auth_time) if family.auth_time else None,
            "acr": family.acr,
            "amr": family.amr.split() or None,
            "nonce": nonce,
            "sid": family.sid,
            "at_hash": half(str(token["access_token"])),
        }
    )
    return sign(here.keys.current(), ALG, claims)


def logout_token(here: Provider, client: str, sub: str, sid: str) -> str:
    """That a session ended (OpenID Connect Back-Channel Logout 1.0, 2.4)."""
    moment = stamp(here.now())
    claims = {
        "iss": here.issuer,
        "aud": client,
        "iat": moment,
        "exp": moment + LOGOUT_LIVES,
        "jti": str(new_id()),
        "sub": sub,
        "sid": sid,
        "events": {EVENT: {}},
    }
    return sign(here.keys.current(), ALG, claims, "logout+jwt")


def half(token: str) -> str:
    """at_hash: the left half of a SHA-256."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()
