"""Where the provider signs JSON Web Tokens, and decodes its own (RFC 7515, 7519, 8725).

Who decodes says by which keys, algorithms, issuer and audience: nothing of that is taken from the token. Those of other
issuers are decoded by ``sso.upstream.tokens``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from hub.errors import AuthError

ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
"""What may ever be allowed: no secret that both sides know, and never none."""
LARGEST: Final = 16_384
LEEWAY: Final = 30
KINDS: Final[Mapping[str, type]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey, "Ed25519": OKPKey}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be. ``typ`` in small letters, of its header; ``expired`` lets one pass whose time is over
    (an id_token_hint). ``needed`` claims must be there, beside iss and exp."""

    issuer: str
    audience: str | None
    algorithms: Collection[str] = ("RS256",)
    typ: Collection[str] = ("jwt", "")
    needed: Collection[str] = ()
    expired: bool = False


def sign(key: Key, alg: str, claims: Mapping[str, Any], typ: str = "JWT") -> str:
    """A token in its compact form; its header names the key."""
    return jwt.encode({"alg": alg, "typ": typ, "kid": str(key.kid)}, dict(claims), key, algorithms=[alg])


def decode(token: str, keys: KeySet, expected: Expected, moment: float) -> Mapping[str, Any]:
    """The claims of a token that is what is expected. ``moment`` is now, in seconds of Unix. AuthError
    ``jwt.refused``, which says why and holds nothing of the token."""
    if len(token) > LARGEST:
        raise _refused("it is too long")
    header = _header(token)
    alg = header.get("alg")
    if alg not in expected.algorithms or alg not in ALGORITHMS:
        raise _refused("it is signed by an algorithm that is not allowed")
    if "crit" in header:
        raise _refused("it has critical extensions that nobody here knows")
    if str(header.get("typ", "")).lower() not in expected.typ:
        raise _refused("it is a token of another kind")
    key = _key(keys, header.get("kid"), str(alg))
    try:
        found = jwt.decode(token, key, algorithms=[str(alg)]).claims
    except (JoseError, ValueError, TypeError):
        raise _refused("its signature does not fit") from None
    _require(found, expected, moment)
    return found


def _require(claims: Mapping[str, Any], expected: Expected, moment: float) -> None:
    if claims.get("iss") != expected.issuer:
        raise _refused("it is of another issuer")
    audience = claims.get("aud")
    whom = audience if isinstance(audience, list) else [audience]
    if expected.audience is not None and expected.audience not in whom:
        raise _refused("it is for somebody else")
    for name in ("iat", "exp", "nbf"):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise _refused(f"its {name} is no time")
    for name in ("exp", *expected.needed):
        if claims.get(name) in (None, ""):
            raise _refused(f"it has no {name}")
    if not expected.expired and claims["exp"] + LEEWAY <= moment:
        raise _refused("its time is over")
    if claims.get("iat", 0) - LEEWAY > moment or claims.get("nbf", 0) - LEEWAY > moment:
        raise _refused("its time has not come")


def _header(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise _refused("it is no signed token")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (ValueError, RecursionError):
        raise _refused("its header cannot be read") from None
    if not isinstance(found, dict):
        raise _refused("its header cannot be read")
    return found


def _key(keys: KeySet, kid: object, alg: str) -> Key:
    """The key that the header names, of those that are pinned; without a name the only one of its kind."""
    kind = KINDS[alg]
    fitting: list[Key] = [one for one in keys.keys if isinstance(one, kind)]
    if kid is not None:
        fitting = [one for one in fitting if one.kid == kid]
    if len(fitting) != 1:
        raise _refused("nobody here has the key that signed it")
    return fitting[0]


def _refused(why: str) -> AuthError:
    return AuthError("jwt.refused", f"the token is refused: {why}", hint="ask its issuer for another one")
