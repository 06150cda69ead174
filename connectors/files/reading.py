"""Which reader reads which format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from connectors.files import array, columnar, delimited, ndjson, sheet
from connectors.files.settings import FileResource, Format
from connectors.files.text import blocks
from hub.contract import Page, Query

Open = Callable[[], BinaryIO]


def pages(kind: Format, declared: FileResource, name: str, open_: Open, query: Query) -> Iterator[Page]:
    """The pages of one file; ``open_`` opens it (again, where an error is to be located)."""
    size = query.page_size
    if kind == "csv":
        yield from delimited.pages(
            lambda: _text(open_, declared, name), declared, name, size=size, wanted=_wanted(declared, query)
        )
    elif kind == "ndjson":
        text = _text(open_, declared, name)
        yield from ndjson.pages(text, name, size=size, final_newline=declared.final_newline)
    elif kind == "json":
        yield from array.pages(_text(open_, declared, name), name, declared.records, size=size)
    else:
        with open_() as stream:
            if kind == "excel":
                yield from sheet.pages(stream, declared, name, size=size)
            else:
                yield from columnar.pages(stream, name, size=size, wanted=_wanted(declared, query))


def columns(kind: Format, declared: FileResource, name: str, open_: Open) -> list[str]:
    """The names of the columns where the format has them."""
    if kind == "csv":
        found, _, _ = delimited.header(_text(open_, declared, name), declared, name)
        return found
    if kind == "parquet":
        with open_() as stream:
            return columnar.columns(stream, name)
    return []


def _text(open_: Open, declared: FileResource, name: str) -> Iterator[bytes]:
    with open_() as stream:
        yield from blocks(stream, declared.encoding, name)


def _wanted(declared: FileResource, query: Query) -> frozenset[str]:
    """The columns that are needed; empty for all."""
    paths = (*query.fields, *declared.key, declared.cursor or "") if query.fields else ()
    return frozenset(path.split(".")[0] for path in paths if path)
