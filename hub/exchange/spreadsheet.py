"""CSV for people: no cell of it is taken for a formula by a spreadsheet.

A text that a spreadsheet would calculate gets an apostrophe in front, numbers stay numbers, all other cells are
quoted. What a connector writes is not for people: there stands exactly what the mapping says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

# Full-width signs are calculated by spreadsheets of Chinese and Japanese settings. The apostrophes in front make
# it reversible: what began with one keeps its own.
FORMULA = r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])"
GUARDED = f"^'({FORMULA})"
_FORMULA = re.compile(FORMULA)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def harmless(value: Any) -> Any:
    """A cell as it may be written.

    >>> [harmless(one) for one in ("=1+1", "-12.50", "＝HYPERLINK()", "A-1", 7)]
    ["'=1+1", '-12.50', "'＝HYPERLINK()", 'A-1', 7]
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}" if _FORMULA.match(value) else value


def write_rows(stream: TextIO, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """A head and rows; answers how many."""
    writer, count = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"), 0
    writer.writerow(head)
    for row in rows:
        writer.writerow([harmless(value) for value in row])
        count += 1
    return count
