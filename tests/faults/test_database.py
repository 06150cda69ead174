"""The hub's own database drops connections, restarts, dies and is restored: nothing is lost, nothing doubled."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from hub.store.database import Database
from tests.faults.cluster import Cluster
from tests.faults.conftest import Make
from tests.faults.landscape import Landscape, parties, party
from tests.faults.matrix import row
from tests.faults.proxy import Fault, Proxy

OURS = {"store.unreachable", "store.busy", "run.fenced"}


def state(made: Landscape) -> dict[str, Any]:
    return made.hub() | made.targets()


def until_done(made: Landscape, exchange: str, *, attempts: int = 12) -> int:
    """Run until it is through; every failure is one that says to try again. Answers how many failed."""
    for attempt in range(attempts):
        ran = made.run(exchange, "--initial")
        assert "Traceback" not in ran.err
        if ran.status == 0:
            return attempt
        assert ran.error["code"] in OURS, ran.err
        assert ran.status in (70, 75), ran.err
    raise AssertionError(f"{exchange} does not get through")


@contextmanager
def terminated(url: str, every: float, times: int) -> Iterator[list[int]]:
    """The sessions of a database are ended again and again while the block runs, that often in all."""
    import psycopg

    name, stop, killed = urlsplit(url).path.strip("/"), threading.Event(), [0]

    def work() -> None:
        with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), autocommit=True) as admin:
            while killed[0] < times and not stop.wait(every):
                rows = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )
                killed[0] += rows.rowcount

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


@row(20, "every session is terminated, again and again")
def test_terminated_sessions_roll_back_and_the_run_is_done_again(
    landscape: Make, postgres_store: Callable[[], str]
):
    calm = landscape("s4", count=40, store=postgres_store())
    made = landscape("s4", count=40, store=postgres_store())
    for exchange in ("files-parties", "to-s4"):
        assert calm.run(exchange, "--initial").status == 0
    for exchange in ("files-parties", "to-s4"):
        with terminated(made.store, 0.05, times=4) as killed:
            until_done(made, exchange)
        assert killed[0] > 0
        until_done(made, exchange)
    assert state(made) == state(calm)


@row(20, "each connection is reset at several places of its transactions")
def test_a_connection_lost_in_any_transaction_is_no_loss(landscape: Make, postgres_store: Callable[[], str]):
    store = postgres_store()
    made = landscape(count=40, store=store)
    place = urlsplit(store)
    with Proxy(place.port or 5432, str(place.hostname)) as proxy:
        made.store = urlunsplit(place._replace(netloc=f"{place.username}:{place.password}@127.0.0.1:{proxy.port}"))
        assert made.run("files-parties", "--initial").status == 0
        sizes = [len(heard) for heard in proxy.heard]
        assert len(sizes) >= 2
        places = [(number, size * part // 4) for number, size in enumerate(sizes) for part in (1, 2, 3)]
        for turn, (number, after) in enumerate(places):
            made.write([*parties(40), party(100 + turn)])
            proxy.clear()
            proxy.set(Fault("reset", after=after, skip=number))
            assert until_done(made, "files-parties", attempts=2) <= 1
    made.store = store
    assert made.run("files-parties", "--initial").counts["unchanged"] > 0
    assert len(made.select("SELECT code FROM e_party WHERE code LIKE 'P01%'")) == len(places)
    assert made.select("SELECT count(*) - count(DISTINCT code) FROM e_party") == [(0,)]


@row(20, "the server ends a connection that waits for its next transaction")
def test_a_connection_lost_between_transactions_is_replaced(postgres_store: Callable[[], str], tmp_path: Path):
    import psycopg

    database = Database(store := postgres_store(), {}, folder=tmp_path)
    served: list[int] = []
    for write in (True, False, True, False):
        with database.bulk(write=write) as session:
            [(pid, jit)] = session.run("SELECT pg_backend_pid(), current_setting('jit')")
        assert jit == "off"
        served.append(pid)
        if len(served) == 2:
            with psycopg.connect(store, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    database.close()
    assert served[0] == served[1] != served[2] == served[3]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as made:
        yield made


@row(21, "an immediate restart at each place of a run")
@pytest.mark.parametrize("point", ["before_apply", "before_commit", "after_commit"])
def test_a_restart_in_the_middle_of_a_run_is_survived(landscape: Make, cluster: Cluster, point: str):
    import psycopg

    name = f"restart_{point}"
    with psycopg.connect(cluster.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    made = landscape(store=cluster.url.replace("/postgres", f"/{name}"), count=40)
    running = made.started("files-parties", "--initial", kill=f"{point}=sleep:2.5")
    while not made.select("SELECT 1 FROM run WHERE state = 'running'"):
        time.sleep(0.05)
    time.sleep(1.0)
    cluster.stop()
    cluster.start()
    _, err = running.communicate(timeout=60)
    assert "Traceback" not in err
    assert running.returncode in (0, 70, 75), err
    until_done(made, "files-parties")
    assert made.select("SELECT count(*), count(DISTINCT code), max(_version) FROM e_party") == [(36, 36, 1)]
    assert {one["state"] for one in made.cophub("runs").answer["runs"]} <= {"done", "failed", "lost"}


@row(21, "the database is down for a while: each run says so and goes on afterwards")
def test_a_database_that_is_down_is_told_and_waited_for(landscape: Make, cluster: Cluster):
    import psycopg

    with psycopg.connect(cluster.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE down")
    made = landscape(store=cluster.url.replace("/postgres", "/down"), count=20)
    cluster.stop()
    ran = made.run("files-parties", "--initial")
    cluster.start()
    assert (ran.status, ran.error["code"]) == (75, "store.unreachable")
    assert "hub:hub" not in ran.out + ran.err
    assert made.run("files-parties", "--initial").status == 0


@row(22, "another transaction holds the rows until the lock times out")
def test_rows_that_somebody_else_holds_are_waited_for_and_then_tried_again(
    landscape: Make, postgres_store: Callable[[], str]
):
    import psycopg

    made = landscape(store=postgres_store(), count=20)
    made.environment = {"COPHUB_LEASE_SECONDS": "2"}
    assert made.run("files-parties", "--initial").status == 0
    made.write([party(number, name=f"New {number}") for number in range(1, 4)])
    with psycopg.connect(made.store) as other:
        other.execute("SELECT * FROM e_party FOR UPDATE")
        ran = made.run("files-parties")
        assert (ran.status, ran.error["code"]) == (75, "store.busy")
        other.rollback()
    assert made.run("files-parties").counts["updated"] == 3


@row(22, "a real deadlock: two transactions take rows in opposite orders")
def test_a_deadlock_ends_one_of_two_and_nothing_is_half_done(
    landscape: Make, postgres_store: Callable[[], str]
):
    """The other session holds a golden row, and asks for the lease that the run holds."""
    import psycopg

    made = landscape(store=postgres_store(), count=20)
    assert made.run("files-parties", "--initial").status == 0
    before = made.hub()["golden"]
    made.write([party(number, name=f"New {number}") for number in range(1, 4)])
    # A transaction reads pg_stat_activity once and keeps it: another session watches.
    with psycopg.connect(made.store, autocommit=True) as watch, psycopg.connect(made.store) as other:
        other.execute("SET deadlock_timeout = '30s'")  # the run's session is the one that notices
        other.execute("SELECT 1 FROM e_party WHERE code = 'P0001' FOR UPDATE")
        running = made.started("files-parties")
        waits = (
            "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE NOT granted AND datname = current_database()"
        )
        while not watch.execute(waits).fetchone():
            assert running.poll() is None, running.communicate()[1]
            time.sleep(0.05)
        other.execute("SELECT 1 FROM lease WHERE name = 'model:party' FOR UPDATE")
        _, err = running.communicate(timeout=60)
        assert running.returncode == 75, err
        assert "store.busy" in err
        other.rollback()
    assert made.hub()["golden"] == before
    assert made.run("files-parties").counts["updated"] == 3


@row(45, "the hub's database is an hour older than the target, and `cophub reconcile` adopts what it forgot")
@pytest.mark.parametrize("target", ["to-s4", "to-crm"])
def test_a_restored_database_converges_without_a_second_object(landscape: Make, target: str):
    system = target.removeprefix("to-")
    made = landscape(system, count=20)
    own = made.folder / ".cophub"
    assert made.run("files-parties", "--initial").status == 0
    assert made.run(target, "--initial").status == 0
    shutil.copytree(own, made.folder / "backup")
    made.write([*parties(30), party(40)])
    assert made.run("files-parties", "--full", "--initial").status == 0
    assert made.run(target, "--initial").status == 0
    made_there = made.targets()[f"{system} creates"]
    shutil.rmtree(own)
    shutil.copytree(made.folder / "backup", own)
    assert made.run("files-parties", "--full", "--initial").status == 0
    if target == "to-s4":  # which takes a key twice; the CRM refuses, and is then looked up
        told = made.cophub("reconcile", target)
        applied = made.cophub("apply", str(told.answer["reconciliation"]["plan"]))
        assert applied.status == 0, applied.err
    last = made.run(target, "--full", "--initial")
    assert last.status == 0, last.err
    assert made.targets()[f"{system} creates"] == made_there
    wanted = sorted(code for (code,) in made.select("SELECT code FROM e_party"))
    assert sorted(one[0] for one in made.targets()[system] if one[0].startswith("P")) == wanted
    assert made.run(target).counts["applied"] == 0


@row(46, "killed in the middle of a migration")
@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
def test_a_killed_migration_is_run_again(landscape: Make, request: pytest.FixtureRequest, on: str):
    made = landscape(count=20, store=request.getfixturevalue("postgres_store")() if on == "postgresql" else "")
    assert made.run("files-parties", "--initial").status == 0
    before = made.hub()["golden"]
    model = made.folder / "config" / "models" / "party.yaml"
    model.write_text(model.read_text() + "  city: {type: text}\n  note: {type: text}\n")
    assert made.cophub("migrate", kill="during_migration").status == -9
    refused = made.run("files-parties", "--initial")
    assert (refused.status, refused.error["code"]) == (65, "store.schema")
    assert made.cophub("migrate").status == 0
    assert made.run("files-parties", "--full", "--initial").status == 0
    assert made.hub()["golden"] == before
