"""Reading only what changed: cursors, their overlap, older versions, and deletions that a source reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from hub.contract import Field, Page, Query, Resource, Settings, Spec
from hub.errors import Retriable
from tests.faults.matrix import row
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns


@dataclass
class Feed:
    """A source in memory: what it gives next, and what it was asked."""

    cursor: str | None = "at"
    kind: str = "datetime"
    records: list[dict[str, Any]] = field(default_factory=list)
    deleted: tuple[str, ...] = ()
    token: str | None = None
    announced: int | None = None
    cut: bool = False
    asked: list[Query] = field(default_factory=list)

    @property
    def spec(self) -> Spec:
        return Spec(
            name="feed",
            title="Feed",
            summary="A source in memory",
            settings=Settings,
            resource=Settings,
            open=lambda context, settings, resources: self,
            describe=lambda context, settings, name, declared: self.resource(name),
        )

    def resource(self, name: str) -> Resource:
        fields = tuple(Field(one) for one in ("id", "name", "tax", "city", "parent"))
        if self.cursor and self.kind:
            fields += (Field(self.cursor, self.kind),)  # type: ignore[arg-type]
        return Resource(name, ("id",), self.cursor, fields, deletes=True)

    def read(self, query: Query) -> Iterator[Page]:
        self.asked.append(query)
        lines = b"".join(orjson.dumps(record) + b"\n" for record in self.records)
        yield Page(lines, len(self.records), "feed", last=False, announced=self.announced)
        if not self.cut:
            yield Page(b"", 0, "feed", last=True, token=self.token, deleted=self.deleted)

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def feed(world: World) -> Feed:
    made = Feed()
    world.modules["feed"] = made.spec
    world.write("config/systems/live.yaml", "system: live\nconnector: feed\nresources: {suppliers: {}}\n")
    world.mapping(SUPPLIERS.replace("erp.", "live."), absent="delete", overlap="10m")
    return made


def record(key: str, at: Any, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": f"S{key}", "at": at, **more}


def given(world: World, feed: Feed, *records: dict[str, Any], mode: str = "incremental") -> Any:
    feed.records = list(records)
    return world.run(mode=mode)


def test_a_run_begins_at_the_watermark_less_the_overlap(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"), record("2", "2026-01-01T12:00:00Z"))
    given(world, feed, record("2", "2026-01-01T12:00:00Z"), record("3", "2026-01-01T12:30:00Z"))
    given(world, feed)
    assert [query.since for query in feed.asked] == [None, "2026-01-01T11:50:00Z", "2026-01-01T12:20:00Z"]
    assert set(world.golden()) == {"1", "2", "3"}


def test_what_the_overlap_gives_again_is_unchanged(world: World, feed: Feed):
    first = record("1", "2026-01-01T10:00:00Z")
    given(world, feed, first)
    assert some(given(world, feed, first)) == {"read": 1, "unchanged": 1}


def test_a_full_run_reads_everything(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"))
    given(world, feed, record("1", "2026-01-01T10:00:00Z"), mode="full")
    assert [query.since for query in feed.asked] == [None, None]


def test_a_changed_mapping_reads_everything(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"))
    text = SUPPLIERS.replace("erp.", "live.").replace("trim(name)", "upper(name)")
    world.mapping(text, absent="delete", overlap="10m")
    given(world, feed, record("1", "2026-01-01T10:00:00Z"))
    assert [query.since for query in feed.asked] == [None, None]


@row(8, "the source stops between pages")
def test_a_cut_read_applies_nothing_and_keeps_the_watermark(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"))
    before = world.dump()
    feed.cut = True
    with pytest.raises(Retriable) as caught:
        given(world, feed, record("1", "2026-02-01T10:00:00Z", city="Bonn"))
    assert (caught.value.code, world.dump()) == ("page.cut", before)


@row(34, "fewer records than announced")
def test_fewer_records_than_announced_are_no_snapshot(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"), record("2", "2026-01-01T10:00:00Z"))
    feed.announced = 2
    result = given(world, feed, record("1", "2026-01-01T10:00:00Z"), mode="full")
    assert some(result) == {"read": 1, "unchanged": 1}
    assert [note for note in result.notes if "not complete" in note]
    assert world.golden()["2"]["_state"] == 0


@row(19, "an older version after a newer one")
def test_an_older_version_does_not_overwrite_a_newer_one(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T12:00:00Z", city="new"))
    result = given(world, feed, record("1", "2026-01-01T11:55:00Z", city="old"))
    assert some(result) == {"read": 1, "superseded": 1}
    assert world.golden()["1"]["city"] == "new"


@row(27, "offsets are compared as times")
def test_times_are_compared_as_times(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T12:00:00+08:00", city="old"))
    assert some(given(world, feed, record("1", "2026-01-01T05:00:00Z", city="new")), "updated") == {
        "updated": 1
    }


@pytest.mark.parametrize("kind", ["integer", ""])
def test_numbers_are_compared_as_numbers(world: World, feed: Feed, kind: str):
    feed.kind = kind
    given(world, feed, record("1", 9, city="old"))
    assert some(given(world, feed, record("1", 10, city="new")), "updated") == {"updated": 1}
    assert some(given(world, feed, record("1", 9, city="old")), "superseded") == {"superseded": 1}
    assert [query.since for query in feed.asked] == [None, "9", "10"]


@pytest.mark.parametrize("kind", ["datetime", "text", "integer", ""])
def test_a_record_without_a_cursor_value_is_neither_older_nor_newer(world: World, feed: Feed, kind: str):
    feed.kind = kind
    given(world, feed, record("1", None, city="a"), record("2", "3"), record("1", None, city="b"))
    result = given(world, feed, record("1", "5", city="c"), record("2", None, city="d"))
    assert some(result) == {"read": 2, "applied": 2, "updated": 2}
    assert {code: row["city"] for code, row in world.golden().items()} == {"1": "c", "2": "d"}


def test_a_token_is_given_back(world: World, feed: Feed):
    feed.token = "delta-1"
    given(world, feed, record("1", "2026-01-01T10:00:00Z"))
    feed.token = None
    given(world, feed)
    assert (feed.asked[1].token, feed.asked[1].since) == ("delta-1", None)


def test_what_a_source_reports_as_deleted_is_absent(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"), record("2", "2026-01-01T10:00:00Z"))
    feed.deleted = ("2", "never-seen")
    result = given(world, feed, record("1", "2026-01-01T11:00:00Z", city="Bonn"))
    assert some(result) == {"read": 1, "applied": 1, "updated": 1, "absent": 1, "deleted": 1}
    assert {code: row["_state"] for code, row in world.golden().items()} == {"1": 0, "2": 2}


@row(19, "a deletion and the record in one read")
def test_what_a_source_reports_as_deleted_and_gives_is_there(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z"))
    feed.deleted = ("1",)
    given(world, feed, record("1", "2026-01-01T11:00:00Z"))
    assert world.golden()["1"]["_state"] == 0


def test_a_waiting_record_goes_on_though_it_is_behind_the_watermark(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z", parent="9"))
    result = given(world, feed, record("9", "2026-01-01T12:00:00Z"))
    assert some(result) == {"read": 2, "applied": 2, "created": 2}
    assert (set(world.golden()), world.held()) == ({"1", "9"}, [])


@row(19, "a waiting record")
def test_of_a_waiting_record_the_newer_version_counts(world: World, feed: Feed):
    given(world, feed, record("1", "2026-01-01T10:00:00Z", parent="9"))
    given(world, feed, record("9", "2026-01-01T12:00:00Z"), record("1", "2026-01-01T12:00:00Z", city="new"))
    assert (world.golden()["1"]["city"], world.golden()["1"]["parent"]) == ("new", None)
    assert world.held() == []


PASS = """
    mapping: erp-to-crm
    from: erp.suppliers
    into: crm.accounts
    key: code
    fields: {code: id, name: upper(name), city: city}
