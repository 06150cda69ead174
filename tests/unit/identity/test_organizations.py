"""Organizations: trees, paths, subtrees, searches and changes."""

from __future__ import annotations

import uuid
from typing import Any

from hub.identity.trees import Tree
from tests.unit.identity.conftest import TREE, Registry


def keys(items: list[dict[str, Any]]) -> list[str]:
    return [one["key"] for one in items]


def test_a_tree_is_walked_from_its_tops(shared: Registry):
    tops = shared.get("/organizations")["items"]
    found = {(one["key"], one["children"], one["external"]) for one in tops}
    assert found == {("group", 2, False), ("acme", 0, True)}
    assert sorted(keys(shared.get("/organizations/group/children")["items"])) == ["plant", "sales"]
    told = shared.get("/organizations/line1")
    assert (told["name"], keys(told["path"])) == ("Line1", ["group", "plant", "line1"])
    assert told["parent"] == told["path"][1]["id"]
    assert keys(shared.get(f"/organizations/{told['id']}/path")["items"]) == ["group", "plant", "line1"]


def test_a_subtree_comes_level_by_level_in_pages(shared: Registry):
    whole = shared.get("/organizations/group/subtree")["items"]
    assert [one["depth"] for one in whole] == [0, 1, 1, 2]
    assert {(one["key"], one["depth"]) for one in whole} == {("group", 0), ("plant", 1), ("sales", 1), ("line1", 2)}
    assert sorted(keys(shared.get("/organizations/group/subtree", depth=1)["items"])) == ["group", "plant", "sales"]
    first = shared.get("/organizations/group/subtree", limit=3)
    rest = shared.get("/organizations/group/subtree", limit=3, cursor=first["next"])
    assert (keys(first["items"] + rest["items"]), rest["next"]) == (keys(whole), None)


def test_organizations_are_found_by_a_part_of_their_name(shared: Registry):
    assert keys(shared.get("/organizations", q="LAN")["items"]) == ["plant"]
    assert sorted(keys(shared.get("/organizations", q="l", below="plant")["items"])) == ["line1", "plant"]
    assert keys(shared.get("/organizations", q="%")["items"]) == []


def test_dimensions_are_trees_of_their_own(shared: Registry):
    assert keys(shared.get("/organizations/de", dimension="legal")["path"]) == ["cn", "de"]
    assert shared.get("/organizations/de", status=404)["code"] == "organization.unknown"
    assert shared.get("/organizations", status=404, dimension="project")["code"] == "dimension.unknown"
    few = shared.key("few-models", "people:read", models=["unit", "person"])
    assert shared.get("/organizations", few, 404, dimension="legal")["code"] == "dimension.unknown"


def test_a_confined_key_sees_its_part_of_the_tree(shared: Registry):
    plant = shared.key("plant-tree", "people:read", organizations=["plant"])
    assert keys(shared.get("/organizations", plant)["items"]) == ["plant"]
    assert keys(shared.get("/organizations/line1", plant)["path"]) == ["plant", "line1"]
    assert shared.get("/organizations/plant", plant)["parent"] is None
    assert keys(shared.get("/organizations", plant, q="s")["items"]) == []
    for unseen in ("group", "sales", shared.get("/organizations/sales")["id"]):
        assert shared.get(f"/organizations/{unseen}", plant, 404)["code"] == "organization.unknown"
    assert shared.get("/organizations", plant, dimension="legal")["items"] == []


def test_changes_tell_what_moved_and_what_is_gone(office: Registry):
    begun = office.get("/organizations/changes")
    assert sorted(keys(begun["items"])) == sorted(TREE)
    gone = office.get("/organizations/acme")["id"]
    units = {**TREE, "line1": "sales"}
    office.put("hr.units", *({"id": one, "name": one.title(), "parent": above, "partner": False}
                             for one, above in units.items() if one != "acme"))  # fmt: skip
    office.run("units", "full")
    told = office.get("/organizations/changes", since=begun["next"])
    assert (keys(told["items"]), told["removed"]) == (["line1"], [gone])
    assert keys(office.get("/organizations/line1/path")["items"]) == ["group", "sales", "line1"]
    assert keys(office.get("/organizations/plant/children")["items"]) == []


def test_a_ring_ends_where_it_began():
    one, two, three = (uuid.UUID(int=number) for number in (1, 2, 3))
    tree = Tree()
    tree.put([(one, 0, two), (two, 0, one), (three, 0, one)])
    assert tree.path(three) == [two, one, three]
    assert [each for each, _ in tree.subtree(one)] == [one, two, three]
    assert not tree.inside(one, {three})
    tree.put([(two, 0, None), (three, 2, None)])
    assert (tree.path(one), tree.children(None)) == ([two, one], [two])
