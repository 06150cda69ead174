"""Standard Webhooks (https://www.standardwebhooks.com): the signature of a webhook, made and checked.

Signed is ``ID.TIMESTAMP.BODY``, byte by byte, with HMAC-SHA256 under a secret ``whsec_`` + base64. Several
secrets sign side by side, so that a receiver can change from one to the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from hub.errors import AuthError, ConfigError

TOLERANCE = 300
PREFIX = "whsec_"
LEAST, MOST = 16, 64


def key_of(secret: str) -> bytes:
    """The key in a secret; ConfigError ``webhook.secret`` where it is none, or a weak one."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not LEAST <= len(key) <= MOST:
        raise ConfigError(
            "webhook.secret",
            "the secret of the webhook is no key of Standard Webhooks",
            hint=f"write {PREFIX} and {LEAST} to {MOST} random bytes in base64",
        )
    return key


def signed(secrets: Sequence[str], identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a webhook, with one signature for each secret."""
    marks = " ".join(f"v1,{_mark(key_of(one), identity, str(timestamp), body)}" for one in secrets)
    return {"webhook-id": identity, "webhook-timestamp": str(timestamp), "webhook-signature": marks}


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The webhook's id, if one of the secrets signed these very bytes within 5 minutes of ``now``.

    ``headers`` have lower-case names. AuthError ``webhook.unsigned``, ``webhook.late``, ``webhook.forged``.
    """
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    marks = headers.get("webhook-signature", "")
    if not (identity and timestamp.isdigit() and timestamp.isascii() and marks):
        raise AuthError(
            "webhook.unsigned",
            "the webhook is not signed",
            hint="it needs the headers webhook-id, webhook-timestamp and webhook-signature",
        )
    if len(timestamp) > 15 or abs(now - int(timestamp)) > TOLERANCE:
        raise AuthError(
            "webhook.late",
            "the webhook's timestamp is more than 5 minutes from now",
            hint="check the clocks of both sides",
        )
    given = [mark.partition(",")[2] for mark in marks.split(" ")[:20] if mark.startswith("v1,")]
    good = False
    for one in secrets:  # all of them: how long it takes tells nothing
        wanted = _mark(key_of(one), identity, timestamp, body).encode()
        for mark in given:
            good |= hmac.compare_digest(wanted, mark.encode())
    if not good:
        raise AuthError(
            "webhook.forged", "the webhook's signature fits none of our secrets", hint="compare the secrets"
        )
    return identity


def _mark(key: bytes, identity: str, timestamp: str, body: bytes) -> str:
    content = identity.encode() + b"." + timestamp.encode() + b"." + body
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
