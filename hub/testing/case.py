"""What the kit must be told about a connector: how to make a system, and how to look at it."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from hub.contract import Page, Query, Resource

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found; ``detail`` says what is wrong, or why the check does not apply."""

    check: str
    status: Literal["passed", "failed", "exempt"]
    detail: str = ""


@dataclass(frozen=True)
class Case:
    """One resource of one connector.

    ``fresh`` makes a system that holds exactly the given records and answers a handle of it; ``open``
    gives a new connector on that handle. ``record`` makes the n-th record (n from 1, all values
    different, cursors growing with n); ``exact`` are values that must come through unchanged, as texts.
    ``change``, ``remove`` and ``stored`` touch the system behind the connector's back. ``refused`` are
    values of a record that the target never takes. ``locked_out`` opens with wrong credentials,
    ``throttle`` makes the system refuse the next request for so many seconds. ``misanswer`` makes it do the
    next batch of changes and answer it wrongly: ``reordered``, ``short`` (one answer is missing), ``long`` (one
    is too many) or ``alike`` (one for all). ``exempt`` names the checks that do not apply, with the reason.
    """

    name: str
    fresh: Callable[[Sequence[Record]], Any]
    open: Callable[[Any], Any]
    resource: str
    key: tuple[str, ...]
    record: Callable[[int], dict[str, Any]]
    cursor: str | None = None
    exact: Mapping[str, Any] = field(default_factory=dict)
    stored: Callable[[Any], Iterable[Record]] | None = None
    change: Callable[[Any, Record], None] | None = None
    remove: Callable[[Any, Record], None] | None = None
    refused: Mapping[str, Any] | None = None
    locked_out: Callable[[Any], Any] | None = None
    throttle: Callable[[Any, float], None] | None = None
    lose_answer: Callable[[Any], None] | None = None
    misanswer: Callable[[Any, str], None] | None = None
    secrets: tuple[str, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict)

    def records(self, number: int) -> list[dict[str, Any]]:
        return [self.record(at) for at in range(1, number + 1)]

    def key_of(self, record: Record) -> tuple[str, ...]:
        return tuple(text(record.get(name)) for name in self.key)

    def key_fields(self, record: Record) -> dict[str, Any]:
        return {name: record[name] for name in self.key}


def rows_of(pages: Iterable[Page]) -> list[dict[str, Any]]:
    """All records of pages; numbers stay exact."""
    rows: list[dict[str, Any]] = []
    for page in pages:
        rows += page_rows(page)
    return rows


def page_rows(page: Page) -> list[dict[str, Any]]:
    """The records of one page, of either kind."""
    if isinstance(page.records, pa.RecordBatch):
        return page.records.to_pylist()
    content = page.records if isinstance(page.records, bytes) else page.records.path.read_bytes()
    lines = (line for line in content.split(b"\n") if line.strip())
    return [json.loads(line, parse_float=decimal.Decimal) for line in lines]


def read(
    connector: Any, resource: Resource, *, size: int | None = None, since: str | None = None,
    token: str | None = None, fields: tuple[str, ...] = (),
) -> list[Page]:  # fmt: skip
    """All pages of one read."""
    query = Query(resource, fields=fields, since=since, token=token, page_size=size)
    return list(connector.read(query))


def text(value: Any) -> str:
    """The text by which values are compared: numbers without needless zeros, times in UTC.

    >>> text(1), text("1.0"), text(True), text("2026-01-01T08:00:00+08:00")
    ('1', '1', 'true', '2026-01-01T00:00:00')
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return _utc(value)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    written = str(value)
    try:
        return (
            format(decimal.Decimal(written), "f").rstrip("0").rstrip(".")
            if "." in written
            else str(int(written))
        )
    except (ValueError, decimal.InvalidOperation):
        pass
    try:
        return _utc(datetime.datetime.fromisoformat(written)) if len(written) > 10 else written
    except ValueError:
        return written


def _utc(moment: datetime.datetime) -> str:
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
    return zoned.astimezone(datetime.UTC).replace(tzinfo=None).isoformat()


def rank(value: Any) -> tuple[int, Any]:
    """The order of cursor values: numbers as numbers, times as times."""
    written = text(value)
    try:
        return 0, decimal.Decimal(written)
    except decimal.InvalidOperation:
        return 1, written
