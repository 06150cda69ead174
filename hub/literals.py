"""Numbers and times that a stranger wrote as text: read strictly, or ValueError.

What Python reads itself is wider than what is meant, or ends elsewhere: ``"²".isdigit()``, an integer that no
database holds, a time whose offset leads out of the calendar (OverflowError, and only once it is compared).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Final

MOST: Final = 2**63 - 1
"""What the databases hold as an integer."""
WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
DIGITS: Final = 1000
"""Digits on either side of a decimal point, at most."""


def integer(text: str, least: int = 0, most: int = MOST) -> int:
    """An integer in ASCII digits, between two.

    >>> integer("42")
    42
    """
    if WHOLE.fullmatch(text) is None or not least <= (found := int(text)) <= most:
        raise ValueError(f"no whole number from {least} to {most}")
    return found


def digits(text: str) -> int | None:
    """The number of ASCII digits, None where it is none: what is announced, and may be passed over."""
    try:
        return integer(text)
    except ValueError:
        return None


def exact(text: str) -> Decimal:
    """A decimal number that is one: neither NaN nor without end."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("no decimal number") from None
    if not found.is_finite() or abs(found.adjusted()) > DIGITS or not text.isascii():
        raise ValueError("no decimal number")
    return found


def instant(text: str) -> dt.datetime:
    """A time (ISO 8601) in UTC; without an offset it is of UTC.

    >>> instant("2026-11-27T08:15:00+08:00").isoformat()
    '2026-11-27T00:15:00+00:00'
    """
    found = dt.datetime.fromisoformat(text)
    try:
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except OverflowError:
        raise ValueError("a time outside the calendar") from None


def since_1970(text: str, scale: int = 1) -> dt.datetime:
    """A time as a number of seconds since 1970, or of parts of them: ``scale`` of them are a second."""
    number = integer(text)
    try:
        return dt.datetime.fromtimestamp(number / scale, dt.UTC)
    except (OverflowError, OSError):
        raise ValueError("a time outside the calendar") from None
