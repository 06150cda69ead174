"""Attributes and resources as the directory's schema (RFC 4512 §4) and the YAML describe them."""

from __future__ import annotations

from collections.abc import Iterable

from ldap.schema import AttributeType, ObjectClass, SubSchema

from connectors.ldap.connection import Connection
from connectors.ldap.settings import (
    DN,
    PARENT,
    PASSWORDS,
    USN,
    LdapResource,
    LdapSettings,
    is_secret,
    key_of,
    slots,
)
from connectors.ldap.values import TYPES, Attribute, kind_of
from hub.contract import Field, Resource
from hub.errors import ConfigError
from hub.http.records import declared_fields

OPERATIONAL = ("createTimestamp", "modifyTimestamp", "entryUUID", "memberOf")
"""Attributes that the server keeps for every entry, where it knows them; no object class names them."""


class Shape:
    """The attributes of one resource."""

    def __init__(self, connection: Connection, name: str, declared: LdapResource | None) -> None:
        self._connection = connection
        self.name = name
        self.declared = declared or LdapResource()
        self._known: dict[str, Attribute] = {}
        self._resource: Resource | None = None
        self._said = {field.name.lower(): field for field in declared_fields(self.declared.fields)}
        if declared is None:
            self._require_class()

    @property
    def settings(self) -> LdapSettings:
        return self._connection.settings

    @property
    def classes(self) -> list[str]:
        return self.declared.object_class or [self.name]

    @property
    def condition(self) -> str:
        return self.declared.filter or f"(objectClass={self.classes[0]})"

    @property
    def base(self) -> str:
        return self.declared.base or self.settings.base

    def attribute(self, name: str) -> Attribute:
        """How an attribute is read and written, under the name that YAML or the schema gives it."""
        known = self._known.get(name.lower())
        if known is None:
            known = self._known[name.lower()] = self._attribute(name)
        return known

    def knows(self, name: str) -> bool:
        """Whether the schema has an attribute of that name."""
        return self._connection.schema.get_obj(AttributeType, name.partition(";")[0]) is not None

    def _attribute(self, name: str) -> Attribute:
        said = self._said.get(name.lower())
        schema = self._connection.schema
        found: AttributeType | None = schema.get_inheritedobj(
            AttributeType, name.partition(";")[0], ["syntax", "single_value"]
        )
        kind = kind_of(name, found.syntax if found else None, said.type if said else None)
        many = said.many if said else bool(found and not found.single_value)
        text = (found.desc or "") if found else ""
        return Attribute(
            said.name if said else self._proper(name, found),
            kind,
            many,
            bool(found and found.no_user_mod),
            text,
        )

    @staticmethod
    def _proper(name: str, found: AttributeType | None) -> str:
        """The schema's spelling of a name, with the options it was asked with."""
        bare, sign, options = name.partition(";")
        spelt = next((one for one in found.names if one.lower() == bare.lower()), bare) if found else bare
        return f"{spelt}{sign}{options}"

    def resource(self) -> Resource:
        """The resource with all that its object classes may hold."""
        if self._resource is None:
            self._resource = self._described()
        return self._resource

    def _described(self) -> Resource:
        declared, key = self.declared, key_of(self.settings, self.declared)
        cursor = USN if declared.sync == "usn" else declared.cursor
        named = [*key, *([cursor] if cursor else []), *(field.name for field in self._said.values())]
        fields = [self._field(name) for name in _once([*named, *self._of_classes()]) if not is_secret(name)]
        extra = [DN, PARENT]
        if declared.write:
            extra += [*(slot for slot, _ in slots(declared.write.dn)), *PASSWORDS]
        there = {field.name.lower() for field in fields}
        fields += [Field(name) for name in _once(extra) if name.lower() not in there]
        return Resource(
            self.name, key, cursor, tuple(fields), declared.sync is not None, writable=declared.write is not None,
            title=declared.title,
        )  # fmt: skip

    def _field(self, name: str) -> Field:
        one = self.attribute(name)
        return Field(one.name, TYPES[one.kind], one.many, title=one.title)

    def _of_classes(self) -> list[str]:
        schema = self._connection.schema
        for one in self.classes:
            if schema.get_obj(ObjectClass, one) is None and self.declared.object_class:
                raise ConfigError(
                    "ldap.class", f"the directory knows no object class {one}", where=self.name,
                    hint="mend object_class: of the resource",
                )  # fmt: skip
        known = [one for one in self.classes if schema.get_obj(ObjectClass, one) is not None]
        must, may = schema.attribute_types(known, raise_keyerror=0)
        operational = [one for one in OPERATIONAL if schema.get_obj(AttributeType, one) is not None]
        return [*sorted(map(_name, must.values())), *sorted(map(_name, may.values())), *operational]

    def _require_class(self) -> None:
        schema: SubSchema = self._connection.schema
        if schema.get_obj(ObjectClass, self.name) is None:
            raise ConfigError(
                "resource.unknown", f"there is no resource {self.name}, and no object class of that name",
                hint="declare it below resources:",
            )  # fmt: skip


def _name(one: AttributeType | None) -> str:
    return str(one.names[0]) if one and one.names else ""


def _once(names: Iterable[str]) -> list[str]:
    """Names in their order, each once whatever its case."""
    made: dict[str, str] = {}
    for name in filter(None, names):
        made.setdefault(name.lower(), name)
    return list(made.values())
