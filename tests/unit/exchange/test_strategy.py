"""What a check refuted, exchanges do without, and say so; nothing is ever deleted by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.contract import Field, Page, Probe, Query, Resource, Settings, Spec
from hub.errors import ConfigError
from hub.exchange.pipeline import Result
from hub.exchange.reconciling.reconcile import reconcile
from hub.store import claims
from tests.stores import SqliteStore
from tests.unit.exchange.target import Crm
from tests.unit.exchange.test_guard import many
from tests.unit.exchange.world import SUPPLIERS, World, some

TO_CRM = """
    mapping: to-crm
    from: supplier
    into: crm.Account
    key: code
    fields: {code: code, name: name}
"""


class _Declared(Settings):
    """Nothing is declared about a resource."""


@dataclass
class Feed:
    """A source with a cursor and deletions, which remembers what it was asked."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    deleted: tuple[str, ...] = ()
    token: str | None = None
    asked: list[Query] = field(default_factory=list)

    @property
    def spec(self) -> Spec:
        return Spec(
            name="feed", title="Feed", summary="A source that can be followed", settings=Settings,
            resource=_Declared, open=lambda context, settings, resources: self,
            describe=lambda context, settings, name, declared: self.resource(name),
        )  # fmt: skip

    def check(self) -> list[Probe]:
        return []

    def resource(self, name: str) -> Resource:
        names = ("id", "name", "tax", "city", "parent", "changed")
        return Resource(name, ("id",), "changed", tuple(Field(one) for one in names), deletes=True)

    def read(self, query: Query) -> Iterator[Page]:
        self.asked.append(query)
        rows = [one for one in self.rows if not query.since or one["changed"] >= query.since]
        lines = b"".join(orjson.dumps(one) + b"\n" for one in rows)
        yield Page(lines, len(rows), "feed", last=True, token=self.token, deleted=self.deleted)

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One database is enough: what is tested is which way is taken."""
    store = SqliteStore()
    made = World(tmp_path / "w", store)
    made.standard()
    yield made
    made.close()
    store.renew()


@pytest.fixture
def feed(world: World) -> Feed:
    """Ten records that were read once; a mapping that deletes what is absent."""
    made = Feed([one | {"changed": f"2026-01-01T00:00:{at:02}Z"} for at, one in enumerate(many(10))])
    world.modules["feed"] = made.spec
    world.write("config/systems/erp.yaml", "system: erp\nconnector: feed\nresources: {suppliers: {}}")
    world.mapping(SUPPLIERS, absent="delete", overlap="0s")
    world.run()
    return made


def refute(world: World, *broken: str, place: str = "erp.suppliers", held: tuple[str, ...] = ()) -> list[str]:
    system, _, resource = place.partition(".")
    with world.opened() as opened, opened.hub.database.begin() as connection:
        return claims.remember(connection, system, resource, dict.fromkeys(broken, "seen by a test"), held)


def said(result: Result, *words: str) -> bool:
    return any(all(word in note for word in ("strategy:", *words)) for note in result.notes)


def test_what_is_claimed_is_believed(world: World, feed: Feed) -> None:
    result = world.run(mode="incremental")
    assert feed.asked[-1].since == "2026-01-01T00:00:09Z"
    assert not said(result)


def test_a_cursor_that_does_not_hold_is_not_asked_by(world: World, feed: Feed) -> None:
    refute(world, "cursor")
    result = world.run(mode="incremental")
    assert feed.asked[-1].since is None
    assert said(result, "everything is read", "claim cursor of erp.suppliers was refuted on", "seen by a test")
    assert refute(world, held=("cursor",)) == ["cursor"]
    world.run(mode="incremental")
    assert feed.asked[-1].since == "2026-01-01T00:00:09Z"


@pytest.mark.parametrize("claim", ["paging", "snapshot"])
def test_nothing_is_absent_from_what_may_not_be_whole(world: World, feed: Feed, claim: str) -> None:
    refute(world, claim)
    del feed.rows[3:]
    result = world.run()
    assert some(result, "absent", "deleted") == {"absent": 0, "deleted": 0}
    assert said(result, "nothing counts as absent", f"claim {claim}")
    refute(world, held=(claim,))
    assert some(world.run("suppliers", "plan", full=True), "absent") == {"absent": 7}


def test_the_watermark_stays_before_what_pages_may_have_left_out(world: World, feed: Feed) -> None:
    refute(world, "paging")
    feed.rows.append({"id": "99", "name": "New", "changed": "2026-02-01T00:00:00Z"})
    world.run(mode="incremental")
    refute(world, held=("paging",))
    world.run(mode="incremental")
    assert [one.since for one in feed.asked[-2:]] == [None, "2026-01-01T00:00:09Z"]


def test_deletions_are_not_believed_of_who_reported_some_that_were_none(world: World, feed: Feed) -> None:
    feed.token = "t1"
    world.run()
    refute(world, "deletes")
    gone = feed.rows.pop(0)["id"]
    feed.deleted = (gone, feed.rows[0]["id"])
    feed.rows.insert(0, {"id": gone, "name": "still there", "changed": "2026-01-01T00:00:00Z"})
    result = world.run(mode="incremental")
    assert feed.asked[-1].token is None
    assert some(result, "absent", "deleted") == {"absent": 0, "deleted": 0}
    assert said(result, "deletions that are reported are not believed")


def test_an_incremental_read_without_belief_never_deletes(world: World, feed: Feed) -> None:
    """Though the reported record really is not among those that came."""
    refute(world, "deletes", "snapshot")
    feed.token, feed.deleted = "t1", (feed.rows.pop(0)["id"],)
    assert some(world.run(), "absent", "deleted") == {"absent": 0, "deleted": 0}


def test_what_is_joined_is_doubted_as_well(world: World, feed: Feed) -> None:
    world.write("config/systems/erp.yaml", "system: erp\nconnector: feed\nresources: {suppliers: {}, more: {}}")
    world.mapping(SUPPLIERS, absent="delete", overlap="0s", **{"with": "{m: {from: erp.more, on: m.id = id}}"})
    refute(world, "paging", place="erp.more")
    del feed.rows[3:]
    result = world.run()
    assert some(result, "absent") == {"absent": 0}
    assert said(result, "claim paging of erp.more")


def test_a_plan_says_the_strategy_and_is_recorded(world: World, feed: Feed) -> None:
    refute(world, "snapshot")
    result = world.run("suppliers", "plan")
    assert said(result, "nothing counts as absent")
    with world.looking() as connection:
        (kept,) = connection.exec_driver_sql("SELECT notes FROM run ORDER BY started_at DESC LIMIT 1").one()
    assert "strategy: nothing counts as absent" in str(kept)


@pytest.fixture
def crm(world: World) -> Crm:
    made = Crm()
    world.modules["crm"] = made.spec
    world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {Account: {}}")
    world.mapping(TO_CRM)
    world.first("erp.suppliers", *many(2))
    return made


def test_nothing_is_written_where_records_cannot_be_looked_up(world: World, crm: Crm) -> None:
    refute(world, "find", place="crm.Account")
    assert said(world.run("to-crm", "plan", initial=True), "nothing is written to crm.Account")
    with pytest.raises(ConfigError) as refused:
        world.run("to-crm", initial=True)
    assert (refused.value.code, crm.rows, crm.calls) == ("claim.find", {}, [])
    refute(world, place="crm.Account", held=("find",))
    world.run("to-crm", initial=True)
    assert len(crm.rows) == 2


def test_nothing_is_written_where_the_system_says_that_it_can_only_be_read(world: World, crm: Crm) -> None:
    world.modules["crm"] = dataclasses.replace(crm.spec, describe=lambda *_: None)  # only the system itself tells
    crm.writable = False
    with pytest.raises(ConfigError) as refused:
        world.run("to-crm", initial=True)
    assert (refused.value.code, refused.value.where, crm.calls) == ("connector.readonly", "crm.Account", [])
    crm.writable = True
    world.run("to-crm", initial=True)
    assert len(crm.rows) == 2


def test_reconcile_calls_nothing_missing_or_left_over_of_a_doubtful_target(world: World, crm: Crm) -> None:
    world.mapping(TO_CRM, ghosts="delete")
    world.run("to-crm", initial=True)
    crm.rows["x9"] = {"code": "ghost", "name": "nobody's", "city": None, "active": None}
    with world.opened() as opened:
        assert reconcile(opened.hub, "to-crm", "r1").heals["delete"] == 1
    refute(world, "paging", place="crm.Account")
    with world.opened() as opened:
        found = reconcile(opened.hub, "to-crm", "r2")
    assert "claim paging of crm.Account" in found.incomplete
    assert not found.heals["delete"]
