"""What a service says of itself: its abilities, resource types and schemas (RFC 7643 §5 to §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.scim.bulk import Limits
from connectors.scim.declared import ScimResource, ScimSettings
from connectors.scim.paths import ENTERPRISE
from hub.contract import Field, FieldType, Resource
from hub.errors import ConfigError
from hub.http import Response, Transport
from hub.http.records import declared_fields

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
ABSENT = (400, 403, 404, 405, 501)
"""What services without discovery answer to it."""
ACCEPT = {"Accept": "application/scim+json, application/json"}
_TYPES: dict[str, FieldType] = {
    "string": "text", "boolean": "boolean", "decimal": "decimal", "integer": "integer", "dateTime": "datetime",
    "binary": "binary", "reference": "text", "complex": "json",
}  # fmt: skip
_META = Field("meta", "json", fields=(
    Field("resourceType"), Field("created", "datetime"), Field("lastModified", "datetime"), Field("location"),
    Field("version"),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type as it is spoken to; ``aliases`` are short names of its extensions."""

    name: str
    endpoint: str
    schema: str
    declared: ScimResource
    aliases: Mapping[str, str]


class Service:
    """One service provider."""

    def __init__(self, settings: ScimSettings, transport: Transport) -> None:
        self.settings = settings
        self.transport = transport
        self._config: dict[str, Any] | None = None
        self._types: list[dict[str, Any]] | None = None
        self._schemas: dict[str, dict[str, Any]] | None = None
        self._bulk_refused = False

    def get(
        self, path: str, params: Mapping[str, str] | None = None, expect: tuple[int, ...] = ()
    ) -> Response:
        return self.transport.request("GET", path, params=params or {}, headers=ACCEPT, expect=expect)

    def _asked(self, path: str) -> dict[str, Any]:
        if not self.settings.discovery:
            return {}
        answer = self.get(path, expect=ABSENT)
        found = answer.json() if answer.ok else {}
        return found if isinstance(found, dict) else {"Resources": found}

    @property
    def config(self) -> dict[str, Any]:
        """/ServiceProviderConfig, empty where there is none."""
        if self._config is None:
            self._config = self._asked("ServiceProviderConfig")
        return self._config

    def supports(self, name: str) -> bool:
        said = self.config.get(name)
        return bool(isinstance(said, dict) and said.get("supported"))

    @property
    def types(self) -> list[dict[str, Any]]:
        if self._types is None:
            self._types = [
                one for one in self._asked("ResourceTypes").get("Resources", []) if isinstance(one, dict)
            ]
        return self._types

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        if self._schemas is None:
            found = self._asked("Schemas").get("Resources", [])
            self._schemas = {str(one.get("id")): one for one in found if isinstance(one, dict)}
        return self._schemas

    @property
    def pages_by(self) -> str:
        """index, cursor or none."""
        if self.settings.paging != "auto":
            return self.settings.paging
        said = self.config.get("pagination")
        if isinstance(said, dict) and said.get("cursor") and said.get("defaultPaginationMethod") != "index":
            return "cursor"
        return "index"

    @property
    def filters(self) -> str:
        """full, eq or off. A service that says nothing is taken at the standard's word."""
        if self.settings.filter != "auto":
            return self.settings.filter
        return "full" if not self.config or self.supports("filter") else "off"

    @property
    def patches(self) -> bool:
        if self.settings.update != "auto":
            return self.settings.update == "patch"
        return not self.config or self.supports("patch")

    @property
    def versions(self) -> bool:
        """Whether If-Match is sent."""
        if self.settings.etag != "auto":
            return self.settings.etag == "on"
        return self.supports("etag")

    @property
    def bulk(self) -> Limits | None:
        """What POST /Bulk takes; None where it is not used."""
        if self.settings.bulk == "off" or self._bulk_refused or not self.supports("bulk"):
            return None
        most, size = (self.config["bulk"].get(name) for name in ("maxOperations", "maxPayloadSize"))
        limits = Limits(most if isinstance(most, int) else 100, size if isinstance(size, int) else 1 << 20)
        return limits if limits.operations > 1 else None

    def without_bulk(self) -> None:
        """It turned out that the service refuses it."""
        self._bulk_refused = True

    def kind(self, name: str, declared: ScimResource | None) -> Kind:
        """ConfigError ``resource.unknown`` where a resource is neither declared nor discovered."""
        said = declared or ScimResource()
        type_ = next((one for one in self.types if name in (one.get("name"), one.get("id"))), None)
        if type_ is None and declared is None:
            raise ConfigError(
                "resource.unknown", f"there is no resource {name}", hint="declare it below resources:"
            )
        type_ = type_ or {}
        endpoint = said.endpoint or str(type_.get("endpoint") or f"/{name}s")
        aliases = dict(self.settings.aliases)
        for extension in type_.get("schemaExtensions") or []:
            urn = str(extension.get("schema"))
            if urn not in aliases.values():
                aliases[alias_of(urn)] = urn
        return Kind(
            name, endpoint, said.type_schema or str(type_.get("schema") or CORE + name), said, aliases
        )

    def describe(self, name: str, declared: ScimResource | None) -> Resource:
        """The resource by its schemas, and by what YAML says over them."""
        kind = self.kind(name, declared)
        plain = declared_resource(name, kind.declared)
        schema = self.schemas.get(kind.schema)
        if schema is None:
            return plain
        fields = {one.name: one for one in (Field("id"), Field("externalId"), _META)}
        fields |= {one.name: one for one in _attributes(schema)}
        for alias, urn in kind.aliases.items():
            if urn in self.schemas:
                fields[alias] = Field(alias, "json", fields=tuple(_attributes(self.schemas[urn])))
        fields |= {one.name: one for one in plain.fields}
        return Resource(
            name,
            plain.key,
            plain.cursor,
            tuple(fields.values()),
            counts=True,
            writable=True,
            title=plain.title,
        )


def declared_resource(name: str, declared: ScimResource) -> Resource:
    """A resource by its declaration alone."""
    fields: dict[str, Any] = dict.fromkeys(declared.paths, "text") | declared.fields
    fields |= {one: "text" for one in declared.key if one not in fields and declared.fields}
    return Resource(
        name, tuple(declared.key), declared.cursor, declared_fields(fields), counts=True, writable=True,
        title=declared.title,
    )  # fmt: skip


def alias_of(urn: str) -> str:
    """A short name for an extension that YAML gives none.

    >>> alias_of("urn:example:params:scim:schemas:extension:badge:1.0:User")
    'badge'
    """
    if urn == ENTERPRISE:
        return "enterprise"
    words = [word for word in urn.rpartition(":extension:")[2].split(":") if word.isidentifier()]
    return words[0] if words else "extension"


def _attributes(schema: Mapping[str, Any]) -> list[Field]:
    """The attributes of a schema or of a complex attribute; passwords are written only."""
    made = []
    for one in schema.get("attributes") or schema.get("subAttributes") or []:
        inner = tuple(_attributes(one)) if one.get("type") == "complex" else ()
        made.append(
            Field(
                str(one.get("name")), _TYPES.get(str(one.get("type")), "text"), bool(one.get("multiValued")), inner,
                title=str(one.get("description") or ""),
            )
        )  # fmt: skip
    return made
