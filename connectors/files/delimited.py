"""CSV and its relatives, by Arrow's streaming reader: every column is text.

An unquoted empty value is no value (null), ``""`` is the empty text. Empty lines are skipped. Names
in the header are trimmed and white space within them, line ends included, becomes one space.
Arrow's messages name no line and quote the data, so a file it refuses is gone through once more by
Python's ``csv``, slowly, to say where and why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.csv as arrow_csv

from connectors.files.settings import FileResource
from connectors.files.text import BLOCK, invalid, torn
from hub.contract import Page
from hub.errors import ConfigError, Fatal

Blocks = Callable[[], Iterator[bytes]]
_HEADER = 1 << 20


class _Feed(io.RawIOBase):
    """Blocks as the stream that Arrow reads; counts the quoting characters on the way."""

    def __init__(self, blocks: Iterable[bytes], quote: str | None) -> None:
        self._blocks = iter(blocks)
        self._rest = memoryview(b"")
        self._quote = quote.encode() if quote else b""
        self.quotes = 0
        self.tail = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next ``size`` bytes. Arrow drops a line feed at the start of a piece behind a carriage
        return, also within quotes: so no piece ends with a carriage return unless the file does."""
        while len(self._rest) <= size or size < 0:
            block = next(self._blocks, None)
            if block is None:
                break
            self.quotes += block.count(self._quote) if self._quote else 0
            self.tail = block[-1:] or self.tail
            self._rest = memoryview(b"".join((self._rest, block)) if self._rest else block)
        piece = bytes(self._rest[:size] if size >= 0 else self._rest)
        if piece.endswith(b"\r") and len(piece) > 1 and len(self._rest) > len(piece):
            piece = piece[:-1]
        self._rest = self._rest[len(piece) :]
        return piece


def dialect(resource: FileResource) -> dict[str, Any]:
    """The same dialect for Python's ``csv``."""
    return {
        "delimiter": delimiter(resource),
        "quotechar": resource.quote,
        "escapechar": resource.escape,
        "doublequote": resource.escape is None,
        "quoting": csv.QUOTE_MINIMAL if resource.quote else csv.QUOTE_NONE,
    }


def delimiter(resource: FileResource) -> str:
    return resource.delimiter or ("\t" if resource.path.lower().endswith(".tsv") else ",")


def header(blocks: Iterator[bytes], resource: FileResource, name: str) -> tuple[list[str], bytes, int]:
    """The names of the columns, what was read beyond them, and the line the records start at."""
    start, ended = b"", False
    while True:
        block = next(blocks, b"")
        start, ended = start + block, not block
        text = start.decode("utf-8", "replace")
        lines = io.StringIO(text, newline="").readlines()
        if resource.skip < len(lines) - 1 or ended:
            found = _first(lines[resource.skip :], resource, ended)
            if found is not None:
                break
        if ended or len(start) > _HEADER + BLOCK:
            raise Fatal(
                "csv.quote",
                "the header has a quote that is never closed, or text behind a closing one",
                where=f"{name}:{resource.skip + 1}",
                hint="mend the header, or declare quote: or skip:",
            )
    row, taken = found
    _readable(start, "".join(lines[: resource.skip + taken]), name)
    if not row:
        raise Fatal(
            "csv.empty",
            "the file has no header",
            where=f"{name}:1",
            hint="an empty file is refused, so that nothing is taken for deleted; a header alone is accepted",
        )
    if not resource.header:
        skipped = "".join(lines[: resource.skip])
        return _unnamed(len(row), resource), start[len(skipped.encode()) :], resource.skip + 1
    used = "".join(lines[: resource.skip + taken])
    return (
        _names(row, resource, f"{name}:{resource.skip + taken}"),
        start[len(used.encode()) :],
        resource.skip + taken + 1,
    )


def _readable(start: bytes, used: str, name: str) -> None:
    """The header was decoded leniently, because a block may end within a character."""
    try:
        start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(used.encode()):
            before = start[: error.start]
            line = start[before.rfind(b"\n") + 1 :].splitlines()[0]
            raise invalid(name, before.count(b"\n") + 1, "utf-8", line) from error


def _first(lines: list[str], resource: FileResource, ended: bool) -> tuple[list[str], int] | None:
    """The first row that is not empty and how many lines it and the empty ones take; None where the
    row may go on behind these lines."""
    reader = csv.reader(lines, strict=True, **dialect(resource))
    try:
        row = next((row for row in reader if row), [])
    except csv.Error:
        return None
    if not ended and reader.line_num >= len(lines):
        return None
    return row, reader.line_num


def _unnamed(number: int, resource: FileResource) -> list[str]:
    return list(resource.columns) or [f"column_{at}" for at in range(1, number + 1)]


