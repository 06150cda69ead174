"""Writing a file as a whole, in each format. Rows pass batch by batch; only Excel is held in memory."""

from __future__ import annotations

import codecs
import datetime
import decimal
import importlib
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from connectors.files.delimited import delimiter
from connectors.files.settings import FileResource, Format
from hub.errors import ConfigError, Fatal

Rows = Iterable[pa.RecordBatch]
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
# What spreadsheets run as a formula, those of Chinese and Japanese settings too; a signed number is none.
_FORMULA, _NUMBER = r"^(?:[\t\r\n]|\s*[=+\-@＝＋－＠])", r"^[+-][\d., ]+$"
_EXCEL_ROWS, _EXCEL_TEXT, _EXCEL_DIGITS = 1_048_575, 32_767, 15


def write(kind: Format, declared: FileResource, stream: BinaryIO, rows: Rows, schema: pa.Schema) -> int:
    """Write all rows to ``stream``; answer how many."""
    return _WRITERS[kind](declared, stream, rows, schema)


class _Encoded(io.RawIOBase):
    """Takes UTF-8 and writes the declared encoding."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._encode = codecs.getincrementalencoder(encoding)().encode

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        try:
            self._stream.write(self._encode(self._decode(bytes(block))))
        except UnicodeEncodeError as error:
            raise Fatal(
                "encoding.unwritable",
                f"{error.encoding} has no character for a value",
                hint="write utf-8 or gb18030",
            ) from error
        return len(block)


def _sink(declared: FileResource, stream: BinaryIO) -> BinaryIO:
    if declared.encoding in {"auto", "utf-8"}:
        return stream
    return cast(BinaryIO, _Encoded(stream, declared.encoding))


def _csv(declared: FileResource, stream: BinaryIO, rows: Rows, schema: pa.Schema) -> int:
    if declared.quote != '"' or declared.escape is not None or declared.skip:
        raise ConfigError(
            "csv.dialect",
            "CSV is written with doubled double quotes and without lines before the header",
            hint="leave quote, escape and skip of this resource away",
        )
    flat = pa.schema([pa.field(field.name, _flat_type(field.type)) for field in schema])
    options = arrow_csv.WriteOptions(include_header=declared.header, delimiter=delimiter(declared))
    count = 0
    with arrow_csv.CSVWriter(_sink(declared, stream), flat, write_options=options) as writer:
        for batch in rows:
            columns = [_flat(column, declared.guard_formulas) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=flat))
            count += batch.num_rows
    return count


def _flat_type(kind: pa.DataType) -> pa.DataType:
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return kind if plain or pa.types.is_date(kind) or pa.types.is_decimal(kind) else pa.string()


def _flat(column: pa.Array[Any], guard: bool) -> pa.Array[Any]:
    """The column as CSV can hold it: times as ISO 8601, lists and objects as JSON, binary as base64."""
    kind = column.type
    if _flat_type(kind) == kind and not pa.types.is_string(kind):
        return column
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        texts = (None if value is None else _text(value) for value in column.to_pylist())
        return pa.array(texts, pa.string())
    text = column.cast(pa.string())
    if not guard:
        return text
    risky = pc.and_not(pc.match_substring_regex(text, _FORMULA), pc.match_substring_regex(text, _NUMBER))
    quoted = pc.replace_substring_regex(text, "^", "'", max_replacements=1)
    return cast("pa.Array[Any]", pc.if_else(risky, quoted, text))


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime | datetime.time):
        return value.isoformat()
    return _ENCODE(value).decode().strip('"')


def _lines(rows: Rows) -> Iterator[bytes]:
    for batch in rows:
        for record in batch.to_pylist():
            yield _ENCODE(record)


def _ndjson(declared: FileResource, stream: BinaryIO, rows: Rows, schema: pa.Schema) -> int:
    sink, count = _sink(declared, stream), 0
    for line in _lines(rows):
        sink.write(line + b"\n")
        count += 1
    return count


def _json(declared: FileResource, stream: BinaryIO, rows: Rows, schema: pa.Schema) -> int:
    sink, count = _sink(declared, stream), 0
    steps = declared.records.split(".") if declared.records else []
    sink.write(b"".join(b"{" + _ENCODE(step) + b":" for step in steps) + b"[")
    for line in _lines(rows):
        sink.write((b",\n" if count else b"\n") + line)
        count += 1
    sink.write(b"\n]" + b"}" * len(steps) + b"\n")
    return count


def _parquet(declared: FileResource, stream: BinaryIO, rows: Rows, schema: pa.Schema) -> int:
    count = 0
    with parquet.ParquetWriter(stream, schema) as writer:
        for batch in rows:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _excel(declared: FileResource, stream: BinaryIO, rows: Rows, schema: pa.Schema) -> int:
    openpyxl = importlib.import_module("openpyxl")  # 0.2 s, and only for this format
    cells = importlib.import_module("openpyxl.cell")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(declared.sheet or "Sheet1")
    count = 0
    try:
        sheet.append([_cell(cells, sheet, field.name, 0) for field in schema])
        for batch in rows:
            for record in batch.to_pylist():
                count += 1
                if count > _EXCEL_ROWS:
                    raise Fatal("excel.rows", f"a sheet holds {_EXCEL_ROWS} records", hint="write csv or parquet")
                sheet.append([_cell(cells, sheet, record[field.name], count) for field in schema])
        book.save(stream)
    except BaseException:
        with suppress(Exception):  # it is the other error that is told; this ends openpyxl's temporary file
            sheet.close()
            sheet._writer.cleanup()
        raise
    return count


def _cell(cells: Any, sheet: Any, value: Any, number: int) -> Any:
    """A cell that holds exactly this value: a text is never a formula, a long number never rounded."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | decimal.Decimal):
        digits = len(str(value).strip("-").replace(".", ""))
        if digits <= _EXCEL_DIGITS:
            return value
        value = str(value)
    if isinstance(value, datetime.datetime | datetime.time) and value.tzinfo is not None:
        value = value.isoformat()
    if isinstance(value, float | datetime.date | datetime.time):
        return value
    text = value if isinstance(value, str) else _text(value)
    if len(text) > _EXCEL_TEXT or any(ord(sign) < 32 and sign not in "\t\n\r" for sign in text):
        raise Fatal("excel.text", "a text is too long or holds a control character", where=f"record {number}")
    cell = cells.WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


_WRITERS: dict[Format, Callable[[FileResource, BinaryIO, Rows, pa.Schema], int]] = {
    "csv": _csv,
    "ndjson": _ndjson,
    "json": _json,
    "parquet": _parquet,
    "excel": _excel,
}
