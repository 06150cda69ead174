"""The scratch of one run: a private folder with a DuckDB file that spills to disk and a stage of pages.

It belongs to one process, is readable by nobody else, and is removed at the end; what a crashed
process left is removed by the next run on the host.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from hub.errors import ConfigError, Fatal, Retriable
from hub.mapping.duck import open_run_file

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# How a record is recognised as unchanged: 64 bits over its text, compared key by key.
HASH = "CAST(hash({0})::HUGEINT - 9223372036854775808 AS BIGINT)"


def sql_text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def sql_name(value: str) -> str:
    """A quoted SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


@dataclass(slots=True)
class RunFile:
    """One run's DuckDB and its folders."""

    folder: Path
    stage: Path
    con: duckdb.DuckDBPyConnection
    linked: dict[Path, tuple[int, int]] = field(default_factory=dict)
    used: str = "main"

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def one(self, query: str) -> Any:
        rows = self.con.execute(query).fetchall()
        return rows[0][0] if rows else None

    def make(self, name: str, query: str) -> int:
        """Make a table of a query; answers its rows, which need not be counted again."""
        return int(self.one(f"CREATE OR REPLACE TABLE {name} AS {query}"))

    def table(self, name: str, rows: pa.RecordBatchReader | pa.Table, columns: str = "*") -> int:
        """Make a table of Arrow rows; ``columns`` is the select list over them. Answers how many there are."""
        self.con.register("arriving", rows)
        count = self.make(sql_name(name), f"SELECT {columns} FROM arriving")
        self.con.unregister("arriving")
        return count

    def reader(self, query: str, batch: int = 20_000) -> pa.RecordBatchReader:
        reader: pa.RecordBatchReader = self.con.sql(query).to_arrow_reader(batch)
        return reader

    def arrow(self, query: str) -> pa.Table:
        return self.reader(query).read_all()

    def bring(self, file: Path, name: str) -> Path:
        """A file of this host in the stage: as a second name of the same file where that is possible (a
        writer that renames a new file into its place leaves ours as it is), else as a copy."""
        target = self.stage / name
        try:
            os.link(file, target)
        except OSError:  # another file system, or not ours to link
            shutil.copyfile(file, target)
        else:
            self.linked[target] = _stamp(target)
        return target

    def require_unchanged(self) -> None:
        """Retriable ``file.changed`` where a linked file was written to since it was brought."""
        for path, stamp in self.linked.items():
            if _stamp(path) != stamp:
                raise Retriable(
                    "file.changed",
                    "the file was changed while it was read",
                    hint="let the writer write beside and rename, or declare done: or settle:",
                )

    @contextmanager
    def beside(self) -> Iterator[RunFile]:
        """A second connection to the same tables, for writing while a reader is open."""
        other = RunFile(self.folder, self.stage, self.con.cursor())
        other.sql(f"USE {self.one('SELECT current_schema()')}")
        try:
            yield other
        finally:
            other.con.close()

    def append(self, name: str, rows: pa.Table) -> None:
        """Rows at the end of a table that is there."""
        self.con.register("appending", rows)
        self.con.execute(f"INSERT INTO {sql_name(name)} SELECT * FROM appending")
        self.con.unregister("appending")

    def use(self, number: int) -> None:
        """Work in the tables of one output; those of the extract are seen from all."""
        if self.used != f"o{number}":
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS o{number}")
            self.con.execute(f"USE o{number}")
            self.used = f"o{number}"

    def leave(self) -> None:
        """Work in the tables that all outputs see."""
        self.con.execute("USE memory.main")
        self.used = "main"


@contextmanager
def open_run(
    scratch: Path, memory: str = "450MB", threads: int = 2, *, small: bool = False
) -> Iterator[RunFile]:
    """A fresh run file below ``scratch``; ``COPHUB_KEEP_RUNS=1`` leaves it there for a look.

    Fatal ``scratch.full`` and ``run.memory``, ConfigError ``scratch.unusable``; nothing is half done then.
    """
    try:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(scratch)
        folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=scratch))
        stage = folder / "stage"
        stage.mkdir(mode=0o700)
    except OSError as error:
        raise (
            _full(scratch)
            if error.errno in FULL
            else ConfigError(
                "scratch.unusable",
                f"the scratch folder cannot be used: {error.strerror}",
                where=str(scratch),
                hint="mend scratch in config/hub.yaml, or the folder's rights",
            )
        ) from error
    con = open_run_file(folder / "spill", folders=[stage], memory=memory, threads=threads, small=small)
    try:
        yield RunFile(folder, stage, con)
    except OSError as error:
        if error.errno in FULL:
            raise _full(scratch) from error
        raise
    except duckdb.OutOfMemoryException as error:
        raise Fatal(
            "run.memory",
            f"the run needs more than {memory} of memory, and more than it may spill to its scratch folder",
            where=str(scratch),
            hint="raise memory in config/hub.yaml, or make room in the scratch folder",
        ) from error
    except duckdb.IOException as error:
        if "No space left" in str(error) or "File too large" in str(error):
            raise _full(scratch) from error
        raise
    finally:
        con.close()
        if os.environ.get("COPHUB_KEEP_RUNS") != "1":
            shutil.rmtree(folder, ignore_errors=True)


def _full(scratch: Path) -> Fatal:
    return Fatal(
        "scratch.full",
        "there is no room left for the run's scratch",
        where=str(scratch),
        hint="make room there, or name another folder in scratch of config/hub.yaml; then run again",
    )


def _sweep(scratch: Path) -> None:
    for folder in scratch.glob("run-*-*"):
        pid = folder.name.split("-")[1]
        if not pid.isdigit():
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            with suppress(OSError):
                shutil.rmtree(folder)
        except OSError:  # it lives, as another user
            continue


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
