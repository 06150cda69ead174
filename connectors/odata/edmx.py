"""Service metadata (EDMX of OData V2 and V4) as plain types.

Schemas are read by local names, since services mix the namespaces of several drafts of the standard.
What a record cannot be read without (the type of a property, the type of a set) must be there; a
navigation into a part that was left out of the document is merely not offered.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lxml import etree

from hub.contract import Field, FieldType
from hub.errors import ConfigError, Fatal, HubError
from hub.untrusted import parse_xml

Version = Literal[2, 4]
Ends = dict[tuple[str, str], tuple[str, bool]]
"""Of V2 associations: association and role → type and whether there may be many."""
DEPTH = 2
"""Levels of navigation that a description shows."""

_TEMPORAL = frozenset({"Edm.DateTime", "Edm.DateTimeOffset", "Edm.Time"})
_TYPES: dict[str, FieldType] = {
    "Edm.Boolean": "boolean", "Edm.Byte": "integer", "Edm.SByte": "integer", "Edm.Int16": "integer",
    "Edm.Int32": "integer", "Edm.Int64": "integer", "Edm.Decimal": "decimal", "Edm.Double": "float",
    "Edm.Single": "float", "Edm.Date": "date", "Edm.DateTime": "datetime", "Edm.DateTimeOffset": "datetime",
    "Edm.Time": "time", "Edm.TimeOfDay": "time", "Edm.Binary": "binary", "Edm.Untyped": "json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Property:
    """``type`` is ``Edm.…``, or the full name of a complex type. ``date`` marks a V2 day without time."""

    name: str
    type: str
    many: bool = False
    required: bool = False
    max_length: int | None = None
    title: str = ""
    date: bool = False


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way to other entities: its name, the full name of their type, and whether there may be many."""

    name: str
    target: str
    many: bool


@dataclass
class Type:
    """An entity or complex type, inherited members included."""

    name: str
    key: tuple[str, ...] = ()
    properties: dict[str, Property] = field(default_factory=dict)
    navigations: dict[str, Navigation] = field(default_factory=dict)
    base: str = ""

    @functools.cached_property
    def temporal(self) -> dict[str, Property]:
        """The properties whose values V2 writes in its own way."""
        return {name: one for name, one in self.properties.items() if one.type in _TEMPORAL}


@dataclass
class Metadata:
    """The types of a service, its entity sets with the types of their entities and their titles, and which of
    create, update and delete the sets refuse, as far as the document says so."""

    version: Version
    types: dict[str, Type]
    sets: dict[str, str]
    titles: dict[str, str]
    refused: dict[str, frozenset[str]] = field(default_factory=dict)

    def type_of(self, entity_set: str) -> Type:
        name = self.sets.get(entity_set)
        if name is None:
            near = difflib.get_close_matches(entity_set, self.sets, 3)
            raise ConfigError(
                "resource.unknown", f"the service has no entity set {entity_set}",
                hint=f"did you mean {' or '.join(near)}?" if near else "see its $metadata",
            )  # fmt: skip
        return self.types[name]

    def fields(self, type_: Type, depth: int = DEPTH) -> tuple[Field, ...]:
        """The fields of a type, navigations nested so many levels deep."""
        made = [self._field(one) for one in type_.properties.values()]
        if depth:
            for one in type_.navigations.values():
                inner = self.fields(self.types[one.target], depth - 1)
                made.append(Field(one.name, "json", one.many, inner))
        return tuple(made)

    def _field(self, one: Property) -> Field:
        inner = self.types.get(one.type)
        if inner is not None:
            return Field(one.name, "json", one.many, self.fields(inner, 0), one.title, None, one.required)
        kind = "date" if one.date else _TYPES.get(one.type, "json" if "Geo" in one.type else "text")
        return Field(one.name, kind, one.many, (), one.title, one.max_length, one.required)


