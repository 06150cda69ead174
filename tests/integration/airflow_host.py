"""Airflow in a process of its own, on a database of its own: one line of JSON in, one out.

It runs DAGs in that process, by ``dag.test``: the task runner, its execution API and the models are Airflow's own, only
scheduler and executor are not there. To load all that takes seconds, so a module of tests has one.

python -m tests.integration.airflow_host
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PREFIX = "@@ "


class Host:
    """What may be asked for, by name."""

    def bag(self, folder: str) -> dict[str, Any]:
        """What Airflow reads in a folder of DAGs."""
        from airflow.dag_processing.dagbag import DagBag

        for name in [name for name in os.environ if name.startswith("_AIRFLOW_PARSING_CONTEXT")]:
            del os.environ[name]  # what the last task left
        self.found = DagBag(folder)
        return {
            "errors": {Path(name).name: text for name, text in self.found.import_errors.items()},
            "dags": {name: _shape(dag) for name, dag in self.found.dags.items()},
        }

    def serialized(self, folder: str, dag: str) -> str:
        """A DAG as the scheduler is told of it."""
        from airflow.dag_processing.dagbag import DagBag
        from airflow.serialization.serialized_objects import DagSerialization

        return json.dumps(DagSerialization.to_dict(DagBag(folder).dags[dag]), sort_keys=True, default=str)

    def alone(self, folder: str, dag: str) -> list[str]:
        """What the process of a task reads: only its own DAG."""
        from airflow.dag_processing.dagbag import DagBag
        from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager

        with _airflow_parsing_context_manager(dag_id=dag):
            return list(DagBag(folder).dags)

    def test(self, dag: str, conf: Mapping[str, Any]) -> dict[str, Any]:
        """Run a DAG that ``bag`` found."""
        from airflow.models.asset import AssetEvent, AssetModel
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            before = session.query(AssetEvent).count()
        run = self.found.dags[dag].test(run_conf=dict(conf))
        with create_session() as session:
            events = session.query(AssetEvent).order_by(AssetEvent.id).offset(before)
            names = [session.get(AssetModel, event.asset_id).name for event in events]
            rows = session.query(XComModel).filter(XComModel.run_id == run.run_id, XComModel.dag_id == dag)
            rows = rows.filter(XComModel.task_id == "run")
            found = {row.key: XComModel.deserialize_value(row) for row in rows}
        task = run.get_task_instance("run")
        tasks = {f"{one.task_id} {one.map_index}": str(one.state) for one in run.get_task_instances()}
        return {"state": str(run.state), "task": str(task.state), "events": names, "tasks": tasks, **found}

    def secrets(self, folder: str, variables: list[str], connections: list[str]) -> dict[str, Any]:
        """What tasks read by these names, of this workspace."""
        from airflow.sdk.configuration import conf, ensure_secrets_loaded
        from airflow.sdk.definitions.connection import Connection

        conf.set("secrets", "backend", "hub.airflow.secrets.HubSecrets")
        conf.set("secrets", "backend_kwargs", json.dumps({"workspace": folder}))
        backend = ensure_secrets_loaded(default_backends=[])[0]
        found = {name: backend.get_connection(name) for name in connections}
        assert all(one is None or isinstance(one, Connection) for one in found.values())
        return {name: backend.get_variable(name) for name in variables} | {
            name: one and [one.conn_type, one.host, one.login, one.password, one.extra_dejson]
            for name, one in found.items()
        }

    def pools(self, folder: str) -> list[Any]:
        """Sync twice; what each had to do, and what is there."""
        from airflow.models.pool import Pool

        from hub.airflow.asking import made_known, seen
        from hub.airflow.manifest import Place
        from hub.airflow.present import current

        manifest = current(Place(Path(folder)))
        missing = seen(manifest).missing
        done = [made_known(manifest), made_known(manifest)]
        slots = {pool.pool: pool.slots for pool in Pool.get_pools()}
        return [missing, *done, slots, seen(manifest).missing]


def _shape(dag: Any) -> dict[str, Any]:
    task = dag.get_task("run")
    return {
        "pool": task.pool,
        "retries": task.retries,
        "runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "schedule": type(dag.timetable).__name__,
        "digest": task.digest,
        "tags": sorted(dag.tags),
    }


def main() -> None:
    """Answer until the input ends."""
    from airflow.utils.db import initdb

    initdb()
    host, out = Host(), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # Airflow logs to stdout
    for line in sys.stdin:
        name, arguments = json.loads(line)
        asked: Callable[..., Any] = getattr(host, name)
        out.write(PREFIX + json.dumps(asked(**arguments), default=str) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
