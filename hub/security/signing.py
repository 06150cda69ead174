"""The hub's signature: Ed25519 (RFC 8032) over what people approve and what the audit chain says.

The private key is derived from a master key by HKDF-SHA256 (RFC 5869) with the info
``cophub/1/sign``: nothing more is to be kept. The newest master key signs, all of the ring verify, and
the public key alone serves whoever verifies elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.crypto import KeyRing

SIZE = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and verifies with the keys of a ring, which is asked for when it is first needed."""

    opened: Callable[[], KeyRing]

    def sign(self, message: bytes) -> str:
        """``kid:signature`` in hexadecimal, under the newest key."""
        ring = self.opened()
        return f"{ring.newest.hex()}:{_private(ring.key(ring.newest)).sign(message).hex()}"

    def verify(self, message: bytes, signature: str) -> bool:
        """Whether one of our keys signed this very message. AuthError ``key.unknown`` where the key is gone."""
        kid, _, value = signature.partition(":")
        try:
            signed_by, raw = bytes.fromhex(kid), bytes.fromhex(value)
        except ValueError:
            return False
        if len(signed_by) != 8 or len(raw) != SIZE:
            return False
        return verified(_private(self.opened().key(signed_by)).public_key(), message, raw)

    def public_key(self) -> bytes:
        """The raw public key (32 bytes) that belongs to the newest master key."""
        ring = self.opened()
        return _private(ring.key(ring.newest)).public_key().public_bytes_raw()


def verified(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the signature fits; never raises."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _private(master: bytes) -> Ed25519PrivateKey:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"cophub/1/sign").derive(master)
    return Ed25519PrivateKey.from_private_bytes(derived)
