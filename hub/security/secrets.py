"""Secrets: ``secret://system/name`` in YAML, its text from environment, files or the sealed store.

The sealed store keeps each secret under AES-256-GCM with the master key (``hub.crypto``), bound to
its name and version, so that a row copied to another name does not open. What is resolved is made
known to the process's ``Redactor``. Errors: ``secret.missing``, ``secret.permissions``,
``secret.conflict``, ``secret.reference`` and those of ``hub.crypto``; none holds a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from hub.contract import Secret
from hub.crypto import Cipher, KeyRing, sealed_under
from hub.errors import AuthError, Retriable
from hub.redact import Redactor
from hub.security.sources import SecretSource, secret_name

PURPOSE = "secrets"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One sealed secret as stored. ``version`` counts from 1 and grows with every new value; sealing
    it again under another key keeps it. Times are UTC."""

    name: str
    version: int
    sealed: bytes
    created: datetime
    updated: datetime


class SecretRows(Protocol):
    """Where sealed secrets are stored; it never sees a value."""

    def get(self, name: str) -> SecretRow | None: ...

    def put(self, row: SecretRow, expected: int | None) -> bool:
        """Write a row if the version now stored is ``expected`` (None: if there is none), in one
        atomic step, and answer whether it was."""
        ...

    def list(self) -> Sequence[SecretRow]:
        """All rows by name."""
        ...

    def delete(self, name: str) -> bool:
        """Whether there was one."""
        ...


class MemorySecretRows:
    """The in-memory double, for tests and for workspaces without a store."""

    def __init__(self) -> None:
        self._rows: dict[str, SecretRow] = {}

    def get(self, name: str) -> SecretRow | None:
        return self._rows.get(name)

    def put(self, row: SecretRow, expected: int | None) -> bool:
        there = self._rows.get(row.name)
        if (there.version if there else None) != expected:
            return False
        self._rows[row.name] = row
        return True

    def list(self) -> Sequence[SecretRow]:
        return [self._rows[name] for name in sorted(self._rows)]

    def delete(self, name: str) -> bool:
        return self._rows.pop(name, None) is not None


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """What may be shown of a stored secret. ``key`` is the id of the master key that sealed it,
    ``current`` whether that is the newest (None while no master key was needed)."""

    name: str
    version: int
    created: datetime
    updated: datetime
    key: str
    current: bool | None


class SealedStore:
    """The source behind ``cophub secrets set``: rows sealed under the newest master key.

    ``ring`` is called when a secret is first sealed or opened: who uses none needs no master key.
    """

    name = "store"

    def __init__(
        self, rows: SecretRows, ring: Callable[[], KeyRing], now: Callable[[], datetime] | None = None
    ) -> None:
        self._rows = rows
        self._ring = ring
        self._now = now or (lambda: datetime.now(UTC))
        self._opened: Cipher | None = None

    @property
    def _cipher(self) -> Cipher:
        if self._opened is None:
            self._opened = Cipher(self._ring(), PURPOSE)
        return self._opened

    def get(self, name: str) -> str | None:
        row = self._rows.get(name)
        return None if row is None else self._cipher.open(row.sealed, _context(row)).decode("utf-8")

    def remedy(self, name: str) -> str:
        return f"cophub secrets set {name}"

    def set(self, name: str, text: str) -> SecretInfo:
        """Store a value as the next version; Retriable ``secret.conflict`` where another process did."""
        there, now = self._rows.get(name), self._now()
        version = there.version + 1 if there else 1
        row = SecretRow(name, version, b"", there.created if there else now, now)
        row = _sealed(row, self._cipher.seal(text.encode("utf-8"), _context(row)))
        if not self._rows.put(row, there.version if there else None):
            raise Retriable("secret.conflict", f"secret {name} was changed by someone else at this moment")
        return self._info(row)

    def remove(self, name: str) -> bool:
        return self._rows.delete(name)

    def list(self) -> Sequence[SecretInfo]:
        return [self._info(row) for row in self._rows.list()]

    def _info(self, row: SecretRow) -> SecretInfo:
        kid = sealed_under(row.sealed)
        newest = None if self._opened is None else kid == self._opened.ring.newest
        return SecretInfo(row.name, row.version, row.created, row.updated, kid.hex(), newest)


