"""An OData V2 service over tables, as SAP Gateway speaks it: reading, changing, $batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.simulators.edm import EntitySet, from_json, metadata
from connectors.simulators.odata_batch import Part, assemble, parts_of
from connectors.simulators.odata_read import Address, Reader, Shape
from connectors.simulators.tables import Key, Row, Table
from connectors.simulators.wire import Answer, Refused, Request

_VERSION = {"DataServiceVersion": "2.0"}
_WRITES = frozenset({"POST", "PUT", "PATCH", "MERGE", "DELETE"})
Operation = tuple[str, str, str, str]


class Service:
    """One service below ``root``. ``prepare`` completes a record to be created (number ranges) by set
    name. Change sets are atomic, and operations are logged when they are final."""

    def __init__(
        self,
        root: str,
        namespace: str,
        sets: Sequence[EntitySet],
        tables: Mapping[str, Table],
        *,
        page_size: int = 100,
        prepare: Mapping[str, Callable[[Row], None]] | None = None,
    ) -> None:
        self.root = root
        self._sets = {each.name: each for each in sets}
        self._prepare = prepare or {}
        self._namespace = namespace
        self._tables = tables
        self.page_size = page_size
        self._done: list[Operation] = []

    def answer(self, request: Request) -> Answer:
        """The answer to one request; errors are answers too."""
        try:
            path = request.path.removeprefix(self.root).strip("/")
            if path == "$batch":
                return self._batch(request)
            if request.method in _WRITES:
                with self._unit(request):
                    return self._write(request, path)
            return self._read(request, path)
        except Refused as error:
            return failure(error)

    def _read(self, request: Request, path: str) -> Answer:
        reader = self._reader(request)
        if path == "$metadata":
            text = metadata(self._namespace, reader.sets)
            return Answer(200, text.encode(), {"Content-Type": "application/xml", **_VERSION})
        accept, form = request.headers.get("Accept", ""), request.query.get("$format", "")
        if form != "json" and "json" not in accept:
            raise Refused(
                406, "/IWFND/CM_MGW/406", "This simulator answers JSON only: send Accept: application/json"
            )
        if not path:
            return Answer.json(200, {"d": {"EntitySets": list(reader.sets)}}, _VERSION)
        address = reader.locate(path)
        if address.count:
            return Answer.text(200, str(reader.count(request, address)))
        if address.key is None:
            return Answer.json(200, {"d": reader.page(request, address)}, _VERSION)
        entry = reader.single(request, address)
        tag = {"ETag": entry["__metadata"]["etag"]} if "etag" in entry["__metadata"] else {}
        return Answer.json(200, {"d": entry}, {**_VERSION, **tag})

    def _write(self, request: Request, path: str) -> Answer:
        reader = self._reader(request)
        address = reader.locate(path)
        method = request.headers.get("X-HTTP-Method", request.method).upper()
        if method == "POST" and address.key is None:
            row = self._create(reader, address, _object(request))
            entry = reader.entry(request, address.entity, row, Shape())
            headers = {**_VERSION, "Location": entry["__metadata"]["uri"]}
            return Answer.json(201, {"d": entry}, headers | _tag(entry))
        if address.key is None or method == "POST":
            raise Refused(405, "/IWFND/CM_MGW/013", f"Method {method} is not allowed for this resource")
        self._guard(reader, address, request.headers.get("If-Match"))
        if method == "DELETE":
            _allowed(address.entity.deletable, "Delete", address.entity)
            self._tables[address.entity.name].delete(address.key)
            self._log("delete", address.entity, address.key)
        else:
            row = self._update(address, address.key, _object(request), whole=method == "PUT")
            return Answer(204, b"", {**_VERSION, "ETag": reader.etag(address.entity, row)})
        return Answer(204, b"", dict(_VERSION))

    def _create(self, reader: Reader, address: Address, body: Mapping[str, Any]) -> Row:
        entity = address.entity
        _allowed(entity.creatable, "Create", entity)
        row: Row = {each.source: each.default for each in entity.properties}
        row |= _values(entity, body)
        if address.parent is not None and address.navigation is not None:
            row |= {theirs: address.parent[ours] for theirs, ours in address.navigation.on.items()}
        if entity.name in self._prepare:
            self._prepare[entity.name](row)
        try:
            key = self._tables[entity.name].create(row)
        except KeyError:
            text = ", ".join(str(row[name]) for name in entity.key)
            raise Refused(400, "R11/124", f"{entity.name} {text} already exists") from None
        self._log("create", entity, key)
        for navigation in entity.navigations:
            inner = body.get(navigation.name)
            items = inner.get("results", [inner]) if isinstance(inner, dict) else inner or []
            for item in (each for each in items if isinstance(each, dict) and "__deferred" not in each):
                target = Address(reader.sets[navigation.to], parent=row, navigation=navigation)
                self._create(reader, target, item)
        return row

    def _update(self, address: Address, key: Key, body: Mapping[str, Any], *, whole: bool) -> Row:
        entity = address.entity
        _allowed(entity.updatable, "Update", entity)
        values = _values(entity, body)
        if any(values.get(name, part) != part for name, part in zip(entity.key, key, strict=True)):
            raise Refused(400, "/IWBEP/CM_MGW_RT/026", "Key properties cannot be changed")
        if whole:
            initial = {each.source: each.default for each in entity.properties if each.written}
            values = {**initial, **values, **dict(zip(entity.key, key, strict=True))}
        row = self._tables[entity.name].update(key, values)
        self._log("update", entity, key, ",".join(sorted(values)))
        return row

    def _guard(self, reader: Reader, address: Address, given: str | None) -> None:
        row = reader.row(address)
        if not address.entity.etag or given == "*":
            return
        if given is None:
            raise Refused(428, "/IWBEP/CM_MGW_RT/165", "Header If-Match is required")
        if given != reader.etag(address.entity, row):
            raise Refused(
                412, "/IWBEP/CM_MGW_RT/166", "The record was changed by another user: precondition failed"
            )

    def _batch(self, request: Request) -> Answer:
        answers: list[tuple[Part, Answer] | list[tuple[Part, Answer]]] = []
        for part in parts_of(request):
            if isinstance(part, Part):
                answers.append((part, self.answer(part.request(request, self.root, {}))))
                continue
            try:
                answers.append(self._change_set(request, part))
            except Refused as error:  # one answer stands for the whole change set
                answers.append((part[0], failure(error)))
        body, kind = assemble(answers)
        return Answer(202, body, {"Content-Type": kind, **_VERSION})

    def _change_set(self, request: Request, parts: Sequence[Part]) -> list[tuple[Part, Answer]]:
        answers: list[tuple[Part, Answer]] = []
        locations: dict[str, str] = {}
        with self._unit(request):
            for part in parts:
                inner = part.request(request, self.root, locations)
                if inner.method not in _WRITES:
                    raise Refused(400, "/IWFND/CM_MGW/121", "A change set takes no GET")
                if inner.fault("partial", part.method) is not None:
                    raise Refused(400, "R11/000", "This row was refused by a fault")
                answer = self._write(inner, inner.path.removeprefix(self.root).strip("/"))
                if part.content_id and "Location" in answer.headers:
                    locations[part.content_id] = answer.headers["Location"]
                answers.append((part, answer))
        return answers

    @contextmanager
    def _unit(self, request: Request) -> Iterator[None]:
        """All that is done inside is kept and logged, or, on an error (or a lie), nothing is."""
        before = {name: table.snapshot() for name, table in self._tables.items()}
        self._done = []
        keep = False
        try:
            yield
            keep = not request.lies()
        finally:
            if not keep:
                for name, state in before.items():
                    self._tables[name].restore(state)
                self._done = []
        for operation in self._done:
            request.record(*operation)

    def _log(self, action: str, entity: EntitySet, key: Key, note: str = "") -> None:
        self._done.append((action, entity.name, ",".join(str(part) for part in key), note))

    def _reader(self, request: Request) -> Reader:
        sets: Mapping[str, EntitySet] = self._sets
        if (drift := request.fault("drift")) is not None:
            old, _, new = drift.partition(":")
            sets = {name: entity.drifted(old, new) for name, entity in sets.items()}
        return Reader(self.root, self._namespace, sets, self._tables, self.page_size)


def failure(error: Refused) -> Answer:
    """An error in the form of SAP Gateway."""
    inner = {"transactionid": "0" * 32, "errordetails": []}
    value = {"code": error.code, "message": {"lang": "en", "value": error.message}, "innererror": inner}
    return Answer.json(error.status, {"error": value}, {**_VERSION, **error.detail.get("headers", {})})


def _values(entity: EntitySet, body: Mapping[str, Any]) -> Row:
    values: Row = {}
    for name, value in body.items():
        found = entity.property(name)
        if found is None and name != "__metadata" and entity.navigation(name) is None:
            raise Refused(400, "/IWCOR/CX_DS_EP_PROPERTY_ERROR", f"Property '{name}' is invalid")
        if found is not None and (found.written or name in entity.key):
            values[found.source] = from_json(value, found)
    return values


def _object(request: Request) -> Mapping[str, Any]:
    if "json" not in request.headers.get("Content-Type", ""):
        raise Refused(415, "/IWFND/CM_MGW/415", "Send application/json")
    value = request.object()
    inner = value.get("d")
    return inner if len(value) == 1 and isinstance(inner, dict) else value


def _allowed(allowed: bool, what: str, entity: EntitySet) -> None:
    if not allowed:
        raise Refused(405, "/IWFND/CM_MGW/013", f"{what} is not possible for entity set '{entity.name}'")


def _tag(entry: Mapping[str, Any]) -> dict[str, str]:
    tag = entry["__metadata"].get("etag")
    return {"ETag": tag} if tag else {}
