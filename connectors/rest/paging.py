"""How the pages of a list follow each other: pure decisions over what the last page said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connectors.rest.declared import CursorPaging, Offset, PageNumber, Paging, RangeHeader
from hub.errors import Fatal
from hub.http.records import text_at

NOTHING = (None, "", "null", "false", "0")
_NEXT = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*]+\s*=\s*(?:\"[^\"]*\"|[^\",;\s]+))*)")


@dataclass(frozen=True)
class Ask:
    """What to add to the request of a page; ``url`` replaces its address, parameters and all."""

    params: Mapping[str, str] = field(default_factory=dict)
    body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a page said: ``sum`` counts the records of the read so far, this page's included."""

    body: bytes
    headers: Mapping[str, str]
    count: int
    sum: int
    total: int | None
    where: str


class Pager(Protocol):
    """Decides, page by page, what to ask next."""

    def first(self) -> Ask: ...

    def after(self, seen: Seen) -> Ask | None:
        """What to ask next, None at the end."""
        ...


def pager(paging: Paging, size: int | None) -> Pager:
    """The pager of a declaration, for pages of at most ``size`` records."""
    if paging.page:
        return ByNumber(paging.page, size)
    if paging.offset:
        return ByOffset(paging.offset, size)
    if paging.cursor:
        return ByCursor(paging.cursor, size)
    if paging.range_header:
        return ByRange(paging.range_header, size)
    return ByLink(follow=paging.link_header is not None)


def _ended(seen: Seen, more: str | None, until: str, size: int) -> bool:
    """Whether a page without a pointer to the next is the last.

    A page shorter than asked for is no proof: systems cap sizes and filter after cutting. Only an empty
    one is, unless YAML says otherwise or the announced total is reached.
    """
    if more is not None:
        return text_at(seen.body, more) in NOTHING
    if seen.count == 0 or (until == "short" and seen.count < size):
        return True
    return seen.total is not None and seen.sum >= seen.total


class ByNumber:
    """Pages by their number."""

    def __init__(self, rule: PageNumber, size: int | None) -> None:
        self._rule, self._size, self._number = rule, size or rule.size, rule.start

    def first(self) -> Ask:
        return self._ask()

    def after(self, seen: Seen) -> Ask | None:
        rule = self._rule
        if rule.pages is not None:
            pages = text_at(seen.body, rule.pages)
            if pages is None or not pages.isdigit():
                raise Fatal("paging.missing", f"the answer has no number at {rule.pages}", where=seen.where)
            if self._number - rule.start + 1 >= int(pages):
                return None
        elif _ended(seen, rule.more, rule.until, self._size):
            return None
        self._number += 1
        return self._ask()

    def _ask(self) -> Ask:
        params = {self._rule.param: str(self._number)}
        if self._rule.size_param:
            params[self._rule.size_param] = str(self._size)
        return Ask(params, self._rule.into == "body")


class ByOffset:
    """Pages by how many records came so far."""

    def __init__(self, rule: Offset, size: int | None) -> None:
        self._rule, self._size = rule, size or rule.size

    def first(self) -> Ask:
        return self._ask(self._rule.start)

    def after(self, seen: Seen) -> Ask | None:
        if _ended(seen, self._rule.more, self._rule.until, self._size):
            return None
        # by what came, not by what was asked for: the system may cap the size
        overlap = self._rule.overlap if seen.sum else 0
        return self._ask(self._rule.start + seen.sum - overlap, overlap)

    def _ask(self, offset: int, overlap: int = 0) -> Ask:
        params = {self._rule.param: str(offset)}
        if self._rule.size_param:
            params[self._rule.size_param] = str(self._size + overlap)
        return Ask(params, self._rule.into == "body")


class ByCursor:
    """Pages by a token, or an address, that each page gives for the next."""

    def __init__(self, rule: CursorPaging, size: int | None) -> None:
        self._rule, self._seen = rule, set[str]()
        self._sized = {rule.size_param: str(size or rule.size)} if rule.size_param else {}

    def first(self) -> Ask:
        return Ask(self._sized, self._rule.into == "body")

    def after(self, seen: Seen) -> Ask | None:
        rule = self._rule
        token = text_at(seen.body, rule.url or rule.from_ or "")
        if rule.more is not None and text_at(seen.body, rule.more) in NOTHING:
            return None
        if token in NOTHING:
            if rule.more is not None:
                raise Fatal("paging.missing", "more was announced, but not where", where=seen.where)
            return None
        assert token is not None
        if token in self._seen:
            raise repeated(seen.where, "gives the same next page again")
        self._seen.add(token)
        if rule.url:
            return Ask(url=token)
        return Ask({**self._sized, rule.param or "": token}, rule.into == "body")


class ByLink:
    """Also the pager of lists without paging: a next link they give all the same must not be overlooked."""

    def __init__(self, *, follow: bool) -> None:
        self._follow, self._seen = follow, set[str]()

    def first(self) -> Ask:
        return Ask()

    def after(self, seen: Seen) -> Ask | None:
        link = next_link(seen.headers.get("link", ""))
        if link is None:
            return None
        if not self._follow:
            raise Fatal("page.more", "the answer says that more pages follow", where=seen.where,
                        hint="declare paging: link_header")  # fmt: skip
        if link in self._seen:
            raise repeated(seen.where, "gives the same next page again")
        self._seen.add(link)
        return Ask(url=link)


class ByRange:
    """Pages by the Range header."""

    def __init__(self, rule: RangeHeader, size: int | None) -> None:
        self._rule, self._size = rule, size or rule.size

    def first(self) -> Ask:
        return self._ask(0)

    def after(self, seen: Seen) -> Ask | None:
        return None if _ended(seen, None, "empty", self._size) else self._ask(seen.sum)

    def _ask(self, start: int) -> Ask:
        end = start + self._size - (self._rule.end == "inclusive")
        return Ask(headers={"Range": f"{self._rule.unit}={start}-{end}"})


def range_total(header: str) -> int | None:
    """The total of ``Content-Range: records 0-99/250``; None for ``*`` or none."""
    found = re.fullmatch(r"\s*[\w-]+\s+(?:\d+-\d+|\*)/(\d+)\s*", header)
    return int(found[1]) if found else None


def next_link(header: str) -> str | None:
    """The address with ``rel=next`` of a Link header (RFC 8288)."""
    for found in _NEXT.finditer(header):
        for name, value in re.findall(r"([\w*]+)\s*=\s*(\"[^\"]*\"|[^\",;\s]+)", found[2]):
            if name.lower() == "rel" and "next" in value.strip('"').lower().split():
                return found[1]
    return None


def repeated(where: str, what: str) -> Fatal:
    """The error of a system that does not move on."""
    return Fatal(
        "page.repeated",
        f"the system {what}",
        where=where,
        hint="the paging parameters have no effect: check paging:",
    )
