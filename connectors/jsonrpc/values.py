"""Values between the hub and an ERP: ISO 8601 texts and exact decimals here, each dialect's own forms there."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.jsonrpc.calls import Kind
from hub.errors import RecordRejected

PLACES = 1000


def moment(value: Any) -> dt.datetime:
    """A time in UTC without a zone, as both ERPs keep it. ValueError where it is none."""
    made = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    return made.astimezone(dt.UTC).replace(tzinfo=None) if made.tzinfo else made


def iso(value: dt.datetime) -> str:
    return value.isoformat() + "Z"


def day(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    return dt.date.fromisoformat(str(value)[:10])


def clock(value: Any) -> dt.time:
    return value if isinstance(value, dt.time) else dt.time.fromisoformat(str(value))


def number(value: Any) -> Decimal:
    """A finite decimal of at most ``PLACES`` places before and behind the point."""
    made = Decimal(str(value))
    # 1E+999999999 is a short text, and written out a gigabyte
    if not made.is_finite() or made.adjusted() > PLACES or int(made.as_tuple().exponent) < -PLACES:
        raise ValueError
    return made


def real(value: Any) -> float:
    """A finite float."""
    made = float(value)
    if not math.isfinite(made):
        raise ValueError
    return made


def whole(value: Any) -> int:
    """A whole number; a truth value is none."""
    if isinstance(value, bool):
        raise ValueError
    return int(str(value))


def truth(value: Any) -> bool:
    """A truth value, also as text or number."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]


def octets(value: Any) -> bytes:
    """Bytes, which the hub holds as base64."""
    return (
        bytes(value) if isinstance(value, bytes | bytearray) else base64.b64decode(str(value), validate=True)
    )


def encoded(kind: Kind, value: Any, makes: Mapping[str, Callable[[Any], Any]]) -> Any:
    """A value as an ERP takes it; ``makes`` has what is done by type, and else it goes as text, or as the object that
    it is. RecordRejected ``value.type`` where it does not fit the field."""
    make = makes.get(kind.type)
    if make is None:
        return value if isinstance(value, list | dict) else text(value)
    try:
        return make(value)
    except (ValueError, KeyError, TypeError, InvalidOperation, OverflowError, binascii.Error):
        raise RecordRejected(
            "value.type", f"{str(value)[:60]!r} is no {kind.type}", where=kind.name
        ) from None


def text(value: Any) -> str:
    """The text of a value, times as ISO 8601."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
