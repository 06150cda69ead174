"""The sweep forgets runs that ended long ago, in batches, and nothing that is still needed."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress

import pytest
from sqlalchemy import insert, update

from hub.bus.sweep import Sweep
from hub.errors import Held
from hub.store import retention, tables
from hub.store.database import new_id, now
from tests.unit.bus.busworld import BusWorld, supplier

pytestmark = pytest.mark.by_turns

LONG = dt.timedelta(days=400)


def ended(world: BusWorld, count: int) -> list[uuid.UUID]:
    """Runs of long ago, as a schedule of every minute leaves them."""
    moment, ids = now() - LONG, sorted(new_id() for _ in range(count))
    values = {"exchange": "suppliers", "mode": "incremental", "state": "done", "epoch": 1, "workspace_hash": "",
              "started_at": moment, "ended_at": moment, "counts": {}, "notes": []}  # fmt: skip
    rows = [{"id": one, "run_key": str(one), **values} for one in ids]
    sent = {"source": 1, "key": "1", "operation": "update", "status": "done", "code": "", "message": "", "attempts": 1}
    with world.looking() as connection:
        connection.execute(insert(tables.run), rows)
        connection.execute(
            insert(tables.delivery), [{"id": new_id(), "run_id": one, "at": moment, **sent} for one in ids]
        )
    return ids


def swept(world: BusWorld) -> None:
    with world.opened() as opened:
        sweep = Sweep(opened.hub)
        while sweep.turn():
            sweep.due = None


def test_old_runs_are_forgotten_in_batches_and_the_newest_of_each_kind_stays(
    world: BusWorld, monkeypatch: pytest.MonkeyPatch
):
    ids = ended(world, 25)
    with world.looking() as connection:
        first = tables.run.c.id == ids[0]
        connection.execute(update(tables.run).where(first).values(state="failed"))
    with world.opened() as opened:
        before = now() - dt.timedelta(days=365)
        assert [retention.runs(opened.hub.database, before, 10) for _ in range(4)] == [10, 10, 3, 0]
    assert {str(uuid.UUID(str(one))) for (one,) in world.rows("SELECT id FROM run")} == {str(ids[0]), str(ids[-1])}
    assert world.one("SELECT count(*) FROM delivery") == 2


def test_what_somebody_may_still_need_is_kept_however_old_it_is(world: BusWorld):
    world.put("erp.suppliers", supplier(1), supplier(2, name=None))
    assert world.run("suppliers", "full", initial=True).counts["quarantined"] == 1  # its watermark and its entry
    world.mapping((world.folder / "mappings/suppliers.yaml").read_text(), guard="{create: 0}")
    world.put("erp.suppliers", supplier(1), supplier(2, name=None), supplier(3))
    with suppress(Held):
        world.run("suppliers", "incremental")  # its plan waits
    needed = world.one("SELECT count(*) FROM run")
    ended(world, 5)
    with world.looking() as connection:
        connection.execute(update(tables.run).values(ended_at=now() - LONG))
    swept(world)
    assert world.one("SELECT count(*) FROM run") == needed + 1
    world.mapping((world.folder / "mappings/suppliers.yaml").read_text(), guard="{create: 5}")
    assert world.run("suppliers", "incremental").counts["created"] == 1


def test_recent_runs_and_all_runs_of_a_hub_that_keeps_them_longer_stay(world: BusWorld):
    ended(world, 5)
    world.write("config/hub.yaml", "hub: test\nkeep_runs: 500d")
    swept(world)
    assert world.one("SELECT count(*) FROM run") == 5


def test_resolved_entries_of_the_quarantine_are_forgotten_and_open_ones_are_not(world: BusWorld):
    world.put("erp.suppliers", supplier(1, name=None), supplier(2, name=None))
    world.run("suppliers", "full", initial=True)
    world.put("erp.suppliers", supplier(1), supplier(2, name=None))
    world.run("suppliers", "full", initial=True)
    with world.looking() as connection:
        settled = tables.quarantine.c.state == "resolved"
        connection.execute(update(tables.quarantine).where(settled).values(resolved_at=now() - LONG))
    swept(world)
    assert world.rows("SELECT state FROM quarantine") == [("quarantined",)]
