"""The bus under faults: nothing that was committed stays unsaid, nothing that was accepted is lost, and what is
said twice has one effect."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.forker import Begun
from tests.faults.landscape import Landscape, party
from tests.faults.matrix import row
from tests.unit.bus.hook import SECRET, Hook

pytestmark = pytest.mark.by_turns

STORES = ["sqlite", "postgresql"]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as made:
        yield made


Bus = Callable[..., Landscape]


@pytest.fixture
def bus(landscape: Make, hook: Hook, request: pytest.FixtureRequest) -> Bus:
    """A landscape whose ERP follows the parties, and whose changes are told to the hook."""

    def make(store: str = "sqlite", count: int = 20) -> Landscape:
        address = request.getfixturevalue("postgres_store")() if store == "postgresql" else ""
        made = landscape(count=count, store=address)
        (made.folder / "config/hub.yaml").write_text(
            f"hub: faults\nwebhooks:\n  bi: {{url: '{hook.url}', secret: secret://hooks/bi}}\n"
        )
        with (made.folder / "mappings/to-erp.yaml").open("a") as file:
            file.write("schedule: on_change\n")
        made.environment = {"COPHUB_SECRET_HOOKS_BI": SECRET}
        return made

    return make


def work(made: Landscape, *options: str, kill: str = "") -> int:
    ran = made.cophub("worker", "--once", *options, kill=kill)
    return ran.status


def events(*numbers: int, version: int = 1) -> str:
    lines = []
    for number in numbers:
        record = party(number, parent=None, name=f"Party {number} v{version}")
        lines.append(
            json.dumps(
                {
                    "specversion": "1.0",
                    "id": f"{number}/{version}",
                    "source": "/files",
                    "type": "party.changed",
                    "data": record,
                }
            )
        )
    return "".join(f"{line}\n" for line in lines)


def push(made: Landscape, text: str) -> dict[str, Any]:
    ran = made.cophub("events", "push", "files.parties", "-", given=text)
    assert ran.status == 0, ran.err
    return ran.answer


def stopped(made: Landscape, *words: str, kill: str) -> Begun:
    """A worker that stopped at a failpoint, its leases gone."""
    stale = made.begun("worker", "--once", *words, kill=kill)
    stale.wait_stopped()
    time.sleep(2.3)
    return stale


def woken(stale: Begun) -> dict[str, Any]:
    stale.send_signal(signal.SIGCONT)
    out, err = stale.communicate(timeout=60)
    assert "Traceback" not in err
    told: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return told


def golden(made: Landscape) -> list[tuple[Any, ...]]:
    return sorted(made.select("SELECT code, name, _version FROM e_party"))


@row(5, "the event of a commit whose process was killed is sent by the next worker")
@pytest.mark.parametrize("store", STORES)
def test_an_event_whose_run_was_killed_after_its_commit_is_sent(bus: Bus, hook: Hook, store: str):
    made = bus(store)
    assert made.run("files-parties", "--initial", kill="after_commit").status == -signal.SIGKILL
    assert work(made) == 0
    assert [one["data"]["seq"] for one in hook.events] == [1]
    assert made.select("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)]


@row(5, "a worker killed before it publishes leaves the event for the next one")
@row(6, "an event sent again has its old id")
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("point", "sent"), [("before_publish", 1), ("after_publish", 2)])
def test_a_relay_killed_on_its_way_sends_the_event_again_under_its_id(
    bus: Bus, hook: Hook, store: str, point: str, sent: int
):
    made = bus(store)
    assert made.run("files-parties", "--initial").status == 0
    assert work(made, "--only", "outbox", kill=point) == -signal.SIGKILL
    assert work(made) == 0
    assert (len(hook.events), len({one["id"] for one in hook.events})) == (sent, 1)
    assert made.select("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)]


@row(18, "an event that was applied by a killed worker is not applied again")
@pytest.mark.parametrize("store", STORES)
def test_a_drain_killed_anywhere_applies_each_event_once(bus: Bus, hook: Hook, store: str):
    made = bus(store)
    push(made, events(1, 2, 3))
    for point in ("after_map", "before_apply", "before_commit", "after_commit"):
        assert work(made, "--only", "inbox", kill=point) == -signal.SIGKILL
    assert work(made) == 0
    assert [(code, version) for code, _, version in golden(made)] == [
        ("P0001", 1),
        ("P0002", 1),
        ("P0003", 1),
    ]
    assert made.select("SELECT state, count(*) FROM reception GROUP BY state") == [("done", 3)]
    assert [one["data"]["created"] for one in hook.events] == [3]
    assert made.left() == []


@row(7, "a worker that slept through its lease applies nothing when it wakes up")
@pytest.mark.parametrize("store", STORES)
def test_a_drain_that_slept_through_its_lease_writes_nothing(bus: Bus, store: str):
    made = bus(store)
    made.environment |= {"COPHUB_LEASE_SECONDS": "2"}
    push(made, events(1))
    stale = stopped(made, "--only", "inbox", kill="before_apply=stop")
    push(made, events(1, version=2))
    assert work(made, "--only", "inbox") == 0
    before = golden(made)
    assert [error["code"] for error in woken(stale)["errors"]] == ["run.fenced"]
    assert golden(made) == before == [("P0001", "Party 1 v2", 1)]


@row(7, "a relay that slept through its lease sends nothing when it wakes up")
def test_a_relay_that_slept_through_its_lease_sends_nothing(bus: Bus, hook: Hook):
    made = bus()
    made.environment |= {"COPHUB_LEASE_SECONDS": "2"}
    assert made.run("files-parties", "--initial").status == 0
    stale = stopped(made, "--only", "outbox", kill="before_publish=stop")
    assert work(made, "--only", "outbox") == 0
    assert [error["code"] for error in woken(stale)["errors"]] == ["run.fenced"]
    assert len(hook.events) == 1


@row(18, "five processes push the same event at once")
@pytest.mark.parametrize("store", STORES)
def test_the_same_event_from_five_processes_has_one_effect(bus: Bus, store: str):
    made = bus(store)
    (made.folder / "data" / "one.ndjson").write_text(events(7))
    words = ("events", "push", "files.parties", str(made.folder / "data" / "one.ndjson"))
    pushing = [made.begun(*words) for _ in range(5)]
    told = [json.loads(each.communicate(timeout=60)[0].splitlines()[-1]) for each in pushing]
    assert sum(one["new"] for one in told) == 1
    assert work(made) == 0
    assert [version for _, _, version in golden(made)] == [1]
    assert made.targets()["created"] == [("P0007",)]


@row(35, "two workers share what there is to do")
@pytest.mark.parametrize("store", STORES)
def test_two_workers_at_once_deliver_each_record_once(bus: Bus, hook: Hook, store: str):
    made = bus(store)
    running = [made.begun("worker") for _ in range(2)]
    for number in range(1, 16, 3):
        push(made, events(number, number + 1, number + 2))
    end = time.monotonic() + 60
    while len(made.targets()["created"]) < 15:
        assert time.monotonic() < end, [each.poll() for each in running]
        time.sleep(0.2)
    for each in running:
        each.terminate()
    assert [each.wait(timeout=30) for each in running] == [0, 0]
    for each in running:
        each.communicate()
    assert len(set(made.targets()["created"])) == len(made.targets()["created"]) == 15
    seqs = [one["data"]["seq"] for one in hook.events]
    assert seqs == sorted(set(seqs))


@row(42, "SIGTERM again and again during a long drain loses nothing")
@pytest.mark.parametrize("store", STORES)
def test_sigterm_again_and_again_during_a_long_drain_loses_nothing(bus: Bus, store: str):
    made = bus(store)
    push(made, events(*range(1, 3_001)))
    ended: list[int] = []
    while made.select("SELECT 1 FROM reception WHERE state <> 'done' LIMIT 1"):
        assert len(ended) < 60
        worker = made.begun("worker", "--only", "inbox")
        end = time.monotonic() + 60
        while not made.select("SELECT 1 FROM lease WHERE holder <> ''") and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        worker.terminate()
        ended.append(worker.wait(timeout=60))
        worker.communicate()
    assert set(ended) == {0}
    assert made.select("SELECT count(*), count(DISTINCT code), max(_version) FROM e_party") == [
        (3_000, 3_000, 1)
    ]
    assert made.select("SELECT count(*) FROM lease WHERE holder <> ''") == [(0,)]
    assert made.left() == []
