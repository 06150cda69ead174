"""DAGs of the exchanges of a workspace, one each. What the stubs in ``dags/`` call."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any, Final

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    AssetAny,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    MultipleCronTriggerTimetable,
    Param,
    get_parsing_context,
)

from hub.airflow import callbacks
from hub.airflow.manifest import Entry, Manifest, Place, stored, uri
from hub.airflow.operator import MODES, ExchangeOperator
from hub.airflow.parting import OpenOperator, PartOperator
from hub.airflow.present import current

START: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""Constant: a start that moves would make a new version of every DAG at each parse."""


class Broken(Exception):
    """What is wrong in the workspace: Airflow shows it as an import error of the stub that raises it."""


def exchanges(
    folder: str | Path, environment: str | None = None, *, shard: int = 0, of: int = 1
) -> dict[str, DAG]:
    """The DAGs of one stub, by id. In the process of a task only the one that runs, as it was last compiled."""
    place = _place(folder, environment)
    wanted = get_parsing_context().dag_id
    if wanted is not None and (manifest := stored(place)) is not None:
        entry = manifest.exchanges.get(wanted.removeprefix(f"{manifest.hub}."))
        return {wanted: build(manifest, entry, place)} if entry and entry.shard(of) == shard else {}
    manifest = current(place)
    mine = [entry for entry in manifest.exchanges.values() if entry.shard(of) == shard]
    return {f"{manifest.hub}.{entry.name}": build(manifest, entry, place) for entry in mine}


def require_valid(folder: str | Path, environment: str | None = None) -> None:
    """Broken where files of the workspace are: in a stub of its own it leaves all other DAGs alone."""
    if get_parsing_context().dag_id is None and (broken := current(_place(folder, environment)).broken):
        lines = [line for found in broken.values() for line in found]
        raise Broken("\n".join(["these files of the workspace are to be mended:", *lines]))


def build(manifest: Manifest, entry: Entry, place: Place) -> DAG:
    """The DAG of one exchange; the same entry makes the same DAG."""
    policy, writes = manifest.policy, ", ".join(entry.writes)
    with DAG(
        dag_id=f"{manifest.hub}.{entry.name}",
        dag_display_name=f"{entry.title} ({entry.name})" if entry.title != entry.name else entry.name,
        description=f"{entry.reads} → {writes}",
        schedule=_schedule(manifest, entry),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=_tags(manifest, entry),
        params=parameters(),
        doc_md=f"`cophub run {entry.name}`: {entry.reads} → {writes}",
    ) as dag:
        same: dict[str, Any] = {
            "owner": manifest.hub,
            "exchange": entry.name,
            "folder": str(place.folder),
            "environment": place.environment,
            "digest": entry.digest,
            "full": entry.full,
            "zone": policy.zone,
            "keep": policy.keep,
            "parts": entry.parts,
            "pool": pool(manifest, entry.pool),
            "retries": policy.retries,
            "retry_delay": dt.timedelta(seconds=policy.retry_wait),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": dt.timedelta(seconds=policy.longest_wait),
            "execution_timeout": dt.timedelta(seconds=policy.timeout),
            "on_failure_callback": callbacks.failed,
            "on_retry_callback": callbacks.tried,
        }
        outlets = [AssetAlias(uri(manifest, name)) for name in entry.outlets]
        if not entry.parts:
            ExchangeOperator(task_id="run", outlets=outlets, **same)
        else:  # the last runs in any case: what is left of a run whose part failed, it gives back
            opened = OpenOperator(task_id="open", **same)
            parts = PartOperator.partial(task_id="part", **same).expand(number=opened.output)
            parts >> ExchangeOperator(task_id="run", outlets=outlets, trigger_rule="all_done", **same)
    return dag


class Known(Param):
    """A parameter whose default is right: Airflow checks each a dozen times at every parse, which took most of it.
    What somebody gives is checked as ever."""

    def resolve(self, *given: Any, **more: Any) -> Any:
        """The value, checked where one is given."""
        return super().resolve(*given, **more) if given or "value" in more else self.value

    def __copy__(self) -> Known:
        return Known(self.value, self.description, source=self.source, schema=self.schema)


Known.__module__, Known.__name__ = Param.__module__, Param.__name__  # what is called otherwise is boxed anew


def parameters() -> dict[str, Param]:
    """What a run may be asked for."""
    modes = list(MODES)
    return {
        "mode": Known(
            "scheduled",
            type="string",
            enum=modes,
            description="scheduled: incremental, or full when schedule.full came round",
        ),
        "dry_run": _flag("Only the plan is made and kept; nothing is changed"),
        "initial": _flag("A first load: the guard does not limit creations"),
        "accept_drift": _flag("Go on though mapped fields of the source vanished or changed type"),
    }


def _flag(description: str) -> Param:
    return Known(False, type="boolean", description=description)


def pool(manifest: Manifest, system: str) -> str:
    """What the pool of a system is called."""
    return f"{manifest.hub}.{system}"


def _place(folder: str | Path, environment: str | None) -> Place:
    return Place(Path(folder).resolve(), environment or os.environ.get("COPHUB_ENV") or None)


def _schedule(manifest: Manifest, entry: Entry) -> Any:
    """Any of the assets wakes it: it reads from where it stopped, whoever woke it."""
    assets = [Asset(name=uri(manifest, name), uri=uri(manifest, name)) for name in entry.assets]
    times: Any = None
    if len(entry.crons) > 1:
        times = MultipleCronTriggerTimetable(*entry.crons, timezone=manifest.policy.zone)
    elif entry.crons:
        times = CronTriggerTimetable(entry.crons[0], timezone=manifest.policy.zone)
    elif entry.every is not None:
        times = DeltaTriggerTimetable(dt.timedelta(seconds=entry.every))
    if not assets:
        return times
    woken = AssetAny(*assets) if len(assets) > 1 else assets[0]
    return AssetOrTimeSchedule(timetable=times, assets=woken) if times is not None else [woken]


def _tags(manifest: Manifest, entry: Entry) -> list[str]:
    sides = {name.partition(".")[0] for name in (entry.reads, *entry.writes)}
    return sorted({"cophub", manifest.hub, *sides, *(() if entry.enabled else ("disabled",))})
