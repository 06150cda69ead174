"""The one place where JSON Web Tokens are signed and decoded (RFC 7515, 7519, 8725): our own, and those of providers.

Who decodes says by which keys, algorithms, issuer and audience. A key never comes from the token itself (``jwk``,
``jku``, ``x5u``, ``x5c`` are not looked at), never is a secret that both sides know, and ``alg`` is one of a list of
ours. joserfc does the cryptography; a test of the house watches that nothing else decodes.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = RSAKey | ECKey | OKPKey
KINDS: Final[Mapping[str, type]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSAKey),
    **dict.fromkeys(("ES256", "ES384", "ES512"), ECKey),
    **dict.fromkeys(("EdDSA", "Ed25519"), OKPKey),
}
"""What may ever be allowed, and the kind of its keys: no secret that both sides know, and never none."""
TIMES: Final = ("iat", "exp", "nbf")


class NotTaken(Exception):
    """The token is not what is expected; ``why`` holds nothing of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class UnknownKey(NotTaken):
    """It names a key that is not among those that are known."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be. ``typ`` in small letters, of its header; empty: any. ``needed`` claims must be there,
    beside iss and aud; ``expired`` lets one pass whose time is over (an id_token_hint). ``leeway`` is in seconds."""

    issuer: str
    audience: str | None
    algorithms: Collection[str] = ("RS256",)
    typ: Collection[str] = ("jwt", "")
    needed: Collection[str] = ("exp",)
    expired: bool = False
    leeway: int = 30
    longest: int = 16_384


@dataclass(frozen=True, slots=True)
class Decoded:
    """A token whose signature fits, and that is what was expected."""

    header: dict[str, Any]
    claims: dict[str, Any]


def sign(key: Key, alg: str, claims: Mapping[str, Any], typ: str = "JWT") -> str:
    """A token in its compact form; its header names the key."""
    return jwt.encode({"alg": alg, "typ": typ, "kid": str(key.kid)}, dict(claims), key, algorithms=[alg])


def decode(token: object, keys: Sequence[Key], expected: Expected, moment: float) -> Decoded:
    """Of a token that one of the keys signed and that is what is expected. ``moment`` is now, in seconds of Unix.
    ``NotTaken``; ``UnknownKey`` where its ``kid`` is of none of the keys."""
    if not isinstance(token, str) or len(token) > expected.longest:
        raise NotTaken("the token is no text, or too long")
    header = _header(token)
    algorithm = str(header.get("alg"))
    if algorithm not in expected.algorithms or algorithm not in KINDS:
        raise NotTaken("the token is signed by an algorithm that is not allowed")
    if "crit" in header or "enc" in header:
        raise NotTaken("the token wants something that is not known")
    typ = str(header.get("typ", "")).lower().removeprefix("application/")
    if expected.typ and typ not in expected.typ:
        raise NotTaken("the token is of another kind (typ)")
    claims = _signed(token, _candidates(keys, header.get("kid"), algorithm), algorithm)
    _require(claims, expected, moment)
    return Decoded(header, claims)


def _header(token: str) -> dict[str, Any]:
    try:
        found = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, UnicodeError, RecursionError, binascii.Error):
        raise NotTaken("the token is no signed JWT") from None
    return dict(found)


def _candidates(keys: Sequence[Key], kid: object, algorithm: str) -> list[Key]:
    """The key that the header names, of those that are known; without a name all of its kind."""
    mine = [one for one in keys if isinstance(one, KINDS[algorithm])]
    named = mine if kid is None else [one for one in mine if one.kid == kid]
    if kid is not None and not named:
        raise UnknownKey("the token is signed by a key that its issuer does not publish")
    return named


def _signed(token: str, keys: Sequence[Key], algorithm: str) -> dict[str, Any]:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for key in keys:
        try:
            return jwt.decode(token, key, registry=registry).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
    raise NotTaken("the signature of the token does not fit")


def _require(claims: Mapping[str, Any], expected: Expected, moment: float) -> None:
    if claims.get("iss") != expected.issuer:
        raise NotTaken("the token is of another issuer (iss)")
    if expected.audience is not None and expected.audience not in audiences(claims):
        raise NotTaken("the token is for somebody else (aud)")
    for name in expected.needed:
        if claims.get(name) in (None, ""):
            raise NotTaken(f"the token has no {name}")
    times = {name: _time(name, claims[name]) for name in TIMES if claims.get(name) is not None}
    if not expected.expired and times.get("exp", math.inf) + expected.leeway <= moment:
        raise NotTaken("the time of the token is over (exp)")
    for name in ("iat", "nbf"):
        if times.get(name, -math.inf) - expected.leeway > moment:
            raise NotTaken(f"the time of the token has not come ({name})")


def _time(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotTaken(f"the {name} of the token is no time")
    return value


def audiences(claims: Mapping[str, Any]) -> list[Any]:
    """For whom a token is."""
    found = claims.get("aud")
    return found if isinstance(found, list) else [found]
