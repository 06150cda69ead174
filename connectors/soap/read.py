"""Reading records page by page from an operation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.soap.call import Reply, Service
from connectors.soap.declared import Answers, Paging, SoapResource, Write
from connectors.soap.port import Place, Port
from connectors.soap.records import Records, Taken, answer_of, local, reach, text_at, texts_at
from hub.contract import Field, Page, Query, Resource
from hub.errors import ConfigError, Fatal, HubError, Retriable
from hub.http import paging
from hub.http.paging import Announced, Ask, Pager, Seen, repeated
from hub.http.records import declared_fields
from hub.http.since import asked


def describe(name: str, declared: SoapResource, port: Port | None) -> Resource:
    """A resource by its declaration and, where there is one, by the WSDL; without fields where neither tells them."""
    fields: tuple[Field, ...] = ()
    if port is not None and declared.operation is not None:
        place = port.place(declared.operation, declared.records, "records")
        fields = place.shape.fields() if place.shape is not None else ()
    told = {one.name: one for one in declared_fields(declared.fields)}
    known = {one.name: told.pop(one.name, one) for one in fields}
    named = {**known, **told}
    cursor = declared.cursor.field if declared.cursor else None
    for one in (*declared.key, cursor or ""):
        if fields and one and one.partition(".")[0] not in named:
            raise ConfigError(
                "field.unknown", f"the records of {declared.operation} have no field {one}",
                hint=f"they have {', '.join(list(named)[:20])}",
            )  # fmt: skip
    return Resource(
        name, tuple(declared.key), cursor, tuple(named.values()), counts=declared.total is not None,
        writable=(declared.write or Write()).writes,
        title=declared.title, refuses=(declared.write or Write()).refuses,
    )  # fmt: skip


@dataclass(frozen=True)
class Got:
    """One answer and the records in it; ``taken`` is None where a fault said that there are none."""

    reply: Reply
    taken: Taken | None
    total: int | None

    @property
    def where(self) -> str:
        return self.reply.answer.where

    def text(self, path: str) -> str | None:
        return text_at(self.taken.root, path) if self.taken else None


class Reader:
    """Reads one resource."""

    def __init__(self, service: Service, declared: SoapResource) -> None:
        self._service, self._declared = service, declared
        if declared.operation is None:
            raise ConfigError(
                "resource.unreadable",
                "no operation is declared that reads it",
                hint="write operation: below it",
            )
        self.operation = declared.operation

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read; the last only when the service said or showed that it is."""
        declared = self._declared
        pages = pager(declared.paging, _smaller(query.page_size, declared.paging))
        overlap = declared.paging.offset.overlap if declared.paging.offset else 0
        seen: set[bytes] = set()
        announced, count, last_record = Announced(), 0, b""
        ask: Ask | None = pages.first()
        while ask is not None:
            got = self._page(ask, query.since, following=count > 0)
            lines, number = (got.taken.lines, len(got.taken.values)) if got.taken else (b"", 0)
            end = got.taken.last if got.taken and number else last_record
            if overlap and last_record:
                lines, number = _without_overlap(lines, number, last_record, got.where), number - 1
            self._refuse_repeat(seen, lines, got.where)
            first, count, last_record = count + 1, count + number, end
            total = got.total if got.total is not None else announced.total
            ask = pages.after(Seen(got.text, {}, number, count, total, got.where))
            announced.page(number, got.total, last=ask is None, where=got.where)
            yield Page(lines, number, self.operation, first, ask is None, total)

    def first(self) -> Got:
        """The first page, for a look."""
        return self._page(pager(self._declared.paging, None).first(), None, following=False)

    def get(
        self, operation: str, values: Mapping[str, Any], place: Place, timeout: float | None = None
    ) -> Got:
        """Call an operation and take the records at a place out of its answer."""
        service = self._service
        reply = service.read(operation, values, timeout)
        if reply.fault is not None:
            return Got(reply, None, 0)
        text, encoding = service.text(reply.answer)
        where = reply.answer.where
        taken = Records(service.port.shapes, place).read(
            text, limit=service.settings.limits.max_body, where=where, encoding=encoding
        )
        service.expect_envelope(taken.root, where)
        refuse_failure(taken.root, service, where)
        total = text_at(taken.root, self._declared.total) if self._declared.total else None
        if not taken.values:
            refuse_other(taken.root, place, where)
        return Got(reply, taken, int(total) if total and total.isdigit() else None)

    def _page(self, ask: Ask, since: str | None, *, following: bool) -> Got:
        declared, token = self._declared, self._declared.paging.token
        operation = self.operation
        values: dict[str, Any] = dict(declared.params)
        cursor = declared.cursor
        if cursor is not None and cursor.param is not None and since is not None:
            values[cursor.param] = asked(cursor, since)
        if following and token and token.operation:
            operation, values = token.operation, {}
        values |= ask.params
        place = self._service.port.place(operation, declared.records, "records")
        try:
            return self.get(operation, values, place, declared.timeout)
        except HubError as error:
            if following and isinstance(error, Fatal) and error.code == "soap.fault":
                raise Retriable(
                    "page.expired",
                    f"the next page was refused: {error.message}",
                    where=error.where,
                    hint="nothing of this read was used: run again, with smaller pages if it stays",
                ) from None
            raise

    @staticmethod
    def _refuse_repeat(seen: set[bytes], lines: bytes, where: str) -> None:
        if lines:
            digest = hashlib.blake2b(lines, digest_size=16).digest()
            if digest in seen:
                raise repeated(where, "gives the same page again")
            seen.add(digest)


