"""What a SCIM client says, kept: the storage under scim2-server's handler.

A write and the news of it to the exchanges are one transaction; a write reads with a lock, so that of many PATCHes at
once each sees what the one before it left.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from scim2_models import (
    Context,
    ForbiddenException,
    InvalidCursorException,
    InvalidValueException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage

from hub.errors import RecordRejected
from hub.literals import instant
from hub.store import inbox, scim_resources
from hub.store.database import Database, new_id, now
from hub.store.inbox import Arrived
from hub.store.scim_compared import compared, text, unique
from hub.store.scim_resources import Order, Row, Written

Tell = Callable[[Resource[Any], bool], Sequence[Arrived]]
"""A resource as it is now, and whether it is gone → events of it."""
KEYS: Final = 500
"""Characters of a userName and an externalId at most: they are kept in an index, whose entries are bounded."""
Guard = Callable[[Resource[Any]], str]
"""Which of its names nobody may write; empty where it may be written."""


def nobody(resource: Resource[Any], gone: bool) -> Sequence[Arrived]:
    """Where no mapping reads it."""
    return ()


def nothing(resource: Resource[Any]) -> str:
    """Where nothing is protected."""
    return ""


@dataclass(slots=True)
class Stored(ScimStorage):
    """One client's resources, for one request."""

    database: Database
    client: str
    provider: ScimProvider
    tell: Tell = nobody
    protected: Guard = nothing
    writes: bool = True
    clock: Callable[[], dt.datetime] = now
    _connection: Any = field(default=None, repr=False)

    supports_cursors = True

    # ------------------------------------------------------------ one operation

    @contextmanager
    def operation(self) -> Iterator[None]:
        """One transaction; a request that only reads needs none."""
        with self._writing() if self.writes else nullcontext():
            yield

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        if self._connection is not None:
            yield self._connection
            return
        with self.database.begin() as connection:
            self._connection = connection
            try:
                yield connection
            finally:
                self._connection = None

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        if self._connection is not None:
            yield self._connection
            return
        with self.database.begin(reading=True) as connection:
            yield connection

    # ------------------------------------------------------------ reading

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """NotFoundException. Within an operation it is locked until its end."""
        with self._reading() as connection:
            return self.resource_of(self._row(connection, resource_type, resource_id))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """InvalidFilterException, InvalidCursorException."""
        models = {_name(one): self._model(one) for one in resource_types}
        written = None if search_request.filter is None else str(search_request.filter)
        where = scim_resources.matching(self.database.dialect, self.client, models, written)
        several = [search_request.sort_binding(model) for model in models.values()]
        down = search_request.sort_by is not None and search_request.sort_order == SearchRequest.SortOrder.descending
        order = Order([one for one in several if one is not None], down)
        if search_request.sort_by is not None and not order.bindings:
            order = Order((), down)
        with self._reading() as connection:
            if search_request.cursor is None:
                start = search_request.start_index_0 or 0
                found = scim_resources.by_index(connection, where, order, start, search_request.count)
            else:
                place = None if position is None else _place(position)
                found = scim_resources.by_key(connection, where, order, search_request.count, place)
        page = SearchPage(found.total, [self.resource_of(row) for row in found.rows])
        if found.rows and found.after:
            page.next = _position(False, found.keys[1], found.rows[-1])
        if found.rows and found.before:
            page.previous = _position(True, found.keys[0], found.rows[0])
        return page

    # ------------------------------------------------------------ writing

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """UniquenessException, ForbiddenException."""
        self._require_free(resource)
        made = resource.model_copy(deep=True)
        with self._writing() as connection:
            try:
                row = scim_resources.add(
                    connection, self.client, _name(resource_type), new_id(), self._written(made), self.clock()
                )
            except RecordRejected as error:
                raise UniquenessException(detail=_detail(error)) from error
            return self._told(connection, row)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """NotFoundException, PreconditionFailedException, UniquenessException, ForbiddenException."""
        with self._writing() as connection:
            row = self._expected(connection, resource_type, str(resource.id), expected_version)
            self._require_free(self.resource_of(row))
            self._require_free(resource)
            one = self._written(resource)
            if one.content == row.content:
                return self.resource_of(row)
            try:
                changed = scim_resources.change(connection, self.client, row, one, self.clock())
            except RecordRejected as error:
                raise UniquenessException(detail=_detail(error)) from error
            if changed is None:
                raise PreconditionFailedException
            return self._told(connection, changed)

    def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """NotFoundException, PreconditionFailedException, ForbiddenException."""
        with self._writing() as connection:
            row = self._expected(connection, resource_type, resource_id, expected_version)
            gone = self.resource_of(row)
            self._require_free(gone)
            if not scim_resources.remove(connection, self.client, row):
                raise PreconditionFailedException
            assert gone.meta is not None
            gone.meta.last_modified = max(self.clock(), row.modified + scim_resources.STEP)
            inbox.put(connection, self.tell(gone, True))

    # ------------------------------------------------------------ parts

    def _told(self, connection: Any, row: Row) -> Resource[Any]:
        stored = self.resource_of(row)
        inbox.put(connection, self.tell(stored, False))
        return stored

    def _require_free(self, resource: Resource[Any]) -> None:
        if found := self.protected(resource):
            error = RecordRejected("scim.protected", f"{found} is protected: no SCIM client may write it")
            raise ForbiddenException(detail=_detail(error))

    def _row(self, connection: Any, resource_type: ResourceType, resource_id: str) -> Row:
        try:
            identity = uuid.UUID(resource_id)
        except ValueError:
            identity = uuid.UUID(int=0)
        lock = self._connection is not None
        row = scim_resources.get(connection, self.client, _name(resource_type), identity, lock=lock)
        if row is None:
            error = RecordRejected("scim.unknown", f"there is no {_name(resource_type)} {resource_id[:100]}")
            raise NotFoundException(detail=_detail(error))
        return row

    def _expected(
        self, connection: Any, resource_type: ResourceType, resource_id: str, expected: str | None
    ) -> Row:
        row = self._row(connection, resource_type, resource_id)
        if expected is not None and expected != etag(row):
            raise PreconditionFailedException
        return row

    def _model(self, resource_type: ResourceType) -> type[Resource[Any]]:
        found: Any = self.provider.model_for(resource_type)
        assert found is not None
        return found  # type: ignore[no-any-return] # the model of a resource type is one of a resource

    def _written(self, resource: Resource[Any]) -> Written:
        content = resource.model_dump(scim_ctx=Context.DEFAULT)
        for name in ("id", "meta"):
            content.pop(name, None)
        if "\0" in "".join(_texts(content)):
            raise InvalidValueException(detail="a text holds a NUL character, which no database keeps")
        binding = unique(type(resource))
        unique_name = None if binding is None else text(binding, getattr(resource, binding.field_name))
        for name, value in (("userName", unique_name), ("externalId", resource.external_id)):
            if len(value or "") > KEYS:
                raise InvalidValueException(detail=f"{name} has at most {KEYS} characters")
        return Written(unique_name, resource.external_id, content, compared(resource))

    def resource_of(self, row: Row) -> Resource[Any]:
        """A row as the client's resource."""
        kind = next(one for one in self.provider.resource_types if one.name == row.kind)
        found = self._model(kind).model_validate(dict(row.content))
        found.id = row.id.hex
        found.meta = Meta(
            resource_type=row.kind, created=row.created, last_modified=row.modified, version=etag(row)
        )
        return found


def _texts(value: Any) -> Iterator[str]:
    """All texts of a resource."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def etag(row: Row) -> str:
    """The version as the standard writes it."""
    return f'W/"{row.version}"'


def _name(resource_type: ResourceType) -> str:
    return str(resource_type.name)


def _detail(error: RecordRejected) -> str:
    return f"{error.code}: {error.message}"


def _position(before: bool, key: Any, row: Row) -> dict[str, Any]:
    value = {"t": key.isoformat()} if isinstance(key, dt.datetime) else key
    return {"b": before, "k": value, "i": row.id.hex}


def _place(position: Any) -> tuple[bool, Any, uuid.UUID]:
    try:
        before, key, identity = position["b"], position["k"], uuid.UUID(position["i"])
        value = instant(key["t"]) if isinstance(key, dict) else key
    except (TypeError, KeyError, ValueError, AttributeError):
        raise InvalidCursorException from None
    return bool(before), value, identity
