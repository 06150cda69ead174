"""Signatures by which vendors let an application prove who it is: one small function each.

They are the vendors' own designs and no stronger than these: MD5 and bare SHA-256 over a secret and a text. What
travels is guarded by TLS.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping


def md5_app_key(parameters: Mapping[str, str], secret: str) -> str:
    """The ``sign`` of all parameters: names and values in the order of names between two copies of the secret, MD5, in
    capitals. Yonyou's open platform for orders and Taobao's (TOP) have it so; empty values are left out.

    >>> md5_app_key({"b": "2", "a": "1"}, "s") == hashlib.md5(b"sa1b2s").hexdigest().upper()
    True
    """
    told = "".join(name + value for name, value in sorted(parameters.items()) if value)
    return hashlib.md5(f"{secret}{told}{secret}".encode(), usedforsecurity=False).hexdigest().upper()


def kingdee_sha256(parts: Iterable[str]) -> str:
    """The ``sign`` of a log-in to K3Cloud (LoginBySign): data centre, user, application, its secret and the time in
    seconds, sorted by their code points, joined, SHA-256, in small letters."""
    return hashlib.sha256("".join(sorted(parts)).encode()).hexdigest()


def yonyou_nc_login(client: str, secret: str, key: str) -> str:
    """The ``signature`` of a log-in to NC Cloud from version 2005 on: SHA-256 of client, secret, public key and a salt
    that follows from the key."""
    return hashlib.sha256(f"{client}{secret}{key}{yonyou_nc_salt(key)}".encode()).hexdigest()


def yonyou_nc_salt(key: str) -> str:
    """The first 16 octets that Java's SHA1PRNG gives with the key as seed, which is SHA-1 of SHA-1, in Base64."""
    return base64.b64encode(hashlib.sha1(hashlib.sha1(key.encode()).digest()).digest()[:16]).decode()


def yonyou_nc_request(client: str, body: bytes, key: str) -> str:
    """The ``signature`` of a request to NC Cloud: SHA-256 of client, body and public key, without a salt."""
    return hashlib.sha256(client.encode() + body + key.encode()).hexdigest()
