"""From what is needed to query options: $select, $expand, $filter, $orderby."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.odata.declared import ODataResource
from connectors.odata.edmx import Metadata, Type
from connectors.odata.values import literal
from hub.contract import Query
from hub.errors import ConfigError, RecordRejected

LONGEST = 3000
"""Characters of $select beyond which it is left away: gateways cut long addresses."""
_OPERATORS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
# texts are compared by the source's collation: only equality is sure to give enough
_ORDERED = frozenset({
    "Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Date", "Edm.DateTime",
    "Edm.DateTimeOffset",
})  # fmt: skip


@dataclass
class Needs:
    """Which properties of a type are needed; ``all`` where no single ones are named."""

    all: bool = False
    properties: dict[str, None] = field(default_factory=dict)
    navigations: dict[str, Needs] = field(default_factory=dict)


def needs(metadata: Metadata, type_: Type, paths: Iterable[str], expand: Iterable[str]) -> Needs:
    """Sort dotted paths into properties and navigations; ConfigError ``field.unknown``."""
    root = Needs()
    wanted = dict.fromkeys(re.sub(r"\[[^]]*\]", "", path) for path in paths)
    # a list that is named beside fields of its own is needed for these only
    outer = {path.rpartition(".")[0] for path in wanted} | {
        path.partition(".")[0] for path in wanted if "." in path
    }
    inner = [path for path in wanted if path not in outer]
    for path in inner or expand:
        _add(metadata, type_, root, path)
    root.all = not wanted
    return root


def _add(metadata: Metadata, type_: Type, into: Needs, path: str) -> None:
    name, _, rest = path.partition(".")
    if name in type_.properties:
        into.properties[name] = None
        return
    navigation = type_.navigations.get(name)
    if navigation is None:
        near = difflib.get_close_matches(name, [*type_.properties, *type_.navigations], 3)
        raise ConfigError(
            "field.unknown", f"{type_.name} has no property {name}",
            hint=f"did you mean {' or '.join(near)}?" if near else "see the service's $metadata",
        )  # fmt: skip
    inner = into.navigations.setdefault(name, Needs())
    if rest:
        _add(metadata, metadata.types[navigation.target], inner, rest)
    else:
        inner.all = True


def options(metadata: Metadata, type_: Type, declared: ODataResource, query: Query) -> dict[str, str]:
    """The query options of a read, but for paging."""
    wanted = needs(metadata, type_, query.fields, declared.expand)
    if not wanted.all:
        extra = (*type_.key, declared.cursor, declared.created)
        wanted.properties |= dict.fromkeys(one for one in extra if one)
    made = _shape_v4(wanted) if metadata.version == 4 else _shape_v2(wanted)
    if len(made.get("$select", "")) > LONGEST:
        del made["$select"]
    if conditions := _conditions(metadata, type_, declared, query):
        made["$filter"] = " and ".join(conditions)
    if declared.order and type_.key:
        by = [declared.cursor, *type_.key] if declared.cursor and query.since is not None else [*type_.key]
        made["$orderby"] = ",".join(dict.fromkeys(one for one in by if one))
    return made


def _shape_v2(wanted: Needs) -> dict[str, str]:
    select, expand = [], []

    def walk(one: Needs, prefix: str) -> None:
        if prefix:
            expand.append(prefix.rstrip("/"))
        if one.all and prefix:
            select.append(prefix.rstrip("/"))
        else:
            select.extend(prefix + name for name in one.properties)
        for name, inner in one.navigations.items():
            walk(inner, f"{prefix}{name}/")

    walk(wanted, "")
    made = {} if wanted.all else {"$select": ",".join(select)}
    return made | ({"$expand": ",".join(expand)} if expand else {})


def _shape_v4(wanted: Needs) -> dict[str, str]:
    made = {} if wanted.all or not wanted.properties else {"$select": ",".join(wanted.properties)}
    parts = []
    for name, inner in wanted.navigations.items():
        nested = ";".join(f"{option}={value}" for option, value in _shape_v4(inner).items())
        parts.append(f"{name}({nested})" if nested else name)
    return made | ({"$expand": ",".join(parts)} if parts else {})


def _conditions(metadata: Metadata, type_: Type, declared: ODataResource, query: Query) -> list[str]:
    made = [f"({declared.filter})"] if declared.filter else []
    if query.since is not None and declared.cursor:
        made.append(_since(metadata, type_, declared, query.since))
    for name, operator, value in query.where:
        one = type_.properties.get(name)
        if one and (operator == "=" or one.type in _ORDERED) and operator in _OPERATORS:
            try:
                made.append(f"{name} {_OPERATORS[operator]} {literal(one, value, metadata.version)}")
            except RecordRejected:
                continue  # not of this type: the hub judges it, record by record
    return made


def _since(metadata: Metadata, type_: Type, declared: ODataResource, since: str) -> str:
    names = [name for name in (declared.cursor, declared.created) if name]
    parts = []
    for name in names:
        one = type_.properties.get(name)
        if one is None:
            raise ConfigError(
                "field.unknown", f"{type_.name} has no property {name}", hint="check cursor: and created:"
            )
        try:
            parts.append(f"{name} ge {literal(one, since, metadata.version)}")
        except RecordRejected as error:
            raise ConfigError("cursor.format", f"the cursor value does not fit: {error.message}") from None
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"
