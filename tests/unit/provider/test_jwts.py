"""What the one decoder of JSON Web Tokens takes and refuses, each rule with a token that breaks it alone."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from sso.jwts import Expected, Key, NotTaken, UnknownKey, decode

NOW = 1_800_000_000
ONE, OTHER = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "other"))
CURVE, STRANGE = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("curve", "strange"))
KEYS: list[Key] = [CURVE, ONE]
GOOD: dict[str, Any] = {"iss": "https://op", "aud": "oa", "sub": "s", "iat": NOW - 10, "exp": NOW + 60}
EXPECTED = Expected("https://op", "oa", algorithms=("RS256", "ES256"), needed=("exp", "sub"))
NAN = float("nan")


def token(key: Any = ONE, alg: str = "RS256", head: dict[str, Any] | None = None, **changed: Any) -> str:
    header = {"alg": alg, "typ": "JWT", "kid": str(key.kid)} | (head or {})
    claims = {name: value for name, value in (GOOD | changed).items() if value is not None}
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode({k: v for k, v in header.items() if v is not None}, claims, key, registry=registry)


def unsigned() -> str:
    return f"{packed({'alg': 'none', 'typ': 'JWT'})}.{packed(GOOD)}."


def by_secret() -> str:
    text = f"{packed({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{packed(GOOD)}"
    return f"{text}.{url64(hmac.digest(ONE.as_pem(private=False), text.encode(), 'sha256'))}"


def packed(part: dict[str, Any]) -> str:
    return url64(json.dumps(part).encode())


def url64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


REFUSED: dict[str, tuple[Any, str]] = {
    "no text": (None, "no text"),
    "too long": ("x" * 16_385, "too long"),
    "no token": ("a.b", "no signed JWT"),
    "unsigned": (unsigned(), "algorithm"),
    "a public key as a secret": (by_secret(), "algorithm"),
    "an algorithm that is not expected": (token(alg="PS256"), "algorithm"),
    "a key in the token": (token(STRANGE, "ES256", {"kid": None, "jwk": STRANGE.as_dict(private=False)}), "signature"),
    "a key of another kind by name": (token(head={"kid": "curve"}), "publish"),
    "an unknown key": (token(OTHER), "publish"),
    "something critical": (token(head={"crit": ["b64"], "b64": True}), "not known"),
    "another kind": (token(head={"typ": "logout+jwt"}), "typ"),
    "another issuer": (token(iss="https://evil"), "iss"),
    "another audience": (token(aud=["a", "b"]), "aud"),
    "no subject": (token(sub=None), "sub"),
    "no end": (token(exp=None), "exp"),
    "over": (token(exp=NOW - 31), "exp"),
    "an end that is no number": (token(exp="tomorrow"), "exp"),
    "an end that is never reached": (token(exp=NAN), "exp"),
    "of the future": (token(iat=NOW + 31), "iat"),
    "not yet": (token(nbf=NOW + 31), "nbf"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    text, why = REFUSED[case]
    with pytest.raises(NotTaken, match=why):
        decode(text, KEYS, EXPECTED, NOW)


TAKEN = {
    "as it is expected": token(),
    "by a curve": token(CURVE, "ES256"),
    "without a name of its key": token(head={"kid": None}),
    "for several": token(aud=["x", "oa"]),
    "just over": token(exp=NOW - 29),
    "of no type": token(head={"typ": None}),
    "of its type in full": token(head={"typ": "application/jwt"}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_taken(case: str) -> None:
    assert decode(TAKEN[case], KEYS, EXPECTED, NOW).claims["sub"] == "s"


def test_an_unknown_key_is_told_apart_so_that_keys_are_asked_for_again() -> None:
    with pytest.raises(UnknownKey):
        decode(token(OTHER), KEYS, EXPECTED, NOW)
    assert decode(token(OTHER), [*KEYS, OTHER], EXPECTED, NOW).claims["sub"] == "s"
