"""How the pages of a list follow each other: pure decisions over what the last page said.

What every protocol shares: the YAML of paging by number and by offset, and the pagers by number, by offset
and by a token that each page gives for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import Field

from hub.contract import Settings
from hub.errors import Fatal, Retriable
from hub.literals import digits

NOTHING = (None, "", "null", "false", "0")
Until = Literal["empty", "short"]
TokenUntil = Literal["none", "empty"]


class PageNumber(Settings):
    """Pages by number, until one is empty or the system says there are no more."""

    param: str = Field(description="Parameter of the page number", examples=["page"])
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["per_page"])
    size: int = Field(default=100, ge=1, description="Records per page")
    start: int = Field(default=1, ge=0, description="Number of the first page")
    until: Until = Field(
        default="empty", description="short also stops after a page with fewer records than size"
    )
    more: str | None = Field(
        default=None, description="Dotted path of a flag: more follows", examples=["has_more"]
    )
    pages: str | None = Field(default=None, description="Dotted path of the number of pages")


class Offset(Settings):
    """Pages by the number of records to skip."""

    param: str = Field(description="Parameter of the offset", examples=["skip"])
    size_param: str | None = Field(default=None, description="Parameter of the size", examples=["top"])
    size: int = Field(default=100, ge=1, description="Records per page")
    start: int = Field(default=0, ge=0, description="First offset")
    overlap: int = Field(
        default=0, ge=0, le=1, description="1 reads the last record again and so notices that records moved"
    )
    until: Until = Field(
        default="empty", description="short also stops after a page with fewer records than size"
    )
    more: str | None = Field(default=None, description="Dotted path of a flag: more follows")


@dataclass(frozen=True)
class Ask:
    """What to add to the request of a page; ``url`` replaces its address, parameters and all."""

    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a page said: ``text`` reads a scalar at a dotted path of it, ``last`` one of its last record, ``sum``
    counts the records of the read so far, this page's included."""

    text: Callable[[str], str | None]
    headers: Mapping[str, str]
    count: int
    sum: int
    total: int | None
    where: str
    last: Callable[[str], str | None] = lambda path: None


class Announced:
    """The number of records that the pages of one list announce, and how many came.

    A number that falls on the way says that records were deleted meanwhile, unless it is less than what came already
    and the page has none: an empty list in place of a page, which ends nothing.
    """

    def __init__(self) -> None:
        self.total: int | None = None
        self._most = self._came = 0

    def page(self, count: int, total: int | None, *, last: bool, where: str) -> None:
        """Count a page. Raises Retriable ``total.short`` where it ends a list of which fewer came."""
        self._came += count
        self.total = total if total is not None else self.total
        if self.total is None:
            return
        self._most = max(self._most, self.total)
        emptied = not count and self.total < self._came
        wanted = self._most if emptied else self.total
        if last and self._came < wanted:
            raise Retriable(
                "total.short", f"{wanted} records were announced and {self._came} came", where=where,
                hint="records changed while they were read, or a page was left out: run again",
            )  # fmt: skip


class Pager(Protocol):
    """Decides, page by page, what to ask next."""

    def first(self) -> Ask: ...

    def after(self, seen: Seen) -> Ask | None:
        """What to ask next, None at the end."""
        ...


def ended(seen: Seen, more: str | None, until: Until, size: int) -> bool:
    """Whether a page without a pointer to the next is the last.

    A page shorter than asked for is no proof: systems cap sizes and filter after cutting. Only an empty
    one is, unless YAML says otherwise or the announced total is reached.
    """
    if more is not None:
        return seen.text(more) in NOTHING
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
            pages = digits(seen.text(rule.pages) or "")
            if pages is None:
                raise Fatal(
                    "paging.missing", f"the answer has no number at {rule.pages}", where=seen.where,
                    hint="check paging: of the resource against an answer of the system",
                )  # fmt: skip
            if self._number - rule.start + 1 >= pages:
                return None
        elif ended(seen, rule.more, rule.until, self._size):
            return None
        self._number += 1
        return self._ask()

    def _ask(self) -> Ask:
        params = {self._rule.param: str(self._number)}
        if self._rule.size_param:
            params[self._rule.size_param] = str(self._size)
        return Ask(params)


class ByOffset:
    """Pages by how many records came so far."""

    def __init__(self, rule: Offset, size: int | None) -> None:
        self._rule, self._size = rule, size or rule.size

    def first(self) -> Ask:
        return self._ask(self._rule.start)

    def after(self, seen: Seen) -> Ask | None:
        if ended(seen, self._rule.more, self._rule.until, self._size):
            return None
        # by what came, not by what was asked for: the system may cap the size
        overlap = self._rule.overlap if seen.sum else 0
        return self._ask(self._rule.start + seen.sum - overlap, overlap)

    def _ask(self, offset: int, overlap: int = 0) -> Ask:
        params = {self._rule.param: str(offset)}
        if self._rule.size_param:
            params[self._rule.size_param] = str(self._size + overlap)
        return Ask(params)


class ByToken:
    """Pages by a token that each page gives at ``pointer`` for the next; without ``param`` it is an address.

    ``fixed`` are parameters of every page. A page without a token is the last, unless ``more`` announces
    another one. ``until`` empty is for places that are kept open (scrolls): each page gives a token, mostly the same
    one, and a page without records is the last.
    """

    def __init__(
        self, pointer: str, param: str | None, more: str | None, fixed: Mapping[str, str], until: TokenUntil = "none"
    ) -> None:
        self._pointer, self._param, self._more, self._fixed, self._until = pointer, param, more, fixed, until
        self._seen: set[str] = set()

    def first(self) -> Ask:
        return Ask(self._fixed)

    def after(self, seen: Seen) -> Ask | None:
        token = seen.text(self._pointer)
        if self._more is not None and seen.text(self._more) in NOTHING:
            return None
        if self._until == "empty" and seen.count == 0:
            return None
        if token in NOTHING:
            if self._more is not None or self._until == "empty":
                raise Fatal(
                    "paging.missing", "more was announced, but not where", where=seen.where,
                    hint="check paging: of the resource against an answer of the system",
                )  # fmt: skip
            return None
        assert token is not None
        if token in self._seen and self._until == "none":
            raise repeated(seen.where, "gives the same next page again")
        self._seen.add(token)
        return Ask({**self._fixed, self._param: token}) if self._param else Ask(url=token)


def repeated(where: str, what: str) -> Fatal:
    """The error of a system that does not move on."""
    return Fatal(
        "page.repeated",
        f"the system {what}",
        where=where,
        hint="the paging parameters have no effect: check paging:",
    )
