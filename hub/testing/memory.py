"""A connector in memory that keeps the whole contract: the double of tests, and the kit's own proof."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hub.contract import Change, Found, Outcome, Page, Probe, Query, Resource, Secret, key_text
from hub.doctor.records import rank
from hub.errors import AuthError, ConfigError, Retriable

Answered = tuple[str, Outcome]


@dataclass
class MemorySystem:
    """The system: its rows by key text, a log of deletions, and switches to misbehave."""

    password: str = field(default="pa55-word", repr=False)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    wait: float = 0.0
    loses_answer: bool = False
    misanswers: str = ""

    def put(self, key: str, row: Mapping[str, Any]) -> None:
        self.rows[key] = dict(row)
        self.versions[key] = self.versions.get(key, 0) + 1

    def drop(self, key: str) -> None:
        self.rows.pop(key, None)
        self.deleted.append(key)

    def answered(self, outcomes: list[Answered]) -> list[Answered]:
        """The answer to a batch: each outcome with the key it is of; otherwise where it misanswers, once."""
        how, self.misanswers = self.misanswers, ""
        match how:
            case "reordered":
                return outcomes[::-1]
            case "short":
                return outcomes[:1] + outcomes[2:]
            case "long":
                return [("nobody", Outcome("rejected", code="memory.nobody", message="who?")), *outcomes]
            case "alike":
                return [("", outcomes[0][1])]
        return outcomes


class Memory:
    """Source and target on a ``MemorySystem`` with one resource."""

    def __init__(self, system: MemorySystem, password: Secret, resource: Resource) -> None:
        self._system = system
        self._password = password
        self._resource = resource

    def check(self) -> list[Probe]:
        try:
            self._log_in()
        except AuthError as error:
            return [Probe("log-in", "failed", error.message, error.hint)]
        return [Probe("log-in", "ok"), Probe(f"read {self._resource.name}", "ok")]

    def _log_in(self) -> None:
        if self._password.reveal() != self._system.password:
            raise AuthError("memory.login", "the password is wrong", hint="mend password:")

    def resource(self, name: str) -> Resource:
        if name != self._resource.name:
            raise ConfigError("resource.unknown", f"there is no resource {name}")
        return self._resource

    def read(self, query: Query) -> Iterator[Page]:
        self._log_in()
        if self._system.wait:
            wait, self._system.wait = self._system.wait, 0.0
            raise Retriable("memory.busy", "too many requests", wait=wait)
        rows = self._chosen(query)
        size = query.page_size or 10
        starts = range(0, len(rows), size) or range(1)
        deleted = tuple(self._system.deleted[int(query.token) :]) if query.token else ()
        for start in starts:
            part = rows[start : start + size]
            last = start == starts[-1]
            yield Page(
                b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in part), len(part),
                origin=self._resource.name, first=start + 1, last=last, announced=len(rows),
                token=str(len(self._system.deleted)) if last else None, deleted=deleted if last else (),
            )  # fmt: skip

    def _chosen(self, query: Query) -> list[dict[str, Any]]:
        rows = list(self._system.rows.values())
        cursor = self._resource.cursor
        if cursor is not None:
            rows.sort(key=lambda row: rank(row[cursor]))
            if query.since is not None:
                rows = [row for row in rows if rank(row[cursor]) >= rank(query.since)]
        return rows

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        self._log_in()
        if resource.replaces:
            raise ConfigError("memory.whole", "this resource is replaced as a whole")
        answers = self._system.answered([(self._key(change), self._one(change)) for change in changes])
        if self._system.loses_answer:
            return [Outcome("unknown", code="memory.lost", message="no answer came")] * len(changes)
        return self._attributed(changes, answers)

    def _key(self, change: Change) -> str:
        return key_text([change.key[name] for name in self._resource.key])

    def _attributed(self, changes: Sequence[Change], answers: Sequence[Answered]) -> list[Outcome]:
        """Each change with the answer to it; what none speaks of is not known."""
        told = dict(answers)
        lost = Outcome("unknown", code="memory.lost", message="the answer does not speak of it")
        return [told.get(self._key(change), lost) for change in changes]

    def _one(self, change: Change) -> Outcome:
        key = self._key(change)
        row = self._system.rows.get(key)
        if change.operation == "delete":
            self._system.drop(key)
            return Outcome("done", key)
        if change.values.get("name") == "":
            return Outcome("rejected", code="memory.name", message="a name is not empty")
        if change.operation == "update" and row is None:
            return Outcome("conflict", code="memory.gone", message="the record is gone")
        if change.version is not None and change.version != str(self._system.versions.get(key)):
            return Outcome("conflict", code="memory.stale", message="the record has changed")
        self._system.put(key, {**(row or {}), **change.values})
        return Outcome("done", key, str(self._system.versions[key]))

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        self._log_in()
        found: list[Found | None] = []
        for values in keys:
            key = key_text([values[name] for name in self._resource.key])
            row = self._system.rows.get(key)
            version = str(self._system.versions.get(key))
            found.append(Found(key, version, row) if row is not None else None)
        return found

    def replace(self, resource: Resource, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        self._log_in()
        new = [row for batch in rows for row in batch.to_pylist()]
        self._system.rows = {key_text([row[name] for name in self._resource.key]): row for row in new}
        return len(new)

    def close(self) -> None:
        """Nothing to give back."""


def replacing(resource: Resource) -> Resource:
    """The same resource as one that is replaced as a whole."""
    return dataclasses.replace(resource, replaces=True)