def parse_edmx(text: bytes, where: str = "$metadata") -> Metadata:
    """Read service metadata. ConfigError ``metadata.*`` says what is wrong with it."""
    try:
        root = parse_xml(text, where=where)
    except HubError as error:
        raise ConfigError("metadata.xml", error.message, where=where, hint=error.hint) from None
    if _local(root) != "Edmx":
        raise ConfigError("metadata.xml", f"the document is {_local(root)!r}, not Edmx", where=where)
    version: Version = 4 if (root.get("Version") or "").startswith("4") else 2
    return _Reading(root, version, where).metadata()


_SAP = {"create": "creatable", "update": "updatable", "delete": "deletable"}
_CAPABILITIES = {"Insert": "create", "Update": "update", "Delete": "delete"}


def _restricted(element: etree._Element) -> Iterator[str]:
    """What annotations of a set say that it does not take, such as Insertable: false of InsertRestrictions."""
    for one in _children(element, "Annotation"):
        term = (one.get("Term") or "").rpartition(".")[2]
        kind = _CAPABILITIES.get(term.removesuffix("Restrictions"))
        values = (value for record in _children(one, "Record") for value in _children(record, "PropertyValue"))
        said = {value.get("Property"): _bool(value) for value in values}
        if kind and any(said.get(f"{kind_}able") == "false" for kind_ in ("Insert", "Updat", "Delet")):
            yield kind


def _bool(value: etree._Element) -> str:
    """A constant, written as an attribute or as an element."""
    inner = next(_children(value, "Bool"), None)
    return value.get("Bool") or ((inner.text or "").strip() if inner is not None else "")


