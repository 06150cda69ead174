"""Tables of a run file in the run store: sealed, in pieces that fit into memory, brought back with their types."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from hub.exchange.keep import Keep
from hub.exchange.runfile import RunFile, sql_name, sql_text

CONTEXT = "part"
PIECE = "32MB"

Slice = dict[str, Any]
"""A table: ``columns`` (name and type) and the ``digests`` of its pieces."""


def put(keep: Keep, run: RunFile, query: str) -> Slice:
    """Keep the rows of a query."""
    folder = run.stage / "leaving"
    folder.mkdir()
    columns = [[row[0], row[1]] for row in run.sql(f"DESCRIBE {query}")]
    run.sql(f"COPY ({query}) TO {sql_text(str(folder))} (FORMAT parquet, FILE_SIZE_BYTES '{PIECE}')")
    digests = [keep.put(path.read_bytes(), CONTEXT) for path in sorted(folder.iterdir(), key=_number)]
    shutil.rmtree(folder)
    return {"columns": columns, "digests": digests}


def _number(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def bring(keep: Keep, run: RunFile, slices: Sequence[Slice], name: str) -> str:
    """Rows of several parts into the stage; answers a query of them. The files stay as long as the run file."""
    if not any(one["digests"] for one in slices):
        columns = ", ".join(f"NULL::{kind} AS {sql_name(column)}" for column, kind in slices[0]["columns"])
        return f"SELECT {columns} WHERE false"
    found = []
    for number, one in enumerate(slices):
        paths: list[str] = []
        for digest in one["digests"]:
            path = run.stage / f"{name}-{number}-{len(paths)}.parquet"
            path.write_bytes(keep.get(digest, CONTEXT))
            paths.append(sql_text(str(path)))
        if paths:
            columns = ", ".join(f"CAST({sql_name(column)} AS {kind}) AS {sql_name(column)}"
                                for column, kind in one["columns"])  # fmt: skip
            found.append(f"SELECT {columns} FROM read_parquet([{', '.join(paths)}])")
    return " UNION ALL ".join(found)


def seal(keep: Keep, told: dict[str, Any]) -> str:
    """Keep what a part says of itself and of its slices; answers its digest."""
    return keep.put(orjson.dumps(told), CONTEXT)


def unseal(keep: Keep, digest: str) -> dict[str, Any]:
    """What ``seal`` kept."""
    found: dict[str, Any] = orjson.loads(keep.get(digest, CONTEXT))
    return found


def digests(told: dict[str, Any]) -> Iterable[str]:
    """Everything that belongs to a part."""
    for one in told["slices"].values():
        yield from one["digests"]
