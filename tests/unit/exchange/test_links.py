"""Cross-reference tables and baselines: what belongs together is known before values flow."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest

from hub.errors import Held
from hub.exchange.contents import contents
from hub.exchange.decisions.crossref import Imported, plan_links
from hub.exchange.decisions.linktable import COLUMNS, export_links
from hub.exchange.judging.approval import approve
from hub.exchange.matching.matchreport import rows_of
from hub.exchange.spreadsheet import write_rows
from hub.store.linking import coverage
from hub.store.matched import of_run
from hub.store.reports import find_plan
from tests.unit.exchange.test_matching import ACME, FROM_CRM, crm
from tests.unit.exchange.test_merges import ids, merge, shop
from tests.unit.exchange.world import SUPPLIERS, World, some

pytestmark = pytest.mark.by_turns

__all__ = ["crm"]
BEST = {"id": "2", "name": "Best", "tax": "T2"}


def planned(world: World, text: str, place: str | None = "crm-suppliers") -> Imported:
    file = world.folder / "links.csv"
    file.write_text(text, encoding="utf-8")
    if not world._migrated:
        world.fill()
    with world.opened() as opened:
        return plan_links(opened.hub, file, place, "from the old table")


def imported(world: World, text: str, place: str | None = "crm-suppliers") -> Imported:
    """Planned, and applied."""
    found = planned(world, text, place)
    for one in found.plans:
        assert one.plan is not None
        world.apply(one.plan)
    return found


def linked(world: World) -> list[tuple[object, ...]]:
    return world.rows("""SELECT s.key, e.code FROM shadow s JOIN source o ON o.id = s.source
        JOIN e_supplier e ON e._id = s.entity WHERE o.exchange = 'crm-suppliers' ORDER BY s.key""")


def test_an_imported_link_is_followed_when_its_record_comes(world: World):
    world.first("erp.suppliers", ACME, BEST)
    plan = imported(world, "key,code\nA,2\n")
    assert (plan.counts, plan.conflicts) == ({"unseen": 1}, 0)
    # Its name and city say ACME: who imported the link knew better.
    alike = {"id": "A", "name": "ACME", "city": "Bonn"}
    result = world.first("crm.accounts", alike, mapping="crm-suppliers")
    assert some(result, "linked", "created", "in_review") == {"linked": 1, "created": 0, "in_review": 0}
    assert linked(world) == [("A", "2")]


def test_entities_are_named_by_id_too(world: World):
    world.first("erp.suppliers", ACME)
    imported(world, f"exchange,key,entity\ncrm.accounts,A,{ids(world)['1']}\n", None)
    world.first("crm.accounts", {"id": "A", "name": "other"}, mapping="crm-suppliers")
    assert linked(world) == [("A", "1")]


def test_every_line_that_cannot_be_is_told_with_its_number(world: World):
    world.first("erp.suppliers", ACME, BEST)
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm-suppliers")
    plan = planned(world, "key,code\nA,1\nA,2\nB,1\nC,9\n,1\nD,2\nE,2\nF\n")
    assert [(one.line, one.verdict) for one in plan.shown] == [
        (3, "elsewhere"),
        (4, "taken"),
        (5, "unknown"),
        (6, "incomplete"),
        (7, "twice"),
        (8, "twice"),
        (9, "incomplete"),
    ]
    assert plan.counts["linked"] == 1


def test_nothing_is_written_while_a_line_contradicts(world: World):
    world.first("erp.suppliers", ACME)
    before = world.dump()
    assert (planned(world, "key,code\nA,1\nB,9\n").plans, world.one("SELECT count(*) FROM plan")) == ((), 0)
    assert world.dump() == before


def test_looking_at_an_import_changes_nothing(world: World):
    world.first("erp.suppliers", ACME)
    before = world.dump()
    first, again = (planned(world, "key,code\nA,1\n") for _ in range(2))
    assert (first.counts, first.plans[0].plan) == ({"unseen": 1}, again.plans[0].plan)
    assert world.dump() == before


def test_a_plan_shows_its_links_and_its_run_counts_them(world: World):
    world.mapping(FROM_CRM, unmatched="ignore")
    world.first("erp.suppliers", ACME, BEST)
    world.first("crm.accounts", {"id": "A", "name": "x"}, mapping="crm-suppliers")
    (made,) = planned(world, "key,code\nA,1\nB,2\n").plans
    assert made.plan is not None
    with world.opened() as opened:
        (part,) = contents(opened.hub, find_plan(opened.hub.database, str(made.plan))).parts
    shown = [(one.operation, one.key, one.fields[0].field, one.fields[0].new) for one in part.changes]
    assert shown == [("link", "A", "supplier", "1"), ("link", "B", "supplier", "2")]
    assert some(world.apply(made.plan)) == {"read": 2, "applied": 2, "linked": 2}
    told = world.rows("SELECT reason FROM audit WHERE action = 'links.imported'")
    world.run("crm-suppliers")
    assert (linked(world), told) == ([("A", "1")], [("from the old table",)])


def test_what_was_linked_or_deleted_since_is_refused_and_listed(world: World):
    world.mapping(SUPPLIERS, absent="delete")
    world.mapping(FROM_CRM, unmatched="ignore")
    world.first("erp.suppliers", ACME, BEST, {"id": "3", "name": "Third"})
    records = [{"id": key, "name": "x"} for key in "ABC"]
    world.first("crm.accounts", *records, mapping="crm-suppliers")
    (made,) = planned(world, "key,code\nA,1\nB,2\nC,3\n").plans
    assert made.plan is not None
    imported(world, "key,code\nD,1\n")
    world.first("crm.accounts", *records, {"id": "D", "name": "x"}, mapping="crm-suppliers")
    world.first("erp.suppliers", ACME, {"id": "3", "name": "Third"})
    result = world.apply(made.plan)
    assert some(result) == {"read": 3, "applied": 1, "linked": 1, "refused": 2}
    assert [(one["key"], one["code"], one["position"]) for one in world.held("crm-suppliers")] == [
        ("A", "plan.changed", "links.csv:2"),
        ("B", "plan.changed", "links.csv:3"),
    ]
    world.run("crm-suppliers")
    assert linked(world) == [("C", "3"), ("D", "1")]


def test_what_somebody_decided_is_not_contradicted(world: World):
    world.first("erp.suppliers", ACME, BEST)
    imported(world, "key,code\nA,1\n")
    assert planned(world, "key,code\nA,1\n").counts == {"said": 1}
    assert planned(world, "key,code\nA,2\n").counts == {"elsewhere": 1}


@pytest.mark.parametrize(("guard", "held"), [("{link: 1}", True), ("{link: 2}", False), ("{link: 0}", True)])
def test_an_import_is_held_by_the_guard_and_passes_with_an_approval(world: World, guard: str, held: bool):
    world.first("erp.suppliers", ACME, BEST)
    world.mapping(FROM_CRM, guard=guard)
    (made,) = planned(world, "key,code\nA,1\nB,2\n").plans
    assert made.plan is not None
    if held:
        with pytest.raises(Held, match="2 records to link"):
            world.apply(made.plan)
        assert world.one("SELECT count(*) FROM decision") == 0
        with world.opened(actor="bob") as opened:
            row = find_plan(opened.hub.database, str(made.plan))
            approve(opened.hub, row, "counted by hand", dt.timedelta(hours=1))
    world.apply(made.plan)
    assert world.one("SELECT count(*) FROM decision") == 2


def test_a_file_about_several_exchanges_makes_a_plan_for_each(world: World):
    target = shop(world)
    target.rows["C7"] = {"code": "old", "name": "Acme", "city": None}
    world.first("erp.suppliers", ACME, BEST)
    found = planned(world, "exchange,key,code\ncrm-suppliers,A,1\nto-crm,C7,2\n", None)
    assert [(one.exchange, one.counts["applied"]) for one in found.plans] == [("crm-suppliers", 1), ("to-crm", 1)]
    for one in found.plans:
        assert one.plan is not None
        world.apply(one.plan)
    assert world.rows("SELECT foreign_id FROM shadow WHERE foreign_id IS NOT NULL") == [("C7",)]


def test_the_same_import_twice_changes_nothing(world: World):
    world.first("erp.suppliers", ACME)
    imported(world, "key,code\nA,1\n")
    world.first("crm.accounts", {"id": "A", "name": "x"}, mapping="crm-suppliers")
    before = world.dump(without=("run", "plan", "source", "lease", "audit", "audit_head"))
    assert imported(world, "key,code\nA,1\nA,1\n").counts == {"linked": 2}
    assert world.dump(without=("run", "plan", "source", "lease", "audit", "audit_head")) == before


def test_objects_of_a_target_are_updated_instead_of_made_again(world: World):
    target = shop(world)
    target.rows["C7"] = {"code": "old", "name": "Acme", "city": None}
    target.versions["C7"] = 1
    world.first("erp.suppliers", ACME, BEST)
    imported(world, "key,code\nC7,1\n", "to-crm")
    world.run("to-crm")
    assert target.rows["C7"]["name"] == "ACME"
    assert len(target.rows) == 2


def test_an_export_is_what_an_import_reads(world: World, tmp_path: Path):
    world.first("erp.suppliers", ACME)
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm-suppliers")
    with world.opened() as opened:
        (row,) = export_links(opened.hub, "crm-suppliers")
    assert row == ("crm-suppliers", "A", str(ids(world)["1"]))
    plan = imported(world, "exchange,key,entity\n" + ",".join(row) + "\n", None)
    assert plan.counts == {"linked": 1}


def test_a_key_that_looks_like_a_formula_comes_back_as_it_was(world: World):
    world.first("erp.suppliers", ACME)
    world.first("crm.accounts", ACME | {"id": "=A1"}, mapping="crm-suppliers")
    out = io.StringIO()
    with world.opened() as opened:
        assert write_rows(out, COLUMNS, export_links(opened.hub, "crm-suppliers")) == 1
    assert "\"'=A1\"" in out.getvalue()
    assert imported(world, out.getvalue(), None).counts == {"linked": 1}


def test_what_was_merged_away_is_exported_and_imported_as_what_it_is_now(world: World):
    world.first("erp.suppliers", ACME, BEST)
    world.first("crm.accounts", ACME | {"id": "A"}, mapping="crm-suppliers")
    before = ids(world)
    merge(world, "2", "1")
    with world.opened() as opened:
        rows = list(export_links(opened.hub))
    survivor = str(before["2"])
    assert rows == [
        ("crm-suppliers", "A", survivor),
        ("suppliers", "1", survivor),
        ("suppliers", "2", survivor),
    ]
    text = "exchange,key,entity\n" + "".join(",".join(row) + "\n" for row in rows)
    assert imported(world, text, None).counts == {"linked": 3}
    assert imported(world, f"key,entity\nA,{before['1']}\n").counts == {"linked": 1}


# ---------------------------------------------------------------- baselines


def baseline(world: World) -> None:
    """A matches by its tax number, B fits two, C fits none; Third has no record."""
    world.mapping(SUPPLIERS, match="[]")
    twin = {"name": "Twin", "city": "Ulm"}
    world.first("erp.suppliers", ACME, {"id": "5", **twin}, {"id": "6", **twin}, {"id": "7", "name": "Third"})
    world.mapping(FROM_CRM, mode="link_only", absent="delete")
    world.put("crm.accounts", ACME | {"id": "A", "name": "new"}, {"id": "B", **twin}, {"id": "C", "name": "C"})


def test_a_baseline_reports_both_sides(world: World):
    baseline(world)
    before = world.golden()
    result = world.run("crm-suppliers")
    with world.opened() as opened:
        (report,) = of_run(opened.hub.database, result.run)
        rows = {(row[0], row[1]): row[2] for row in rows_of(opened.hub, report)}
    told = report.report
    assert told["situations"] == {"match.ambiguous": 1, "unlinked": 1, "unmatched": 1}
    assert (told["rules"], told["samples"]["unmatched"]) == ({"tax": 1}, ["C"])
    assert (told["entities"], told["with_record"], told["without_record"]) == (4, 1, 3)
    assert rows == {
        ("record", "A"): "unlinked",
        ("record", "B"): "match.ambiguous",
        ("record", "C"): "unmatched",
        **{("entity", code): "without record" for code in ("5", "6", "7")},
    }
    assert world.golden() == before


def test_a_baseline_writes_no_value_and_reacts_to_no_absence(world: World):
    baseline(world)
    world.run("crm-suppliers")
    before = world.golden()
    world.first("crm.accounts", {"id": "C", "name": "C"}, mapping="crm-suppliers")
    assert world.golden() == before


def test_a_plan_of_a_baseline_plans_a_baseline(world: World):
    baseline(world)
    plan = world.plan("crm-suppliers")
    assert world.one("SELECT count(*) FROM match_report") == 1
    before = world.golden()
    assert some(world.apply(plan), "created", "linked") == {"created": 0, "linked": 1}
    assert (world.golden(), linked(world)) == (before, [("A", "1")])


def test_links_cover_both_sides(world: World):
    baseline(world)
    world.run("crm-suppliers")
    with world.opened() as opened:
        (found,) = coverage(opened.hub.database, "crm-suppliers")
    assert (found.records, found.linked, found.entities, found.covered) == (1, 1, 4, 1)
