"""An authenticator of WebAuthn and the browser before it, which can be told to lie."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from sso.ceremony import encoded

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


@dataclass
class Authenticator:
    """One key at the origin of ``hub.example``; ``answer`` takes what is to be different."""

    origin: str = "https://hub.example"
    host: str = "hub.example"
    private: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    identity: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: str = ""
    count: int = 0

    def create(self, options: dict[str, Any], **lies: Any) -> str:
        """The answer to ``navigator.credentials.create``."""
        self.handle = options["user"]["id"]
        numbers = self.private.public_key().public_numbers()
        public = {1: 2, 3: lies.get("algorithm", -7), -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        size = len(self.identity).to_bytes(2)
        attested = bytes(16) + size + self.identity + lies.get("public", encode_cbor(public))
        data = self._data(lies.get("flags", PRESENT | VERIFIED) | ATTESTED, lies) + attested
        statement = {"fmt": lies.get("fmt", "none"), "attStmt": lies.get("statement", {}), "authData": data}
        sealed = lies.get("sealed", encode_cbor(statement))
        return self._answer(
            "webauthn.create", options, lies, attestationObject=encoded(sealed), transports=["usb", "nonsense"]
        )

    def get(self, options: dict[str, Any], **lies: Any) -> str:
        """The answer to ``navigator.credentials.get``."""
        self.count = lies.get("count", self.count + 1)
        data = self._data(lies.get("flags", PRESENT | VERIFIED), lies)
        about = self._about("webauthn.get", options, lies)
        signature = self.private.sign(data + hashlib.sha256(about).digest(), ECDSA(SHA256()))
        return self._answer(
            "webauthn.get", options, lies, about, authenticatorData=encoded(data),
            signature=encoded(lies.get("signature", signature)), userHandle=lies.get("handle", self.handle),
        )  # fmt: skip

    def _data(self, flags: int, lies: dict[str, Any]) -> bytes:
        host = hashlib.sha256(lies.get("host", self.host).encode()).digest()
        return host + bytes([flags]) + self.count.to_bytes(4)

    def _about(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        about = {
            "type": lies.get("kind", kind),
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("framed", False),
        }
        return json.dumps(about).encode()

    def _answer(
        self, kind: str, options: dict[str, Any], lies: dict[str, Any], about: bytes | None = None, **response: Any
    ) -> str:
        told = {"clientDataJSON": encoded(about or self._about(kind, options, lies))} | response
        identity = encoded(lies.get("identity", self.identity))
        return json.dumps({"id": identity, "rawId": identity, "type": "public-key", "response": told})
