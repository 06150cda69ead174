"""P6: one writer per exchange and per model; who lost the right writes nothing more."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from typing import Any

import pytest

from hub.errors import Fatal, Retriable
from hub.exchange.pipeline import lease_names, run_exchange
from hub.store import journal, tables
from hub.store.database import Database, now
from tests.faults.matrix import row
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World

ONE = {"id": "1", "name": "ACME", "tax": "T1"}


def held_by(database: Database, holder: str, seconds: float = 60, name: str = "exchange:suppliers") -> None:
    """Somebody else holds a lease."""
    [lease] = journal.take(database, [name], 60)
    with database.begin() as connection:
        connection.execute(
            tables.lease.update()
            .where(tables.lease.c.name == lease.name)
            .values(holder=holder, expires_at=now() + dt.timedelta(seconds=seconds))
        )


@pytest.fixture
def ready(world: World) -> World:
    world.put("erp.suppliers", ONE)
    world.fill()
    return world


@row(35, "two runs in one process")
@pytest.mark.parametrize("name", ["exchange:suppliers", "model:supplier"])
def test_a_second_run_waits_for_the_first(ready: World, name: str):
    with ready.opened() as opened:
        held_by(opened.hub.database, journal.holder(), name=name)
    with pytest.raises(Retriable) as caught:
        ready.run()
    assert (caught.value.code, caught.value.wait is not None) == ("run.busy", True)
    assert ready.golden() == {}
    assert ready.one("SELECT count(*) FROM run") == 0


@row(35, "two exchanges of one model")
def test_two_exchanges_of_one_model_do_not_write_together(ready: World):
    ready.files("crm", suppliers=FIELDS)
    ready.mapping(SUPPLIERS.replace("mapping: suppliers", "mapping: crm").replace("erp.", "crm."))
    with ready.opened() as opened:
        names = [lease_names(opened.hub.workspace.mapping(one)) for one in ("suppliers", "crm")]
    assert names[0][1] == names[1][1] == "model:supplier"


def test_a_dead_holder_of_this_host_is_taken_over_at_once(ready: World):
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    host = journal.holder().split("/")[0]
    with ready.opened() as opened:
        held_by(opened.hub.database, f"{host}/{int(ended.stdout)}/12345")
    assert ready.run().counts["created"] == 1


def test_a_process_that_got_the_number_of_a_dead_one_does_not_keep_its_lease(ready: World):
    host = journal.holder().split("/")[0]
    with ready.opened() as opened:
        held_by(opened.hub.database, f"{host}/{os.getpid()}/1")
    assert ready.run().counts["created"] == 1


@row(35, "a holder on another host")
def test_a_holder_on_another_host_is_believed_until_its_time_is_over(ready: World):
    with ready.opened() as opened:
        held_by(opened.hub.database, "elsewhere/1/1")
    with pytest.raises(Retriable, match="elsewhere"):
        ready.run()
    with ready.opened() as opened:
        journal.release(opened.hub.database, [])
        with opened.hub.database.begin() as connection:
            connection.execute(tables.lease.update().values(expires_at=now() - dt.timedelta(seconds=1)))
    assert ready.run().counts["created"] == 1


@row(7, "a lease that was taken over")
def test_a_run_whose_lease_was_taken_over_writes_nothing_more(ready: World):
    before = ready.dump()
    with ready.opened() as opened:

        def taken_over(stage: str, counts: Any) -> None:
            if stage == "resolve":
                with opened.hub.database.begin() as connection:
                    connection.execute(
                        tables.lease.update()
                        .where(tables.lease.c.name == "model:supplier")
                        .values(epoch=tables.lease.c.epoch + 1)
                    )

        with pytest.raises(Fatal) as caught:
            run_exchange(opened.hub, "suppliers", "full", "monday", progress=taken_over)
    assert caught.value.code == "run.fenced"
    assert ready.dump() == before


def test_every_taking_raises_the_epoch(ready: World):
    epochs = []
    for _ in range(3):
        ready.run()
        epochs.append(ready.one("SELECT epoch FROM lease WHERE name = 'exchange:suppliers'"))
    assert epochs == [1, 2, 3]


def test_a_lease_is_given_back_when_a_run_fails(ready: World):
    (ready.data / "erp-suppliers.ndjson").write_text("{")
    with pytest.raises(Exception, match="erp-suppliers"):
        ready.run()
    ready.put("erp.suppliers", ONE)
    assert ready.run().counts["created"] == 1
