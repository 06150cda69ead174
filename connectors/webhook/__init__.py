"""Systems that only push: their records come as events to the hub, and nothing can be asked of them.

There is no connection. How the sender proves itself stands in the system's ``push``; events are stored before they
are answered, and the worker runs them through the mappings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from hub.contract import Context, Page, Probe, Query, Resource, Settings, Spec
from hub.errors import ConfigError
from hub.http.records import check_fields, declared_fields
from hub.http.settings import Names


class WebhookSettings(Settings):
    """A system that pushes. It has no address: see ``push`` for its proof."""


class WebhookResource(Settings):
    """A kind of records that the system pushes, to /v1/events/SYSTEM/RESOURCE."""

    key: Names = Field(description="Fields that identify a record", examples=["order.id"])
    title: str = Field(default="", description="Title")
    cursor: str | None = Field(
        default=None,
        description="Field that grows with each change: an older state that comes later is superseded",
        examples=["updated_at"],
    )
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={},
        description="Names and types; nested as an object, lists in brackets",
        examples=[{"id": "text", "amount": "decimal", "updated_at": "datetime"}],
    )


class Webhook:
    """Describes what is pushed; every read is refused."""

    def __init__(
        self, context: Context, settings: WebhookSettings, resources: Mapping[str, WebhookResource]
    ) -> None:
        self._system, self._resources = context.system, resources

    def check(self) -> list[Probe]:
        """Nothing can be tried: each resource is told with the path its records are pushed to."""
        return [
            Probe(f"read {name}", "skipped", f"it is pushed to /v1/events/{self._system}/{name}")
            for name in self._resources
        ]

    def resource(self, name: str) -> Resource:
        return _resource(name, self._resources.get(name))

    def read(self, query: Query) -> Iterator[Page]:
        """ConfigError ``webhook.push_only``."""
        raise ConfigError(
            "webhook.push_only",
            f"{self._system} only pushes its records: there is nothing to read",
            where=f"{self._system}.{query.resource.name}",
            hint="cophub worker applies what was pushed; cophub events push sends records of a file",
        )

    def close(self) -> None: ...


def _resource(name: str, declared: WebhookResource | None) -> Resource:
    if declared is None:
        raise ConfigError(
            "resource.unknown", f"there is no resource {name}", hint="declare it below resources:"
        )
    return Resource(
        name, tuple(declared.key), declared.cursor, declared_fields(declared.fields), title=declared.title
    )


def _describe(
    context: Context, settings: WebhookSettings, name: str, declared: WebhookResource | None
) -> Resource | None:
    return _resource(name, declared)


SPEC = Spec(
    name="webhook",
    title="Systems that only push",
    summary="Takes records that a system pushes to the hub, where nothing can be asked of it.",
    settings=WebhookSettings,
    resource=WebhookResource,
    open=Webhook,
    describe=_describe,
    reads=False,
    pushed=True,
    example="""\
system: shop
connector: webhook
push: {secret: secret://shop/push}
resources:
  orders:
    key: id
    cursor: updated_at
    fields: {id: text, amount: decimal, updated_at: datetime}
""",
)
