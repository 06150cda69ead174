"""Airflow's CeleryExecutor: RabbitMQ, PostgreSQL, and two hosts of workers of which one dies: what it had begun, the
other ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.broker import node
from tests.faults.forker import Forker
from tests.stack.airflow import Stack
from tests.stack.conftest import stack, world
from tests.stack.workspace import SPLIT, World, exchanges
from tests.stores import Postgres

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]
LONG = 1200


@dataclass
class Running:
    """The stack, its workspace, and how many hosts it has had."""

    airflow: Stack
    world: World
    hosts: int = 2

    def lives(self) -> str:
        """A host that lives; another is there for each that died."""
        while sum(name.startswith("host-") for name in self.airflow.pids) < 2:
            self.hosts += 1
            self.airflow.host(f"host-{self.hosts}")
        self.airflow.until(self.airflow.complete, LONG, "the new host does not come up")
        return min(name for name in self.airflow.pids if name.startswith("host-"))

    def on(self, host: str, run: str) -> set[str]:
        """The exchanges whose task runs on the host."""
        return {task["exchange"] for task in self.airflow.tasks(run) if _runs(task, host)}


def _runs(task: dict[str, Any], host: str) -> bool:
    return (task["state"], task["hostname"]) == ("running", host)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, forker: Forker, postgres: Postgres) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("celery")
    with (
        node() as broker,
        world(folder / "w", forker, postgres, 2) as there,
        stack(folder / "a", there, postgres, "host-1", "host-2", broker=broker.url) as airflow,
    ):
        yield Running(airflow, there)


KILLS = {"the whole host": (0, False), "the main process of the worker": (1, True)}


@pytest.mark.parametrize(("turn", "main"), KILLS.values(), ids=KILLS)
def test_twenty_exchanges_succeed_and_each_effect_is_had_once_though_there_dies(
    running: Running, turn: int, main: bool
) -> None:
    airflow, world, names, run = running.airflow, running.world, exchanges(turn), f"round-{turn}"
    host, before = running.lives(), world.created()
    world.slow(4)
    for name in names:
        airflow.trigger(name, run)
    airflow.until(
        lambda: world.created() - before >= 3 and len(running.on(host, run)) >= 2, LONG, "nothing runs"
    )
    struck = running.on(host, run)
    airflow.kill(host, main=main)
    world.slow(0)
    assert airflow.finished(run, names, LONG) == dict.fromkeys(names, "success")
    again = {task["exchange"] for task in airflow.tasks(run) if task["try_number"] > 1}
    assert again & struck, "nothing was lost: the kill came too late"
    assert world.effects(turn) == world.once(turn)
    assert world.journal(run) == {name: ["done"] for name in names}


def test_a_split_exchange_ends_as_the_undivided_run_though_a_host_dies_between_its_parts(
    running: Running, tmp_path: Path, forker: Forker, postgres_url: str
) -> None:
    airflow, world, run = running.airflow, running.world, "split"
    host = running.lives()
    world.slow(0.5, "GET")
    airflow.trigger(SPLIT, run, mode="full", initial=True)

    def parts() -> list[dict[str, Any]]:
        return [task for task in airflow.tasks(run) if task["task_id"] == "part"]

    def between() -> bool:
        return any(_runs(task, host) for task in parts()) and any(task["state"] == "success" for task in parts())

    airflow.until(between, LONG, "no part runs there while another is done")
    airflow.kill(host)
    world.slow(0)
    assert airflow.finished(run, [SPLIT], LONG) == {SPLIT: "success"}
    assert len(parts()) == 4
    assert max(task["try_number"] for task in parts()) > 1, "nothing was lost: the kill came too late"
    twin = World(tmp_path / "w", forker, postgres_url, world.crm, world.s4, 0)
    assert twin.hub.run(SPLIT, "--full", "--initial").status == 0
    assert len(twin.hub.hub()["golden"]) > 100
    assert world.golden() == twin.golden()
    assert world.journal(run) == {SPLIT: ["done"]}
