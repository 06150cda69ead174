"""Reading lists of resources, by startIndex or by cursor."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.scim.declared import Pieces, ScimResource
from connectors.scim.paths import get, of_field, parse
from connectors.scim.service import ABSENT, Kind, Service
from hub.contract import Page, Query
from hub.errors import ConfigError, Fatal, Retriable
from hub.http import Response
from hub.http.paging import Announced


class Reader:
    """Reads one resource type."""

    def __init__(self, service: Service, kind: Kind) -> None:
        self._service = service
        self._kind = kind
        self._paths = {name: parse(text) for name, text in kind.declared.paths.items()}
        self._urns = {urn: alias for alias, urn in kind.aliases.items()}

    def peek(self) -> int | None:
        """Ask for one resource: how many there are, where the service tells."""
        total = self._list({"count": "1"}, first=True)[0].get("totalResults")
        return total if isinstance(total, int) else None

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read; the last when the announced number came, or no cursor follows."""
        if any(name.partition(".")[0] == "password" for name in query.fields):
            raise ConfigError(
                "scim.secret_field",
                "password is never read",
                where=self._kind.name,
                hint="take it out of the mapping",
            )
        condition = self._condition(query)
        size = min(query.page_size or self._service.settings.page_size, self._service.settings.page_size)
        announced, count, seen = Announced(), 0, set[bytes]()
        for resources, total, last, where in self.lists(condition, size):
            records = [self.record(self.whole(one)) for one in resources]
            text = msgspec.json.Encoder().encode_lines(records)
            digest = hashlib.blake2b(text, digest_size=16).digest()
            if records and digest in seen:
                raise _repeated(where)
            seen.add(digest)
            first, count = count + 1, count + len(records)
            announced.page(len(records), total, last=last, where=where)
            yield Page(text, len(records), self._kind.endpoint, first, last, total)

    def lists(
        self, condition: str | None, size: int, *, endpoint: str | None = None
    ) -> Iterator[tuple[list[dict[str, Any]], int | None, bool, str]]:
        """Resources, the announced number, whether it is the last page, and where it came from. ``endpoint``: a list
        of other resources than these."""
        if endpoint is not None:
            other = dataclasses.replace(self._kind, endpoint=endpoint, declared=ScimResource())
            yield from Reader(self._service, other).lists(condition, size)
            return
        params = self._lean | ({"filter": condition} if condition else {})
        by = self._service.pages_by
        if by == "none":
            answer, where = self._list(params, first=True)
            yield _resources(answer, where), _total(answer), True, where
        elif by == "cursor":
            yield from self._by_cursor(params, size)
        else:
            yield from self._by_index(params, size)

    def _by_index(
        self, params: Mapping[str, str], size: int
    ) -> Iterator[tuple[list[dict[str, Any]], int | None, bool, str]]:
        read, before = 0, ""
        while True:
            overlap = 1 if read and self._service.settings.overlap else 0
            asked = {**params, "startIndex": str(read + 1 - overlap), "count": str(size + overlap)}
            answer, where = self._list(asked, first=read == 0)
            resources, total = _resources(answer, where), _total(answer)
            if overlap:
                if not resources or str(resources[0].get("id")) != before:
                    raise Retriable(
                        "page.moved", "records moved between two pages; reading again", where=where
                    )
                resources = resources[1:]
            read += len(resources)
            before = str(resources[-1].get("id")) if resources else before
            # the announced number closes the list; without one an empty page does
            last = not resources or (total is not None and read >= total)
            yield resources, total, last, where
            if last:
                return

    def _by_cursor(
        self, params: Mapping[str, str], size: int
    ) -> Iterator[tuple[list[dict[str, Any]], int | None, bool, str]]:
        """RFC 9865: the first request has an empty cursor, the last answer has none."""
        cursor, known = "", {""}
        while True:
            asked = {**params, "cursor": cursor, "count": str(size)}
            answer, where = self._list(asked, first=not cursor)
            following = answer.get("nextCursor")
            yield _resources(answer, where), _total(answer), not following, where
            if not following:
                return
            if following in known:
                raise _repeated(where)
            known.add(following)
            cursor = str(following)

    def _list(self, params: Mapping[str, str], *, first: bool) -> tuple[dict[str, Any], str]:
        answer = self._service.get(self._kind.endpoint, params, () if first else ABSENT)
        if not answer.ok:
            raise Retriable(
                "page.expired", f"the next page was refused ({answer.status}); reading again", where=answer.where,
                hint="nothing of this read was used: run again, with smaller pages if it stays",
            )  # fmt: skip
        found = answer.json()
        if not isinstance(found, dict):
            raise _no_list(answer.where)
        return found, answer.where

    def _condition(self, query: Query) -> str | None:
        """The filter of a read: that of the resource, and what changed."""
        own = self._kind.declared.filter
        if query.since is None or not query.resource.cursor or self._service.filters != "full":
            return own
        path = of_field(query.resource.cursor, self._kind.declared.paths, self._kind.aliases)
        since = f"{path.text} ge {json.dumps(query.since)}"
        return f"({own}) and {since}" if own else since

    def whole(self, resource: dict[str, Any]) -> dict[str, Any]:
        """With the attributes that lists leave out."""
        missing = [*self._kind.declared.one_by_one, *self._kind.declared.pieces]
        if not missing:
            return resource
        found = self.one(str(resource.get("id")))
        if found is None:  # deleted meanwhile: the list knew it still
            return resource
        return {**resource, **{name: found[0][name] for name in missing if name in found[0]}}

    @property
    def _lean(self) -> dict[str, str]:
        """What leaves out the attributes that are read in pieces (RFC 7644 §3.9)."""
        pieces = self._kind.declared.pieces
        return {"excludedAttributes": ",".join(pieces)} if pieces else {}

    def one(self, identity: str, named: Collection[str] | None = None) -> tuple[dict[str, Any], str | None] | None:
        """One resource and its version; None where there is none. Of what is read in pieces only attributes that are
        ``named``; None stands for all."""
        known = self._one(identity, self._lean)
        if known is None:
            return None
        found, version = known
        wanted = {name: one for name, one in self._kind.declared.pieces.items() if named is None or name in named}
        for name, pieces in wanted.items():
            values = list(self._values(identity, name, pieces))
            found = {**found, name: values} if values else found
        if wanted and ((after := self._one(identity, self._lean)) is None or _state(after) != _state(known)):
            raise Retriable(
                "page.moved", f"{', '.join(wanted)} changed while they were read in pieces; reading again",
                where=f"{self._kind.endpoint}/{identity}",
            )  # fmt: skip
        return found, version

    def _one(self, identity: str, params: Mapping[str, str]) -> tuple[dict[str, Any], str | None] | None:
        answer = self._service.get(f"{self._kind.endpoint}/{quote(identity, safe='')}", params, expect=(404, 410))
        if not answer.ok:
            return None
        found = answer.json()
        if not isinstance(found, dict):
            raise _no_list(answer.where)
        return found, version_of(found, answer)

    def _values(self, identity: str, name: str, pieces: Pieces) -> Iterator[Any]:
        """All values of one attribute, piece by piece; the last is an empty one, whatever size the service cuts."""
        if pieces.list_ is not None:
            condition = pieces.filter.replace("{id}", json.dumps(identity)[1:-1])
            count, total = 0, None
            for resources, announced, _, _ in self.lists(condition, pieces.size, endpoint=pieces.list_):
                count, total = count + len(resources), announced
                yield from ({"value": str(one.get("id"))} for one in resources)
            if total is not None and count < total:
                raise Retriable("total.short", f"{total} values were announced and {count} came", where=pieces.list_)
            return
        before: list[Any] = []
        start = 1
        while True:
            slots = {"{name}": name, "{start}": str(start), "{count}": str(pieces.size)}
            asked = {key: _filled(text, slots) for key, text in pieces.params.items()}
            known = self._one(identity, asked)
            piece = known[0].get(name, []) if known is not None else []
            if not isinstance(piece, list):
                raise _no_list(f"{self._kind.endpoint}/{identity}")
            if not piece:
                return
            if piece == before or len(piece) > pieces.size:
                raise _repeated(f"{self._kind.endpoint}/{identity}")
            yield from piece
            before, start = piece, start + len(piece)

    def record(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A resource as the hub sees it: extensions under their short names, and the fields of ``paths``."""
        made = {self._urns.get(name, name): value for name, value in resource.items() if name != "password"}
        for name, path in self._paths.items():
            made[name] = get(resource, path)
        return made


def _state(known: tuple[dict[str, Any], str | None]) -> tuple[Any, str | None]:
    """What tells that a resource is still the same."""
    meta = known[0].get("meta")
    return (meta.get("lastModified") if isinstance(meta, dict) else None), known[1]


def _filled(text: str, slots: Mapping[str, str]) -> str:
    for slot, value in slots.items():
        text = text.replace(slot, value)
    return text


def version_of(resource: Mapping[str, Any], answer: Response | None) -> str | None:
    meta = resource.get("meta")
    said = meta.get("version") if isinstance(meta, dict) else None
    return said or (answer.headers.get("etag") if answer is not None else None)


def _resources(answer: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    found = answer.get("Resources")
    if found is None and answer.get("totalResults") == 0:
        return []
    if found is None and _total(answer) is not None:
        return []  # a page behind the end
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _no_list(where)
    return found


def _total(answer: Mapping[str, Any]) -> int | None:
    total = answer.get("totalResults")
    return total if isinstance(total, int) and total >= 0 else None


def _no_list(where: str) -> Fatal:
    return Fatal(
        "records.missing",
        "the answer is no SCIM list",
        where=where,
        hint="check url:, and endpoint: of the resource",
    )


def _repeated(where: str) -> Fatal:
    return Fatal(
        "page.repeated", "the service gives the same page again", where=where, hint="try another paging:"
    )
