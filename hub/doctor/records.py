"""Records of pages, and how their values are compared: for what is proved of connectors, and tried of systems."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from hub.contract import Page


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


def at(record: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted name, None where there is none."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


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
