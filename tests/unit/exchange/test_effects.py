"""P9: a target changes as a plan says. What changed between the two is refused; the rest is done exactly."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.exchange.pipeline import Result, apply_plan, run_exchange
from hub.exchange.plan import load_plan
from hub.exchange.runfile import open_run
from hub.store import plans
from tests.stores import Store
from tests.unit.exchange.target import Crm
from tests.unit.exchange.world import SUPPLIERS, World, reconciled

Rows = Mapping[str, Mapping[str, Any]]
BY_KEY = SUPPLIERS.replace("[tax]", "[code]")
ALWAYS = {"name": "a", "city": None}  # a source that gives nothing is not believed
ROW = st.fixed_dictionaries({"name": st.sampled_from("ab"), "city": st.sampled_from([None, "Bonn", "Ulm"])})
ROWS = st.dictionaries(st.sampled_from("12345"), ROW, max_size=5).map(lambda rows: rows | {"0": ALWAYS})
CHANGES = st.dictionaries(st.sampled_from("123456"), st.none() | ROW, max_size=2)
STORES = st.sampled_from(["source", "golden", "target", "nothing"])
LEAVING = """
    where: city IS DISTINCT FROM 'Ulm'
    disable: {active: false}
    out_of_scope: disable
    absent: delete
    guard: off
    changed_by_hand: overwrite
    read_back: off
