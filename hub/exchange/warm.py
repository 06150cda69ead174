"""A run file that a worker keeps open between runs: opening one takes a good part of a small run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hub.exchange.runfile import RunFile, open_run, sql_name


class Warm:
    """One thread's run file; it is lent empty, emptied when it comes back, and given up after an error.

    ``small``: what is done in it is about some hundred rows.
    """

    def __init__(self, scratch: Path, memory: str, threads: int, *, small: bool = False) -> None:
        self._scratch, self._memory, self._threads, self._small = scratch, memory, threads, small
        self._stack = ExitStack()
        self._run: RunFile | None = None

    @contextmanager
    def lent(self) -> Iterator[RunFile]:
        """The run file, as if it was just opened; errors leave as those of ``open_run``."""
        if self._run is None:
            made = open_run(self._scratch, self._memory, self._threads, small=self._small)
            self._run = self._stack.enter_context(made)
        try:
            yield self._run
            _empty(self._run)  # now, as what comes next may be waited for
        except BaseException as error:
            stack, self._stack, self._run = self._stack, ExitStack(), None
            if not stack.__exit__(type(error), error, error.__traceback__):
                raise

    def close(self) -> None:
        """Remove it; the next who borrows it opens another."""
        self._run = None
        self._stack.close()
        self._stack = ExitStack()


def _empty(run: RunFile) -> None:
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