def names_of(row: list[str], where: str) -> list[str]:
    """The names in a header; each only once."""
    names = [" ".join(text.split()) or f"column_{at}" for at, text in enumerate(row, 1)]
    twice = {text for text in names if names.count(text) > 1}
    if twice:
        raise Fatal(
            "file.header",
            f"the header names {', '.join(sorted(twice))} more than once",
            where=where,
            hint="name every column once, or skip the header and declare columns:",
        )
    return names


def _names(row: list[str], resource: FileResource, where: str) -> list[str]:
    names = names_of(row, where)
    other = next((sign for sign in ";\t|," if sign in row[0] and sign != delimiter(resource)), None)
    if len(names) == 1 and other and resource.delimiter is None:
        raise Fatal(
            "csv.delimiter",
            f"the header is one column that holds {other!r}",
            where=where,
            hint=f"declare delimiter: {other!r}",
        )
    return names


def pages(
    blocks: Blocks, resource: FileResource, name: str, *, size: int | None, wanted: frozenset[str]
) -> Iterator[Page]:
    """Pages of Arrow batches of text columns. ``first`` is the record's line where no value holds a
    line end. ``blocks`` starts the file from its beginning (a second time after an error)."""
    if resource.quote == delimiter(resource):
        raise ConfigError("csv.delimiter", "delimiter and quote are the same character")
    incoming = blocks()
    names, rest, line = header(incoming, resource, name)
    chosen = [field for field in names if not wanted or field in wanted] or names
    feed = _Feed(_chain(rest, incoming), resource.quote)
    try:
        with _reader(feed, names, chosen, resource) as reader:
            for batch in reader:
                yield from _slices(batch, name, line, size)
                line += batch.num_rows
    except pa.ArrowInvalid as error:
        if not rest.strip() and not feed.tail.strip():
            yield Page(_none(chosen), 0, origin=name)
            return
        raise diagnose(blocks(), resource, name) or Fatal(
            "csv.large", f"a record is longer than {BLOCK >> 20} MB", where=name
        ) from error
    if feed.quotes % 2 or (resource.final_newline and feed.tail not in {b"\n", b"\r"}):
        found = diagnose(blocks(), resource, name)
        if found:
            raise found


def _none(names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in names], names=names)


def _chain(start: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield start
    yield from blocks


def _reader(feed: _Feed, names: list[str], chosen: list[str], resource: FileResource) -> Any:
    return arrow_csv.open_csv(
        cast(IO[bytes], feed),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=BLOCK),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter(resource),
            quote_char=resource.quote or False,
            double_quote=resource.escape is None,
            escape_char=resource.escape or False,
            newlines_in_values=resource.quote is not None,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=chosen,
            null_values=list(resource.nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _slices(batch: pa.RecordBatch, name: str, line: int, size: int | None) -> Iterator[Page]:
    step = size or batch.num_rows or 1
    for at in range(0, batch.num_rows, step):
        part = batch.slice(at, step)
        yield Page(part, part.num_rows, origin=name, first=line + at)


def diagnose(blocks: Iterator[bytes], resource: FileResource, name: str) -> Fatal | None:
    """Where the file breaks the rules, by Python's ``csv``; None where it does not."""
    state = _State()
    try:
        rows = csv.reader(_lines(blocks, resource.skip, state), strict=True, **dialect(resource))
        width, begin = 0, state.line + 1
        for row in rows:
            width = width or (len(resource.columns) or len(row))
            if row and len(row) != width:
                if state.ended and not state.closed:
                    return torn(name, begin, f"it has {len(row)} of {width} columns")
                return Fatal(
                    "csv.columns",
                    f"the line has {len(row)} columns, the header has {width}",
                    where=f"{name}:{begin}",
                    hint="quote values that hold the delimiter, or mend the line",
                )
            begin = state.line + 1
    except UnicodeDecodeError as error:
        return invalid(name, state.line, "utf-8", error.object)
    except csv.Error as error:
        if "field larger" in str(error):
            return Fatal(
                "csv.large", "a value is too long or its quote never closed", where=f"{name}:{begin}"
            )
        return Fatal(
            "csv.quote",
            "a quoted value is never closed, or text follows its closing quote",
            where=f"{name}:{begin}",
            hint="double a quote within a quoted value, or declare quote: null",
        )
    if resource.final_newline and not state.closed:
        return torn(name, state.line, "it has no line end")
    return None


class _State:
    """How far the lines have been read."""

    line = 0
    closed = True
    ended = False


def _lines(blocks: Iterator[bytes], skip: int, state: _State) -> Iterator[str]:
    """Lines with their ends, decoded; keeps ``state`` one ahead where the last line is concerned."""
    rest = b""
    held: bytes | None = None
    state.line = skip
    number = 0
    for block in _chain(b"", blocks):
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]
        for line in whole:
            number += 1
            if held is not None:
                state.line += 1
                yield held.decode()
            held = line if number > skip else None
    for last in (held, rest):
        if last:
            state.ended = last is rest or not rest
            state.closed = last.endswith((b"\n", b"\r"))
            state.line += 1
            yield last.decode()
