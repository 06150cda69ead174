"""What may count as absent: a snapshot that is proven complete, at the place it came from before, in time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from hub.contract import Field, Page, Probe, Query, Resource, Settings, Spec
from hub.errors import Held, Retriable
from tests.unit.exchange.test_approvals import approve
from tests.unit.exchange.test_guard import many
from tests.unit.exchange.world import FIELDS, SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

NAMES = ("id", "name", "tax", "city", "parent")


class _Declared(Settings):
    """Nothing is declared about a resource."""


@dataclass
class Liar:
    """A source of pages that announces what it is told to, and drops or repeats pages."""

    pages: list[list[dict[str, Any]]] = field(default_factory=list)
    announced: list[int | None] = field(default_factory=list)
    cut: bool = False

    @property
    def spec(self) -> Spec:
        return Spec(
            name="liar",
            title="Liar",
            summary="A source that lies",
            settings=Settings,
            resource=_Declared,
            open=lambda context, settings, resources: self,
            describe=lambda context, settings, name, declared: self.resource(name),
        )

    def check(self) -> list[Probe]:
        return []

    def resource(self, name: str) -> Resource:
        return Resource(name, key=("id",), fields=tuple(Field(one) for one in NAMES), counts=True)

    def read(self, query: Query) -> Iterator[Page]:
        for number, records in enumerate(self.pages):
            last = number == len(self.pages) - 1 and not self.cut
            announced = self.announced[min(number, len(self.announced) - 1)] if self.announced else None
            lines = b"".join(orjson.dumps(one) + b"\n" for one in records)
            yield Page(lines, len(records), f"page {number + 1}", last=last, announced=announced)

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def liar(world: World) -> Liar:
    """A source with ten records on two pages, read once."""
    made = Liar([many(10)[:5], many(10)[5:]], [10])
    world.modules["liar"] = made.spec
    world.write("config/systems/erp.yaml", "system: erp\nconnector: liar\nresources: {suppliers: {}}")
    world.mapping(SUPPLIERS, absent="delete")
    world.run()
    return made


def states(world: World) -> dict[str, int]:
    return {code: row["_state"] for code, row in world.golden().items()}


def nothing_is_gone(world: World, why: str) -> None:
    """Absence does not count, and the run says why."""
    result = world.run()
    assert some(result, "absent", "deleted") == {"absent": 0, "deleted": 0}
    assert [note for note in result.notes if why in note], result.notes
    assert set(states(world).values()) == {0}


def test_a_page_that_comes_twice_stands_for_one_that_did_not_come(world: World, liar: Liar):
    liar.pages[1] = liar.pages[0]
    nothing_is_gone(world, "5 different records read, 10 announced")


def test_fewer_records_than_announced_are_no_snapshot(world: World, liar: Liar):
    liar.pages = [many(5)]
    nothing_is_gone(world, "5 different records read, 10 announced")


def test_the_largest_number_announced_has_to_be_reached(world: World, liar: Liar):
    liar.pages, liar.announced = [many(4), many(5)[4:]], [10, 5]
    nothing_is_gone(world, "5 different records read, 10 announced")


def test_more_records_than_announced_came_while_it_read(world: World, liar: Liar):
    liar.pages, liar.announced = [many(8)], [7]
    assert some(world.run(), "absent", "deleted") == {"absent": 2, "deleted": 2}


def test_a_record_without_key_could_be_any_of_them(world: World, liar: Liar):
    liar.pages, liar.announced = [[*many(9), {"id": None, "name": "who"}]], [10]
    nothing_is_gone(world, "1 records have no key")


def test_an_empty_answer_deletes_nothing(world: World, liar: Liar):
    liar.pages, liar.announced = [[]], [0]
    nothing_is_gone(world, "no record where it had 10")


def test_pages_that_are_cut_are_not_used(world: World, liar: Liar):
    liar.cut = True
    before = world.dump()
    with pytest.raises(Retriable, match="stopped in the middle"):
        world.run()
    assert world.dump() == before


# ---------------------------------------------------------------- canaries


def test_a_canary_that_is_missing_stops_absence(world: World):
    world.mapping(SUPPLIERS, absent="delete", canaries="[8, 9]")
    world.first("erp.suppliers", *many(10))
    world.put("erp.suppliers", *many(9))
    nothing_is_gone(world, "not there: 9")
    assert world.first("erp.suppliers", *many(10)[5:]).counts["deleted"] == 5


def test_a_canary_holds_the_run_where_that_is_written(world: World):
    world.mapping(SUPPLIERS, absent="delete", canaries="{keys: [9], missing: hold}")
    world.first("erp.suppliers", *many(10))
    world.put("erp.suppliers", *many(9, city="Bonn"))
    before = world.dump()
    with pytest.raises(Held, match="not there: 9") as caught:
        world.run()
    assert world.dump() == before
    plan = uuid.UUID(caught.value.plan)
    approve(world, plan)
    assert some(world.apply(plan), "updated", "deleted") == {"updated": 9, "deleted": 0}


def canaries_of(world: World, resource: str, text: str) -> None:
    """Canaries where the resource is declared."""
    path = world.folder / "config/systems/erp.yaml"
    lines = path.read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"  {resource}: {{"))
    lines[at] = lines[at].removesuffix("}") + f", canaries: {text}}}"
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_canaries_of_the_resource_and_of_the_mapping_both_count(world: World):
    canaries_of(world, "suppliers", "[8]")
    world.mapping(SUPPLIERS, absent="delete", canaries="[9]")
    world.first("erp.suppliers", *many(10))
    world.put("erp.suppliers", *many(9))
    nothing_is_gone(world, "not there: 9, which every complete snapshot holds (canaries)")
    world.put("erp.suppliers", *(one for one in many(10) if one["id"] != "8"))
    nothing_is_gone(world, "not there: 8, which every complete snapshot holds (canaries of erp.suppliers)")
    world.put("erp.suppliers", *many(8))
    nothing_is_gone(world, "not there: 8")
    nothing_is_gone(world, "not there: 9")
    assert world.first("erp.suppliers", *many(10)[5:]).counts["deleted"] == 5


def test_a_canary_of_the_resource_may_hold_the_run(world: World):
    canaries_of(world, "suppliers", "{keys: [9], missing: hold}")
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", *many(10))
    world.put("erp.suppliers", *many(9))
    with pytest.raises(Held, match="not there: 9"):
        world.run()


def test_a_canary_of_the_resource_is_known_by_the_resources_own_key(world: World):
    canaries_of(world, "suppliers", "[9]")
    world.mapping(SUPPLIERS, absent="delete", key="name")
    world.first("erp.suppliers", *many(10))
    world.put("erp.suppliers", *many(9))
    nothing_is_gone(world, "not there: 9")
    assert world.first("erp.suppliers", *many(10)[1:]).counts["deleted"] == 1


def test_the_canaries_of_what_is_joined_are_looked_for_too(world: World):
    world.files("erp", suppliers=FIELDS, banks="{id: text, supplier: text, iban: text}")
    canaries_of(world, "banks", "[b2]")
    joined = "\n  bank: {from: erp.banks, on: bank.supplier = id}"
    world.mapping(SUPPLIERS, absent="delete", **{"with": joined})
    banks = [{"id": f"b{number}", "supplier": str(number), "iban": "DE"} for number in range(3)]
    world.put("erp.banks", *banks)
    world.first("erp.suppliers", *many(10))
    world.put("erp.banks", *banks[:2])
    world.put("erp.suppliers", *many(9))
    nothing_is_gone(world, "not there: b2, which every complete snapshot holds (canaries of erp.banks)")
    world.put("erp.banks", *banks)
    assert world.run().counts["deleted"] == 1


def test_other_canaries_are_no_other_place(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", *many(10))
    canaries_of(world, "suppliers", "[0]")
    assert world.first("erp.suppliers", *many(9)).counts["deleted"] == 1


# ---------------------------------------------------------------- belief


def test_a_source_that_shrank_by_half_is_not_believed(world: World):
    world.mapping(SUPPLIERS, absent="{reaction: delete, grace: 7d}", guard="{delete: 90%}")
    world.first("erp.suppliers", *many(120))
    world.put("erp.suppliers", *many(59))
    with pytest.raises(Held, match="shrank from 120 to 59") as caught:
        world.run()
    assert world.one("SELECT count(*) FROM shadow WHERE absent_at IS NOT NULL") == 0
    plan = uuid.UUID(caught.value.plan)
    approve(world, plan)
    world.apply(plan)
    assert world.one("SELECT count(*) FROM shadow WHERE absent_at IS NOT NULL") == 61
    assert world.one("SELECT snapshot FROM watermark") == 59


def test_what_is_ignored_may_shrink(world: World):
    world.first("erp.suppliers", *many(120))
    assert world.first("erp.suppliers", *many(20)).counts["absent"] == 100


def test_another_place_does_not_make_records_absent_by_itself(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", *many(10))
    path = world.folder / "config/systems/erp.yaml"
    path.write_text(path.read_text("utf-8").replace("erp-suppliers.ndjson", "other.ndjson"), "utf-8")
    (world.data / "other.ndjson").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in many(9)))
    with pytest.raises(Held, match="1 records are missing, and the source is another place") as caught:
        world.run()
    assert "resource" in caught.value.message
    approve(world, uuid.UUID(caught.value.plan))
    assert world.apply(uuid.UUID(caught.value.plan)).counts["deleted"] == 1
    assert some(world.run()) == {"read": 9, "unchanged": 9}


def test_limits_and_titles_of_a_system_are_not_its_place(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.first("erp.suppliers", *many(10))
    path = world.folder / "config/systems/erp.yaml"
    path.write_text(path.read_text("utf-8") + "\ntitle: Another\n", "utf-8")
    assert world.first("erp.suppliers", *many(9)).counts["deleted"] == 1


# ---------------------------------------------------------------- chains


def later(world: World, days: int) -> None:
    """The hub first missed what it misses so many days earlier."""
    with world.opened() as opened, opened.hub.database.begin() as connection:
        moment = "absent_at - interval '1 day' * :d"
        if opened.hub.database.dialect == "sqlite":
            moment = "strftime('%Y-%m-%d %H:%M:%f', absent_at, '-' || :d || ' days') || '000'"
        connection.execute(text(f"UPDATE shadow SET absent_at = {moment} WHERE absent_at IS NOT NULL"), {"d": days})


CHAIN = "[{reaction: disable, grace: 1d}, {reaction: delete, grace: 30d}, {reaction: unlink, grace: 90d}]"


def test_what_is_gone_is_disabled_then_deleted_then_forgotten(world: World):
    world.mapping(SUPPLIERS, absent=CHAIN)
    world.first("erp.suppliers", *many(3))
    told = [some(world.first("erp.suppliers", *many(2)), "absent", "disabled", "deleted", "unlinked")]
    for days in (2, 10, 20, 70, 10):
        later(world, days)
        told.append(some(world.run(), "absent", "disabled", "deleted", "unlinked"))
    assert [tuple(one.values()) for one in told] == [
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (0, 0, 0, 0),
    ]


def test_a_return_before_the_deletion_revives_and_begins_anew(world: World):
    world.mapping(SUPPLIERS, absent=CHAIN)
    world.first("erp.suppliers", *many(3))
    world.first("erp.suppliers", *many(2))
    later(world, 2)
    world.run()
    assert states(world)["2"] == 1
    identity = world.golden()["2"]["_id"]
    world.first("erp.suppliers", *many(3))
    assert (states(world)["2"], world.golden()["2"]["_id"]) == (0, identity)
    world.first("erp.suppliers", *many(2))
    later(world, 29)
    assert some(world.run(), "disabled", "deleted") == {"disabled": 1, "deleted": 0}