class Secrets:
    """Resolves references through ordered sources; the first that has it answers."""

    def __init__(
        self,
        sources: Sequence[SecretSource],
        *,
        store: SealedStore | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self._store = store
        self._sources: tuple[SecretSource, ...] = (*sources, *([store] if store else []))
        self._redactor = redactor

    def resolve(self, reference: str) -> Secret:
        """The secret behind a reference; AuthError ``secret.missing`` with the commands that set it."""
        name = secret_name(reference)
        for source in self._sources:
            text = source.get(name)
            if text is not None:
                if self._redactor is not None:
                    self._redactor.add(text)
                return Secret(text)
        raise self.missing([name])

    def source_of(self, reference: str) -> str | None:
        """Which source answers: ``environment``, ``files``, ``store`` or None."""
        name = secret_name(reference)
        return next((source.name for source in self._sources if source.get(name) is not None), None)

    def missing(self, names: Sequence[str]) -> AuthError:
        """The error that names what is missing and every way to set it."""
        ways = " or ".join(source.remedy(names[0]) for source in reversed(self._sources))
        listed = ", ".join(f"secret://{name}" for name in names)
        places = ", ".join(source.name for source in self._sources) or "no source"
        return AuthError("secret.missing", f"{listed} is not set (looked in: {places})", hint=ways)

    def set(self, reference: str, text: str) -> SecretInfo:
        """Seal a value into the store."""
        name = secret_name(reference)
        if not text:
            raise AuthError("secret.empty", f"the value of {name} is empty", hint="pipe it in or type it")
        if self._redactor is not None:
            self._redactor.add(text)
        return self._writable.set(name, text)

    def list(self) -> Sequence[SecretInfo]:
        """What the store holds: names, versions, dates, never values."""
        return self._writable.list()

    def remove(self, reference: str) -> None:
        """Remove from the store; AuthError ``secret.missing`` where it is not there."""
        name = secret_name(reference)
        if not self._writable.remove(name):
            raise AuthError(
                "secret.missing", f"secret://{name} is not in the store", hint="cophub secrets list"
            )

    @property
    def _writable(self) -> SealedStore:
        if self._store is None:
            raise AuthError("secret.readonly", "there is no store to keep secrets in", hint="cophub migrate")
        return self._store


def resolve_settings(settings: Model, secrets: Secrets) -> Model:
    """The same settings with every ``Secret`` that is a reference replaced by its secret, at any depth of
    models, mappings and lists. All that are missing are named by one error."""
    missing: list[str] = []

    def walk(value: Any) -> Any:
        if isinstance(value, Secret):
            return _resolved(value, secrets, missing)
        if isinstance(value, BaseModel):
            changed = {
                name: new
                for name in (*type(value).model_fields, *(value.model_extra or ()))
                if (new := walk(old := getattr(value, name))) is not old
            }
            return value.model_copy(update=changed) if changed else value
        if isinstance(value, Mapping):
            mapped = {key: walk(item) for key, item in value.items()}
            return mapped if any(mapped[key] is not value[key] for key in mapped) else value
        if isinstance(value, list | tuple):
            items = [walk(item) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else type(value)(items)
        return value

    resolved: Model = walk(settings)
    if missing:
        raise secrets.missing(missing)
    return resolved


def _resolved(value: Secret, secrets: Secrets, missing: list[str]) -> Secret:
    if value.reference is None:
        return value
    try:
        return secrets.resolve(value.reference)
    except AuthError as error:
        if error.code != "secret.missing":
            raise
        if value.reference not in missing:
            missing.append(value.reference)
        return value


def _sealed(row: SecretRow, sealed: bytes) -> SecretRow:
    return SecretRow(row.name, row.version, sealed, row.created, row.updated)


def _context(row: SecretRow) -> str:
    return f"secret/{row.name}/{row.version}"
