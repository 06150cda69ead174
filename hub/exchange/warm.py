"""A run file that a worker keeps open between runs: opening one takes a good part of a small run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hub.exchange.runfile import RunFile, open_run, sql_name


class Warm:
    """One thread's run file; it is lent empty, and given up after an error."""

    def __init__(self, scratch: Path, memory: str, threads: int) -> None:
        self._scratch, self._memory, self._threads = scratch, memory, threads
        self._stack = ExitStack()
        self._run: RunFile | None = None

    @contextmanager
    def lent(self) -> Iterator[RunFile]:
        """The run file, as if it was just opened; errors leave as those of ``open_run``."""
        run = self._fresh()
        try:
            yield run
        except BaseException as error:
            stack, self._stack, self._run = self._stack, ExitStack(), None
            if not stack.__exit__(type(error), error, error.__traceback__):
                raise

    def _fresh(self) -> RunFile:
        if self._run is None:
            self._run = self._stack.enter_context(open_run(self._scratch, self._memory, self._threads))
            return self._run
        run = self._run
        run.leave()
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
        """Remove it; the next who borrows it opens another."""
        self._run = None
        self._stack.close()
        self._stack = ExitStack()
