"""Writing the records of a model. Those that are created go together, changes and deletions by themselves; what one
record is refused for concerns no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.jsonrpc.calls import MANY, RELATIONS, Kinds
from connectors.jsonrpc.declared import RpcResource
from connectors.jsonrpc.read import Reader, shape, tree
from connectors.jsonrpc.service import Service
from connectors.jsonrpc.together import Together
from connectors.jsonrpc.values import whole
from hub.contract import Change, Found, Outcome, key_text
from hub.errors import RecordRejected
from hub.http.outcomes import each, of_status


class Writer:
    """Writes one resource."""

    def __init__(self, service: Service, declared: RpcResource, reader: Reader) -> None:
        self._service, self._dialect, self._declared, self._reader = (
            service,
            service.dialect,
            declared,
            reader,
        )
        self._together = Together(service, declared, reader)

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        if changes:  # what can fail before anything is sent does so here, and raises
            self._service.kinds(self._declared.model)
        self._together.prepare(changes)
        return each(changes, self._send)

    def find(self, key: Mapping[str, Any]) -> Found | None:
        """One record of the domain by its natural key. RecordRejected ``find.ambiguous`` where several have it."""
        if any(value is None or value == "" for value in key.values()):
            return None
        kinds = self._kinds()
        domain = [[name, "=", self._condition(kinds, name, value)] for name, value in key.items()]
        rows = self._reader.lookup(self._dialect.both(self._declared.domain, domain), self._shown(key, kinds), 2)
        if len(rows) > 1:
            raise RecordRejected(
                "find.ambiguous", f"several records have the key {key_text([*key.values()])}",
                where=self._declared.model,
            )  # fmt: skip
        return _found(rows[0], self._dialect.version) if rows else None

    def _shown(self, key: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
        """What is asked for of a record that is looked up: its key and the declared fields, related records only
        where that costs no further calls."""
        declared = {
            name: inner
            for name, inner in shape(self._declared.fields).items()
            if name in kinds and (self._dialect.nests or not inner)
        }
        return declared | tree(["id", *key])

    def _condition(self, kinds: Kinds, name: str, value: Any) -> Any:
        kind = kinds.get(name)
        return value if kind is None else self._dialect.encode(kind, value)

    # ------------------------------------------------------------------ changing

    def _send(self, change: Change) -> Outcome:
        if change.operation == "create":
            return self._create(change)
        found = None if change.foreign_id is not None else self.find(change.key)
        if change.foreign_id is None and found is None:
            return of_status(404, change.operation, "there is no such record")
        identity = change.foreign_id or (found.foreign_id if found else "")
        if change.operation == "delete":
            return self._delete(identity, change)
        return self._update(identity, change)

    def _create(self, change: Change) -> Outcome:
        """Few models refuse a second record of the same key: so it is looked for first."""
        made = self._together.create(change, lambda one: self._values({**one.key, **one.values}, None))
        if made is not None:
            return made
        there = self.find(change.key)
        if there is not None:
            message = f"there is a record with the key {key_text([*change.key.values()])}"
            return Outcome("conflict", there.foreign_id, there.version, "jsonrpc.exists", message)
        values = self._values({**change.key, **change.values}, None)
        outcome, result = self._service.write(
            self._dialect.create_all(self._declared.model, [values]), "create", None
        )
        if outcome.status != "done":
            return outcome
        if not isinstance(result, list) or len(result) != 1 or not isinstance(result[0], int):
            return Outcome("unknown", None, None, "jsonrpc.answer", "the answer holds not one id of a record")
        return Outcome("done", str(result[0]))

    def _update(self, identity: str, change: Change) -> Outcome:
        number = self._number(identity)
        current = self._current(number, change)
        if current is None:
            return of_status(404, "update", "the record is not there any more", foreign_id=identity)
        version = str(current[self._dialect.version])
        if change.version is not None and version != change.version:
            return Outcome(
                "conflict", identity, None, "jsonrpc.changed", "the record changed since it was last seen"
            )
        if self._declared.method is not None:
            call = self._dialect.press(self._declared.model, self._method(change), number, version)
        else:
            values = self._values({**change.key, **change.values}, current)
            call = self._dialect.write(self._declared.model, number, values, version)
        return self._service.write(call, "update", identity)[0]

    def _method(self, change: Change) -> str:
        """The method of the resource; it takes the record and no values."""
        if more := sorted(set(change.values) - set(change.key)):
            raise RecordRejected("field.unknown", f"{self._declared.method} takes no values", where=more[0])
        return str(self._declared.method)

    def _delete(self, identity: str, change: Change) -> Outcome:
        call = self._dialect.delete(self._declared.model, self._number(identity), change.version)
        return self._service.write(call, "delete", identity)[0]

    def _current(self, number: int, change: Change) -> Mapping[str, Any] | None:
        """What of a record a change must know: its version, and the lists it changes."""
        kinds = self._kinds()
        lists = [name for name in change.values if name in kinds and kinds[name].type in MANY]
        rows = self._reader.lookup([["id", "=", number]], {name: {} for name in ("id", *lists)}, 1)
        return rows[0] if rows else None

    # ------------------------------------------------------------------ values

    def _values(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> dict[str, Any]:
        kinds, made = self._kinds(), {}
        for name, value in given.items():
            kind = kinds.get(name)
            if kind is None:
                raise RecordRejected(
                    "field.unknown", f"{self._declared.model} has no field {name}", where=name
                )
            if name == "id":
                continue
            if kind.type in MANY and kind.type in RELATIONS:
                command = self._list(name, value, current)
                if command:
                    made[name] = command
            else:
                made[name] = self._dialect.encode(kind, value)
        return made

    def _list(self, name: str, value: Any, current: Mapping[str, Any] | None) -> Any:
        """The command that brings a list of related records to a value: ids, or new records when creating."""
        several = value if isinstance(value, list) else [] if value is None else [value]
        if several and all(isinstance(one, Mapping) for one in several):
            if current is not None:
                raise RecordRejected(
                    "write.nested", "related records are created together with their owner only", where=name
                )
            below = self._service.kinds(self._kinds()[name].relation)
            return self._dialect.makes([self._below(name, one, below) for one in several])
        try:
            wanted = [whole(one) for one in several]
        except (ValueError, TypeError):
            raise RecordRejected("value.type", "a list of related records holds ids", where=name) from None
        return self._dialect.replaces(wanted, (current or {}).get(name) or [])

    def _below(self, name: str, values: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
        if lost := sorted(set(values) - set(kinds)):
            raise RecordRejected("field.unknown", f"{name} has no field {lost[0]}", where=f"{name}.{lost[0]}")
        return {one: self._dialect.encode(kinds[one], value) for one, value in values.items()}

    def _kinds(self) -> Kinds:
        return self._service.kinds(self._declared.model)

    def _number(self, identity: str) -> int:
        if not identity.isdigit():
            raise RecordRejected("key.shape", f"{identity[:40]!r} is no id of {self._declared.model}")
        return int(identity)


def _found(row: Mapping[str, Any], version: str) -> Found:
    values = {name: value for name, value in row.items() if name != version}
    return Found(str(row["id"]), None if row.get(version) is None else str(row[version]), values)
