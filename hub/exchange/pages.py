"""Pages as they lie in the stage of a run: NDJSON as it came, Arrow as Parquet, and where each came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from hub.contract import LocalFile, Page
from hub.errors import Fatal
from hub.exchange.malformed import malformed
from hub.exchange.runfile import RunFile, sql_name, sql_text
from hub.exchange.surrogates import mend

LONG_NUMBER = re.compile(rb"[:\[,]\s*-?\d[\d.]{16,}")
MAX_RECORD = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a page's records came from: rows from ``start`` on are ``origin`` from ``first`` on."""

    start: int
    origin: str
    first: int


def staged(run: RunFile) -> list[Path]:
    """The NDJSON files of the stage, in the order they are read."""
    return [*run.stage.glob("again.ndjson"), *run.stage.glob("records*.ndjson")]


class Stage:
    """Writes pages into the stage folder, NDJSON as it came, Arrow as Parquet."""

    def __init__(self, run: RunFile, part: str) -> None:
        self.run = run
        self.count = 0
        self.pieces: list[Piece] = []
        self._text: BinaryIO | None = None
        self._rows: pq.ParquetWriter | None = None
        self._fields: list[pa.Field[Any]] = []
        self._path = run.stage / f"{part}.ndjson"
        self._copies: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever ended the read, its files are closed."""
        for file in (self._text, self._rows):
            if file is not None:
                file.close()

    def add(self, page: Page) -> None:
        if isinstance(page.records, LocalFile):
            self._copy(page.records, page.origin)
            return
        if page.count:
            self._piece(page)
        if isinstance(page.records, bytes | bytearray | memoryview):
            if page.count:
                self._lines(page)
        elif page.count:
            self._batch(page.records)
        self.count += page.count

    def _piece(self, page: Page) -> None:
        previous = self.pieces[-1] if self.pieces else None
        goes_on = (
            previous
            and previous.origin == page.origin
            and (previous.first + self.count - previous.start == page.first)
        )
        if not goes_on:
            self.pieces.append(Piece(self.count, page.origin, page.first))

    def _copy(self, file: LocalFile, origin: str) -> None:
        """A file of this host is brought as it is; its records are counted when all are read."""
        if self._text is not None or self._rows is not None:
            raise Fatal("page.mixed", "the connector gave pages of two kinds in one read")
        target = self.run.bring(file.path, f"{self._path.stem}-{len(self._copies)}.ndjson")
        if self._copies:  # where this file's records start is known when those before it are counted
            self.count += self._counted(self._copies[-1:])
        self._copies.append(target)
        self.pieces.append(Piece(self.count, origin, 1))

    def _counted(self, copies: Sequence[Path]) -> int:
        query = f"SELECT count(*) FROM ({objects(copies)})"
        try:
            return int(self.run.one(query))
        except duckdb.Error as error:
            if "surrogate" in str(error) and mend(self.run, copies, MAX_RECORD):
                return int(self.run.one(query))
            raise malformed(error, staged(self.run), self.pieces, MAX_RECORD) from error

    def _lines(self, page: Page) -> None:
        if self._copies or self._rows is not None:
            raise Fatal("page.mixed", "the connector gave pages of two kinds in one read")
        if self._text is None:
            self._text = self._path.open("wb", buffering=1 << 20)
        assert isinstance(page.records, bytes)
        # Whole blocks of a file pass untouched; the pages of an API are small and are looked through.
        records = page.records if len(page.records) > (1 << 20) else keep_long_numbers(page.records)
        self._text.write(records)
        if not records.endswith(b"\n"):
            self._text.write(b"\n")

    def _batch(self, batch: pa.RecordBatch) -> None:
        if self._text is not None:
            raise Fatal("page.mixed", "the connector gave pages of two kinds in one read")
        if self._rows is None:
            self._path = self._path.with_suffix(".parquet")
            self._fields = list(batch.schema)
            # Read once or twice as a whole: what would help to skip parts costs more than it saves.
            self._rows = pq.ParquetWriter(
                self._path, batch.schema, compression="lz4", use_dictionary=False, write_statistics=False
            )
        self._rows.write_batch(batch)

    def close(self) -> str:
        """DuckDB SQL that scans the staged records: one column ``raw``, JSON text."""
        if self._text is not None:
            self._text.close()
            return objects([self._path])
        if self._copies:
            self.count = -1
            return objects(self._copies)
        if self._rows is not None:
            self._rows.close()
            return self._parquet()
        return "SELECT NULL::JSON AS raw WHERE false"

    def beside(self, names: Sequence[str]) -> tuple[str, dict[str, str]]:
        """A scan that gives columns of Arrow pages beside ``raw``, and the SQL of the text of each: what JSON would be
        taken apart for again. Nothing where a name is not such a column, or JSON writes its values in another way."""
        columns: dict[str, list[pa.DataType]] = {}
        for column in self._fields:
            columns.setdefault(column.name.casefold(), []).append(column.type)  # DuckDB knows no case
        found: dict[str, str] = {}
        for number, name in enumerate(dict.fromkeys(names)):
            kinds = columns.get(name.casefold(), [])
            if "." in name or len(kinds) != 1 or not _plain(kinds[0]):
                return "", {}
            found[name] = f"beside{number}"
        more = [f"CAST(staged.{sql_name(name)} AS VARCHAR) AS {alias}" for name, alias in found.items()]
        return self._parquet(more), found

    def _parquet(self, more: Sequence[str] = ()) -> str:
        columns = ", ".join(["to_json(staged) AS raw", *more])
        return f"SELECT {columns} FROM read_parquet({sql_text(str(self._path))}) staged"


def _plain(kind: pa.DataType) -> bool:
    """Whether the text of a value in JSON is the text of the value."""
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind))


def objects(paths: Sequence[Path]) -> str:
    """DuckDB SQL that scans NDJSON files of the stage: one column ``raw``, JSON text."""
    names = ", ".join(sql_text(str(path)) for path in paths)
    return f"SELECT json AS raw FROM read_ndjson_objects([{names}], maximum_object_size={MAX_RECORD})"


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Records (JSON texts) into a file of the stage; answers how many."""
    count = 0
    with path.open("wb", buffering=1 << 20) as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    return count


def keep_long_numbers(lines: bytes) -> bytes:
    """Numbers of more than 15 digits become text: JSON readers would round them to a double."""
    if not LONG_NUMBER.search(lines):
        return lines

    def exact(text: str) -> object:
        return text if sum(map(str.isdigit, text)) > 15 else orjson.Fragment(text)

    return b"\n".join(
        orjson.dumps(json.loads(line, parse_float=exact, parse_int=exact))
        for line in lines.splitlines()
        if line.strip()
    )
