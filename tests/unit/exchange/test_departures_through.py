"""What leaves the source of a pass-through, or its scope, and what becomes of it in the target."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from hub.contract import Page, Query
from hub.errors import Held, Retriable
from hub.exchange import outbound
from hub.exchange.at_hand import Given
from hub.exchange.ground import opened_source
from hub.exchange.pipeline import run_exchange
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_departures import aged, states
from tests.unit.exchange.world import FIELDS, World, reconciled, some

pytestmark = pytest.mark.by_turns

THROUGH = """
    mapping: through
    from: erp.suppliers
    into: crm.accounts
    key: code
    where: city = 'Bonn'
    fields: {code: id, name: name, active: "true"}
    disable: {active: false}
"""
ONE, TWO, THREE = ({"id": key, "name": f"N{key}", "city": "Bonn"} for key in "123")
LEFT = TWO | {"city": "Ulm"}


@pytest.fixture
def crm(world: World) -> Crm:
    made = Crm()
    world.modules["crm"] = made.spec
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}\n")
    world.mapping(THROUGH, out_of_scope="disable", absent="delete")
    return made


def through(world: World, *records: dict[str, Any], mode: str = "full") -> Any:
    world.put("erp.suppliers", *records)
    return world.run("through", mode)


def test_what_leaves_the_scope_and_what_is_gone_are_two_things(world: World, crm: Crm):
    through(world, ONE, TWO, THREE)
    result = through(world, ONE, LEFT)
    assert some(result) == {
        "read": 2, "unchanged": 1, "out_of_scope": 1, "disabled": 1, "deleted": 1, "absent": 1,
    }  # fmt: skip
    assert states(crm) == {"1": True, "2": False}
    assert some(through(world, ONE, LEFT)) == {"read": 2, "unchanged": 1, "out_of_scope": 1}
    assert some(through(world, ONE, TWO, THREE)) == {
        "read": 3, "applied": 2, "created": 1, "updated": 1, "unchanged": 1,
    }  # fmt: skip
    assert states(crm) == {"1": True, "2": True, "3": True}


@pytest.mark.parametrize("absent", ["disable", "delete"])
def test_an_empty_source_takes_nothing_away(world: World, crm: Crm, absent: str):
    world.mapping(THROUGH, absent=absent)
    through(world, ONE, TWO)
    result = through(world)
    assert some(result) == {}
    assert any("gave no record where it had 2" in note for note in result.notes)
    assert states(crm) == {"1": True, "2": True}


def test_an_incremental_read_takes_nothing_away(world: World, crm: Crm):
    world.files("erp", "changed", suppliers=FIELDS)
    first, second = (one | {"changed": "2026-01-01T00:00:00Z"} for one in (ONE, TWO))
    through(world, first, second)
    assert some(through(world, first, mode="incremental"), "deleted", "disabled") == {
        "deleted": 0,
        "disabled": 0,
    }
    assert some(through(world, first), "deleted") == {"deleted": 1}


class Short:
    """The files, announced to be more than they are."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def read(self, query: Query) -> Any:
        for page in self._inner.read(query):
            yield Page(
                page.records, page.count, page.origin, page.first, page.last, announced=9, token=page.token
            )


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make every opened source announce more records than it gives."""

    def switch() -> None:
        monkeypatch.setattr(outbound, "opened_source", lambda *args: Short(opened_source(*args)))

    return switch


def test_a_cut_source_takes_nothing_away(world: World, crm: Crm, short: Any):
    through(world, ONE, TWO)
    short()
    result = through(world, ONE)
    assert some(result) == {"read": 1, "unchanged": 1}
    assert any("not complete" in note for note in result.notes)
    assert states(crm) == {"1": True, "2": True}


def test_a_missing_canary_takes_nothing_away(world: World, crm: Crm):
    world.mapping(THROUGH, absent="delete", canaries="['2']")
    through(world, ONE, TWO, THREE)
    result = through(world, ONE)
    assert (some(result, "deleted"), len(crm.rows)) == ({"deleted": 0}, 3)
    assert any("canaries" in note for note in result.notes)


def test_a_canary_may_hold_the_run(world: World, crm: Crm):
    world.mapping(THROUGH, absent="delete", canaries="{keys: ['2'], missing: hold}")
    through(world, ONE, TWO)
    with pytest.raises(Held, match="canaries"):
        through(world, ONE)


def test_a_source_that_shrank_past_belief_is_held(world: World, crm: Crm):
    world.mapping(THROUGH, absent="delete", guard="{delete: 200}")
    many = [{"id": f"{number:03}", "name": "N", "city": "Bonn"} for number in range(110)]
    through(world, *many)
    with pytest.raises(Held, match="shrank from 110 to 50"):
        through(world, *many[:50])
    assert len(crm.rows) == 110


def test_deletions_are_limited(world: World, crm: Crm):
    world.mapping(THROUGH, absent="delete", guard="{delete: 1}")
    through(world, ONE, TWO, THREE)
    with pytest.raises(Held, match="2 records to delete"):
        through(world, ONE)


def test_a_grace_runs_on_where_the_record_is_not_read_again(world: World, crm: Crm):
    """A database gives an incremental read what changed, and nothing else."""
    world.write(
        "config/systems/erp.yaml",
        f"""
        system: erp
        connector: sql
        sqlite: {world.data}/erp.sqlite
        resources:
          suppliers: {{table: s, key: id, cursor: at, fields: {{id: text, name: text, city: text, at: integer}}}}
        """,
    )
    (world.folder / "mappings/suppliers.yaml").unlink()
    world.mapping(THROUGH, out_of_scope="{reaction: delete, grace: 7d}")
    with closing(sqlite3.connect(world.data / "erp.sqlite")) as erp:
        erp.execute("CREATE TABLE s (id TEXT, name TEXT, city TEXT, at INTEGER)")
        erp.executemany("INSERT INTO s VALUES (?, ?, 'Bonn', ?)", [("1", "N1", 1), ("2", "N2", 1)])
        erp.commit()
        world.run("through")
        erp.execute("UPDATE s SET city = 'Ulm', at = 2 WHERE id = '2'")
        erp.commit()
        assert some(world.run("through", "incremental"), "out_of_scope", "deleted") == {
            "out_of_scope": 1, "deleted": 0,
        }  # fmt: skip
        erp.execute("UPDATE s SET at = 3 WHERE id = '1'")
        erp.commit()
        world.run("through", "incremental")
    aged(world, 8)
    assert some(world.run("through", "incremental")) == {"read": 1, "unchanged": 1, "deleted": 1}
    assert states(crm) == {"1": True}


def test_absence_waits_for_its_grace_and_a_whole_read(world: World, crm: Crm):
    world.files("erp", "changed", suppliers=FIELDS)
    world.mapping(THROUGH, absent="[{reaction: disable, grace: 1d}, {reaction: delete, grace: 30d}]")
    first, second = (one | {"changed": "2026-01-01T00:00:00Z"} for one in (ONE, TWO))
    through(world, first, second)
    through(world, first)
    aged(world, 2)
    assert some(through(world, first, mode="incremental"), "disabled") == {"disabled": 0}
    assert some(through(world, first), "disabled") == {"disabled": 1}
    aged(world, 31)
    assert some(through(world, first), "deleted") == {"deleted": 1}
    assert states(crm) == {"1": True}


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("then", "left", "refused"),
    [
        ((ONE, LEFT), {"1": True, "2": False}, []),  # as it was planned
        ((ONE, LEFT, THREE), {"1": True, "2": False, "3": True}, ["3"]),  # what was gone is back
        ((ONE, TWO), {"1": True, "2": True}, ["2"]),  # what had left is in scope again
        ((ONE,), {"1": True, "2": True}, ["2"]),  # what had left is gone
    ],
)
def test_a_plan_takes_away_what_is_as_it_saw_it(
    world: World, crm: Crm, then: Any, left: dict[str, bool], refused: list[str]
):
    through(world, ONE, TWO, THREE)
    world.put("erp.suppliers", ONE, LEFT)
    plan = world.plan("through")
    world.put("erp.suppliers", *then)
    result = world.apply(plan)
    assert (states(crm), [one["key"] for one in world.held("through")]) == (left, refused)
    assert (result.counts["deleted"], result.counts["disabled"]) == (int("3" not in left), int(not left["2"]))
    world.run("through")
    assert world.held("through") == []


def test_a_plan_is_not_applied_where_its_source_cannot_be_read_whole(world: World, crm: Crm):
    through(world, ONE, TWO, THREE)
    world.put("erp.suppliers", ONE, LEFT)
    plan = world.plan("through")
    world.put("erp.suppliers")
    with pytest.raises(Retriable, match="not read to the end"):
        world.apply(plan)
    assert states(crm) == {"1": True, "2": True, "3": True}


# ---------------------------------------------------------------- elements, events, replays, whole files

EACH = """
    mapping: elements
    from: hr.people
    into: crm.accounts
    each: posts as p
    key: [code, p.nr]
    where: city = 'Bonn'
    fields: {code: id || p.nr, name: p.name, active: "true"}
    absent: delete
