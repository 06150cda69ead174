"""Reading an OData V2 service: addresses, $select and $expand, pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from connectors.simulators.edm import EntitySet, Navigation, from_literal, to_json, to_literal
from connectors.simulators.odata_filter import condition, order
from connectors.simulators.tables import Key, Row, Table
from connectors.simulators.wire import Refused, Request

_SEGMENT = re.compile(r"(\$?\w+)(?:\((.*)\))?", re.S)
_PREDICATE = re.compile(r"\s*(?:(\w+)\s*=)?\s*((?:[a-z]*)'(?:[^']|'')*'|[^',]+)\s*(?:,|$)")
_OPTIONS = frozenset(
    {
        "$filter",
        "$select",
        "$expand",
        "$orderby",
        "$top",
        "$skip",
        "$skiptoken",
        "$inlinecount",
        "$format",
        "$search",
    }
)


@dataclass(slots=True)
class Address:
    """Where a URL points: a set, perhaps one record of it (``key``), reached from ``parent``."""

    entity: EntitySet
    key: Key | None = None
    parent: Row | None = None
    navigation: Navigation | None = None
    count: bool = False


@dataclass(slots=True)
class Shape:
    """The tree of $select and $expand; ``names`` empty for all properties."""

    names: set[str] = field(default_factory=set)
    expanded: dict[str, Shape] = field(default_factory=dict)
    selected: dict[str, Shape] = field(default_factory=dict)


class Reader:
    """One request's view of a service: its sets as they are at that moment (they may drift)."""

    def __init__(
        self,
        root: str,
        namespace: str,
        sets: Mapping[str, EntitySet],
        tables: Mapping[str, Table],
        page_size: int,
    ) -> None:
        self.root = root
        self.namespace = namespace
        self.sets = sets
        self.tables = tables
        self.page_size = page_size

    def locate(self, path: str) -> Address:
        """The address of a path below the service root; 404 where nothing is there."""
        address: Address | None = None
        for segment in path.strip("/").split("/"):
            found = _SEGMENT.fullmatch(unquote(segment))
            if found is None:
                raise Refused(400, "/IWFND/CM_MGW_RT/022", f"Malformed URI segment '{segment}'")
            name, predicate = found.groups()
            if address is None:
                address = self._start(name, predicate)
            elif name == "$count" and address.key is None:
                address.count = True
            else:
                address = self._follow(address, name, predicate)
        if address is None:
            raise Refused(404, "/IWFND/CM_MGW/011", "Resource not found")
        return address

    def row(self, address: Address) -> Row:
        """The one record of an address; 404 where there is none."""
        row = self.tables[address.entity.name].get(*address.key) if address.key is not None else None
        if row is None:
            raise Refused(
                404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{address.entity.name}Type'"
            )
        return row

    def page(self, request: Request, address: Address) -> dict[str, Any]:
        """One page of a collection as its JSON."""
        entity, options = address.entity, self._options(request)
        rows = self._rows(request, address, options)
        total = len(rows)
        top = _number(options, "$top")
        rows = rows[_number(options, "$skip") or 0 :]
        rows = rows if top is None else rows[:top]
        start = self._start_of_page(request, options)
        shape = self._shape(entity, options)
        shown = rows[start : start + self.page_size]
        if start + self.page_size < len(rows) and shown:
            following = {**request.query, "$skiptoken": str(start + self.page_size)}
        else:
            following = {}
        request.record("read", entity.name, "", f"{len(shown)} of {total} from {start}")
        answer: dict[str, Any] = {"results": [self.entry(request, entity, row, shape) for row in shown]}
        if options.get("$inlinecount") == "allpages":
            answer["__count"] = str(total)
        if following:
            answer["__next"] = (
                f"{request.base}{request.path}?{urlencode(following, quote_via=quote, safe='$,/')}"
            )
        return answer

    def count(self, request: Request, address: Address) -> int:
        return len(self._rows(request, address, self._options(request)))

    def single(self, request: Request, address: Address) -> dict[str, Any]:
        """One record as its JSON."""
        row = self.row(address)
        request.record("read", address.entity.name, ",".join(str(part) for part in address.key or ()))
        return self.entry(request, address.entity, row, self._shape(address.entity, self._options(request)))

    def entry(self, request: Request, entity: EntitySet, row: Row, shape: Shape) -> dict[str, Any]:
        uri = f"{request.base}{self.root}/{self.path(entity, row)}"
        described = {"id": uri, "uri": uri, "type": f"{self.namespace}.{entity.name}Type"}
        if entity.etag:
            described["etag"] = self.etag(entity, row)
        shown: dict[str, Any] = {"__metadata": described}
        for each in entity.properties:
            if not shape.names or each.name in shape.names:
                shown[each.name] = to_json(row[each.source], each.type)
        for navigation in entity.navigations:
            if (inner := shape.expanded.get(navigation.name)) is not None:
                shown[navigation.name] = self._expanded(request, navigation, row, inner)
            elif not shape.names or navigation.name in shape.names:
                shown[navigation.name] = {"__deferred": {"uri": f"{uri}/{navigation.name}"}}
        return shown

    def etag(self, entity: EntitySet, row: Row) -> str:
        table = self.tables[entity.name]
        return f"W/\"'{table.version(table.key_of(row)):08X}'\""

    def path(self, entity: EntitySet, row: Row) -> str:
        """The canonical address of a record below the root."""
        parts = []
        for name in entity.key:
            found = entity.property(name)
            literal = quote(to_literal(row[name], found.type if found else "String"), safe="':,")
            parts.append(literal if len(entity.key) == 1 else f"{name}={literal}")
        return f"{entity.name}({','.join(parts)})"

    def _start(self, name: str, predicate: str | None) -> Address:
        if name not in self.sets:
            raise Refused(404, "/IWFND/CM_MGW_RT/021", f"Resource not found for segment '{name}'")
        entity = self.sets[name]
        return Address(entity, None if predicate is None else _key(entity, predicate))

    def _follow(self, address: Address, name: str, predicate: str | None) -> Address:
        navigation = address.entity.navigation(name)
        if navigation is None or address.key is None:
            raise Refused(404, "/IWFND/CM_MGW_RT/021", f"Resource not found for segment '{name}'")
        row, target = self.row(address), self.sets[navigation.to]
        if predicate is not None:
            return Address(target, _key(target, predicate))
        if navigation.many:
            return Address(target, parent=row, navigation=navigation)
        related = self._related(navigation, row)
        if not related:
            raise Refused(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{name}'")
        return Address(target, self.tables[target.name].key_of(related[0]))

    def _rows(self, request: Request, address: Address, options: Mapping[str, str]) -> list[Row]:
        if request.fault("empty") is not None or request.fault("swallowed") is not None:
            return []
        table = self.tables[address.entity.name]
        if address.navigation is not None and address.parent is not None:
            rows = self._related(address.navigation, address.parent)
        else:
            rows = list(table)
        rows.sort(key=lambda row: tuple(str(part) for part in table.key_of(row)))
        if "$filter" in options:
            passes = condition(options["$filter"], address.entity)
            rows = [row for row in rows if passes(row)]
        if options.get("$orderby"):
            for column, descending in reversed(order(options["$orderby"], address.entity)):
                rows.sort(key=_by(column), reverse=descending)
        return rows

    def _start_of_page(self, request: Request, options: Mapping[str, str]) -> int:
        start = _number(options, "$skiptoken")
        if start is None:
            return 0
        if request.fault("expire") is not None:
            raise Refused(410, "/IWBEP/CM_MGW_RT/176", "The skip token is no longer valid")
        if request.fault("repeat") is not None:
            return max(0, start - self.page_size)
        return start + self.page_size if request.fault("skip") is not None else start

    def _related(self, navigation: Navigation, row: Row) -> list[Row]:
        wanted = [(theirs, row[ours]) for theirs, ours in navigation.on.items()]
        return [
            each
            for each in self.tables[navigation.to]
            if all(each[theirs] == value for theirs, value in wanted)
        ]

    def _expanded(self, request: Request, navigation: Navigation, row: Row, shape: Shape) -> Any:
        target = self.sets[navigation.to]
        entries = [self.entry(request, target, each, shape) for each in self._related(navigation, row)]
        return {"results": entries} if navigation.many else (entries[0] if entries else None)

    def _options(self, request: Request) -> Mapping[str, str]:
        unknown = [name for name in request.query if name.startswith("$") and name not in _OPTIONS]
        if unknown:
            raise Refused(400, "/IWFND/CM_MGW/100", f"The system query option '{unknown[0]}' is not known")
        return request.query

    def _shape(self, entity: EntitySet, options: Mapping[str, str]) -> Shape:
        shape = Shape()
        for path in filter(None, options.get("$expand", "").split(",")):
            node, at = shape, entity
            for name in path.strip().split("/"):
                at = self._target(at, name)
                node = node.expanded.setdefault(name, Shape())
        for path in filter(None, options.get("$select", "").split(",")):
            self._select(shape, entity, path.strip().split("/"))
        return shape

    def _select(self, shape: Shape, entity: EntitySet, names: Sequence[str]) -> None:
        head, *rest = names
        if rest:
            if head not in shape.expanded:
                raise Refused(400, "/IWFND/CM_MGW/105", f"$select names '{head}', which $expand does not")
            shape.names.add(head)
            self._select(shape.expanded[head], self._target(entity, head), rest)
        elif head == "*":
            shape.names |= {each.name for each in entity.properties}
        elif entity.property(head) is None and entity.navigation(head) is None:
            raise Refused(
                400, "/IWCOR/CX_DS_EP_PROPERTY_ERROR", f"Property {head} not found in type {entity.name}Type"
            )
        else:
            shape.names.add(head)

    def _target(self, entity: EntitySet, name: str) -> EntitySet:
        navigation = entity.navigation(name)
        if navigation is None:
            raise Refused(
                400, "/IWFND/CM_MGW/103", f"Navigation property '{name}' not found in {entity.name}Type"
            )
        return self.sets[navigation.to]


def _key(entity: EntitySet, predicate: str) -> Key:
    values: dict[str, Any] = {}
    place = 0
    while place < len(predicate):
        found = _PREDICATE.match(predicate, place)
        if found is None:
            raise Refused(400, "/IWFND/CM_MGW_RT/023", f"Malformed key predicate '({predicate})'")
        name = found[1] or (entity.key[0] if len(entity.key) == 1 else "")
        values[name] = from_literal(found[2].strip())
        place = found.end()
    if values.keys() != set(entity.key):
        raise Refused(400, "/IWFND/CM_MGW_RT/024", f"Invalid key predicate for type '{entity.name}Type'")
    return tuple(values[name] for name in entity.key)


def _by(column: str) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: (row[column] is not None, row[column])


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise Refused(400, "/IWFND/CM_MGW/101", f"Invalid value '{text}' for {name}")
    return int(text)
