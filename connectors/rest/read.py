"""Reading lists from a JSON API."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.rest.declared import Cursor, RestResource, RestSettings, Write
from connectors.rest.paging import goes_into_body, pager, range_total
from connectors.rest.verdict import Verdicts
from hub.contract import Page, Query, Resource
from hub.errors import ConfigError, Fatal, Retriable
from hub.http import Response, Transport
from hub.http.paging import Announced, Ask, Seen, repeated
from hub.http.records import declared_fields, dig, ndjson, nest, text_at
from hub.http.since import asked
from hub.untrusted import parse_json


def describe(name: str, declared: RestResource) -> Resource:
    """A resource from its declaration alone."""
    return Resource(
        name=name,
        key=tuple(declared.key),
        cursor=declared.cursor.field if declared.cursor else None,
        fields=declared_fields(declared.fields),
        counts=not (declared.under or declared.windows)
        and (declared.total is not None or declared.paging.range_header is not None),
        writable=(declared.write or Write()).writes,
        title=declared.title,
        refuses=(declared.write or Write()).refuses,
        messages=(declared.write or Write()).again,
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
        last = partial(text_at, self.records[-1]) if self.records else lambda path: None
        return Seen(partial(text_at, self.body), self.answer.headers, count, read, total, self.answer.where, last)


class Reader:
    """Reads one resource."""

    def __init__(
        self, transport: Transport, settings: RestSettings, declared: RestResource, verdicts: Verdicts
    ) -> None:
        self._verdicts = verdicts
        self._transport = transport
        self._settings = settings
        self._declared = declared

    def pages(self, query: Query, given: Mapping[str, str | int] | None = None) -> Iterator[Page]:
        """The pages of one read; the last only when the source said or showed that it is. ``given`` are the
        parameters of a list below another record."""
        declared = self._declared
        pages = pager(declared.paging, _smaller(query.page_size, declared.paging))
        fixed, fixed_in_body = since(declared.cursor, query.since)
        overlap = declared.paging.offset.overlap if declared.paging.offset else 0
        seen: set[bytes] = set()
        announced, count, last_record = Announced(), 0, b""
        ask: Ask | None = pages.first()
        while ask is not None:
            with _restartable(following=count > 0):
                got = self.get(ask, fixed, fixed_in_body, given=given or {})
            records = _without_overlap(got, last_record) if overlap and last_record else got.records
            text = self._with_added(ndjson(records, got.answer.where), given or {})
            self._refuse_repeat(seen, text, got.answer.where)
            first, count = count + 1, count + len(records)
            last_record = bytes(records[-1]) if records else last_record
            total = got.total if got.total is not None else announced.total
            ask = pages.after(got.seen(len(records), count, total))
            announced.page(len(records), got.total, last=ask is None, where=got.answer.where)
            yield Page(text, len(records), declared.path, first, ask is None, total)

    def get(
        self, ask: Ask, params: Mapping[str, list[str]], in_body: bool = False, *, path: str | None = None,
        records: str | None = None, expect: tuple[int, ...] = (), single: bool = False,
        given: Mapping[str, str | int] | None = None, method: str | None = None,
    ) -> Got:  # fmt: skip
        """One page, or with ``path`` a look-up."""
        declared = self._declared
        answer = self._send(ask, params, in_body, declared.path if path is None else path, expect, given or {}, method)
        if answer.status in (416, *declared.empty, *expect):
            return Got(answer, b"", [], _total(declared, answer, b""))
        if self._verdicts.missing(answer):
            if path is not None:
                return Got(answer, b"", [], 0)
            raise Fatal("answer.failed", "answered that there is no such list", where=answer.where)
        body = answer.utf8() if answer.body.strip() else answer.json()
        at = declared.records if records is None else records
        total = _total(declared, answer, body)
        found = _list(answer, at, total, single or declared.single)
        return Got(answer, body, self._named(found, answer.where), total)

    def _send(
        self, ask: Ask, params: Mapping[str, list[str]], in_body: bool, path: str, expect: tuple[int, ...],
        given: Mapping[str, str | int], method: str | None = None,
    ) -> Response:  # fmt: skip
        declared = self._declared
        slots = {name for name in given if f"{{{name}}}" in path}
        for name in slots:
            path = path.replace(f"{{{name}}}", quote(str(given[name]), safe=""))
        statuses = (*declared.empty, *expect, *((416,) if declared.paging.range_header else ()))
        headers = {**declared.headers, **ask.headers}
        if ask.url is not None:
            url = self._transport.link(path, ask.url)
            return self._transport.request("GET", url, learned=True, expect=statuses, headers=headers)
        query = {**self._settings.params, **declared.params}
        body: dict[str, Any] = dict(declared.body or {})
        paged = {name: [value] for name, value in ask.params.items()}
        places = declared.under or declared.windows
        above = {name: value for name, value in given.items() if name not in slots}
        if places is not None and places.into == "body":
            lay(body, nest(above))
        else:
            query |= {name: [str(value)] for name, value in above.items()}
        for values, goes_in_body in ((params, in_body), (paged, goes_into_body(declared.paging))):
            if goes_in_body:
                lay(body, nest({name: _number(value) for name, (value, *_) in values.items()}))
            else:
                query |= values
        method = method or declared.method
        posts = method == "POST"
        return self._transport.request(
            method, path, params=pairs(query), json=body if posts else None, headers=headers,
            expect=statuses, idempotent=True,
        )  # fmt: skip

    def _named(self, records: list[msgspec.Raw], where: str) -> list[msgspec.Raw]:
        """Records whose values came without their names, with them."""
        columns = self._declared.columns
        return [_object(columns, record, where) for record in records] if columns else records

    def _with_added(self, text: bytes, given: Mapping[str, str | int]) -> bytes:
        """The records with what they take over from the one they stand below."""
        rule = self._declared.under
        if rule is None or not rule.add or not text:
            return text
        added = msgspec.json.encode({name: given[one] for name, one in rule.add.items()})[:-1]
        return b"\n".join(
            added + (b"}" if line.strip() == b"{}" else b"," + line.strip()[1:]) for line in text.splitlines()
        )

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
        if following and error.code in ("http.status", "http.not_found", "answer.failed"):
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
    rules = (paging.page, paging.offset, paging.cursor, paging.last, paging.range_header)
    sizes = [rule.size for rule in rules if rule]
    return min(asked, *sizes) if asked and sizes else None


def _object(columns: Sequence[str], record: msgspec.Raw, where: str) -> msgspec.Raw:
    if bytes(record).strip().startswith(b"["):
        values = parse_json(bytes(record), list[msgspec.Raw], where=where)
    elif bytes(record).strip().startswith(b"{"):
        raise Fatal("records.shape", "a record is an object, no list of values", where=where, hint="check columns:")
    else:
        values = [record]
    if len(values) != len(columns):
        raise Fatal(
            "records.shape", f"a record has {len(values)} values, declared are {len(columns)} columns",
            where=where, hint="check columns: against the fields that are asked for",
        )  # fmt: skip
    return msgspec.Raw(msgspec.json.encode(dict(zip(columns, values, strict=True))))


def lay(over: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Put values into a body, beside what it holds already."""
    for name, value in values.items():
        inner = over.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            over[name] = dict(inner)
            lay(over[name], value)
        else:
            over[name] = value


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() and (value == "0" or value[0] != "0") else value