class _Reading:
    def __init__(self, root: etree._Element, version: Version, where: str) -> None:
        self.version, self.where = version, where
        self.schemas = [one for one in root.iter() if _local(one) == "Schema"]
        if not self.schemas:
            raise self._wrong("the document has no Schema")
        self.aliases = {
            alias: one.get("Namespace") or "" for one in self.schemas if (alias := one.get("Alias"))
        }
        # simple types: enumerations are texts, definitions stand for what they are made of
        self.simple: dict[str, str] = {}
        for name, _ in self._named("EnumType"):
            self.simple[name] = "Edm.String"
        for name, one in self._named("TypeDefinition"):
            self.simple[name] = one.get("UnderlyingType") or "Edm.String"

    def metadata(self) -> Metadata:
        types: dict[str, Type] = {}
        elements = [*self._named("EntityType"), *self._named("ComplexType")]
        for name, element in elements:
            types[name] = Type(name, base=self._full(element.get("BaseType") or ""))
        ends = dict(self._ends())
        for name, element in elements:
            self._members(types, types[name], element, ends)
        for type_ in types.values():
            self._inherit(types, type_, ())
        for type_ in types.values():
            self._refuse_unknown(types, type_)
        sets, titles = self._sets(types)
        return Metadata(self.version, types, sets, titles, self._refused())

    def _refused(self) -> dict[str, frozenset[str]]:
        """By attributes of SAP (V2), or by the vocabulary Capabilities (V4), beside the set or apart from it."""
        found: dict[str, set[str]] = {}
        for name, container in self._named("EntityContainer"):
            for one in _children(container, "EntitySet"):
                refuses = {kind for kind, mark in _SAP.items() if _annotation(one, mark) == "false"}
                found.setdefault(one.get("Name") or "", set()).update(refuses, _restricted(one))
            for schema in self.schemas:
                for apart in _children(schema, "Annotations"):
                    target, _, member = (apart.get("Target") or "").partition("/")
                    if self._full(target) == name and member in found:
                        found[member] |= set(_restricted(apart))
        return {name: frozenset(kinds) for name, kinds in found.items() if kinds}

    def _named(self, kind: str) -> Iterator[tuple[str, etree._Element]]:
        for schema in self.schemas:
            for one in _children(schema, kind):
                yield f"{schema.get('Namespace')}.{one.get('Name')}", one

    def _full(self, name: str) -> str:
        space, dot, last = name.rpartition(".")
        return f"{self.aliases.get(space, space)}{dot}{last}"

    def _typed(self, text: str) -> tuple[str, bool]:
        many = text.startswith("Collection(") and text.endswith(")")
        name = self._full(text[11:-1] if many else text)
        return self.simple.get(name, name), many

    def _members(self, types: dict[str, Type], type_: Type, element: etree._Element, ends: Ends) -> None:
        type_.key = tuple(
            ref.get("Name") or ""
            for key in _children(element, "Key")
            for ref in _children(key, "PropertyRef")
        )
        for one in _children(element, "Property"):
            name = one.get("Name") or ""
            if name in type_.properties:
                raise self._wrong(f"{type_.name} has two properties {name}")
            kind, many = self._typed(one.get("Type") or "")
            type_.properties[name] = Property(
                name, kind, many, one.get("Nullable") == "false", _number(one.get("MaxLength")),
                _annotation(one, "label"),
                kind == "Edm.DateTime" and _annotation(one, "display-format") == "Date",
            )  # fmt: skip
        for one in _children(element, "NavigationProperty"):
            name = one.get("Name") or ""
            found = self._target(one, ends)
            if found and found[0] in types:
                type_.navigations[name] = Navigation(name, *found)

    def _target(self, one: etree._Element, ends: Ends) -> tuple[str, bool] | None:
        if one.get("Type"):
            return self._typed(one.get("Type") or "")
        return ends.get((self._full(one.get("Relationship") or ""), one.get("ToRole") or ""))

    def _ends(self) -> Iterator[tuple[tuple[str, str], tuple[str, bool]]]:
        for name, association in self._named("Association"):
            for end in _children(association, "End"):
                target = self._full(end.get("Type") or "")
                yield (name, end.get("Role") or ""), (target, end.get("Multiplicity") == "*")

    def _inherit(self, types: dict[str, Type], type_: Type, below: tuple[str, ...]) -> None:
        base = types.get(type_.base)
        if base is None:
            return
        if type_.name in below:
            raise self._wrong(f"{type_.name} is its own base type")
        self._inherit(types, base, (*below, type_.name))
        type_.properties = {**base.properties, **type_.properties}
        type_.navigations = {**base.navigations, **type_.navigations}
        type_.key = type_.key or base.key
        type_.base = ""

    def _refuse_unknown(self, types: dict[str, Type], type_: Type) -> None:
        for one in type_.properties.values():
            if not one.type.startswith("Edm.") and one.type not in types:
                raise self._wrong(
                    f"property {one.name} of {type_.name} has type {one.type!r}, which no schema declares"
                )
        for name in type_.key:
            # V4 allows a path into a complex property; such a key cannot be written as a field
            if "/" not in name and name not in type_.properties:
                raise self._wrong(f"key {name} of {type_.name} is not a property of it")

    def _sets(self, types: dict[str, Type]) -> tuple[dict[str, str], dict[str, str]]:
        sets: dict[str, str] = {}
        titles: dict[str, str] = {}
        for _, container in self._named("EntityContainer"):
            for one in _children(container, "EntitySet"):
                name, target = one.get("Name") or "", self._full(one.get("EntityType") or "")
                if target not in types:
                    raise self._wrong(f"entity set {name} has type {target!r}, which no schema declares")
                sets[name] = target
                titles[name] = _annotation(one, "label")
        return sets, titles

    def _wrong(self, message: str) -> ConfigError:
        return ConfigError(
            "metadata.type",
            message,
            where=self.where,
            hint="the service's metadata are faulty; take a mended copy by metadata:",
        )


def _children(element: etree._Element, kind: str) -> Iterator[etree._Element]:
    for one in element:
        if _local(one) == kind:
            yield one


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2]


def _annotation(element: etree._Element, name: str) -> str:
    """An attribute of a vendor's namespace (sap:label), whatever its prefix is bound to."""
    for full, value in element.attrib.items():
        if str(full).endswith(f"}}{name}"):
            return str(value)
    return ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def unreadable(where: str) -> Fatal:
    return Fatal(
        "odata.shape", "the answer has not the shape of OData", where=where, hint="check url: and version:"
    )
