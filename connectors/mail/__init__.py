"""Mail: messages of IMAP folders as records, and records sent as messages by SMTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.mail.account import Account
from connectors.mail.checkup import steps
from connectors.mail.declared import MailResource, MailSettings
from connectors.mail.folder import Folder
from connectors.mail.sending import FIELDS, Sender
from hub.contract import (
    Change,
    Context,
    Field,
    Found,
    Outcome,
    Page,
    Probe,
    Query,
    Resource,
    Spec,
    require_resource,
)
from hub.doctor import walk
from hub.errors import ConfigError
from hub.http.records import declared_fields

_PERSON = (Field("name"), Field("address"))
_READ = (
    Field("id"), Field("uid", "integer"), Field("message_id"), Field("subject"),
    Field("sender", "json", fields=_PERSON), *(Field(name, "json", True, _PERSON) for name in ("to", "cc", "reply_to")),
    Field("date", "datetime"), Field("received", "datetime"),
    Field("flags", many=True), Field("seen", "boolean"), Field("answered", "boolean"),
    Field("flagged", "boolean"), Field("in_reply_to"), Field("references", many=True), Field("auto_submitted"),
    Field("text"), Field("html"), Field("size", "integer"), Field("problem"),
)  # fmt: skip
_ATTACHMENT = (Field("name"), Field("type"), Field("size", "integer"), Field("sha256"))
_CONTENT = (Field("name"), Field("type"), Field("content", "binary"))


class Mail:
    """One account: its folders are read, its other resources are sent."""

    def __init__(
        self, context: Context, settings: MailSettings, resources: Mapping[str, MailResource]
    ) -> None:
        self._context, self._resources = context, resources
        self._account = Account(context, settings)
        self._senders: dict[str, Sender] = {}

    def check(self) -> list[Probe]:
        """Reach each server, log in, and open every folder. Nothing is sent."""
        return walk(steps(self._context, self._account, self._resources))

    def resource(self, name: str) -> Resource:
        return _resource(name, self._declared(name))

    def read(self, query: Query) -> Iterator[Page]:
        """ConfigError ``mail.send_only`` for a resource that is sent."""
        declared = self._declared(query.resource.name)
        if declared.send is not None:
            raise ConfigError(
                "mail.send_only", f"{query.resource.name} is sent, and cannot be read", where=query.resource.name,
                hint="declare another resource with folder: for reading",
            )  # fmt: skip
        return Folder(self._account, declared).pages(query)

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        return self._sender(resource.name).deliver(changes)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        return self._sender(resource.name).find(keys)

    def close(self) -> None:
        self._account.close()

    def _declared(self, name: str) -> MailResource:
        return require_resource(self._resources, name)

    def _sender(self, name: str) -> Sender:
        declared = self._declared(name)
        if declared.send is None:
            raise ConfigError(
                "mail.read_only", f"{name} is a folder that is read", where=name,
                hint="declare another resource with send: for sending",
            )  # fmt: skip
        if name not in self._senders:
            self._senders[name] = Sender(self._account, name, declared, declared.send)
        return self._senders[name]


def _resource(name: str, declared: MailResource) -> Resource:
    fields = {one.name: one for one in (_sent(declared) if declared.send else _read(declared))}
    for key in declared.key:
        fields.setdefault(key.partition(".")[0], Field(key.partition(".")[0]))
    return Resource(
        name, tuple(declared.key), None, tuple(fields.values()), deletes=declared.tells_expunged,
        counts=declared.send is None, writable=declared.send is not None, title=declared.title,
        refuses=declared.send.refuses if declared.send else frozenset(),
        messages=declared.narrowed or (declared.send is not None and declared.send.doubtful == "again"),
    )  # fmt: skip


def _read(declared: MailResource) -> Iterator[Field]:
    yield from _READ
    content = (Field("content", "binary"),) if declared.attachments == "content" else ()
    yield Field("attachments", "json", True, (*_ATTACHMENT, *content))
    yield from (Field(name) for name in declared.headers)


def _sent(declared: MailResource) -> Iterator[Field]:
    yield from (Field(name, many=name in ("to", "cc", "bcc")) for name in FIELDS if name != "attachments")
    yield Field("attachments", "json", True, _CONTENT)
    yield from (Field(name) for name in (declared.send.headers if declared.send else ()))
    yield from declared_fields(declared.fields)


def _describe(
    context: Context, settings: MailSettings, name: str, declared: MailResource | None
) -> Resource | None:
    return None if declared is None else _resource(name, declared)


SPEC = Spec(
    name="mail",
    title="Mail: IMAP and SMTP",
    summary="Reads messages of IMAP folders, with those that are expunged, and sends records as messages by SMTP.",
    settings=MailSettings,
    resource=MailResource,
    open=Mail,
    describe=_describe,
    writes=True,
    requests=lambda settings, kind, count: count,
    example="""\
system: mail
connector: mail
imap: imaps://mail.example.com
smtp: smtp://mail.example.com:587
username: hub@example.com
password: secret://mail/password
resources:
  orders:
    folder: INBOX/Orders
    headers: {order_number: X-Order-Number}
  notices:
    send: {sender: COP Hub <hub@example.com>}
    key: number
    fields: {number: text}
""",
)
