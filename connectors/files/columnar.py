"""Parquet: columns as the file types them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as parquet

from hub.contract import Page
from hub.errors import Fatal

PAGE = 65_536
GROUP = 1 << 30


def pages(stream: BinaryIO, name: str, *, size: int | None, wanted: frozenset[str]) -> Iterator[Page]:
    """Pages of Arrow batches; ``first`` is the number of the row."""
    try:
        with parquet.ParquetFile(stream) as file:
            names = file.schema_arrow.names
            chosen = [field for field in names if not wanted or field in wanted] or names
            total, first = file.metadata.num_rows, 1
            _fits(file.metadata, name)
            for batch in file.iter_batches(batch_size=size or PAGE, columns=chosen):
                yield Page(batch, batch.num_rows, origin=name, first=first, announced=total)
                first += batch.num_rows
            if not total:
                schema = pa.schema([file.schema_arrow.field(field) for field in chosen])
                empty = pa.RecordBatch.from_pylist([], schema=schema)
                yield Page(empty, 0, origin=name, announced=0)
    except (pa.ArrowInvalid, OSError) as error:
        raise Fatal(
            "parquet.malformed",
            "the file is not a whole Parquet file",
            where=name,
            hint="it was cut, or is of another format: send it again, or mend format:",
        ) from error


def _fits(metadata: parquet.FileMetaData, name: str) -> None:
    """Refuse a file whose row groups, the least that can be read at once, do not fit into memory."""
    groups = range(metadata.num_row_groups)
    if any(metadata.row_group(at).total_byte_size > GROUP for at in groups):
        raise Fatal(
            "parquet.large",
            f"a row group is larger than {GROUP >> 20} MB",
            where=name,
            hint="have it written with smaller row groups",
        )


def columns(stream: BinaryIO, name: str) -> list[str]:
    """The names of the columns."""
    try:
        return parquet.read_schema(stream).names
    except (pa.ArrowInvalid, OSError) as error:
        raise Fatal("parquet.malformed", "the file is not a whole Parquet file", where=name) from error
