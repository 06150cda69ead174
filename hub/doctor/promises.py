"""What is promised of pages, as questions about pages: the contract kit proves them on systems of its own, ``claims``
tries them on systems as they are. Each answers what is wrong, empty where nothing is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from hub.contract import Page
from hub.doctor.records import at, page_rows, rank

KeyOf = Callable[[Mapping[str, Any]], Hashable]


def miscounted(pages: Iterable[Page]) -> str:
    """``count`` is the number of records in a page, ``first`` goes on within an origin."""
    expected: dict[str, int] = {}
    for page in pages:
        rows = len(page_rows(page))
        if page.count != rows:
            return f"a page of {rows} records says {page.count}"
        at_least = expected.get(page.origin, 1)
        if page.count and page.first < at_least:
            return f"position {page.first} comes after {at_least - 1}"
        expected[page.origin] = page.first + page.count
    return ""


def misended(pages: Sequence[Page]) -> str:
    """The last page of a whole read, and only it, has ``last``."""
    if not pages:
        return "no page at all"
    if not pages[-1].last:
        return f"the last of {len(pages)} pages is not marked"
    if any(page.last for page in pages[:-1]):
        return "a page before the last is marked as last"
    return ""


def repeated(pages: Sequence[Page], key_of: KeyOf) -> str:
    """No record comes on two pages of one read."""
    seen: set[Hashable] = set()
    for number, page in enumerate(pages, 1):
        keys = {key_of(row) for row in page_rows(page)}
        if again := keys & seen:
            return f"{len(again)} of {len(keys)} records of page {number} came on a page before it"
        seen |= keys
    return ""


def lost_since(
    records: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]], cursor: str, since: Any, key_of: KeyOf
) -> str:  # fmt: skip
    """A read since a cursor value gives every record at or after it."""
    wanted = {key_of(one) for one in records if at(one, cursor) is not None and rank(at(one, cursor)) >= rank(since)}
    lost = wanted - {key_of(one) for one in found}
    return f"{len(lost)} of {len(wanted)} records at or after the cursor are missing" if lost else ""
