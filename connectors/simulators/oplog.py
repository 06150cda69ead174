"""The append-only log of what a simulator did."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing done: ``actor`` did ``action`` (create, update, delete, read, login, request) to the
    ``key`` of a ``resource``. A ``request`` has the method and path as resource, the status as key."""

    number: int
    time: str
    actor: str
    action: str
    resource: str
    key: str
    note: str = ""


class OperationLog:
    """Appended before the answer leaves, so that what was applied is known whatever became of the
    answer. With a path each line also goes to a file, which survives a killed simulator."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._operations: list[Operation] = []
        self._file = path.open("ab", buffering=0) if path else None

    def append(self, actor: str, action: str, resource: str, key: str, note: str = "") -> None:
        with self._lock:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            operation = Operation(len(self._operations) + 1, now, actor, action, resource, key, note)
            self._operations.append(operation)
            if self._file:
                self._file.write(json.dumps(asdict(operation), ensure_ascii=False).encode() + b"\n")

    def since(self, number: int) -> Sequence[Operation]:
        """The operations after the given number."""
        with self._lock:
            return tuple(self._operations[number:])

    def of(self, action: str, resource: str | None = None, key: str | None = None) -> Sequence[Operation]:
        """The operations of one kind, in order."""
        return [
            operation
            for operation in self.since(0)
            if operation.action == action
            and resource in (None, operation.resource)
            and key in (None, operation.key)
        ]

    def count(self, action: str, resource: str | None = None, key: str | None = None) -> int:
        return len(self.of(action, resource, key))

    def close(self) -> None:
        if self._file:
            self._file.close()
