"""Values between Arrow, JSON and the drivers.

Out: decimals of up to 15 digits and whole numbers are Arrow numbers; longer or unlimited decimals are
text, because a JSON reader behind us would round them. Times are ISO 8601 text, with ``Z`` or an offset
where the column or the system's ``zone`` tells one. UUIDs are lower case, binary is base64.
SQLite types values, not columns, so its records are JSON objects with each value as it is stored.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from connectors.sql.dialects import Column, Table
from hub.errors import RecordRejected

EXACT_DIGITS = 15


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column's values."""
    if column.type == "decimal" and 0 < column.precision <= EXACT_DIGITS:
        return pa.decimal128(column.precision, max(column.scale, 0))
    if column.type == "integer":
        return pa.uint64() if column.unsigned and "bigint" in column.native.lower() else pa.int64()
    plain: dict[str, pa.DataType] = {"float": pa.float64(), "boolean": pa.bool_(), "date": pa.date32()}
    return plain.get(column.type, pa.string())


def schema(table: Table) -> pa.Schema:
    return pa.schema([pa.field(column.name, arrow_type(column)) for column in table.columns])


def batch(table: Table, rows: Sequence[Sequence[Any]], zone: str | None) -> pa.RecordBatch:
    """Rows as an Arrow batch with the columns of ``table``."""
    if not rows:
        return pa.RecordBatch.from_pylist([], schema=schema(table))
    arrays = [
        pa.array([each(value) if value is not None else None for value in values], arrow_type(column))
        if (each := _outward(column, zone)) is not None
        else pa.array(values, arrow_type(column))
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(table))


def _outward(column: Column, zone: str | None) -> Callable[[Any], Any] | None:
    """How a driver's value becomes ours; None where it already is."""
    if column.type == "datetime":
        shift = ZoneInfo(zone) if zone and not column.zoned else None
        return lambda value: moment(value, column.zoned, shift)
    if column.type == "binary":
        return lambda value: base64.b64encode(value).decode()
    if column.native.lower() in {"uuid", "uniqueidentifier"}:
        return lambda value: str(value).lower()
    if column.type == "boolean":
        return lambda value: value not in (0, "0", "f", "false")
    if column.type == "decimal":
        return None if pa.types.is_decimal(arrow_type(column)) else lambda value: plain(value)
    if column.type == "date":
        return _date
    if column.type in {"integer", "float"}:
        return None
    return lambda value: value if isinstance(value, str) else _text(value)


def moment(value: Any, zoned: bool, shift: ZoneInfo | None) -> str:
    """ISO 8601 of a time as the driver gave it: naive, in UTC where the column has a zone.

    >>> moment(datetime.datetime(2026, 1, 1, 8), True, None)
    '2026-01-01T08:00:00Z'
    """
    if not isinstance(value, datetime.datetime):
        return str(value).replace(" ", "T", 1)
    if value.tzinfo is not None:
        return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    if shift is not None:
        return value.replace(tzinfo=shift).isoformat()
    return value.isoformat() + ("Z" if zoned else "")


def plain(value: Any) -> str:
    """A decimal without exponent.

    >>> plain(decimal.Decimal("1E+3"))
    '1000'
    """
    return format(value, "f") if isinstance(value, decimal.Decimal) else str(value)


def _date(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.date()
    return datetime.date.fromisoformat(value[:10]) if isinstance(value, str) else value


def _text(value: Any) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return plain(value)


def as_stored(table: Table, row: Sequence[Any], zone: str | None) -> dict[str, Any]:
    """One SQLite row as a JSON object."""
    pairs = zip(table.columns, row, strict=True)
    return {column.name: _stored(column, value, zone) for column, value in pairs}


def _stored(column: Column, value: Any, zone: str | None) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if column.type == "boolean" and value in (0, 1):
        return bool(value)
    if zone and column.type == "datetime" and isinstance(value, str):
        try:
            parsed = datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment(parsed, False, ZoneInfo(zone)) if parsed.tzinfo is None else value
    return value


def parameter(column: Column, value: Any, zone: str | None, where: str = "") -> Any:
    """A value of the hub as the driver takes it for this column.

    Raises RecordRejected ``sql.value`` where it cannot be one.
    """
    if value is None:
        return None
    try:
        return _inward(column, value, zone)
    except (ValueError, TypeError, decimal.InvalidOperation) as error:
        raise RecordRejected(
            "sql.value", f"the value does not fit the column {column.name} of type {column.native}",
            where=where, hint="map it to the column's type",
        ) from error  # fmt: skip


def _inward(column: Column, value: Any, zone: str | None) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if column.type == "boolean":
        return _truth(value)
    if column.type == "integer":
        return int(value) if not isinstance(value, float) or value.is_integer() else _refuse(value)
    if column.type == "decimal":
        number = decimal.Decimal(str(value))
        return number if number.is_finite() else _refuse(value)
    if column.type == "float":
        return float(value)
    if column.type == "datetime":
        return _moment(column, value, zone)
    if column.type == "binary":
        return value if isinstance(value, bytes) else base64.b64decode(value, validate=True)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _text(value)


def _refuse(value: Any) -> Any:
    raise ValueError(f"{type(value).__name__} is not of the column's type")


def _truth(value: Any) -> bool:
    truths = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    if str(value).lower() not in truths:
        _refuse(value)
    return truths[str(value).lower()]


def _moment(column: Column, value: Any, zone: str | None) -> str:
    """The form every dialect reads: UTC without offset, or local to ``zone`` where the column has none."""
    parsed = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value))
    if parsed.tzinfo is not None:
        parsed = parsed.astimezone(ZoneInfo(zone) if zone and not column.zoned else datetime.UTC)
    return parsed.replace(tzinfo=None).isoformat(" ")


def same(column: Column | None, value: Any, ignores_case: bool) -> str:
    """The text by which keys of the hub and of the database are compared."""
    if value is None or column is None:
        return "" if value is None else str(value)
    if column.type == "decimal":
        return plain(decimal.Decimal(str(value)).normalize())
    if column.type == "datetime":
        try:
            return _moment(column, value, None)
        except ValueError:
            return str(value)
    if column.type == "date":
        return str(_date(value))
    if column.type in {"integer", "boolean"}:
        return str(int(value)) if not isinstance(value, str) or value.isdigit() else value
    text = value if isinstance(value, str) else _text(value)
    text = text.rstrip() if column.native.lower().startswith(("char", "nchar")) else text
    return text.casefold() if ignores_case or column.native.lower() in {"uuid", "uniqueidentifier"} else text
