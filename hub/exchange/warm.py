"""A run file that is kept open between the micro-batches of events: opening one takes as long as a batch."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from hub.exchange.runfile import RunFile, open_run, sql_name


class Warm:
    """One thread's run file. ``fresh`` answers it empty; after an error it is to be closed."""

    def __init__(self, scratch: Path, memory: str, threads: int) -> None:
        self._scratch, self._memory, self._threads = scratch, memory, threads
        self._stack = ExitStack()
        self._run: RunFile | None = None

    def fresh(self) -> RunFile:
        """The run file, as if it was just opened."""
        if self._run is None:
            self._run = self._stack.enter_context(open_run(self._scratch, self._memory, self._threads))
            return self._run
        run = self._run
        run.sql("USE memory.main")
        for (name,) in run.sql(
            "SELECT schema_name FROM duckdb_schemas() WHERE regexp_matches(schema_name, '^o[0-9]+$')"
        ):
            run.sql(f"DROP SCHEMA {sql_name(name)} CASCADE")
        for (name,) in run.sql("SELECT table_name FROM duckdb_tables() WHERE NOT internal"):
            run.sql(f"DROP TABLE {sql_name(name)}")
        for (name,) in run.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal"):
            run.sql(f"DROP VIEW {sql_name(name)}")
        for path in run.stage.iterdir():
            path.unlink()
        run.linked.clear()
        return run

    def close(self) -> None:
        """Remove it; the next ``fresh`` opens another."""
        self._run = None
        self._stack.close()
        self._stack = ExitStack()
