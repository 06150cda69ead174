"""One request of a SCIM client, answered: scim2-server's handler over what the hub keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from scim2_models import Resource, SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest

from hub.exchange.ground import Hub
from hub.identity.scim_clients import Client, raw
from hub.identity.scim_limits import require_small
from hub.identity.scim_storage import Stored
from hub.security.access import Caller
from hub.store.inbox import Arrived

News = Callable[..., list[Arrived]]
"""``hub.bus.accept.Door.news``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: ``base`` is where the client finds the hub, ``path`` what stands below it."""

    method: str
    base: str
    path: str
    query: Mapping[str, str]
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def reads(self) -> bool:
        return self.method == "GET" or self.path.endswith("/.search")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None


@dataclass(slots=True)
class Server:
    """The clients of one hub, each made when it first asks."""

    hub: Hub
    news: News
    _lock: Lock = field(default_factory=Lock)
    _made: dict[str, Client] = field(default_factory=dict)

    def answer(self, name: str, who: Caller, asked: Asked) -> Answer:
        """What the client of that name gets. AuthError ``key.grant``; errors of the store."""
        client = self._client(name)
        stored = Stored(
            self.hub.database,
            name,
            client.provider,
            lambda resource, gone: self._told(client, resource, gone),
            client.protected,
            writes=not asked.reads,
            clock=self.hub.clock,
        )
        who.require("scim:read" if asked.reads else "scim:write")
        request = ScimRequest(
            asked.method, asked.base, asked.path, asked.query, asked.headers, asked.body, who
        )
        try:
            require_small(asked.query, asked.body)
            found = ScimHandler(client.service, stored).handle(request)
        except SCIMException as error:
            found = client.service.error_response(error)
        return Answer(int(found.status), found.headers, found.body)

    def _client(self, name: str) -> Client:
        with self._lock:
            if name not in self._made:
                workspace = self.hub.workspace
                secret = self.hub.signer.sign(b"scim cursors")
                self._made[name] = Client(workspace.system(name), secret, workspace.hub.api.largest)
            return self._made[name]

    def _told(self, client: Client, resource: Resource[Any], gone: bool) -> Sequence[Arrived]:
        assert resource.meta is not None
        assert resource.meta.last_modified is not None
        record = client.record(resource)
        return self.news(
            f"{client.name}.{resource.meta.resource_type}",
            raw(record),
            record,
            source=f"scim:{client.name}",
            identity=f"{resource.id}/{resource.meta.version}" + ("/gone" if gone else ""),
            at=resource.meta.last_modified.isoformat(),
            deleted=gone,
        )
