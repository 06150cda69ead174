"""Whether a target holds what it was given, and fingerprints of what it acknowledged.

Targets rewrite: they trim, upper-case, round. What such a rewriting explains is no difference; which
one it was is said (``upper``, ``rounded:2``), so that it can be reported once and then be left alone.
Loss is never explained away: a text that was cut is a difference.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.crypto import Cipher

MISSING: Any = object()
EXACT = ""
KEY = ""
LEFT = "!"
"""Before the fingerprint of a field that a person changed in the target and the hub left so."""


def at(values: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted name, flat or nested; MISSING where the target shows no such field."""
    if name in values:
        return values[name]
    head, dot, rest = name.partition(".")
    inner = values.get(head, MISSING)
    if not dot or inner is MISSING:
        return MISSING
    return at(inner, rest) if isinstance(inner, Mapping) else (None if inner is None else MISSING)


def canonical(value: Any) -> str:
    """The text by which values are equal whatever type they travel as; empty is nothing.

    >>> [canonical(one) for one in (None, "", True, 7, "7.50", "2026-01-01T08:00:00+08:00")]
    ['', '', 'true', '7', '7.50', '2026-01-01T00:00:00']
    """
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | decimal.Decimal):
        return _plain(decimal.Decimal(str(value)))
    if isinstance(value, dt.datetime):
        return _utc(value)
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    text = str(value)
    if len(text) > 15 and text[4:5] == "-" and text[10] in "T ":
        try:
            return _utc(dt.datetime.fromisoformat(text))
        except ValueError:
            return text
    return text


def rewriting(sent: Any, held: Any) -> str | None:
    """EXACT where both are equal, the kind of rewriting where one explains the difference, else None.

    >>> rewriting("Acme", "ACME"), rewriting(" Acme", "Acme"), rewriting("3.14159", 3.14)
    ('upper', 'trimmed', 'rounded:2')
    >>> rewriting(7, "7.0"), rewriting(True, 1), rewriting("Acme Ltd", "Acme"), rewriting(None, "")
    ('', '', None, '')
    """
    mine, theirs = canonical(sent), canonical(held)
    if mine == theirs:
        return EXACT
    if isinstance(sent, bool) or isinstance(held, bool):
        truth = {"1": "true", "0": "false", "y": "true", "n": "false", "yes": "true", "no": "false"}
        same = truth.get(mine.lower(), mine.lower()) == truth.get(theirs.lower(), theirs.lower())
        return EXACT if same else None
    # Digits in texts on both sides are codes: 007 is not 7.
    if not (isinstance(sent, str) and isinstance(held, str)) or "." in mine or "." in theirs:
        number, other = _number(mine), _number(theirs)
        if number is not None and other is not None:
            return _rounded(number, other)
    for kind, turned in _texts(mine):
        if turned == theirs:
            return kind
    if len(theirs) == 10 and mine.startswith(theirs) and mine[10:11] == "T":
        return "dated"
    return None


def _texts(text: str) -> Iterable[tuple[str, str]]:
    trimmed, spaced = text.strip(), " ".join(text.split())
    yield from (("trimmed", trimmed), ("spaced", spaced))
    for before, one in (("", text), ("trimmed ", trimmed), ("spaced ", spaced)):
        yield from ((f"{before}upper", one.upper()), (f"{before}lower", one.lower()))


def _rounded(number: decimal.Decimal, other: decimal.Decimal) -> str | None:
    if number == other:
        return EXACT
    digits = max(0, -int(other.normalize().as_tuple().exponent))
    step = decimal.Decimal(1).scaleb(-digits)
    fewer = digits < -int(number.normalize().as_tuple().exponent)
    try:
        near = {number.quantize(step, way) for way in (decimal.ROUND_HALF_UP, decimal.ROUND_HALF_EVEN)}
    except decimal.InvalidOperation:
        return None
    return f"rounded:{digits}" if fewer and other in near else None


def _number(text: str) -> decimal.Decimal | None:
    try:
        found = decimal.Decimal(text)
    except decimal.InvalidOperation:
        return None
    return found if found.is_finite() else None


def _plain(number: decimal.Decimal) -> str:
    return format(number.normalize(), "f") if number.is_finite() else str(number)


def _utc(moment: dt.datetime) -> str:
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return zoned.astimezone(dt.UTC).replace(tzinfo=None).isoformat()


def folded(value: Any, digits: int | None = None) -> str:
    """A form that survives every rewriting: case and spaces gone, numbers plain, rounded where the target is
    known to round."""
    text = canonical(value)
    number = None if isinstance(value, str) and text[:1] == "0" and "." not in text else _number(text)
    if number is not None:
        if digits is not None:
            number = number.quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP)
        return _plain(number)
    return "".join(text.casefold().split())


@dataclass(slots=True)
class Likeness:
    """How one output's fields are compared. ``rules`` is what the mapping declares (exact, folded, ignore),
    ``known`` the rewritings seen so far by field, ``cipher`` keys the fingerprints: what they stand for
    cannot be guessed from them."""

    cipher: Cipher
    rules: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    fresh: set[tuple[str, str]] = field(default_factory=set)

    def differing(self, sent: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
        """Fields that the target shows otherwise than given; what it does not show is not judged."""
        return [name for name, value in sent.items() if not self.same(name, value, at(held, name))]

    def same(self, name: str, sent: Any, held: Any) -> bool:
        rule = self.rules.get(name, "folded")
        if held is MISSING or rule == "ignore":
            return True
        kind = rewriting(sent, held)
        if kind and rule == "folded" and kind not in self.known.setdefault(name, set()):
            self.known[name].add(kind)
            self.fresh.add((name, kind))
        return kind == EXACT or (kind is not None and rule == "folded")

    def prints(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Field → fingerprint of what the target holds now."""
        made = {name: self._print(name, value)[0] for name, value in values.items() if value is not MISSING}
        return {KEY: self.cipher.ring.newest.hex(), **made}

    def changed(
        self, basis: Mapping[str, str], sent: Mapping[str, Any], held: Mapping[str, Any]
    ) -> list[str]:
        """Fields whose value in the target is neither what it acknowledged last nor what it is to become."""
        if not self._readable(basis):
            return []
        found = []
        for name, stored in basis.items():
            value = at(held, name)
            if name == KEY or value is MISSING or self.rules.get(name) == "ignore":
                continue
            left, known = stored.startswith(LEFT), stored.removeprefix(LEFT)
            digits = self._digits(name)
            if known.partition(":")[0] != ("" if digits is None else str(digits)):
                continue  # made before it was known that the target rounds
            if (left or known not in self._print(name, value)) and not self._becomes(name, sent, value):
                found.append(name)
        return found

    def _becomes(self, name: str, sent: Mapping[str, Any], held: Any) -> bool:
        return name in sent and rewriting(sent[name], held) is not None

    def _readable(self, basis: Mapping[str, str]) -> bool:
        return basis.get(KEY) in {kid.hex() for kid in self.cipher.ring.kids}

    def _digits(self, name: str) -> int | None:
        found = [
            int(kind.partition(":")[2]) for kind in self.known.get(name, ()) if kind.startswith("rounded:")
        ]
        return min(found, default=None)

    def _print(self, name: str, value: Any) -> tuple[str, ...]:
        digits = self._digits(name)
        before = "" if digits is None else str(digits)
        prints = self.cipher.blind_indexes(folded(value, digits), name)
        return tuple(f"{before}:{base64.b64encode(one[:6]).decode()}" for one in prints)