"""
TO_CRM = f"""
    mapping: to-crm
    from: supplier
    into: crm.accounts
    key: code
    fields: {{code: code, name: name, city: city, active: "true"}}{LEAVING}"""
THROUGH = f"""
    mapping: through
    from: erp.suppliers
    into: crm.accounts
    key: code
    fields: {{code: id, name: name, city: city, active: "true"}}{LEAVING}"""
OWN = ("_id", "_state", "code", "name", "tax", "city", "parent")
CALLED = {"enable": "update", "disable": "update"}


def changed(rows: Rows, changes: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Mapping[str, Any]]:
    """None takes a row away."""
    merged: dict[str, Any] = {**rows, **changes}
    return {key: row for key, row in merged.items() if row is not None}


def differing_keys(one: Rows, other: Rows) -> set[str]:
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


class Play:
    """A world of its own whose runs share one opened hub, for the time it takes."""

    def __init__(self, store: Store) -> None:
        store.renew()
        self.world, self.crm = World(Path(tempfile.mkdtemp()) / "w", store), Crm()
        self.world.standard()
        self.world.modules["crm"] = self.crm.spec
        self.world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}\n")
        self.world.mapping(BY_KEY, absent="delete", guard="off")
        self.world.mapping(TO_CRM)
        self.world.mapping(THROUGH)
        self.world.fill()
        self._context = self.world.opened()
        self.hub = self._context.__enter__().hub

    def close(self) -> None:
        self._context.__exit__(None, None, None)
        self.world.close()

    def put(self, resource: str, rows: Rows) -> None:
        self.world.put(resource, *({"id": key, **row} for key, row in rows.items()))

    def run(self, mapping: str, mode: str = "full") -> Result:
        return reconciled(run_exchange(self.hub, mapping, mode, str(uuid.uuid4())))

    def apply(self, plan: uuid.UUID | None) -> Result:
        assert plan is not None
        return reconciled(apply_plan(self.hub, plan, str(uuid.uuid4())))

    def golden(self) -> dict[uuid.UUID, dict[str, Any]]:
        return {row["_id"]: row for row in self._select("e_supplier")}

    def _select(self, name: str) -> list[dict[str, Any]]:
        with self.hub.database.begin() as connection:
            table = self.hub.database.tables[name]
            return [dict(row) for row in connection.execute(table.select()).mappings()]

    def refused(self, mapping: str) -> set[str]:
        quarantine = self._select("quarantine")
        return {row["key"] for row in quarantine if row["exchange"] == mapping and row["state"] == "refused"}

    def planned(self, plan: uuid.UUID | None, table: str) -> list[dict[str, Any]]:
        assert plan is not None
        stored = plans.find(self.hub.database, plan)
        assert stored is not None
        with open_run(self.hub.scratch, self.hub.memory, self.hub.threads) as run:
            load_plan(self.hub.keep, run, stored.digest)
            found = run.con.sql(f"SELECT * FROM o0.{table}").to_arrow_table().to_pylist()
        return [row | {"_id": uuid.UUID(str(row["_id"]))} if "_id" in row else row for row in found]

    def held(self) -> dict[str, dict[str, Any]]:
        return {row["code"]: dict(row) for row in self.crm.rows.values()}


def prove(store: Store, check: Any, *drawn: Any) -> None:
    """The same property on both stores, more often on the one that opens faster."""
    number = 2 if store.url.startswith("postgresql") else 8
    some = settings(
        deadline=None,
        derandomize=True,
        max_examples=number,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a step of shrinking costs as much as an example
    )

    def property_(values: tuple[Any, ...]) -> None:
        play = Play(store)
        try:
            check(play, *values)
        finally:
            play.close()

    some(given(st.tuples(*drawn))(property_))()


@pytest.mark.parametrize("mapping", ["to-crm", "through"])
def test_a_target_changes_as_a_plan_says(store: Store, mapping: str):
    prove(store, check_sending, st.just(mapping), ROWS, ROWS, CHANGES, STORES)


def check_sending(play: Play, mapping: str, first: Rows, second: Rows, third: Any, where: str) -> None:
    for rows in (first, second):
        play.put("erp.suppliers", rows)
        play.run("suppliers")
        plan = play.run(mapping, "full" if rows is first else "plan").plan
    sending = play.planned(plan, "sending")
    keys = {str(row["_id"]): row["code"] for row in play.golden().values()} if mapping == "to-crm" else {}
    play.put("erp.suppliers", now := changed(second, third if where != "nothing" else {}))
    if where in ("golden", "target"):
        play.run("suppliers")
    if where == "target":
        play.run(mapping)  # somebody delivered what is newer
    moved = set() if mapping == "to-crm" and where == "source" else differing_keys(second, now)
    planned = {keys.get(one["key"], one["key"]): one for one in sending}
    done = {code: one for code, one in planned.items() if code not in moved and where != "target"}
    expected, calls = play.held(), len(play.crm.calls)
    result = play.apply(plan)
    for code, one in done.items():
        if one["operation"] == "delete":
            del expected[code]
        else:
            expected[code] = expected.get(code, {}) | json.loads(one["body"])
    assert play.held() == expected
    asked = [(CALLED.get(one["operation"], one["operation"]), code) for code, one in done.items()]
    assert sorted(play.crm.calls[calls:]) == sorted(asked)
    left = [one for one in done.values() if one["operation"] in ("disable", "delete")]
    assert result.counts["deleted"] + result.counts["disabled"] == len(left)
    assert result.counts["applied"] == len(done) - (len(left) if mapping == "through" else 0)
    assert {keys.get(key, key) for key in play.refused(mapping)} == set(planned) - set(done)


def test_golden_records_change_as_a_plan_says(store: Store):
    prove(store, check_reading, ROWS, ROWS, CHANGES, st.sampled_from(["source", "golden", "nothing"]))


def check_reading(play: Play, first: Rows, second: Rows, third: Any, where: str) -> None:
    play.put("erp.suppliers", first)
    play.run("suppliers")
    play.put("erp.suppliers", second)
    plan = play.run("suppliers", "plan").plan
    planned = {row["code"]: row for name in ("creation", "updating") for row in play.planned(plan, name)}
    codes = {id_: row["code"] for id_, row in play.golden().items()}
    leaving = {codes[row["_id"]]: row["_state"] for row in play.planned(plan, "removing")}
    play.put("erp.suppliers", now := changed(second, third if where != "nothing" else {}))
    if where == "golden":
        play.run("suppliers")  # what is planned is done by it already
    moved = {*planned, *leaving} if where == "golden" else differing_keys(second, now)
    expected = {row["code"]: own(row) for row in play.golden().values()}
    for code, row in planned.items():
        if code not in moved:
            expected[code] = own({"_state": 0} | row)
    for code, state in leaving.items():
        if code not in moved:
            expected[code]["_state"] = state
    result = play.apply(plan)
    assert {row["code"]: own(row) for row in play.golden().values()} == expected
    done = [code for code in planned if code not in moved]
    counts = result.counts
    assert counts["created"] + counts["updated"] == len(done)
    assert counts["deleted"] == len([code for code in leaving if code not in moved])
    assert play.refused("suppliers") == {*planned, *leaving} - {*done, *(leaving.keys() - moved)}
    play.run("suppliers")
    assert play.refused("suppliers") == set()


def own(row: Mapping[str, Any]) -> dict[str, Any]:
    """A golden row but for version, commit, origin and times."""
    return {name: row.get(name) for name in OWN}