def refuse_other(root: Any, place: Place, where: str) -> None:
    """Refuse an answer without records that is not of the form of an empty list."""
    answer = answer_of(root)
    name = local(answer) if answer is not None else "nothing"
    lacks = "" if reach(root, place.steps) >= place.required else ".".join(place.steps[: place.required])
    if answer is not None and not lacks and name == (place.element or name):
        return
    raise Fatal(
        "records.missing",
        f"the answer ({name}) has no {lacks or 'records, and is not the one that the WSDL announces'}",
        where=where,
        hint="an answer of another form is not an empty list: check records:, and answers: if the service reports "
        "errors in its answers",
    )


def pager(declared: Paging, size: int | None) -> Pager:
    """The pager of a declaration, for pages of at most ``size`` records."""
    if declared.page:
        return paging.ByNumber(declared.page, size)
    if declared.offset:
        return paging.ByOffset(declared.offset, size)
    if declared.token:
        rule = declared.token
        sized = {rule.size_param: str(size or rule.size)} if rule.size_param else {}
        return paging.ByToken(rule.from_, rule.param, rule.more, sized)
    return _Once()


class _Once:
    """One answer holds everything."""

    def first(self) -> Ask:
        return Ask()

    def after(self, seen: Seen) -> Ask | None:
        return None


def refuse_failure(root: Any, service: Service, where: str) -> None:
    """Judge an answer by what it says, where success is declared."""
    rule = service.settings.answers
    found = failure(root, rule) if rule else None
    if rule is None or found is None:
        return
    verdict, said = found
    message = f"answered failure {service.transport.redact(said)}"
    if verdict in rule.retry:
        raise Retriable("answer.failed", message, where=where, wait=rule.wait)
    raise Fatal("answer.failed", message, where=where)


def failure(root: Any, rule: Answers) -> tuple[str, str] | None:
    """The verdict of an answer that is no success, and what it says; None where all went well."""
    verdicts = _first_texts(root, rule.path)
    wrong = [one for one in verdicts if one not in rule.equals]
    if not wrong and (verdicts or rule.optional):
        return None
    at = verdicts.index(wrong[0]) if wrong else 0
    texts = [_first_texts(root, paths) for paths in (rule.code, rule.message)]
    said = [one[at] if at < len(one) else "" for one in texts]
    verdict = wrong[0] if wrong else ""
    return verdict, ": ".join(one for one in said if one) or verdict or f"(nothing at {', '.join(rule.path)})"


def _first_texts(root: Any, paths: Sequence[str]) -> list[str]:
    """The texts at the first of the paths at which something stands."""
    return next((found for path in paths if (found := texts_at(root, path))), [])


def _without_overlap(lines: bytes, number: int, last: bytes, where: str) -> bytes:
    """Take off the record that was read again; if it is another one, records have moved."""
    head, _, rest = lines.partition(b"\n")
    if not number or head != last:
        raise Retriable("page.moved", "records moved between two pages; reading again", where=where)
    return rest


def _smaller(wanted: int | None, declared: Paging) -> int | None:
    sizes = [rule.size for rule in (declared.page, declared.offset, declared.token) if rule]
    return min(wanted, *sizes) if wanted and sizes else None