"""


class TestPassThrough:
    @pytest.fixture(autouse=True)
    def crm(self, world: World) -> None:
        from tests.unit.exchange.target import Crm

        self.crm = Crm()
        world.modules["crm"] = self.crm.spec
        world.write("config/systems/crm.yaml", "system: crm\nconnector: crm\nresources: {accounts: {}}\n")
        world.mapping(PASS)

    def sent(self, world: World, *records: dict[str, Any]) -> Any:
        return world.first("erp.suppliers", *records, mapping="erp-to-crm")

    def test_records_go_from_one_system_to_the_other(self, world: World):
        assert some(self.sent(world, record("1", None), record("2", None)), "created") == {"created": 2}
        assert self.crm.named() == {"1": "S1", "2": "S2"}
        result = self.sent(world, record("1", None, name="x"), record("2", None))
        assert some(result) == {"read": 2, "applied": 1, "updated": 1, "unchanged": 1}
        assert self.crm.named() == {"1": "X", "2": "S2"}

    def test_bad_records_are_listed_and_the_others_go(self, world: World):
        world.mapping(PASS.replace("city: city", "city: CAST(CAST(city AS INTEGER) AS VARCHAR)"))
        result = self.sent(world, record("1", None, city="seven"), record("2", None), {"name": "nobody"})
        assert some(result, "created", "quarantined") == {"created": 1, "quarantined": 2}
        assert len(world.held("erp-to-crm")) == 2
        assert some(world.run("erp-to-crm"), "created", "quarantined") == {"created": 0, "quarantined": 2}
        assert len(world.held("erp-to-crm")) == 2

    def test_a_rejected_row_is_tried_again_when_it_changes(self, world: World):
        self.crm.answers["1"] = ["rejected"]
        assert some(self.sent(world, record("1", None)), "quarantined") == {"quarantined": 1}
        assert len(world.held("erp-to-crm")) == 1
        self.sent(world, record("1", None, name="better"))
        assert (self.crm.named(), world.held("erp-to-crm")) == ({"1": "BETTER"}, [])


def test_an_incremental_read_leaves_entries_of_what_it_did_not_read(world: World, feed: Feed):
    nobody = {"name": "Nobody", "at": "2026-01-01T10:00:00Z"}
    given(
        world,
        feed,
        record("1", "2026-01-01T10:00:00Z"),
        nobody,
        record("2", "2026-01-01T10:00:00Z", name=None),
    )
    given(world, feed, record("3", "2026-01-01T12:00:00Z"))
    assert [entry["key"] for entry in world.held()] == ["", "2"]
    given(world, feed, nobody, {"name": "Nothing", "at": "2026-01-01T13:00:00Z"})
    assert [entry["key"] for entry in world.held()] == ["", "", "2"]
    given(world, feed, record("1", "2026-01-01T10:00:00Z"), mode="full")
    assert world.held() == []
