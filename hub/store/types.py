"""Column types that hold the same value exactly on both databases."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

from sqlalchemy import NUMERIC, TIMESTAMP, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine


class Moment(TypeDecorator[dt.datetime]):
    """An instant in UTC: TIMESTAMPTZ, or on SQLite sortable text ``2026-01-31 12:00:00.000000``."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = Text() if dialect.name == "sqlite" else TIMESTAMP(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    def literal_processor(self, dialect: Dialect) -> Callable[[dt.datetime], str]:
        zone = "" if dialect.name == "sqlite" else "+00"

        def literal(value: dt.datetime) -> str:
            return f"'{value.astimezone(dt.UTC).strftime('%Y-%m-%d %H:%M:%S.%f')}{zone}'"

        return literal

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return dt.datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=dt.UTC)
        return value.astimezone(dt.UTC)  # type: ignore[no-any-return] # a datetime of the driver


class Exact(TypeDecorator[decimal.Decimal]):
    """A decimal without rounding: NUMERIC, or on SQLite (which knows only floats) its text."""

    impl = NUMERIC
    cache_ok = True

    def __init__(self, digits: int = 18, scale: int = 4) -> None:
        super().__init__(digits, scale)
        self.digits, self.scale = digits, scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = Text() if dialect.name == "sqlite" else NUMERIC(self.digits, self.scale)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: decimal.Decimal | None, dialect: Dialect) -> Any:
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> decimal.Decimal | None:
        return None if value is None else decimal.Decimal(str(value))
