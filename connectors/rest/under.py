"""Lists below the records of another list, or of spans of time: one after the other, as one read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from connectors.rest.declared import Under, Windows
from hub.contract import Page, Query
from hub.errors import Fatal
from hub.http.records import value_at
from hub.http.since import moment

Given = dict[str, str | int]


class Lists(Protocol):
    """Reads one list, for the parameters that name its parent."""

    def pages(self, query: Query, given: Mapping[str, str | int] | None = None) -> Iterator[Page]: ...


def pages(
    lists: Lists, query: Query, rows: Iterable[Given], below: Callable[[Page], list[Given]] | None = None
) -> Iterator[Page]:
    """The pages of the lists of all rows; only the very last is marked so. ``below`` gives the lists below the
    records of a page. A row that comes twice is asked for once."""
    asked: set[tuple[str | int, ...]] = set()
    waiting: deque[Given] = deque()
    above = iter(rows)
    held: Page | None = None
    first = 1
    while (given := waiting.popleft() if waiting else next(above, None)) is not None:
        if tuple(given.values()) in asked:
            continue
        asked.add(tuple(given.values()))
        for page in lists.pages(query, given):
            if held is not None:
                yield held
            held = replace(page, first=first, last=False, announced=None)
            first += page.count
            if below is not None:
                waiting += below(page)
    yield replace(held, last=True) if held else Page(b"", 0, last=True)


def parents(rule: Under, above: Iterable[Page]) -> Iterator[Given]:
    """The rows that stand for no record, then those of the records of the other resource."""
    yield from ({**row} for row in rule.start)
    for page in above:
        yield from children(rule, page)


def children(rule: Under, page: Page) -> list[Given]:
    """What each record of a page gives as parameters."""
    assert isinstance(page.records, bytes)
    found = []
    for line in page.records.splitlines():
        row = {name: value_at(line, path) for name, path in rule.give.items()}
        missing = ", ".join(rule.give[name] for name, one in row.items() if not isinstance(one, str | int))
        if missing:
            raise Fatal("under.missing", f"a record of {rule.resource} has no {missing}", where=page.origin,
                        hint="check give: of under:")  # fmt: skip
        found.append(row)
    return found


def spans(rule: Windows, now: float, since: str | None = None) -> Iterator[Given]:
    """Spans of time without a gap, from as far back as is read, or from a time, until now. There is always one."""
    start, last = now - rule.back, now + (rule.ahead or 0)
    if since is not None:
        start = min(max(start, float(moment(since, "epoch"))), last - 1)
    while start < last:
        end = min(start + rule.span, last)
        yield {rule.from_: _time(start, rule.format), rule.until: _time(end, rule.format)}
        start = end


def _time(second: float, form: str) -> str | int:
    text = moment(datetime.fromtimestamp(second, UTC).isoformat(), form)
    return int(text) if form in ("epoch", "epoch_ms") else text
