"""CSV and Excel for people: no cell of them is taken for a formula by a spreadsheet.

A text that a spreadsheet would calculate gets an apostrophe in front, numbers stay numbers, all other cells are
quoted. What a connector writes is not for people: there stands exactly what the mapping says.
"""

from __future__ import annotations

import csv
import io
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


def write_sheet(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """The same as a workbook of Excel with one sheet: texts are texts of it, whatever they begin with, also after
    somebody edits them (quotePrefix); numbers stay numbers."""
    # it takes a quarter of a second to load
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", title)[:31] or "1")
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:32_767])
        made.data_type = "s"
        made.quotePrefix = _FORMULA.match(value) is not None
        return made

    for row in (head, *rows):
        sheet.append([cell(value) for value in row])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
