"""Proofs of origin: Standard Webhooks (https://www.standardwebhooks.com), made and checked, and what else systems
send.

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
from hub.literals import digits
from hub.workspace.shape import Push

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
    sent = digits(timestamp)
    if not (identity and sent is not None and marks):
        raise AuthError(
            "webhook.unsigned",
            "the webhook is not signed",
            hint="it needs the headers webhook-id, webhook-timestamp and webhook-signature",
        )
    if abs(now - sent) > TOLERANCE:
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


def proven(push: Push, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of an event whose sender proves that it knows a secret, in the system's own way; see ``Push``.

    Schemes without a timestamp cannot tell an old event that is sent again from a new one: its id does, so
    it is counted once. AuthError ``webhook.unsigned``, ``webhook.late``, ``webhook.forged``.
    """
    if push.scheme == "standard":
        return verify(secrets, headers, body, now)
    given = headers.get(push.header, "")
    if not given:
        raise AuthError(
            "webhook.unsigned", "the event carries no proof", hint=f"it needs the header {push.header}"
        )
    good = False
    for secret in secrets:
        wanted = secret if push.scheme == "token" else push.prefix + _hmac(push, secret, body)
        good |= hmac.compare_digest(wanted.encode(), given.encode())
    if not good:
        raise AuthError(
            "webhook.forged", "the event's proof fits none of our secrets", hint="compare the secrets"
        )
    named = headers.get(push.id_header, "") if push.id_header else ""
    return named[:200] or hashlib.sha256(body).hexdigest()


def _hmac(push: Push, secret: str, body: bytes) -> str:
    mark = hmac.new(secret.encode(), body, push.hash)
    return mark.hexdigest() if push.encoding == "hex" else base64.b64encode(mark.digest()).decode()


def _mark(key: bytes, identity: str, timestamp: str, body: bytes) -> str:
    content = identity.encode() + b"." + timestamp.encode() + b"." + body
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
