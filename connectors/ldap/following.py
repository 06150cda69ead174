"""Following a directory: reads that go on from a token and tell deletions.

A token names its kind, what it was given for, and the server's own mark. Where it does not fit any more, or the
server has lost what was deleted since, the read ends with Fatal ``token.expired`` and everything is read instead: a
deletion is never guessed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Iterator

from connectors.ldap.connection import Connection
from connectors.ldap.reading import Reader
from connectors.ldap.schema import Shape
from hub.contract import Context, Page, Query
from hub.errors import ConfigError, Fatal


class Following(Reader):
    """What the three kinds have in common: tokens, and the key that deletions are told by."""

    kind = ""

    def __init__(self, context: Context, connection: Connection, shape: Shape) -> None:
        super().__init__(connection, shape)
        self.now = context.now or time.time

    def pages(self, query: Query) -> Iterator[Page]:
        if tuple(query.resource.key) != (self.connection.settings.id,):
            raise ConfigError(
                "ldap.sync_key", f"{self.kind} tells deletions by {self.connection.settings.id} alone",
                where=self.where, hint="leave key: away, in the resource and in the mapping",
            )  # fmt: skip
        if query.token is None:
            yield from super().pages(query) if query.since is not None else self._whole(query)
            return
        kind, place, at, mark = (*query.token.split(":", 3), "", "", "")[:4]
        if (kind, place) != (self.kind, self._place()) or not at.isdigit():
            raise self.expired("it was given for another kind of read")
        yield from self._changed(query, float(at), mark)

    def _whole(self, query: Query) -> Iterator[Page]:
        raise NotImplementedError

    def _changed(self, query: Query, at: float, mark: str) -> Iterator[Page]:
        raise NotImplementedError

    def token(self, mark: str) -> str:
        return f"{self.kind}:{self._place()}:{int(self.now())}:{mark}"

    def _place(self) -> str:
        """Which entries a token speaks of."""
        shape = self.shape
        text = "\n".join([shape.base.lower(), shape.declared.scope, shape.condition])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def expired(self, why: str) -> Fatal:
        return Fatal(
            "token.expired", f"the last read cannot be gone on from: {why}", where=self.where,
            hint="a full read starts anew",
        )  # fmt: skip


def packed(cookie: bytes) -> str:
    """Octets as they stand in a token."""
    return base64.urlsafe_b64encode(cookie).decode()


def unpacked(text: str) -> bytes | None:
    """Octets of a token; None where it has none."""
    try:
        return base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
