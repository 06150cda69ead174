"""What Airflow is told of a workspace: read once, anew where a file changed, and never less than what can run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hub.airflow.manifest import Entry, Manifest, Place, stored
from hub.airflow.present import current
from hub.airflow.standalone import settings
from hub.airflow.sync import PER_STUB, sync_stubs
from hub.errors import ConfigError
from hub.workspace.init import init
from hub.workspace.load import load
from tests.unit.cli.desk import Desk

MAPPING = "mappings/erp-suppliers.yaml"


@pytest.fixture
def work(tmp_path: Path) -> Desk:
    """A workspace with a second mapping, whose schedule is ``manual``."""
    init(tmp_path)
    Desk(tmp_path).edit("config/hub.yaml", "schedules: worker", "schedules: airflow")
    text = (tmp_path / MAPPING).read_text(encoding="utf-8").split("schedule:")[0]
    other = text.replace("mapping: erp-suppliers", "mapping: second")
    (tmp_path / "mappings/second.yaml").write_text(other, encoding="utf-8")
    return Desk(tmp_path)


def entry(work: Desk, schedule: str, hub: str = "") -> Entry:
    """The entry of an exchange with that schedule."""
    work.append("mappings/second.yaml", f"schedule: {schedule}\n")
    work.append("config/hub.yaml", hub)
    return current(Place(work.folder)).exchanges["second"]


@pytest.mark.parametrize(
    ("schedule", "crons", "every", "assets"),
    [
        ("manual", (), None, ()),
        ("{every: 1h}", ("5 * * * *",), None, ()),
        ('{cron: "*/5 6-20 * * *", full: "0 2 * * *"}', ("*/5 6-20 * * *", "0 2 * * *"), None, ()),
        ('{every: 7m, full: "0 2 * * *"}', (), 420.0, ()),
        ("{after: [erp-suppliers]}", (), None, ("exchange/erp-suppliers",)),
    ],
)
def test_a_schedule_becomes_crons_an_interval_or_assets(
    work: Desk, schedule: str, crons: tuple[str, ...], every: float | None, assets: tuple[str, ...]
) -> None:
    found = entry(work, schedule)
    assert (found.crons, found.every, found.assets) == (crons, every, assets)


def test_an_exchange_that_is_not_enabled_has_no_schedule(work: Desk) -> None:
    work.edit(MAPPING, "mapping: erp-suppliers\n", "mapping: erp-suppliers\nenabled: false\n")
    found = current(Place(work.folder)).exchanges["erp-suppliers"]
    assert (found.enabled, found.crons) == (False, ())


def test_what_workers_schedule_airflow_runs_only_when_it_is_asked(work: Desk) -> None:
    work.edit("config/hub.yaml", "schedules: airflow", "schedules: worker")
    found = entry(work, '{every: 1h, full: "0 2 * * *", after: [erp-suppliers]}')
    assert (found.crons, found.assets, found.full) == ((), (), "0 2 * * *")


def test_what_an_exchange_changes_others_may_follow(work: Desk) -> None:
    found = entry(work, "manual")
    assert (found.outlets, found.pool) == (("exchange/second", "model/supplier"), "erp_files")


def test_only_what_changed_is_read_and_it_says_the_same_as_everything_read_anew(work: Desk) -> None:
    before = current(Place(work.folder))
    work.append("mappings/second.yaml", "schedule: {every: 30m}\n")
    after = current(Place(work.folder))
    assert after.exchanges["second"] != before.exchanges["second"]
    Place(work.folder).file.unlink()
    assert msgspec.json.encode(current(Place(work.folder))) == msgspec.json.encode(after)


def test_a_broken_mapping_is_left_out_with_its_place_and_the_others_stay(work: Desk) -> None:
    current(Place(work.folder))
    work.edit("mappings/second.yaml", "into: supplier", "into: suplier")
    found = current(Place(work.folder))
    assert list(found.exchanges) == ["erp-suppliers"]
    assert found.broken["mappings/second.yaml"][0].startswith("mappings/second.yaml:4:7: error: ")
    work.edit("mappings/second.yaml", "into: suplier", "into: supplier")
    assert (list(current(Place(work.folder)).exchanges), current(Place(work.folder)).broken) == (
        ["erp-suppliers", "second"],
        {},
    )


def test_a_schedule_that_cron_does_not_know_is_found_with_its_line(work: Desk) -> None:
    work.append("mappings/second.yaml", "schedule: {cron: at noon}\n")
    (line,) = current(Place(work.folder)).broken["mappings/second.yaml"]
    assert "schedule.cron" in line
    assert ":1:1:" not in line


def test_where_nothing_can_run_what_there_was_is_still_shown(work: Desk) -> None:
    before = current(Place(work.folder))
    work.edit("config/systems/erp_files.yaml", "connector: files", "connector: flies")
    after = current(Place(work.folder))
    assert after.exchanges == before.exchanges
    assert list(after.broken) == ["config/systems/erp_files.yaml"]


def test_an_exchange_runs_although_the_file_of_another_is_broken(work: Desk) -> None:
    work.edit("mappings/second.yaml", "into: supplier", "into: suplier")
    assert list(load(work.folder, exchange="erp-suppliers").mappings) == ["erp-suppliers"]
    with pytest.raises(ConfigError):
        load(work.folder, exchange="second")
    with pytest.raises(ConfigError):
        load(work.folder)


def test_exchanges_that_run_after_each_other_in_a_circle_are_found(work: Desk) -> None:
    work.append("mappings/second.yaml", "schedule: {after: [erp-suppliers]}\n")
    work.edit(MAPPING, "schedule:", "schedule: {after: [second]} #")
    said = work.cophub("check", "--json")
    assert {one["code"] for one in said.json["findings"] if one["level"] == "error"} == {"schedule.circle"}


def test_stubs_are_written_once_and_touched_for_what_changed(work: Desk) -> None:
    place, dags = Place(work.folder), work.folder / "dags"
    assert sync_stubs(place, dags)[1].stubs == ["hub_exchanges.py", "hub_findings.py"]
    assert not sync_stubs(place, dags)[1].anything
    work.append("mappings/second.yaml", "schedule: {every: 30m}\n")
    assert sync_stubs(place, dags)[1].stubs == ["hub_exchanges.py"]
    work.edit("mappings/second.yaml", "into: supplier", "into: suplier")
    assert sync_stubs(place, dags)[1].stubs == ["hub_exchanges.py", "hub_findings.py"]


def test_many_exchanges_are_spread_over_stubs_and_all_are_there(work: Desk) -> None:
    place = Place(work.folder)
    made = current(place)
    many = {f"x{number}": msgspec.structs.replace(made.exchanges["second"], name=f"x{number}") for number in range(300)}
    whole = msgspec.structs.replace(made, exchanges=many)
    place.file.write_bytes(msgspec.json.encode(whole))
    done = sync_stubs(place, work.folder / "dags")[1]
    of = -(-300 // PER_STUB)
    assert done.stubs == [*(f"hub_exchanges_{shard:02d}.py" for shard in range(of)), "hub_findings.py"]
    shares = [sum(one.shard(of) == shard for one in many.values()) for shard in range(of)]
    assert (sum(shares), min(shares) > 0) == (300, True)


def test_airflow_of_a_workspace_listens_here_alone_and_what_the_environment_says_stays(work: Desk) -> None:
    found = settings(Place(work.folder), 8099, {"AIRFLOW__CORE__PARALLELISM": "16", "HOME": "x"})
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__API__BASE_URL"] == "http://localhost:8099"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "16"
    assert "HOME" not in found


def test_a_manifest_of_another_version_is_not_read(work: Desk) -> None:
    place = Place(work.folder)
    current(place)
    place.file.write_bytes(msgspec.json.encode(Manifest(hub="old", form="0/0")))
    assert stored(place) is None
    assert current(place).hub == "my_hub"
