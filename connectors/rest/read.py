"""Reading lists from a JSON API."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from connectors.rest.declared import Cursor, RestResource, RestSettings
from connectors.rest.paging import goes_into_body, pager, range_total
from hub.contract import Page, Query, Resource
from hub.errors import ConfigError, Fatal, HubError, Retriable
from hub.http import Response, Transport
from hub.http.paging import Ask, Seen, repeated
from hub.http.records import declared_fields, dig, ndjson, nest, text_at
from hub.http.settings import Answers
from hub.http.since import asked
from hub.untrusted import parse_json


def describe(name: str, declared: RestResource) -> Resource:
    """A resource from its declaration alone."""
    return Resource(
        name=name,
        key=tuple(declared.key),
        cursor=declared.cursor.field if declared.cursor else None,
        fields=declared_fields(declared.fields),
        counts=declared.total is not None or declared.paging.range_header is not None,
        writable=declared.write is not None,
        title=declared.title,
    )


@dataclass(frozen=True)
class Got:
    """One answer and the records in it."""

    answer: Response
    body: bytes
    records: list[msgspec.Raw]
    total: int | None

    def seen(self, count: int, read: int, total: int | None) -> Seen:
        """What the paging may know of this page: its records, those of the read so far, and the total."""
        return Seen(partial(text_at, self.body), self.answer.headers, count, read, total, self.answer.where)


class Reader:
    """Reads one resource."""

    def __init__(self, transport: Transport, settings: RestSettings, declared: RestResource) -> None:
        self._transport = transport
        self._settings = settings
        self._declared = declared

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read; the last only when the source said or showed that it is."""
        declared = self._declared
        pages = pager(declared.paging, _smaller(query.page_size, declared.paging))
        fixed, fixed_in_body = since(declared.cursor, query.since)
        overlap = declared.paging.offset.overlap if declared.paging.offset else 0
        seen: set[bytes] = set()
        total, count, last_record = None, 0, b""
        ask: Ask | None = pages.first()
        while ask is not None:
            with _restartable(following=count > 0):
                got = self.get(ask, fixed, fixed_in_body)
            records = _without_overlap(got, last_record) if overlap and last_record else got.records
            text = ndjson(records, got.answer.where)
            self._refuse_repeat(seen, text, got.answer.where)
            total = got.total if got.total is not None else total
            first, count = count + 1, count + len(records)
            last_record = bytes(records[-1]) if records else last_record
            ask = pages.after(got.seen(len(records), count, total))
            if ask is None and total is not None and count < total:
                raise Retriable(
                    "total.short",
                    f"{total} records were announced and {count} came",
                    where=got.answer.where,
                    hint="records changed while they were read, or a page was left out: run again",
                )
            yield Page(text, len(records), declared.path, first, ask is None, total)

    def get(
        self, ask: Ask, params: Mapping[str, list[str]], in_body: bool = False, *, path: str | None = None,
        records: str | None = None, expect: tuple[int, ...] = (), single: bool = False,
    ) -> Got:  # fmt: skip
        """One page, or with ``path`` a look-up."""
        declared = self._declared
        answer = self._send(ask, params, in_body, declared.path if path is None else path, expect)
        if answer.status in (416, *declared.empty, *expect):
            return Got(answer, b"", [], _total(declared, answer, b""))
        body = answer.utf8() if answer.body.strip() else answer.json()
        refuse_failure(answer, self._settings.answers, self._transport)
        at = declared.records if records is None else records
        total = _total(declared, answer, body)
        return Got(answer, body, _list(answer, at, total, single), total)

    def _send(
        self, ask: Ask, params: Mapping[str, list[str]], in_body: bool, path: str, expect: tuple[int, ...]
    ) -> Response:
        declared = self._declared
        statuses = (*declared.empty, *expect, *((416,) if declared.paging.range_header else ()))
        headers = {**declared.headers, **ask.headers}
        if ask.url is not None:
            url = self._transport.link(path, ask.url)
            return self._transport.request("GET", url, learned=True, expect=statuses, headers=headers)
        query = {**self._settings.params, **declared.params}
        body: dict[str, Any] = dict(declared.body or {})
        paged = {name: [value] for name, value in ask.params.items()}
        for values, goes_in_body in ((params, in_body), (paged, goes_into_body(declared.paging))):
            if goes_in_body:
                body |= nest({name: _number(value) for name, (value, *_) in values.items()})
            else:
                query |= values
        posts = declared.method == "POST"
        return self._transport.request(
            declared.method, path, params=pairs(query), json=body if posts else None, headers=headers,
            expect=statuses, idempotent=True,
        )  # fmt: skip

    @staticmethod
    def _refuse_repeat(seen: set[bytes], text: bytes, where: str) -> None:
        if text:
            digest = hashlib.blake2b(text, digest_size=16).digest()
            if digest in seen:
                raise repeated(where, "gives the same page again")
            seen.add(digest)


