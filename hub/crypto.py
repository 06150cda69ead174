"""Ciphers of the hub: AES-256-GCM with a key ring, for values, files and blind indexes.

A master key is 32 random bytes. Its id (``kid``) is the first 8 bytes of
``SHA-256("cophub kid" || key)``. Working keys are derived by HKDF-SHA256 (RFC 5869) with the info
``cophub/1/<use>/<purpose>``, so that what is sealed for one purpose does not open for another.

Sealed value::

    4  "CHS1"     8  kid     12  random nonce     n + 16  ciphertext and tag
    key  HKDF(master, no salt, "cophub/1/seal/<purpose>")
    AAD  the first 12 bytes || context

Sealed stream (files; chunk size 2**k bytes)::

    4  "CHF1"     8  kid     1  k     16  random salt     chunks of 2**k + 16 bytes, the last shorter
    key  HKDF(master, salt, "cophub/1/stream/<purpose>"), so it seals one stream only
    nonce of chunk i  i as 11 bytes, big-endian || 1 if it is the last, else 0
    AAD  the first 29 bytes || i as 8 bytes || last as 1 byte || context

Only the last chunk may be shorter, and only in an empty stream may it be empty; truncating,
reordering, repeating or extending a stream fails. Random 96-bit nonces allow 2**32 values per master
key and purpose (NIST SP 800-38D, 8.3): rotate before.

Errors: ``sealed.format`` (not something we sealed), ``sealed.tampered`` (changed, or another
context or purpose), both Fatal; ``key.unknown`` (AuthError, sealed under a key that is not in the ring).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import AuthError, ConfigError, Fatal

KEY_BYTES = 32
CHUNK_LOG2 = 18

_VALUE = b"CHS1"
_STREAM = b"CHF1"
_HEAD = 12
_NONCE = 12
_SALT = 16
_TAG = 16
_STREAM_HEAD = _HEAD + 1 + _SALT
_CHUNKS_LOG2 = range(10, 25)


class KeyRing:
    """Master keys, the newest first: it seals, all of them open."""

    __slots__ = ("_keys", "newest")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigError("key.invalid", f"a key ring needs at least one key, each of {KEY_BYTES} bytes")
        self._keys = {key_id(key): bytes(key) for key in reversed(keys)}
        self.newest = key_id(keys[0])

    @property
    def kids(self) -> tuple[bytes, ...]:
        """The ids, the newest first."""
        return (self.newest, *(kid for kid in reversed(self._keys) if kid != self.newest))

    def key(self, kid: bytes) -> bytes:
        """The key of an id; AuthError ``key.unknown``."""
        try:
            return self._keys[kid]
        except KeyError:
            known = ", ".join(known.hex() for known in self.kids)
            raise AuthError(
                "key.unknown",
                f"sealed under master key {kid.hex()}, which is not there",
                hint=f"give the old key after the new one (there: {known})",
            ) from None

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(kid.hex() for kid in self.kids)})"


def key_id(key: bytes) -> bytes:
    """The public id of a master key, 8 bytes."""
    return hashlib.sha256(b"cophub kid" + key).digest()[:8]


def sealed_under(sealed: bytes) -> bytes:
    """The id of the key that sealed a value or a stream; Fatal ``sealed.format``."""
    if sealed[:4] not in (_VALUE, _STREAM) or len(sealed) < _HEAD:
        raise Fatal("sealed.format", "these bytes were not sealed by the hub, or were cut")
    return bytes(sealed[4:_HEAD])


class Cipher:
    """Seals and opens for one purpose (``secrets``, ``run-store`` …). Safe to share by threads.

    ``context`` says what and where the value is (``secret/s4/password/3``); it is not stored, and
    opening with another one fails: a sealed value cannot be moved to another row.
    """

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        self.ring = ring
        self.purpose = purpose
        self._aead = lru_cache(maxsize=32)(self._derive_aead)
        self._index_key = lru_cache(maxsize=256)(self._derive_index_key)

    def seal(self, value: bytes, context: str) -> bytes:
        """Seal under the newest key. The result is 40 bytes longer."""
        head, nonce = self.head, os.urandom(_NONCE)
        return head + nonce + self._aead(self.ring.newest).encrypt(nonce, value, head + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The value again."""
        kid = sealed_under(sealed)
        if sealed[:4] != _VALUE or len(sealed) < _HEAD + _NONCE + _TAG:
            raise Fatal("sealed.format", "this is not a sealed value, or it was cut")
        head, nonce, rest = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            return self._aead(kid).decrypt(nonce, rest, head + context.encode())
        except InvalidTag:
            raise _tampered(self.purpose, context) from None

    @property
    def head(self) -> bytes:
        """What every value begins with that the newest key sealed."""
        return _VALUE + self.ring.newest

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return sealed_under(sealed) == self.ring.newest

    def reseal(self, sealed: bytes, context: str) -> bytes:
        """The same value under the newest key; the very same bytes where it is so already."""
        return sealed if self.is_current(sealed) else self.seal(self.open(sealed, context), context)

    def blind_index(self, value: str, field: str) -> bytes:
        """HMAC-SHA256 of a value under a key of its field: equal values can be matched, and nothing
        else be learned. 32 bytes. The caller brings the value to its one form (case, spaces)."""
        return self._index(self.ring.newest, value, field)

    def blind_indexes(self, value: str, field: str) -> tuple[bytes, ...]:
        """The index under every key, the newest first: what to search for while a rotation lasts."""
        return tuple(self._index(kid, value, field) for kid in self.ring.kids)

    def seal_stream(
        self, source: BinaryIO, target: BinaryIO, context: str, *, chunk_log2: int = CHUNK_LOG2
    ) -> int:
        """Seal a file; answers the bytes written. Memory is two chunks."""
        if chunk_log2 not in _CHUNKS_LOG2:
            raise ValueError(f"chunk_log2 is one of {_CHUNKS_LOG2}")
        head = _STREAM + self.ring.newest + bytes([chunk_log2]) + os.urandom(_SALT)
        aead = self._stream_aead(head)
        written = target.write(head)
        for index, last, chunk in _chunks(source, 1 << chunk_log2):
            sealed = aead.encrypt(_chunk_nonce(index, last), chunk, _chunk_aad(head, index, last, context))
            written += target.write(sealed)
        return written

    def open_stream(self, source: BinaryIO, context: str) -> Iterator[bytes]:
        """The chunks of a sealed file. Each one is genuine and in its place when it is yielded; that
        the file is complete is known when the iterator ends without an error."""
        head = _read(source, _STREAM_HEAD)
        sealed_under(head)
        if head[:4] != _STREAM or len(head) < _STREAM_HEAD or head[_HEAD] not in _CHUNKS_LOG2:
            raise Fatal("sealed.format", "this is not a sealed file, or its head was cut")
        aead = self._stream_aead(head)
        size = 1 << head[_HEAD]
        for index, last, sealed in _chunks(source, size + _TAG):
            if len(sealed) < _TAG + (1 if index else 0):
                raise _tampered(self.purpose, context)
            try:
                aad = _chunk_aad(head, index, last, context)
                chunk = aead.decrypt(_chunk_nonce(index, last), sealed, aad)
            except InvalidTag:
                raise _tampered(self.purpose, context) from None
            yield chunk

    def _derive_aead(self, kid: bytes) -> AESGCM:
        return AESGCM(_derive(self.ring.key(kid), f"seal/{self.purpose}"))

    def _stream_aead(self, head: bytes) -> AESGCM:
        key = self.ring.key(head[4:_HEAD])
        return AESGCM(_derive(key, f"stream/{self.purpose}", salt=head[_HEAD + 1 :]))

    def _derive_index_key(self, kid: bytes, field: str) -> bytes:
        return _derive(self.ring.key(kid), f"index/{self.purpose}/{field}")

    def _index(self, kid: bytes, value: str, field: str) -> bytes:
        return hmac.digest(self._index_key(kid, field), value.encode("utf-8", "surrogatepass"), "sha256")

    def __repr__(self) -> str:
        return f"Cipher({self.purpose}, {self.ring!r})"


def _derive(key: bytes, use: str, *, salt: bytes | None = None) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=f"cophub/1/{use}".encode()).derive(key)


def _chunks(source: BinaryIO, size: int) -> Iterable[tuple[int, bool, bytes]]:
    """(index, is the last, bytes); one empty chunk for an empty source."""
    index, chunk = 0, _read(source, size)
    while True:
        following = _read(source, size) if len(chunk) == size else b""
        yield index, not following, chunk
        if not following:
            return
        index, chunk = index + 1, following


def _read(source: BinaryIO, size: int) -> bytes:
    """Exactly ``size`` bytes, fewer only at the end: pipes and sockets answer short reads."""
    parts, missing = [], size
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _chunk_nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])


def _chunk_aad(head: bytes, index: int, last: bool, context: str) -> bytes:
    return head + index.to_bytes(8, "big") + bytes([last]) + context.encode()


def _tampered(purpose: str, context: str) -> Fatal:
    return Fatal(
        "sealed.tampered",
        f"what was sealed for {purpose} ({context}) does not open: it was changed, cut or moved here",
        hint="restore it from a backup, or set it again",
    )
