"""Much is gone, empty, of another type, dropped or huge: nothing of it goes through unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.crm import Crm
from connectors.simulators.server import Simulator
from hub.errors import Held, HubError
from tests.faults.matrix import row
from tests.faults.sequence import SECRETS
from tests.stores import SqliteStore
from tests.unit.exchange.world import World

Record = dict[str, Any]


def crowd(count: int, **more: Any) -> list[Record]:
    return [{"id": f"S{n:04d}", "name": f"Supplier {n}", "city": f"City {n % 7}"} | more for n in range(count)]


@row(32, "a wrong filter leaves half of the records")
@row(32, "all but one are gone")
@pytest.mark.parametrize("left", [60, 1])
def test_a_mass_of_absences_is_held_before_the_first_write(tmp_path: Path, left: int):
    world = World(tmp_path / "w", SqliteStore())
    world.standard()
    path = world.folder / "mappings" / "suppliers.yaml"
    path.write_text(path.read_text() + "absent: {reaction: delete}\nguard: {delete: 20%}\n")
    world.put("erp.suppliers", *crowd(120))
    world.run(initial=True)
    before = world.golden()
    world.put("erp.suppliers", *crowd(left))
    with pytest.raises(Held) as caught:
        world.run()
    assert caught.value.code == "guard.exceeded"
    assert world.golden() == before


@row(33, "one field is empty for 60 % of the records")
def test_a_wave_of_empty_values_is_held_before_the_first_write(tmp_path: Path):
    world = World(tmp_path / "w", SqliteStore())
    world.standard()
    path = world.folder / "mappings" / "suppliers.yaml"
    path.write_text(path.read_text() + "guard: {update: 30%}\n")
    world.put("erp.suppliers", *crowd(200))
    world.run(initial=True)
    before = world.golden()
    world.put("erp.suppliers", *crowd(120, city=None), *crowd(200)[120:])
    with pytest.raises(Held) as caught:
        world.run()
    assert caught.value.code in ("guard.exceeded", "source.drift")
    assert world.golden() == before


@row(32, "a 401 as an empty list, on the first page or on a later one")
@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("fault", ["empty", "swallowed"])
def test_a_swallowed_refusal_deletes_nothing(landscape: Callable[..., Any], fault: str, skip: int):
    made = landscape("crm")
    assert made.run("crm-parties", "--initial").status == 0
    before = made.select("SELECT code, _state FROM e_party ORDER BY code")
    made.simulators["crm"].faults.set(f"{fault},path=accounts,skip={skip},times=always")
    ran = made.run("crm-parties", "--full")
    assert ran.status in (0, 75, 76)
    assert made.select("SELECT code, _state FROM e_party ORDER BY code") == before


@row(29, "a field narrows, changes its type, gets new values; a new field comes")
def test_drift_is_held_told_or_harmless_by_its_kind(tmp_path: Path):
    world = World(tmp_path / "w", SqliteStore())
    world.standard()
    world.put("erp.suppliers", *crowd(20))
    world.run(initial=True)
    before = world.golden()
    for drifted in ({"name": 17}, {"name": {"text": "x"}}, {"city": ["x"]}):
        world.put("erp.suppliers", *crowd(20, **drifted))
        with pytest.raises(HubError):
            world.run()
        assert world.golden() == before
    world.put("erp.suppliers", *({key: value for key, value in one.items() if key != "city"}
                                 for one in crowd(20)))  # fmt: skip
    with pytest.raises(HubError):
        world.run()
    assert world.golden() == before
    world.put("erp.suppliers", *crowd(20, brand_new="x"))
    assert world.run().counts["read"] == 20


@row(16, "the target drops a tenth of what it acknowledged")
def test_a_lying_target_is_found_by_reading_back(tmp_path: Path):
    from tests.faults.sequence import build

    folder = tmp_path / "w"
    with Simulator(Crm(empty=True)) as one, Simulator(Crm(empty=True)) as two:
        build(folder, one.url, two.url)
        path = folder / "mappings" / "outward.yaml"
        path.write_text(path.read_text() + "read_back: {share: 100%, first: 3}\n")
        delivered = _through(folder, one, two)
    assert delivered["lost"] > 0
    assert delivered["told"] == delivered["lost"]
    assert delivered["after"] == delivered["before"]


def _through(folder: Path, one: Simulator, two: Simulator) -> dict[str, Any]:
    """Twenty records through a target that drops a tenth; how many it lost, how many the hub told of, and what it
    holds after a full run that nobody disturbs, beside what it should."""
    from hub.bootstrap import open_hub
    from hub.exchange.pipeline import run_exchange
    from hub.store.migrate import migrate

    for number in range(20):
        one.change("accounts", {
            "id": f"S{number}", "external_id": f"A{number:02d}", "name": f"Name {number}", "description": "1",
            **dict.fromkeys(("email", "phone", "tax_number", "billing_address")),
        })  # fmt: skip
    with open_hub(folder, variables=SECRETS, schema=False) as opened:
        migrate(opened.hub.database)
        run_exchange(opened.hub, "inward", "full", "1", initial=True)
        two.faults.set("drop=10,method=POST")
        first = run_exchange(opened.hub, "outward", "full", "2", initial=True)
        lost = 20 - len(two.rows("accounts"))
        two.faults.clear()
        run_exchange(opened.hub, "outward", "full", "3", initial=True)
    return {
        "lost": lost,
        "told": first.counts["quarantined"],
        "before": sorted(row["external_id"] for row in one.rows("accounts")),
        "after": sorted(row["external_id"] for row in two.rows("accounts")),
    }


@row(30, "a record of 50 MB among small ones")
def test_a_huge_record_is_refused_by_its_line_with_bounded_memory(landscape: Callable[..., Any]):
    import resource

    made = landscape(count=20)
    source = made.folder / "data" / "in" / "parties.ndjson"
    with source.open("ab") as file:
        file.write(b'{"code": "HUGE", "name": "' + b"x" * (50 << 20) + b'"}\n')
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    ran = made.run("files-parties", "--initial")
    assert (ran.status, ran.error["code"], ran.error["where"]) == (70, "record.large", "in/parties.ndjson:22")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before < 1 << 20
    assert made.select("SELECT count(*) FROM e_party") == [(0,)]
