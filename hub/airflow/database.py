"""Airflow's own database, by its own models. Importing this module loads Airflow, which takes seconds."""

from __future__ import annotations

from typing import Any

from airflow.models.asset import AssetAliasModel, AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.pool import Pool
from airflow.utils.session import create_session

from hub.airflow.manifest import Manifest, uri
from hub.airflow.standing import Seen, Standing


def sync_pools(manifest: Manifest) -> dict[str, int]:
    """Give pools their slots; answers those that had others."""
    there = {pool.pool: pool.slots for pool in Pool.get_pools()}
    changed: dict[str, int] = {}
    for system, slots in manifest.pools.items():
        name = f"{manifest.hub}.{system}"
        if there.get(name) != slots:
            Pool.create_or_update_pool(name, slots, f"Runs at once with {system}", include_deferred=False)
            changed[name] = slots
    return changed


def link_assets(manifest: Manifest) -> None:
    """Tie the aliases of exchanges to the assets that others follow: Airflow does so when the first event comes, and
    until then its graph of assets shows nothing between them."""
    names = {uri(manifest, name) for entry in manifest.exchanges.values() for name in entry.assets}
    with create_session() as session:
        for name in sorted(names):
            asset = session.query(AssetModel).filter(AssetModel.name == name, AssetModel.uri == name).one_or_none()
            alias = session.query(AssetAliasModel).filter(AssetAliasModel.name == name).one_or_none()
            asset, alias = asset or AssetModel(name=name, uri=name), alias or AssetAliasModel(name=name)
            session.add_all([asset, alias])
            if asset not in alias.assets:
                alias.assets.append(asset)


def let_run(manifest: Manifest) -> bool:
    """Let all DAGs run, all at once: one that is paused hears of no asset. False where some are not known yet."""
    prefix = f"{manifest.hub}."
    wanted = {prefix + name for name in manifest.exchanges}
    with create_session() as session:
        known = [one for one in session.query(DagModel).filter(DagModel.dag_id.in_(wanted)) if not one.is_stale]
        if len(known) < len(wanted):
            return False
        for one in known:
            one.is_paused = False
    return True


def seen(manifest: Manifest) -> Seen:
    """DAGs, their newest runs, pools and import errors."""
    prefix = f"{manifest.hub}."
    names = {prefix + name: entry for name, entry in manifest.exchanges.items()}
    pools = {pool.pool for pool in Pool.get_pools()}
    found = Seen(missing=[prefix + system for system in manifest.pools if prefix + system not in pools])
    with create_session() as session:
        dags = {one.dag_id: one for one in session.query(DagModel).filter(DagModel.dag_id.startswith(prefix))}
        runs: dict[str, Any] = {}
        query = session.query(DagRun).filter(DagRun.dag_id.startswith(prefix))
        for run in query.order_by(DagRun.run_after.desc()).limit(20 * max(50, len(names))):
            runs.setdefault(run.dag_id, run)
        found.errors = {
            one.filename: one.stacktrace for one in session.query(ParseImportError) if "hub_" in one.filename
        }
        found.exchanges = [
            _standing(entry.name, prefix + entry.pool, dags.get(name), runs.get(name))
            for name, entry in names.items()
        ]
    return found


def _standing(exchange: str, pool: str, dag: Any, run: Any) -> Standing:
    if dag is None or dag.is_stale:
        return Standing(exchange, pool)
    return Standing(
        exchange,
        pool,
        "paused" if dag.is_paused else "active",
        str(getattr(run, "state", "") or ""),
        getattr(run, "run_after", None),
        dag.next_dagrun_create_after,
    )