"""


def person(key: str, *posts: str, city: str = "Bonn") -> dict[str, Any]:
    return {"id": key, "city": city, "posts": [{"nr": nr, "name": f"P{nr}"} for nr in posts]}


def test_elements_leave_with_their_record_and_alone(world: World, crm: Crm):
    folder = f"system: hr\nconnector: files\nfolder: {world.data}\n"
    world.write("config/systems/hr.yaml", folder + "resources: {people: {path: hr-people.ndjson, key: id}}\n")
    world.mapping(EACH)
    world.put("hr.people", person("1", "a", "b"), person("2", "a"), person("3", "a"))
    world.run("elements")
    assert set(states(crm)) == {"1a", "1b", "2a", "3a"}
    world.put("hr.people", person("1", "a"), person("2", "a", city="Ulm"))
    assert some(world.run("elements"), "deleted", "unchanged") == {"deleted": 3, "unchanged": 1}
    assert set(states(crm)) == {"1a"}


def test_a_replayed_original_takes_nothing_away(world: World, crm: Crm):
    through(world, ONE, TWO)
    line = b'{"id": "2", "name": "N2", "city": "Ulm"}'
    with world.opened() as opened:
        result = run_exchange(opened.hub, "through", "replay", "again", given=Given([line]))
    assert some(reconciled(result)) == {"read": 1, "out_of_scope": 1}
    assert states(crm) == {"1": True, "2": True}


@pytest.fixture
def whole(world: World) -> Crm:
    made = Crm(replaces=True)
    world.modules["crm"] = made.spec
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}\n")
    world.mapping(THROUGH.replace("    disable: {active: false}\n", ""))
    return made


def test_a_whole_file_follows_its_source(world: World, whole: Crm):
    through(world, ONE, TWO, THREE)
    assert some(through(world, ONE, LEFT), "deleted", "out_of_scope") == {"deleted": 2, "out_of_scope": 1}
    assert set(whole.named()) == {"1"}


@pytest.mark.parametrize("kind", ["empty", "cut"])
def test_a_whole_file_is_not_written_from_half_of_its_source(world: World, whole: Crm, short: Any, kind: str):
    through(world, ONE, TWO)
    if kind == "cut":
        short()
    with pytest.raises(Retriable, match="written as a whole"):
        through(world, *([ONE] if kind == "cut" else []))
    assert set(whole.named()) == {"1", "2"}


def test_a_replayed_record_writes_a_whole_file_anew(world: World, whole: Crm):
    through(world, ONE, TWO)
    with world.opened() as opened:
        given = Given([b'{"id": "2", "name": "N2", "city": "Bonn"}'])
        reconciled(run_exchange(opened.hub, "through", "replay", "again", given=given))
    assert set(whole.named()) == {"1", "2"}


def test_what_was_to_leave_and_did_not_is_listed_and_not_counted(world: World, crm: Crm):
    through(world, ONE, TWO)
    crm.answers["2"] = ["rejected"]
    result = through(world, ONE)
    assert some(result) == {"read": 1, "unchanged": 1, "absent": 1}
    assert any("were to leave and did not" in note for note in result.notes)
    assert world.reasons("through") == [("2", "quarantined", "crm.rejected")]
    assert some(through(world, ONE), "deleted") == {"deleted": 1}
