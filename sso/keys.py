"""The keys that sign for the provider, and their rotation.

A key is published before it signs, so that clients that keep the list for a while know it in time; it stays published
as long as anything that it signed is valid. Keys follow each other by themselves; every process reads the same table.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from joserfc.jwk import OKPKey, RSAKey

from hub.crypto import Cipher
from hub.security import audit
from hub.security.actors import Actor
from hub.store import sso_clients
from hub.store.database import Database
from hub.store.sso_clients import KeyRow
from hub.workspace.sso import Sso
from hub.workspace.strict import seconds

FRESH: Final = 30.0
"""Seconds for which a process believes what it has read."""
KEEP: Final = dt.timedelta(days=1)
"""How long a key is published after it has signed for the last time, beside the life of what it signed."""
BITS: Final = 2048
Own = RSAKey | OKPKey


@dataclass(slots=True)
class Keys:
    """``current`` signs; ``published`` is what clients are told; ``known`` are all that ever signed."""

    database: Database
    cipher: Callable[[], Cipher]
    rules: Sso
    clock: Callable[[], dt.datetime]
    actor: Actor
    alg: Literal["RS256", "Ed25519"] = "RS256"
    _read: float = -FRESH
    _rows: list[KeyRow] = field(default_factory=list)
    _opened: dict[str, Own] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self) -> Own:
        """The newest key whose time has come."""
        rows = self.rows()
        moment = self.clock()
        signing = [row for row in rows if row.signs_at <= moment]
        return self._private(signing[-1] if signing else rows[0])

    def published(self) -> dict[str, Any]:
        """The JWK set: the next key, the current one, and those whose signatures are still valid."""
        rows = self.rows()
        moment = self.clock()
        lives = dt.timedelta(seconds=seconds(self.rules.id_token)) + KEEP
        shown = [
            row
            for row, after in zip(rows, [*rows[1:], None], strict=True)
            if after is None or after.signs_at + lives > moment
        ]
        return {"keys": [dict(row.public) for row in shown]}

    def known(self) -> list[Own]:
        """All keys that ever signed, for hints that a client kept long."""
        return [self._imported(dict(row.public)) for row in self.rows()]

    def rows(self) -> list[KeyRow]:
        """As stored; the first key, and the next one when it is time, are made here."""
        with self._lock:
            if time.monotonic() - self._read >= FRESH or not self._rows:
                self._rows = sso_clients.keys(self.database, self.alg)
                self._follow()
                self._read = time.monotonic()
            return self._rows

    def rotate(self) -> KeyRow:
        """Publish the next key now; it signs when clients had time to read it. Where one waits already, it is that."""
        with self._lock:
            self._rows = sso_clients.keys(self.database, self.alg)
            moment = self.clock()
            if not self._rows or self._rows[-1].signs_at <= moment:
                self._make(moment, moment + self._announce if self._rows else moment)
            self._read = time.monotonic()
            return self._rows[-1]

    @property
    def _announce(self) -> dt.timedelta:
        return dt.timedelta(seconds=seconds(self.rules.announce))

    def _follow(self) -> None:
        moment = self.clock()
        if not self._rows:
            self._make(moment, moment)
        due = self._rows[-1].signs_at + dt.timedelta(seconds=seconds(self.rules.rotate))
        if due - self._announce <= moment:
            self._make(moment, max(due, moment + self._announce))

    def _make(self, moment: dt.datetime, signs_at: dt.datetime) -> None:
        """A key of the next number; where another process made it first, that one."""
        number = self._rows[-1].number + 1 if self._rows else 1
        key = self._generated({"use": "sig", "alg": self.alg})
        kid = str(key.kid)
        sealed = self.cipher().seal(json.dumps(key.as_dict(private=True)).encode(), f"sso-key/{kid}")
        row = KeyRow(number, kid, key.as_dict(private=False), sealed, moment, signs_at)
        sso_clients.add_key(self.database, self.alg, row, partial(_audited, self.actor))
        self._rows = sso_clients.keys(self.database, self.alg)

    def _private(self, row: KeyRow) -> Own:
        if row.kid not in self._opened:
            text = self.cipher().open(row.sealed, f"sso-key/{row.kid}")
            self._opened[row.kid] = self._imported(json.loads(text))
        return self._opened[row.kid]

    def _generated(self, about: Any) -> Own:
        if self.alg == "RS256":
            return RSAKey.generate_key(BITS, about, auto_kid=True)
        return OKPKey.generate_key("Ed25519", about, auto_kid=True)

    def _imported(self, found: Any) -> Own:
        return RSAKey.import_key(found) if self.alg == "RS256" else OKPKey.import_key(found)


def _audited(actor: Actor, connection: Any, action: str, name: str, details: Any) -> None:
    audit.record(connection, actor, action, f"client:{name}", details=dict(details))
