"""Excel: one sheet, its cells with their types.

Numbers are JSON numbers as Excel holds them (binary, 15 digits), a time of day at midnight is left off
a date, a formula gives the value Excel last computed. Empty rows are skipped.
"""

from __future__ import annotations

import datetime
import importlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from connectors.files.delimited import names_of
from connectors.files.settings import FileResource
from hub.contract import Page
from hub.errors import ConfigError, Fatal
from hub.untrusted import open_zip, read_entry

PAGE = 5_000
SIZE = 256 << 20
RATIO = 250  # sheets of repeated cells compress far better than text
# What openpyxl raises on a damaged workbook, as seen with cut and altered files.
_BROKEN = (
    KeyError,
    ValueError,
    IndexError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
)


def pages(stream: BinaryIO, resource: FileResource, name: str, *, size: int | None) -> Iterator[Page]:
    """Pages of records; ``first`` is the number of the row in the sheet."""
    rows = enumerate(_rows(stream, resource, name), 1)
    names: list[str] = list(resource.columns)
    held: list[bytes] = []
    first, headed = 1, False
    for number, row in rows:
        cells = _trimmed(row)
        if number <= resource.skip or (not cells and not held):
            continue
        if not headed:
            headed = True
            names = names or _header(cells, resource, name, number)
            if resource.header:
                continue
        if cells:
            first = first if held else number
            held.append(_record(names, cells, name, number))
        if held and (not cells or len(held) >= (size or PAGE)):
            yield Page(b"".join(held), len(held), origin=name, first=first)
            held = []
    if not headed:
        raise Fatal("excel.empty", "the sheet has no header", where=name, hint="an empty sheet is refused")
    if held:
        yield Page(b"".join(held), len(held), origin=name, first=first)


def _header(cells: Sequence[Any], resource: FileResource, name: str, number: int) -> list[str]:
    if not resource.header:
        return [f"column_{at}" for at in range(1, len(cells) + 1)]
    return names_of(["" if cell is None else str(cell) for cell in cells], f"{name}:{number}")


def _rows(stream: BinaryIO, resource: FileResource, name: str) -> Iterator[Sequence[Any]]:
    stream.seek(0, 2)
    if stream.tell() > SIZE:
        raise Fatal("excel.large", f"the file is larger than {SIZE >> 20} MB", where=name, hint="write CSV")
    stream.seek(0)
    if stream.read(4) == b"\xd0\xcf\x11\xe0":
        raise Fatal(
            "excel.legacy",
            "the file is of the old binary format or is encrypted",
            where=name,
            hint="save it as .xlsx without password",
        )
    stream.seek(0)
    _guarded(stream, name)
    openpyxl = importlib.import_module("openpyxl")  # 0.2 s, and only for this format
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0] if resource.sheet is None else _sheet(book, resource.sheet, name)
        sheet.reset_dimensions()
        yield from sheet.iter_rows(values_only=True)
        book.close()
    except _BROKEN as error:
        raise Fatal(
            "excel.malformed",
            f"the workbook cannot be read: {type(error).__name__}",
            where=name,
            hint="open it in Excel, repair it and save it again",
        ) from error


def _sheet(book: Any, sheet: str, name: str) -> Any:
    if sheet not in book.sheetnames:
        raise ConfigError(
            "excel.sheet",
            f"the workbook has no sheet {sheet!r}",
            where=name,
            hint=f"it has {', '.join(book.sheetnames[:10])}",
        )
    return book[sheet]


def _guarded(stream: BinaryIO, name: str) -> None:
    """Refuse archives that inflate without measure and parts that declare entities."""
    with open_zip(stream, ratio=RATIO, where=name) as archive:
        for member in archive.infolist():
            start = next(read_entry(archive, member.filename, where=name), b"")[:4096].replace(b"\0", b"")
            if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                raise Fatal(
                    "xml.doctype", "the XML declares a document type", where=f"{name}!{member.filename}"
                )


def _trimmed(row: Sequence[Any]) -> Sequence[Any]:
    """The row without the empty cells at its end."""
    length = len(row)
    while length and (row[length - 1] is None or row[length - 1] == ""):
        length -= 1
    return row[:length]


def _record(names: list[str], cells: Sequence[Any], name: str, number: int) -> bytes:
    if len(cells) > len(names):
        raise Fatal(
            "excel.columns",
            f"the row has {len(cells)} cells, the header has {len(names)}",
            where=f"{name}:{number}",
            hint="clear what stands beside the table, or name the column",
        )
    values = [_value(cell) for cell in cells] + [None] * (len(names) - len(cells))
    return msgspec.json.encode(dict(zip(names, values, strict=True))) + b"\n"


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.timedelta):
        return str(cell)
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else cell
