"""Tokens of providers: signed by a key that the provider publishes, by an algorithm that we chose.

joserfc does the cryptography. A key never comes from the token itself (``jwk``, ``jku``, ``x5u``, ``x5c`` are not
looked at), never is a shared secret, and ``alg`` is one of a list of ours, whatever the provider says of itself.
"""

from __future__ import annotations

import binascii
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from hub.errors import AuthError

LONGEST: Final = 64_000
LEEWAY: Final = 60
"""Seconds by which clocks may differ."""
KEYS: Final = 30
FITS: Final[dict[str, type]] = {"R": RSAKey, "P": RSAKey, "E": ECKey}
PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth")
Key = RSAKey | ECKey | OKPKey
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


class UnknownKey(Exception):
    """The token names a key that is not among those that are known."""


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


def opened(token: object, keys: Sequence[Key], algorithms: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that one of the keys signed. AuthError ``login.provider``; UnknownKey where its
    ``kid`` is of none of them."""
    if not isinstance(token, str) or len(token) > LONGEST:
        raise refused("the token is no text, or too long")
    try:
        header = dict(jws.extract_compact(token.encode("ascii")).headers())
    except (JoseError, ValueError, UnicodeError, binascii.Error):
        raise refused("the token is no signed JWT") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise refused("the token is signed by an algorithm that is not allowed")
    if "crit" in header or "enc" in header:
        raise refused("the token wants something that is not known")
    kind = OKPKey if algorithm == "EdDSA" else FITS[algorithm[0]]
    mine = [one for one in keys if isinstance(one, kind)]
    candidates = mine if kid is None else [one for one in mine if one.kid == kid]
    if kid is not None and not candidates:
        raise UnknownKey
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for key in candidates:
        try:
            found = jwt.decode(token, key, registry=registry)
        except (JoseError, ValueError):
            continue
        if isinstance(found.claims, dict):
            return header, found.claims
    raise refused("the signature of the token does not fit")


def identity(
    header: dict[str, Any], claims: dict[str, Any], *, issuer: str, client: str, nonce: str, access_token: object,
    now: int,
) -> None:  # fmt: skip
    """Everything that an ID token must say (OpenID Connect Core 1.0, 3.1.3.7). AuthError ``login.provider``."""
    audience = claims.get("aud")
    among = audience if isinstance(audience, list) else [audience]
    subject = claims.get("sub")
    if client not in among:
        raise refused("the token is for somebody else (aud)")
    if (len(among) > 1 or "azp" in claims) and claims.get("azp") != client:
        raise refused("the token was issued to somebody else (azp)")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise refused("the token says nothing of who it is about (sub)")
    options: Any = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}}
    about = {"nonce": nonce, "client_id": client, "access_token": access_token}
    try:
        CodeIDToken(claims, header, options, about).validate(now, LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise refused(_said(error)) from None
    if claims.get("nonce") != nonce:
        raise refused("the token belongs to another log-in (nonce)")


def logout(
    header: dict[str, Any], claims: dict[str, Any], *, issuer: str, client: str, now: int
) -> tuple[str, str, str]:
    """Subject, session and id of a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6). AuthError
    ``login.provider``."""
    if str(header.get("typ", "logout+jwt")).lower().removeprefix("application/") not in ("logout+jwt", "jwt"):
        raise refused("the token is of another kind (typ)")
    try:
        JWTClaimsRegistry(
            now, LEEWAY, iss={"essential": True, "value": issuer}, aud={"essential": True, "value": client},
            iat={"essential": True}, jti={"essential": True},
        ).validate(claims)  # fmt: skip
    except (JoseError, ValueError, TypeError) as error:
        raise refused(_said(error)) from None
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise refused("the token says nothing of a log-out (events)")
    if "nonce" in claims:
        raise refused("the token is an ID token (nonce)")
    issued = claims["iat"]
    if not isinstance(issued, int | float) or now - issued > 600:
        raise refused("the token is too old (iat)")
    subject, sid, once = (claims.get(name, "") for name in ("sub", "sid", "jti"))
    if not all(isinstance(one, str) for one in (subject, sid, once)) or not (subject or sid) or not once:
        raise refused("the token names nobody (sub, sid)")
    return subject, sid, once


def _said(error: Exception) -> str:
    """What joserfc calls the claim that is wrong, without its value."""
    claim = getattr(error, "claim", "")
    code = getattr(error, "error", type(error).__name__)
    return f"{code} {claim}".strip()
