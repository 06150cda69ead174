"""DuckDB, locked down: no file but below the folders given, no network, no extension, no way back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb

_FIXED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "TimeZone": "'UTC'",
    # A row's number in a table is its record's position in the source.
    "preserve_insertion_order": "true",
    "enable_progress_bar": "false",
}
_known: list[str] = []

# What pays for a few hundred rows as well: joins stay joins, and what nobody asks for is not reckoned. The others take
# a fifth of such a statement's time (measured) to find that there is nothing to gain.
_CHEAP = {
    *("expression_rewriter", "filter_pullup", "filter_pushdown", "regex_range", "in_clause", "deliminator"),
    *("unused_columns", "cte_inlining", "cte_filter_pusher", "materialized_cte"),
}
_costly: list[str] = []


def lockdown(
    con: duckdb.DuckDBPyConnection,
    folders: Sequence[Path | str] = (),
    memory: str = "450MB",
    threads: int = 2,
    scratch: Path | str | None = None,
    disk: str = "20GB",
    small: bool = False,
) -> None:
    """Take from a connection what a run does not need; nothing run on it later can give it back.

    ``folders`` are the only places it may read and write by name. ``memory`` (``450MB``, ``2GB``) and
    ``threads`` are caps; what does not fit spills to ``scratch``, at most ``disk``.
    """
    for name in _names(con):
        _set(con, name, _FIXED[name])
    _set(con, "memory_limit", _text(memory))
    _set(con, "threads", str(int(threads)))
    if small:
        _set(con, "disabled_optimizers", _text(",".join(_costs(con))))
    if scratch is not None:
        _set(con, "temp_directory", _text(str(scratch)))
        _set(con, "max_temp_directory_size", _text(disk))
    places = ", ".join(_text(os.path.abspath(folder)) for folder in folders)
    if places:
        _set(con, "allowed_directories", f"[{places}]")
    _set(con, "enable_external_access", "false")
    _set(con, "lock_configuration", "true")


def open_run_file(
    scratch: Path | str | None = None,
    folders: Sequence[Path | str] = (),
    memory: str = "450MB",
    threads: int = 2,
    *,
    small: bool = False,
) -> duckdb.DuckDBPyConnection:
    """One run's DuckDB, locked down: in memory up to ``memory``, the rest spilled below ``scratch``.

    Nobody reads it after the run, so nothing is spent on compressing and writing what fits: measured, a
    database file takes twice the time for the same tables. Without ``scratch`` nothing spills. ``small`` is for some
    hundred rows at a time: nothing is spent on finding the best way through them.
    """
    con = duckdb.connect(":memory:")
    lockdown(con, folders, memory, threads, scratch, small=small)
    return con


def _names(con: duckdb.DuckDBPyConnection) -> Sequence[str]:
    """Those of the fixed settings that this build of DuckDB has; asking takes longer than setting them."""
    if not _known:
        there = {row[0] for row in con.execute("SELECT name FROM duckdb_settings()").fetchall()}
        _known.extend(name for name in _FIXED if name in there)
    return _known


def _costs(con: duckdb.DuckDBPyConnection) -> Sequence[str]:
    """The optimizers of this build that a small statement is better without."""
    if not _costly:
        there = [str(row[0]) for row in con.execute("SELECT name FROM duckdb_optimizers()").fetchall()]
        _costly.extend(name for name in there if name not in _CHEAP)
    return _costly


def _set(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    con.execute(f"SET {name} = {value}")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
