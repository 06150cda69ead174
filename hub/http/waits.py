"""How long an answer asks to be left alone: Retry-After and the headers that vendors use instead."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping

LONGEST = 86_400.0
"""Nobody is taken at their word for more than a day: what asks for longer has a wrong clock or is broken."""

MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")
RESETS = (
    "x-ratelimit-reset-after",
    "ratelimit-reset",
    "x-ogw-ratelimit-reset",
    "x-rate-limit-reset",
    "x-ratelimit-reset",
)
REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
LIMITED = frozenset({429, 503})
_EPOCH = 1_000_000_000.0  # a smaller number is a length of time, not a moment
_T = re.compile(r"(?:^|[;,\s])(?:t|reset)=(\d+)")


def wait_of(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait, None where it says nothing that can be used.

    A date is measured by the answer's own Date header where there is one: the clocks need not agree. What a
    limit's reset says counts only where the limit struck: 429, 503, or nothing remaining.
    """
    theirs = _moment(headers.get("date"))
    there = now if theirs is None else theirs
    for name in MILLISECONDS:
        if (number := _number(headers.get(name))) is not None:
            return min(number / 1000, LONGEST)
    if (said := retry_after(headers.get("retry-after"), there)) is not None:
        return said
    if status not in LIMITED and not used_up(headers):
        return None
    for name in RESETS:
        if (number := _number(headers.get(name))) is not None:
            return _until(number, there)
    found = _T.search(headers.get("ratelimit", ""))
    return min(float(found[1]), LONGEST) if found else None


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (seconds or HTTP date, RFC 9110 §10.2.3).

    >>> retry_after("7", 0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50), retry_after("-3", 0)
    (7.0, 10.0, None)
    """
    if (number := _number(value)) is not None:
        return min(number, LONGEST)
    moment = _moment(value)
    return None if moment is None else min(max(0.0, moment - now), LONGEST)


def date_of(headers: Mapping[str, str]) -> float | None:
    """What the server's clock said as it answered (UTC seconds), None where it does not say so.

    >>> date_of({"date": "Thu, 01 Jan 1970 00:01:00 GMT", "age": "30"})
    90.0
    """
    made = _moment(headers.get("date"))
    return None if made is None else made + (_number(headers.get("age")) or 0.0)  # RFC 9111 §4.2.3


def used_up(headers: Mapping[str, str]) -> bool:
    """Whether the answer says that nothing of its limit remains."""
    return any(headers.get(name, "").strip() == "0" for name in REMAINING)


def _until(number: float, now: float) -> float:
    if number > 1000 * _EPOCH:
        number /= 1000
    seconds = number - now if number > _EPOCH else number
    return min(max(0.0, seconds), LONGEST)


def _number(value: str | None) -> float | None:
    """A plain number of at least 0; neither signs, exponents nor digits of other scripts."""
    text = (value or "").strip()
    if not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text) > 20:
        return None
    return float(text)


def _moment(value: str | None) -> float | None:
    if not value:
        return None
    try:
        parsed = email.utils.parsedate_tz(value)
        return None if parsed is None else float(email.utils.mktime_tz(parsed))
    except (ValueError, OverflowError, TypeError):
        return None
