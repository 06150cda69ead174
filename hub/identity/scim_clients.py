"""What a SCIM client is let do: the schemas it sees are what it may write, and nothing else reaches the hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    ETag,
    External,
    Filter,
    ForbiddenException,
    Pagination,
    Patch,
    Path,
    Reference,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.requests import ScimRequest
from scim2_server.routing import Operation, Target
from scim2_server.service import ScimService
from scim2_server.utils import load_default_resource_types, load_default_schemas

from connectors.scim_client import ScimClientResource, ScimClientSettings
from connectors.scim_client.attributes import ATTRIBUTES, allowed
from hub.errors import AuthError
from hub.security.access import Caller
from hub.security.alike import alike
from hub.workspace.workspace import System

MOST: Final = 1000
"""Resources on one page, whatever is asked for."""
CURSORS: Final = 3600
"""Seconds that a cursor holds."""
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Client:
    """One system that writes by SCIM. ``secret`` seals its cursors, ``largest`` is the most bytes of a request."""

    def __init__(self, system: System, secret: str, largest: int) -> None:
        assert isinstance(system.settings, ScimClientSettings)
        self.name, self.settings, self._declared = system.name, system.settings, system.resources
        self.provider = ScimProvider.from_discovery(
            self._schemas(),
            self._types(),
            config=_config(self.settings, largest),
            policy=ScimPolicy(
                unknown=ScimPolicy.Unknown.ignore if self.settings.others == "ignore" else ScimPolicy.Unknown.forbid,
                remove_value_as_filter=ScimPolicy.RemoveValue.forbid,
                unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
            ),
        )
        self.service = _Service(self.provider, secret=f"{secret}/{system.name}")

    def of(self, kind: str) -> ScimClientResource:
        """What its file says of a type."""
        found = self._declared.get(kind)
        return found if isinstance(found, ScimClientResource) else ScimClientResource()

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The types it has: those declared, or all."""
        return tuple(kind for kind in ATTRIBUTES if kind in self._declared or not self._declared)

    def protected(self, resource: Resource[Any]) -> str:
        """The name of a resource that the client may not write, by whatever path it came there and however it is
        spelled; empty where it may."""
        names = [getattr(resource, name, None) for name in ("user_name", "external_id")]
        if resource.meta is None or resource.meta.resource_type != "User":
            names.append(getattr(resource, "display_name", None) if not hasattr(resource, "user_name") else None)
        names += [one.value for one in getattr(resource, "emails", None) or ()]
        for name in filter(None, names):
            if any(fnmatchcase(alike(str(name)), alike(one)) for one in self.settings.protect):
                return str(name)
        return ""

    def record(self, resource: Resource[Any]) -> dict[str, Any]:
        """A resource as mappings read it: the extension below ``enterprise``, and the values that ``paths`` name."""
        found = resource.model_dump(scim_ctx=Context.DEFAULT)
        found.pop("schemas", None)
        if (extension := found.pop(ENTERPRISE, None)) is not None:
            found["enterprise"] = extension
        kind = str(resource.meta.resource_type) if resource.meta else ""
        for name, path in self.of(kind).paths.items():
            bound: Any = Path.__class_getitem__(type(resource))
            value = bound(path).get(resource, strict=False)
            found[name] = (value[0] if value else None) if isinstance(value, list) else value
        return found

    def _schemas(self) -> list[Schema]:
        schemas, found = load_default_schemas(), []
        for kind in self.kinds:
            fields = {field.name: field for field in allowed(kind, self.of(kind).attributes)}
            core = schemas[f"urn:ietf:params:scim:schemas:core:2.0:{kind}"]
            core.attributes = [one for one in core.attributes or () if one.name in fields]
            found.append(core)
            if (extra := fields.get("enterprise")) is not None:
                extension = schemas[ENTERPRISE]
                parts = {part.name for part in extra.fields}
                extension.attributes = [one for one in extension.attributes or () if one.name in parts]
                found.append(extension)
        return found

    def _types(self) -> list[ResourceType]:
        types = load_default_resource_types()
        for one in types.values():
            if "enterprise" not in {field.name for field in allowed("User", self.of("User").attributes)}:
                one.schema_extensions = None
        return [one for one in types.values() if one.name in self.kinds]


class _Service(ScimService):
    """The protocol, with the rights of who asks."""

    def authorize(self, request: ScimRequest, target: Target, resource_type: ResourceType) -> None:
        """ForbiddenException: the key lacks the grant."""
        who: Caller = request.subject
        reads = target.operation in (Operation.query, Operation.search, Operation.search_with_body)
        try:
            who.require("scim:read" if reads else "scim:write")
        except AuthError as error:
            raise ForbiddenException(detail=f"{error.code}: {error.message}") from error


def _config(settings: ScimClientSettings, largest: int) -> ServiceProviderConfig:
    key = AuthenticationScheme(
        type=AuthenticationScheme.Type.oauthbearertoken,
        name="key",
        description="A key of the hub's API, or an access token by client credentials, with scim:read or scim:write",
        spec_uri=Reference[External]("https://www.rfc-editor.org/info/rfc6750"),
    )
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=settings.bulk > 0, max_operations=settings.bulk, max_payload_size=largest),
        filter=Filter(supported=True, max_results=MOST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=settings.page_size,
            max_page_size=MOST,
            cursor_timeout=CURSORS,
        ),
        authentication_schemes=[key],
    )


def raw(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str).encode()
