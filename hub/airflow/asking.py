"""What Airflow knows of the exchanges, and the pools that it must know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hub.airflow.manifest import Manifest
from hub.airflow.standing import Seen
from hub.errors import ConfigError
from hub.store.faults import driver_errors


def made_known(manifest: Manifest) -> dict[str, int]:
    """Give every system's pool its slots; a task whose pool is missing would wait for ever, and nothing would say so.
    Show which exchange wakes which, though none has run yet. Answers the pools that had other slots."""
    with _database() as database:
        found: dict[str, int] = database.sync_pools(manifest)
        database.link_assets(manifest)
    return found


def seen(manifest: Manifest) -> Seen:
    """How things stand in Airflow."""
    with _database() as database:
        found: Seen = database.seen(manifest)
    return found


def let_run(manifest: Manifest) -> bool:
    """Let every DAG run; False as long as Airflow does not know all of them."""
    with _database() as database:
        found: bool = database.let_run(manifest)
    return found


@contextmanager
def _database() -> Iterator[Any]:
    """Airflow's own; ConfigError ``airflow.database`` where it cannot be asked."""
    from hub.airflow import database  # noqa: PLC0415 # Airflow takes seconds to load

    try:
        yield database
    except driver_errors() as error:
        raise ConfigError(
            "airflow.database",
            f"Airflow's database cannot be asked: {type(error).__name__}",
            hint="airflow db migrate; AIRFLOW_HOME and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN say where it is",
        ) from error
