"""What browsers and authenticators exchange (WebAuthn), by py_webauthn, which is an extra: only ``sso.passkeys`` loads
this, when a key is used.

Attestation is not asked for: which make of key somebody has is nobody's business here, and its formats are much code
that strangers would reach. What they send is read by the library, whatever it raises on it: ``Refused``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import webauthn
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

LONGEST: Final = 16_000
"""Characters of an answer."""
ALGORITHMS: Final = [Algorithm.ECDSA_SHA_256, Algorithm.EDDSA, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]
T = TypeVar("T")


class Refused(Exception):
    """An answer that is not one to what was asked; its text says why."""


@dataclass(frozen=True, slots=True)
class Party:
    """The hub as browsers know it: its origin, and the host that keys are bound to."""

    origin: str
    host: str


@dataclass(frozen=True, slots=True)
class Made:
    """A new key: its id in base64url, its public half (COSE), what it counts, how browsers reach it."""

    credential: str
    public: bytes
    count: int
    transports: str


Known = Iterable[tuple[str, str]]
"""Keys that are there: id, and how browsers reach it."""


def creation(own: Party, name: str, handle: bytes, challenge: bytes, known: Known, timeout: int) -> str:
    """What a browser gives ``navigator.credentials.create``, as JSON; ``timeout`` in milliseconds."""
    options = webauthn.generate_registration_options(
        rp_id=own.host,
        rp_name="COP Hub",
        user_id=handle,
        user_name=name,
        challenge=challenge,
        timeout=timeout,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_described(known),
        supported_pub_key_algs=ALGORITHMS,
    )
    return webauthn.options_to_json(options)


def request(own: Party, challenge: bytes, known: Known, timeout: int, *, verify: bool) -> str:
    """What a browser gives ``navigator.credentials.get``, as JSON; without keys, for whichever it knows. ``verify``:
    the key must know its owner, by a PIN, his finger or his face."""
    options = webauthn.generate_authentication_options(
        rp_id=own.host,
        challenge=challenge,
        timeout=timeout,
        allow_credentials=_described(known),
        user_verification=UserVerificationRequirement.REQUIRED if verify else UserVerificationRequirement.DISCOURAGED,
    )
    return webauthn.options_to_json(options)


def read(answer: str) -> tuple[dict[str, Any], bytes]:
    """An answer's JSON, and the challenge that it says it signed."""

    def parsed() -> tuple[dict[str, Any], bytes]:
        if len(answer) > LONGEST:
            raise ValueError("it is too long")
        told = json.loads(answer)
        about = json.loads(decoded(told["response"]["clientDataJSON"]))
        if about.get("crossOrigin"):
            raise ValueError("it was given in a frame of another site")
        return {name: told[name] for name in ("id", "rawId", "type", "response")}, decoded(about["challenge"])

    return _checked(parsed)


def made(own: Party, told: dict[str, Any], challenge: bytes) -> Made:
    """The new key of an answer."""

    def verified() -> Made:
        sealed = parse_attestation_object(decoded(told["response"]["attestationObject"]))
        if sealed.fmt not in ("none", "packed") or sealed.att_stmt.x5c:
            raise ValueError("it brings an attestation, which was not asked for")
        found = webauthn.verify_registration_response(
            credential=told,
            expected_challenge=challenge,
            expected_rp_id=own.host,
            expected_origin=own.origin,
            supported_pub_key_algs=ALGORITHMS,
        )
        ways = told["response"].get("transports")
        known = [one.value for one in AuthenticatorTransport if isinstance(ways, list) and one.value in ways]
        return Made(encoded(found.credential_id), found.credential_public_key, found.sign_count, " ".join(known))

    return _checked(verified)


def signed(own: Party, told: dict[str, Any], challenge: bytes, public: bytes, *, verify: bool) -> int:
    """What the key counts now, where it signed the challenge."""
    return _checked(
        lambda: webauthn.verify_authentication_response(
            credential=told,
            expected_challenge=challenge,
            expected_rp_id=own.host,
            expected_origin=own.origin,
            credential_public_key=public,
            credential_current_sign_count=0,  # compared in the store, where no other answer comes between
            require_user_verification=verify,
        ).new_sign_count
    )


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The same back; ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _described(known: Known) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=decoded(credential),
            transports=[AuthenticatorTransport(way) for way in ways.split()] or None,
        )
        for credential, ways in known
    ]


def _checked(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except InvalidSignature:
        raise Refused("its signature is wrong") from None
    except (
        WebAuthnException, UnsupportedAlgorithm, ValueError, LookupError, TypeError, AttributeError, RecursionError,
        OverflowError,
    ) as error:  # fmt: skip
        raise Refused(str(error)[:200] or type(error).__name__) from None
