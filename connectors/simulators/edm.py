"""Entity types of an OData V2 service, their values in JSON and URLs, and $metadata made from them.

Primitive types and literals as in OData V2 "Abstract Type System" and "JSON Format", with the dialect of
SAP Gateway: DateTime is ``/Date(ms)/``, DateTimeOffset ``/Date(ms+0000)/``, Time ``PT12H30M00S``,
Decimal and Int64 are texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from uuid import UUID
from xml.sax.saxutils import quoteattr

from connectors.simulators.wire import Refused

Edm = Literal[
    "String", "DateTime", "DateTimeOffset", "Time", "Decimal", "Boolean", "Guid", "Int16", "Int32", "Int64"
]

_EPOCH = datetime(1970, 1, 1)
_JSON_DATE = re.compile(r"/Date\((-?\d{1,15})(?:([+-])(\d{4}))?\)/")
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")
_LITERAL = re.compile(
    r"(?:(datetime|datetimeoffset|time|guid)?'(.*)'|([+-]?[\d.]+)[mMlLdDfF]?|(true|false|null))", re.S
)
_LITERALS: Mapping[str, Edm] = {
    "datetime": "DateTime",
    "datetimeoffset": "DateTimeOffset",
    "time": "Time",
    "guid": "Guid",
}
_DEFAULTS: Mapping[str, Any] = {"String": "", "Boolean": False, "Decimal": Decimal(0), "Time": timedelta(0)}


@dataclass(frozen=True, slots=True)
class Property:
    """``written`` says whether a client may set it; the system sets the others. ``column`` is where its
    value is stored, where that is not its name (drift)."""

    name: str
    type: Edm = "String"
    length: int | None = None
    scale: int | None = None
    written: bool = True
    label: str = ""
    column: str = ""

    @property
    def source(self) -> str:
        return self.column or self.name

    @property
    def default(self) -> Any:
        """What ABAP shows where nothing was entered: initial values, null for dates only."""
        return _DEFAULTS.get(self.type)


@dataclass(frozen=True, slots=True)
class Navigation:
    """``to`` is an entity set; ``on`` maps its properties to ours."""

    name: str
    to: str
    on: Mapping[str, str]
    many: bool = True


@dataclass(frozen=True, slots=True)
class EntitySet:
    """An entity set and its type."""

    name: str
    key: tuple[str, ...]
    properties: tuple[Property, ...]
    navigations: tuple[Navigation, ...] = ()
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True
    etag: bool = True

    def property(self, name: str) -> Property | None:
        return next((each for each in self.properties if each.name == name), None)

    def drifted(self, old: str, new: str) -> EntitySet:
        """The same set after its vendor renamed a property, or removed it (``new`` empty)."""
        properties = [
            replace(each, name=new, column=each.source) if each.name == old else each
            for each in self.properties
            if each.name != old or new
        ]
        return replace(self, properties=tuple(properties))

    def navigation(self, name: str) -> Navigation | None:
        return next((each for each in self.navigations if each.name == name), None)


def to_json(value: Any, type: Edm) -> Any:
    """A value as the service writes it."""
    match type:
        case _ if value is None:
            return None
        case "DateTime":
            return f"/Date({_millis(value)})/"
        case "DateTimeOffset":
            return f"/Date({_millis(value)}+0000)/"
        case "Time":
            return _duration(value)
        case "Decimal":
            return f"{value:f}"
        case "Int64" | "Guid":
            return str(value)
        case _:
            return value


def from_json(value: Any, property: Property) -> Any:
    """A value as a client writes it; 400 where it is not of the type."""
    if value is None:
        return property.default if property.type in ("String", "Boolean") else None
    try:
        parsed = _parsed(value, property.type)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise Refused(
            400,
            "/IWCOR/CX_DS_EDM_TYPE/0",
            f"Invalid value for property '{property.name}' of type Edm.{property.type}",
        ) from None
    if isinstance(parsed, str) and property.length is not None and len(parsed) > property.length:
        raise Refused(
            400,
            "/IWCOR/CX_DS_EDM_FACET/0",
            f"Property '{property.name}' exceeds its maximum length of {property.length}",
        )
    if isinstance(parsed, Decimal) and property.scale is not None:
        parsed = parsed.quantize(Decimal(1).scaleb(-property.scale))
    return parsed


def from_literal(text: str) -> Any:
    """A literal of a URL: ``'it''s'``, ``datetime'…'``, ``guid'…'``, ``12.5M``, ``true``; 400 otherwise."""
    found = _LITERAL.fullmatch(text)
    if found is None:
        raise Refused(400, "/IWCOR/CX_DS_EXPR_SYNTAX/0", f"Invalid literal {text}")
    kind, quoted, number, word = found.groups()
    try:
        if word:
            return {"true": True, "false": False, "null": None}[word]
        if number is not None:
            return Decimal(number)
        if kind is None:
            return quoted.replace("''", "'")
        return _parsed(quoted, _LITERALS[kind])
    except (ValueError, InvalidOperation):
        raise Refused(400, "/IWCOR/CX_DS_EXPR_SYNTAX/0", f"Invalid literal {text}") from None


def to_literal(value: Any, type: Edm) -> str:
    """A key value as it stands in a URL, not yet percent-encoded."""
    match type:
        case "DateTime":
            return f"datetime'{value:%Y-%m-%dT%H:%M:%S}'"
        case "DateTimeOffset":
            return f"datetimeoffset'{value:%Y-%m-%dT%H:%M:%S}Z'"
        case "Guid":
            return f"guid'{value}'"
        case "Time":
            return f"time'{_duration(value)}'"
        case "String":
            return "'" + str(value).replace("'", "''") + "'"
        case _:
            return str(value)


def metadata(namespace: str, sets: Mapping[str, EntitySet]) -> str:
    """The $metadata document."""
    types, associations, container = [], [], []
    for entity in sets.values():
        types.append(_entity_type(namespace, entity))
        flags = "".join(
            f' sap:{flag}="false"'
            for flag in ("creatable", "updatable", "deletable")
            if not getattr(entity, flag)
        )
        container.append(
            f'<EntitySet Name="{entity.name}" EntityType="{namespace}.{entity.name}Type"{flags}/>'
        )
        for navigation in entity.navigations:
            name = f"assoc_{entity.name}_{navigation.name}"
            many = "*" if navigation.many else "0..1"
            associations.append(
                f'<Association Name="{name}">'
                f'<End Type="{namespace}.{entity.name}Type" Multiplicity="1" Role="From"/>'
                f'<End Type="{namespace}.{navigation.to}Type" Multiplicity="{many}" Role="To"/></Association>'
            )
            container.append(
                f'<AssociationSet Name="{name}_set" Association="{namespace}.{name}">'
                f'<End EntitySet="{entity.name}" Role="From"/><End EntitySet="{navigation.to}" Role="To"/>'
                "</AssociationSet>"
            )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
        ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
        ' xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0">'
        f'<Schema Namespace="{namespace}" xml:lang="en" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">'
        f"{''.join(types)}{''.join(associations)}"
        f'<EntityContainer Name="{namespace}_Entities" m:IsDefaultEntityContainer="true"'
        f' sap:supported-formats="atom json xlsx">{"".join(container)}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    )


def _entity_type(namespace: str, entity: EntitySet) -> str:
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in entity.key)
    properties = "".join(_property(each, entity) for each in entity.properties)
    navigations = "".join(
        f'<NavigationProperty Name="{each.name}" Relationship="{namespace}.assoc_{entity.name}_{each.name}"'
        ' FromRole="From" ToRole="To"/>'
        for each in entity.navigations
    )
    return f'<EntityType Name="{entity.name}Type"><Key>{keys}</Key>{properties}{navigations}</EntityType>'


def _property(property: Property, entity: EntitySet) -> str:
    text = f'<Property Name="{property.name}" Type="Edm.{property.type}"'
    if property.name in entity.key:
        text += ' Nullable="false"'
    if property.length is not None:
        name = "Precision" if property.type == "Decimal" else "MaxLength"
        text += f' {name}="{property.length}"'
    if property.scale is not None:
        text += f' Scale="{property.scale}"'
    if property.type in ("DateTime", "Time", "DateTimeOffset"):
        text += ' Precision="0"' + (' sap:display-format="Date"' if property.type == "DateTime" else "")
    if property.label:
        text += f" sap:label={quoteattr(property.label)}"
    if not property.written:
        text += ' sap:creatable="false" sap:updatable="false"'
    return text + "/>"


def _parsed(value: Any, type: Edm) -> Any:
    if type == "Boolean" or isinstance(value, bool):
        if type == "Boolean" and isinstance(value, bool):
            return value
        raise TypeError(type)
    if type in ("Int16", "Int32", "Int64"):
        return int(value)
    if type == "Decimal":
        return Decimal(str(value))
    if not isinstance(value, str):
        raise TypeError(type)
    match type:
        case "DateTime" | "DateTimeOffset":
            return _datetime(value, offset=type == "DateTimeOffset")
        case "Time":
            found = _DURATION.fullmatch(value)
            if found is None or value in ("P", "PT"):
                raise ValueError(value)
            days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        case "Guid":
            return str(UUID(value))
        case _:
            return value


def _datetime(text: str, *, offset: bool) -> datetime:
    if found := _JSON_DATE.fullmatch(text):
        moment = _EPOCH + timedelta(milliseconds=int(found[1]))
    else:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            if not offset:
                raise ValueError("an Edm.DateTime has no zone")
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(tzinfo=UTC) if offset else moment


def _millis(value: datetime) -> int:
    return round((value.replace(tzinfo=None) - _EPOCH) / timedelta(milliseconds=1))


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    return f"PT{minutes // 60:02d}H{minutes % 60:02d}M{seconds:02d}S"
