"""How the pages of a JSON list follow each other: what ``hub.http.paging`` knows, links and ranges."""

from __future__ import annotations

import re

from connectors.rest.declared import LastRecord, Paging, RangeHeader
from hub.errors import Fatal
from hub.http.paging import Ask, ByNumber, ByOffset, ByToken, Pager, Seen, ended, repeated

_NEXT = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*]+\s*=\s*(?:\"[^\"]*\"|[^\",;\s]+))*)")


def pager(paging: Paging, size: int | None) -> Pager:
    """The pager of a declaration, for pages of at most ``size`` records."""
    if paging.page:
        return ByNumber(paging.page, size)
    if paging.offset:
        return ByOffset(paging.offset, size)
    if paging.cursor:
        rule = paging.cursor
        sized = {rule.size_param: str(size or rule.size)} if rule.size_param else {}
        return ByToken(rule.url or rule.from_ or "", rule.param, rule.more, sized, rule.until)
    if paging.range_header:
        return ByRange(paging.range_header, size)
    if paging.last:
        return ByLast(paging.last, size)
    return ByLink(follow=paging.link_header is not None)


def goes_into_body(paging: Paging) -> bool:
    """Whether the parameters of the pages are sent in the body."""
    rule = paging.page or paging.offset or paging.cursor or paging.last
    return rule is not None and rule.into == "body"


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
        return None if ended(seen, None, "empty", self._size) else self._ask(seen.sum)

    def _ask(self, start: int) -> Ask:
        end = start + self._size - (self._rule.end == "inclusive")
        return Ask(headers={"Range": f"{self._rule.unit}={start}-{end}"})


class ByLast:
    """Pages by values of the last record."""

    def __init__(self, rule: LastRecord, size: int | None) -> None:
        self._rule, self._size, self._seen = rule, size or rule.size, set[tuple[str, ...]]()

    def first(self) -> Ask:
        return Ask({self._rule.size_param: str(self._size)} if self._rule.size_param else {})

    def after(self, seen: Seen) -> Ask | None:
        if ended(seen, self._rule.more, "empty", self._size):
            return None
        values = {name: seen.last(path) for name, path in self._rule.params.items()}
        given = {name: value for name, value in values.items() if value is not None}
        if given.keys() != values.keys():
            raise Fatal(
                "paging.missing", "the last record has no value to go on with", where=seen.where,
                hint="check paging: of the resource against an answer of the system",
            )  # fmt: skip
        if tuple(given.values()) in self._seen:
            raise repeated(seen.where, "gives the same last record again")
        self._seen.add(tuple(given.values()))
        return Ask({**self.first().params, **given})


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
