"""What Airflow calls when a task failed, or is to be tried again: noted once in the hub's store.

Of a task whose process was lost Airflow tells twice, and the hub's journal knows nothing: the note is kept by DAG run
and try, and whoever comes second adds nothing.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def failed(context: Any) -> None:
    """The task will not be tried again."""
    _note("failed", context)


def tried(context: Any) -> None:
    """The try failed; there will be another."""
    _note("retry", context)


def _note(kind: str, context: Any) -> None:
    from hub.airflow.noting import note  # noqa: PLC0415 # parsing a DAG loads nothing heavy

    task, instance, error = context["task"], context["ti"], context.get("exception")
    try:
        note(
            Path(task.folder),
            task.environment,
            kind,
            task.exchange,
            f"airflow/{instance.dag_id}/{instance.run_id}",
            instance.try_number,
            str(error) if error else "the process of the task was lost",
        )
    except Exception as problem:  # the frame of Airflow's task: a note that fails must not hide what it is about
        log.warning("%s: the note could not be kept: %s", task.exchange, type(problem).__name__)
