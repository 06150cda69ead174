"""Reading entity sets page by page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from connectors.odata.declared import ODataResource
from connectors.odata.edmx import Type
from connectors.odata.query import options
from connectors.odata.service import Service
from connectors.odata.shapes import Batch, entries, page
from hub.contract import Page, Query
from hub.errors import Fatal, Retriable
from hub.http import Response
from hub.http.paging import Announced

EXPANSION_PAGES = 1000
REFUSED = (400, 404, 410)
"""What services answer to a link that they no longer know."""


class Reader:
    """Reads one entity set."""

    def __init__(self, service: Service, name: str, declared: ODataResource) -> None:
        self._service = service
        self._declared = declared
        self._set = declared.entity_set or name
        self._seen: set[bytes] = set()
        self._where = ""

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read. The last one closes the chain of links, or reaches the announced number."""
        count, announced = 0, Announced()
        for batch, last in self._batches(query):
            first, count = count + 1, count + batch.count
            announced.page(batch.count, batch.announced, last=last, where=self._where)
            origin = f"{self._service.root}{self._set}"
            token = batch.delta if last else None
            yield Page(
                batch.records, batch.count, origin, first, last, announced.total, token, tuple(batch.deleted)
            )

    def _batches(self, query: Query) -> Iterator[tuple[Batch, bool]]:
        service, declared = self._service, self._declared
        metadata = service.metadata
        type_ = metadata.type_of(self._set)
        most = service.settings.page_size
        size = min(query.page_size or most, most) if most else None
        if query.token is not None:
            yield from self._chain(type_, query.token, {}, size)
            return
        params = {**service.params(), **service.settings.params, **declared.params}
        params |= options(metadata, type_, declared, query)
        if declared.count:
            params |= {"$count": "true"} if metadata.version == 4 else {"$inlinecount": "allpages"}
        if metadata.version == 4 or size is None or declared.delta or not declared.order:
            yield from self._chain(type_, self._set, params, size)
        else:
            yield from self._skipping(type_, params, size)

    def _skipping(self, type_: Type, params: dict[str, str], size: int) -> Iterator[tuple[Batch, bool]]:
        """Pages of V2 services that leave the paging to their clients.

        Each page begins with the last record of the one before: if it does not, records have moved, and
        one of them might have been passed over.
        """
        read, announced, last_line = 0, None, b""
        while True:
            overlap = 1 if read else 0
            asked = {**params, "$top": str(size + overlap)}
            if read > overlap:
                asked["$skip"] = str(read - overlap)
            for number, (batch, closed) in enumerate(self._chain(type_, self._set, asked, None)):
                if number == 0 and last_line:
                    batch = self._without_overlap(batch, last_line)
                announced = batch.announced if batch.announced is not None else announced
                read += batch.count
                last_line = batch.records.rpartition(b"\n")[2] or last_line
                done = closed and (batch.count == 0 or (announced is not None and read >= announced))
                yield batch, done
                if done:
                    return

    def _without_overlap(self, batch: Batch, last_line: bytes) -> Batch:
        head, _, rest = batch.records.partition(b"\n")
        if head != last_line:
            raise Retriable("page.moved", "records moved between two pages; reading again", where=self._where)
        batch.records, batch.count = rest, batch.count - 1
        return batch

    def _chain(
        self, type_: Type, path: str, params: Mapping[str, str], size: int | None
    ) -> Iterator[tuple[Batch, bool]]:
        """Pages linked by the service."""
        links: set[str] = set()
        while True:
            answer = self._get(path, params, size, following=bool(links))
            batch = page(self._service.metadata, type_, answer, partial(self._rest, path))
            self._refuse_repeat(batch, answer)
            if batch.delta is not None:
                batch.delta = self._service.follow(path, batch.delta)
            if batch.next is None:
                yield batch, True
                return
            following = self._service.follow(path, batch.next)
            if following in links:
                raise _repeated(answer.where)
            links.add(following)
            yield batch, False
            path, params = following, {}

    def _get(
        self, path: str, params: Mapping[str, str], size: int | None, *, following: bool = False
    ) -> Response:
        prefer = []
        if self._service.version == 4:
            prefer += [f"odata.maxpagesize={size}"] if size else []
            prefer += ["odata.track-changes"] if self._declared.delta else []
        headers = self._service.headers(**({"Prefer": ",".join(prefer)} if prefer else {}))
        answer = self._service.transport.request(
            "GET", path, params=params, headers=headers, expect=REFUSED if following else (410,)
        )
        if following and not answer.ok:
            message = f"the next page was refused ({answer.status}); reading again"
            raise Retriable(
                "page.expired",
                message,
                where=answer.where,
                hint="nothing of this read was used: run again, with smaller pages if it stays",
            )
        if answer.status == 410:
            raise Fatal(
                "token.expired", "the service no longer knows this delta link", where=answer.where,
                hint="a full read starts a new one",
            )  # fmt: skip
        self._where = answer.where
        return answer

    def _rest(self, asked: str, link: str) -> list[Any]:
        """What is left of an expanded list that the service cut."""
        found: list[Any] = []
        following: str | None = link
        for _ in range(EXPANSION_PAGES):
            if following is None:
                return found
            asked = self._service.follow(asked, following)
            more, following = entries(self._service.metadata, self._get(asked, {}, None))
            found += more
        raise _repeated(self._where)

    def _refuse_repeat(self, batch: Batch, answer: Response) -> None:
        if batch.records:
            digest = hashlib.blake2b(batch.records, digest_size=16).digest()
            if digest in self._seen:
                raise _repeated(answer.where)
            self._seen.add(digest)


def _repeated(where: str) -> Fatal:
    return Fatal(
        "page.repeated", "the service gives the same page again", where=where,
        hint="try page_size: null, or order: false",
    )  # fmt: skip
