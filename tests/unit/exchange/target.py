"""A target in memory that keeps its contract and misbehaves when a test says so."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hub.contract import Change, Field, Found, Outcome, Page, Probe, Query, Resource, Settings, Spec
from hub.errors import Retriable

NAMES = ("code", "name", "city", "active")


@dataclass
class Crm:
    """``rows`` by their id; ``answers`` are statuses to give per code before it works: ``lost`` does the
    change and answers unknown, ``lost-before`` answers unknown and does nothing. ``lies`` are codes whose
    changes it acknowledges and does not keep; ``rewrites`` turns a row into what it stores; ``away`` calls
    fail as a whole; where it is ``silent`` it cannot be asked. Without ``ids`` it tells none: what it holds is
    known by its code alone."""

    replaces: bool = False
    batch: int = 100
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    replaced: int = 0
    versioned: bool = True
    away: int = 0
    lies: set[str] = field(default_factory=set)
    rewrites: Callable[[dict[str, Any]], dict[str, Any]] = dict
    latency: float = 0.0
    threads: set[str] = field(default_factory=set)
    unreadable: bool = False
    silent: bool = False
    ids: bool = True
    writable: bool = True
    hidden: set[str] = field(default_factory=set)
    lock: Any = field(default_factory=threading.Lock, repr=False)

    @property
    def spec(self) -> Spec:
        return Spec(
            name="crm",
            title="CRM",
            summary="A target in memory",
            settings=Settings,
            resource=_Declared,
            open=lambda context, settings, resources: self,
            describe=lambda context, settings, name, declared: self.resource(name),
            writes=True,
            batch=self.batch,
        )

    def check(self) -> list[Probe]:
        return []

    def resource(self, name: str) -> Resource:
        fields = tuple(Field(one) for one in NAMES)
        return Resource(name, key=("code",), fields=fields, writable=self.writable, replaces=self.replaces)

    def read(self, query: Query) -> Iterator[Page]:
        """All rows in one page, but for those that a test leaves out of the list."""
        if self.unreadable:
            raise NotImplementedError
        shown = [row for row in self.rows.values() if row["code"] not in self.hidden]
        lines = "".join(json.dumps(row) + "\n" for row in shown)
        yield Page(lines.encode(), len(shown), last=True)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        assert len(changes) <= self.batch
        self.threads.add(str(threading.get_ident()))
        time.sleep(self.latency)
        if self.away:
            self.away -= 1
            self.calls.append(("away", str(len(changes))))
            raise Retriable("crm.away", "nobody is at home")
        with self.lock:  # lanes share this one object
            return [self._one(change) for change in changes]

    def _one(self, change: Change) -> Outcome:
        code = str(change.key["code"])
        self.calls.append((change.operation, code))
        planned = self.answers.get(code)
        answer = planned.pop(0) if planned else "done"
        if answer in ("rejected", "retry", "conflict"):
            return Outcome(answer, code=f"crm.{answer}", message=f"{answer} it is")  # type: ignore[arg-type]
        if answer == "lost-before":
            return Outcome("unknown", code="crm.lost")
        outcome = self._change(change, code)
        return Outcome("unknown", code="crm.lost") if answer == "lost" else outcome

    def _change(self, change: Change, code: str) -> Outcome:
        identity = change.foreign_id or self._find(code)
        if change.operation == "create":
            if identity is not None:
                return Outcome("conflict", code="crm.exists")
            identity = f"C{len(self.versions) + 1}"
        elif identity not in self.rows:
            return Outcome("conflict", code="crm.gone")
        elif change.version is not None and change.version != str(self.versions.get(identity, 0)):
            return Outcome("conflict", code="crm.stale")
        if change.operation == "delete":
            del self.rows[identity]
            return Outcome("done", identity if self.ids else None)
        if code not in self.lies:
            self.rows[identity] = self.rewrites(dict(self.rows.get(identity, {})) | dict(change.values))
        self.versions[identity] = self.versions.get(identity, 0) + 1
        return Outcome("done", identity if self.ids else None, self._version(identity))

    def _version(self, identity: str) -> str | None:
        return str(self.versions.get(identity, 0)) if self.versioned else None

    def _find(self, code: str) -> str | None:
        return next((key for key, row in self.rows.items() if row["code"] == code), None)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        self.calls += [("find", str(key["code"])) for key in keys]
        if self.silent:
            raise Retriable("crm.away", "nobody answers")
        with self.lock:
            known = [self._find(str(key["code"])) for key in keys]
        return [
            Found(one, self._version(one), dict(self.rows[one])) if one is not None else None for one in known
        ]

    def replace(self, resource: Resource, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        new = [row for batch in rows for row in batch.to_pylist()]
        self.rows = {str(row["code"]): row for row in new}
        self.replaced += 1
        return len(new)

    def close(self) -> None:
        """Nothing to give back."""

    def writes(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] != "find"]

    def named(self) -> dict[str, str]:
        """Code → name of what it holds; every code once."""
        assert len({row["code"] for row in self.rows.values()}) == len(self.rows)
        return {row["code"]: row["name"] for row in self.rows.values()}


class _Declared(Settings):
    """Nothing is declared about a resource."""