def pairs(params: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Parameters as they are sent: a name with several values is repeated."""
    return [(name, value) for name, values in params.items() for value in values]


def since(cursor: Cursor | None, text: str | None) -> tuple[dict[str, list[str]], bool]:
    """The parameter that asks for changed records, and whether it goes into the body."""
    if cursor is None or cursor.param is None or text is None:
        return {}, False
    value = asked(cursor, text)
    if cursor.encode == "base64url":
        value = base64.urlsafe_b64encode(value.encode()).decode()
    return {cursor.param: [value]}, cursor.into == "body"


def refuse_failure(answer: Response, rule: Answers | None, transport: Transport) -> None:
    """Judge an answer by what its body says, where success is declared."""
    if rule is None:
        return
    body = answer.utf8()
    verdict = text_at(body, rule.path)
    if verdict in rule.equals:
        return
    raise failure(answer, rule, verdict, transport)


def failure(answer: Response, rule: Answers, verdict: str | None, transport: Transport) -> HubError:
    """The error that stands in a body, as its declaration reads it."""
    body = answer.utf8()
    said = transport.redact((text_at(body, rule.message) if rule.message else None) or "")
    code = text_at(body, rule.code) if rule.code else verdict
    message = f"answered failure {transport.redact(code or '(none)')}: {said}"
    if verdict in rule.retry:
        return Retriable("answer.failed", message, where=answer.where, wait=rule.wait)
    return Fatal("answer.failed", message, where=answer.where)


def _list(answer: Response, path: str, total: int | None, single: bool = False) -> list[msgspec.Raw]:
    """The records at a path. That there is no list is an error, unless none were announced. With
    ``single`` an object is the only record."""
    answer.json(msgspec.Raw)  # judges empty bodies, pages for people and cut texts
    found = dig(answer.utf8().strip().removeprefix(b"\xef\xbb\xbf"), path)
    if found is None and total == 0:
        return []
    if single and found is not None and bytes(found).startswith(b"{"):
        return [found]
    if found is None or not bytes(found).startswith(b"["):
        raise Fatal(
            "records.missing",
            f"the answer has no list at {path or 'its top'}",
            where=answer.where,
            hint="check records:, and answers: if the system reports errors in the body",
        )
    return parse_json(bytes(found), list[msgspec.Raw], where=answer.where)


def _total(declared: RestResource, answer: Response, body: bytes) -> int | None:
    rule = declared.total
    if rule is None:
        return range_total(answer.headers.get("content-range", "")) if declared.paging.range_header else None
    text = answer.headers.get(rule.header.lower()) if rule.header else None
    if rule.path and body:
        text = text_at(body, rule.path)
    text = (text or "").rpartition("/")[2].strip()
    return int(text) if text.isdigit() else None


@contextmanager
def _restartable(*, following: bool) -> Iterator[None]:
    """A page in the middle that is refused has lost its place: tokens run out. Reading starts again."""
    try:
        yield
    except (Fatal, ConfigError) as error:
        if following and error.code in ("http.status", "http.not_found"):
            raise Retriable(
                "page.expired",
                f"the next page was refused: {error.message}",
                where=error.where,
                hint="nothing of this read was used: run again, with smaller pages if it stays",
            ) from None
        raise


def _without_overlap(got: Got, last: bytes) -> list[msgspec.Raw]:
    """Take off the record that was read again; if it is another one, records have moved."""
    if not got.records or bytes(got.records[0]).split() != last.split():
        raise Retriable(
            "page.moved", "records moved between two pages; reading again", where=got.answer.where
        )
    return got.records[1:]


def _smaller(asked: int | None, paging: Any) -> int | None:
    sizes = [rule.size for rule in (paging.page, paging.offset, paging.cursor, paging.range_header) if rule]
    return min(asked, *sizes) if asked and sizes else None


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() and (value == "0" or value[0] != "0") else value
