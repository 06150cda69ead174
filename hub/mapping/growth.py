"""Functions that make values longer: how long is written out, and bounded for the whole expression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from hub.mapping.functions import LONGEST, Function

_WIDE = re.compile(r"\{[^}]*(\d{4}|\{)")


class Growth:
    """The lengths of one expression, multiplied: one function may work on what another made."""

    def __init__(self) -> None:
        self._length = 1

    def objections(self, function: Function, args: Sequence[exp.Expr]) -> Iterator[tuple[exp.Expr, str]]:
        """The arguments that say, or may say, too great a length, and why."""
        for number in function.capped:
            if number < len(args) and (why := self._objection(args[number])):
                yield args[number], why
        if function.name == "format" and args:
            pattern = args[0]
            if not (isinstance(pattern, exp.Literal) and pattern.is_string) or _WIDE.search(pattern.name):
                yield pattern, "the pattern must be a text in quotes, with widths below 1000"

    def _objection(self, arg: exp.Expr) -> str:
        inner = arg.this if isinstance(arg, exp.Neg) else arg
        if not isinstance(inner, exp.Literal) or inner.is_string or not str(inner.this).isdigit():
            return f"the length must be a number written out, at most {LONGEST:,}"
        if int(inner.this) > LONGEST:
            return f"{inner.this} is more than {LONGEST:,}"
        self._length *= max(int(inner.this), 1)
        return "several functions together make values too long" if self._length > LONGEST * 100 else ""
