"""Tokens of providers: which of their keys count, and what ID tokens and logout tokens must say beside what
``sso.jwts`` asks of every token.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from hub.errors import AuthError
from hub.workspace.login import Provider
from sso.jwts import Decoded, Expected, Key, audiences

LEEWAY: Final = 60
"""Seconds by which clocks may differ."""
LONGEST: Final = 64_000
KEYS: Final = 30
PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth")
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


def refused(why: str) -> AuthError:
    """``login.provider``."""
    return AuthError(
        "login.provider",
        f"the answer of the provider is not taken: {why}",
        hint="log in again; where it stays, compare the provider's client with docs/how-to/log-in.md",
    )


def public_keys(document: Mapping[str, Any]) -> list[Key]:
    """The keys for signatures of a JWK set; what is no such key is left out."""
    found: list[Key] = []
    several = document.get("keys")
    for one in several[:KEYS] if isinstance(several, list) else ():
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            key = import_key({name: value for name, value in one.items() if name not in PRIVATE})
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            found.append(key)
    return found


def identifies(one: Provider) -> Expected:
    """An ID token of a provider for us."""
    return Expected(
        one.issuer, one.client_id, one.algorithms, typ=(), needed=("exp", "iat", "sub"), leeway=LEEWAY, longest=LONGEST
    )


def logs_out(one: Provider) -> Expected:
    """A logout token of a provider for us."""
    return Expected(
        one.issuer, one.client_id, one.algorithms, typ=("logout+jwt", "jwt", ""), needed=("iat", "jti"), leeway=LEEWAY,
        longest=LONGEST,
    )  # fmt: skip


def identity(token: Decoded, *, client: str, nonce: str, access_token: object, now: int) -> None:
    """What an ID token must say beside (OpenID Connect Core 1.0, 3.1.3.7). AuthError ``login.provider``."""
    header, claims = token.header, token.claims
    among, subject = audiences(claims), claims["sub"]
    if (len(among) > 1 or "azp" in claims) and claims.get("azp") != client:
        raise refused("the token was issued to somebody else (azp)")
    if not isinstance(subject, str) or len(subject) > 255:
        raise refused("the token says nothing of who it is about (sub)")
    about: Any = {"nonce": nonce, "client_id": client, "access_token": access_token}
    try:
        CodeIDToken(claims, header, {}, about).validate(now, LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise refused(_said(error)) from None
    if claims.get("nonce") != nonce:
        raise refused("the token belongs to another log-in (nonce)")


def authenticated(
    claims: Mapping[str, Any], begun: dt.datetime, oldest: int | None, now: int
) -> dt.datetime | None:
    """When somebody proved who he is, of an ID token for a log-in that began then; None where nothing was asked of that
    and nothing is said. AuthError ``login.provider``: longer ago than was asked for."""
    said = claims.get("auth_time")
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 1 << 40:
        if oldest is not None:
            raise refused("it does not say when he proved who he is (auth_time)")
        return None
    if oldest is not None and said < begun.timestamp() - oldest - LEEWAY:
        raise refused("he proved who he is longer ago than was asked for (auth_time)")
    moment = dt.datetime.fromtimestamp(min(said, now), dt.UTC)
    return max(moment, begun) if oldest == 0 else moment  # clocks differ: what was asked for anew is not older


def logout(token: Decoded, now: int) -> tuple[str, str, str]:
    """Subject, session and id of a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6). AuthError
    ``login.provider``."""
    claims = token.claims
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise refused("the token says nothing of a log-out (events)")
    if "nonce" in claims:
        raise refused("the token is an ID token (nonce)")
    if now - claims["iat"] > 600:
        raise refused("the token is too old (iat)")
    subject, sid, once = (claims.get(name, "") for name in ("sub", "sid", "jti"))
    if not all(isinstance(one, str) for one in (subject, sid, once)) or not (subject or sid):
        raise refused("the token names nobody (sub, sid)")
    return subject, sid, once


def _said(error: Exception) -> str:
    """What joserfc calls the claim that is wrong, without its value."""
    claim = getattr(error, "claim", "")
    code = getattr(error, "error", type(error).__name__)
    return f"{code} {claim}".strip()
